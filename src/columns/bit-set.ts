/** A fixed-size set of small integers, one bit each: i is bit i & 31 of words[i >>> 5]. */
export class BitSet {
  readonly words: Uint32Array

  /** `make`: where the words lie, zeroed. */
  constructor(size: number, make: (length: number) => Uint32Array = (length) => new Uint32Array(length)) {
    this.words = make((size + 31) >>> 5)
  }

  has(i: number): boolean {
    return ((this.words[i >>> 5]! >>> (i & 31)) & 1) === 1
  }

  add(i: number): void {
    this.words[i >>> 5]! |= 1 << (i & 31)
  }

  delete(i: number): void {
    this.words[i >>> 5]! &= ~(1 << (i & 31))
  }

  clear(): void {
    this.words.fill(0)
  }

  get size(): number {
    let count = 0
    for (let w = 0; w < this.words.length; w++) for (let rest = this.words[w]!; rest !== 0; rest &= rest - 1) count++
    return count
  }

  /** All that are in it, ascending, in the first places of `members`. */
  members(members: Uint32Array = new Uint32Array(this.size)): Uint32Array {
    let k = 0
    for (let w = 0; w < this.words.length; w++) {
      for (let rest = this.words[w]!; rest !== 0; rest &= rest - 1) members[k++] = 32 * w + 31 - Math.clz32(rest & -rest)
    }
    return members
  }
}
