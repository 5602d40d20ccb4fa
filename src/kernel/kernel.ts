/** State of one modelled kernel. Each mechanism is a module of functions over this; nothing here decides anything. */
import { GrowableI32 } from '../columns/index.ts'
import type { Machine } from '../machine/index.ts'
import { type Credentials, type Process, ROOT, type Task } from './address-space.ts'
import { type Cpuset, newCpuset } from './cpuset.ts'
import type { KernelObserver } from './face.ts'
import { Frames, type Zone } from './frames.ts'
import { MigrationEngine } from './migrate.ts'
import type { NodeMask } from './node-mask.ts'
import { type PageArrays, Pages } from './pages.ts'
import { Vmstat } from './vmstat.ts'
import { buildZonelists } from './zonelist.ts'

export interface KernelOptions {
  machine: Pick<Machine, 'nodes' | 'distance'>
  zones: readonly Zone[]
  /** Page ids that exist from the start. */
  pages: number
  /** Makes the arrays of placement and hint marks; default: plain ones. */
  arrays?: PageArrays | undefined
  /** page -> pages that it stands for, where they are a sample. */
  standsFor?: Uint32Array | undefined
  observer?: KernelObserver | undefined
  /** Pages follow a cpuset only where cpuset.memory_migrate says so. */
  cpusetV1?: boolean
  /** Tier of each node, 0 = fastest; without, all nodes are top tier. */
  tiers?: readonly number[]
}

export class Kernel {
  readonly nodes: number
  readonly machine: Pick<Machine, 'nodes' | 'distance'>
  /** N_MEMORY: nodes that have memory. */
  readonly memoryNodes: NodeMask
  readonly pages: Pages
  readonly frames: Frames
  readonly vmstat: Vmstat
  readonly engine: MigrationEngine
  readonly processes: Process[] = []
  readonly rootCpuset: Cpuset
  readonly cpusets = new Map<string, Cpuset>()
  readonly cpusetV1: boolean
  /** /sys/kernel/mm/mempolicy/weighted_interleave/nodeN. */
  readonly weights: Uint8Array
  /** /sys/kernel/mm/transparent_hugepage. */
  readonly thp = { enabled: 'madvise' as 'always' | 'madvise' | 'never', useZeroPage: true, shmem: false }
  /** Folios that the current call has isolated; empty between calls. */
  readonly isolated = new GrowableI32()
  /** kernel.numa_balancing has its tiering bit: moves to the top tier count as promotions. */
  tiering = true
  readonly #topTier: Uint8Array

  constructor({ machine, zones, pages, arrays, standsFor, observer, cpusetV1 = false, tiers }: KernelOptions) {
    this.machine = machine
    this.nodes = machine.nodes.length
    this.memoryNodes = machine.nodes.flatMap((node, i) => (node.bytes > 0 ? [i] : []))
    this.pages = new Pages(pages, arrays, standsFor)
    this.vmstat = new Vmstat(this.nodes)
    this.frames = new Frames(this.nodes, zones, buildZonelists(machine), this.vmstat, standsFor !== undefined)
    this.engine = new MigrationEngine(this.pages, this.frames, this.vmstat, observer)
    this.cpusetV1 = cpusetV1
    this.rootCpuset = newCpuset('/', null, false, this.memoryNodes, this.memoryNodes)
    // cpuset_init(): nodes_setall(), memory or not; the ordinals of the first move count them all
    this.rootCpuset.oldMems = machine.nodes.map((_, node) => node)
    this.weights = new Uint8Array(this.nodes).fill(1)
    // memory-tiers.c:node_is_toptier(): as fast as the slowest tier that has a cpu
    const slowestWithCpu = Math.max(0, ...machine.nodes.map((node, i) => (node.cpus.length > 0 ? (tiers?.[i] ?? 0) : 0)))
    this.#topTier = Uint8Array.from(machine.nodes, (_, i) => ((tiers?.[i] ?? 0) <= slowestWithCpu ? 1 : 0))
  }

  isTopTier(node: number): boolean {
    return this.#topTier[node] === 1
  }

  isPromotion(from: number, to: number): boolean {
    return this.#topTier[from] === 0 && this.#topTier[to] === 1
  }

  addProcess(pid: number, credentials: Credentials = ROOT): Process {
    const process: Process = { pid, vmas: [], tasks: [], scanOffset: 0, scanSequence: 0, hugePmds: new Set(), credentials: { ...credentials } }
    this.processes.push(process)
    return process
  }

  addTask(process: Process, tid: number, node: number, like?: Task): Task {
    const cpuset = like?.cpuset ?? this.rootCpuset
    const task: Task = {
      tid,
      process,
      node,
      policy: like?.policy ?? null,
      cpuset,
      mems: like?.mems ?? this.memoryNodes,
      memsTable: like?.memsTable ?? null,
    }
    cpuset.tasks.push(task)
    process.tasks.push(task)
    return task
  }
}
