/** Merging ticks into longer ones: exact, because counts add up and the first touch of the whole is that of its first part. */
import { Heap } from '../wasm/index.ts'
import { type EncodedBlock, encoded } from './block-codec.ts'
import { BLOCK_ROWS, BlockBuilder, kept, type TickColumns } from './blocks.ts'
import { MOST_PAIRS, TickFold } from './fold.ts'
import { LargeTick, type MergeSizes } from './large-tick.ts'
import { PAIR_WORDS, type TickBlock } from './prepared.ts'
import type { Scratch } from './scratch.ts'

/**
 * Reads ticks in order and gives blocks of the ticks that begin at `startNs` (last = end). Every tick read lies within one
 * of those; ticks without accesses come out empty.
 */
export function mergeTicks(blocks: Iterable<TickBlock>, startNs: Float64Array, blockRows = BLOCK_ROWS, heap = Heap.open()): Generator<TickBlock> {
  const fold = new TickFold(heap)
  return merged(blocks, startNs, fold, intoMemory(startNs, fold, blockRows))
}

/** The same as sections of a file, in bounded memory. */
export function encodeTicks(blocks: Iterable<TickBlock>, startNs: Float64Array, large: LargeTicks, heap = Heap.open()): Generator<EncodedBlock> {
  const fold = new TickFold(heap)
  return merged(blocks, startNs, fold, intoSections(startNs, fold, large, heap))
}

/** Where finished ticks go, in order. */
export interface TickSink<B> {
  /** Blocks that are complete; they are taken at once. */
  ready: B[]
  /** The tick has grown too large for memory: more pairs than these. */
  readonly isFull: boolean
  readonly mostPairs: number
  /** A tick that is one of those read, as it is. */
  whole(tick: number, columns: TickColumns): void
  /** What there is of the tick in the fold, which goes on. */
  endPart(): void
  /** The tick in the fold. */
  endTick(tick: number): void
  finish(endNs: number): void
}

/** In memory a tick is a block of its own, which saves a copy, where so many would fill one. */
const FEW_TICKS = 4

/** Blocks in memory of the ticks that begin at `startNs`. */
export function intoMemory(startNs: Float64Array, fold: TickFold, blockRows = BLOCK_ROWS): TickSink<TickBlock> {
  const ready: TickBlock[] = []
  const builder = new BlockBuilder((block) => ready.push(kept(block)), blockRows)
  const add = (tick: number, columns: TickColumns) => {
    const isLarge = columns.pairs.length / PAIR_WORDS + columns.touchPage.length >= blockRows / FEW_TICKS
    if (isLarge) builder.alone(startNs[tick]!, startNs[tick + 1]!, columns)
    else builder.tick(startNs[tick]!, columns)
  }
  return {
    ready,
    isFull: false,
    mostPairs: Number.POSITIVE_INFINITY,
    endPart() {},
    whole: add,
    endTick: (tick) => fold.end((columns) => add(tick, columns)),
    finish: (endNs) => builder.finish(endNs),
  }
}

/** What the large ticks of an import need. */
export interface LargeTicks {
  scratch: Scratch
  /** Of the whole trace. */
  pages: number
  /** A tick with more pairs gets a block of its own, which is put together on disk. */
  mostPairs?: number
  sizes?: MergeSizes
}

/** Sections of a file; `fold` lies in `heap`. */
export function intoSections(
  startNs: Float64Array,
  fold: TickFold,
  { scratch, pages, mostPairs = MOST_PAIRS, sizes }: LargeTicks,
  heap: Heap,
): TickSink<EncodedBlock> {
  const ready: EncodedBlock[] = []
  const free: Buffer[] = []
  const builder = new BlockBuilder((block) => ready.push(encoded(block, free)))
  const large = new LargeTick(heap, scratch, sizes)
  return {
    ready,
    get isFull() {
      return fold.isBeyond(mostPairs)
    },
    mostPairs,
    whole: (tick, columns) => builder.tick(startNs[tick]!, columns),
    endPart: () => fold.endPart((columns) => large.add(columns)),
    endTick(tick) {
      if (!large.isOpen && fold.isBeyond(mostPairs, true)) this.endPart()
      if (!large.isOpen) return fold.flush(builder, startNs[tick]!)
      fold.end((columns) => large.add(columns))
      ready.push(large.end(builder.elsewhere(startNs[tick]!), pages, fold))
    },
    finish: (endNs) => builder.finish(endNs),
  }
}

function* merged<B>(blocks: Iterable<TickBlock>, startNs: Float64Array, fold: TickFold, sink: TickSink<B>): Generator<B> {
  const last = startNs.length - 2
  let tick = 0
  for (const block of blocks) {
    for (let i = 0; i < block.ticks; i++) {
      const partNs = block.startNs[i]!
      for (; tick < last && startNs[tick + 1]! <= partNs; tick++) sink.endTick(tick)
      yield* sink.ready.splice(0)
      const isWhole = fold.isEmpty && tick < last && block.startNs[i + 1]! >= startNs[tick + 1]!
      if (isWhole && block.pairStart[i + 1]! - block.pairStart[i]! <= sink.mostPairs) {
        sink.whole(tick, columnsOf(block, i, partNs - startNs[tick]!))
        tick++
        continue
      }
      fold.add(block, i, partNs - startNs[tick]!)
      if (sink.isFull) sink.endPart()
    }
  }
  for (; tick <= last; tick++) sink.endTick(tick)
  sink.finish(startNs[last + 1]!)
  yield* sink.ready
}

/** Of tick `i` of a block, which starts `laterNs` after the tick that they become. */
function columnsOf(block: TickBlock, i: number, laterNs: number): TickColumns {
  const [from, to] = [block.touchStart[i]!, block.touchStart[i + 1]!]
  const touchOffsetNs = block.touchOffsetNs.subarray(from, to)
  return {
    pairs: block.pairs.subarray(block.pairStart[i]! * PAIR_WORDS, block.pairStart[i + 1]! * PAIR_WORDS),
    touchPage: block.touchPage.subarray(from, to),
    touchActor: block.touchActor.subarray(from, to),
    touchIsWrite: block.touchIsWrite.subarray(from, to),
    touchOffsetNs: laterNs === 0 ? touchOffsetNs : touchOffsetNs.map((ns) => ns + laterNs),
  }
}
