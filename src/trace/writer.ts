/** The TraceWriter behind every format: interns, checks the order of time, and folds into provisional ticks as it goes. */
import { GrowableF64, GrowableU16 } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { formatCount, formatDuration } from '../units.ts'
import { BlockBuilder, kept, shared } from './blocks.ts'
import { ContentDigest, type SavedDigest } from './digest.ts'
import type { TraceEvent } from './events.ts'
import { TickFold } from './fold.ts'
import { type AccessKind, type Carried, type Fidelity, type LintVerdict, READ, type TraceWriter } from './format.ts'
import { mergeTicks } from './merge-ticks.ts'
import { EXACT, kindOf, LEFT_OUT, type PageSample } from './page-sample.ts'
import { PageTable, type SavedPages } from './pages.ts'
import type { PreparedTrace, TickBlock, TraceMeta, TraceTask } from './prepared.ts'
import { type TaskMove, withMoves } from './task-moves.ts'
import { checkTick, chooseTick, mayCoarsen, tickStarts } from './ticks.ts'

/** Where provisional ticks wait: memory, or a file for traces larger than it. */
export interface BlockStore {
  /** The columns are used again afterwards. */
  put(block: TickBlock): void
  /** The blocks put so far, in order; each is asked for once. */
  take(): Iterable<TickBlock>
}

export interface FoldOptions {
  /** Name for messages and `meta.file`. */
  file: string
  /** Default 4096; a power of two. */
  pageSize?: number
  /** Fixed tick in ns; otherwise chosen from the span. */
  tickNs?: number
  /** Keep only some of the pages; all facts that need no page are still those of the whole recording. */
  sample?: PageSample
}

/** What the format says about itself, into `meta`. */
export interface FormatFacts {
  format: string
  fidelity: Fidelity
  carries: readonly Carried[]
}

/** Everything of a PreparedTrace but its ticks. */
export type TraceTables = Omit<PreparedTrace, 'blocks' | 'block' | 'reader' | 'ticks' | 'tickStartNs' | 'stored'>

/** Virtual page numbers and process indexes of pages [from, from + vpages.length). */
export type ReadPages = (from: number, vpages: Float64Array, processes: Uint16Array) => void

/** What folding gives; the blocks are to be taken once. Columns of all pages are not among it: there may be very many. */
export interface FoldedTrace {
  tables: Omit<TraceTables, 'pageVpage' | 'pageProcess'>
  readPages: ReadPages
  tickStartNs: Float64Array
  blocks: Iterable<TickBlock>
}

const MAX_IDS = 0xffff
/** Sampled pages from which on the spread between them is known well. */
const FEW_PAGES = 500
const NOWHERE = -1
/** In place of the id of a page that the sample leaves out. */
const NO_PAGE = 0xffff_ffff
const TASK_CACHE = 256

/** What an import has to know to go on, all but its spilled ticks. */
export interface SavedWriter {
  /** Accesses and events that were pushed. */
  calls: number
  processes: number[]
  tasks: { pid: number; tid: number }[]
  taskCpu: Int32Array
  actors: { key: number; task: number; cpu: number; isCpuKnown: boolean; reads: number; writes: number }[]
  clock: { originNs: number; lastNs: number; firstAccessNs: number; lastAccessNs: number; tickNs: number; tickStart: number; tickEnd: number }
  records: number
  bytes: number
  events: TraceEvent[]
  moves: TaskMove[]
  scheduled: number
  digest: SavedDigest
  pages: SavedPages
}

/** When the state is handed out next, and to whom. */
interface Checkpoints {
  every: number
  next: number
  save: (state: SavedWriter) => void
}

