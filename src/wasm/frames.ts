/** Kernels of packed columns (docs/format.md): what they do, how WebAssembly is called, and the TypeScript twins. */

/** Values of a frame, which share one width. */
export const FRAME = 128
/** Bytes that may be read behind a packed column. */
export const FRAME_PAD = 16
const PAIR_WORDS = 4

export interface PairColumns {
  page: Uint8Array
  actor: Uint8Array
  reads: Uint8Array
  writes: Uint8Array
}

export interface TouchColumns {
  index: Uint8Array
  isWrite: Uint8Array
  offset: Uint8Array
  /** Indexes are zigzag differences within the tick. */
  isDelta: boolean
  /** Pages take more than 24 bits, or actors more than 8. */
  isWide: boolean
}

export interface Touches {
  page: Uint32Array
  actor: Uint16Array
  isWrite: Uint8Array
  offset: Uint32Array
}

export interface FrameKernels {
  /** Packs the first n values; answers the bytes. `out` has room for `columnBytes(n)`. */
  packColumn(values: Uint32Array, n: number, out: Uint8Array): number
  /** `out` has room for n rounded up to a frame; FRAME_PAD bytes lie behind the column. */
  unpackColumn(column: Uint8Array, n: number, out: Uint32Array): void
  /** Turns n zigzag differences into what they add up to, in place; the first counts from 0. */
  undoZigzag(values: Uint32Array, n: number): void
  /** Puts `upper` << width on values at `gaps` from one another, the first from 0; false when one would lie beyond the n values. */
  patchColumn(values: Uint32Array, n: number, gaps: Uint32Array, upper: Uint32Array, patches: number, width: number): boolean
  /** Pairs of a block; false when a page or an actor is beyond the last. `starts` ascends from 0 to n, one per tick and the end. */
  unpackPairs(columns: PairColumns, n: number, starts: Uint32Array, lastPage: number, lastActor: number, out: Uint32Array): boolean
  /** Touches of a block; false when something is out of range. keys: scratch, a word per pair of the largest tick; two if `isWide`. */
  unpackTouches(columns: TouchColumns, n: number, starts: Uint32Array, pairStarts: Uint32Array, pairs: Uint32Array, keys: Uint32Array, out: Touches): boolean
  /** For each touch the index, among the pairs of its tick, of the pair of its page and actor. */
  rankTouches(touches: Touches, starts: Uint32Array, pairStarts: Uint32Array, pairs: Uint32Array, out: Uint32Array): void
}

/** Most bytes that n values can take. */
export const columnBytes = (n: number): number => Math.ceil(n / FRAME) * (1 + 4 * FRAME)

/** Bytes of a column of n values by its widths; NaN where a width is impossible. */
export function packedBytes(column: Uint8Array, n: number): number {
  const frames = Math.ceil(n / FRAME)
  let words = 0
  let widest = 0
  for (let f = 0; f < frames; f++) {
    words += column[f]!
    if (column[f]! > widest) widest = column[f]!
  }
  return widest > 32 ? Number.NaN : frames + 16 * words
}

export interface FrameExports {
  packColumn(values: number, n: number, out: number): number
  unpackColumn(column: number, n: number, out: number): void
  undoZigzag(values: number, end: number, sum: number): number
  patchColumn(...args: number[]): number
  unpackPairs(...args: number[]): number
  unpackTouches(...args: number[]): number
  unpackTouchesWide(...args: number[]): number
  rankTouches(...args: number[]): void
}

export function wasmFrames(exports: FrameExports): FrameKernels {
  return {
    packColumn: (values, n, out) => exports.packColumn(values.byteOffset, n, out.byteOffset),
    unpackColumn: (column, n, out) => exports.unpackColumn(column.byteOffset, n, out.byteOffset),
    undoZigzag: (values, n) => void exports.undoZigzag(values.byteOffset, values.byteOffset + 4 * n, 0),
    patchColumn: (values, n, gaps, upper, patches, width) => exports.patchColumn(values.byteOffset, n, gaps.byteOffset, upper.byteOffset, patches, width) === 1,
    unpackPairs: ({ page, actor, reads, writes }, n, starts, lastPage, lastActor, out) =>
      exports.unpackPairs(page.byteOffset, actor.byteOffset, reads.byteOffset, writes.byteOffset, n, starts.byteOffset, lastPage, lastActor, out.byteOffset) ===
      1,
    unpackTouches: ({ index, isWrite, offset, isDelta, isWide }, n, starts, pairStarts, pairs, keys, out) =>
      exports[isWide ? 'unpackTouchesWide' : 'unpackTouches'](
        index.byteOffset,
        isWrite.byteOffset,
        offset.byteOffset,
        n,
        starts.byteOffset,
        Number(isDelta),
        pairStarts.byteOffset,
        pairs.byteOffset,
        keys.byteOffset,
        out.page.byteOffset,
        out.actor.byteOffset,
        out.isWrite.byteOffset,
        out.offset.byteOffset,
      ) === 1,
    rankTouches: ({ page, actor }, starts, pairStarts, pairs, out) =>
      exports.rankTouches(page.byteOffset, actor.byteOffset, starts.byteOffset, starts.length - 1, pairStarts.byteOffset, pairs.byteOffset, out.byteOffset),
  }
}

