/**
 * Time series: threads that touch pages in endless loops while NUMA balancing scans, moves and promotes, and while kswapd
 * demotes. Time is the recording machine's, simulated in ticks; the decisions are the kernel model's. Scans are clocked by the cpu
 * time of threads, as in task_tick_numa(), so pages and counters follow from the order of scans and touches, not from seconds.
 */
import { Random } from '../columns/index.ts'
import {
  ABSENT,
  access,
  type Cpuset,
  errno,
  HotThreshold,
  LruBatches,
  migrateMisplaced,
  migratesOnFault,
  NO_NODE,
  NO_PAGE,
  NO_TASK,
  NumaFaults,
  noteAccess,
  ownPolicy,
  type PageId,
  type Process,
  Reclaim,
  scanHints,
  type Task,
  type Vma,
} from '../kernel/index.ts'
import type { Observed, Step } from './case-file.ts'
import { parsePages } from './lists.ts'
import type { Actor, Scenario } from './scenario.ts'
import {
  CACHED_PAGES,
  CACHED_TOUCH,
  CROWDING,
  FLUSH,
  LOCAL_FAULT,
  MOVING_FAULT,
  RECLAIM_PAGE,
  RECLAIM_PER_ALLOCATION,
  SAMPLE,
  SAMPLE_PAGE,
  SCAN_PTE,
  STEP,
  TICK,
  TOUCH,
  WAKE_UP,
} from './series-clock.ts'
import { parseRanges, TouchLoop } from './touch-loop.ts'

type Args = Record<string, string | number>

/** Counters of a sample, in the order of the recordings. */
export const SAMPLE_KEYS = [
  'numa_pte_updates',
  'numa_huge_pte_updates',
  'numa_hint_faults',
  'numa_hint_faults_local',
  'numa_pages_migrated',
  'pgmigrate_success',
  'pgmigrate_fail',
  'pgpromote_success',
  'pgpromote_candidate',
  'pgdemote_kswapd',
  'pgdemote_direct',
  'thp_migration_success',
] as const

const MS = 1e6
const US = 1e3
const DEBUG = '/sys/kernel/debug/sched/numa_balancing'
/** Loops are told apart into so many ranges in a sample. */
const RANGES_SHOWN = 4
const CONTROLLER_CPU = 0
/** Threads of a machine take turns in steps of at most this, ns, so that they race for pages as real ones do. */
const TURN = 50_000
/** kernel.numa_balancing: NUMA_BALANCING_NORMAL, NUMA_BALANCING_MEMORY_TIERING. */
const BALANCING = 1
const TIERING = 2

interface Runner {
  actor: Actor
  name: string
  task: Task
  index: number
  loop: TouchLoop
  /** Own time of the machine, cpu time, and when it was last scanned from (task->node_stamp), ns. */
  clock: number
  cpu: number
  stamp: number
  touchTime: number
  burst: number
  gap: number
  leftInBurst: number
  migrated: number
}

export class Series {
  readonly #scenario: Scenario
  readonly #reclaim: Reclaim
  readonly #batches = new LruBatches()
  readonly #random: Random
  readonly #hasLoops: boolean
  readonly #tasks: { tid: number; process: number; task: Task }[] = []
  readonly #runners: Runner[] = []
  /** mm->numa_next_scan, ns. */
  readonly #nextScan = new Map<Process, number>()
  readonly #listed = new Set<PageId>()
  readonly #hot = new Set<PageId>()
  #statistics: NumaFaults | null = null
  #heat: HotThreshold | null = null
  /** folio.last_cpupid: task index and node. */
  #lastTask = new Map<PageId, { task: number; node: number }>()
  #stamps = new Float64Array(0)
  #now = 0
  #base: Record<string, number> = {}
  #allocated = 0

