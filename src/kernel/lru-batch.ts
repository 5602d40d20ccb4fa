/**
 * New and moved folios wait in a batch of their cpu before they come onto an LRU list (mm/swap.c:folio_add_lru). Until then
 * nobody can isolate them: the system calls drain all batches first (lru_add_drain_all), a hint fault does not, and leaves the
 * page where it is.
 */
import type { PageId } from './face.ts'

/** PAGEVEC_SIZE, include/linux/pagevec.h. */
const BATCH = 31

export class LruBatches {
  readonly #waiting = new Map<number, PageId[]>()
  readonly #pages = new Set<PageId>()

  add(cpu: number, page: PageId): void {
    const batch = this.#waiting.get(cpu) ?? []
    this.#waiting.set(cpu, batch)
    batch.push(page)
    this.#pages.add(page)
    if (batch.length === BATCH) this.drain(cpu)
  }

  /** lru_add_drain(): mlock, munmap, exit and the like on this cpu. */
  drain(cpu: number): void {
    for (const page of this.#waiting.get(cpu) ?? []) this.#pages.delete(page)
    this.#waiting.delete(cpu)
  }

  /** Not on a list yet. */
  holds(page: PageId): boolean {
    return this.#pages.has(page)
  }
}
