/**
 * Columns of u32 as frames of 128 values, each frame packed to the bits of its largest value. A column is one byte of width per
 * frame, then the frames, 16 bytes × width each. Value i of a frame lies in lane i & 3, so that four unpack at once (the
 * vertical layout of SIMD-BP128: D. Lemire and L. Boytsov, "Decoding billions of integers per second through vectorization", 2015).
 */

export const FRAME: u32 = 128
export const FRAME_BYTES: usize = 512
/** Bytes of a pair: u32 page, actor, reads, writes. */
const PAIR: usize = 16

/** Four frames of scratch. */
const scratch = memory.data(2048, 16)

export function unpackFrame(packed: usize, width: u32, out: usize): void {
  if (width === 0) {
    memory.fill(out, 0, FRAME_BYTES)
    return
  }
  const mask = i32x4.splat(width === 32 ? -1 : (1 << width) - 1)
  let bit: u32 = 0
  for (let row: usize = 0; row < FRAME_BYTES; row += 16, bit += width) {
    const at = packed + ((<usize>bit >> 5) << 4)
    const shift = bit & 31
    // the next word is read even where it is not needed: shifted out then; in two steps, because a shift by 32 is one by 0
    const low = i32x4.shr_u(v128.load(at), shift)
    const high = i32x4.shl(i32x4.shl(v128.load(at, 16), 31 - shift), 1)
    v128.store(out + row, v128.and(v128.or(low, high), mask))
  }
}

function packFrame(values: usize, width: u32, out: usize): void {
  if (width === 0) return
  let word = i32x4.splat(0)
  let bit: u32 = 0
  for (let row: usize = 0; row < FRAME_BYTES; row += 16) {
    const value = v128.load(values + row)
    word = v128.or(word, i32x4.shl(value, bit))
    bit += width
    if (bit < 32) continue
    v128.store(out, word)
    out += 16
    bit -= 32
    word = bit > 0 ? i32x4.shr_u(value, width - bit) : i32x4.splat(0)
  }
}

function widthOf(values: usize): u32 {
  let any = v128.load(values)
  for (let row: usize = 16; row < FRAME_BYTES; row += 16) any = v128.or(any, v128.load(values + row))
  return 32 - clz(i32x4.extract_lane(any, 0) | i32x4.extract_lane(any, 1) | i32x4.extract_lane(any, 2) | i32x4.extract_lane(any, 3))
}

/** Packs n values into `out`; answers the bytes. */
export function packColumn(values: usize, n: u32, out: usize): u32 {
  const frames = (n + FRAME - 1) / FRAME
  let to = out + frames
  for (let f: u32 = 0; f < frames; f++, values += FRAME_BYTES) {
    const left = n - f * FRAME
    if (left < FRAME) {
      memory.fill(scratch, 0, FRAME_BYTES)
      memory.copy(scratch, values, (<usize>left) << 2)
      values = scratch
    }
    const width = widthOf(values)
    store<u8>(out + f, <u8>width)
    packFrame(values, width, to)
    to += (<usize>width) << 4
  }
  return <u32>(to - out)
}

/** Unpacks whole frames: `out` has room for n rounded up to 128, and 16 bytes can be read behind the column. */
export function unpackColumn(column: usize, n: u32, out: usize): void {
  const frames = (n + FRAME - 1) / FRAME
  let data = column + frames
  for (let f: u32 = 0; f < frames; f++, out += FRAME_BYTES) {
    const width = <u32>load<u8>(column + f)
    unpackFrame(data, width, out)
    data += (<usize>width) << 4
  }
}

/** Puts upper bits on the values at these distances from one another; false when one would lie beyond the n values. */
export function patchColumn(values: usize, n: u32, gaps: usize, upper: usize, patches: u32, width: u32): bool {
  let at: u32 = 0
  for (let k: usize = 0, end = (<usize>patches) << 2; k < end; k += 4) {
    const gap = load<u32>(gaps + k)
    if (gap >= n - at) return false
    at += gap
    const value = values + ((<usize>at) << 2)
    store<u32>(value, load<u32>(value) | (load<u32>(upper + k) << width))
  }
  return true
}

/**
 * The pairs of a block from its four columns. starts: u32 × (ticks + 1), ascending from 0 to n; page numbers are differences
 * that start again from 0 in each tick. Answers 0 if a page or actor is beyond the last.
 */
