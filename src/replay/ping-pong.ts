/** Counts pages that were migrated away from a node and later back to it: migrations that undid each other. */
import { type MakeArray, plainArray, SmallCounts, SmallNumbers } from '../columns/index.ts'

export class PingPong {
  readonly #pages: number
  readonly #nodes: number
  /** Node of each page before its latest migration, plus one; made at the first one. */
  #before: SmallNumbers | null = null
  /** How often each page came back; made when the first one does. */
  #returns: SmallCounts | null = null
  /** How often a page came back for the k-th time: [k]. */
  readonly #ordinals: number[] = []
  /** How many pages came back. */
  pages = 0
  readonly #make: MakeArray
  readonly #standsFor: Uint32Array | undefined
  readonly #returned: ((page: number, ordinal: number) => void) | undefined

  /** In a sample of pages, `standsFor`: page -> pages that it stands for, and `returned` is told of each page that comes back. */
  constructor(pages: number, nodes: number, make: MakeArray = plainArray, standsFor?: Uint32Array, returned?: (page: number, ordinal: number) => void) {
    this.#pages = pages
    this.#nodes = nodes
    this.#make = make
    this.#standsFor = standsFor
    this.#returned = returned
  }

  #count(page: number): number {
    return this.#standsFor === undefined ? 1 : this.#standsFor[page]!
  }

  moved(page: number, from: number, to: number): void {
    this.#before ??= new SmallNumbers(this.#pages, this.#nodes, this.#make)
    if (this.#before.swap(page, from + 1) === to + 1) this.#cameBack(page)
  }

  #cameBack(page: number): void {
    this.#returns ??= new SmallCounts(this.#pages, this.#make)
    const returns = this.#returns.increment(page)
    if (returns === 1) this.pages += this.#count(page)
    this.#ordinals[returns] = (this.#ordinals[returns] ?? 0) + this.#count(page)
    this.#returned?.(page, returns)
  }

  /** The first n of these pages, each from a node of `from` to where it is now. */
  movedMany(pages: Uint32Array, from: Uint8Array, n: number, placement: Uint8Array): void {
    for (let i = 0; i < n; i++) this.moved(pages[i]!, from[i]!, placement[pages[i]!]!)
  }

  /** Returns up to now by their number for their page: first, second, … */
  byOrdinal(): { returns: number; pages: number }[] {
    return Object.entries(this.#ordinals).map(([returns, pages]) => ({ returns: Number(returns), pages }))
  }

  /** Calls `visit` with each page that came back, ascending, and how often it did. */
  forEach(visit: (page: number, returns: number) => void): void {
    this.#returns?.some((page, returns) => {
      visit(page, returns)
      return false
    })
  }

  /** Pages by how often they came back, ascending, with the first of each. */
  byReturns(): { returns: number; pages: number; first: number }[] {
    // who came back for the k-th time, but not for the next
    const pages = this.#ordinals.map((reached, returns) => reached - (this.#ordinals[returns + 1] ?? 0))
    const left = new Set(pages.keys())
    for (const [returns, count] of pages.entries()) if (!(count > 0)) left.delete(returns)
    const found: { returns: number; pages: number; first: number }[] = []
    this.#returns?.some((first, returns) => {
      if (left.delete(returns)) found.push({ returns, pages: pages[returns]!, first })
      return left.size === 0
    })
    return found.sort((a, b) => a.returns - b.returns)
  }
}
