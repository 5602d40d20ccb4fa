/** A TickBlock as columns of varints and back. What ticks of one trace have in common (their starts) is not in the block. */
import type { TickBlock } from './prepared.ts'
import { Malformed, pack, unpack, VarintWriter } from './varint.ts'

/** What the footer says about a block, beside where it lies. */
export interface BlockShape {
  firstTick: number
  ticks: number
  pairs: number
  touches: number
}

/** Largest legal values: what a damaged or hostile file must not exceed. */
export interface BlockLimits {
  pages: number
  actors: number
}

export const BLOCK_COLUMNS = 10
const U32 = 0xffff_ffff
const writer = new VarintWriter()

export const shapeOf = ({ firstTick, ticks, pairPage, touchPage }: TickBlock): BlockShape => ({
  firstTick,
  ticks,
  pairs: pairPage.length,
  touches: touchPage.length,
})

export function encodeBlock(block: TickBlock): Uint8Array[] {
  const { pairStart, touchStart } = block
  return [
    pack(writer, pairStart, 'ascending').slice(),
    pack(writer, touchStart, 'ascending').slice(),
    pack(writer, block.pairPage, 'ascending', pairStart).slice(),
    pack(writer, block.pairActor, 'plain').slice(),
    pack(writer, block.pairReads, 'plain').slice(),
    pack(writer, block.pairWrites, 'plain').slice(),
    pack(writer, block.touchPage, 'zigzag', touchStart).slice(),
    pack(writer, block.touchActor, 'plain').slice(),
    pack(writer, block.touchIsWrite, 'plain').slice(),
    pack(writer, block.touchOffsetNs, 'ascending', touchStart).slice(),
  ]
}

/** `startNs` = starts of its ticks and the end of the last. Throws Malformed. */
export function decodeBlock(columns: readonly Uint8Array[], shape: BlockShape, limits: BlockLimits, startNs: Float64Array): TickBlock {
  const { firstTick, ticks, pairs, touches } = shape
  // every row takes at least a byte: nothing is allocated that the file does not hold
  if (columns[0]!.length < ticks + 1 || columns[2]!.length < pairs || columns[6]!.length < touches) throw new Malformed()
  const pairStart = unpack(columns[0]!, u32(ticks + 1), 'ascending', pairs)
  const touchStart = unpack(columns[1]!, u32(ticks + 1), 'ascending', touches)
  if (pairStart[0] !== 0 || pairStart[ticks] !== pairs || touchStart[0] !== 0 || touchStart[ticks] !== touches) throw new Malformed()
  const page = limits.pages - 1
  const actor = limits.actors - 1
  return {
    firstTick,
    ticks,
    startNs,
    pairStart,
    pairPage: unpack(columns[2]!, u32(pairs), 'ascending', page, pairStart),
    pairActor: unpack(columns[3]!, u16(pairs), 'plain', actor),
    pairReads: unpack(columns[4]!, u32(pairs), 'plain', U32),
    pairWrites: unpack(columns[5]!, u32(pairs), 'plain', U32),
    touchStart,
    touchPage: unpack(columns[6]!, u32(touches), 'zigzag', page, touchStart),
    touchActor: unpack(columns[7]!, u16(touches), 'plain', actor),
    touchIsWrite: unpack(columns[8]!, new Uint8Array(new SharedArrayBuffer(touches)), 'plain', 1),
    touchOffsetNs: unpack(columns[9]!, u32(touches), 'ascending', U32, touchStart),
  }
}

const u32 = (length: number) => new Uint32Array(new SharedArrayBuffer(4 * length))
const u16 = (length: number) => new Uint16Array(new SharedArrayBuffer(2 * length))
