/** Counts pages that were moved away from a node and later back to it: migrations that undid each other. */
import { ABSENT } from '../kernel/index.ts'

/** What a Uint16Array holds. */
const MOST_RETURNS = 0xffff

export class PingPong {
  /** Node of each page after the latest look, and before its latest move. */
  readonly #now: Uint8Array
  readonly #before: Uint8Array
  /** How often each page came back. */
  readonly #returns: Uint16Array
  #migrated = 0
  pages = 0

  constructor(pages: number) {
    this.#now = new Uint8Array(pages).fill(ABSENT)
    this.#before = new Uint8Array(pages).fill(ABSENT)
    this.#returns = new Uint16Array(pages)
  }

  /** Compares placements, only when something was migrated since the last look. */
  look(placement: Uint8Array, migratedSoFar: number): void {
    if (migratedSoFar === this.#migrated) return
    this.#migrated = migratedSoFar
    const now = this.#now
    const before = this.#before
    const returns = this.#returns
    for (let page = 0; page < placement.length; page++) {
      const node = placement[page]!
      const last = now[page]!
      if (node === last) continue
      now[page] = node
      if (last === ABSENT || node === ABSENT) continue
      if (before[page] === node) {
        if (returns[page] === 0) this.pages++
        if (returns[page]! < MOST_RETURNS) returns[page]!++
      }
      before[page] = last
    }
  }

  /** Pages by how often they came back, ascending, with the first of each. */
  byReturns(): { returns: number; pages: number; first: number }[] {
    const found = new Map<number, { returns: number; pages: number; first: number }>()
    if (this.pages === 0) return []
    this.#returns.forEach((returns, page) => {
      if (returns === 0) return
      const seen = found.get(returns)
      if (seen) seen.pages++
      else found.set(returns, { returns, pages: 1, first: page })
    })
    return [...found.values()].sort((a, b) => a.returns - b.returns)
  }
}
