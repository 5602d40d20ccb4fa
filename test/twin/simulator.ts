/**
 * The obvious simulator: one access at a time, no fold, no counters per actor, no flyweights. The engine must agree with it
 * exactly on any trace. It shares the kernel model, the policies and the face they see, and nothing of the lane, the ledger
 * or the observers.
 */
import { Random } from '../../src/columns/index.ts'
import { ABSENT, createLaneKernel, type MigrationRecord } from '../../src/kernel/index.ts'
import { type LanePolicy, type Observation, type PageActivity, rulesOf } from '../../src/policy/index.ts'
import { forEachTick, type ReplayContext } from '../../src/replay/context.ts'
import { EventPlayer } from '../../src/replay/event-player.ts'
import { worldOf } from '../../src/replay/world.ts'
import { damonEyes } from './damon.ts'
import { type ServedAccess, slowLoad } from './slow-contention.ts'

export interface PlainAccess {
  timeNs: number
  page: number
  actor: number
  isWrite: boolean
  weight: number
}

export interface TwinTotals {
  local: number
  remote: number
  memoryPs: number
  queueingPs: number
  stretchNs: number
  hintFaults: number
  pageFaults: number
  migrated: number
  failed: number
  taskAccessPs: number[]
  placement: number[]
  vmstat: Record<string, number>
  status: 'ok' | 'oom'
  writeFaults: number
  /** Copies that were made and given up again. */
  copiesGone: number
}

