/**
 * What the scheduler learns from NUMA hint faults (Linux 6.12, kernel/sched/fair.c): fault counts of each task and of groups of
 * tasks that share memory, the preferred node, and from them the pace of scanning and whether a page follows its user.
 * Mechanism only: who scans, when, and who is moved is the caller's business, be it a replay lane or a recorded scenario.
 */
import type { NodeIndex } from '../machine/index.ts'

/** The system around the scheduler. */
export interface NumaHost {
  /** Nodes of the machine. */
  nodes: number
  /** Nearest node that has cpus; the node itself when it has. */
  nearestWithCpus(node: NodeIndex): NodeIndex
  /** ns. */
  now(): number
  /** Pages of the process that are mapped: its RSS, or the best estimate of it. */
  residentPages(process: number): number
  /** Tasks by index. */
  tasks: readonly { tid: number; process: number }[]
  /** mm->numa_next_scan is put off: nothing was learnt, or migration failed. */
  postponeScan?(process: number, until: number): void
}

export interface ScanSettings {
  /** scan_period_min_ms, scan_period_max_ms as ns; scan_size_mb as bytes. */
  scanPeriodMin: number
  scanPeriodMax: number
  scanSize: number
  /** Scan sequences in which a first or private touch migrates at once; default 4. */
  youngScans?: number
}

/** task_scan_min(): MAX_SCAN_WINDOW, MB per second. */
const MAX_SCAN_MB = 2560
const MIB = 2 ** 20
const SECOND = 1e9
const BASE_PAGE = 4096
/** NUMA_PERIOD_SLOTS, NUMA_PERIOD_THRESHOLD. */
const SLOTS = 10
const THRESHOLD = 7
/** ACTIVE_NODE_FRACTION. */
const ACTIVE_FRACTION = 3
/** should_numa_migrate_memory(): in so many scan sequences a first or private touch migrates at once. */
const YOUNG_SCANS = 4
/** Weight of CPU faults of a task that ran all the time: (runtime << 16) / period. */
const FULL_TIME = 65536
const PRIVATE = 1
export const NO_NODE = 255
/** folio_last_cpupid() of a page that nobody has faulted on. */
export const NO_TASK = 0xffff

/** Faults per node, shared and private: [node * 2 + private]. */
interface Faults {
  mem: Float64Array
  cpu: Float64Array
}

export interface NumaGroup extends Faults {
  id: number
  members: number
  activeNodes: number
  maxCpu: number
  /** [from * nodes + to]: shared pages on `from` follow to `to`. */
  follows: Uint8Array
}

export interface TaskState extends Faults {
  newMem: Float64Array
  newCpu: Float64Array
  /** ns; 0 until the first placement. */
  period: number
  preferred: NodeIndex
  sequence: number
  retryAt: number
  /** numa_faults_locality. */
  local: number
  remote: number
  failed: number
  group: NumaGroup | null
}

export interface FaultFacts {
  task: number
  process: number
  /** Task of the fault before on this page; NO_TASK when unknown. */
  lastTask: number
  cpuNode: NodeIndex
  /** Node of the page before and after this fault. */
  home: NodeIndex
  memNode: NodeIndex
  migrationFailed: boolean
  /** TNF_SHARED: mapped more than once, in a shared mapping. */
  isShared?: boolean
  /** Faults that this one stands for, in a sample of pages. */
  count?: number
}

export class NumaFaults {
  /** mm->numa_scan_seq of each process. */
  readonly sequence: number[] = []
  readonly #host: NumaHost
  readonly #settings: ScanSettings
  readonly #nodes: number
  readonly #states: TaskState[] = []
  #groups = 0
  /** Grows whenever an answer of `shouldMigrate` or `joins` may change. */
  version = 0

  constructor(host: NumaHost, settings: ScanSettings) {
    this.#host = host
    this.#settings = settings
    this.#nodes = host.nodes
  }

