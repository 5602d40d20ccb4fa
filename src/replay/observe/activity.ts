/** Accesses by page and node over a period: what `accesses()`, `sampledAccesses()` and `upcoming()` show to a policy. */
import { BitSet, type MakeArray } from '../../columns/index.ts'
import type { NodeIndex, PageId } from '../../kernel/index.ts'
import type { PageActivity } from '../../policy/index.ts'

const FIRST_SLOTS = 1024

/** Counts per node, and writes, of the pages that were seen: each has a slot, so that memory and clearing follow those, not all pages. */
export class ActivityCounter implements PageActivity {
  readonly #nodes: number
  /** Words of a slot: accesses by node, then writes; side by side, as who asks for one asks for the others. */
  readonly #width: number
  /** Page -> first word of its slot; slot 0 is nobody's and stays empty. */
  readonly #slotOf: Uint32Array
  #words: Uint32Array
  /** Page of each slot, in order of slots, and by page. */
  #seen: Uint32Array
  /** Room to list them by page. */
  #members: Uint32Array
  readonly #isSeen: BitSet
  #slots = 1

  constructor(pages: number, nodes: number, make: MakeArray) {
    this.#nodes = nodes
    this.#width = nodes + 1
    this.#slotOf = make(Uint32Array, pages)
    this.#words = new Uint32Array(FIRST_SLOTS * this.#width)
    this.#seen = new Uint32Array(FIRST_SLOTS)
    this.#members = new Uint32Array(FIRST_SLOTS)
    this.#isSeen = new BitSet(pages, (length) => make(Uint32Array, length))
  }

  /** So many accesses, and how many of them are writes. */
  add(page: PageId, node: NodeIndex, accesses: number, writes: number): void {
    const slot = this.#slotOf[page]! || this.#newSlot(page)
    this.#words[slot + node]! += accesses
    this.#words[slot + this.#nodes]! += writes
  }

  #newSlot(page: PageId): number {
    if (this.#slots === this.#seen.length) {
      this.#words = wider(this.#words)
      this.#seen = wider(this.#seen)
      this.#members = new Uint32Array(this.#seen.length)
    }
    const slot = this.#slots++
    this.#seen[slot] = page
    this.#isSeen.add(page)
    this.#slotOf[page] = slot * this.#width
    return slot * this.#width
  }

  clear(): void {
    for (let slot = 1; slot < this.#slots; slot++) this.#slotOf[this.#seen[slot]!] = 0
    this.#words.fill(0, 0, this.#slots * this.#width)
    this.#slots = 1
    this.#isSeen.clear()
  }

  get pages(): Uint32Array {
    return this.#isSeen.members(this.#members).subarray(0, this.#slots - 1)
  }

  from(page: PageId, node: NodeIndex): number {
    return node < this.#nodes ? this.#words[this.#slotOf[page]! + node]! : 0
  }

  total(page: PageId): number {
    const slot = this.#slotOf[page]!
    let sum = 0
    for (let node = 0; node < this.#nodes; node++) sum += this.#words[slot + node]!
    return sum
  }

  writes(page: PageId): number {
    return this.#words[this.#slotOf[page]! + this.#nodes]!
  }

  mainNode(page: PageId): NodeIndex {
    const slot = this.#slotOf[page]!
    let main = 0
    for (let node = 1; node < this.#nodes; node++) if (this.#words[slot + node]! > this.#words[slot + main]!) main = node
    return main
  }
}

function wider(from: Uint32Array): Uint32Array {
  const to = new Uint32Array(from.length * 2)
  to.set(from)
  return to
}
