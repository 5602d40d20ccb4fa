/**
 * The TraceWriter behind every format. Accesses come in batches; for each stretch of a batch within one tick, kernels find
 * actors (actors.ts) and page ids (pages.ts), fold the tick (fold.ts) and feed the digest (digest.ts). Ticks are provisional
 * until the span of the recording is known (ticks.ts).
 */
import { UserError } from '../errors.ts'
import { formatDuration } from '../units.ts'
import { Heap } from '../wasm/index.ts'
import { AccessBatch } from './access-batch.ts'
import type { AccessRecorder, SavedRecorder } from './access-recorder.ts'
import { Actors, type SavedActors } from './actors.ts'
import { BlockBuilder, shared } from './blocks.ts'
import { ContentDigest, type SavedDigest } from './digest.ts'
import type { TraceEvent } from './events.ts'
import { MOST_PAIRS, TickFold } from './fold.ts'
import { type BlockStore, type FoldedTrace, type FormatFacts, MemoryStore, type ReadPages } from './folded-trace.ts'
import type { AccessKind, Carried, LintVerdict, TraceWriter } from './format.ts'
import { encodeTicks, mergeTicks } from './merge-ticks.ts'
import type { PageSample } from './page-sample.ts'
import { PageTable, type SavedPages } from './pages.ts'
import type { TraceMeta } from './prepared.ts'
import { SampledPages } from './sampled-pages.ts'
import { withMoves } from './task-moves.ts'
import { checkTick, chooseTick, mayCoarsen, tickStarts } from './ticks.ts'

export interface FoldOptions {
  /** Name for messages and `meta.file`. */
  file: string
  /** Default 4096; a power of two. */
  pageSize?: number
  /** Fixed tick in ns; otherwise chosen from the span. */
  tickNs?: number
  /** Keep only some of the pages; all facts that need no page are still those of the whole recording. */
  sample?: PageSample
  /** Keeps the single accesses too. */
  recorder?: AccessRecorder
}

const MOST_CPU = 0xffff

/** What an import has to know to go on, all but its spilled ticks. */
export interface SavedWriter {
  /** Accesses and events that were pushed. */
  calls: number
  actors: SavedActors
  clock: { originNs: number; lastNs: number; firstAccessNs: number; lastAccessNs: number; tickNs: number; tickStart: number; tickEnd: number }
  records: number
  bytes: number
  events: TraceEvent[]
  scheduled: number
  digest: SavedDigest
  pages: SavedPages
  recorder?: SavedRecorder
}

/** When the state is handed out next, and to whom. */
interface Checkpoints {
  every: number
  next: number
  save: (state: SavedWriter) => void
}

export class FoldingWriter implements TraceWriter {
  line = 0
  /** Line of the record of a batch that is being looked at. */
  #recordLine: number | undefined
  /** Accesses and events that were dealt with, and how many of them by an earlier import. */
  #calls = 0
  #doneBefore = 0
  #checkpoint: Checkpoints | undefined
  readonly #file: string
  readonly pageSize: number
  readonly #pageShift: number
  readonly #fixedTick: boolean
  readonly #store: BlockStore
  readonly #provisional: BlockBuilder

  readonly #heap: Heap
  /** Of accesses that are pushed one after another. */
  readonly #pushed: AccessBatch
  readonly #actors: Actors
  readonly #pages: PageTable
  readonly #sampled: SampledPages | undefined
  readonly #fold: TickFold
  readonly #digest: ContentDigest
  readonly #recorder: AccessRecorder | undefined
  /** Address of the bytes moved, f64. */
  readonly #bytes: number
  #records = 0

  #originNs = Number.NaN
  #lastNs = Number.NEGATIVE_INFINITY
  #firstAccessNs = Number.NaN
  #lastAccessNs = Number.NaN
  #tickNs: number
  #tickStart = 0
  #tickEnd = Number.NEGATIVE_INFINITY