export function simulate(context: ReplayContext, policy: LanePolicy, accesses: PlainAccess[]): TwinTotals {
  const { machine, actorNode, trace } = context
  const totals: TwinTotals = {
    local: 0,
    remote: 0,
    memoryPs: 0,
    queueingPs: 0,
    stretchNs: 0,
    hintFaults: 0,
    pageFaults: 0,
    migrated: 0,
    failed: 0,
    taskAccessPs: trace.tasks.map(() => 0),
    placement: [],
    vmstat: {},
    status: 'ok',
    writeFaults: 0,
    copiesGone: 0,
  }
  let copied: { from: number; to: number; pages: number }[] = []
  let nodeLoads = machine.nodes.map((_, node) => ({ latencyNs: machine.readLatencyPs[node]![node]! / 1000, accesses: 0, utilisation: 0 }))
  /** Writes to a page in this epoch, weighted, and the length of the epoch. */
  let writesTo = (_page: number): number => 0
  let epochNs = 0
  const copyRandom = new Random(context.seed, `${policy.label} writes during copies`)
  const copyNs = (machine.costs.copyPsPerKiB * (trace.meta.pageSize / 1024)) / 1000
  const kernel = createLaneKernel(machine, context.layout, {
    isWritten(page) {
      const writes = writesTo(page)
      return writes > 0 && copyRandom.float() < 1 - (1 - Math.min(1, copyNs / epochNs)) ** writes
    },
    seed: context.seed,
    label: policy.label,
    faultPlan: context.faultPlan,
    observer: {
      migration(record: MigrationRecord) {
        totals.migrated += record.succeeded
        totals.failed += record.failed
        record.flow.forEach((pages, i) => {
          if (pages > 0) copied.push({ from: Math.floor(i / machine.nodes.length), to: i % machine.nodes.length, pages })
        })
      },
      scanned: () => {},
      copies: (_node, frames) => {
        if (frames < 0) totals.copiesGone -= frames
      },
      replicated: (from, to) => copied.push({ from, to, pages: 1 }),
    },
  })
  context.placement?.node.forEach((node, page) => {
    if (node !== ABSENT) kernel.populate(page, node)
  })
  let policyNs = 0
  const { world, deferral } = worldOf(
    context,
    kernel,
    {
      migrateCall: () => {},
      refused: (_errno, pages) => {
        totals.failed += pages
      },
      load: (node) => nodeLoads[node]!,
    },
    policy.label,
    () => policyNs,
  )
  const rules = rulesOf(policy, world)
  const events = new EventPlayer(
    context,
    kernel,
    rules.filter((rule) => rule.kind === 'cpuset change'),
    rules.filter((rule) => rule.kind === 'syscall'),
  )

  const schedule = rules.filter((rule) => rule.kind === 'at').sort((a, b) => a.timeNs - b.timeNs)
  let futureFrom = 0
  /** Policy clock at the end of the tick. */
  let epochEnd = 0
  const timers = rules
    .filter((rule) => rule.kind === 'every')
    .map((rule, i) => ({
      rule,
      due: rule.periodNs,
      eyes: eyesFor(rule.observation, `${policy.label} rule ${i}`, context, accesses, kernel.placement, () => ({ futureFrom, policyNs, endNs: epochEnd })),
    }))
  const scans = rules.filter((rule) => rule.kind === 'hint fault').map((rule) => ({ rule, due: trace.processes.map(() => rule.scan.delay) }))
  const pressures = rules.filter((rule) => rule.kind === 'pressure')
  const allocations = rules.filter((rule) => rule.kind === 'allocation')
  const taskMoves = rules.filter((rule) => rule.kind === 'task move')
  const taskNode = trace.tasks.map((): number | undefined => undefined)
  const processNode = trace.processes.map(() => 0)
  let moved: { task: number; from: number }[] = []

  const boundary = (startNs: number) => {
    const sinceStart = startNs - context.originNs
    policyNs = Math.round(sinceStart * context.pace)
    kernel.now = policyNs
    kernel.applyPlannedStates(sinceStart)
    deferral.run()
    events.play(startNs)
    for (const { task, from } of moved) {
      const to = taskNode[task]!
      if (to !== from) for (const rule of taskMoves) rule.react({ task, process: trace.tasks[task]!.process, from, to, timeNs: policyNs })
    }
    moved = []
    while (schedule.length > 0 && schedule[0]!.timeNs <= sinceStart) schedule.shift()!.act()
    for (const timer of timers) {
      if (timer.due > policyNs) continue
      while (timer.due <= policyNs) timer.due += timer.rule.periodNs
      timer.rule.act(timer.eyes?.look() as never)
      timer.eyes?.forget()
    }
    for (const { rule, due } of scans) {
      due.forEach((when, process) => {
        if (when > policyNs) return
        const { only = () => true, marked = () => {} } = rule.scan
        const scan = kernel.scanHints(process, Math.max(1, Math.floor(rule.scan.size / 4096)), processNode[process]!, {
          only: (node, page) => {
            if (only(node)) marked(page)
            return only(node)
          },
        })
        rule.scan.scanned?.({ process, ...scan, timeNs: policyNs })
        due[process] = policyNs + (typeof rule.scan.period === 'number' ? rule.scan.period : rule.scan.period(process))
      })
    }
    kernel.reclaimCopies()
    for (const { marks, react } of pressures) {
      if (marks === undefined) for (const pressure of kernel.pressure()) react(pressure)
      else {
        for (const [node, { bytes }] of machine.nodes.entries()) {
          const free = kernel.freePages(node)
          if (bytes > 0 && free <= marks.wake(node)) react({ node, shortfall: Math.max(0, Math.floor(marks.until(node)) - free + 1) })
        }
      }
    }
  }

  const touch = ({ page, actor, isWrite }: PlainAccess): boolean => {
    const node = actorNode[actor]!
    const task = trace.actorTask[actor]!
    const home = kernel.placement[page]!
    deferral.active = true
    if (home === ABSENT) {
      let preferred: number | undefined
      for (const rule of allocations) {
        preferred ??= rule.choose({ page, node, task, process: trace.pageProcess[page]!, vpage: trace.pageVpage[page]! })
      }
      if (kernel.faultIn(page, task, node, isWrite, preferred) < 0) return false
      totals.pageFaults++
    } else if (kernel.hintMarked.has(page)) {
      kernel.takeHintFault(page, node)
      totals.hintFaults++
      const fault = {
        page,
        node,
        home,
        task,
        cpupid: actor,
        process: trace.tasks[task]!.process,
        isWrite,
        timeNs: policyNs,
        migrate() {
          const isMoved = kernel.migrateMisplaced(page, node)
          if (isMoved) this.home = node
          return isMoved
        },
      }
      for (const { rule } of scans) rule.react(fault)
    }
    deferral.active = false
    return true
  }

  let next = 0
  forEachTick(trace, (block, i) => {
    if (totals.status !== 'ok') return
    const endNs = block.startNs[i + 1]!
    futureFrom = next
    epochEnd = Math.round((endNs - context.originNs) * context.pace)
    const isLastTick = block.firstTick + i === trace.ticks - 1
    const first = next
    while (next < accesses.length && (accesses[next]!.timeNs < endNs || isLastTick)) next++
    const inTick = accesses.slice(first, next)
    epochNs = endNs - block.startNs[i]!
    writesTo = (page) => sum(inTick.filter((access) => access.page === page && access.isWrite))
    boundary(block.startNs[i]!)
    for (const { page } of inTick.filter(({ isWrite }) => isWrite)) {
      if (!kernel.copies?.has(page)) continue
      kernel.copies.drop(page)
      totals.writeFaults++
    }
    const firstTouches = new Set<number>()
    for (const access of inTick) {
      // Who runs where is known from first touches only, as in the fold
      if (!firstTouches.has(access.page)) {
        firstTouches.add(access.page)
        const task = trace.actorTask[access.actor]!
        const node = actorNode[access.actor]!
        const before = taskNode[task]
        if (before !== node) {
          taskNode[task] = node
          processNode[trace.tasks[task]!.process] = node
          if (before !== undefined && taskMoves.length > 0) moved.push({ task, from: before })
        }
      }
    }
    const served: (ServedAccess & { task: number })[] = []
    for (const access of inTick) {
      if (!touch(access)) {
        totals.status = 'oom'
        return
      }
      served.push({
        from: actorNode[access.actor]!,
        to: kernel.isReplicatedOn(access.page, actorNode[access.actor]!) ? actorNode[access.actor]! : kernel.placement[access.page]!,
        isWrite: access.isWrite,
        weight: access.weight,
        task: trace.actorTask[access.actor]!,
      })
    }
    // Latency is known when all of the epoch's traffic is
    const lengthNs = endNs - block.startNs[i]!
    const load = context.load ? slowLoad(machine, context.load, served, copied, lengthNs) : undefined
    copied = []
    totals.stretchNs += Math.round(lengthNs * ((load?.dilation ?? 1) - 1))
    const servedPs = machine.nodes.map(() => 0)
    const servedCount = machine.nodes.map(() => 0)
    for (const access of served) {
      const { from, to, isWrite, weight, task } = access
      const queuePs = load?.queuePs(access) ?? 0
      const latency = (isWrite ? machine.writeLatencyPs : machine.readLatencyPs)[from]![to]! + queuePs
      if (from === to) totals.local += weight
      else totals.remote += weight
      totals.memoryPs += weight * latency
      totals.queueingPs += weight * queuePs
      totals.taskAccessPs[task]! += weight * latency
      servedPs[to]! += weight * latency
      servedCount[to]! += weight
    }
    nodeLoads = machine.nodes.map((_, node) => ({
      latencyNs: (servedCount[node]! > 0 ? servedPs[node]! / servedCount[node]! : machine.readLatencyPs[node]![node]!) / 1000,
      accesses: servedCount[node]!,
      utilisation: load?.utilisation(node) ?? 0,
    }))
    for (const { eyes } of timers) eyes?.see(inTick)
    if (pressures.length > 0) kernel.markAccessed(Uint32Array.from(firstTouches), 0, firstTouches.size)
  })
  totals.placement = Array.from(kernel.placement)
  totals.vmstat = { ...kernel.vmstat }
  return totals
}

