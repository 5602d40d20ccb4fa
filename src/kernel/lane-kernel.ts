/**
 * The kernel as a replay lane drives it: a static layout of pages, plain counters, no files. Every call goes to the mechanism
 * of the same name; nothing is decided here.
 */
import type { BitSet } from '../columns/index.ts'
import type { Machine, NodeIndex } from '../machine/index.ts'
import { findVma, interleaveIndex, isolateRange, NO_PAGE, newVma, ownPolicy, type Process, type Task, type Vma } from './address-space.ts'
import { allocateByPolicy } from './allocation.ts'
import { Copies } from './copies.ts'
import { attach, createCpuset, writeMems } from './cpuset.ts'
import { demotePages } from './demote.ts'
import { EINVAL, errnoName } from './errno.ts'
import {
  ABSENT,
  type KernelObserver,
  type LaneKernel,
  type MemoryLayout,
  type MemoryRange,
  type MemPolicy,
  type MigrationRecord,
  type MoveOutcome,
  NOT_WRITTEN,
  type PageId,
  type ScanChoice,
} from './face.ts'
import { type FaultPlan, PlannedStates } from './fault-plan.ts'
import { zonesOf } from './frames.ts'
import { scanHints } from './hint-scan.ts'
import { Kernel } from './kernel.ts'
import { Lru } from './lru.ts'
import { mbind } from './mbind.ts'
import { type Mempolicy, makePolicy } from './mempolicy.ts'
import type { StageObserver } from './migrate.ts'
import { migratePages } from './migrate-pages.ts'
import { migrateManyMisplaced, migrateMisplaced } from './misplaced.ts'
import { movePages } from './move-pages.ts'
import { nodeMask, toTable } from './node-mask.ts'
import { numaMaps, numastat } from './numa-maps.ts'
import { PAGE, type PageArrays } from './pages.ts'
import { firstFrom, turnOf } from './plenty.ts'
import { replicatePage, transactPages } from './transact.ts'

export interface LaneOptions {
  seed: number
  label: string
  observer: KernelObserver
  /** Page states that the trace cannot know. */
  faultPlan?: FaultPlan
  /** Makes the arrays of placement and hint marks, which the lane's loops read; default: plain ones. */
  arrays?: PageArrays
  /** Told of every stage of every migration: for following one step by step. */
  onStage?: StageObserver
  /** Whether a write falls into a copy of the page that is made now; without, none does. */
  isWritten?: (page: PageId) => boolean
}

/** Copies that an allocation without a free frame frees (SWAP_CLUSTER_MAX). */
const CLUSTER = 32

export function createLaneKernel(machine: Machine, layout: MemoryLayout, options: LaneOptions): LaneKernel {
  return new Lane(machine, layout, options)
}

/** page -> process and address: the same for all lanes of a layout, built when a policy first needs them. */
interface Places {
  process: Uint16Array
  vpage: Float64Array
}
const placesOf = new WeakMap<MemoryLayout, Places>()

class Lane implements LaneKernel {
  readonly machine: Machine
  readonly placement: Uint8Array
  now = 0
  readonly #kernel: Kernel
  readonly #lru: Lru
  readonly #tasks: Task[]
  readonly #planned: PlannedStates | null
  readonly #pageSize: number
  readonly #observer: KernelObserver
  readonly #isWritten: (page: PageId) => boolean
  #copies: Copies | null = null
  /** 0 until a mempolicy or cpuset is in force: then every fault starts on the faulting cpu's node. */
  policyVersion = 0
  #mappingsHavePolicies = false
  readonly #layout: MemoryLayout