  readonly #events: TraceEvent[] = []
  #scheduled: { timeNs: number; event: (atNs: number) => TraceEvent }[] = []
  readonly #facts: Record<string, number | string | boolean> = {}
  readonly #lint: LintVerdict[] = []
  #described: Parameters<TraceWriter['describe']>[0] = {}

  constructor(options: FoldOptions, store: BlockStore = new MemoryStore(), heap = Heap.open()) {
    this.#file = options.file
    this.pageSize = options.pageSize ?? 4096
    this.#pageShift = Math.log2(this.pageSize)
    if (!Number.isInteger(this.#pageShift) || this.#pageShift < 12 || this.#pageShift > 30)
      throw new UserError('not a page size', { field: '--page-size', expected: 'a power of two from 4KiB to 1GiB', got: String(this.pageSize) })
    this.#fixedTick = options.tickNs !== undefined
    this.#tickNs = options.tickNs === undefined ? 1 : checkTick(options.tickNs, '--tick')
    this.#heap = heap
    this.#pushed = new AccessBatch(heap, (batch, rows) => this.#take(batch, rows))
    this.#actors = new Actors(heap, (problem) => this.#error(problem))
    this.#pages = new PageTable(heap)
    this.#fold = new TickFold(heap)
    this.#digest = new ContentDigest(heap)
    this.#recorder = options.recorder
    this.#bytes = heap.take(8)
    this.#sampled = options.sample && new SampledPages(options.sample, this.#pages, this.#actors, this.#pageShift)
    this.#store = store
    this.#provisional = new BlockBuilder((block) => store.put(block))
  }

  /** Accesses and events so far. */
  get taken(): number {
    return this.#calls
  }

  process(pid: number): number {
    const known = this.#actors.knownProcess(pid)
    if (known !== undefined) return known
    // what comes before it gets its place before it
    this.drain()
    return this.#actors.knownProcess(pid) ?? this.#actors.newProcess(pid)
  }

  task(pid: number, tid: number): number {
    const known = this.#actors.knownTask(pid, tid)
    if (known !== undefined) return known
    this.drain()
    return this.#actors.knownTask(pid, tid) ?? this.#actors.newTask(pid, tid)
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    if (cpu > MOST_CPU) throw this.#beyondCpus(timeNs, cpu)
    this.#pushed.add(timeNs, task, cpu, addressHigh, addressLow, bytes, kind, weight, this.line)
  }

  batch(): AccessBatch {
    return new AccessBatch(this.#heap, (batch, rows) => {
      this.drain()
      this.#take(batch, rows)
    })
  }

  /** Deals with what was pushed so far; throws what is wrong with it. */
  drain(): void {
    this.#pushed.flush()
  }

  event(event: TraceEvent): void {
    this.drain()
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
    if (event.kind === 'task_runs_on') this.#actors.runsOn(event.task, event.cpu)
    this.#events.push(event)
    this.#recorder?.event()
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

  /** The rows of a batch, tick by tick. */
  #take(batch: AccessBatch, rows: number): void {
    const before = this.#calls
    let row = Math.min(rows, Math.max(0, this.#doneBefore - before))
    while (row < rows) {
      const end = this.#heap.kernels.timesWithin(this.#heap, batch.at, row, rows, this.#lastNs, this.#tickEnd)
      if (end > row) this.#foldRows(batch, row, end)
      if (end < rows) {
        const timeNs = batch.time[end]!
        this.#recordLine = batch.lineOf(end)
        this.#calls = before + end + 1
        if (!(timeNs >= this.#lastNs)) throw this.#backwards(timeNs)
        this.#lastNs = timeNs
        this.#advance(timeNs)
      }
      row = end
    }
    this.#recordLine = undefined
    this.#calls = before + rows
  }

  /** Rows [from, to), all within this tick. */
  #foldRows(batch: AccessBatch, from: number, to: number): void {
    const actors = this.#actors
    if (this.#records === 0) this.#firstAccessNs = batch.time[from]!
    actors.find(batch, from, to, this.#bytes, this.#tickStart, (row) => {
      this.#recordLine = batch.lineOf(row)
    })
    if (this.#sampled === undefined) this.#pages.find(batch, from, to, actors.state, this.#pageShift, (task) => actors.tasks[task]!.process)
    else this.#sampled.find(batch, from, to)
    this.#fold.access(batch, from, to, this.#tickStart, this.#pages.count, actors.actors.length)
    this.#digest.add(batch, from, to, actors)
    this.#recorder?.add(batch, from, to, this.pageSize)
    this.#records += to - from
    this.#lastNs = batch.time[to - 1]!
    this.#lastAccessNs = this.#lastNs
    // a part of the tick; all are merged at the end
    if (this.#fold.isBeyond(MOST_PAIRS)) this.#putFold()
  }

  /** Ends the trace. The blocks are made as they are taken, by merging provisional ticks. */
  finish(format: FormatFacts): FoldedTrace {
    this.drain()
    if (this.#records === 0 && this.#events.length === 0)
      throw new UserError('the trace holds no accesses', { file: this.#file, hint: 'Was the recording empty, or is it another format? See --format' })
    this.#checkpoint = undefined
    this.#closeTick()
    this.#provisional.finish(this.#tickEnd)
    this.#provisional.close()
    this.#fold.close()
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
    const tables = this.#tables(format, tickNs, tickStartNs)
    this.#pages.endFinding()
    return {
      tables,
      readPages,
      tickStartNs,
      blocks: () => mergeTicks(this.#store.take(), tickStartNs, undefined, this.#heap),
      encodedBlocks: (scratch) => encodeTicks(this.#store.take(), tickStartNs, { scratch, pages: this.#pages.count }, this.#heap),
      eventsAt: this.#recorder?.finish(this.#events, tables.events),
    }
  }

  #tables(format: FormatFacts, tickNs: number, tickStartNs: Float64Array): FoldedTrace['tables'] {
    const { actors, tasks, processes, moves } = this.#actors
    const cpuCounts = new Map<number, number>()
    let reads = 0
    let writes = 0
    actors.forEach(({ task, cpu, isCpuKnown }, actor) => {
      const accesses = this.#actors.reads(actor) + this.#actors.writes(actor)
      reads += this.#actors.reads(actor)
      writes += this.#actors.writes(actor)
      tasks[task]!.accesses += accesses
      if (isCpuKnown) cpuCounts.set(cpu, (cpuCounts.get(cpu) ?? 0) + accesses)
    })
    const events = withMoves(this.#events, moves, tickStartNs)
    const counts: TraceMeta['events'] = {}
    for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1
    const exactPages = this.#sampled && shared(this.#sampled.exactPages())
    if (cpuCounts.size > 0 && actors.some(({ isCpuKnown }) => !isCpuKnown))
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
        digest: this.#digest.finish((task) => [tasks[task]!.pid, tasks[task]!.tid], {
          pageSize: this.pageSize,
          events: this.#events,
          ...(this.#sampled && { oneIn: this.#sampled.oneIn }),
        }),
        fidelity: this.#described.fidelity ?? format.fidelity,
        filtered: this.#described.filtered ?? false,
        carries: (this.#described.carries ?? format.carries).filter((what) => this.#carries(what, cpuCounts.size > 0, events.length > 0)),
        pageSize: this.pageSize,
        accesses: reads + writes,
        reads,
        writes,
        records: this.#records,
        bytes: this.#heap.f64[this.#bytes >>> 3]!,
        pages: this.#pages.count,
        pagesWritten: this.#pages.writtenCount,
        timeFirstNs: this.#records > 0 ? this.#firstAccessNs : this.#originNs,
        timeLastNs: this.#records > 0 ? this.#lastAccessNs : this.#lastNs,
        timeSorted: true,
        tickNs,
        events: counts,
        formatFacts: this.#facts,
        lint: this.#lint,
        ...(this.#sampled &&
          exactPages && { sample: this.#sampled.facts(exactPages.length, this.#records, this.#file, (verdict) => this.#lint.push(verdict)) }),
      },
      processes,
      tasks,
      cpus: [...cpuCounts].sort(([a], [b]) => a - b).map(([cpu, accesses]) => ({ cpu, accesses })),
      actorTask: shared(Uint16Array.from(actors, ({ task }) => task)),
      actorCpu: shared(Uint16Array.from(actors, ({ cpu }) => cpu)),
      ...(exactPages && { exactPages }),
      events,
    }
  }

  /** What the format can tell is promised only if this file did. */
  #carries(what: Carried, anyCpu: boolean, anyEvent: boolean): boolean {
    if (what === 'accesses') return this.#records > 0
    if (what === 'cpus') return anyCpu
    return what === 'events' ? anyEvent : true
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
    if (!this.#fold.hasPairs) return
    this.#putFold()
    if (this.#checkpoint !== undefined && this.#calls >= this.#checkpoint.next) this.#saveState(this.#checkpoint)
  }

  /** What was folded since the last time, as a provisional tick. */
  #putFold(): void {
    this.#fold.flush(this.#provisional, this.#tickStart, (records, pairs) => {
      this.#pages.coverWritten()
      this.#pages.writtenCount += this.#heap.kernels.tallyPairs(this.#heap, records, pairs, this.#pages.written, this.#actors.sums)
    })
    this.#pages.settle()
  }

  /** Between ticks, while the call that opens the next one is under way: it will be made again. */
  #saveState(checkpoint: Checkpoints): void {
    checkpoint.next = this.#calls + checkpoint.every
    this.#provisional.finish(this.#tickEnd)
    checkpoint.save({
      calls: this.#calls - 1,
      actors: this.#actors.saved(),
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
      bytes: this.#heap.f64[this.#bytes >>> 3]!,
      events: this.#events,
      scheduled: this.#scheduled.length,
      digest: this.#digest.saved(),
      pages: this.#pages.saved(),
      recorder: this.#recorder?.saved(),
    })
  }

  /** Hands its state to `save` at ends of ticks, after so many accesses each. A sample of pages is not resumed. */
  checkpoints(every: number, save: (state: SavedWriter) => void): void {
    this.#checkpoint = { every, next: this.#doneBefore + every, save }
  }

  /** Goes on from a state; the recording is pushed from its start again, after `schedule`. */
  restore(state: SavedWriter): void {
    const { clock, actors, events, scheduled } = state
    this.#doneBefore = state.calls
    this.#actors.restore(actors)
    this.#originNs = clock.originNs
    this.#lastNs = clock.lastNs
    this.#firstAccessNs = clock.firstAccessNs
    this.#lastAccessNs = clock.lastAccessNs
    this.#tickNs = clock.tickNs
    this.#tickStart = clock.tickStart
    this.#tickEnd = clock.tickEnd
    this.#records = state.records
    this.#heap.f64[this.#bytes >>> 3] = state.bytes
    this.#events.push(...events)
    this.#scheduled.splice(0, this.#scheduled.length - scheduled)
    this.#digest.restore(state.digest, this.#actors)
    this.#pages.restore(state.pages)
    if (state.recorder) this.#recorder?.restore(state.recorder)
  }

  #beyondCpus(timeNs: number, cpu: number): UserError {
    this.drain()
    if (!(timeNs >= this.#lastNs)) return this.#backwards(timeNs)
    return this.#error(`cpu ${cpu} is beyond 65,535`)
  }

  #backwards(timeNs: number): UserError {
    if (!Number.isFinite(timeNs)) return this.#error('not a time', 'a number', String(timeNs))
    if (timeNs < 0) return this.#error('negative time', 'a time from 0 on', `${timeNs}ns`)
    return this.#error('time goes back', `${this.#lastNs}ns or later, as in the record before`, `${timeNs}ns`)
  }

  #error(problem: string, expected?: string, got?: string): UserError {
    const line = (this.#recordLine ?? this.line) || undefined
    return new UserError(problem, { file: this.#file, line, field: expected ? 'time' : undefined, expected, got })
  }
}
