/** What becomes of whole columns once they are unpacked (frames.ts). */
import { addUp, FRAME, FRAME_BYTES, undoZigzag, unpackFrame } from './frames'

const WORD: f64 = 4294967296
const STEPS = i32x4(1, 2, 3, 4)

/** Turns n values of u32 into what they add up to, in place. Answers 0 where that passes 32 bits. */
export function sumUp(values: usize, n: u32): u32 {
  return <u32>(addUp(values, n, 0) <= 0xffff_ffff)
}

/**
 * What the n values of a packed column add up to, one by one; or with `isDelta` the values whose zigzag differences these are. `out` has
 * room for n rounded up to 128. Answers 0 where that passes 32 bits. A frame of values that are all the same is not unpacked.
 */
export function unpackSums(column: usize, n: u32, isDelta: u32, out: usize): u32 {
  const frames = (n + FRAME - 1) / FRAME
  let data = column + frames
  let value: u32 = 0
  let sum: u64 = 0
  for (let f: u32 = 0; f < frames; f++, out += FRAME_BYTES) {
    const some = min(n - f * FRAME, FRAME)
    const width = <u32>load<u8>(column + f)
    if (width === 0) {
      let sums = i32x4.add(i32x4.splat(<u32>sum), i32x4.mul(STEPS, i32x4.splat(value)))
      const step = i32x4.splat(4 * value)
      for (let at = out, end = out + FRAME_BYTES; at < end; at += 16, sums = i32x4.add(sums, step)) v128.store(at, sums)
      sum += <u64>some * value
      continue
    }
    unpackFrame(data, width, out)
    data += (<usize>width) << 4
    if (isDelta) value = undoZigzag(out, out + ((<usize>some) << 2), value)
    sum = addUp(out, some, sum)
  }
  return <u32>(sum <= 0xffff_ffff)
}

/** n numbers of f64 from their lower and upper words. */
export function joinWords(low: usize, high: usize, n: u32, out: usize): void {
  for (const end = out + ((<usize>n) << 3); out < end; out += 8, low += 4, high += 4) {
    store<f64>(out, <f64>load<u32>(low) + <f64>load<u32>(high) * WORD)
  }
}

/** n words as u16. Answers 0 where one is not below `limit`, which is at most 2^16. */
export function narrowWords(values: usize, n: u32, limit: u32, out: usize): u32 {
  let most: u32 = 0
  for (const end = out + ((<usize>n) << 1); out < end; out += 2, values += 4) {
    const value = load<u32>(values)
    most = max(most, value)
    store<u16>(out, value)
  }
  return <u32>(n === 0 || most < limit)
}