  constructor(machine: Machine, layout: MemoryLayout, { observer, seed, faultPlan, arrays, onStage, isWritten = () => false }: LaneOptions) {
    this.machine = machine
    this.#isWritten = isWritten
    this.#layout = layout
    this.#pageSize = layout.pageSize
    this.#observer = observer
    const kernel = new Kernel({
      machine,
      zones: zonesOf(machine, layout.pageSize),
      pages: layout.pages,
      arrays,
      standsFor: layout.standsFor,
      observer: {
        migration: (record) => this.#migrated(record),
        ...(observer.promoted && { promoted: (page, from, to) => this.#promoted(page, from, to) }),
        scanned: (ptes) => observer.scanned(ptes),
        copies: (node, frames) => observer.copies(node, frames),
        replicated: (from, to, pages) => observer.replicated(from, to, pages),
      },
      tiers: machine.nodes.map((node) => node.tier),
    })
    this.#kernel = kernel
    this.#lru = new Lru(kernel.pages)
    this.placement = kernel.pages.node
    for (const { pid, vmas } of layout.processes) {
      const process = kernel.addProcess(pid)
      process.vmas = vmas
        .map(({ name, startVpage, ptes, shared }) => newVma({ name, start: startVpage, ptes, kind: shared ? 'shmem' : 'anon', shared }))
        .sort((a, b) => a.start - b.start)
    }
    this.#tasks = layout.tasks.map(({ tid, process }) => kernel.addTask(kernel.processes[process]!, tid, 0))
    this.#countSharedMappings()
    this.#planned = faultPlan ? new PlannedStates(faultPlan, kernel.pages, layout, seed) : null
    kernel.engine.onStage = onStage ?? null
  }

  #migrated(record: MigrationRecord): void {
    const { data, length } = record.moved
    for (let i = 0; i < length; i += 3) this.#lru.arrived(data[i]!, data[i + 2]!)
    this.#observer.migration(record)
  }

  #promoted(page: PageId, from: NodeIndex, to: NodeIndex): void {
    this.#lru.arrived(page, to)
    this.#observer.promoted!(page, from, to)
  }

  applyPlannedStates(sinceStartNs: number): void {
    this.#planned?.apply(sinceStartNs)
  }

