import { type MakeArray, plainArray } from './make-array.ts'

/** What SmallCounts cannot hold in half a byte. */
const BEYOND = 15

/** How often something happened to each of `length` places: half a byte for each, and more for the few to which it did 15 times or more. */
export class SmallCounts {
  readonly #bytes: Uint8Array
  readonly #beyond = new Map<number, number>()

  constructor(length: number, make: MakeArray = plainArray) {
    this.#bytes = make(Uint8Array, (length + 1) >>> 1)
  }

  /** Once more; answers how often that is. */
  increment(i: number): number {
    const at = i >>> 1
    const shift = (i & 1) << 2
    const byte = this.#bytes[at]!
    const count = (byte >>> shift) & BEYOND
    if (count < BEYOND) this.#bytes[at] = byte + (1 << shift)
    if (count + 1 < BEYOND) return count + 1
    const more = (this.#beyond.get(i) ?? BEYOND - 1) + 1
    this.#beyond.set(i, more)
    return more
  }

  /** Calls `visit` with each place to which it happened, in order, and how often, until that answers true. */
  some(visit: (i: number, count: number) => boolean): boolean {
    for (let at = 0; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at]!
      if (byte === 0) continue
      if ((byte & BEYOND) !== 0 && visit(2 * at, this.#whole(2 * at, byte & BEYOND))) return true
      if (byte >>> 4 !== 0 && visit(2 * at + 1, this.#whole(2 * at + 1, byte >>> 4))) return true
    }
    return false
  }

  #whole(i: number, count: number): number {
    return count < BEYOND ? count : this.#beyond.get(i)!
  }
}
