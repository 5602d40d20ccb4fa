/** A trace with longer ticks than it was imported with: `--epoch`. */
import { UserError } from '../errors.ts'
import { formatDuration } from '../units.ts'
import { shared } from './blocks.ts'
import { mergeTicks } from './merge-ticks.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import { blockReader, planEpochs } from './stored-blocks.ts'
import { checkTick, tickStarts } from './ticks.ts'

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
  const regrouped = { ...trace, meta: { ...trace.meta, tickNs: epochNs }, ticks: tickStartNs.length - 1, tickStartNs }
  if (trace.stored) {
    const stored = { ...trace.stored, epochs: planEpochs(trace.stored, tickStartNs) }
    return { ...regrouped, stored, blocks: stored.epochs.length, block: blockReader(stored, tickStartNs), reader: () => blockReader(stored, tickStartNs) }
  }
  const blocks = [...mergeTicks(allBlocks(trace), tickStartNs)]
  return { ...regrouped, blocks: blocks.length, block: (b) => blocks[b]! }
}

export function* allBlocks(trace: PreparedTrace): Iterable<TickBlock> {
  for (let b = 0; b < trace.blocks; b++) yield trace.block(b)
}
