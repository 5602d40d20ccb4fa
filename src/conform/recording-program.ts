/**
 * The program that made the recordings, as memory: migrate_pages(2) and cpusets move its text, data and stack along with the
 * regions of a scenario, so they appear in pgmigrate_success and in return values. One controller runs the steps; every process
 * of a scenario is forked from it and reads commands in a loop.
 *
 * Layout and habits were read off the snapshots that list the program's own mappings (`rt=1`): they are the same on every
 * machine and kernel of the recordings. Where a case has such a snapshot, it is taken over on top.
 */
import { access, errno, HUGE_ZERO_PAGE, type Kernel, NO_PAGE, newVma, PAGE, type Process, type Task, type Vma, ZERO_PAGE } from '../kernel/index.ts'
import { fromRuns, type RuntimeVma, type Step } from './case-file.ts'
import { parsePages } from './lists.ts'

const { EFAULT, ENOENT } = errno

interface Mapping {
  name: string
  perm: string
  pages: number
  /** Pages that every process has from its birth, shared with the controller. */
  present: string
}

/** In order of address. */
const MAPPINGS: readonly Mapping[] = [
  { name: 'driver', perm: 'r--p', pages: 1, present: '' },
  { name: 'driver', perm: 'r-xp', pages: 168, present: '0-78,95-142' },
  { name: 'driver', perm: 'r--p', pages: 45, present: '0-15,23-38' },
  { name: 'driver', perm: 'r--p', pages: 4, present: '0-3' },
  { name: 'driver', perm: 'rw-p', pages: 3, present: '0-2' },
  { name: '', perm: 'rw-p', pages: 354, present: '7-8,11,13-15,77-79,141-159,221-222,300-347,352-353' },
  { name: '[heap]', perm: 'rw-p', pages: 34, present: '0-1' },
  { name: 'zero', perm: 'rw-s', pages: 4, present: '0' },
  { name: '[stack]', perm: 'rw-p', pages: 33, present: '31-32' },
]
/** Mappings from here on have no file behind them; an old kernel answers -EFAULT for their absent pages. */
const FIRST_ANONYMOUS = 5
/** Memory that a process gets while it runs: buffers of long commands, stacks of threads. */
const OWN: Mapping = { name: '', perm: 'rw-p', pages: 320, present: '' }
const OWN_INDEX = MAPPINGS.length

/** Pages written, as [mapping, pages]. */
type Habit = readonly [mapping: number, pages: string][]

/** A process writes these when it runs a command. */
const COMMAND: Habit = [
  [4, '0-1'],
  [5, '13,157-159,221-222,344-347,352'],
  [6, '0'],
  [8, '31-32'],
]
/** A new process writes this before it binds itself to its cpus. */
const BIRTH: Habit = [[5, '77']]
/** The controller writes these when it waits for the counters to stand still, searches a file, or reads the counters … */
const SETTLE: Habit = [[5, '7-8,327,343']]
const SEARCH: Habit = [[5, '328']]
/** … of the machine and of every node, two nodes a page. */
const readCounters = (nodes: number): Habit => [[5, `300-${299 + Math.ceil(nodes / 2)},325-326,328`]]
/** A process writes these on top when it runs such a command: the sum of what it reads, a buffer. */
const COMMANDS: Record<string, Habit> = {
  'touch for reading': [[5, '300']],
  move_pages: [[OWN_INDEX, '0']],
}
/** A forked process runs its commands deeper in the stack. */
const FORKED: Habit = [[8, '30']]
/** A thread in an endless loop keeps writing these. */
const SHARED_INDEX = 7
const LOOP: Habit = [
  [4, '0'],
  [5, '157,352'],
  [SHARED_INDEX, '0'],
]
/** … and this when it reads: the sum of what it has read. */
const LOOP_READS: Habit = [[5, '300']]
/** Long results go through a second page that the controller maps too. */
const LONG_RESULT = { operation: 'move_pages', mapping: 7, page: 1 }
/** The first thread costs its creator so many pages, every thread one more. */
const FIRST_THREAD_PAGES = 17
const THREAD_PAGES_START = 16
/** A thread that carries out a step itself goes one page deeper in its stack. */
const THREAD_STACKS_START = 128

