/**
 * What the scheduler learns from NUMA hint faults (Linux 6.12, kernel/sched/fair.c): fault counts of each task and of groups of
 * tasks that share memory, the preferred node, and from them the pace of scanning.
 */
import type { NodeIndex } from '../kernel/index.ts'
import type { World } from './define.ts'
import { nearest } from './nodes.ts'

export interface ScanSettings {
  /** scan_period_min_ms, scan_period_max_ms as ns; scan_size_mb as bytes. */
  scanPeriodMin: number
  scanPeriodMax: number
  scanSize: number
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
/** Weight of CPU faults of a task that ran all the time: (runtime << 16) / period. */
const FULL_TIME = 65536
const PRIVATE = 1
export const NO_NODE = 255

/** Faults per node, shared and private: [node * 2 + private]. */
interface Faults {
  mem: Float64Array
  cpu: Float64Array
}

interface Group extends Faults {
  id: number
  members: number
  activeNodes: number
  maxCpu: number
}

export interface TaskState extends Faults {
  newMem: Float64Array
  newCpu: Float64Array
  /** 0 until the first placement. */
  period: number
  preferred: NodeIndex
  sequence: number
  retryAt: number
  local: number
  remote: number
  failed: number
  group: Group | null
}

export interface FaultFacts {
  task: number
  process: number
  /** Task of the fault before on this page; -1 when unknown. */
  lastTask: number
  cpuNode: NodeIndex
  /** Node of the page before and after this fault. */
  home: NodeIndex
  memNode: NodeIndex
  migrationFailed: boolean
}

export class NumaFaults {
  readonly tasks: TaskState[]
  /** mm->numa_scan_seq of each process. */
  readonly sequence: number[]
  readonly #world: World
  readonly #settings: ScanSettings
  readonly #nodes: number
  readonly #members: number[][]
  readonly #cpuNodes: NodeIndex[]
  #groups = 0

  constructor(world: World, settings: ScanSettings) {
    const { machine, processes, tasks } = world
    this.#world = world
    this.#settings = settings
    this.#nodes = machine.nodes.length
    this.#cpuNodes = machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    const slots = this.#nodes * 2
    this.sequence = processes.map(() => 0)
    this.tasks = tasks.map(() => ({
      mem: new Float64Array(slots),
      cpu: new Float64Array(slots),
      newMem: new Float64Array(slots),
      newCpu: new Float64Array(slots),
      period: 0,
      preferred: NO_NODE,
      sequence: 0,
      retryAt: 0,
      local: 0,
      remote: 0,
      failed: 0,
      group: null,
    }))
    this.#members = processes.map((_, process) => [...tasks.keys()].filter((task) => tasks[task]!.process === process))
  }

