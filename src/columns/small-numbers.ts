import { type MakeArray, plainArray } from './make-array.ts'

/**
 * A number from 0 to `largest` (at most 255) for each of `length` places, in as few of 1, 2, 4 or 8 bits as hold it: 0 at first. What
 * lies beyond the last place that was set takes no memory, as the system gives it page by page.
 */
export class SmallNumbers {
  readonly #bytes: Uint8Array
  /** log2 of the bits of a number. */
  readonly #log: number

  constructor(length: number, largest: number, make: MakeArray = plainArray) {
    this.#log = [0, 1, 2].find((log) => largest < 1 << (1 << log)) ?? 3
    this.#bytes = make(Uint8Array, Math.ceil(length / 2 ** (3 - this.#log)))
  }

  get(i: number): number {
    return (this.#bytes[i >>> (3 - this.#log)]! >>> ((i << this.#log) & 7)) & this.#mask
  }

  set(i: number, value: number): void {
    const shift = (i << this.#log) & 7
    const at = i >>> (3 - this.#log)
    this.#bytes[at] = (this.#bytes[at]! & ~(this.#mask << shift)) | (value << shift)
  }

  /** Sets a number and answers what it was. */
  swap(i: number, value: number): number {
    const shift = (i << this.#log) & 7
    const at = i >>> (3 - this.#log)
    const mask = this.#mask
    const byte = this.#bytes[at]!
    this.#bytes[at] = (byte & ~(mask << shift)) | (value << shift)
    return (byte >>> shift) & mask
  }

  get #mask(): number {
    return (1 << (1 << this.#log)) - 1
  }
}