export class FoldingWriter implements TraceWriter {
  line = 0
  /** Accesses and events pushed, and how many of them an earlier import has dealt with. */
  #calls = 0
  #doneBefore = 0
  #checkpoint: Checkpoints | undefined
  readonly #file: string
  readonly pageSize: number
  readonly #pageShift: number
  readonly #fixedTick: boolean
  readonly #sample: PageSample | undefined
  readonly #store: BlockStore
  readonly #provisional: BlockBuilder
  readonly #pages = new PageTable()
  readonly #fold = new TickFold()
  readonly #digest = new ContentDigest()

  readonly #processes: number[] = []
  readonly #processOf = new Map<number, number>()
  readonly #tasks: TraceTask[] = []
  readonly #taskOf = new Map<string, number>()
  /** Direct-mapped cache in front of it, by tid. */
  readonly #cachedPid = new Float64Array(TASK_CACHE).fill(NOWHERE)
  readonly #cachedTid = new Float64Array(TASK_CACHE).fill(NOWHERE)
  readonly #cachedTask = new Uint16Array(TASK_CACHE)
  /** Per task: last cpu and its actor; last page, its address and its space. */
  readonly #taskCpu = new Int32Array(MAX_IDS + 1)
  readonly #taskActor = new Int32Array(MAX_IDS + 1)
  readonly #taskPage = new Uint32Array(MAX_IDS + 1)
  readonly #taskHigh = new Int32Array(MAX_IDS + 1)
  readonly #taskLow = new Uint32Array(MAX_IDS + 1)
  readonly #taskSpace = new Uint32Array(MAX_IDS + 1)
  readonly #actorTask = new GrowableU16()
  readonly #actorCpu = new GrowableU16()
  readonly #actorOf = new Map<number, number>()
  readonly #actorReads = new GrowableF64()
  readonly #actorWrites = new GrowableF64()
  /** Per actor: its cpu is recorded, not guessed. */
  readonly #actorCpuKnown: boolean[] = []

  #originNs = Number.NaN
  #lastNs = Number.NEGATIVE_INFINITY
  #firstAccessNs = Number.NaN
  #lastAccessNs = Number.NaN
  #tickNs: number
  #tickStart = 0
  #tickEnd = Number.NEGATIVE_INFINITY

  #records = 0
  #bytes = 0
  /** 1 for a kept page that stands for itself alone. */
  #isExact: Uint8Array = new Uint8Array(1024)
  /** Accesses to sampled pages that are kept, and to pages that are left out. */
  #sampledAccesses = 0
  #leftOutAccesses = 0
  readonly #events: TraceEvent[] = []
  /** Moves of a task seen in its accesses; placed at the start of their tick, at most one per task and tick. */
  readonly #moves: TaskMove[] = []
  readonly #lastMove: (TaskMove | undefined)[] = []
  #scheduled: { timeNs: number; event: (atNs: number) => TraceEvent }[] = []
  readonly #facts: Record<string, number | string | boolean> = {}
  readonly #lint: LintVerdict[] = []
  #described: Parameters<TraceWriter['describe']>[0] = {}

