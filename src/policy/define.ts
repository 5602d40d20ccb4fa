/** `definePolicy`: what a file in policies/ default-exports. The file's name is the policy's name. */
import type { ArrayType, NumberArray } from '../columns/index.ts'
import type { NodeIndex, PageId, PolicyKernel } from '../kernel/index.ts'
import type { MachineNode } from '../machine/index.ts'
import type { Params, ParamValues } from './params.ts'
import type { Rule } from './rules.ts'

/** The machine as a policy sees it. */
export interface PolicyMachine {
  nodes: readonly (MachineNode & { index: NodeIndex })[]
  /** SLIT distance. */
  distance(from: NodeIndex, to: NodeIndex): number
  /** Idle read latency, ns. */
  latency(from: NodeIndex, to: NodeIndex): number
  /** Top tier (mm/memory-tiers.c:node_is_toptier): as fast as the slowest tier with cpus. */
  isFast(node: NodeIndex): boolean
  /** Base pages the node holds. */
  pages(node: NodeIndex): number
  /** Read bandwidth of the node's memory, bytes/s; undefined when the machine file states none. */
  bandwidth(node: NodeIndex): number | undefined
  /** Moving one base page, ns: the D of the page-migration problem is this over a latency difference. */
  migrationNs: number
  /** Nearest node of the next slower tier. */
  nextTierDown(node: NodeIndex): NodeIndex | undefined
  /** Dense index of an operating-system node id; throws a UserError when the machine has none. */
  indexOf(id: number): NodeIndex
}

/** How a node's memory did in the epoch before: what counters of its memory controllers show. */
export interface NodeLoad {
  /** Mean latency of the accesses it served, queueing included, ns; its idle local latency when there were none. */
  latencyNs: number
  accesses: number
  /** Bandwidth asked of it over what it carries; 0 when contention is not modelled. */
  utilisation: number
}

/** mm/page_alloc.c:__setup_per_zone_wmarks(). */
export type Watermark = 'min' | 'low' | 'high' | 'promo'

export interface World {
  machine: PolicyMachine
  kernel: PolicyKernel & {
    /** Private state of the policy: `slots` consecutive entries a page, one unless said otherwise. */
    perPage<A extends NumberArray>(array: ArrayType<A>, initial?: number, slots?: number): A
    /** Free pages that mark a node's state, as in /proc/zoneinfo. */
    watermark(node: NodeIndex, mark: Watermark): number
  }
  /** Pages of the trace; ids are 0 … pages - 1. */
  pages: number
  /** Pages that a page stands for: 1, or more in a trace that is a sample of pages. Free memory and pages moved count all of them. */
  standsFor(page: PageId): number
  /** How the memory of a node did in the last epoch. */
  load(node: NodeIndex): NodeLoad
  /** Uniform in [0, 1), seeded per lane. */
  random(): number
  /** Now on the policy clock, ns since the start of the trace. */
  now(): number
  /** Processes and tasks of the trace, by index. */
  processes: readonly { pid: number }[]
  tasks: readonly { pid: number; tid: number; process: number }[]
  /** Task, and node of its cpu, by `fault.cpupid`. */
  cpupid: { task: Uint16Array; node: Uint8Array }
  /** Pages of the trace, by id. */
  page(page: PageId): { process: number; vpage: number }
  /** The other way round; undefined for a virtual page that the trace never touches. */
  pageAt(process: number, vpage: number): PageId | undefined
  /** Bytes. */
  pageSize: number
  /** Reads a small text file the user named in a parameter (at start-up, relative to the working folder). */
  readText(file: string): string
}

export interface PolicyDefinition<P extends Params = Params> {
  about: string
  /** Citation, or kernel file and function. */
  paper?: string
  params?: P
  rules(world: World, params: ParamValues<P>): Rule[]
}

/** A policy with its parameters, ready to be given to `replay`. */
export interface Policy {
  definition: PolicyDefinition
  values: Record<string, unknown>
}

/** What `definePolicy` returns: call it with parameters, e.g. `hotPageDaemon({ period: 2e9 })`. */
export interface PolicyFactory<P extends Params = Params> {
  (values?: Partial<ParamValues<P>>): Policy
  definition: PolicyDefinition<P>
}

// biome-ignore lint/complexity/noBannedTypes: a policy without parameters has the empty record
export function definePolicy<P extends Params = {}>(definition: PolicyDefinition<P>): PolicyFactory<P> {
  const defaults = Object.fromEntries(Object.entries(definition.params ?? {}).map(([name, param]) => [name, param.default]))
  const factory = (values: Partial<ParamValues<P>> = {}): Policy => ({
    definition: definition as unknown as PolicyDefinition,
    values: { ...defaults, ...values },
  })
  return Object.assign(factory, { definition })
}
