/** Columns of u32 packed in frames (docs/format.md), for those that are not on the hot path of a block. */
import { columnBytes, FRAME, FRAME_PAD, packedBytes, type Workspace, withWorkspace } from '../wasm/index.ts'
import { Malformed } from './sections.ts'

/** plain: the values; zigzag: differences modulo 2^32 to the value before (the first to 0), d ≥ 0 as 2d, d < 0 as −2d − 1. */
export type Packing = 'plain' | 'zigzag'

export function pack(values: ArrayLike<number>, packing: Packing = 'plain'): Uint8Array {
  return withWorkspace((workspace) => packIn(workspace, values, packing).slice())
}

/** In memory of the workspace. */
export function packIn({ kernels, raw: { u32, u8 } }: Workspace, values: ArrayLike<number>, packing: Packing): Uint8Array {
  const words = u32(values.length)
  if (packing === 'plain') words.set(values)
  else {
    let before = 0
    for (let i = 0; i < words.length; i++) {
      words[i] = zigzag(values[i]!, before)
      before = values[i]!
    }
  }
  const out = u8(columnBytes(words.length))
  return out.subarray(0, kernels.packColumn(words, words.length, out))
}

/** Exactly n values; throws Malformed. They are gone with the next pack or unpack of this thread. */
export function unpack(column: Uint8Array, n: number, packing: Packing = 'plain'): Uint32Array {
  return withWorkspace((workspace) => unpackIn(workspace, column, n, packing))
}

/** n numbers from columns of their lower and upper words, likewise. */
export function unpackWide(low: Uint8Array, high: Uint8Array, n: number, packing: Packing): Float64Array {
  return withWorkspace((workspace) => {
    const out = workspace.raw.f64(n)
    workspace.kernels.joinWords(unpackIn(workspace, low, n, packing), unpackIn(workspace, high, n, packing), n, out)
    return out
  })
}

/** n indexes below `limit`, in 16 bits, likewise. */
export function unpackIndexes(column: Uint8Array, n: number, packing: Packing, limit: number): Uint16Array {
  return withWorkspace((workspace) => {
    const out = workspace.raw.u16(n)
    if (!workspace.kernels.narrowWords(unpackIn(workspace, column, n, packing), n, Math.min(limit, 2 ** 16), out)) throw new Malformed()
    return out
  })
}

function unpackIn({ kernels, raw: { u32, u8 } }: Workspace, column: Uint8Array, n: number, packing: Packing): Uint32Array {
  if (packedBytes(column, n) !== column.length) throw new Malformed()
  const padded = u8(column.length + FRAME_PAD)
  padded.set(column)
  const words = u32(Math.ceil(n / FRAME) * FRAME)
  kernels.unpackColumn(padded, n, words)
  if (packing === 'zigzag') kernels.undoZigzag(words, n)
  return words.subarray(0, n)
}

/** The difference as an unsigned word, small where it is small. */
export function zigzag(value: number, before: number): number {
  const difference = (value - before) | 0
  return ((difference << 1) ^ (difference >> 31)) >>> 0
}
