/**
 * Memory of one import: blocks that live as long as they are needed, in one linear memory that kernels reach. The memory is
 * WebAssembly's, or a plain buffer that grows in place where the TypeScript twins run: the same layout for both.
 */
import { type GrowingMemory, Memory, plainMemory, type Memory as SharedMemory } from './engine.ts'
import { type Kernels, wasmKernels } from './kernels.ts'
import { twins } from './twins.ts'

const PAGE = 65_536
const MOST_PAGES = 65_536
/** The first page is the module's own. */
const FIRST = PAGE
/** A cache line, and more than any element. */
const LINE = 64

export class Heap {
  readonly kind: 'wasm' | 'typescript'
  readonly kernels: Kernels
  /** The whole memory; made anew when it grows, so to be asked for again after each allocation. */
  u8!: Uint8Array
  u16!: Uint16Array
  u32!: Uint32Array
  f64!: Float64Array
  readonly #memory: GrowingMemory
  #top = FIRST
  /** Blocks given back, to be cut up again: address and bytes, in order of address; no two touch. */
  readonly #free: { at: number; bytes: number }[] = []

  private constructor(memory: GrowingMemory, kernels: Kernels | undefined) {
    this.#memory = memory
    this.kind = kernels ? 'wasm' : 'typescript'
    this.kernels = kernels ?? twins
    this.#see()
  }

  /** Kernels of WebAssembly where it runs. */
  static open(): Heap {
    const memory = sharedMemory()
    const kernels = memory && wasmKernels({ memory })
    return memory && kernels ? new Heap(memory, kernels) : Heap.plain()
  }

  /** The TypeScript twins. */
  static plain(): Heap {
    return new Heap(plainMemory(MOST_PAGES - 1), undefined)
  }

  /** Bytes that were in use at one time, at most. */
  get most(): number {
    return this.#top - FIRST
  }

  /** Zeroed bytes; answers their address. */
  take(bytes: number): number {
    const size = Math.ceil(bytes / LINE) * LINE
    const place = this.#free.findIndex((block) => block.bytes >= size)
    if (place >= 0) {
      const block = this.#free[place]!
      const { at } = block
      block.at += size
      block.bytes -= size
      if (block.bytes === 0) this.#free.splice(place, 1)
      this.#clear(at, at + size)
      return at
    }
    // what is free at the end only lacks some: a table that outgrew its place grows on the spot
    const last = this.#free.at(-1)
    const from = last !== undefined && last.at + last.bytes === this.#top ? this.#free.pop()!.at : this.#top
    return this.#extend(from, size)
  }

  #extend(at: number, size: number): number {
    const missing = at + size - this.#memory.buffer.byteLength
    if (missing > 0) {
      // in steps: every growth makes new views
      const pages = this.#memory.buffer.byteLength / PAGE
      const wanted = Math.ceil(missing / PAGE)
      this.#memory.grow(Math.max(wanted, Math.min(pages >>> 3, MOST_PAGES - 1 - pages - wanted)))
      this.#see()
    }
    this.#clear(at, this.#top)
    this.#top = at + size
    return at
  }

  /** Of shared memory every element is stored by itself: few large ones. */
  #clear(from: number, to: number): void {
    this.f64.fill(0, from >>> 3, to >>> 3)
  }

  give(at: number, bytes: number): void {
    const size = Math.ceil(bytes / LINE) * LINE
    if (size === 0) return
    let place = this.#free.findIndex((block) => block.at > at)
    if (place < 0) place = this.#free.length
    this.#free.splice(place, 0, { at, bytes: size })
    this.#join(place)
    if (place > 0) this.#join(place - 1)
  }

  /** Free block `i` and the next become one if they touch. */
  #join(i: number): void {
    const [block, next] = [this.#free[i]!, this.#free[i + 1]]
    if (next === undefined || block.at + block.bytes !== next.at) return
    block.bytes += next.bytes
    this.#free.splice(i + 1, 1)
  }

  /** Twice as many bytes, the first ones copied; the old place is given back. */
  widen(at: number, bytes: number, wanted = 2 * bytes): number {
    const wider = this.take(wanted)
    this.u8.copyWithin(wider, at, at + bytes)
    this.give(at, bytes)
    return wider
  }

  /** Arrays, for columns that stay. The buffer is asked for after the bytes are taken: a memory that grows has another one. */
  u8s(length: number): Uint8Array {
    const at = this.take(length)
    return new Uint8Array(this.#memory.buffer, at, length)
  }

  u16s(length: number): Uint16Array {
    const at = this.take(2 * length)
    return new Uint16Array(this.#memory.buffer, at, length)
  }

  u32s(length: number): Uint32Array {
    const at = this.take(4 * length)
    return new Uint32Array(this.#memory.buffer, at, length)
  }

  i32s(length: number): Int32Array {
    const at = this.take(4 * length)
    return new Int32Array(this.#memory.buffer, at, length)
  }

  f64s(length: number): Float64Array {
    const at = this.take(8 * length)
    return new Float64Array(this.#memory.buffer, at, length)
  }

  #see(): void {
    const { buffer } = this.#memory
    this.u8 = new Uint8Array(buffer)
    this.u16 = new Uint16Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
  }
}

function sharedMemory(): SharedMemory | undefined {
  try {
    return new Memory({ initial: 16, maximum: MOST_PAGES, shared: true })
  } catch {
    // no address space for a memory
    return undefined
  }
}