  task(index: number): TaskState {
    const slots = this.#nodes * 2
    this.#states[index] ??= {
      mem: new Float64Array(slots),
      cpu: new Float64Array(slots),
      newMem: new Float64Array(slots),
      newCpu: new Float64Array(slots),
      period: 0,
      preferred: NO_NODE,
      sequence: 0,
      retryAt: -1,
      local: 0,
      remote: 0,
      failed: 0,
      group: null,
    }
    return this.#states[index]!
  }

  /** task->numa_scan_period, started if need be. */
  period(task: number): number {
    const state = this.task(task)
    return state.period || this.#scanStart(this.#host.tasks[task]!.process, state)
  }

  /** PIDs are kept in eight bits: two tasks whose numbers agree in them are taken for one (cpupid_match_pid). */
  samePid(a: number, b: number): boolean {
    const { tasks } = this.#host
    return a < tasks.length && b < tasks.length && (tasks[a]!.tid & 0xff) === (tasks[b]!.tid & 0xff)
  }

  /** The page is, as far as pids tell, used by one task only. */
  isPrivate(task: number, lastTask: number): boolean {
    return lastTask === NO_TASK || this.samePid(lastTask, task)
  }

  /**
   * should_numa_migrate_memory(): does the page that `task` touched from node `to` go there? `lastTask` and `lastNode` are who
   * asked the same before (folio.last_cpupid). `isSlow`: `from` is below the top tier and tiering is off, then a first touch
   * never migrates.
   */
  shouldMigrate(lastTask: number, lastNode: NodeIndex, task: number, from: NodeIndex, to: NodeIndex, isSlow = false): boolean {
    if (isSlow && lastTask === NO_TASK) return false
    const state = this.task(task)
    const isOwn = lastTask !== NO_TASK && this.samePid(lastTask, task)
    if (this.#isYoung(state) && (lastTask === NO_TASK || isOwn)) return true
    if (lastTask !== NO_TASK && lastNode !== to) return false // two-touch filter
    return isOwn || state.group === null || state.group.follows[from * this.#nodes + to] === 1
  }

  #isYoung(state: TaskState): boolean {
    return state.preferred === NO_NODE || state.sequence <= (this.#settings.youngScans ?? YOUNG_SCANS)
  }

  /** update_scan_period(): the scheduler has moved the task to a cpu of another node. Leaving the preferred node starts over. */
  moved(task: number, from: NodeIndex, to: NodeIndex): void {
    const state = this.task(task)
    if (from === to || state.period === 0) return
    if (state.sequence > 0 && (to === state.preferred || (state.preferred !== NO_NODE && from !== state.preferred))) return
    state.period = this.#scanStart(this.#host.tasks[task]!.process, state)
  }

  /** Is `to` used so much more than `from` that shared pages should follow? */
  #updateFollows({ cpu, mem, follows }: NumaGroup): void {
    for (let from = 0; from < this.#nodes; from++) {
      for (let to = 0; to < this.#nodes; to++) {
        const isMuch = at(cpu, to) > ACTIVE_FRACTION * at(cpu, from) || at(cpu, to) * at(mem, from) * 3 > at(cpu, from) * at(mem, to) * 4
        if (follows[from * this.#nodes + to] === Number(isMuch)) continue
        follows[from * this.#nodes + to] = Number(isMuch)
        this.version++
      }
    }
  }

  /** The next fault of the task that is recorded does more than to count: task_numa_placement(), numa_migrate_preferred(). */
  isDue(task: number, process: number): boolean {
    const state = this.task(task)
    return this.#host.now() > state.retryAt && (state.preferred !== NO_NODE || state.sequence !== (this.sequence[process] ?? 0))
  }

  /** Recording a fault of `task` on a page that `lastTask` used before changes the groups. */
  joins(task: number, lastTask: number): boolean {
    if (this.isPrivate(task, lastTask)) return false
    const mine = this.task(task).group
    return mine === null || this.#groupToJoin(mine, lastTask) !== null
  }

  /** task_numa_fault() */
  record(fault: FaultFacts): void {
    const { task, process, lastTask, cpuNode, home, memNode } = fault
    const state = this.task(task)
    let isPrivate = this.isPrivate(task, lastTask)
    if (!isPrivate) isPrivate = this.#joinGroup(task, lastTask, fault.isShared === true)
    const isLocal = this.#isLocal(state, isPrivate, cpuNode, home, memNode)
    if (this.isDue(task, process)) {
      this.#place(state, process)
      if (state.preferred !== NO_NODE) {
        state.retryAt = this.#host.now() + Math.min(SECOND, state.period / 16)
        this.#stay(state, cpuNode)
      }
    }
    const { count = 1 } = fault
    if (fault.migrationFailed) state.failed += count
    this.#count(state, isPrivate, isLocal, cpuNode, memNode, count)
  }

  /** So many faults at once of a task that is not due, on pages of `home` that are on `memNode` now, with which it joins nobody. */
  recordMany(faults: number, task: number, lastTask: number, cpuNode: NodeIndex, home: NodeIndex, memNode = home): void {
    const state = this.task(task)
    const isPrivate = this.isPrivate(task, lastTask)
    this.#count(state, isPrivate, this.#isLocal(state, isPrivate, cpuNode, home, memNode), cpuNode, memNode, faults)
  }

  /** Between active nodes of a group that shares its memory all accesses count as local. */
  #isLocal({ group }: TaskState, isPrivate: boolean, cpuNode: NodeIndex, home: NodeIndex, memNode: NodeIndex): boolean {
    if (home === cpuNode) return true
    return !isPrivate && group !== null && group.activeNodes > 1 && isActive(group, cpuNode) && isActive(group, memNode)
  }

  #count(state: TaskState, isPrivate: boolean, isLocal: boolean, cpuNode: NodeIndex, memNode: NodeIndex, faults: number): void {
    state.newMem[memNode * 2 + (isPrivate ? PRIVATE : 0)]! += faults
    state.newCpu[cpuNode * 2 + (isPrivate ? PRIVATE : 0)]! += faults
    if (isLocal) state.local += faults
    else state.remote += faults
  }

  /**
   * task_numa_group(): a first shared fault founds a group of one; the smaller group joins the larger. True when the page turns
   * out to be private after all: two processes whose numbers look alike.
   */
  #joinGroup(task: number, other: number, isShared: boolean): boolean {
    const state = this.task(task)
    if (state.group === null) {
      this.version++
      const follows = new Uint8Array(this.#nodes ** 2)
      state.group = { id: this.#groups++, members: 1, activeNodes: 1, maxCpu: 0, mem: state.mem.slice(), cpu: state.cpu.slice(), follows }
      this.#updateFollows(state.group)
    }
    const mine = state.group
    const theirs = this.#groupToJoin(mine, other)
    if (theirs === null) return false
    const { tasks } = this.#host
    if (tasks[task]!.process !== tasks[other]!.process && !isShared) return true
    for (let i = 0; i < state.mem.length; i++) {
      mine.mem[i]! -= state.mem[i]!
      mine.cpu[i]! -= state.cpu[i]!
      theirs.mem[i]! += state.mem[i]!
      theirs.cpu[i]! += state.cpu[i]!
    }
    mine.members--
    theirs.members++
    state.group = theirs
    this.#updateFollows(mine)
    this.#updateFollows(theirs)
    this.version++
    return false
  }

  /** The group of the other task if it is the larger one, or as large and older. */
  #groupToJoin(mine: NumaGroup, other: number): NumaGroup | null {
    if (other >= this.#host.tasks.length) return null // it has exited
    const theirs = this.task(other).group
    if (theirs === null || theirs === mine || mine.members > theirs.members) return null
    return mine.members === theirs.members && mine.id > theirs.id ? null : theirs
  }

  /** task_numa_placement(): once per scan sequence the new faults are folded in, with a half-life of one sequence. */
  #place(state: TaskState, process: number): void {
    if (state.sequence === (this.sequence[process] ?? 0)) return
    const wasYoung = this.#isYoung(state)
    state.sequence = this.sequence[process]!
    if (state.period === 0) state.period = this.#scanStart(process, state)
    const total = state.local + state.remote
    let shared = 0
    let own = 0
    for (let i = 0; i < state.mem.length; i++) {
      if (i % 2 === PRIVATE) own += state.newMem[i]!
      else shared += state.newMem[i]!
      const memDiff = state.newMem[i]! - Math.floor(state.mem[i]! / 2)
      const cpuDiff = Math.floor((FULL_TIME * state.newCpu[i]!) / (total + 1)) - Math.floor(state.cpu[i]! / 2)
      state.mem[i]! += memDiff
      state.cpu[i]! += cpuDiff
      if (state.group !== null) {
        state.group.mem[i]! += memDiff
        state.group.cpu[i]! += cpuDiff
      }
      state.newMem[i] = 0
      state.newCpu[i] = 0
    }
    if (state.group !== null) {
      this.#updateActive(state.group)
      this.#updateFollows(state.group)
    }
    this.#choosePreferred(state)
    if (this.#isYoung(state) !== wasYoung) this.version++
    this.#updatePeriod(state, process, shared, own)
  }

  /**
   * numa_migrate_preferred() for a task that cannot be moved, as it is bound or its cpu is a fact of the recording: one that is in a group
   * makes do with the node where it is.
   */
  #stay(state: TaskState, cpuNode: NodeIndex): void {
    if (state.group !== null && state.preferred !== cpuNode) state.preferred = cpuNode
  }

  #choosePreferred(state: TaskState): void {
    const { mem } = state.group ?? state
    let best = 0
    for (let node = 1; node < this.#nodes; node++) if (at(mem, node) > at(mem, best)) best = node
    if (at(mem, best) > 0) state.preferred = this.#host.nearestWithCpus(best)
  }

  /** numa_group_count_active_nodes() */
  #updateActive(group: NumaGroup): void {
    group.maxCpu = 0
    group.activeNodes = 0
    for (let node = 0; node < this.#nodes; node++) group.maxCpu = Math.max(group.maxCpu, at(group.cpu, node))
    for (let node = 0; node < this.#nodes; node++) if (isActive(group, node)) group.activeNodes++
  }

  /** update_task_scan_period(). Where it gives up it keeps the locality counts, failures too: only a full update clears them. */
  #updatePeriod(state: TaskState, process: number, shared: number, own: number): void {
    const longest = this.#scanMax(process, state)
    if (state.local + shared === 0 || state.failed > 0) {
      state.period = Math.min(longest, state.period * 2)
      this.#host.postponeScan?.(process, this.#host.now() + state.period)
      return
    }
    const slot = Math.ceil(state.period / SLOTS)
    const localRatio = Math.floor((state.local * SLOTS) / (state.local + state.remote))
    const privateRatio = Math.floor((own * SLOTS) / (own + shared))
    if (privateRatio >= THRESHOLD) state.period += Math.max(privateRatio - THRESHOLD, 1) * slot
    else if (localRatio >= THRESHOLD) state.period += Math.max(localRatio - THRESHOLD, 1) * slot
    else state.period -= (THRESHOLD - Math.max(localRatio, privateRatio)) * slot
    state.period = Math.min(longest, Math.max(this.#scanMin(process), state.period))
    state.local = 0
    state.remote = 0
    state.failed = 0
  }

  #windows(process: number): number {
    return Math.max(1, Math.ceil((this.#host.residentPages(process) * BASE_PAGE) / this.#settings.scanSize))
  }

  #scanMin(process: number): number {
    const { scanSize, scanPeriodMin } = this.#settings
    const floor = SECOND / Math.max(1, Math.floor((MAX_SCAN_MB * MIB) / scanSize))
    return Math.max(floor, scanPeriodMin / this.#windows(process))
  }

  #scanStart(process: number, state: TaskState): number {
    const least = this.#scanMin(process)
    return Math.max(least, least * sharing(state.group))
  }

  #scanMax(process: number, state: TaskState): number {
    const longest = this.#settings.scanPeriodMax / this.#windows(process)
    return Math.max(this.#scanMin(process), longest, longest * sharing(state.group))
  }
}

/** Shared and private faults together. */
const at = (faults: Float64Array, node: NodeIndex): number => faults[node * 2]! + faults[node * 2 + 1]!

/** numa_is_active_node() */
const isActive = (group: NumaGroup, node: NodeIndex): boolean => at(group.cpu, node) * ACTIVE_FRACTION > group.maxCpu

/** A group that shares its pages is scanned as one: its members take turns. */
function sharing(group: NumaGroup | null): number {
  if (group === null) return 0
  let shared = 0
  let own = 0
  for (let i = 0; i < group.mem.length; i += 2) {
    shared += group.mem[i]!
    own += group.mem[i + 1]!
  }
  return (group.members * (shared + 1)) / (own + shared + 1)
}