const U32 = 0xffff_ffff

export const frameTwins: FrameKernels = {
  packColumn(values, n, out) {
    const frames = Math.ceil(n / FRAME)
    let to = frames
    for (let f = 0; f < frames; f++) {
      const first = f * FRAME
      const last = Math.min(n, first + FRAME)
      let any = 0
      for (let i = first; i < last; i++) any |= values[i]!
      const width = 32 - Math.clz32(any)
      out[f] = width
      out.fill(0, to, to + 16 * width)
      for (let i = first; i < last; i++) {
        // value i lies in lane i & 3, from bit (i >> 2) × width on of that lane
        let bit = ((i - first) >> 2) * width
        for (let value = values[i]!, left = width; left > 0; ) {
          const at = to + 16 * (bit >> 5) + 4 * (i & 3) + ((bit >> 3) & 3)
          const taken = Math.min(left, 8 - (bit & 7))
          out[at]! |= (value << (bit & 7)) & 255
          value >>>= taken
          bit += taken
          left -= taken
        }
      }
      to += 16 * width
    }
    return to
  },

  unpackColumn(column, n, out) {
    const frames = Math.ceil(n / FRAME)
    let data = frames
    for (let f = 0; f < frames; f++) {
      const width = column[f]!
      for (let i = 0; i < FRAME; i++) {
        let bit = (i >> 2) * width
        let value = 0
        for (let got = 0; got < width; ) {
          const byte = column[data + 16 * (bit >> 5) + 4 * (i & 3) + ((bit >> 3) & 3)]!
          const taken = Math.min(width - got, 8 - (bit & 7))
          value |= ((byte >>> (bit & 7)) & ((1 << taken) - 1)) << got
          got += taken
          bit += taken
        }
        out[f * FRAME + i] = value
      }
      data += 16 * width
    }
  },

  undoZigzag(values, n) {
    for (let i = 0, value = 0; i < n; i++) {
      const word = values[i]!
      value = (value + ((word >>> 1) ^ -(word & 1))) >>> 0
      values[i] = value
    }
  },

  patchColumn(values, n, gaps, upper, patches, width) {
    for (let k = 0, at = 0; k < patches; k++) {
      at += gaps[k]!
      if (at >= n) return false
      values[at]! |= upper[k]! << width
    }
    return true
  },

  unpackPairs(columns, n, starts, lastPage, lastActor, out) {
    const [pages, actors, reads, writes] = [columns.page, columns.actor, columns.reads, columns.writes].map((column) => unpacked(column, n))
    for (let tick = 0; tick + 1 < starts.length; tick++) {
      let page = 0
      for (let k = starts[tick]!; k < starts[tick + 1]!; k++) {
        page += pages![k]!
        if (page > lastPage || actors![k]! > lastActor) return false
        out[k * PAIR_WORDS] = page
        out[k * PAIR_WORDS + 1] = actors![k]!
        out[k * PAIR_WORDS + 2] = reads![k]!
        out[k * PAIR_WORDS + 3] = writes![k]!
      }
    }
    return true
  },

  unpackTouches(columns, n, starts, pairStarts, pairs, _keys, out) {
    const [indexes, isWrites, offsets] = [columns.index, columns.isWrite, columns.offset].map((column) => unpacked(column, n))
    for (let tick = 0; tick + 1 < starts.length; tick++) {
      const first = pairStarts[tick]!
      const held = pairStarts[tick + 1]! - first
      let index = 0
      let since = 0
      for (let k = starts[tick]!; k < starts[tick + 1]!; k++) {
        const word = indexes![k]!
        index = columns.isDelta ? (index + ((word >>> 1) ^ -(word & 1))) >>> 0 : word
        since += offsets![k]!
        if (index >= held || isWrites![k]! > 1 || since > U32) return false
        out.page[k] = pairs[(first + index) * PAIR_WORDS]!
        out.actor[k] = pairs[(first + index) * PAIR_WORDS + 1]!
        out.isWrite[k] = isWrites![k]!
        out.offset[k] = since
      }
    }
    return true
  },

  rankTouches(touches, starts, pairStarts, pairs, out) {
    for (let tick = 0; tick + 1 < starts.length; tick++) {
      const first = pairStarts[tick]!
      for (let k = starts[tick]!; k < starts[tick + 1]!; k++) {
        const page = touches.page[k]!
        const actor = touches.actor[k]!
        let low = 0
        for (let length = pairStarts[tick + 1]! - first; length > 1; ) {
          const half = length >> 1
          const pair = (first + low + half) * PAIR_WORDS
          if (pairs[pair]! < page || (pairs[pair] === page && pairs[pair + 1]! <= actor)) low += half
          length -= half
        }
        out[k] = low
      }
    }
  },
}

function unpacked(column: Uint8Array, n: number): Uint32Array {
  const values = new Uint32Array(Math.ceil(n / FRAME) * FRAME)
  frameTwins.unpackColumn(column, n, values)
  return values
}
