/**
 * The face of the kernel model: what the replay lane, the policies and the conformance runner may call. The model itself
 * is one module per mechanism beside this file. Node numbers here are dense machine indexes; pages are dense page ids.
 *
 * Failure is a value: statuses are node numbers >= 0 or negative errno, as move_pages(2) writes them.
 */
import type { BitSet, GrowableI32 } from '../columns/index.ts'
import type { Machine, NodeIndex } from '../machine/index.ts'
import type { Copies } from './copies.ts'

/** Value of `nodeOf[page]` for a page that is not present. Machines have at most 250 nodes. */
export const ABSENT = 255

export type PageId = number

/** One mapping of one process: page id per virtual page, -1 where the trace never touches (no page can be there). */
export interface LayoutVma {
  name: string
  startVpage: number
  ptes: Int32Array
  shared: boolean
}

/** What exists before the first access. Shared, read-only, the same for all lanes. */
export interface MemoryLayout {
  pageSize: number
  pages: number
  processes: { pid: number; vmas: LayoutVma[] }[]
  tasks: { tid: number; process: number }[]
  /** page -> pages that it stands for, where the trace is a sample of pages. */
  standsFor?: Uint32Array
}

export type MemPolicyMode = 'default' | 'preferred' | 'bind' | 'interleave' | 'local' | 'preferred_many' | 'weighted_interleave'

export interface MemPolicy {
  mode: MemPolicyMode
  nodes: NodeIndex[]
  flags?: ('static' | 'relative' | 'balancing')[]
  /** set_mempolicy_home_node(2). */
  homeNode?: NodeIndex
}

/** include/linux/migrate_mode.h and enum migrate_reason, under the names the tracepoint prints. */
export type MigrateMode = 'MIGRATE_ASYNC' | 'MIGRATE_SYNC_LIGHT' | 'MIGRATE_SYNC'
export type MigrateReason = 'syscall_or_cpuset' | 'mempolicy_mbind' | 'numa_misplaced' | 'demotion' | 'damon' | 'compaction' | 'memory_hotplug'

/** How often each stage of the protocol ran in one migrate_pages() call: what the ledger charges. Counts of base pages unless named. */
export interface StageCounts {
  isolated: number
  allocated: number
  unmapped: number
  tlbFlushes: number
  copiedPages: number
  copiedThp: number
  remapped: number
  putBack: number
  /** Unmap or move attempts beyond the first of each folio. */
  retries: number
}

/**
 * One call of the engine's migrate_pages(), as the tracepoint mm_migrate_pages would report it, and more. One object serves all
 * calls: it is valid during the observer's call.
 */
export interface MigrationRecord {
  reason: MigrateReason
  mode: MigrateMode
  /** Base pages. */
  succeeded: number
  failed: number
  thpSucceeded: number
  thpFailed: number
  thpSplit: number
  /** Base pages moved from node index i to j: flow[i * nodes + j]. */
  flow: Uint32Array
  /** Base pages that failed for good, by errno name (`EBUSY`) and stage (`isolate`, `allocate`, `unmap`, `refcount`, `copy`, …); sums to `failed`. */
  failures: { errno: string; stage: string; pages: number }[]
  stages: StageCounts
  /** Folios that were unmapped, whether they then moved or not: who touches one meanwhile waits. Some may appear twice. */
  unmapped: GrowableI32
  /** Folios that moved: head page, source node and target node of each in turn. */
  moved: GrowableI32
}

export interface KernelObserver {
  migration(record: MigrationRecord): void
  /**
   * A small folio that nothing keeps followed its user: one call of migrate_pages() in which each stage succeeded once, told
   * without a record. An observer that lacks this is told the record.
   */
  promoted?(page: PageId, from: NodeIndex, to: NodeIndex): void
  /** PTEs walked by the hint scanner or an accessed-bit walk. */
  scanned(ptes: number): void
  /** Frames on a node that hold copies of pages (copies.ts): made, or given up where negative. */
  copies(node: NodeIndex, frames: number): void
  /** A page on `from` was copied into a replica on `to`. */
  replicated(from: NodeIndex, to: NodeIndex, pages: number): void
}

