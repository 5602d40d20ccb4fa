/** A TickBlock as columns of varints and back. What ticks of one trace have in common (their starts) is not in the block. */
import { PAIR_WORDS, type TickBlock } from './prepared.ts'
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

export const shapeOf = ({ firstTick, ticks, pairs, touchPage }: TickBlock): BlockShape => ({
  firstTick,
  ticks,
  pairs: pairs.length / PAIR_WORDS,
  touches: touchPage.length,
})

export function encodeBlock(block: TickBlock): Uint8Array[] {
  const { pairStart, touchStart, pairs } = block
  return [
    pack(writer, pairStart, 'ascending').slice(),
    pack(writer, touchStart, 'ascending').slice(),
    pack(writer, wordsOf(pairs, 0), 'ascending', pairStart).slice(),
    pack(writer, wordsOf(pairs, 1), 'plain').slice(),
    pack(writer, wordsOf(pairs, 2), 'plain').slice(),
    pack(writer, wordsOf(pairs, 3), 'plain').slice(),
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
    pairs: joined([
      unpack(columns[2]!, new Uint32Array(pairs), 'ascending', page, pairStart),
      unpack(columns[3]!, new Uint32Array(pairs), 'plain', actor),
      unpack(columns[4]!, new Uint32Array(pairs), 'plain', U32),
      unpack(columns[5]!, new Uint32Array(pairs), 'plain', U32),
    ]),
    touchStart,
    touchPage: unpack(columns[6]!, u32(touches), 'zigzag', page, touchStart),
    touchActor: unpack(columns[7]!, u16(touches), 'plain', actor),
    touchIsWrite: unpack(columns[8]!, new Uint8Array(new SharedArrayBuffer(touches)), 'plain', 1),
    touchOffsetNs: unpack(columns[9]!, u32(touches), 'ascending', U32, touchStart),
  }
}

/** Word `w` of every pair. */
function wordsOf(pairs: Uint32Array, w: number): Uint32Array {
  const words = new Uint32Array(pairs.length / PAIR_WORDS)
  for (let k = 0; k < words.length; k++) words[k] = pairs[k * PAIR_WORDS + w]!
  return words
}

/** The pairs of which these are the words. */
function joined(words: Uint32Array[]): Uint32Array {
  const length = words[0]!.length
  const pairs = u32(length * PAIR_WORDS)
  for (let w = 0; w < PAIR_WORDS; w++) for (let k = 0; k < length; k++) pairs[k * PAIR_WORDS + w] = words[w]![k]!
  return pairs
}

const u32 = (length: number) => new Uint32Array(new SharedArrayBuffer(4 * length))
const u16 = (length: number) => new Uint16Array(new SharedArrayBuffer(2 * length))
