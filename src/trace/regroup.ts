/** Merging ticks into longer ones: exact, because counts add up and the first touch of the whole is that of its first part. */
import { UserError } from '../errors.ts'
import { formatDuration } from '../units.ts'
import { BlockBuilder, shared } from './blocks.ts'
import { TickFold } from './fold.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import { checkTick, tickStarts } from './ticks.ts'

/**
 * Reads ticks in order and gives blocks of the ticks that begin at `startNs` (last = end). Every tick read lies within one
 * of those; ticks without accesses come out empty.
 */
export function* regroupBlocks(blocks: Iterable<TickBlock>, startNs: Float64Array): Generator<TickBlock> {
  const ready: TickBlock[] = []
  const builder = new BlockBuilder((block) => ready.push(block))
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
  const { touchPage, touchActor, touchIsWrite, touchOffsetNs, pairPage, pairActor, pairReads, pairWrites } = block
  for (let t = block.touchStart[i]!, end = block.touchStart[i + 1]!; t < end; t++)
    fold.touch(touchPage[t]!, touchActor[t]!, touchIsWrite[t]!, offsetNs + touchOffsetNs[t]!)
  for (let p = block.pairStart[i]!, end = block.pairStart[i + 1]!; p < end; p++) fold.add(pairPage[p]!, pairActor[p]!, pairReads[p]!, pairWrites[p]!)
}

/** The same trace with ticks of `epochNs`, a whole number of its own ticks; events still cut them. */
export function regroup(trace: PreparedTrace, epochNs: number): PreparedTrace {
  const { tickNs } = trace.meta
  if (epochNs === tickNs) return trace
  if (checkTick(epochNs, '--epoch') % tickNs !== 0) {
    const near = Math.max(1, Math.round(epochNs / tickNs)) * tickNs
    throw new UserError('the epoch is not a whole number of ticks', {
      field: '--epoch',
      expected: `a multiple of ${formatDuration(tickNs)}, the tick this trace was imported with`,
      got: formatDuration(epochNs),
      hint: `Use ${formatDuration(near)}, or import the recording again with --tick`,
    })
  }
  const lastNs = trace.tickStartNs[trace.ticks]! - 1
  const cuts = trace.events.map((event) => event.timeNs)
  const tickStartNs = shared(tickStarts(trace.tickStartNs[0]!, lastNs, epochNs, cuts))
  const blocks = [...regroupBlocks(allBlocks(trace), tickStartNs)]
  const meta = { ...trace.meta, tickNs: epochNs }
  return { ...trace, stored: undefined, meta, ticks: tickStartNs.length - 1, tickStartNs, blocks: blocks.length, block: (b) => blocks[b]! }
}

export function* allBlocks(trace: PreparedTrace): Iterable<TickBlock> {
  for (let b = 0; b < trace.blocks; b++) yield trace.block(b)
}
