/** One scenario on the model: the kernel of the recorded machine, its processes, regions and controller. */
import {
  access,
  type Cpuset,
  cutRange,
  discard,
  errno,
  exit,
  findVma,
  HUGE_ZERO_PAGE,
  Kernel,
  makePolicy,
  munlock,
  NO_PAGE,
  type Process,
  ROOT,
  type SharedObject,
  type Task,
  type Vma,
  ZERO_PAGE,
  type Zone,
} from '../kernel/index.ts'
import type { Case, Observed, RecordedMachine, Step } from './case-file.ts'
import { type MoveItem, parseCpusetList } from './lists.ts'
import { RecordingProgram } from './recording-program.ts'
import { Series } from './series.ts'

export interface Actor {
  process: Process
  /** Tasks by name; the first thread is '' . */
  threads: Map<string, Task>
  /** Where regions lie. */
  regions: Map<string, { start: number; pages: number; kind: string }>
  /** Regions of huge pages, which the recording program writes with a plain store. */
  plainStores: Set<string>
  pins: number[]
}

export class Scenario {
  readonly recorded: Case
  readonly machine: RecordedMachine
  readonly kernel: Kernel
  readonly actors = new Map<string, Actor>()
  readonly controller: Task
  readonly program: RecordingProgram
  readonly files = new Map<string, SharedObject>()
  readonly cgroups = new Map<string, Cpuset>()
  /** Groups whose children are controlled (cgroup.subtree_control). */
  readonly controlled = new Set<string>()
  /** v1: groups that have been given cpus. */
  readonly withCpus = new Set<string>()
  /** Counters at the last `vmstat`. */
  base: Record<string, number> = {}
  nodeBase = new Map<number, Record<string, number>>()
  nextPid = 1000
  /** What the controller wrote into files of /proc and /sys that the time series depend on, over the machine's own values. */
  readonly tunables: Map<string, string>
  /** First cpu of every task. */
  readonly cpuOf = new Map<Task, number>()
  readonly series: Series
  readonly #nodeOfCpu = new Map<number, number>()

  constructor(recorded: Case, machine: RecordedMachine) {
    this.recorded = recorded
    this.machine = machine
    const nodes = machine.nodes.map(({ cpus, mem_mib }, id) => ({ id, cpus, bytes: mem_mib * 2 ** 20, tier: 0, kind: '' }))
    for (const { id, cpus } of machine.nodes) for (const cpu of cpus) this.#nodeOfCpu.set(cpu, id)
    const tiers = tiersOf(machine)
    this.kernel = new Kernel({ machine: { nodes, distance: machine.distance }, zones: zonesOf(machine), pages: 0, cpusetV1: this.isOld, tiers })
    this.kernel.thp.enabled = bracketed(machine.tunables['/sys/kernel/mm/transparent_hugepage/enabled']) ?? 'madvise'
    this.kernel.pages.setMapcount(this.kernel.pages.create(), 0)
    const owner = this.kernel.addProcess(1, ROOT)
    this.controller = this.kernel.addTask(owner, 1, this.nodeOf('0'))
    this.program = new RecordingProgram(this.kernel, this.controller)
    this.cgroups.set('/cg', this.kernel.rootCpuset)
    this.tunables = new Map(Object.entries(machine.tunables))
    this.series = new Series(this, tiers)
  }

  /** Linux 6.1, recorded for the old cpuset interface. */
  get isOld(): boolean {
    return this.machine.kernel_release.startsWith('6.1.')
  }

  /** sched_setaffinity(2) */
  bind(task: Task, cpus: string | number | undefined): void {
    const from = task.node
    task.node = this.nodeOf(cpus)
    this.series.moved(task, from)
    const allowed = parseCpusetList(String(cpus ?? '0')) ?? [0]
    // a new thread goes to an idle cpu of the node, not to the one that its creator keeps busy
    const idle = allowed.find((cpu) => cpu !== allowed[0] && this.nodeOf(cpu) === task.node)
    this.cpuOf.set(task, idle ?? allowed[0]!)
  }