  constructor(scenario: Scenario, tiers: readonly number[]) {
    const { kernel, machine } = scenario
    this.#scenario = scenario
    this.#random = new Random(0, scenario.recorded.id)
    this.#hasLoops = scenario.recorded.steps.some(({ op }) => op === 'hstart')
    this.#reclaim = new Reclaim(kernel, demotionTargets(tiers, machine.distance, kernel.memoryNodes), (page) => this.#hot.has(page))
  }

  #tunable(path: string): number {
    return Number(this.#scenario.tunables.get(path) ?? 0)
  }

  get #mode(): number {
    return this.#tunable('/proc/sys/kernel/numa_balancing')
  }

  /** A switch of balancing, of its pace, or of demotion. */
  tune(path: string, value: string): void {
    this.#scenario.tunables.set(path, value)
    const { frames } = this.#scenario.kernel
    this.#reclaim.demotion = /^(1|true)$/.test(this.#scenario.tunables.get('/sys/kernel/mm/numa/demotion_enabled') ?? '')
    this.#scenario.kernel.tiering = (this.#mode & TIERING) !== 0
    this.#reclaim.mark = (this.#mode & TIERING) !== 0 ? 'promo' : 'high'
    frames.reclaimer = this.#reclaim.demotion ? (start, allowed, isLast) => this.#makeRoom(start, allowed, isLast) : null
  }

  /** Slow path of an allocation: kswapd of every node that would do is woken and gets on a little; at last the allocation reclaims itself. */
  #makeRoom(start: number, allowed: Uint8Array | null, isLast: boolean): boolean {
    this.#allocated += RECLAIM_PER_ALLOCATION
    let freed = !isLast
    for (const node of this.#scenario.kernel.frames.zonelist(start)) {
      if (allowed !== null && allowed[node] === 0) continue
      if (isLast) freed = this.#reclaim.direct(node) || freed
      else {
        this.#reclaim.wake(node)
        this.#reclaim.run(node, Math.floor(this.#allocated))
      }
    }
    this.#allocated -= Math.floor(this.#allocated)
    return freed
  }

  /** memory.reclaim of a cgroup. */
  reclaimGroup(group: Cpuset, value: string): number {
    const wanted = (Number.parseInt(value, 10) * { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[value.at(-1) as 'K' | 'M' | 'G']) / 4096
    const pages = new Set<PageId>()
    // the program's own pages are in use, so only regions count
    for (const { process, regions } of this.#scenario.actors.values()) {
      if (!group.tasks.some((task) => task.process === process)) continue
      for (const { start, pages: count } of regions.values()) {
        for (const vma of process.vmas) if (vma.start >= start && vma.start < start + count) for (const page of vma.ptes) if (page >= 0) pages.add(page)
      }
    }
    const freed = this.#reclaim.proactive(
      [...pages].sort((a, b) => a - b).filter((page) => this.#scenario.kernel.pages.mapcount(page) <= 1),
      wanted,
    )
    return freed >= wanted ? 0 : errno.EAGAIN
  }

  /** Notes which pages a step has brought that still wait for their LRU list. */
  afterStep({ on, op, args }: Step): void {
    if (on === 'ctl' || !this.#hasLoops) return
    const actor = this.#scenario.actors.get(on.split('@')[0]!)
    if (actor === undefined) return
    const cpu = this.#scenario.cpuOf.get(this.#scenario.task(on)) ?? 0
    for (const { process } of op === 'fork' ? [this.#scenario.actor(String(args!['new'])), actor] : [actor]) {
      for (const vma of process.vmas) if (vma.kind === 'file' && vma.writable) for (const page of vma.ptes) this.#list(cpu, page)
    }
    if (op === 'place' || op === 'touch') {
      const region = String(args!['r'])
      const pages = args!['pg'] === undefined ? Array.from({ length: actor.regions.get(region)!.pages }, (_, i) => i) : parsePages(args!['pg']!)
      for (const page of pages) {
        const entry = this.#scenario.entry(actor, region, page)
        if (entry !== undefined) this.#list(cpu, entry.vma.ptes[entry.i]!)
      }
    }
    if (op === 'mmap' || op === 'munmap' || op === 'mlock' || op === 'release' || op === 'fork') this.#batches.drain(cpu)
  }

  #list(cpu: number, page: PageId): void {
    if (page < 0 || this.#listed.has(page)) return
    this.#listed.add(page)
    this.#batches.add(cpu, page)
  }

  start(actor: Actor, name: string, args: Args): Observed {
    const task = actor.threads.get(name)
    if (task === undefined) throw new Error(`no thread ${name}`)
    this.#begin()
    const loop = new TouchLoop(parseRanges(String(args['ranges'])), Number(args['rnd'] ?? 1) === 1, this.#random)
    const index = this.#index(task)
    const delay = this.#tunable(`${DEBUG}/scan_delay_ms`) * MS
    const state = this.#statistics!.task(index)
    if (state.period === 0) state.period = delay
    const runner: Runner = {
      actor,
      name,
      task,
      index,
      loop,
      clock: this.#now,
      cpu: 0,
      // init_numa_balancing(): milliseconds and nanoseconds are mixed there, two ticks is what counts
      stamp: 2 * TICK,
      touchTime: loop.pages <= CACHED_PAGES ? CACHED_TOUCH : TOUCH,
      burst: Number(args['burst'] ?? 1000),
      gap: Number(args['gap_us'] ?? 0) * US,
      leftInBurst: Number(args['burst'] ?? 1000),
      migrated: 0,
    }
    this.#runners.push(runner)
    this.#refresh(runner)
    this.#advance(this.#now + STEP)
    return { t_ns: Math.round(this.#now) }
  }

  stop(actor: Actor, name: string): Observed {
    const i = this.#runners.findIndex((runner) => runner.actor === actor && runner.name === name)
    if (i < 0) throw new Error(`thread ${name} is not in a loop`)
    const [runner] = this.#runners.splice(i, 1)
    this.#commandFaults(actor)
    return { t_ns: Math.round(this.#now), touches: shown(runner!.loop) }
  }

  /** A thread has been bound to cpus of another node. */
  moved(task: Task, from: number): void {
    this.#statistics?.moved(this.#index(task), from, task.node)
  }

  /** The first thread of the process reads the command and answers: its own marked pages fault. */
  #commandFaults(actor: Actor): void {
    const first = actor.threads.get('')!
    for (const { vma, i } of this.#scenario.program.commandPages(actor.process)) {
      const page = vma.ptes[i]!
      if (page >= 0 && this.#scenario.kernel.pages.hintMarked.has(page)) this.#hintFault(first, vma, i)
    }
  }

  /** Balancing and its statistics exist from the first loop on. */
  #begin(): void {
    if (this.#statistics !== null) return
    const { kernel, machine } = this.#scenario
    for (const process of kernel.processes) for (const task of process.tasks) this.#index(task)
    this.#statistics = new NumaFaults(
      {
        nodes: kernel.nodes,
        nearestWithCpus: (node) => nearestWithCpus(node, machine),
        now: () => this.#now,
        residentPages: (process) => residentPages(kernel.processes[process]!),
        tasks: this.#tasks,
        postponeScan: (process, until) => this.#nextScan.set(kernel.processes[process]!, until),
      },
      {
        scanPeriodMin: this.#tunable(`${DEBUG}/scan_period_min_ms`) * MS,
        scanPeriodMax: this.#tunable(`${DEBUG}/scan_period_max_ms`) * MS,
        scanSize: this.#tunable(`${DEBUG}/scan_size_mb`) * 2 ** 20,
      },
    )
    this.#heat = new HotThreshold(
      {
        nodes: kernel.nodes,
        now: () => this.#now,
        stamps: () => {
          if (this.#stamps.length < kernel.pages.node.length) {
            const wider = new Float64Array(kernel.pages.node.length)
            wider.set(this.#stamps)
            this.#stamps = wider
          }
          return this.#stamps
        },
        isFree: (node, pages) => kernel.frames.isAbove(node, 'promo', pages),
        presentPages: (node) => (machine.nodes[node]!.mem_mib * 2 ** 20) / 4096,
        counterLot: (node) => counterLot(machine.nodes[node]!.mem_mib, machine.nodes),
        candidate: (node) => kernel.vmstat.countNode(node, 'pgpromote_candidate'),
      },
      {
        hotThreshold: this.#tunable(`${DEBUG}/hot_threshold_ms`) * MS,
        rateLimit: this.#tunable('/proc/sys/kernel/numa_balancing_promote_rate_limit_MBps') * 2 ** 20,
        adjustPeriod: this.#tunable(`${DEBUG}/scan_period_max_ms`) * MS,
      },
    )
    // the page that all processes of a recording share has been used by threads that are gone
    for (const process of kernel.processes) {
      const vma = this.#scenario.program.shared(process)
      vma.shared = true
      for (const page of vma.ptes) if (page >= 0) this.#lastTask.set(page, { task: NO_TASK - 1, node: NO_NODE })
    }
  }

  #index(task: Task): number {
    const known = this.#tasks.findIndex((entry) => entry.task === task)
    if (known >= 0) return known
    return this.#tasks.push({ tid: task.tid, process: this.#scenario.kernel.processes.indexOf(task.process), task }) - 1
  }

  /** Lets all threads run, and kswapd, until `until`. */
  #advance(until: number): void {
    while (this.#now < until) {
      const end = Math.min(until, this.#now + TICK)
      for (const runner of this.#runners) this.#tick(runner)
      for (;;) {
        const runner = this.#runners.reduce<Runner | null>(
          (first, next) => (next.clock < end && (first === null || next.clock < first.clock) ? next : first),
          null,
        )
        if (runner === null) break
        const others = this.#runners.reduce((least, next) => (next === runner ? least : Math.min(least, next.clock)), Number.POSITIVE_INFINITY)
        this.#runUntil(runner, Math.min(end, Math.max(others, runner.clock) + TURN))
      }
      for (const node of this.#scenario.kernel.memoryNodes)
        if (this.#reclaim.isAwake(node)) this.#reclaim.run(node, Math.round((end - this.#now) / RECLAIM_PAGE))
      this.#now = end
    }
  }

  /** One thread touches until `end` or until its next fault. */
  #runUntil(runner: Runner, end: number): void {
    if (runner.leftInBurst <= 0) {
      runner.clock += runner.gap + WAKE_UP
      runner.leftInBurst = runner.burst
      return
    }
    const share = this.#runners.reduce((users, { task }) => users + (this.#scenario.cpuOf.get(task) === this.#scenario.cpuOf.get(runner.task) ? 1 : 0), 0)
    const slow = this.#crowding()
    const touchTime = runner.touchTime * slow
    const time = touchTime * share
    const fitting = Math.max(1, Math.floor((end - runner.clock) / time))
    const possible = runner.gap > 0 ? Math.min(fitting, runner.leftInBurst) : fitting
    const distance = runner.loop.distance()
    const touches = Math.min(distance, possible)
    const spend = (ns: number): void => {
      runner.clock += ns * share
      runner.cpu += ns
    }
    if (runner.gap > 0) runner.leftInBurst -= touches
    if (distance > possible) {
      runner.loop.skip(touches)
      spend(touches * touchTime)
      return
    }
    runner.loop.skip(touches - 1)
    spend(touches * touchTime)
    const { range, page } = runner.loop.meet()
    const entry = this.#scenario.entry(runner.actor, range.region, page)
    if (entry === undefined) return
    const id = entry.vma.ptes[entry.i]!
    if (id < 0) {
      access(this.#scenario.kernel, runner.task, entry.vma.start + entry.i, range.write)
      spend(LOCAL_FAULT * slow)
    } else if (this.#scenario.kernel.pages.hintMarked.has(id)) spend(this.#hintFault(runner.task, entry.vma, entry.i, runner) * slow)
  }

  #crowding(): number {
    return 1 + CROWDING * (this.#runners.length - 1)
  }

  /** How much of the time a thread runs rather than sleeps. */
  #busyShare({ gap, burst, touchTime }: Runner): number {
    const busy = burst * touchTime * this.#crowding()
    return gap === 0 ? 1 : busy / (busy + gap + WAKE_UP)
  }

  /** task_tick_numa() and task_numa_work() */
  #tick(runner: Runner): void {
    if (this.#mode === 0) return
    const statistics = this.#statistics!
    const state = statistics.task(runner.index)
    if (runner.cpu <= runner.stamp + state.period) return
    runner.stamp += state.period
    const { process } = runner.task
    if (this.#now < (this.#nextScan.get(process) ?? 0)) return
    this.#nextScan.set(process, this.#now + state.period)
    runner.stamp += 2 * TICK
    const { kernel } = this.#scenario
    const delay = this.#tunable(`${DEBUG}/scan_delay_ms`) * MS
    const isSlow = (node: number): boolean => !kernel.isTopTier(node)
    const only = (node: number, page: PageId): boolean => {
      if ((this.#mode & BALANCING) === 0 && !isSlow(node)) return false
      if ((this.#mode & TIERING) !== 0 && isSlow(node)) this.#heat!.marked(page)
      return true
    }
    const pages = this.#tunable(`${DEBUG}/scan_size_mb`) * 256
    const scan = scanHints(kernel, process, pages, runner.task.node, { only }, { task: runner.task, delay, now: this.#now })
    statistics.sequence[this.#tasks[runner.index]!.process] = process.scanSequence
    const others = this.#runners.filter((other) => other !== runner && other.task.process === process)
    // idle cpus need not be told (lazy TLB)
    const told =
      scan.updated === 0
        ? 0
        : Math.min(
            1,
            others.reduce((sum, other) => sum + this.#busyShare(other), 0),
          )
    const cost = (scan.updated * SCAN_PTE + told * FLUSH) * this.#crowding()
    if (scan.updated > 0) for (const other of others) other.clock = Math.max(other.clock, this.#now + 2 * FLUSH * this.#busyShare(other))
    runner.stamp += 32 * cost
    runner.clock += cost
    runner.cpu += cost
    for (const other of this.#runners) if (other.task.process === process) this.#refresh(other)
    // what the loop itself needs, stack and counters, is touched at once
    for (const other of this.#runners) {
      if (other.task.process !== process) continue
      for (const { vma, i } of this.#scenario.program.loopPages(process, other.task, other.loop.reads)) {
        const page = vma.ptes[i]!
        if (page >= 0 && kernel.pages.hintMarked.has(page)) this.#hintFault(other.task, vma, i, other)
      }
    }
  }

  #refresh(runner: Runner): void {
    const { pages } = this.#scenario.kernel
    runner.loop.refresh((region, page) => {
      const entry = this.#scenario.entry(runner.actor, region, page)
      if (entry === undefined) return false
      const id = entry.vma.ptes[entry.i]!
      return id === NO_PAGE || (id >= 0 && pages.hintMarked.has(id))
    })
    this.#hot.clear()
    for (const { actor, loop } of this.#runners) {
      for (const { region, first, last } of loop.ranges) {
        for (let page = first; page <= last; page++) {
          const entry = this.#scenario.entry(actor, region, page)
          const id = entry === undefined ? -1 : entry.vma.ptes[entry.i]!
          if (id >= 0) this.#hot.add(id)
        }
      }
    }
  }

  /** do_numa_page(): answers the time it takes. */
  #hintFault(task: Task, vma: Vma, i: number, runner?: Runner): number {
    const { kernel } = this.#scenario
    const statistics = this.#statistics!
    const index = this.#index(task)
    const page = vma.ptes[i]!
    const from = kernel.pages.node[page]!
    const { node } = task
    const isTiering = (this.#mode & TIERING) !== 0
    const isSlow = !kernel.isTopTier(from)
    noteAccess(vma, task)
    kernel.pages.hintMarked.delete(page)
    kernel.vmstat.count('pgfault')
    kernel.vmstat.count('numa_hint_faults')
    if (from === node) kernel.vmstat.count('numa_hint_faults_local')
    const last = isTiering && isSlow ? undefined : this.#lastTask.get(page)
    const lastTask = last?.task ?? NO_TASK
    let memNode = from
    let migrationFailed = false
    if (this.#isMisplaced(index, task, vma, i, page, from)) {
      const moved = !this.#batches.holds(page) && migrateMisplaced(kernel, page, node, vma.executable)
      migrationFailed = !moved
      if (moved) {
        memNode = node
        if (runner !== undefined) runner.migrated++
        this.#batches.add(this.#scenario.cpuOf.get(task) ?? 0, page)
        if (isTiering && isSlow) this.#lastTask.delete(page)
      } else if (isTiering && !kernel.frames.isAbove(node, 'high', 1)) this.#reclaim.wake(node)
    }
    const isBelowTop = !kernel.isTopTier(memNode)
    if (!isBelowTop || (!isTiering && lastTask !== NO_TASK)) {
      statistics.record({
        task: index,
        process: this.#tasks[index]!.process,
        lastTask,
        cpuNode: node,
        home: from,
        memNode,
        migrationFailed,
        isShared: vma.shared && kernel.pages.mapcount(page) > 1,
      })
    }
    return memNode === from ? LOCAL_FAULT : MOVING_FAULT
  }

  /** mpol_misplaced(): should the page go to the node of the cpu that touched it? Only one that was asked for is remembered. */
  #isMisplaced(index: number, task: Task, vma: Vma, i: number, page: PageId, from: number): boolean {
    const { node } = task
    const policy = ownPolicy(vma, i) ?? task.policy
    if (!migratesOnFault(policy)) return false
    if (policy === null ? from === node : !policy.nodes.includes(node)) return false
    const isTiering = (this.#mode & TIERING) !== 0
    const isSlow = !this.#scenario.kernel.isTopTier(from)
    if (isTiering && isSlow) return from !== node && this.#heat!.promotes(page, node)
    const last = this.#lastTask.get(page) ?? { task: NO_TASK, node: NO_NODE }
    this.#lastTask.set(page, { task: index, node })
    const lastNode = last.node === NO_NODE ? node : last.node
    return this.#statistics!.shouldMigrate(last.task, lastNode, index, from, node, isSlow) && from !== node
  }

  /** `n` samples every `ms`. */
  sample(args: Args): Observed {
    const samples = []
    const origin = this.#now
    const { kernel } = this.#scenario
    for (let i = 0; i < Number(args['n']); i++) {
      const t_ms = i * Number(args['ms'])
      this.#advance(origin + t_ms * MS)
      const counters = kernel.vmstat.total()
      if (i === 0 && Number(args['t0'] ?? 0) === 1) this.#base = counters
      const procs = Object.fromEntries(
        String(args['procs'])
          .split(',')
          .map((name) => [name, this.#sampleProcess(this.#scenario.actor(name))]),
      )
      const free = Object.fromEntries(kernel.memoryNodes.map((node) => [String(node), kernel.frames.freeOn(node)]))
      samples.push({
        t_ms,
        vm: SAMPLE_KEYS.map((key) => (counters[key] ?? 0) - (this.#base[key] ?? 0)),
        procs,
        ...(args['free'] !== undefined && { free_pages: free }),
      })
      this.#interrupt(String(args['procs']).split(','))
    }
    return { keys: [...SAMPLE_KEYS], t0_ns: Math.round(origin), samples }
  }

  /** The controller runs on cpu 0 while it takes a sample. */
  #interrupt(names: readonly string[]): void {
    let time = SAMPLE
    for (const name of names) for (const { pages } of this.#scenario.actor(name).regions.values()) time += pages * SAMPLE_PAGE
    for (const runner of this.#runners) if (this.#scenario.cpuOf.get(runner.task) === CONTROLLER_CPU) runner.clock = Math.max(runner.clock, this.#now) + time
  }

  #sampleProcess(actor: Actor): Record<string, unknown> {
    const { pages, nodes } = this.#scenario.kernel
    const regions: Record<string, number[]> = {}
    for (const [name, region] of actor.regions) {
      const counts = Array.from({ length: nodes }, () => 0)
      for (const vma of actor.process.vmas) {
        if (vma.start < region.start || vma.start >= region.start + region.pages) continue
        for (const page of vma.ptes) if (page >= 0 && pages.node[page] !== ABSENT) counts[pages.node[page]!]!++
      }
      regions[name] = counts
    }
    const threads = Object.fromEntries(
      this.#runners.filter((runner) => runner.actor === actor).map((runner) => [runner.name, { touches: shown(runner.loop), sched: this.#scheduler(runner) }]),
    )
    return { regions, threads }
  }

  /** The thread's NUMA state as /proc/PID/sched prints it. */
  #scheduler({ index, task, cpu, migrated }: Runner): Record<string, unknown> {
    const { mem, preferred, group } = this.#statistics!.task(index)
    const groupMem = group?.mem
    return {
      numa_pages_migrated: migrated,
      numa_preferred_nid: preferred === NO_NODE ? -1 : preferred,
      total_numa_faults: mem.reduce((a, b) => a + b, 0),
      'mm->numa_scan_seq': task.process.scanSequence,
      'se.sum_exec_runtime': cpu / MS,
      current_node: task.node,
      numa_group: group !== null,
      faults: Array.from({ length: this.#scenario.kernel.nodes }, (_, node) => [
        node,
        mem[node * 2 + 1]!,
        mem[node * 2]!,
        groupMem?.[node * 2 + 1] ?? 0,
        groupMem?.[node * 2] ?? 0,
      ]),
    }
  }
}

/** mm/vmstat.c:calculate_normal_threshold(), memory in units of 128 MiB; rounded down as part of the node is not managed. */
function counterLot(mib: number, nodes: Scenario['machine']['nodes']): number {
  const bits = (n: number): number => 32 - Math.clz32(n)
  const cpus = nodes.reduce((sum, node) => sum + node.cpus.length, 0)
  return 2 * bits(cpus) * (1 + bits(Math.floor((mib - 1) / 128)))
}

const shown = (loop: TouchLoop): number[] => Array.from({ length: RANGES_SHOWN }, (_, r) => Math.round(loop.touches[r] ?? 0))

function residentPages(process: Process): number {
  let pages = 0
  for (const vma of process.vmas) for (const page of vma.ptes) if (page >= 0) pages++
  return pages
}

function nearestWithCpus(node: number, { nodes, distance }: Scenario['machine']): number {
  const withCpus = nodes.filter(({ cpus }) => cpus.length > 0).map(({ id }) => id)
  return withCpus.reduce((best, id) => (distance[node]![id]! < distance[node]![best]! ? id : best), withCpus.includes(node) ? node : withCpus[0]!)
}

/** mm/memory-tiers.c:establish_demotion_targets(): the nearest node of the next slower tier. */
function demotionTargets(
  tiers: readonly number[],
  distance: readonly number[][],
  memoryNodes: readonly number[],
): ({ to: number; fallback: Uint8Array } | null)[] {
  return tiers.map((tier, node) => {
    const slower = memoryNodes.filter((other) => tiers[other]! > tier)
    const next = slower.filter((other) => tiers[other] === Math.min(...slower.map((candidate) => tiers[candidate]!)))
    if (next.length === 0) return null
    const to = next.reduce((best, other) => (distance[node]![other]! < distance[node]![best]! ? other : best))
    return { to, fallback: Uint8Array.from(tiers, (_, other) => (slower.includes(other) ? 1 : 0)) }
  })
}