interface Eyes {
  see(accesses: PlainAccess[]): void
  look(): unknown
  forget(): void
}

function eyesFor(
  observation: Observation<unknown> | undefined,
  stream: string,
  { actorNode, machine, seed, originNs, pace, trace }: ReplayContext,
  all: PlainAccess[],
  placement: Uint8Array,
  now: () => { futureFrom: number; policyNs: number; endNs: number },
): Eyes | undefined {
  if (!observation) return undefined
  let log: PlainAccess[] = []
  const activity = (accesses: PlainAccess[]): PageActivity => ({
    pages: Uint32Array.from(new Set(accesses.map(({ page }) => page))).sort(),
    from: (page, node) => sum(accesses.filter((a) => a.page === page && actorNode[a.actor] === node)),
    total: (page) => sum(accesses.filter((a) => a.page === page)),
    writes: (page) => sum(accesses.filter((a) => a.page === page && a.isWrite)),
    mainNode(page) {
      const counts = machine.nodes.map((_, node) => this.from(page, node))
      return counts.indexOf(Math.max(...counts))
    },
  })
  const forget = () => {
    log = []
  }
  switch (observation.kind) {
    case 'accesses':
      return { see: (accesses) => log.push(...accesses), look: () => activity(log), forget }
    case 'accessed bits':
      return {
        see: (accesses) => log.push(...accesses),
        look: () => {
          const pages = new Set(log.map(({ page }) => page))
          return { pages: Uint32Array.from(pages).sort(), has: (page: number) => pages.has(page) }
        },
        forget,
      }
    case 'upcoming':
      return {
        see: () => {},
        look() {
          const { futureFrom, policyNs } = now()
          const until = originNs + (policyNs + observation.withinNs) / pace
          const ends: number[] = []
          forEachTick(trace, (block, i) => {
            if (block.startNs[i]! < until) ends.push(block.startNs[i + 1]!)
          })
          const last = ends.at(-1) ?? 0
          const isAll = ends.length === trace.ticks
          return activity(all.slice(futureFrom).filter(({ timeNs }) => timeNs < last || isAll))
        },
        forget,
      }
    case 'sampled accesses': {
      const sampler = (rate: number, event: string) => {
        const random = new Random(seed, `${stream} ${event}`)
        const gap = () => (rate <= 0 ? Number.POSITIVE_INFINITY : rate >= 1 ? 0 : Math.floor(Math.log1p(-random.float()) / Math.log1p(-rate)))
        let skip = gap()
        return (access: PlainAccess) => {
          for (let one = 0; one < access.weight; one++) {
            if (skip === 0) {
              log.push({ ...access, weight: 1 })
              skip = gap()
            } else skip--
          }
        }
      }
      const readSampler = sampler(observation.rate, 'reads')
      const writeSampler = sampler(observation.writeRate, 'writes')
      return {
        see(accesses) {
          const sorted = [...accesses].sort((a, b) => a.page - b.page || a.actor - b.actor)
          for (const access of sorted) access.isWrite ? writeSampler(access) : readSampler(access)
        },
        look: () => activity(log),
        forget,
      }
    }
    case 'damon regions':
      return damonEyes(observation.settings, new Random(seed, `${stream} damon`), trace, placement, () => now().endNs)
  }
}

const sum = (accesses: PlainAccess[]): number => accesses.reduce((total, { weight }) => total + weight, 0)
