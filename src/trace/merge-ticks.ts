/** Merging ticks into longer ones: exact, because counts add up and the first touch of the whole is that of its first part. */
import { Heap } from '../wasm/index.ts'
import { BLOCK_ROWS, BlockBuilder, kept } from './blocks.ts'
import { TickFold } from './fold.ts'
import type { TickBlock } from './prepared.ts'

/**
 * Reads ticks in order and gives blocks of the ticks that begin at `startNs` (last = end). Every tick read lies within one
 * of those; ticks without accesses come out empty.
 */
export function* mergeTicks(blocks: Iterable<TickBlock>, startNs: Float64Array, blockRows = BLOCK_ROWS, heap = Heap.open()): Generator<TickBlock> {
  const ready: TickBlock[] = []
  const builder = new BlockBuilder((block) => ready.push(kept(block)), blockRows)
  const fold = new TickFold(heap)
  const last = startNs.length - 2
  let tick = 0
  for (const block of blocks) {
    for (let i = 0; i < block.ticks; i++) {
      const partNs = block.startNs[i]!
      for (; tick < last && startNs[tick + 1]! <= partNs; tick++) fold.flush(builder, startNs[tick]!)
      fold.add(block, i, partNs - startNs[tick]!)
    }
    yield* ready.splice(0)
  }
  for (; tick <= last; tick++) fold.flush(builder, startNs[tick]!)
  builder.finish(startNs[last + 1]!)
  yield* ready
}
