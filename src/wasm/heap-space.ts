/** A workspace inside a heap: for what is read piece by piece and worked on beside what stays in the heap. */
import type { Heap } from './heap.ts'
import type { Kernels, Workspace } from './kernels.ts'

/** Of a chunk; larger ones are taken for what needs more. */
const CHUNK_BYTES = 1 << 20
/** A cache line, and more than any element. */
const LINE = 64

export class HeapSpace implements Workspace {
  readonly kind: 'wasm' | 'typescript'
  readonly kernels: Kernels
  readonly #heap: Heap
  readonly #chunks: { at: number; bytes: number }[] = []
  /** Bytes of the last chunk. */
  #used = 0

  constructor(heap: Heap) {
    this.#heap = heap
    this.kind = heap.kind
    this.kernels = heap.kernels
  }

  /** The heap grows. */
  get free(): number {
    return Number.POSITIVE_INFINITY
  }

  readonly raw: Workspace['raw'] = {
    u8: (length) => this.#array(Uint8Array, length),
    u16: (length) => this.#array(Uint16Array, length),
    u32: (length) => this.#array(Uint32Array, length),
    f64: (length) => this.#array(Float64Array, length),
  }

  readonly u8 = (length: number): Uint8Array => this.raw.u8(length).fill(0)
  readonly u16 = (length: number): Uint16Array => this.raw.u16(length).fill(0)
  readonly u32 = (length: number): Uint32Array => this.raw.u32(length).fill(0)
  readonly f64 = (length: number): Float64Array => this.raw.f64(length).fill(0)

  /** Takes back all arrays. What they needed together is one chunk from now on. */
  clear(): void {
    this.#used = 0
    if (this.#chunks.length < 2) return
    const chunks = this.#chunks.splice(0)
    for (const { at, bytes } of chunks) this.#heap.give(at, bytes)
    this.#newChunk(chunks.reduce((sum, { bytes }) => sum + bytes, 0))
  }

  #array<A>(type: { new (buffer: ArrayBufferLike, offset: number, length: number): A; readonly BYTES_PER_ELEMENT: number }, length: number): A {
    const bytes = Math.ceil((length * type.BYTES_PER_ELEMENT) / LINE) * LINE
    const last = this.#chunks.at(-1)
    if (last === undefined || this.#used + bytes > last.bytes) this.#newChunk(Math.max(bytes, CHUNK_BYTES))
    const at = this.#chunks.at(-1)!.at + this.#used
    this.#used += bytes
    return new type(this.#heap.u8.buffer, at, length)
  }

  #newChunk(bytes: number): void {
    this.#chunks.push({ at: this.#heap.take(bytes), bytes })
    this.#used = 0
  }
}
