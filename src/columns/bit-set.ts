/** A fixed-size set of small integers, one bit each. */
export class BitSet {
  readonly words: Uint32Array

  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >>> 5)
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
}
