/** Accesses by page and node over a period: what `accesses()`, `sampledAccesses()` and `upcoming()` show to a policy. */
import type { NodeIndex, PageId } from '../../kernel/index.ts'
import type { PageActivity } from '../../policy/index.ts'

const FIRST_SLOTS = 1024

/** Counts per node, and writes, of the pages that were seen: each has a slot, so that memory and clearing follow those, not all pages. */
export class ActivityCounter implements PageActivity {
  readonly #nodes: number
  /** Page -> slot; slot 0 is nobody's and stays empty. */
  readonly #slotOf: Uint32Array
  /** [slot * nodes + node] */
  #counts: Uint32Array
  #writes: Uint32Array
  /** Page of each slot. */
  #seen: Uint32Array
  #slots = 1

  constructor(pages: number, nodes: number) {
    this.#nodes = nodes
    this.#slotOf = new Uint32Array(pages)
    this.#counts = new Uint32Array(FIRST_SLOTS * nodes)
    this.#writes = new Uint32Array(FIRST_SLOTS)
    this.#seen = new Uint32Array(FIRST_SLOTS)
  }

  add(page: PageId, node: NodeIndex, reads: number, writes: number): void {
    const slot = this.#slotOf[page]! || this.#newSlot(page)
    this.#counts[slot * this.#nodes + node]! += reads + writes
    this.#writes[slot]! += writes
  }

  #newSlot(page: PageId): number {
    const slot = this.#slots++
    if (slot === this.#seen.length) {
      this.#counts = wider(this.#counts)
      this.#writes = wider(this.#writes)
      this.#seen = wider(this.#seen)
    }
    this.#seen[slot] = page
    this.#slotOf[page] = slot
    return slot
  }

  clear(): void {
    for (let slot = 1; slot < this.#slots; slot++) this.#slotOf[this.#seen[slot]!] = 0
    this.#counts.fill(0, 0, this.#slots * this.#nodes)
    this.#writes.fill(0, 0, this.#slots)
    this.#slots = 1
  }

  get pages(): Uint32Array {
    return this.#seen.slice(1, this.#slots).sort()
  }

  from(page: PageId, node: NodeIndex): number {
    return node < this.#nodes ? this.#counts[this.#slotOf[page]! * this.#nodes + node]! : 0
  }

  total(page: PageId): number {
    const base = this.#slotOf[page]! * this.#nodes
    let sum = 0
    for (let node = 0; node < this.#nodes; node++) sum += this.#counts[base + node]!
    return sum
  }

  writes(page: PageId): number {
    return this.#writes[this.#slotOf[page]!]!
  }

  mainNode(page: PageId): NodeIndex {
    const base = this.#slotOf[page]! * this.#nodes
    let main = 0
    for (let node = 1; node < this.#nodes; node++) if (this.#counts[base + node]! > this.#counts[base + main]!) main = node
    return main
  }
}

function wider(from: Uint32Array): Uint32Array {
  const to = new Uint32Array(from.length * 2)
  to.set(from)
  return to
}
