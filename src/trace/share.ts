/** Handing a trace to a worker thread: tables and columns stay where they are (shared memory); only references travel. */
import type { PreparedTrace, TickBlock } from './prepared.ts'
import type { TraceTables } from './writer.ts'

/** Structured-clone-able; `postMessage` it or pass it as workerData. */
export interface SharedTrace {
  tables: TraceTables
  tickStartNs: Float64Array
  blocks: TickBlock[]
}

export function shareTrace(trace: PreparedTrace): SharedTrace {
  const { blocks, block, ticks: _, tickStartNs, ...tables } = trace
  return { tables, tickStartNs, blocks: Array.from({ length: blocks }, (_, b) => block.call(trace, b)) }
}

export function fromShared({ tables, tickStartNs, blocks }: SharedTrace): PreparedTrace {
  return { ...tables, ticks: tickStartNs.length - 1, tickStartNs, blocks: blocks.length, block: (b) => blocks[b]! }
}