export function unpackPairs(pages: usize, actors: usize, reads: usize, writes: usize, n: u32, starts: usize, lastPage: u32, lastActor: u32, out: usize): u32 {
  const frames = (n + FRAME - 1) / FRAME
  let pageData = pages + frames
  let actorData = actors + frames
  let readData = reads + frames
  let writeData = writes + frames
  let next = load<u32>(starts)
  let page: u64 = 0
  let largest: u64 = 0
  let actorsSeen = i32x4.splat(0)
  let k: u32 = 0
  for (let f: u32 = 0; f < frames; f++) {
    let width = <u32>load<u8>(pages + f)
    unpackFrame(pageData, width, scratch)
    pageData += (<usize>width) << 4
    width = <u32>load<u8>(actors + f)
    unpackFrame(actorData, width, scratch + 512)
    actorData += (<usize>width) << 4
    width = <u32>load<u8>(reads + f)
    unpackFrame(readData, width, scratch + 1024)
    readData += (<usize>width) << 4
    width = <u32>load<u8>(writes + f)
    unpackFrame(writeData, width, scratch + 1536)
    writeData += (<usize>width) << 4
    const end = min(n, k + FRAME)
    let from = scratch
    while (k < end) {
      while (k === next) {
        if (page > largest) largest = page
        page = 0
        starts += 4
        next = load<u32>(starts)
      }
      const stop = min(end, next)
      page = addUp(from, stop - k, page)
      for (; k + 4 <= stop; k += 4, from += 16, out += 4 * PAIR) {
        const actor = v128.load(from, 512)
        actorsSeen = i32x4.max_u(actorsSeen, actor)
        storePairs(v128.load(from), actor, v128.load(from, 1024), v128.load(from, 1536), out)
      }
      for (; k < stop; k++, from += 4, out += PAIR) {
        const actor = load<u32>(from, 512)
        actorsSeen = i32x4.max_u(actorsSeen, i32x4.splat(actor))
        store<u32>(out, load<u32>(from))
        store<u32>(out, actor, 4)
        store<u32>(out, load<u32>(from, 1024), 8)
        store<u32>(out, load<u32>(from, 1536), 12)
      }
    }
  }
  if (page > largest) largest = page
  return <u32>(n === 0 || (largest <= lastPage && largestOf(actorsSeen) <= lastActor))
}

/** Turns n differences into sums in place, beginning with `sum`; answers the last, not cut to the 32 bits that are stored. */
export function addUp(values: usize, n: u32, sum: u64): u64 {
  const end = values + ((<usize>n) << 2)
  const zero = i32x4.splat(0)
  let carried = i32x4.splat(<u32>sum)
  let exact = i64x2.splat(0)
  for (; values + 16 <= end; values += 16) {
    const given = v128.load(values)
    exact = i64x2.add(exact, i64x2.add(i64x2.extend_low_i32x4_u(given), i64x2.extend_high_i32x4_u(given)))
    const two = i32x4.add(given, v128.shuffle<i32>(zero, given, 0, 4, 5, 6))
    const four = i32x4.add(i32x4.add(two, v128.shuffle<i32>(zero, two, 0, 1, 4, 5)), carried)
    v128.store(values, four)
    carried = v128.shuffle<i32>(four, four, 3, 3, 3, 3)
  }
  sum += <u64>i64x2.extract_lane(exact, 0) + <u64>i64x2.extract_lane(exact, 1)
  for (; values < end; values += 4) {
    sum += load<u32>(values)
    store<u32>(values, <u32>sum)
  }
  return sum
}

function storePairs(page: v128, actor: v128, reads: v128, writes: v128, out: usize): void {
  const who = v128.shuffle<i32>(page, actor, 0, 4, 1, 5)
  const counts = v128.shuffle<i32>(reads, writes, 0, 4, 1, 5)
  v128.store(out, v128.shuffle<i64>(who, counts, 0, 2))
  v128.store(out, v128.shuffle<i64>(who, counts, 1, 3), 16)
  const who2 = v128.shuffle<i32>(page, actor, 2, 6, 3, 7)
  const counts2 = v128.shuffle<i32>(reads, writes, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<i64>(who2, counts2, 0, 2), 32)
  v128.store(out, v128.shuffle<i64>(who2, counts2, 1, 3), 48)
}

function largestOf(values: v128): u32 {
  return max(
    max(<u32>i32x4.extract_lane(values, 0), <u32>i32x4.extract_lane(values, 1)),
    max(<u32>i32x4.extract_lane(values, 2), <u32>i32x4.extract_lane(values, 3)),
  )
}

/** Page and actor of the pairs from `pair` on, one word T each, so that as many as can be lie near the processor. */
function gatherKeys<T>(pair: usize, pairs: u32, keys: usize): void {
  for (const end = keys + <usize>pairs * sizeof<T>(); keys < end; keys += sizeof<T>(), pair += PAIR) {
    store<T>(keys, <T>load<u32>(pair) | ((<T>load<u32>(pair, 4)) << pageBits<T>()))
  }
}

