/**
 * One lane: one policy on one machine over one trace with one seed. `step` is the semantics of the tool; its order is
 * written out below and nowhere else. Lanes share nothing that changes.
 */
import { Random } from '../columns/index.ts'
import { ABSENT, createLaneKernel, type KernelObserver, type LaneKernel } from '../kernel/index.ts'
import { type LanePolicy, type Pressure, type Rule, rulesOf, type Watermarks } from '../policy/index.ts'
import type { Kernels, Workspace } from '../wasm/index.ts'
import { AllocationRules } from './allocation-rules.ts'
import type { ReplayContext } from './context.ts'
import { ticksAhead } from './context.ts'
import { breakCopies, redirectReads, WritesDuringCopy } from './copies.ts'
import { EventPlayer } from './event-player.ts'
import { FirstTouches } from './first-touch.ts'
import { PlacementLog } from './heat.ts'
import { HintScanner } from './hint-scanner.ts'
import { TalliedFaults, type TallyHost } from './hint-tally.ts'
import { type LaneResult, laneResult } from './lane-result.ts'
import { stateIn } from './lane-state.ts'
import { Ledger, NOBODY } from './ledger.ts'
import type { MemoryTraffic } from './memory-traffic.ts'
import { NumaMapsLog } from './numa-maps-log.ts'
import { type Observer, observerFor } from './observe/observer.ts'
import { runningTables } from './running-tables.ts'
import { sampleOf } from './sample.ts'
import { StageLog } from './stage-log.ts'
import { Stretches } from './stretches.ts'
import { TaskTracker } from './task-tracker.ts'
import { accountTick, type LaneBlock } from './window.ts'
import { type WorldParts, worldOf } from './world.ts'

type RuleOf<K extends Rule['kind']> = Extract<Rule, { kind: K }>

interface Timer {
  rule: RuleOf<'every'>
  /** Policy clock, ns. */
  due: number
  observer?: Observer
}

