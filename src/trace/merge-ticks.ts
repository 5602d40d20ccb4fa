/** Merging ticks into longer ones: exact, because counts add up and the first touch of the whole is that of its first part. */
import { BLOCK_ROWS, BlockBuilder, kept } from './blocks.ts'
import { TickFold } from './fold.ts'
import { PAIR_WORDS, type TickBlock } from './prepared.ts'

/**
 * Reads ticks in order and gives blocks of the ticks that begin at `startNs` (last = end). Every tick read lies within one
 * of those; ticks without accesses come out empty.
 */
export function* mergeTicks(blocks: Iterable<TickBlock>, startNs: Float64Array, blockRows = BLOCK_ROWS): Generator<TickBlock> {
  const ready: TickBlock[] = []
  const builder = new BlockBuilder((block) => ready.push(kept(block)), blockRows)
  const fold = new TickFold()
  const last = startNs.length - 2
  let tick = 0
  for (const block of blocks) {
    for (let i = 0; i < block.ticks; i++) {
      const partNs = block.startNs[i]!
      for (; tick < last && startNs[tick + 1]! <= partNs; tick++) fold.flush(builder, startNs[tick]!)
      addTick(fold, block, i, partNs - startNs[tick]!)
    }
    yield* ready.splice(0)
  }
  for (; tick <= last; tick++) fold.flush(builder, startNs[tick]!)
  builder.finish(startNs[last + 1]!)
  yield* ready
}

function addTick(fold: TickFold, block: TickBlock, i: number, offsetNs: number): void {
  const { touchPage, touchActor, touchIsWrite, touchOffsetNs, pairs } = block
  for (let t = block.touchStart[i]!, end = block.touchStart[i + 1]!; t < end; t++)
    fold.touch(touchPage[t]!, touchActor[t]!, touchIsWrite[t]!, offsetNs + touchOffsetNs[t]!)
  const end = block.pairStart[i + 1]! * PAIR_WORDS
  for (let p = block.pairStart[i]! * PAIR_WORDS; p < end; p += PAIR_WORDS) fold.add(pairs[p]!, pairs[p + 1]!, pairs[p + 2]!, pairs[p + 3]!)
}