  /** Node of the first of a list of cpus. */
  nodeOf(cpus: string | number | undefined): number {
    const first = Number(/^\d+/.exec(String(cpus ?? '0'))?.[0] ?? 0)
    return this.#nodeOfCpu.get(first) ?? 0
  }

  actor(name: string): Actor {
    const actor = this.actors.get(name.split('@')[0]!)
    if (actor === undefined) throw new Error(`no process ${name}`)
    return actor
  }

  /** `p0`, `p0@t1` or `ctl`. */
  task(name: string): Task {
    if (name === 'ctl') return this.controller
    const [process, thread = ''] = name.split('@')
    const task = this.actor(process!).threads.get(thread)
    if (task === undefined) throw new Error(`no thread ${name}`)
    return task
  }

  addActor(name: string, process: Process, task: Task, like?: Actor): Actor {
    const actor: Actor = { process, threads: new Map([['', task]]), regions: new Map(like?.regions), plainStores: new Set(like?.plainStores), pins: [] }
    this.actors.set(name, actor)
    return actor
  }

  /** The object behind a path; shared anonymous memory is an object of its own. */
  object(path: string | undefined, pages: number, inode: number): SharedObject {
    const known = path === undefined ? undefined : this.files.get(path)
    if (known !== undefined && known.pages.length >= pages) return known
    const object: SharedObject = { pages: new Int32Array(pages).fill(NO_PAGE), bias: inode, policies: null }
    if (known !== undefined) object.pages.set(known.pages)
    if (path !== undefined) this.files.set(path, object)
    return object
  }

  /** Page-table entry of a region's page. */
  entry(actor: Actor, region: string, page: number): { vma: Vma; i: number } | undefined {
    const vpage = actor.regions.get(region)!.start + page
    const vma = findVma(actor.process, vpage)
    return vma === undefined ? undefined : { vma, i: vpage - vma.start }
  }

  /** A page that was recorded on `node`, though the model has not met the reason. */
  placeOn(actor: Actor, { vma, i }: { vma: Vma; i: number }, node: number): void {
    const task = actor.process.tasks[0]!
    const { policy } = task
    const bound = makePolicy('bind', [], [node], task.mems, this.kernel.memoryNodes, this.kernel.nodes)
    if (bound === errno.EINVAL) return
    task.policy = bound
    access(this.kernel, task, vma.start + i, vma.writable)
    task.policy = policy
  }

  /** What a query by move_pages(2) says of an entry: node or errno. */
  residence({ vma, i }: { vma: Vma; i: number }): number {
    const page = vma.ptes[i]!
    if (page === ZERO_PAGE || page === HUGE_ZERO_PAGE) return -14
    // 6.1: follow_page(FOLL_DUMP) takes an empty entry of anonymous memory for the zero page
    if (page === NO_PAGE) return this.isOld && vma.object === null ? -14 : -2
    return this.kernel.pages.node[page]!
  }

  /** What a system call finds at an address: page, NO_PAGE, or -EFAULT for no mapping and for zero pages. */
  resolve(process: Process, vpage: number): number {
    const vma = findVma(process, vpage)
    if (vma === undefined || vma.special) return errno.EFAULT
    const page = vma.ptes[vpage - vma.start]!
    return page === ZERO_PAGE || page === HUGE_ZERO_PAGE ? errno.EFAULT : page
  }

  /** Kernel 6.1 answers queries about untouched anonymous memory with EFAULT (see residence). */
  correctQuery(process: Process, items: readonly MoveItem[], regions: Actor['regions'], status: Int32Array): void {
    for (const [i, { region, page }] of items.entries()) {
      const vpage = region === undefined ? page : regions.get(region)!.start + page
      const vma = findVma(process, vpage)
      if (vma !== undefined) status[i] = this.residence({ vma, i: vpage - vma.start })
    }
  }