function pageBits<T>(): T {
  return sizeof<T>() === 4 ? <T>24 : <T>32
}

function storePage<T>(key: T, page: usize, actor: usize): void {
  store<u32>(page, <u32>(key & (((<T>1) << pageBits<T>()) - 1)))
  store<u16>(actor, <u16>(key >>> pageBits<T>()))
}

/** Turns zigzag differences into sums in place, beginning with `sum`; answers the last. */
export function undoZigzag(values: usize, end: usize, sum: u32): u32 {
  const zero = i32x4.splat(0)
  const one = i32x4.splat(1)
  let carried = i32x4.splat(sum)
  for (; values + 16 <= end; values += 16) {
    const word = v128.load(values)
    const given = v128.xor(i32x4.shr_u(word, 1), i32x4.neg(v128.and(word, one)))
    const two = i32x4.add(given, v128.shuffle<i32>(zero, given, 0, 4, 5, 6))
    const four = i32x4.add(i32x4.add(two, v128.shuffle<i32>(zero, two, 0, 1, 4, 5)), carried)
    v128.store(values, four)
    carried = v128.shuffle<i32>(four, four, 3, 3, 3, 3)
  }
  sum = i32x4.extract_lane(carried, 0)
  for (; values < end; values += 4) {
    const word = load<u32>(values)
    sum += (word >>> 1) ^ (0 - (word & 1))
    store<u32>(values, sum)
  }
  return sum
}

function largestIn(values: usize, end: usize): u32 {
  let most = i32x4.splat(0)
  for (; values + 16 <= end; values += 16) most = i32x4.max_u(most, v128.load(values))
  let largest = largestOf(most)
  for (; values < end; values += 4) largest = max(largest, load<u32>(values))
  return largest
}

/**
 * The touches of a block. A touch names one of the pairs of its tick, by index, or (`delta`) by zigzag difference to the touch
 * before; offsets are differences. Both start again in each tick. keys: room for a word T per pair of a tick, which holds a page
 * and an actor. Answers 0 where something is out of range.
 */
function touches<T>(
  indexes: usize,
  isWrites: usize,
  offsets: usize,
  n: u32,
  starts: usize,
  delta: u32,
  pairStarts: usize,
  pairs: usize,
  keys: usize,
  page: usize,
  actor: usize,
  isWrite: usize,
  offset: usize,
): u32 {
  const frames = (n + FRAME - 1) / FRAME
  let indexData = indexes + frames
  let writeData = isWrites + frames
  let offsetData = offsets + frames
  let next = load<u32>(starts)
  let held: u32 = 0
  let index: u32 = 0
  let since: u64 = 0
  let largest: u64 = 0
  let k: u32 = 0
  for (let f: u32 = 0; f < frames; f++) {
    let width = <u32>load<u8>(indexes + f)
    unpackFrame(indexData, width, scratch)
    indexData += (<usize>width) << 4
    width = <u32>load<u8>(isWrites + f)
    if (width > 1) return 0
    unpackFrame(writeData, width, scratch + 512)
    writeData += (<usize>width) << 4
    width = <u32>load<u8>(offsets + f)
    unpackFrame(offsetData, width, scratch + 1024)
    offsetData += (<usize>width) << 4
    const end = min(n, k + FRAME)
    let from = scratch
    while (k < end) {
      while (k === next) {
        if (since > largest) largest = since
        since = 0
        index = 0
        starts += 4
        next = load<u32>(starts)
        const first = load<u32>(pairStarts)
        pairStarts += 4
        held = load<u32>(pairStarts) - first
        gatherKeys<T>(pairs + <usize>first * PAIR, held, keys)
      }
      const stop = min(end, next)
      const last = from + ((<usize>(stop - k)) << 2)
      if (delta) index = undoZigzag(from, last, index)
      if (largestIn(from, last) >= held && from < last) return 0
      since = addUp(from + 1024, stop - k, since)
      // four keys at a time: the more loads are under way, the less each is waited for
      for (; from + 16 <= last; from += 16, k += 4) {
        const word = load<u64>(from)
        const word2 = load<u64>(from, 8)
        const key0 = load<T>(keys + <usize>(<u32>word) * sizeof<T>())
        const key1 = load<T>(keys + <usize>(word >>> 32) * sizeof<T>())
        const key2 = load<T>(keys + <usize>(<u32>word2) * sizeof<T>())
        const key3 = load<T>(keys + <usize>(word2 >>> 32) * sizeof<T>())
        storePage<T>(key0, page + ((<usize>k) << 2), actor + ((<usize>k) << 1))
        storePage<T>(key1, page + ((<usize>k) << 2) + 4, actor + ((<usize>k) << 1) + 2)
        storePage<T>(key2, page + ((<usize>k) << 2) + 8, actor + ((<usize>k) << 1) + 4)
        storePage<T>(key3, page + ((<usize>k) << 2) + 12, actor + ((<usize>k) << 1) + 6)
        const write = v128.load(from, 512)
        const halves = i16x8.narrow_i32x4_u(write, write)
        v128.store32_lane(isWrite + k, i8x16.narrow_i16x8_u(halves, halves), 0)
        v128.store(offset + ((<usize>k) << 2), v128.load(from, 1024))
      }
      for (; from < last; from += 4, k++) {
        storePage<T>(load<T>(keys + <usize>load<u32>(from) * sizeof<T>()), page + ((<usize>k) << 2), actor + ((<usize>k) << 1))
        store<u8>(isWrite + k, <u8>load<u32>(from, 512))
        store<u32>(offset + ((<usize>k) << 2), load<u32>(from, 1024))
      }
    }
  }
  if (since > largest) largest = since
  return <u32>(largest <= 0xffff_ffff)
}

