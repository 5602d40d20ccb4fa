/**
 * Which pages are cold. An approximation of the two LRU lists per node (mm/swap.c, mm/vmscan.c): a page carries the epoch of
 * its last access and an active bit. A page enters inactive; an access while it is already referenced activates it
 * (folio_mark_accessed). Reclaim takes inactive pages first, the longest unused first, page ids break ties.
 */
import type { NodeIndex } from '../machine/index.ts'
import { ABSENT, type PageId } from './face.ts'
import { PAGE, type Pages } from './pages.ts'

export class Lru {
  readonly #pages: Pages
  #lastUse: Uint32Array | null = null
  #epoch = 1

  constructor(pages: Pages) {
    this.#pages = pages
  }

  isActive(page: PageId): boolean {
    return (this.#pages.state(page) & PAGE.active) !== 0
  }

  /** folio_activate(). */
  activate(page: PageId): void {
    this.#pages.setState(page, PAGE.active)
  }

  /** Pages accessed since the last call. */
  markAccessed(touched: Uint32Array, from: number, to: number): void {
    this.#lastUse ??= new Uint32Array(this.#pages.length)
    const lastUse = this.#lastUse
    const epoch = ++this.#epoch
    for (let i = from; i < to; i++) {
      const page = touched[i]!
      lastUse[page] = epoch
      const state = this.#pages.state(page)
      if ((state & PAGE.active) !== 0) continue
      this.#pages.setState(page, (state & PAGE.referenced) !== 0 ? PAGE.active : PAGE.referenced)
    }
  }

  /**
   * The coldest pages of a node, `count` of them. Active pages follow inactive ones; those that are handed out are deactivated
   * (shrink_active_list), so that an access decides whether they come back.
   */
  coldest(node: NodeIndex, count: number): Uint32Array {
    const pages = this.#pages
    const candidates: PageId[] = []
    for (let page = 0; page < pages.length; page++) {
      if (pages.node[page] === node && pages.node[page] !== ABSENT && (pages.state(page) & (PAGE.unevictable | PAGE.mlocked)) === 0) candidates.push(page)
    }
    const heat = (page: PageId): number => (this.isActive(page) ? 2 ** 32 : 0) + (this.#lastUse?.[page] ?? 0)
    const sorted = Uint32Array.from(candidates).sort((a, b) => heat(a) - heat(b) || a - b)
    let end = 0
    for (let found = 0; found < count && end < sorted.length; end++) found += pages.standsFor(sorted[end]!)
    const cold = sorted.slice(0, end)
    for (const page of cold) pages.clearState(page, PAGE.active | PAGE.referenced)
    return cold
  }
}
