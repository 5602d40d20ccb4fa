/** Accesses by page and node over a period: what `accesses()`, `sampledAccesses()` and `upcoming()` show to a policy. */
import type { NodeIndex, PageId } from '../../kernel/index.ts'
import type { PageActivity } from '../../policy/index.ts'

/** Counts per page × node, and writes per page, with a list of the pages seen so that clearing costs only those. */
export class ActivityCounter implements PageActivity {
  readonly #nodes: number
  readonly #counts: Uint32Array
  readonly #writes: Uint32Array
  readonly #seen: Uint32Array
  #seenCount = 0
  readonly #isSeen: Uint8Array

  constructor(pages: number, nodes: number) {
    this.#nodes = nodes
    this.#counts = new Uint32Array(pages * nodes)
    this.#writes = new Uint32Array(pages)
    this.#seen = new Uint32Array(pages)
    this.#isSeen = new Uint8Array(pages)
  }

  add(page: PageId, node: NodeIndex, reads: number, writes: number): void {
    if (this.#isSeen[page] === 0) {
      this.#isSeen[page] = 1
      this.#seen[this.#seenCount++] = page
    }
    this.#counts[page * this.#nodes + node]! += reads + writes
    this.#writes[page]! += writes
  }

  clear(): void {
    for (let i = 0; i < this.#seenCount; i++) {
      const page = this.#seen[i]!
      this.#isSeen[page] = 0
      this.#writes[page] = 0
      this.#counts.fill(0, page * this.#nodes, (page + 1) * this.#nodes)
    }
    this.#seenCount = 0
  }

  get pages(): Uint32Array {
    return this.#seen.slice(0, this.#seenCount).sort()
  }

  from(page: PageId, node: NodeIndex): number {
    return node < this.#nodes ? this.#counts[page * this.#nodes + node]! : 0
  }

  total(page: PageId): number {
    let sum = 0
    for (let i = page * this.#nodes; i < (page + 1) * this.#nodes; i++) sum += this.#counts[i]!
    return sum
  }

  writes(page: PageId): number {
    return this.#writes[page]!
  }

  mainNode(page: PageId): NodeIndex {
    const base = page * this.#nodes
    let main = 0
    for (let node = 1; node < this.#nodes; node++) if (this.#counts[base + node]! > this.#counts[base + main]!) main = node
    return main
  }
}