/** Outcome of one system call by an operator or policy. */
export interface MoveOutcome {
  /** Base pages moved. */
  moved: number
  /** The call's return value: >= 0, or negative errno. */
  ret: number
  /** Pages (folios counted in base pages) not moved, by errno name. */
  failed: Record<string, number>
  /** move_pages only: node >= 0, negative errno, or NOT_WRITTEN. */
  status(i: number): number
}

/** The kernel left this status entry as it was. */
export const NOT_WRITTEN = -9999

/** A stretch of one process's memory. */
export interface MemoryRange {
  process: number
  name: string
  startVpage: number
  pages: number
}

/** What policies may do: the vocabulary of the manual pages. All effects are accounted for by the observer. */
export interface PolicyKernel {
  /** ABSENT (255) when the page is not present. */
  nodeOf(page: PageId): NodeIndex
  /** move_pages(2) with root's rights; flag MPOL_MF_MOVE unless `all`. Pages of one process or of several (one call each). */
  movePages(pages: ArrayLike<PageId>, to: NodeIndex | ArrayLike<NodeIndex>, options?: { all?: boolean }): MoveOutcome
  /** migrate_pages(2) on a process (index or all its threads), as root. */
  migratePages(process: number, from: NodeIndex[], to: NodeIndex[]): MoveOutcome
  mbind(range: MemoryRange, mempolicy: MemPolicy, flags?: { move?: boolean; moveAll?: boolean; strict?: boolean }): MoveOutcome
  setMempolicy(task: number, mempolicy: MemPolicy): void
  /** Create or change a cpuset (v2 semantics: pages follow). Attach with `attach`. */
  setCpuset(group: string, change: { cpus?: number[]; mems?: NodeIndex[]; attach?: number[] }): MoveOutcome
  ranges(process: number): MemoryRange[]
  /** Tail of the node's inactive list: the pages that reclaim would take first. */
  coldest(node: NodeIndex, pages: number): Uint32Array
  isActive(page: PageId): boolean
  activate(page: PageId): void
  freePages(node: NodeIndex): number
  /**
   * Transactional migration, page by page to its node (Nomad): EAGAIN where a write fell into the copy. A page that leaves the slow
   * tier keeps its old frame as a shadow until it is written; demotion to that node is then a remap.
   */
  transactPages(pages: ArrayLike<PageId>, to: ArrayLike<NodeIndex>): MoveOutcome
  /** A read-only copy of each page on its node (Carrefour), until the page is written or moved. `moved` counts copies. */
  replicatePages(pages: ArrayLike<PageId>, to: ArrayLike<NodeIndex>): MoveOutcome
  /** Cpus of `node` read a replica of the page on their own node. */
  isReplicatedOn(page: PageId, node: NodeIndex): boolean
  /** Kernel-internal asynchronous moves: demotion by reclaim and DAMOS. Returns base pages moved. */
  demotePages(pages: ArrayLike<PageId>, to: NodeIndex, reason: 'demotion' | 'damon'): MoveOutcome
}

/** What may keep pages from being marked, beyond their state. */
export interface ScanChoice {
  /** Asked for each pte that would be marked. */
  only?: ((node: NodeIndex, page: PageId) => boolean) | undefined
  /** The pages below this one are all there, and no others: nobody looks which are absent. 0 where that is not known. */
  there?: number
}