/** Page numbers: program, data and heap lie below all regions, the rest far above; mappings do not touch. */
const DISTANCE = 512
const STACK_INDEX = 8
const address = (index: number): number => (index < 7 ? 0x400 : 0x7f0000000) + (index === STACK_INDEX ? OWN_INDEX + 1 : index) * DISTANCE

export class RecordingProgram {
  readonly #kernel: Kernel
  readonly #controller: Task
  readonly #forked = new Set<Process>()

  constructor(kernel: Kernel, controller: Task) {
    this.#kernel = kernel
    this.#controller = controller
    for (const [index, { name, perm, pages, present }] of [...MAPPINGS, OWN].entries()) {
      const vma = newVma({
        name,
        start: address(index),
        ptes: new Int32Array(pages).fill(NO_PAGE),
        kind: 'file',
        shared: false,
        writable: perm[1] === 'w',
        executable: perm[2] === 'x',
        hasAnon: true,
      })
      controller.process.vmas.push(vma)
      if (present !== '') for (const page of parsePages(present)) vma.ptes[page] = this.#addPage(controller.node, index < 3 || perm.endsWith('s'))
    }
    controller.process.vmas.sort((a, b) => a.start - b.start)
  }

  #addPage(node: number, cached: boolean): number {
    const { pages, frames } = this.#kernel
    const page = pages.create()
    frames.take(node, 'min', 1)
    pages.node[page] = node
    pages.setMapcount(page, 1)
    if (cached) pages.setState(page, PAGE.file)
    return page
  }

  /** What a new process writes while it still runs where the controller runs. */
  born(task: Task): void {
    this.#write(task, BIRTH)
  }

  /** What carrying out a step writes: in the process that does it, or in the controller. */
  step(task: Task, { op, args }: Pick<Step, 'op' | 'args'>): void {
    if (task === this.#controller) {
      if (op === 'settle') this.#write(task, SETTLE)
      else if (op === 'grep') this.#write(task, SEARCH)
      else if (op === 'vmstat' || op === 'vmdelta') this.#write(task, readCounters(this.#kernel.nodes))
      return
    }
    this.#write(task, COMMAND)
    if (this.#forked.has(task.process)) this.#write(task, FORKED)
    const thread = task.process.tasks.indexOf(task)
    if (thread > 0) this.#write(task, [[OWN_INDEX, `${THREAD_STACKS_START + thread}`]])
    this.#write(task, COMMANDS[op === 'touch' && Number(args?.['w'] ?? 1) === 0 ? 'touch for reading' : op] ?? [])
    if (op === LONG_RESULT.operation) this.#answerAtLength(task)
  }

  /** A process that another one forked: it has read its first command by the time the fork returns. */
  forked(task: Task): void {
    this.#write(task, COMMAND)
    this.#forked.add(task.process)
  }

  /** What a process needs to read a command and to answer. */
  commandPages(process: Process): { vma: Vma; i: number }[] {
    return this.#entries(process, COMMAND)
  }

  /** What a thread in an endless loop touches besides: C library and counters, the page of results, its stack. */
  loopPages(process: Process, task: Task, reads: boolean): { vma: Vma; i: number }[] {
    return this.#entries(process, [...LOOP, ...(reads ? LOOP_READS : []), [OWN_INDEX, String(THREAD_PAGES_START + process.tasks.indexOf(task))]])
  }

  /** The page of results, which all processes share. */
  shared(process: Process): Vma {
    return this.#mapping(process, SHARED_INDEX)
  }

  #entries(process: Process, habit: Habit): { vma: Vma; i: number }[] {
    return habit.flatMap(([mapping, pages]) => parsePages(pages).map((i) => ({ vma: this.#mapping(process, mapping), i })))
  }

  #answerAtLength(task: Task): void {
    const { mapping, page } = LONG_RESULT
    const mine = this.#mapping(task.process, mapping)
    const controllers = this.#mapping(this.#controller.process, mapping)
    if (mine.ptes[page]! >= 0) return
    if (controllers.ptes[page] === NO_PAGE) controllers.ptes[page] = this.#addPage(task.node, true)
    mine.ptes[page] = controllers.ptes[page]!
    this.#kernel.pages.setMapcount(mine.ptes[page]!, this.#kernel.pages.mapcount(mine.ptes[page]!) + 1)
  }

  #mapping(process: Process, index: number): Vma {
    return process.vmas.find((vma) => vma.start === address(index))!
  }

  /** Creating a process's `ordinal`-th thread (1 = the first). */
  threadCreated(creator: Task, ordinal: number): void {
    const first = ordinal === 1 ? THREAD_PAGES_START : THREAD_PAGES_START + FIRST_THREAD_PAGES + ordinal - 1
    const last = THREAD_PAGES_START + FIRST_THREAD_PAGES + ordinal - 1
    this.#write(creator, [[OWN_INDEX, `${first}-${last}`]])
  }

  #write(task: Task, habit: Habit): void {
    for (const [mapping, pages] of habit) {
      for (const page of parsePages(pages)) access(this.#kernel, task, address(mapping) + page, true)
    }
  }

  /** The recorded state of the mappings: which pages there are, on which nodes, mapped how often. */
  takeOver(process: Process, recorded: readonly RuntimeVma[]): void {
    const { pages } = this.#kernel
    for (const [index, { vma: name, nodes, mapcount }] of recorded.entries()) {
      const vma = process.vmas.find((candidate) => candidate.start === address(index))
      const where = fromRuns(nodes)
      if (vma === undefined || vma.ptes.length !== where.length) continue
      vma.name = name
      const counts = mapcount === undefined ? undefined : fromRuns(mapcount)
      for (let i = 0; i < where.length; i++) {
        // The zero page answers -EFAULT and counts no mappings; an old kernel answers -EFAULT for absent pages too
        if (where[i] === EFAULT && vma.ptes[i] === NO_PAGE && (counts?.[i] ?? 0) === 0) vma.ptes[i] = ZERO_PAGE
        if (where[i]! < 0) {
          if (vma.ptes[i]! >= 0) this.#unmap(vma, i)
          continue
        }
        let page = vma.ptes[i]!
        const count = counts?.[i] ?? 1
        if (page < 0 || (count === 1 && pages.mapcount(page) > 1)) {
          if (page >= 0) this.#unmap(vma, i)
          page = this.#addPage(where[i]!, index < 3)
          vma.ptes[i] = page
        }
        pages.node[page] = where[i]!
        if (counts !== undefined) pages.setMapcount(page, count)
      }
    }
  }

  #unmap(vma: Vma, i: number): void {
    const { pages } = this.#kernel
    const page = vma.ptes[i]!
    pages.setMapcount(page, pages.mapcount(page) - 1)
    vma.ptes[i] = NO_PAGE
  }

  /** The mappings as a snapshot lists them. */
  snapshot(process: Process): RuntimeVma[] {
    const { pages } = this.#kernel
    return MAPPINGS.map(({ name, perm, pages: count }, index) => {
      const vma = this.#mapping(process, index)
      const values = (value: (page: number) => number, absent: number, zero: number): [number, number][] => {
        const runs: [number, number][] = []
        for (const page of vma.ptes) {
          const next = page >= 0 ? value(page) : page === ZERO_PAGE || page === HUGE_ZERO_PAGE ? zero : absent
          const last = runs.at(-1)
          if (last !== undefined && last[0] === next) last[1]++
          else runs.push([next, 1])
        }
        return runs
      }
      const nodes = values((page) => pages.node[page]!, this.#kernel.cpusetV1 && index >= FIRST_ANONYMOUS && name !== 'zero' ? EFAULT : ENOENT, EFAULT)
      return { vma: vma.name, perm, pages: count, nodes, mapcount: values((page) => pages.mapcount(page), -1, 0) }
    })
  }
}
