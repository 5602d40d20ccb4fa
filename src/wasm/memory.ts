/**
 * Arrays that kernels can reach: a bump allocator over one shared memory. The memory is shared, so that views
 * stay valid when it grows and worker threads can look at the same bytes.
 */

import { Memory } from './engine.ts'

const PAGE = 65_536
/** Of the address space of a 32-bit memory. */
const MOST_PAGES = 65_536
/** The first page is the module's own. */
const FIRST = PAGE
/** A cache line, and more than any element. */
const LINE = 64
/** Words of the memory: the next free byte, and the end of what was ever given, in lines. */
const TOP = 16
const GIVEN = 17

export class Arena {
  readonly memory: Memory

  constructor(memory = new Memory({ initial: 2, maximum: MOST_PAGES, shared: true })) {
    this.memory = memory
    Atomics.compareExchange(this.#words(), TOP, 0, FIRST / LINE)
    Atomics.compareExchange(this.#words(), GIVEN, 0, FIRST / LINE)
  }

  #words(): Int32Array {
    return new Int32Array(this.memory.buffer, 0, PAGE / 4)
  }

  /** Bytes that can still be given. */
  get free(): number {
    return MOST_PAGES * PAGE - this.mark()
  }

  /** Where the next array will lie; `release` gives back what was made since. For one thread at a time. */
  mark(): number {
    return (Atomics.load(this.#words(), TOP) >>> 0) * LINE
  }

  release(mark: number): void {
    Atomics.store(this.#words(), TOP, mark / LINE)
  }

  /** Arrays with anything in them, for what will be written in full. */
  readonly raw = {
    u8: (length: number): Uint8Array => this.u8(length, false),
    u16: (length: number): Uint16Array => this.u16(length, false),
    u32: (length: number): Uint32Array => this.u32(length, false),
    f64: (length: number): Float64Array => this.f64(length, false),
  }

  u8(length: number, isZeroed = true): Uint8Array {
    const at = this.#take(length, isZeroed)
    return new Uint8Array(this.memory.buffer, at, length)
  }

  u16(length: number, isZeroed = true): Uint16Array {
    const at = this.#take(2 * length, isZeroed)
    return new Uint16Array(this.memory.buffer, at, length)
  }

  u32(length: number, isZeroed = true): Uint32Array {
    const at = this.#take(4 * length, isZeroed)
    return new Uint32Array(this.memory.buffer, at, length)
  }

  f64(length: number, isZeroed = true): Float64Array {
    const at = this.#take(8 * length, isZeroed)
    return new Float64Array(this.memory.buffer, at, length)
  }

  /** Throws RangeError when the memory cannot hold so many bytes: ask `free` first. */
  #take(bytes: number, isZeroed: boolean): number {
    const lines = Math.ceil(bytes / LINE)
    const words = this.#words()
    const first = Atomics.add(words, TOP, lines) >>> 0
    const at = first * LINE
    const missing = at + lines * LINE - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE))
    // memory that nobody had before is zero
    const given = (Atomics.load(words, GIVEN) >>> 0) * LINE
    // of shared memory every element is stored by itself: few large ones
    if (isZeroed && at < given) new Float64Array(this.memory.buffer, at, Math.min(lines * LINE, given - at) / 8).fill(0)
    this.#give(first + lines)
    return at
  }

  #give(end: number): void {
    const words = this.#words()
    for (let given = Atomics.load(words, GIVEN); given >>> 0 < end; given = Atomics.load(words, GIVEN)) {
      if (Atomics.compareExchange(words, GIVEN, given, end) === given) return
    }
  }
}