/** With keys of 32 bits, where pages are below 2^24 and actors below 256; and of 64. */
export function unpackTouches(
  indexes: usize,
  isWrites: usize,
  offsets: usize,
  n: u32,
  starts: usize,
  delta: u32,
  pairStarts: usize,
  pairs: usize,
  keys: usize,
  page: usize,
  actor: usize,
  isWrite: usize,
  offset: usize,
): u32 {
  return touches<u32>(indexes, isWrites, offsets, n, starts, delta, pairStarts, pairs, keys, page, actor, isWrite, offset)
}

export function unpackTouchesWide(
  indexes: usize,
  isWrites: usize,
  offsets: usize,
  n: u32,
  starts: usize,
  delta: u32,
  pairStarts: usize,
  pairs: usize,
  keys: usize,
  page: usize,
  actor: usize,
  isWrite: usize,
  offset: usize,
): u32 {
  return touches<u64>(indexes, isWrites, offsets, n, starts, delta, pairStarts, pairs, keys, page, actor, isWrite, offset)
}

/** Page and actor in one, as pairs are sorted. */
function keyOfTouch(page: usize, actor: usize, k: u32): u64 {
  return ((<u64>load<u32>(page + ((<usize>k) << 2))) << 32) | <u64>load<u16>(actor + ((<usize>k) << 1))
}

function keyOfPair(base: usize, index: u32): u64 {
  return rotl(load<u64>(base + <usize>index * PAIR), 32)
}

/** Index among the pairs of its tick of the pair each touch belongs to; every touch has one. */
export function rankTouches(page: usize, actor: usize, starts: usize, ticks: u32, pairStarts: usize, pairs: usize, out: usize): void {
  for (let t: u32 = 0; t < ticks; t++, starts += 4, pairStarts += 4) {
    const first = load<u32>(pairStarts)
    const base = pairs + <usize>first * PAIR
    const held = load<u32>(pairStarts, 4) - first
    const end = load<u32>(starts, 4)
    // each step of a search waits for the one before it, so four searches go on together; at the end some of them are the same
    for (let a = load<u32>(starts); a < end; a += 4) {
      const b = min(a + 1, end - 1)
      const c = min(a + 2, end - 1)
      const d = min(a + 3, end - 1)
      const wantedA = keyOfTouch(page, actor, a)
      const wantedB = keyOfTouch(page, actor, b)
      const wantedC = keyOfTouch(page, actor, c)
      const wantedD = keyOfTouch(page, actor, d)
      let lowA: u32 = 0
      let lowB: u32 = 0
      let lowC: u32 = 0
      let lowD: u32 = 0
      for (let length = held; length > 1; ) {
        const half = length >> 1
        lowA = select(lowA + half, lowA, keyOfPair(base, lowA + half) <= wantedA)
        lowB = select(lowB + half, lowB, keyOfPair(base, lowB + half) <= wantedB)
        lowC = select(lowC + half, lowC, keyOfPair(base, lowC + half) <= wantedC)
        lowD = select(lowD + half, lowD, keyOfPair(base, lowD + half) <= wantedD)
        length -= half
      }
      store<u32>(out + ((<usize>a) << 2), lowA)
      store<u32>(out + ((<usize>b) << 2), lowB)
      store<u32>(out + ((<usize>c) << 2), lowC)
      store<u32>(out + ((<usize>d) << 2), lowD)
    }
  }
}
