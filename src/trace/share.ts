/**
 * Handing a trace to a worker thread: tables and columns stay where they are (shared memory), only references travel; blocks
 * of a native file are read by each thread for itself.
 */

import type { TraceTables } from './folded-trace.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import { blockReader, type StoredBlocks } from './stored-blocks.ts'

/** Structured-clone-able; `postMessage` it or pass it as workerData. */
export interface SharedTrace {
  tables: TraceTables
  tickStartNs: Float64Array
  blocks: TickBlock[] | StoredBlocks
}

export function shareTrace(trace: PreparedTrace): SharedTrace {
  const { blocks, block, reader: __, ticks: _, tickStartNs, stored, ...tables } = trace
  return { tables, tickStartNs, blocks: stored ?? Array.from({ length: blocks }, (_, b) => block.call(trace, b)) }
}

export function fromShared({ tables, tickStartNs, blocks }: SharedTrace): PreparedTrace {
  const rest = { ...tables, ticks: tickStartNs.length - 1, tickStartNs }
  if (Array.isArray(blocks)) return { ...rest, blocks: blocks.length, block: (b) => blocks[b]! }
  return { ...rest, blocks: blocks.blocks.length, block: blockReader(blocks, tickStartNs), reader: () => blockReader(blocks, tickStartNs), stored: blocks }
}
