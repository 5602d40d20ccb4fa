/** Blocks of LZ4 (lz4_Block_format.md): token, literals, offset, match. */

/** Bytes behind what is read and written that a kernel may touch. */
export const COPY_PAD = 16
/** In place of the end: literals go beyond the end of the block, or a match outside the window and what a block may hold. */
export const BAD_LITERALS = -1
export const BAD_MATCH = -2

export interface Lz4Kernels {
  /**
   * The first `bytes` of `input` unpacked into `output` from `start` on; what lies before is the window. Answers where the output
   * ends, at most `limit`. Behind `bytes` and `limit` lie COPY_PAD bytes.
   */
  lz4Block(input: Uint8Array, bytes: number, output: Uint8Array, start: number, limit: number): number
}

export interface Lz4Exports {
  lz4Block(input: number, bytes: number, output: number, start: number, limit: number): number
}

export const wasmLz4 = (exports: Lz4Exports): Lz4Kernels => ({
  lz4Block: (input, bytes, output, start, limit) => exports.lz4Block(input.byteOffset, bytes, output.byteOffset, start, limit),
})

export const lz4Twins: Lz4Kernels = {
  lz4Block(input, bytes, output, start, limit) {
    let i = 0
    let o = start
    /** Behind the end is nothing: 0. */
    const next = () => {
      const byte = i < bytes ? input[i]! : 0
      i++
      return byte
    }
    const longer = () => {
      let sum = 0
      for (let more = 255; more === 255; sum += more) more = next()
      return sum
    }
    while (i < bytes) {
      const token = next()
      let literals = token >>> 4
      if (literals === 15) literals += longer()
      if (i + literals > bytes || o + literals > limit) return BAD_LITERALS
      output.set(input.subarray(i, i + literals), o)
      i += literals
      o += literals
      if (i === bytes) return o
      const offset = next() | (next() << 8)
      let length = (token & 15) + 4
      if (length === 19) length += longer()
      if (i > bytes || offset === 0 || offset > o || o + length > limit) return BAD_MATCH
      for (const end = o + length; o < end; o++) output[o] = output[o - offset]!
    }
    return o
  },
}
