/** Blocks that lie in a native file: read when they are asked for, merged into longer ticks on the way if so wished. */
import { closeSync, openSync } from 'node:fs'
import type { Workspace } from '../wasm/index.ts'
import { BLOCK_COLUMNS, BlockBuffers, type BlockShape, decodeBlock } from './block-codec.ts'
import type { StoredAccesses } from './kept-accesses.ts'
import { mergeTicks } from './merge-ticks.ts'
import type { PreparedTrace, TickBlock } from './prepared.ts'
import { decodeSection, named, readAt, type Section } from './sections.ts'

/** Decoded blocks that a reader keeps: a block is valid until so many others were asked for. */
const KEPT_BLOCKS = 4

/** Enough to read the blocks in any thread. */
export interface StoredBlocks {
  file: string
  blocks: (Section & BlockShape)[]
  pages: number
  actors: number
  /** Of the ticks in the file. */
  tickStartNs: Float64Array
  /** Blocks of merged ticks, when the trace was regrouped. */
  epochs?: EpochBlock[]
  /** If single accesses are kept. */
  accesses?: StoredAccesses
}

/** A block of merged ticks, from the ticks [from, to) of the file. */
export interface EpochBlock {
  firstTick: number
  ticks: number
  from: number
  to: number
}

/** `tickStartNs`: of the ticks as they are to be read. */
export function blockReader(stored: StoredBlocks, tickStartNs: Float64Array): (b: number) => TickBlock {
  const inFile = fileReader(stored)
  const { epochs } = stored
  return epochs ? keeping((b) => mergedBlock(stored, inFile, epochs[b]!, tickStartNs)) : inFile
}

/** Keeps the latest few answers; the memory of the oldest is used again. */
function keeping(read: (b: number, buffers: BlockBuffers) => TickBlock): (b: number) => TickBlock {
  const kept: { b: number; block: TickBlock; buffers: BlockBuffers }[] = []
  return (b) => {
    const at = kept.findIndex((entry) => entry.b === b)
    if (at >= 0) {
      const [entry] = kept.splice(at, 1)
      kept.push(entry!)
      return entry!.block
    }
    const { buffers } = (kept.length < KEPT_BLOCKS ? undefined : kept.shift()) ?? { buffers: new BlockBuffers() }
    const block = read(b, buffers)
    kept.push({ b, block, buffers })
    return block
  }
}

/** Blocks decoded right into arrays of `space`, this thread's workspace: each is valid until the next is asked for. Undefined where the blocks are not read as they are stored. */
export function nearReader({ stored }: Pick<PreparedTrace, 'stored'>, space: Workspace): ((b: number) => TickBlock) | undefined {
  if (stored === undefined || stored.epochs) return undefined
  const read = readBlockInto(stored)
  const buffers = new BlockBuffers([], space)
  return (b) => read(b, buffers)
}

const fileReader = (stored: StoredBlocks): ((b: number) => TickBlock) => keeping(readBlockInto(stored))

/** Starts of the ticks of block `b` and the end of its last. */
export const startsOf = ({ blocks, tickStartNs }: StoredBlocks, b: number): Float64Array =>
  tickStartNs.subarray(blocks[b]!.firstTick, blocks[b]!.firstTick + blocks[b]!.ticks + 1)

/** Reads and decodes blocks of the file. */
export function readBlockInto(stored: StoredBlocks): (b: number, buffers: BlockBuffers) => TickBlock {
  return (b, buffers) => {
    const place = stored.blocks[b]!
    // opened anew each time, so that no descriptor outlives the trace; next to decoding it costs nothing
    const descriptor = openSync(stored.file, 'r')
    try {
      return named(stored.file, `block ${b + 1} of ${stored.blocks.length} (bytes ${place.offset} to ${place.offset + place.bytes})`, () => {
        const columns = decodeSection(readAt(descriptor, place, buffers.section(place.bytes)), place, BLOCK_COLUMNS)
        return decodeBlock(columns, place, stored, startsOf(stored, b), buffers)
      })
    } finally {
      closeSync(descriptor)
    }
  }
}

/** Merged ticks in blocks that each begin in another block of the file, so that none is much larger than those. */
export function planEpochs({ blocks, tickStartNs: inFile }: StoredBlocks, tickStartNs: Float64Array): EpochBlock[] {
  const epochs: EpochBlock[] = []
  const ticks = tickStartNs.length - 1
  let from = 0
  let block = 0
  for (let tick = 0; tick < ticks; tick++) {
    const before = block
    while (block + 1 < blocks.length && blocks[block + 1]!.firstTick <= from) block++
    const current = epochs.at(-1)
    if (!current || block > before) epochs.push({ firstTick: tick, ticks: 0, from, to: from })
    while (from < inFile.length - 1 && inFile[from]! < tickStartNs[tick + 1]!) from++
    const grown = epochs.at(-1)!
    grown.ticks++
    grown.to = from
  }
  return epochs
}

function mergedBlock({ blocks }: StoredBlocks, inFile: (b: number) => TickBlock, epoch: EpochBlock, tickStartNs: Float64Array): TickBlock {
  function* parts(): Iterable<TickBlock> {
    for (let b = 0; b < blocks.length; b++) {
      const { firstTick, ticks } = blocks[b]!
      const first = Math.max(0, epoch.from - firstTick)
      const last = Math.min(ticks, epoch.to - firstTick)
      if (first < last) yield someTicks(inFile(b), first, last)
    }
  }
  const startNs = tickStartNs.subarray(epoch.firstTick, epoch.firstTick + epoch.ticks + 1)
  const [block] = mergeTicks(parts(), startNs, Number.POSITIVE_INFINITY)
  return { ...block!, firstTick: epoch.firstTick, startNs }
}

/** Ticks [first, last) of a block; the rows stay where they are. */
function someTicks(block: TickBlock, first: number, last: number): TickBlock {
  return {
    ...block,
    firstTick: block.firstTick + first,
    ticks: last - first,
    startNs: block.startNs.subarray(first, last + 1),
    pairStart: block.pairStart.subarray(first, last + 1),
    touchStart: block.touchStart.subarray(first, last + 1),
  }
}
