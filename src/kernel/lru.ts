/**
 * Which pages are cold. An approximation of the two LRU lists per node (mm/swap.c, mm/vmscan.c): a page carries the epoch of
 * its last access and an active bit. A page enters inactive; an access while it is already referenced activates it
 * (folio_mark_accessed). Reclaim takes inactive pages first, the longest unused first, page ids break ties.
 *
 * Sorting a node for each question would be most of a replay under pressure, so the order of its inactive pages is kept: those
 * that nobody has touched since are colder than all others, and still in that order.
 */
import type { NodeIndex } from '../machine/index.ts'
import type { PageId } from './face.ts'
import { PAGE, type Pages } from './pages.ts'

/** Inactive pages of a node as they were in an epoch, coldest first. */
interface Queue {
  epoch: number
  pages: Uint32Array
  /** The first that has not been looked at since. */
  next: number
  /** Pages that may be as cold as these, but came to the node, were handed out or were unevictable since. */
  others: Set<PageId>
}

const UNEVICTABLE = PAGE.unevictable | PAGE.mlocked

export class Lru {
  readonly #pages: Pages
  #lastUse: Uint32Array | null = null
  #epoch = 1
  readonly #queues: (Queue | undefined)[] = []

  constructor(pages: Pages) {
    this.#pages = pages
  }

  /** Nobody has asked for cold pages yet: where pages arrive need not be told. */
  get isIdle(): boolean {
    return this.#queues.length === 0
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

  /** The page is on the node from now on. */
  arrived(page: PageId, node: NodeIndex): void {
    this.#queues[node]?.others.add(page)
  }

  /**
   * The coldest pages of a node, `count` of them. Active pages follow inactive ones; those that are handed out are deactivated
   * (shrink_active_list), so that an access decides whether they come back.
   */
  coldest(node: NodeIndex, count: number): Uint32Array {
    const queue = this.#queues[node]
    const cold = (queue && this.#untouched(queue, node, count)) ?? this.#sortAgain(node, count)
    const { others } = this.#queues[node]!
    for (const page of cold) {
      this.#pages.clearState(page, PAGE.active | PAGE.referenced)
      others.add(page)
    }
    return cold
  }

  /** As many from the queue and its others as nobody has touched since; null when they are too few. */
  #untouched(queue: Queue, node: NodeIndex, count: number): Uint32Array | null {
    const lastUse = this.#lastUse
    const pages = this.#pages
    const isCold = (page: PageId): boolean =>
      pages.node[page] === node && (pages.state(page) & (PAGE.active | UNEVICTABLE)) === 0 && (lastUse === null || lastUse[page]! <= queue.epoch)
    const late: PageId[] = []
    for (const page of queue.others) {
      if (isCold(page)) late.push(page)
      else if ((pages.state(page) & UNEVICTABLE) === 0) queue.others.delete(page)
    }
    late.sort((a, b) => (lastUse === null ? 0 : lastUse[a]! - lastUse[b]!) || a - b)
    const isBefore = (a: PageId, b: PageId): boolean => (lastUse === null || lastUse[a] === lastUse[b] ? a < b : lastUse[a]! < lastUse[b]!)

    const cold: PageId[] = []
    let found = 0
    let nextLate = 0
    while (found < count) {
      while (queue.next < queue.pages.length && (queue.others.has(queue.pages[queue.next]!) || !isCold(queue.pages[queue.next]!))) {
        const page = queue.pages[queue.next++]!
        if ((pages.state(page) & UNEVICTABLE) !== 0) queue.others.add(page)
      }
      const early = queue.pages[queue.next]
      const other = late[nextLate]
      if (early === undefined && other === undefined) return null
      if (other === undefined || (early !== undefined && isBefore(early, other))) {
        cold.push(early!)
        queue.next++
      } else {
        cold.push(other)
        nextLate++
      }
      found += pages.standsFor(cold.at(-1)!)
    }
    return Uint32Array.from(cold)
  }

  /** The node in order again: what it is asked for, and a queue of the inactive pages behind. */
  #sortAgain(node: NodeIndex, count: number): Uint32Array {
    const pages = this.#pages
    const { length } = pages
    const active = this.#epoch + 1
    const keys = new Float64Array(length)
    const others = new Set<PageId>()
    let candidates = 0
    for (let page = 0; page < length; page++) {
      if (pages.node[page] !== node) continue
      const state = pages.state(page)
      if ((state & UNEVICTABLE) !== 0) {
        others.add(page)
        continue
      }
      const heat = ((state & PAGE.active) !== 0 ? active : 0) + (this.#lastUse?.[page] ?? 0)
      keys[candidates++] = heat * length + page
    }
    const sorted = keys.subarray(0, candidates).sort()
    let end = 0
    for (let found = 0; found < count && end < candidates; end++) found += pages.standsFor(sorted[end]! % length)
    const cold = Uint32Array.from(sorted.subarray(0, end), (key) => key % length)
    while (end < candidates && sorted[end]! < active * length) end++
    const queued = Uint32Array.from(sorted.subarray(cold.length, end), (key) => key % length)
    this.#queues[node] = { epoch: this.#epoch, pages: queued, next: 0, others }
    return cold
  }
}
