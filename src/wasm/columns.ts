/** Kernels of whole columns (docs/format.md): what they do, how WebAssembly is called, and the TypeScript twins. */
import { FRAME, frameTwins } from './frames.ts'

const WORD = 2 ** 32

export interface ColumnKernels {
  /** Turns n values into what they add up to, in place. False where that passes 32 bits. */
  sumUp(values: Uint32Array, n: number): boolean
  /** The same of a packed column, or with `isDelta` of the values whose zigzag differences it holds. `out` and `column` as for unpackColumn. */
  unpackSums(column: Uint8Array, n: number, isDelta: boolean, out: Uint32Array): boolean
  /** n numbers from their lower and upper words. */
  joinWords(low: Uint32Array, high: Uint32Array, n: number, out: Float64Array): void
  /** n words in 16 bits. False where one is not below `limit` (at most 2^16). */
  narrowWords(values: Uint32Array, n: number, limit: number, out: Uint16Array): boolean
}

export interface ColumnExports {
  sumUp(values: number, n: number): number
  unpackSums(column: number, n: number, isDelta: number, out: number): number
  joinWords(low: number, high: number, n: number, out: number): void
  narrowWords(values: number, n: number, limit: number, out: number): number
}

export const wasmColumns = (exports: ColumnExports): ColumnKernels => ({
  sumUp: (values, n) => exports.sumUp(values.byteOffset, n) === 1,
  unpackSums: (column, n, isDelta, out) => exports.unpackSums(column.byteOffset, n, Number(isDelta), out.byteOffset) === 1,
  joinWords: (low, high, n, out) => exports.joinWords(low.byteOffset, high.byteOffset, n, out.byteOffset),
  narrowWords: (values, n, limit, out) => exports.narrowWords(values.byteOffset, n, limit, out.byteOffset) === 1,
})

export const columnTwins: ColumnKernels = {
  sumUp(values, n) {
    let sum = 0
    for (let i = 0; i < n; i++) {
      sum += values[i]!
      values[i] = sum
    }
    return sum < WORD
  },

  unpackSums(column, n, isDelta, out) {
    const values = new Uint32Array(Math.ceil(n / FRAME) * FRAME)
    frameTwins.unpackColumn(column, n, values)
    if (isDelta) frameTwins.undoZigzag(values, n)
    const isFine = columnTwins.sumUp(values, n)
    out.set(values.subarray(0, n))
    return isFine
  },

  joinWords(low, high, n, out) {
    for (let i = 0; i < n; i++) out[i] = low[i]! + high[i]! * WORD
  },

  narrowWords(values, n, limit, out) {
    let isFine = true
    for (let i = 0; i < n; i++) {
      out[i] = values[i]!
      isFine &&= values[i]! < limit
    }
    return isFine
  },
}