  madvise(actor: Actor, start: number, pages: number, advice: number): number {
    const { process } = actor
    switch (advice) {
      case 4:
        return discard(this.kernel, process, start, pages)
      case 10: // MADV_DONTFORK
        for (const vma of cutRange(this.kernel, process, start, start + pages)) vma.dontFork = true
        return 0
      case 14: // MADV_HUGEPAGE
      case 15: // MADV_NOHUGEPAGE
        for (const vma of cutRange(this.kernel, process, start, start + pages)) vma.thp = advice === 14
        return 0
      case 8: // MADV_FREE: dropped only when memory runs low
      case 20: // MADV_COLD
      case 12: // MADV_MERGEABLE
        return 0
    }
    throw new Error(`madvise ${advice}: not modelled`)
  }

  /** PREFERRED `node` until 32 pages have landed elsewhere: what is left free on the node is what the recording says. */
  fillPreferred(actor: Actor, task: Task, name: string, node: number, step: Step): Observed {
    const { kernel } = this
    const region = actor.regions.get(name)!
    const policy = makePolicy('preferred', [], [node], task.mems, kernel.memoryNodes, kernel.nodes)
    if (policy === errno.EINVAL) return { filled: 0, missed: 0 }
    task.policy = policy
    const wanted = step.observed.filled
    let filled = 0
    let missed = 0
    for (let page = 0; page < region.pages && missed < 32; page++) {
      // the recorded number of pages that fitted stands for the memory that the recording machine had free
      if (wanted !== undefined && filled >= wanted) break
      if (access(kernel, task, region.start + page, true) !== 'done') break
      const entry = this.entry(actor, name, page)!
      if (kernel.pages.node[entry.vma.ptes[entry.i]!] === node) filled++
      else missed++
    }
    task.policy = null
    if (step.observed.free !== undefined) this.#takeOverFree(node, step.observed.free, step.observed.free * FILLED_TO_LOW)
    return { filled, missed: wanted === undefined ? missed : 32, free: kernel.frames.freeOn(node) }
  }

  /** BIND `node` until only `leave` pages are free there, or `over` pages more than the low watermark. */
  fillBound(
    actor: Actor,
    task: Task,
    name: string,
    node: number,
    limit: { leave: string | number | undefined; over: string | number | undefined },
    step: Step,
  ): Observed {
    const { kernel } = this
    const region = actor.regions.get(name)!
    const policy = makePolicy('bind', [], [node], task.mems, kernel.memoryNodes, kernel.nodes)
    if (policy === errno.EINVAL) return { filled: 0 }
    task.policy = policy
    const leave = limit.leave === undefined ? kernel.frames.lowMark(node) + Number(limit.over) : Number(limit.leave)
    let filled = 0
    for (let page = 0; page < region.pages && kernel.frames.freeOn(node) > leave; page++) {
      if (access(kernel, task, region.start + page, true) !== 'done') break
      filled++
    }
    task.policy = null
    if (step.observed.free !== undefined) this.#takeOverFree(node, step.observed.free, step.observed.free - Number(limit.over ?? step.observed.free))
    return { filled, free: kernel.frames.freeOn(node) }
  }

