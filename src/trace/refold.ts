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
const STEP = 2048

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

  /** In memory; to be taken once, these or `encodedBlocks`. */
  blocks(progress?: Progress): AsyncGenerator<TickBlock> {
    const heap = Heap.open()
    const fold = new TickFold(heap)
    return this.#folded(heap, fold, intoMemory(this.#tickStartNs, fold), progress)
  }

  /** As sections of a file, in bounded memory. */
  encodedBlocks(large: Omit<LargeTicks, 'pages'>, progress?: Progress): AsyncGenerator<EncodedBlock> {
    const heap = Heap.open()
    const fold = new TickFold(heap)
    return this.#folded(heap, fold, intoSections(this.#tickStartNs, fold, { ...large, pages: this.#trace.meta.pages }, heap), progress)
  }

  /** All but the blocks, once they have been taken. `eventsAt` is for files that keep the accesses too. */
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
    const startsNs = this.#tickStartNs
    const ticks = startsNs.length - 1
    const space = new HeapSpace(heap)
    const clock = new TickClock(startsNs[0]!, this.#tickNs)
    let tick = 0
    let event = 0
    let done = 0
    for (let b = 0; b < this.#kept.blocks; b++) {
      const runs = this.#kept.runs(b, space, { fromNs: clock.lastNs, toNs: startsNs[ticks]! })
      const { time, starts } = runs
      for (let row = 0, run = 0; row < time.length; ) {
        for (; event < this.#events.length && this.#eventsAt[event]! <= done + row; event++) this.#place(this.#events[event]!, clock)
        clock.access(time[row]!)
        for (; tick < ticks - 1 && startsNs[tick + 1]! <= clock.startNs; tick++) sink.endTick(tick)
        yield* sink.ready.splice(0)
        const stop = Math.min(time.length, (this.#eventsAt[event] ?? Number.POSITIVE_INFINITY) - done)
        const end = firstFrom(time, clock.endNs, row + 1, stop)
        run = firstFrom(starts, row + 1, run + 1, runs.count) - 1
        this.#moves.look(runs, run, row, end, clock.startNs)
        this.#foldRows(fold, sink, runs, run, row, end, clock.startNs)
        row = end
        clock.lastNs = time[row - 1]!
      }
      space.clear()
      done += time.length
      progress?.((b + 1) / this.#kept.blocks, done)
      // signals are seen between turns
      await turn()
    }
    for (; tick < ticks; tick++) sink.endTick(tick)
    sink.finish(startsNs[ticks]!)
    yield* sink.ready
    fold.close()
  }

  /** What comes before it stays in the tick before. */
  #place(event: TraceEvent, clock: TickClock): void {
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