  numaMaps(process: number): string {
    return numaMaps(this.#kernel.processes[process]!, this.#kernel.pages, this.machine.nodes, this.#pageSize)
  }

  numastat(): string {
    return numastat(this.#kernel.vmstat, this.machine.nodes)
  }

  get vmstat(): Record<string, number> {
    return this.#kernel.vmstat.total()
  }

  get nodeStat(): Record<string, number>[] {
    return this.machine.nodes.map((_, node) => this.#kernel.vmstat.ofNode(node))
  }

  nodeOf(page: PageId): NodeIndex {
    return this.placement[page]!
  }

  isActive(page: PageId): boolean {
    return this.#lru.isActive(page)
  }

  activate(page: PageId): void {
    this.#lru.activate(page)
  }

  coldest(node: NodeIndex, pages: number): Uint32Array {
    return this.#lru.coldest(node, pages)
  }

  markAccessed(pages: Uint32Array, from: number, to: number): void {
    this.#lru.markAccessed(pages, from, to)
  }

  freePages(node: NodeIndex): number {
    return this.#kernel.frames.freeOn(node)
  }

  pressure(): { node: NodeIndex; shortfall: number }[] {
    return this.machine.nodes.flatMap((_, node) => {
      const shortfall = this.#kernel.frames.shortfall(node)
      return shortfall > 0 ? [{ node, shortfall }] : []
    })
  }

  populate(page: PageId, node: NodeIndex): boolean {
    if (!this.#kernel.frames.take(node, 'min', this.#kernel.pages.folioPages(page))) return false
    this.placement[page] = node
    return true
  }

  faultIn(page: PageId, task: number, node: NodeIndex, _isWrite: boolean, preferred?: NodeIndex): number {
    const kernel = this.#kernel
    const size = kernel.pages.folioPages(page)
    let served: number
    if (preferred !== undefined) served = kernel.frames.allocate(preferred, null, this.#tasks[task]!.memsTable, size, node)
    else if (this.policyVersion > 0) served = this.#allocateByPolicy(page, this.#tasks[task]!, node)
    else served = kernel.frames.allocate(node, null, null, size, node)
    if (served < 0) return -1
    kernel.vmstat.count('pgfault', size)
    this.placement[page] = served
    this.#lru.arrived(page, served)
    return served
  }

  isPlentyFor(faults: number): boolean {
    const { pages, frames, memoryNodes } = this.#kernel
    return pages.areSmall && this.#lru.isIdle && memoryNodes.every((node) => frames.isAbove(node, 'high', faults))
  }

  turnOf(task: number, node: NodeIndex): Uint8Array | null {
    if (this.#mappingsHavePolicies) return null
    const { memsTable, policy } = this.#tasks[task]!
    return turnOf(this.#kernel, { node, memsTable }, policy)
  }

  startOn(task: number, preferred: NodeIndex): NodeIndex {
    return firstFrom(this.#kernel, preferred, null, this.#tasks[task]!.memsTable)
  }

  takeFrames(node: NodeIndex, pages: number): void {
    this.#kernel.frames.takeEach(node, 'low', pages)
  }

  place(page: PageId, node: NodeIndex): void {
    this.#kernel.frames.take(node, 'low', 1)
    this.placement[page] = node
    this.#lru.arrived(page, node)
  }

  faultedIn(node: NodeIndex, served: NodeIndex, pages: number, task?: number): void {
    const { vmstat } = this.#kernel
    vmstat.countAllocation(served, served, node, pages)
    if (task !== undefined && this.#tasks[task]!.policy?.mode === 'interleave') vmstat.countNode(served, 'numa_interleave', pages)
    vmstat.count('pgfault', pages)
  }

  ranOn(task: number, node: NodeIndex): void {
    this.#tasks[task]!.node = node
  }

  #allocateByPolicy(page: PageId, task: Task, node: NodeIndex): number {
    const vma = this.#vmaOf(page)
    const i = vma === undefined ? 0 : this.#place(page).vpage - vma.start
    const policy = (vma === undefined ? null : ownPolicy(vma, i)) ?? task.policy
    const index = vma === undefined ? page : interleaveIndex(vma, i)
    task.node = node
    return allocateByPolicy(this.#kernel, task, policy, index, this.#kernel.pages.folioPages(page), false)
  }

  get hintMarked(): BitSet {
    return this.#kernel.pages.hintMarked
  }

  migrateMisplaced(page: PageId, to: NodeIndex): boolean {
    return migrateMisplaced(this.#kernel, page, to)
  }

  mayMigrateMisplaced(taken: ArrayLike<number>, given: ArrayLike<number>): boolean {
    const { engine, frames } = this.#kernel
    if (!engine.promotesAll || !this.#lru.isIdle) return false
    for (let node = 0; node < taken.length; node++) if (!frames.mayTrade(node, taken[node]!, given[node]!)) return false
    return true
  }

  migrateManyMisplaced(from: NodeIndex, to: NodeIndex, pages: number): void {
    migrateManyMisplaced(this.#kernel, from, to, pages)
  }

  takeHintFault(page: PageId, node: NodeIndex): void {
    const faults = this.#kernel.pages.folioPages(page)
    this.#kernel.pages.hintMarked.delete(page)
    this.#kernel.vmstat.count('numa_hint_faults', faults)
    if (this.placement[page] === node) this.#kernel.vmstat.count('numa_hint_faults_local', faults)
  }

  tookHintFaults(faults: number, local: number): void {
    this.#kernel.vmstat.count('numa_hint_faults', faults)
    this.#kernel.vmstat.count('numa_hint_faults_local', local)
  }

  scanHints(process: number, pages: number, scannerNode: NodeIndex, choice?: ScanChoice): { updated: number; wrapped: boolean } {
    const scan = scanHints(this.#kernel, this.#kernel.processes[process]!, pages, scannerNode, choice)
    this.#observer.scanned(scan.walked)
    return scan
  }

  movePages(pages: ArrayLike<PageId>, to: NodeIndex | ArrayLike<NodeIndex>, { all = false } = {}): MoveOutcome {
    const kernel = this.#kernel
    const count = pages.length
    const status = new Int32Array(count).fill(NOT_WRITTEN)
    const before = this.#moved()
    const ret = movePages(
      kernel,
      {
        count,
        resolve: (i) => (this.placement[pages[i]!] === ABSENT ? NO_PAGE : pages[i]!),
        node: typeof to === 'number' ? () => to : (i) => to[i]!,
        all,
        caller: null,
        targetMems: kernel.memoryNodes,
      },
      status,
    )
    const failed: Record<string, number> = {}
    for (let i = 0; i < count; i++) {
      const code = status[i]!
      if (code < 0 && code !== NOT_WRITTEN) failed[errnoName(code)] = (failed[errnoName(code)] ?? 0) + kernel.pages.standsFor(pages[i]!)
    }
    return this.#outcome(ret, before, (i) => status[i]!, failed)
  }

  migratePages(process: number, from: NodeIndex[], to: NodeIndex[]): MoveOutcome {
    const before = this.#moved()
    const ret = migratePages(this.#kernel, null, this.#kernel.processes[process]!, nodeMask(from), nodeMask(to), true)
    return this.#outcome(ret, before)
  }

  mbind(range: MemoryRange, mempolicy: MemPolicy, flags: { move?: boolean; moveAll?: boolean; strict?: boolean } = {}): MoveOutcome {
    const process = this.#kernel.processes[range.process]!
    const before = this.#moved()
    this.policyVersion++
    this.#mappingsHavePolicies = true
    const ret = mbind(this.#kernel, process.tasks[0]!, process, {
      start: range.startVpage,
      pages: range.pages,
      mode: mempolicy.mode,
      flags: mempolicy.flags ?? [],
      nodes: nodeMask(mempolicy.nodes),
      ...flags,
      privileged: true,
    })
    if (ret >= 0 && mempolicy.homeNode !== undefined) {
      for (const vma of isolateRange(process, range.startVpage, range.startVpage + range.pages)) {
        if (vma.policy !== null) vma.policy = { ...vma.policy, home: mempolicy.homeNode }
      }
    }
    return this.#outcome(ret, before)
  }

  setMempolicy(task: number, mempolicy: MemPolicy): number {
    const owner = this.#tasks[task]!
    const policy = this.#policy(mempolicy, owner)
    if (policy === EINVAL) return EINVAL
    owner.policy = policy
    this.policyVersion++
    return 0
  }

  #policy({ mode, nodes, flags, homeNode }: MemPolicy, task: Task): Mempolicy | null | typeof EINVAL {
    const policy = makePolicy(mode, flags ?? [], nodeMask(nodes), task.mems, this.#kernel.memoryNodes, this.#kernel.nodes)
    return policy === null || policy === EINVAL || homeNode === undefined ? policy : { ...policy, home: homeNode }
  }

  setCpuset(group: string, change: { cpus?: number[]; mems?: NodeIndex[]; attach?: number[] }): MoveOutcome {
    const kernel = this.#kernel
    const before = this.#moved()
    this.policyVersion++
    const cpuset = kernel.cpusets.get(group) ?? createCpuset(kernel, group, kernel.rootCpuset)
    const ret = change.mems === undefined ? 0 : writeMems(kernel, cpuset, nodeMask(change.mems))
    for (const process of change.attach ?? []) {
      const tasks = [...kernel.processes[process]!.tasks]
      const from = tasks[0]?.cpuset
      if (from !== undefined && from !== null && from !== cpuset) attach(kernel, tasks, from, cpuset)
    }
    return this.#outcome(ret, before)
  }

  demotePages(pages: ArrayLike<PageId>, to: NodeIndex, reason: 'demotion' | 'damon'): MoveOutcome {
    const before = this.#moved()
    const slower = this.machine.nodes.flatMap((node, i) => (node.tier >= this.machine.nodes[to]!.tier ? [i] : []))
    demotePages(this.#kernel, pages, to, reason === 'demotion' ? toTable(slower, this.#kernel.nodes) : null, reason)
    return this.#outcome(0, before)
  }

  get copies(): Copies | null {
    return this.#copies
  }

  /** From the first copy on the allocator knows whom to ask for frames. */
  #needCopies(): Copies {
    if (this.#copies !== null) return this.#copies
    const { engine, frames, pages } = this.#kernel
    const copies = new Copies(pages, frames, this.#observer)
    this.#copies = copies
    engine.copies = copies
    frames.reclaimer = (start, allowed, isLast) => {
      if (!isLast) return true
      for (const node of frames.zonelist(start)) {
        if ((allowed === null || allowed[node] === 1) && copies.reclaim(node, CLUSTER) > 0) return true
      }
      return false
    }
    return copies
  }

  transactPages(pages: ArrayLike<PageId>, to: ArrayLike<NodeIndex>): MoveOutcome {
    const before = this.#moved()
    transactPages(this.#kernel, this.#needCopies(), pages, (i) => to[i]!, this.#isWritten)
    return this.#outcome(0, before)
  }

  replicatePages(pages: ArrayLike<PageId>, to: ArrayLike<NodeIndex>): MoveOutcome {
    const copies = this.#needCopies()
    const before = copies.made
    const failed: Record<string, number> = {}
    for (let i = 0; i < pages.length; i++) {
      const made = copies.made
      const code = replicatePage(this.#kernel, copies, pages[i]!, to[i]!)
      if (code !== 0) failed[errnoName(code)] = (failed[errnoName(code)] ?? 0) + this.#kernel.pages.standsFor(pages[i]!)
      else if (copies.made > made) this.#observer.replicated(this.placement[pages[i]!]!, to[i]!, copies.made - made)
    }
    return { moved: copies.made - before, ret: 0, failed, status: () => NOT_WRITTEN }
  }

  isReplicatedOn(page: PageId, node: NodeIndex): boolean {
    return this.#copies?.isServedOn(page, node) ?? false
  }

  reclaimCopies(): void {
    if (this.#copies === null) return
    for (const { node, shortfall } of this.pressure()) this.#copies.reclaim(node, shortfall)
  }

  ranges(process: number): MemoryRange[] {
    return this.#kernel.processes[process]!.vmas.map((vma) => ({ process, name: vma.name, startVpage: vma.start, pages: vma.ptes.length }))
  }

  /** The mapping stays in the layout, as the program may map the same addresses again. */
  munmap(process: number, startVpage: number, pages: number): void {
    for (const vma of isolateRange(this.#kernel.processes[process]!, startVpage, startVpage + pages)) this.#freePages(vma)
  }

  exit(process: number): void {
    for (const vma of this.#kernel.processes[process]!.vmas) this.#freePages(vma)
  }

  mlock(process: number, startVpage: number, pages: number): void {
    for (const vma of isolateRange(this.#kernel.processes[process]!, startVpage, startVpage + pages)) {
      vma.locked = true
      for (const page of vma.ptes) if (page >= 0) this.#kernel.pages.setState(page, PAGE.mlocked | PAGE.unevictable)
    }
  }

  /** Pages that nobody else maps are freed; a page of several processes loses one mapping. */
  #freePages(vma: Vma): void {
    const { pages, frames } = this.#kernel
    for (const page of vma.ptes) {
      if (page < 0 || this.placement[page] === ABSENT) continue
      if (pages.mapcount(page) > 1) {
        pages.setMapcount(page, pages.mapcount(page) - 1)
        continue
      }
      this.#copies?.drop(page)
      frames.give(this.placement[page]!, pages.folioPages(page))
      this.placement[page] = ABSENT
      pages.hintMarked.delete(page)
      pages.clearState(page, 0xffff)
    }
  }

  #countSharedMappings(): void {
    const { pages, processes } = this.#kernel
    if (!processes.some((process) => process.vmas.some((vma) => vma.shared))) return
    const seen = new Uint8Array(pages.length)
    for (const process of processes) {
      for (const vma of process.vmas) {
        for (const page of vma.ptes) {
          if (page < 0) continue
          if (seen[page] === 1) pages.setMapcount(page, pages.mapcount(page) + 1)
          seen[page] = 1
        }
      }
    }
  }

  #vmaOf(page: PageId): Vma | undefined {
    const { process, vpage } = this.#place(page)
    return findVma(process, vpage)
  }

  #place(page: PageId): { process: Process; vpage: number } {
    const places = placesOf.get(this.#layout) ?? this.#buildPlaces()
    placesOf.set(this.#layout, places)
    return { process: this.#kernel.processes[places.process[page]!]!, vpage: places.vpage[page]! }
  }

  #buildPlaces(): Places {
    const process = new Uint16Array(this.#kernel.pages.length)
    const vpage = new Float64Array(this.#kernel.pages.length)
    for (const [p, owner] of this.#kernel.processes.entries()) {
      for (const vma of owner.vmas) {
        for (let i = 0; i < vma.ptes.length; i++) {
          const page = vma.ptes[i]!
          if (page < 0) continue
          process[page] = p
          vpage[page] = vma.start + i
        }
      }
    }
    return { process, vpage }
  }

  #moved(): number {
    return this.#kernel.vmstat.event('pgmigrate_success')
  }

  #outcome(ret: number, movedBefore: number, status: (i: number) => number = () => NOT_WRITTEN, failed: Record<string, number> = {}): MoveOutcome {
    return { moved: this.#moved() - movedBefore, ret, failed, status }
  }
}