  /**
   * The recorded free memory after filling a node, and what it says of the low watermark: where a boot took memory of the node
   * for itself, the mark is lower than its MemTotal makes one think.
   */
  #takeOverFree(node: number, free: number, impliedLow: number): void {
    const { frames } = this.kernel
    const low = frames.lowMark(node)
    if (impliedLow > 0 && impliedLow < low * CLEARLY_LOWER) frames.scaleMarks(node, impliedLow / low)
    frames.setFree(node, free)
  }

  /** Drops every page but each `keep`-th, in stretches; the recording program unlocks them first. */
  punch(actor: Actor, name: string, keep: number): number {
    const region = actor.regions.get(name)!
    let dropped = 0
    for (let page = 0; page < region.pages; page += keep) {
      const pages = Math.min(keep - 1, region.pages - page - 1)
      if (pages <= 0) continue
      munlock(this.kernel, actor.process, region.start + page + 1, pages)
      discard(this.kernel, actor.process, region.start + page + 1, pages)
      dropped += pages
    }
    return dropped
  }

  /** The out-of-memory killer has ended a process: nothing of it is left to touch or look at. */
  isDead(actor: Actor): boolean {
    return actor.process.tasks.length === 0
  }

  killAll(): void {
    for (const actor of this.actors.values()) exit(this.kernel, actor.process)
    this.actors.clear()
  }

  zones(): Observed['zones'] {
    return this.kernel.frames.zones.map(({ node, managed, min, low, high, promo, reserve }) => ({
      node,
      zone: reserve > 0 ? 'DMA' : 'DMA32',
      managed,
      free: this.kernel.frames.freeOn(node),
      min,
      low,
      high,
      promo,
    }))
  }
}

/** The choice in force of a file such as `always [madvise] never`. */
function bracketed(text: string | undefined): 'always' | 'madvise' | 'never' | undefined {
  return /\[(always|madvise|never)\]/.exec(text ?? '')?.[1] as 'always' | 'madvise' | 'never' | undefined
}

/** A node filled until allocations went elsewhere is a little below its low watermark: the rest lies on per-cpu lists. */
const FILLED_TO_LOW = 1.06
const CLEARLY_LOWER = 0.95

/** Rank of every node's memory tier, 0 = fastest: `memory_tier4` is faster than `memory_tier22`. */
function tiersOf(machine: RecordedMachine): number[] {
  const ranks = Object.entries(machine.memory_tiers).map(([name, nodes]) => ({
    rank: Number(/\d+$/.exec(name)?.[0] ?? 0),
    nodes: parseCpusetList(nodes) ?? [],
  }))
  const order = [...new Set(ranks.map(({ rank }) => rank))].sort((a, b) => a - b)
  return machine.nodes.map(({ id }) => Math.max(0, order.indexOf(ranks.find(({ nodes }) => nodes.includes(id))?.rank ?? order[0]!)))
}

/** DMA zone of x86: the first 16 MiB of node 0, 15 MiB of them managed. */
const DMA_MANAGED = 3840

/**
 * Zones and watermarks of a recorded machine, from its MemTotal per node and min_free_kbytes (mm/page_alloc.c:
 * __setup_per_zone_wmarks). Memory that the kernel itself uses is not known; a step that fills a node says what is left.
 */
function zonesOf(machine: RecordedMachine): Zone[] {
  const parts = machine.nodes.flatMap(({ id }) => {
    const managed = Math.floor((machine.memory_kib[id] ?? 0) / 4)
    if (managed === 0) return []
    return id === 0 && managed > DMA_MANAGED
      ? [
          { node: id, managed: DMA_MANAGED, above: managed - DMA_MANAGED },
          { node: id, managed: managed - DMA_MANAGED, above: 0 },
        ]
      : [{ node: id, managed, above: 0 }]
  })
  const total = parts.reduce((sum, part) => sum + part.managed, 0)
  const minFree = Number(machine.tunables['/proc/sys/vm/min_free_kbytes'] ?? 0) / 4
  const scale = Number(machine.tunables['/proc/sys/vm/watermark_scale_factor'] ?? 10)
  return parts.map(({ node, managed, above }) => {
    const min = Math.floor((minFree * managed) / total)
    const gap = Math.max(Math.floor(min / 4), Math.floor((managed * scale) / 10000))
    return { node, managed, free: Math.floor(managed * 0.95), min, low: min + gap, high: min + 2 * gap, promo: min + 3 * gap, reserve: Math.floor(above / 256) }
  })
}
