/** An order of rows by keys of 32 bits, one after the other, the least important first: in time proportional to the rows. */
const DIGIT = 11
const DIGITS = 1 << DIGIT

/** Keys move along with the rows: memory is read in order. */
export class RadixSort {
  /** Indexes of the rows, sorted. */
  order: Uint32Array
  #other: Uint32Array
  readonly #counts = new Uint32Array(DIGITS)

  /** `memory`: where the order lies. */
  constructor(length: number, memory: 'own' | 'shared' = 'own') {
    const words = () => (memory === 'own' ? new Uint32Array(length) : new Uint32Array(new SharedArrayBuffer(4 * length)))
    this.order = words()
    this.#other = words()
    for (let i = 0; i < length; i++) this.order[i] = i
  }

  /** Sorts once more: `keys` of the rows as they are ordered now, which are overwritten. Rows whose keys are equal keep their order. */
  by(keys: Uint32Array): void {
    let from: Uint32Array = keys
    let to: Uint32Array = new Uint32Array(keys.length)
    for (let shift = 0; shift < 32; shift += DIGIT) {
      if (this.#count(from, shift)) continue
      this.#move(from, to, shift)
      ;[from, to] = [to, from]
    }
  }

  /** Where each digit's rows begin; true when all keys have the same one. */
  #count(keys: Uint32Array, shift: number): boolean {
    const counts = this.#counts.fill(0)
    for (let i = 0; i < keys.length; i++) counts[(keys[i]! >>> shift) & (DIGITS - 1)]!++
    let sum = 0
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = counts[digit]!
      if (count === keys.length) return true
      counts[digit] = sum
      sum += count
    }
    return false
  }

  #move(from: Uint32Array, to: Uint32Array, shift: number): void {
    const counts = this.#counts
    const { order } = this
    const other = this.#other
    for (let i = 0; i < from.length; i++) {
      const key = from[i]!
      const at = counts[(key >>> shift) & (DIGITS - 1)]!++
      to[at] = key
      other[at] = order[i]!
    }
    this.order = other
    this.#other = order
  }
}