export class Lane {
  readonly #context: ReplayContext
  /** They reach its arrays. */
  readonly kernels: Kernels
  readonly #policy: LanePolicy
  readonly #kernel: LaneKernel
  readonly #ledger: Ledger
  readonly #world: WorldParts
  readonly #rules: Rule[]
  readonly #schedule: RuleOf<'at'>[]
  readonly #timers: Timer[]
  readonly #scanners: HintScanner[]
  readonly #pressureRules: RuleOf<'pressure'>[]
  readonly #allocationRules: AllocationRules
  /** Absent where a page stands for others. */
  readonly #firstTouches?: FirstTouches
  /** Where the policy says which hint faults only count. */
  readonly #tallied?: TalliedFaults
  readonly #events: EventPlayer
  readonly #tasks: TaskTracker
  readonly #stageLog?: StageLog
  readonly #stretches?: Stretches
  readonly #numaMaps: NumaMapsLog
  readonly #placementLog?: PlacementLog
  /** Flyweight: valid during the call that receives it. */
  readonly #fault = {
    page: 0,
    node: 0,
    home: 0,
    task: 0,
    cpupid: 0,
    process: 0,
    isWrite: false,
    timeNs: 0,
    /** The faulting task pays. */
    migrate: (): boolean => {
      this.#ledger.payer = this.#fault.task
      const moved = this.#kernel.migrateMisplaced(this.#fault.page, this.#fault.node)
      this.#ledger.payer = NOBODY
      if (moved) this.#fault.home = this.#fault.node
      return moved
    },
  }
  readonly #writes: WritesDuringCopy
  /** Of the tick whose faults are taken. */
  #block?: LaneBlock
  #tick = 0
  /** Pages touched up to the end of the tick before. */
  #pagesSeen = 0
  #endNs = 0
  #policyNs = 0
  #status: LaneResult['status'] = 'ok'
  #message = ''

  /** `space`: where what kernels work on is made. */
  constructor(context: ReplayContext, policy: LanePolicy, space: Workspace) {
    const { trace, machine, actorNode, seed } = context
    this.#context = context
    this.kernels = space.kernels
    this.#policy = policy
    this.#ledger = new Ledger({
      machine,
      actorNode,
      actorTask: trace.actorTask,
      tasks: trace.tasks.length,
      pages: trace.meta.pages,
      pageSize: trace.meta.pageSize,
      ticksPerBin: context.ticksPerBin,
      label: policy.label,
      load: context.load,
      space,
      sample: sampleOf(trace),
    })
    this.#stageLog = context.followed && new StageLog(context, policy.label, context.followed)
    this.#writes = new WritesDuringCopy(machine, trace.meta.pageSize, new Random(seed, `${policy.label} writes during copies`))
    this.#kernel = createLaneKernel(machine, context.layout, {
      seed,
      isWritten: this.#writes.isWritten,
      label: policy.label,
      observer: this.#stageLog ? followedBy(this.#stageLog, this.#ledger) : this.#ledger,
      faultPlan: context.faultPlan,
      arrays: { u8: space.u8, u32: space.u32, kernels: space.kernels, later: stateIn(space) },
      onStage: this.#stageLog?.onStage,
    })
    this.#populate()
    this.#world = worldOf(context, this.#kernel, this.#ledger, policy.label, () => this.#policyNs, space)
    const rules = rulesOf(policy, this.#world.world)
    this.#rules = rules
    this.#schedule = ofKind(rules, 'at').sort((a, b) => a.timeNs - b.timeNs)
    this.#timers = ofKind(rules, 'every').map((rule, i) => ({ rule, due: rule.periodNs, observer: this.#observe(rule, i, space) }))
    this.#scanners = ofKind(rules, 'hint fault').map((rule) => new HintScanner(rule, this.#kernel, context.layout))
    this.#pressureRules = ofKind(rules, 'pressure')
    this.#allocationRules = new AllocationRules(ofKind(rules, 'allocation'), context)
    const isWhole = this.#ledger.groups === undefined
    const { tally } = this.#scanners.length === 1 ? this.#scanners[0]!.rule : {}
    if (isWhole) this.#firstTouches = new FirstTouches(context, this.#kernel, this.#ledger, this.#allocationRules, space)
    if (isWhole && tally) this.#tallied = TalliedFaults.for(tally, this.#tallyHost(), actorNode, machine.nodes.length, space)
    this.#tasks = new TaskTracker(context, ofKind(rules, 'task move'))
    this.#events = new EventPlayer(context, this.#kernel, ofKind(rules, 'cpuset change'), ofKind(rules, 'syscall'), (node, pages) =>
      this.#ledger.freed(node, pages),
    )
    this.#numaMaps = new NumaMapsLog(context, policy.label, this.#kernel)
    this.#placementLog = context.heat && new PlacementLog(context.heat, policy.label, machine, space)
    const bins = Math.ceil(trace.ticks / context.ticksPerBin)
    const running = runningTables(policy.label, context, this.#kernel, this.#ledger)
    this.#stretches = context.heat && new Stretches(bins, context.ticksPerBin, running, () => this.#ledger.groups?.closeStretch())
  }

  /** Pages that do not fit stay absent and are placed at their first touch. */
  #populate(): void {
    this.#context.placement?.node.forEach((node, page) => {
      if (node !== ABSENT && this.#kernel.populate(page, node)) this.#ledger.populated(page, node)
    })
  }

  #tallyHost(): TallyHost {
    const { actorNode, trace } = this.#context
    const kernel = this.#kernel
    return {
      placement: kernel.placement,
      marked: kernel.hintMarked.words,
      find: (block, from, to, arePlaced) => this.#find(block, from, to, arePlaced),
      take: (k) => this.#takeFault(k),
      counted: (actor, faults) => this.#ledger.hintFaults(faults, trace.actorTask[actor]!),
      took: (faults, local) => kernel.tookHintFaults(faults, local),
      mayMigrate: (taken, given) => kernel.mayMigrateMisplaced(taken, given),
      migrated: (actor, home, faults) => {
        const task = trace.actorTask[actor]!
        kernel.tookHintFaults(faults, 0)
        kernel.migrateManyMisplaced(home, actorNode[actor]!, faults)
        this.#ledger.hintFaults(faults, task)
        this.#ledger.promotedMany(task, home, actorNode[actor]!, faults)
      },
      moved: (pages, from, n) => this.#ledger.pingPong.movedMany(pages, from, n, kernel.placement),
    }
  }

  #observe(rule: RuleOf<'every'>, i: number, space: Workspace): Observer | undefined {
    if (!rule.observation) return undefined
    const { trace, machine, actorNode, seed, pace } = this.#context
    return observerFor(rule.observation, {
      pages: trace.meta.pages,
      nodes: machine.nodes.length,
      actorNode,
      ledger: this.#ledger,
      seed,
      stream: `${this.#policy.label} rule ${i}`,
      trace,
      space,
      placement: this.#kernel.placement,
      endOfEpoch: () => Math.round(this.#endNs * pace),
      present: () => this.#ledger.resident.reduce((sum, pages) => sum + pages, 0),
      ahead: (policyNs, visit) => ticksAhead(trace, this.#tick, this.#context.originNs + (this.#policyNs + policyNs) / pace, visit),
    })
  }

  /**
   * Its pages lie where they were put at first, and no scanner is there to make them follow, so that a count by node can be shared with
   * other such lanes.
   */
  get isStatic(): boolean {
    return this.#status === 'ok' && this.#ledger.isUndisturbed && this.#scanners.length === 0 && this.#ledger.groups === undefined
  }

  /** Where accesses are counted: by (actor << shift | node). */
  get traffic(): MemoryTraffic {
    return this.#ledger.traffic
  }

  /** Node of each page, or ABSENT. */
  get placement(): Uint8Array {
    return this.#kernel.placement
  }

  /** Replays tick `i` of `block`. */
  step(block: LaneBlock, i: number): void {
    if (!this.begin(block, i)) return
    this.count(block, i)
    this.end(block, i)
  }

  /** All of a tick before its accesses are counted; false when the lane ended. */
  begin(block: LaneBlock, i: number): boolean {
    if (this.#status !== 'ok') return false
    const startNs = block.startNs[i]!
    const sinceStart = startNs - this.#context.originNs
    this.#tick = block.firstTick + i
    this.#endNs = block.startNs[i + 1]! - this.#context.originNs
    this.#policyNs = Math.round(sinceStart * this.#context.pace)
    this.#kernel.now = this.#policyNs

    this.#ledger.openEpoch(block.startNs[i + 1]! - startNs)
    this.#writes.openEpoch(block, i)
    this.#stageLog?.at(sinceStart)
    this.#numaMaps.take(sinceStart)
    this.#kernel.applyPlannedStates(sinceStart)
    this.#world.deferral.run()
    this.#events.play(startNs) //                     1. trace events due at the boundary
    this.#tasks.report(this.#policyNs)
    this.#runTimers(sinceStart) //                    2. timers, in rule order
    this.#scan() //                                   3. the scanner marks pages
    this.#relievePressure() //                        4. reclaim
    this.#breakCopies(block, i) //                       writes free the copies of their pages
    this.#takeFaults(block, i) //                     5. faults, in order of first touch
    return this.#status === 'ok'
  } //                                                6. accounting: count and end

  #runTimers(sinceStart: number): void {
    while (this.#schedule.length > 0 && this.#schedule[0]!.timeNs <= sinceStart) this.#schedule.shift()!.act()
    for (const timer of this.#timers) {
      if (timer.due > this.#policyNs) continue
      // A period shorter than the epoch fires once per epoch
      timer.due += Math.ceil((this.#policyNs - timer.due + 1) / timer.rule.periodNs) * timer.rule.periodNs
      timer.rule.act(timer.observer?.look() as never)
      timer.observer?.clear()
    }
  }

  #scan(): void {
    const { placement, trace } = this.#context
    // ids are dense in order of first touch: what was touched is there, unless something took it
    const touched = placement === undefined ? this.#pagesSeen : trace.meta.pages
    const there = this.#ledger.groups === undefined && this.#ledger.present === touched ? touched : 0
    for (const scanner of this.#scanners) scanner.run(this.#policyNs, this.#tasks, there)
  }

  #relievePressure(): void {
    this.#kernel.reclaimCopies()
    for (const rule of this.#pressureRules) for (const pressure of pressureOn(this.#kernel, rule.marks)) rule.react(pressure)
  }

  #breakCopies(block: LaneBlock, i: number): void {
    const { copies } = this.#kernel
    if (copies !== null) breakCopies(copies, block, i, (page, actor) => this.#ledger.writeFault(page, this.#context.trace.actorTask[actor]!))
  }

  #takeFaults(block: LaneBlock, i: number): void {
    this.#tasks.touched(block, i)
    // every page that the trace has touched (or, if some were there before, will touch) is there, and nothing makes present pages fault
    const all = this.#context.placement === undefined ? block.pagesSeen[i] : this.#context.trace.meta.pages
    const areThere = this.#ledger.groups === undefined && this.#ledger.present === all
    if (this.#scanners.length === 0 && areThere) return
    this.#block = block
    this.#world.deferral.active = true
    // a reaction that is asked for each fault may look at free memory, and so may a rule: nothing may be ahead of either
    const mayPlace = this.#scanners.length === 0 || (this.#tallied !== undefined && this.#allocationRules.areNone)
    const arePlaced = areThere || (mayPlace && this.#firstTouches?.place(block, i) === true)
    if (this.#scanners.length > 0 || !arePlaced) {
      if (this.#tallied !== undefined) this.#tallied.take(block, i, arePlaced)
      else this.#takeEach(block, this.#find(block, block.touchStart[i]!, block.touchStart[i + 1]!, arePlaced))
    }
    this.#world.deferral.active = false
  }

  /** Lists those of touches [from, to) that fault. `arePlaced`: all of their pages are there. */
  #find({ touchPage, faulting }: LaneBlock, from: number, to: number, arePlaced: boolean): number {
    const { placement, hintMarked } = this.#kernel
    if (arePlaced) return this.kernels.findMarked(touchPage, from, to, hintMarked.words, faulting)
    return this.kernels.findFaults(touchPage, from, to, placement, hintMarked.words, faulting)
  }

  #takeEach({ faulting }: LaneBlock, faults: number): void {
    for (let f = 0; f < faults; f++) if (!this.#takeFault(faulting[f]!)) return
  }

  /** Of touch k of the block: false when the lane ends. */
  #takeFault(k: number): boolean {
    const { touchPage, touchActor, touchIsWrite } = this.#block!
    const page = touchPage[k]!
    const actor = touchActor[k]!
    const home = this.#kernel.placement[page]!
    if (home === ABSENT) return this.#allocate(page, actor, touchIsWrite[k] === 1)
    this.#hintFault(page, home, this.#context.actorNode[actor]!, actor, touchIsWrite[k] === 1)
    return true
  }

  /** False when no memory is left anywhere: the lane ends. */
  #allocate(page: number, actor: number, isWrite: boolean): boolean {
    const { trace, actorNode } = this.#context
    const task = trace.actorTask[actor]!
    const node = actorNode[actor]!
    const preferred = this.#allocationRules.areNone ? undefined : this.#allocationRules.choose(page, actor)
    const placed = this.#kernel.faultIn(page, task, node, isWrite, preferred)
    if (placed < 0) {
      this.#status = 'oom'
      this.#message = `no memory left for page ${page} of pid ${trace.processes[trace.pageProcess[page]!]} on any node`
      return false
    }
    this.#ledger.pageFault(page, task, placed)
    return true
  }

  #hintFault(page: number, home: number, node: number, actor: number, isWrite: boolean): void {
    const fault = this.#fault
    const task = this.#context.trace.actorTask[actor]!
    this.#kernel.takeHintFault(page, node)
    this.#ledger.hintFault(page, task)
    fault.page = page
    fault.node = node
    fault.home = home
    fault.task = task
    fault.cpupid = actor
    fault.process = this.#context.trace.tasks[task]!.process
    fault.isWrite = isWrite
    fault.timeNs = this.#policyNs
    for (const scanner of this.#scanners) scanner.rule.react(fault)
  }

  /** Counts of the tick's accesses by the kernels, unless somebody else counts them (JointLanes). */
  count(block: LaneBlock, i: number): void {
    const { placement, copies } = this.#kernel
    const { traffic, groups } = this.#ledger
    if (groups !== undefined) groups.account(block, i, placement, copies, traffic)
    else {
      if (block.isLarge[i] === 0) accountTick(this.kernels, block, i, placement, traffic.cells, traffic.shift)
      else traffic.addPairs(block.pairs, block.pairStart[i]!, block.pairStart[i + 1]!, placement)
      if (copies !== null && copies.replicated > 0) redirectReads(copies, block, i, placement, this.#context.actorNode, traffic)
    }
  }

  /** All of a tick after its accesses were counted. */
  end(block: LaneBlock, i: number): void {
    const { placement } = this.#kernel
    this.#pagesSeen = block.pagesSeen[i]!
    this.#ledger.settleBlocked(block, i)
    for (const { observer } of this.#timers) observer?.epoch(block, i)
    if (this.#pressureRules.length > 0) this.#kernel.markAccessed(block.touchPage, block.touchStart[i]!, block.touchStart[i + 1]!)
    this.#placementLog?.tickEnded(placement, this.#ledger, this.#endNs, this.#tick === this.#context.trace.ticks - 1)
    this.#ledger.closeEpoch(this.#endNs)
    this.#stretches?.tickEnded(this.#endNs)
  }

  /** The lane ended by an error in the policy's code: what was replayed so far stands. */
  fail(error: Error): void {
    this.#status = 'error'
    this.#message = error.message
  }

  finish(): LaneResult {
    const totals = this.#ledger.finish(this.#endNs)
    this.#stretches?.close(this.#endNs)
    return laneResult({
      policy: this.#policy,
      context: this.#context,
      kernel: this.#kernel,
      ledger: this.#ledger,
      totals,
      status: this.#status,
      message: this.#message,
      placementRows: this.#placementLog?.rows ?? [],
      numaMapsRows: this.#numaMaps.finish(),
      stageRows: this.#stageLog?.rows ?? [],
      overTime: this.#stretches?.columns,
      isIdeal: ofKind(this.#rules, 'every').some(({ observation }) => observation?.ideal === true),
    })
  }
}

/** Nodes below their low watermark, or below a policy's own marks, with the pages to free. */
export function pressureOn(kernel: LaneKernel, marks: Watermarks | undefined): Pressure[] {
  if (marks === undefined) return kernel.pressure()
  return kernel.machine.nodes.flatMap(({ bytes }, node) => {
    const free = kernel.freePages(node)
    return bytes > 0 && free <= marks.wake(node) ? [{ node, shortfall: Math.max(0, Math.floor(marks.until(node)) - free + 1) }] : []
  })
}

const followedBy = (log: StageLog, ledger: Ledger): KernelObserver => ({
  migration(record) {
    ledger.migration(record)
    log.callEnded()
  },
  scanned: (ptes) => ledger.scanned(ptes),
  copies: (node, frames) => ledger.copies(node, frames),
  replicated: (from, to, pages) => ledger.replicated(from, to, pages),
})

function ofKind<K extends Rule['kind']>(rules: Rule[], kind: K): RuleOf<K>[] {
  return rules.filter((rule): rule is RuleOf<K> => rule.kind === kind)
}