/** What the replay lane drives, besides. */
export interface LaneKernel extends PolicyKernel {
  /** page -> node index or ABSENT; read directly by the accounting loop. */
  readonly placement: Uint8Array
  /** Pages whose pte is PROT_NONE from the hint scanner; the lane delivers the fault at the next touch. */
  readonly hintMarked: BitSet
  /** vmstat counters by the names Linux prints, whole machine. */
  readonly vmstat: Record<string, number>
  /** Per node index, numastat names. */
  readonly nodeStat: Record<string, number>[]
  /** Replicas and shadows; null until a policy first makes one. */
  readonly copies: Copies | null
  /** kswapd on copies: nodes below their low watermark get their frames back. */
  reclaimCopies(): void
  /** Simulated time of what happens next, in ns of the policy clock. */
  now: number
  /** A page that was there before the trace began: on this node if it has room above its min watermark. No fault. */
  populate(page: PageId, node: NodeIndex): boolean
  /**
   * Page fault on an absent page by `task` running on node `node`: mempolicy, cpuset, zonelist, watermarks.
   * `preferred` is a policy's onAllocation answer. Returns the node, or -1 = no memory left (the lane ends as oom).
   */
  faultIn(page: PageId, task: number, node: NodeIndex, isWrite: boolean, preferred?: NodeIndex): number
  /** So many faults and promotions, in any order, can bring no node near a watermark: where pages go is known before. */
  isPlentyFor(faults: number): boolean
  /** 0 while no mempolicy and no cpuset is in force; grows whenever an answer of `turnOf` or `startOn` may change. */
  readonly policyVersion: number
  /** While memory is plenty: nodes on which pages go in turn by their virtual page number; null where each must be asked for (`faultIn`). */
  turnOf(task: number, node: NodeIndex): Uint8Array | null
  /** While memory is plenty: where a page goes that `preferred` is wanted for. */
  startOn(task: number, preferred: NodeIndex): NodeIndex
  /** While memory is plenty: takes frames; of a page, that it is there from now on. */
  takeFrames(node: NodeIndex, pages: number): void
  place(page: PageId, node: NodeIndex): void
  /** So many pages on `served` were placed so, first touched by a cpu of `node`; by the mempolicy of the task, if one is named. */
  faultedIn(node: NodeIndex, served: NodeIndex, pages: number, task?: number): void
  /** The task faulted last from a cpu of this node. */
  ranOn(task: number, node: NodeIndex): void
  /** Hint-fault promotion: migrate_misplaced_folio. True when the page is now on `to`. */
  migrateMisplaced(page: PageId, to: NodeIndex): boolean
  /** By node: so many pages may come and go so, in any order, and all of them succeed. */
  mayMigrateMisplaced(taken: ArrayLike<number>, given: ArrayLike<number>): boolean
  /** So many do: the caller puts them where they are now. */
  migrateManyMisplaced(from: NodeIndex, to: NodeIndex, pages: number): void
  /** A hint fault was taken by a cpu of `node`: counts it (numa_hint_faults, _local) and makes the pte accessible again. Before migrateMisplaced. */
  takeHintFault(page: PageId, node: NodeIndex): void
  /** So many hint faults taken at once, `local` of them by cpus of the pages' own nodes; their ptes are accessible again. */
  tookHintFaults(faults: number, local: number): void
  /**
   * Make ptes PROT_NONE as task_numa_work would: walks `process` from where it stopped, `pages` of address range.
   * `updated` ptes (numa_pte_updates); `wrapped` when the walk reached the end of the address space (numa_scan_seq += 1).
   */
  scanHints(process: number, pages: number, scannerNode: NodeIndex, choice?: ScanChoice): { updated: number; wrapped: boolean }
  /** Pages that were touched in the epoch, for LRU ageing; called once per epoch when a rule needs ageing. */
  markAccessed(pages: Uint32Array, from: number, to: number): void
  /** kswapd-like: nodes below their low watermark with the number of pages to free up to high. */
  pressure(): { node: NodeIndex; shortfall: number }[]
  /** Facts of the program: munmap(2) or MADV_DONTNEED of a range, exit of a process, mlock(2). */
  munmap(process: number, startVpage: number, pages: number): void
  exit(process: number): void
  mlock(process: number, startVpage: number, pages: number): void
  /** Puts the states of the fault plan on pages, and takes them off, that are due `sinceStartNs` after the start of the trace. */
  applyPlannedStates(sinceStartNs: number): void
  /** /proc/PID/numa_maps of a process as it is now. */
  numaMaps(process: number): string
  /** numastat(8) as it is now. */
  numastat(): string
  readonly machine: Machine
}
