/** A packed column (docs/format.md) of numbers that come one after the other, in bounded memory: full frames wait in a scratch file. */
import { columnBytes, FRAME, type Heap } from '../wasm/index.ts'
import type { Place, Scratch } from './scratch.ts'

/** Values that are packed at one time: whole frames. */
const VALUES = 64 * FRAME

export class StreamedColumn {
  readonly #heap: Heap
  readonly #scratch: Scratch
  readonly #values: Uint32Array
  readonly #out: Uint8Array
  #n = 0
  /** Widths of frames, and where their data lie. */
  readonly #widths: Uint8Array[] = []
  readonly #data: Place[] = []

  constructor(heap: Heap, scratch: Scratch) {
    this.#heap = heap
    this.#scratch = scratch
    this.#values = heap.u32s(VALUES)
    this.#out = heap.u8s(columnBytes(VALUES))
  }

  add(value: number): void {
    this.#values[this.#n++] = value
    if (this.#n === VALUES) this.#pack()
  }

  #pack(): void {
    if (this.#n === 0) return
    const bytes = this.#heap.kernels.packColumn(this.#values, this.#n, this.#out)
    const frames = Math.ceil(this.#n / FRAME)
    this.#widths.push(this.#out.slice(0, frames))
    this.#data.push(this.#scratch.append(this.#out.subarray(frames, bytes)))
    this.#n = 0
  }

  /** Ends the column; answers its bytes. */
  end(): number {
    this.#pack()
    return this.#widths.reduce((sum, { length }) => sum + length, 0) + this.#data.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** The column in pieces, each valid until the next; empty afterwards. */
  *take(): Generator<Uint8Array> {
    yield* this.#widths.splice(0)
    for (const { offset, bytes } of this.#data.splice(0)) {
      const piece = this.#out.subarray(0, bytes)
      this.#scratch.read(offset, piece)
      yield piece
    }
  }

  /** Forgets all values. */
  clear(): void {
    this.#widths.length = 0
    this.#data.length = 0
    this.#n = 0
  }
}
