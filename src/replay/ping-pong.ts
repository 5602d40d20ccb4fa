/** Counts pages that were moved away from a node and later back to it: migrations that undid each other. */
import { BitSet } from '../columns/index.ts'
import { ABSENT } from '../kernel/index.ts'

export class PingPong {
  /** Node of each page after the latest look, and before its latest move. */
  readonly #now: Uint8Array
  readonly #before: Uint8Array
  readonly #returned: BitSet
  #migrated = 0
  pages = 0

  constructor(pages: number) {
    this.#now = new Uint8Array(pages).fill(ABSENT)
    this.#before = new Uint8Array(pages).fill(ABSENT)
    this.#returned = new BitSet(pages)
  }

  /** Compares placements, only when something was migrated since the last look. */
  look(placement: Uint8Array, migratedSoFar: number): void {
    if (migratedSoFar === this.#migrated) return
    this.#migrated = migratedSoFar
    const now = this.#now
    const before = this.#before
    for (let page = 0; page < placement.length; page++) {
      const node = placement[page]!
      const last = now[page]!
      if (node === last) continue
      now[page] = node
      if (last === ABSENT || node === ABSENT) continue
      if (before[page] === node && !this.#returned.has(page)) {
        this.#returned.add(page)
        this.pages++
      }
      before[page] = last
    }
  }
}
