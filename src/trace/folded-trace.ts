/** What folding gives, and where its ticks wait for the end. */
import type { EncodedBlock } from './block-codec.ts'
import { kept } from './blocks.ts'
import type { Carried, Fidelity } from './format.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import type { Scratch } from './scratch.ts'

/** What the format says about itself, into `meta`. */
export interface FormatFacts {
  format: string
  fidelity: Fidelity
  carries: readonly Carried[]
}

/** Everything of a PreparedTrace but its ticks. */
export type TraceTables = Omit<PreparedTrace, 'blocks' | 'block' | 'reader' | 'ticks' | 'tickStartNs' | 'stored'>

/** Virtual page numbers and process indexes of pages [from, from + vpages.length). */
export type ReadPages = (from: number, vpages: Float64Array, processes: Uint16Array) => void

/** What folding gives; the blocks are to be taken once, one way or the other. Columns of all pages are not among it: there may be very many. */
export interface FoldedTrace {
  tables: Omit<TraceTables, 'pageVpage' | 'pageProcess'>
  readPages: ReadPages
  tickStartNs: Float64Array
  /** In memory. */
  blocks(): Iterable<TickBlock>
  /** As sections of a file, in bounded memory. */
  encodedBlocks(scratch: Scratch): Iterable<EncodedBlock>
  /** If accesses are kept: how many came before each event, or -1 where the event follows from accesses. */
  eventsAt?: Float64Array
}

/** Of a prepared trace all but its ticks. */
export function tablesOf(trace: PreparedTrace): Pick<FoldedTrace, 'tables' | 'readPages'> {
  const { blocks: _, block: __, reader: ___, ticks: ____, stored: _____, tickStartNs: ______, pageVpage, pageProcess, ...tables } = trace
  return {
    tables,
    readPages(from, vpages, processes) {
      vpages.set(pageVpage.subarray(from, from + vpages.length))
      processes.set(pageProcess.subarray(from, from + processes.length))
    },
  }
}

/** Where provisional ticks wait: memory, or a file for traces larger than it. */
export interface BlockStore {
  /** The columns are used again afterwards. */
  put(block: TickBlock): void
  /** The blocks put so far, in order; each is asked for once. */
  take(): Iterable<TickBlock>
}

/** Provisional ticks kept in memory; a block is let go once it is merged. */
export class MemoryStore implements BlockStore {
  #blocks: TickBlock[] = []

  put(block: TickBlock): void {
    this.#blocks.push(kept(block))
  }

  *take(): Iterable<TickBlock> {
    for (let i = 0; i < this.#blocks.length; i++) {
      const block = this.#blocks[i]!
      this.#blocks[i] = undefined as unknown as TickBlock
      yield block
    }
  }
}

/** The folded trace, all in memory. */
export function inMemory({ tables, readPages, tickStartNs, blocks }: FoldedTrace): PreparedTrace {
  const kept = [...blocks()]
  const { pages } = tables.meta
  const pageVpage = new Float64Array(new SharedArrayBuffer(8 * pages))
  const pageProcess = new Uint16Array(new SharedArrayBuffer(2 * pages))
  readPages(0, pageVpage, pageProcess)
  return { ...tables, pageVpage, pageProcess, ticks: tickStartNs.length - 1, tickStartNs, blocks: kept.length, block: (b) => kept[b]! }
}
