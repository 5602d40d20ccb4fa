/**
 * Another tick for a file that keeps its accesses: they are folded again, while pages, actors, tasks and digest, which no tick
 * changes, are those of the file. Blocks of accesses are unpacked where kernels fold them, run by run: no addresses, no page table,
 * no batches. What comes out is what FoldingWriter makes of the same accesses; where more than the tick changes they go through that
 * (KeptAccesses.push).
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type FoldableRuns, Heap, HeapSpace } from '../wasm/index.ts'
import type { AccessShape } from './access-codec.ts'
import { placesOf } from './access-recorder.ts'
import type { EncodedBlock } from './block-codec.ts'
import { shared } from './blocks.ts'
import type { TraceEvent } from './events.ts'
import { TickFold } from './fold.ts'
import { type FoldedTrace, tablesOf } from './folded-trace.ts'
import type { KeptAccesses } from './kept-accesses.ts'
import { intoMemory, intoSections, type LargeTicks, type TickSink } from './merge-ticks.ts'
import { MoveFinder } from './move-finder.ts'
import type { PreparedTrace, TickBlock, TraceMeta } from './prepared.ts'
import { withMoves } from './task-moves.ts'
import { checkTick, TickClock, tickStarts } from './ticks.ts'

/** Runs that are folded before the next look at how large the tick has grown. */
const STEP = 4096

/** How far the trace is folded: the tick that is open, the event that comes next, accesses of the blocks before. */
interface Place {
  clock: TickClock
  tick: number
  event: number
  done: number
}

/** Hears which share is done, and how many accesses that are. */
type Progress = (share: number, accesses: number) => void

export class Refold {
  readonly #trace: PreparedTrace
  readonly #kept: KeptAccesses
  readonly #tickNs: number
  readonly #tickStartNs: Float64Array
  /** Events that were recorded, and the accesses before each. */
  readonly #events: TraceEvent[]
  readonly #eventsAt: Float64Array
  readonly #moves: MoveFinder

  /** Throws UserError where the tick cannot be used. */
  constructor(trace: PreparedTrace, kept: KeptAccesses, tickNs: number) {
    const { events, eventsAt } = kept.recordedEvents()
    const cutsNs = events.map(({ timeNs }) => timeNs)
    this.#trace = trace
    this.#kept = kept
    this.#tickNs = checkTick(tickNs, '--tick')
    this.#events = events
    this.#eventsAt = eventsAt
    this.#tickStartNs = shared(tickStarts(trace.tickStartNs[0]!, Math.max(trace.meta.timeLastNs, cutsNs.at(-1) ?? 0), tickNs, cutsNs))
    this.#moves = new MoveFinder(trace, events)
  }

