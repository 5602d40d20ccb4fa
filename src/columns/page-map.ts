/** Few of many pages with a word each: open addressing on the page id, so that what is rare costs nothing for the rest. */
const GOLDEN = 0x9e3779b1
const EMPTY = 0

export class PageMap {
  size = 0
  /** Slot i is words[2i] = page + 1, words[2i + 1] = value; at most half full. */
  #words = new Uint32Array(32)
  #shift = 28

  /** The value of a page, `otherwise` where it has none. */
  get(page: number, otherwise: number): number {
    const slot = this.#slot(page)
    return this.#words[slot] === EMPTY ? otherwise : this.#words[slot + 1]!
  }

  set(page: number, value: number): void {
    let slot = this.#slot(page)
    if (this.#words[slot] === EMPTY) {
      if (++this.size * 4 > this.#words.length) {
        this.#grow()
        slot = this.#slot(page)
      }
      this.#words[slot] = page + 1
    }
    this.#words[slot + 1] = value
  }

  /** All pages with a value, ascending. */
  pages(): Uint32Array {
    const pages = new Uint32Array(this.size)
    let count = 0
    for (let slot = 0; slot < this.#words.length; slot += 2) if (this.#words[slot] !== EMPTY) pages[count++] = this.#words[slot]! - 1
    return pages.sort()
  }

  #slot(page: number): number {
    const mask = this.#words.length - 2
    let slot = (Math.imul(page, GOLDEN) >>> this.#shift) << 1
    while (this.#words[slot] !== EMPTY && this.#words[slot] !== page + 1) slot = (slot + 2) & mask
    return slot
  }

  #grow(): void {
    const old = this.#words
    this.#words = new Uint32Array(old.length * 2)
    this.#shift--
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] === EMPTY) continue
      const slot = this.#slot(old[i]! - 1)
      this.#words[slot] = old[i]!
      this.#words[slot + 1] = old[i + 1]!
    }
  }
}