  /** The first thread of the process whose period is over scans for all of them. */
  scanPeriod(process: number): number {
    let least = Number.POSITIVE_INFINITY
    for (const task of this.#members[process]!) least = Math.min(least, this.tasks[task]!.period || this.#scanStart(process, this.tasks[task]!))
    return least
  }

  /** PIDs are kept in eight bits: two tasks whose numbers agree in them are taken for one (cpupid_match_pid). */
  samePid(a: number, b: number): boolean {
    const { tasks } = this.#world
    return (tasks[a]!.tid & 0xff) === (tasks[b]!.tid & 0xff)
  }

  /** Of the group if the task has one: is `to` used so much more than `from` that shared pages should follow? */
  groupPrefers(task: number, from: NodeIndex, to: NodeIndex): boolean {
    const { group } = this.tasks[task]!
    if (group === null) return true
    if (at(group.cpu, to) > ACTIVE_FRACTION * at(group.cpu, from)) return true
    return at(group.cpu, to) * at(group.mem, from) * 3 > at(group.cpu, from) * at(group.mem, to) * 4
  }

  /** task_numa_fault() */
  record(fault: FaultFacts): void {
    const { task, process, lastTask, cpuNode, home, memNode } = fault
    const state = this.tasks[task]!
    const isPrivate = lastTask < 0 || this.samePid(lastTask, task)
    if (!isPrivate) this.#joinGroup(task, lastTask)
    let isLocal = home === cpuNode
    const { group } = state
    if (!isPrivate && !isLocal && group !== null && group.activeNodes > 1 && isActive(group, cpuNode) && isActive(group, memNode)) isLocal = true
    if (this.#world.now() >= state.retryAt) this.#place(state, process)
    if (fault.migrationFailed) state.failed++
    state.newMem[memNode * 2 + (isPrivate ? PRIVATE : 0)]!++
    state.newCpu[cpuNode * 2 + (isPrivate ? PRIVATE : 0)]!++
    if (isLocal) state.local++
    else state.remote++
  }

  /** task_numa_group(): a first shared fault founds a group of one; the smaller group joins the larger. */
  #joinGroup(task: number, other: number): void {
    const state = this.tasks[task]!
    state.group ??= { id: this.#groups++, members: 1, activeNodes: 1, maxCpu: 0, mem: state.mem.slice(), cpu: state.cpu.slice() }
    const mine = state.group
    const theirs = this.tasks[other]!.group
    if (theirs === null || theirs === mine || mine.members > theirs.members) return
    if (mine.members === theirs.members && mine.id > theirs.id) return
    for (let i = 0; i < state.mem.length; i++) {
      mine.mem[i]! -= state.mem[i]!
      mine.cpu[i]! -= state.cpu[i]!
      theirs.mem[i]! += state.mem[i]!
      theirs.cpu[i]! += state.cpu[i]!
    }
    mine.members--
    theirs.members++
    state.group = theirs
  }

  /** task_numa_placement(): once per scan sequence the new faults are folded in, with a half-life of one sequence. */
  #place(state: TaskState, process: number): void {
    if (state.sequence === this.sequence[process]) return
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
    if (state.group !== null) this.#updateActive(state.group)
    this.#choosePreferred(state)
    this.#updatePeriod(state, process, shared, own)
    if (state.preferred !== NO_NODE) state.retryAt = this.#world.now() + Math.min(SECOND, state.period / 16)
  }

  #choosePreferred(state: TaskState): void {
    const { mem } = state.group ?? state
    let best = 0
    for (let node = 1; node < this.#nodes; node++) if (at(mem, node) > at(mem, best)) best = node
    if (at(mem, best) > 0) state.preferred = nearest(this.#world.machine, best, this.#cpuNodes) ?? best
  }

  /** numa_group_count_active_nodes() */
  #updateActive(group: Group): void {
    group.maxCpu = 0
    group.activeNodes = 0
    for (let node = 0; node < this.#nodes; node++) group.maxCpu = Math.max(group.maxCpu, at(group.cpu, node))
    for (let node = 0; node < this.#nodes; node++) if (isActive(group, node)) group.activeNodes++
  }

  /** update_task_scan_period() */
  #updatePeriod(state: TaskState, process: number, shared: number, own: number): void {
    const longest = this.#scanMax(process, state)
    if (state.local + shared === 0 || state.failed > 0) {
      state.period = Math.min(longest, state.period * 2)
    } else {
      const slot = Math.ceil(state.period / SLOTS)
      const localRatio = Math.floor((state.local * SLOTS) / (state.local + state.remote))
      const privateRatio = Math.floor((own * SLOTS) / (own + shared))
      if (privateRatio >= THRESHOLD) state.period += Math.max(privateRatio - THRESHOLD, 1) * slot
      else if (localRatio >= THRESHOLD) state.period += Math.max(localRatio - THRESHOLD, 1) * slot
      else state.period -= (THRESHOLD - Math.max(localRatio, privateRatio)) * slot
      state.period = Math.min(longest, Math.max(this.#scanMin(process), state.period))
    }
    state.local = 0
    state.remote = 0
    state.failed = 0
  }

  #windows(process: number): number {
    const bytes = this.#world.kernel.ranges(process).reduce((pages, range) => pages + range.pages, 0) * BASE_PAGE
    return Math.max(1, Math.ceil(bytes / this.#settings.scanSize))
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
const isActive = (group: Group, node: NodeIndex): boolean => at(group.cpu, node) * ACTIVE_FRACTION > group.maxCpu

/** A group that shares its pages is scanned as one: its members take turns. */
function sharing(group: Group | null): number {
  if (group === null) return 0
  let shared = 0
  let own = 0
  for (let i = 0; i < group.mem.length; i += 2) {
    shared += group.mem[i]!
    own += group.mem[i + 1]!
  }
  return (group.members * (shared + 1)) / (own + shared + 1)
}
