/** Counts pages that were migrated away from a node and later back to it: migrations that undid each other. */
import { PageMap } from '../columns/index.ts'

/** What sixteen bits hold. */
const MOST_RETURNS = 0xffff
/** No node. */
const NOWHERE = 255

export class PingPong {
  /** Of each page that ever migrated: the node before its latest move, and how often it came back, shifted by 8. */
  readonly #history = new PageMap()
  /** How often a page came back for the k-th time: [k]. */
  readonly #ordinals: number[] = []
  pages = 0
  readonly #standsFor: Uint32Array | undefined

  /** `standsFor`: page -> pages that it stands for, in a sample of pages. */
  constructor(standsFor?: Uint32Array) {
    this.#standsFor = standsFor
  }

  #count(page: number): number {
    return this.#standsFor === undefined ? 1 : this.#standsFor[page]!
  }

  moved(page: number, from: number, to: number): void {
    const history = this.#history.get(page, NOWHERE)
    let returns = history >>> 8
    if ((history & 255) === to) {
      if (returns === 0) this.pages += this.#count(page)
      if (returns < MOST_RETURNS) returns++
      this.#ordinals[returns] = (this.#ordinals[returns] ?? 0) + this.#count(page)
    }
    this.#history.set(page, (returns << 8) | from)
  }

  /** Returns up to now by their number for their page: first, second, … */
  byOrdinal(): { returns: number; pages: number }[] {
    return Object.entries(this.#ordinals).map(([returns, pages]) => ({ returns: Number(returns), pages }))
  }

  /** Pages by how often they came back, ascending, with the first of each. */
  byReturns(): { returns: number; pages: number; first: number }[] {
    const found = new Map<number, { returns: number; pages: number; first: number }>()
    if (this.pages === 0) return []
    for (const page of this.#history.pages()) {
      const returns = this.#history.get(page, NOWHERE) >>> 8
      if (returns === 0) continue
      const seen = found.get(returns)
      if (seen) seen.pages += this.#count(page)
      else found.set(returns, { returns, pages: this.#count(page), first: page })
    }
    return [...found.values()].sort((a, b) => a.returns - b.returns)
  }
}