  /** Blocks of the accesses as they are stored, which stay as they are. Each is valid until the next. */
  *stored(): Generator<{ bytes: Uint8Array; shape: AccessShape }> {
    for (let b = 0; b < this.#kept.blocks; b++) yield this.#kept.stored(b)
  }

  /** The trace with the other tick, in memory. */
  async inMemory(progress?: Progress, heap = Heap.open()): Promise<PreparedTrace> {
    const fold = new TickFold(heap)
    const blocks: TickBlock[] = []
    for await (const block of this.#folded(heap, fold, intoMemory(this.#tickStartNs, fold), progress)) blocks.push(block)
    const { pageVpage, pageProcess } = this.#trace
    const { tables, tickStartNs } = this.finish()
    return { ...tables, pageVpage, pageProcess, ticks: tickStartNs.length - 1, tickStartNs, blocks: blocks.length, block: (b) => blocks[b]! }
  }

  /** Its ticks as sections of a file, in bounded memory; to be taken once. */
  encodedBlocks(large: Omit<LargeTicks, 'pages'>, progress?: Progress, heap = Heap.open()): AsyncGenerator<EncodedBlock> {
    const fold = new TickFold(heap)
    return this.#folded(heap, fold, intoSections(this.#tickStartNs, fold, { ...large, pages: this.#trace.meta.pages }, heap), progress)
  }

  /** What else the file holds, once they have been taken. `eventsAt` is for files that keep the accesses too. */
  finish(): Omit<FoldedTrace, 'blocks' | 'encodedBlocks'> {
    const { tables, readPages } = tablesOf(this.#trace)
    const events = withMoves(this.#events, this.#moves.moves, this.#tickStartNs)
    const counts: TraceMeta['events'] = {}
    for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1
    return {
      tables: { ...tables, meta: { ...tables.meta, tickNs: this.#tickNs, events: counts }, events },
      readPages,
      tickStartNs: this.#tickStartNs,
      eventsAt: placesOf(this.#events, this.#eventsAt, events),
    }
  }

  async *#folded<B>(heap: Heap, fold: TickFold, sink: TickSink<B>, progress?: Progress): AsyncGenerator<B> {
    const kept = this.#kept
    kept.hold()
    try {
      const place: Place = { clock: new TickClock(this.#tickStartNs[0]!, this.#tickNs), tick: 0, event: 0, done: 0 }
      const space = new HeapSpace(heap)
      for (let b = 0; b < kept.blocks; b++) {
        const runs = kept.runs(b, space, { fromNs: place.clock.lastNs, toNs: this.#tickStartNs.at(-1)! })
        yield* this.#block(runs, kept.accesses(b), fold, sink, place)
        space.clear()
        progress?.((b + 1) / kept.blocks, place.done)
        // signals are seen between turns
        await turn()
      }
      const ticks = this.#tickStartNs.length - 1
      for (let { tick } = place; tick < ticks; tick++) sink.endTick(tick)
      sink.finish(this.#tickStartNs[ticks]!)
      yield* sink.ready
      fold.close()
    } finally {
      kept.release()
    }
  }

  /** Folds a block of accesses; gives the blocks of ticks that are complete with it. */
  *#block<B>(runs: FoldableRuns, accesses: number, fold: TickFold, sink: TickSink<B>, place: Place): Generator<B> {
    const { fromNs, since, starts, count } = runs
    const { clock, done } = place
    const startsNs = this.#tickStartNs
    for (let row = 0, run = 0; row < accesses; ) {
      for (; place.event < this.#events.length && this.#eventsAt[place.event]! <= done + row; place.event++) this.#tell(this.#events[place.event]!, clock)
      clock.access(fromNs + since[row]!)
      for (; place.tick < startsNs.length - 2 && startsNs[place.tick + 1]! <= clock.startNs; place.tick++) sink.endTick(place.tick)
      if (sink.ready.length > 0) yield* sink.ready.splice(0)
      const stop = Math.min(accesses, (this.#eventsAt[place.event] ?? Number.POSITIVE_INFINITY) - done)
      const end = firstFrom(since, clock.endNs - fromNs, row + 1, stop)
      run = firstFrom(starts, row + 1, run + 1, count) - 1
      this.#moves.look(runs, run, row, end, clock.startNs)
      this.#foldRows(fold, sink, runs, run, row, end, clock.startNs)
      row = end
      clock.lastNs = fromNs + since[row - 1]!
    }
    place.done += accesses
  }

  /** What comes before it stays in the tick before. */
  #tell(event: TraceEvent, clock: TickClock): void {
    clock.event(event.timeNs)
    this.#moves.event(event)
  }

  /** Accesses [from, to) of one tick; `run` is the first of their runs. */
  #foldRows<B>(fold: TickFold, sink: TickSink<B>, runs: FoldableRuns, run: number, from: number, to: number, startNs: number): void {
    const { pages } = this.#trace.meta
    const actors = this.#trace.actorTask.length
    for (let row = from; row < to; run += STEP) {
      const end = Math.min(to, runs.starts[Math.min(run + STEP, runs.count)]!)
      fold.runs(runs, run, row, end, startNs, pages, actors)
      if (sink.isFull) sink.endPart()
      row = end
    }
  }
}

/** Index of the first of `ascending` in [from, to) that is not below `value`, or `to`. */
function firstFrom(ascending: Uint32Array | Float64Array, value: number, from: number, to: number): number {
  while (from < to) {
    const middle = (from + to) >>> 1
    if (ascending[middle]! < value) from = middle + 1
    else to = middle
  }
  return from
}