  constructor(options: FoldOptions, store: BlockStore = new MemoryStore()) {
    this.#file = options.file
    this.pageSize = options.pageSize ?? 4096
    this.#pageShift = Math.log2(this.pageSize)
    if (!Number.isInteger(this.#pageShift) || this.#pageShift < 12 || this.#pageShift > 30)
      throw new UserError('not a page size', { field: '--page-size', expected: 'a power of two from 4KiB to 1GiB', got: String(this.pageSize) })
    this.#fixedTick = options.tickNs !== undefined
    this.#tickNs = options.tickNs === undefined ? 1 : checkTick(options.tickNs, '--tick')
    this.#sample = options.sample
    this.#store = store
    this.#provisional = new BlockBuilder((block) => store.put(block))
  }

  process(pid: number): number {
    const known = this.#processOf.get(pid)
    if (known !== undefined) return known
    const index = this.#processes.push(pid) - 1
    if (index > MAX_IDS) throw this.#error('more than 65,536 processes')
    this.#processOf.set(pid, index)
    return index
  }

  task(pid: number, tid: number): number {
    const slot = tid & (TASK_CACHE - 1)
    if (this.#cachedTid[slot] === tid && this.#cachedPid[slot] === pid) return this.#cachedTask[slot]!
    const task = this.#taskOf.get(`${pid}/${tid}`) ?? this.#newTask(pid, tid)
    this.#cachedTid[slot] = tid
    this.#cachedPid[slot] = pid
    this.#cachedTask[slot] = task
    return task
  }

  #newTask(pid: number, tid: number): number {
    const index = this.#tasks.push({ pid, tid, process: this.process(pid), accesses: 0 }) - 1
    if (index > MAX_IDS) throw this.#error('more than 65,536 tasks')
    this.#taskOf.set(`${pid}/${tid}`, index)
    this.#taskCpu[index] = NOWHERE
    this.#taskActor[index] = NOWHERE
    this.#taskHigh[index] = NOWHERE
    return index
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    if (++this.#calls <= this.#doneBefore) return
    // written so that NaN fails too
    if (!(timeNs >= this.#lastNs)) throw this.#backwards(timeNs)
    this.#lastNs = timeNs
    if (timeNs >= this.#tickEnd) this.#advance(timeNs)

    const actor = cpu === this.#taskCpu[task] && this.#taskActor[task] !== NOWHERE ? this.#taskActor[task]! : this.#actorOn(task, cpu)

    const shift = this.#pageShift
    const low = ((addressLow >>> shift) | (addressHigh << (32 - shift))) >>> 0
    const high = addressHigh >>> shift
    let page = this.#taskPage[task]!
    if (low !== this.#taskLow[task] || high !== this.#taskHigh[task]) page = this.#pageOf(task, high, low)

    const isWrite = kind >>> 1
    const reads = (kind & READ) * weight
    const writes = isWrite * weight
    this.#records++
    this.#bytes += bytes * weight
    this.#actorReads.data[actor]! += reads
    this.#actorWrites.data[actor]! += writes
    this.#lastAccessNs = timeNs
    if (page === NO_PAGE) {
      this.#leftOutAccesses += reads + writes
      return
    }
    this.#fold.access(page, actor, reads, writes, isWrite, timeNs - this.#tickStart)
    if (isWrite === 1) this.#pages.markWritten(page)
    if (this.#sample !== undefined && this.#isExact[page] === 0) this.#sampledAccesses += reads + writes
    this.#digest.access(timeNs, task, cpu, addressHigh, addressLow, bytes, kind, weight)
  }

  event(event: TraceEvent): void {
    if (++this.#calls <= this.#doneBefore) return
    if (!(event.timeNs >= this.#lastNs)) throw this.#backwards(event.timeNs)
    this.#lastNs = event.timeNs
    if (event.timeNs >= this.#tickEnd) this.#advance(event.timeNs)
    this.#place(event)
  }

  #place(event: TraceEvent): void {
    // the event takes place between the records around it: what came before stays in the tick before
    if (event.timeNs > this.#tickStart) {
      this.#closeTick()
      this.#tickStart = event.timeNs
    }
    if (event.kind === 'task_runs_on') {
      this.#taskCpu[event.task] = event.cpu
      this.#taskActor[event.task] = NOWHERE
    }
    this.#events.push(event)
  }

  /** Events from elsewhere, ascending, at times since the first record; each is made when its time has come. */
  schedule(events: readonly { timeNs: number; event: (atNs: number) => TraceEvent }[]): void {
    this.#scheduled = [...events]
  }

  fact(name: string, value: number | string | boolean): void {
    this.#facts[name] = value
  }

  lint(verdict: LintVerdict): void {
    this.#lint.push(verdict)
  }

  describe(file: Parameters<TraceWriter['describe']>[0]): void {
    this.#described = { ...this.#described, ...file }
  }

  /** Ends the trace. The blocks are made as they are taken, by merging provisional ticks. */
  finish(format: FormatFacts): FoldedTrace {
    if (this.#records === 0 && this.#events.length === 0)
      throw new UserError('the trace holds no accesses', { file: this.#file, hint: 'Was the recording empty, or is it another format? See --format' })
    this.#checkpoint = undefined
    this.#closeTick()
    this.#provisional.finish(this.#tickEnd)
    if (this.#scheduled.length > 0)
      this.#lint.push({
        code: 'events-after-end',
        severity: 'warning',
        message: `${this.#scheduled.length} scripted calls come after the last access and are left out`,
        advice: `The trace lasts ${formatDuration(this.#lastNs - this.#originNs)}; times in a script count from its start`,
      })
    const spanNs = this.#lastNs - this.#originNs
    const tickNs = this.#fixedTick ? this.#tickNs : chooseTick(this.#tickNs, spanNs, this.#records)
    const cutsNs = this.#events.map((event) => event.timeNs)
    const tickStartNs = shared(tickStarts(this.#originNs, this.#lastNs, tickNs, cutsNs))
    const readPages: ReadPages = (from, vpages, processes) => this.#pages.read(from, vpages, processes)
    return { tables: this.#tables(format, tickNs, tickStartNs), readPages, tickStartNs, blocks: mergeTicks(this.#store.take(), tickStartNs) }
  }

  #tables(format: FormatFacts, tickNs: number, tickStartNs: Float64Array): FoldedTrace['tables'] {
    const cpuCounts = new Map<number, number>()
    let reads = 0
    let writes = 0
    for (let actor = 0; actor < this.#actorReads.length; actor++) {
      const accesses = this.#actorReads.data[actor]! + this.#actorWrites.data[actor]!
      reads += this.#actorReads.data[actor]!
      writes += this.#actorWrites.data[actor]!
      const cpu = this.#actorCpu.data[actor]!
      this.#tasks[this.#actorTask.data[actor]!]!.accesses += accesses
      if (this.#actorCpuKnown[actor]) cpuCounts.set(cpu, (cpuCounts.get(cpu) ?? 0) + accesses)
    }
    const events = withMoves(this.#events, this.#moves, tickStartNs)
    const counts: TraceMeta['events'] = {}
    for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1
    const pages = this.#pages.count
    const exactPages = shared(Uint32Array.from(this.#exactPages()))
    if (cpuCounts.size > 0 && this.#actorCpuKnown.includes(false))
      this.#lint.push({
        code: 'cpu-partly-unknown',
        severity: 'warning',
        message: 'some accesses name no cpu and their task has not been seen on one before',
        advice: 'They count as cpu 0; record with cpu numbers (perf: --sample-cpu)',
      })
    return {
      meta: {
        schema: 'numareplay/trace/1',
        file: this.#file,
        format: format.format,
        digest: this.#digest.finish((task) => [this.#tasks[task]!.pid, this.#tasks[task]!.tid], {
          pageSize: this.pageSize,
          events: this.#events,
          ...(this.#sample && { oneIn: this.#sample.oneIn }),
        }),
        fidelity: this.#described.fidelity ?? format.fidelity,
        filtered: this.#described.filtered ?? false,
        carries: (this.#described.carries ?? format.carries).filter((what) => this.#carries(what, cpuCounts.size > 0, events.length > 0)),
        pageSize: this.pageSize,
        accesses: reads + writes,
        reads,
        writes,
        records: this.#records,
        bytes: this.#bytes,
        pages,
        pagesWritten: this.#pages.writtenCount,
        timeFirstNs: this.#records > 0 ? this.#firstAccessNs : this.#originNs,
        timeLastNs: this.#records > 0 ? this.#lastAccessNs : this.#lastNs,
        timeSorted: true,
        tickNs,
        events: counts,
        formatFacts: this.#facts,
        lint: this.#lint,
        ...this.#sampleFacts(exactPages),
      },
      processes: this.#processes,
      tasks: this.#tasks,
      cpus: [...cpuCounts].sort(([a], [b]) => a - b).map(([cpu, accesses]) => ({ cpu, accesses })),
      actorTask: shared(this.#actorTask.data, this.#actorTask.length),
      actorCpu: shared(this.#actorCpu.data, this.#actorCpu.length),
      ...(this.#sample && { exactPages }),
      events,
    }
  }

  *#exactPages(): Iterable<number> {
    for (let page = 0; page < this.#pages.count; page++) if (this.#isExact[page] === 1) yield page
  }

  #sampleFacts(exact: Uint32Array): Pick<TraceMeta, 'sample'> {
    if (this.#sample === undefined) return {}
    const { oneIn } = this.#sample
    const sampledPages = this.#pages.count - exact.length
    if (this.#pages.count === 0 && this.#records > 0)
      throw new UserError('the sample holds no page of this trace', {
        file: this.#file,
        field: '--sample',
        expected: 'a larger share of the pages',
        got: `1/${oneIn}`,
      })
    if (this.#sampledAccesses === 0 && this.#leftOutAccesses > 0)
      throw new UserError(`the sample holds none of the pages that get ${formatCount(this.#leftOutAccesses)} accesses, and nothing can stand for them`, {
        file: this.#file,
        field: '--sample',
        expected: 'a larger share of the pages',
        got: `1/${oneIn}`,
      })
    if (this.#leftOutAccesses > 0 && sampledPages < FEW_PAGES)
      this.#lint.push({
        code: 'sample-small',
        severity: 'warning',
        message: `only ${formatCount(sampledPages)} pages stand for all that are not kept exactly: figures and their error estimates are rough`,
        advice: `Sample more than 1/${oneIn} of the pages`,
      })
    return {
      sample: { oneIn, exactPages: exact.length, sampledPages, sampledAccesses: this.#sampledAccesses, leftOutAccesses: this.#leftOutAccesses },
    }
  }

  /** What the format can tell is promised only if this file did. */
  #carries(what: Carried, anyCpu: boolean, anyEvent: boolean): boolean {
    if (what === 'accesses') return this.#records > 0
    if (what === 'cpus') return anyCpu
    return what === 'events' ? anyEvent : true
  }

  #pageOf(task: number, high: number, low: number): number {
    if (high !== this.#taskHigh[task]) {
      this.#taskHigh[task] = high
      this.#taskSpace[task] = this.#pages.space(this.#tasks[task]!.process, high)
    }
    this.#taskLow[task] = low
    const page = this.#sample === undefined ? this.#pages.id(this.#taskSpace[task]!, low) : this.#sampledPage(this.#sample, task, high, low)
    this.#taskPage[task] = page
    return page
  }

  #sampledPage(sample: PageSample, task: number, high: number, low: number): number {
    const kind = kindOf(sample, this.#tasks[task]!.pid, high, low)
    if (kind === LEFT_OUT) return NO_PAGE
    const page = this.#pages.id(this.#taskSpace[task]!, low)
    if (page >= this.#isExact.length) this.#isExact = widened(this.#isExact, page + 1)
    if (kind === EXACT) this.#isExact[page] = 1
    return page
  }

  /** Slow path of an access: another cpu than the task's last one, or its first access there. */
  #actorOn(task: number, recordedCpu: number): number {
    if (this.#records === 0) this.#firstAccessNs = this.#lastNs
    if (recordedCpu > MAX_IDS) throw this.#error(`cpu ${recordedCpu} is beyond 65,535`)
    const before = this.#taskCpu[task]!
    const cpu = recordedCpu === NOWHERE ? before : recordedCpu
    if (before !== NOWHERE && cpu !== before) this.#noteMove(task, cpu)
    const key = task * 2 ** 17 + cpu + 1
    let actor = this.#actorOf.get(key)
    if (actor === undefined) {
      actor = this.#actorTask.push(task)
      if (actor > MAX_IDS) throw this.#error('more than 65,536 pairs of task and cpu')
      this.#actorCpu.push(Math.max(cpu, 0))
      this.#actorCpuKnown.push(cpu !== NOWHERE)
      this.#actorReads.push(0)
      this.#actorWrites.push(0)
      this.#actorOf.set(key, actor)
    }
    this.#taskCpu[task] = cpu
    this.#taskActor[task] = actor
    return actor
  }

  #noteMove(task: number, cpu: number): void {
    const last = this.#lastMove[task]
    if (last?.timeNs === this.#tickStart) {
      last.cpu = cpu
      return
    }
    const move = { timeNs: this.#tickStart, task, cpu }
    this.#lastMove[task] = move
    this.#moves.push(move)
  }

  /** Opens the tick that holds `timeNs`, after the scheduled events that are due before. */
  #advance(timeNs: number): void {
    if (timeNs < 0) throw this.#error('negative time', 'a time from 0 on', `${timeNs}ns`)
    if (timeNs > Number.MAX_SAFE_INTEGER) throw this.#error('time beyond 2^53 ns (104 days)', 'times relative to the start', `${timeNs}ns`)
    if (Number.isNaN(this.#originNs)) this.#originNs = timeNs
    while (this.#nextScheduledNs() <= timeNs) {
      const atNs = this.#nextScheduledNs()
      this.#openTick(atNs)
      this.#place(this.#scheduled.shift()!.event(atNs))
    }
    this.#openTick(timeNs)
  }

  #nextScheduledNs(): number {
    return this.#scheduled.length > 0 ? this.#originNs + this.#scheduled[0]!.timeNs : Number.POSITIVE_INFINITY
  }

  #openTick(timeNs: number): void {
    this.#closeTick()
    const spanNs = timeNs - this.#originNs
    while (!this.#fixedTick && mayCoarsen(this.#tickNs, spanNs, this.#records)) this.#tickNs *= 10
    const gridNs = this.#originNs + Math.floor(spanNs / this.#tickNs) * this.#tickNs
    // a coarser cell may begin before the last event, which cuts it
    const lastEventNs = this.#events.length > 0 ? this.#events[this.#events.length - 1]!.timeNs : gridNs
    this.#tickStart = Math.max(gridNs, lastEventNs)
    this.#tickEnd = Math.min(gridNs + this.#tickNs, this.#nextScheduledNs())
  }

  /** Ticks without accesses are not stored: the final grid fills them in. */
  #closeTick(): void {
    if (this.#fold.pairs === 0) return
    this.#fold.flush(this.#provisional, this.#tickStart)
    this.#pages.settle()
    if (this.#checkpoint !== undefined && this.#calls >= this.#checkpoint.next) this.#saveState(this.#checkpoint)
  }

  /** Between ticks, while the call that opens the next one is under way: it will be made again. */
  #saveState(checkpoint: Checkpoints): void {
    checkpoint.next = this.#calls + checkpoint.every
    this.#provisional.finish(this.#tickEnd)
    checkpoint.save({
      calls: this.#calls - 1,
      processes: this.#processes,
      tasks: this.#tasks.map(({ pid, tid }) => ({ pid, tid })),
      taskCpu: this.#taskCpu.slice(0, this.#tasks.length),
      actors: Array.from(this.#actorOf, ([key, actor]) => ({
        key,
        task: this.#actorTask.data[actor]!,
        cpu: this.#actorCpu.data[actor]!,
        isCpuKnown: this.#actorCpuKnown[actor]!,
        reads: this.#actorReads.data[actor]!,
        writes: this.#actorWrites.data[actor]!,
      })),
      clock: {
        originNs: this.#originNs,
        lastNs: this.#lastNs,
        firstAccessNs: this.#firstAccessNs,
        lastAccessNs: this.#lastAccessNs,
        tickNs: this.#tickNs,
        tickStart: this.#tickStart,
        tickEnd: this.#tickEnd,
      },
      records: this.#records,
      bytes: this.#bytes,
      events: this.#events,
      moves: this.#moves,
      scheduled: this.#scheduled.length,
      digest: this.#digest.saved(),
      pages: this.#pages.saved(),
    })
  }

  /** Hands its state to `save` at ends of ticks, after so many accesses each. A sample of pages is not resumed. */
  checkpoints(every: number, save: (state: SavedWriter) => void): void {
    this.#checkpoint = { every, next: this.#doneBefore + every, save }
  }

  /** Goes on from a state; the recording is pushed from its start again, after `schedule`. */
  restore(state: SavedWriter): void {
    const { clock, actors, events, moves, scheduled } = state
    this.#doneBefore = state.calls
    for (const pid of state.processes) this.process(pid)
    for (const { pid, tid } of state.tasks) this.task(pid, tid)
    this.#taskCpu.set(state.taskCpu)
    actors.forEach(({ key, task, cpu, isCpuKnown, reads, writes }, actor) => {
      this.#actorOf.set(key, actor)
      this.#actorTask.push(task)
      this.#actorCpu.push(cpu)
      this.#actorCpuKnown.push(isCpuKnown)
      this.#actorReads.push(reads)
      this.#actorWrites.push(writes)
    })
    this.#originNs = clock.originNs
    this.#lastNs = clock.lastNs
    this.#firstAccessNs = clock.firstAccessNs
    this.#lastAccessNs = clock.lastAccessNs
    this.#tickNs = clock.tickNs
    this.#tickStart = clock.tickStart
    this.#tickEnd = clock.tickEnd
    this.#records = state.records
    this.#bytes = state.bytes
    this.#events.push(...events)
    this.#moves.push(...moves)
    for (const move of this.#moves) this.#lastMove[move.task] = move
    this.#scheduled.splice(0, this.#scheduled.length - scheduled)
    this.#digest.restore(state.digest)
    this.#pages.restore(state.pages)
  }

  #backwards(timeNs: number): UserError {
    if (!Number.isFinite(timeNs)) return this.#error('not a time', 'a number', String(timeNs))
    if (timeNs < 0) return this.#error('negative time', 'a time from 0 on', `${timeNs}ns`)
    return this.#error('time goes back', `${this.#lastNs}ns or later, as in the record before`, `${timeNs}ns`)
  }

  #error(problem: string, expected?: string, got?: string): UserError {
    return new UserError(problem, { file: this.#file, line: this.line || undefined, field: expected ? 'time' : undefined, expected, got })
  }
}

function widened(bytes: Uint8Array, length: number): Uint8Array {
  const wider = new Uint8Array(Math.max(length, 2 * bytes.length))
  wider.set(bytes)
  return wider
}

/** Provisional ticks kept in memory; a block is let go once it is merged. */
export class MemoryStore implements BlockStore {
  #blocks: TickBlock[] = []

  put(block: TickBlock): void {
    this.#blocks.push(kept(block))
  }

  *take(): Iterable<TickBlock> {
    for (let i = 0; i < this.#blocks.length; i++) {
      const block = this.#blocks[i]!
      this.#blocks[i] = undefined as unknown as TickBlock
      yield block
    }
  }
}

/** The folded trace, all in memory. */
export function inMemory({ tables, readPages, tickStartNs, blocks }: FoldedTrace): PreparedTrace {
  const kept = [...blocks]
  const { pages } = tables.meta
  const pageVpage = new Float64Array(new SharedArrayBuffer(8 * pages))
  const pageProcess = new Uint16Array(new SharedArrayBuffer(2 * pages))
  readPages(0, pageVpage, pageProcess)
  return { ...tables, pageVpage, pageProcess, ticks: tickStartNs.length - 1, tickStartNs, blocks: kept.length, block: (b) => kept[b]! }
}
