/** Compressed blocks of Zstandard frames: what a decoder of them does, and the one in WebAssembly (the twin is in zstd-twin.ts). */
import { COPY_PAD } from './lz4.ts'
import { DamagedBlock } from './zstd-entropy.ts'
import { PlainZstdBlocks } from './zstd-twin.ts'

/** The compressed blocks of one frame after another, each in order. */
export interface ZstdBlocks {
  /** Before the first block of a frame. */
  reset(): void
  /**
   * Unpacks `body` into `history` from `start` on; what lies before is what matches reach back to. Answers where the content ends, at most
   * `most` (2^17) bytes on; COPY_PAD bytes lie behind. Throws `DamagedBlock`.
   */
  decode(body: Uint8Array, history: Uint8Array, start: number, most: number): number
}

export interface ZstdKernels {
  /** A decoder, whose state lies in an array that this makes: in the kernels' memory, as must the history. */
  zstdBlocks(make: (length: number) => Uint8Array): ZstdBlocks
}

export interface ZstdExports {
  zstdReset(state: number): void
  zstdBlock(state: number, bytes: number, history: number, start: number, most: number): number
}

/** As assembly/zstd-state.ts has it: where a block lies, of 2^17 bytes at most, and bytes of all. */
const BODY = 12_416 + 2 ** 17 + 64
const STATE_BYTES = BODY + 2 ** 17 + COPY_PAD

/** By the numbers of assembly/zstd-damage.ts. */
const DAMAGE = [
  '',
  'a block that is cut off',
  'more literals than a block holds',
  'literals without a Huffman table',
  'literals that are cut off',
  'literals that do not end where they should',
  'streams of literals that do not fit',
  'a bit stream without an end',
  'a bit stream that is cut off',
  'a reserved bit is set',
  'bytes behind its end',
  'more content than a block holds',
  'a match from before its window',
  'more literals used than there are',
  'a match from before its beginning',
  'sequences that are cut off',
  'sequences that do not end where they should',
  'an unknown code',
  'a table that was never given',
  'a table that is cut off',
  'a table that is too large',
  'a table of too many codes',
  'a table whose shares do not add up',
  'a Huffman table whose weights do not add up',
  'a Huffman table that is cut off',
  'a Huffman table of too many codes',
  'a Huffman table whose codes are too long',
]

export const wasmZstd = (exports: ZstdExports): ZstdKernels => ({
  zstdBlocks(make) {
    const state = make(STATE_BYTES)
    return {
      reset: () => exports.zstdReset(state.byteOffset),
      decode(body, history, start, most) {
        state.set(body, BODY)
        const end = exports.zstdBlock(state.byteOffset, body.length, history.byteOffset, start, most)
        if (end < 0) throw new DamagedBlock(DAMAGE[-end])
        return end
      },
    }
  },
})

export const zstdTwins: ZstdKernels = { zstdBlocks: () => new PlainZstdBlocks() }
