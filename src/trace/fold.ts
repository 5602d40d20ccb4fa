/**
 * One tick being folded: counts per (page, actor) and the first access to each page. `flush` writes the tick's two lists
 * to a block. The same fold serves accesses (at import) and finer ticks (when ticks are merged), because merging is exact.
 */
import type { BlockBuilder } from './blocks.ts'

const NONE = 0xffff_ffff
const GOLDEN = 0x9e3779b1
/** Below this, insertion sort beats clearing the histograms of a radix sort. */
const FEW = 24
const DIGIT = 11

export class TickFold {
  /** Pairs in order of discovery. */
  pairs = 0
  #page = new Uint32Array(1024)
  #actor = new Uint16Array(1024)
  #reads = new Float64Array(1024)
  #writes = new Float64Array(1024)
  /** Open addressing on (page, actor): pair + 1, or 0; at most half full. */
  #slots = new Uint32Array(4096)
  #shift = 20
  /** Per actor the pair it touched last: runs on one page skip the table. */
  #lastPage = new Uint32Array(64).fill(NONE)
  #lastPair = new Uint32Array(64)

  touches = 0
  #touchPage = new Uint32Array(1024)
  #touchActor = new Uint16Array(1024)
  #touchIsWrite = new Uint8Array(1024)
  #touchOffset = new Uint32Array(1024)
  /** One bit per page: touched in this tick. */
  #touched = new Uint32Array(128)

  /** Scratch of the sort. */
  #order = new Uint32Array(0)
  #other = new Uint32Array(0)
  readonly #histogram = new Uint32Array(1 << DIGIT)

  /** One access. A page that this actor touched last was touched in this tick: its run skips both tables. */
  access(page: number, actor: number, reads: number, writes: number, isWrite: number, offsetNs: number): void {
    if (actor >= this.#lastPage.length) this.#moreActors(actor)
    let pair = this.#lastPair[actor]!
    if (this.#lastPage[actor] !== page) {
      this.touch(page, actor, isWrite, offsetNs)
      pair = this.#find(page, actor)
      this.#lastPage[actor] = page
      this.#lastPair[actor] = pair
    }
    this.#reads[pair]! += reads
    this.#writes[pair]! += writes
  }

  /** What a finer tick counted. */
  add(page: number, actor: number, reads: number, writes: number): void {
    if (actor >= this.#lastPage.length) this.#moreActors(actor)
    const pair = this.#find(page, actor)
    this.#reads[pair]! += reads
    this.#writes[pair]! += writes
  }

  /** The access is the page's first in this tick unless it was touched before. */
  touch(page: number, actor: number, isWrite: number, offsetNs: number): void {
    const word = page >>> 5
    if (word >= this.#touched.length) this.#morePages(word)
    const bit = 1 << (page & 31)
    if ((this.#touched[word]! & bit) !== 0) return
    this.#touched[word]! |= bit
    const i = this.touches++
    if (i === this.#touchPage.length) this.#moreTouches()
    this.#touchPage[i] = page
    this.#touchActor[i] = actor
    this.#touchIsWrite[i] = isWrite
    this.#touchOffset[i] = offsetNs
  }

  #find(page: number, actor: number): number {
    const mask = this.#slots.length - 1
    let slot = Math.imul(page ^ Math.imul(actor, 0x85ebca6b), GOLDEN) >>> this.#shift
    for (;;) {
      const stored = this.#slots[slot]!
      if (stored === 0) break
      if (this.#page[stored - 1] === page && this.#actor[stored - 1] === actor) return stored - 1
      slot = (slot + 1) & mask
    }
    const pair = this.pairs++
    if (pair === this.#page.length) this.#morePairs()
    this.#page[pair] = page
    this.#actor[pair] = actor
    this.#reads[pair] = 0
    this.#writes[pair] = 0
    this.#slots[slot] = pair + 1
    if (this.pairs * 2 > this.#slots.length) this.#rehash()
    return pair
  }

  /** Ends the tick: appends it to the block with its pairs sorted by page, then actor, and starts an empty one. */
  flush(block: BlockBuilder, startNs: number): void {
    const { pairs, touches } = this
    block.beginTick(startNs, pairs, touches)
    const order = this.#sorted()
    for (let i = 0; i < pairs; i++) {
      const pair = order[i]!
      block.pair(this.#page[pair]!, this.#actor[pair]!, this.#reads[pair]!, this.#writes[pair]!)
    }
    for (let i = 0; i < touches; i++) block.touch(this.#touchPage[i]!, this.#touchActor[i]!, this.#touchIsWrite[i]!, this.#touchOffset[i]!)
    block.endTick()
    this.#reset()
  }

  #reset(): void {
    // a nearly empty table is cleared slot by slot: ticks may hold a handful of accesses
    if (this.pairs * 16 < this.#slots.length) this.#clearSlots()
    else this.#slots.fill(0)
    this.#lastPage.fill(NONE)
    for (let i = 0; i < this.touches; i++) this.#touched[this.#touchPage[i]! >>> 5] = 0
    this.pairs = 0
    this.touches = 0
  }

  #clearSlots(): void {
    const mask = this.#slots.length - 1
    for (let pair = 0; pair < this.pairs; pair++) {
      let slot = Math.imul(this.#page[pair]! ^ Math.imul(this.#actor[pair]!, 0x85ebca6b), GOLDEN) >>> this.#shift
      // the whole cluster goes: every pair of the table is cleared anyway
      while (this.#slots[slot] !== 0) {
        this.#slots[slot] = 0
        slot = (slot + 1) & mask
      }
    }
  }

  /** Pairs in order of page, then actor. */
  #sorted(): Uint32Array {
    const n = this.pairs
    if (this.#order.length < n) {
      this.#order = new Uint32Array(this.#page.length)
      this.#other = new Uint32Array(this.#page.length)
    }
    const order = this.#order
    for (let i = 0; i < n; i++) order[i] = i
    if (n <= FEW) return this.#insertionSort(order, n)
    this.#radixPass(this.#actor, 0, n)
    if (this.#lastPage.length > 1 << DIGIT) this.#radixPass(this.#actor, DIGIT, n)
    let maxPage = 0
    for (let i = 0; i < n; i++) if (this.#page[i]! > maxPage) maxPage = this.#page[i]!
    for (let digit = 0; digit < 32 && maxPage >>> digit > 0; digit += DIGIT) this.#radixPass(this.#page, digit, n)
    return this.#order
  }

  #insertionSort(order: Uint32Array, n: number): Uint32Array {
    for (let i = 1; i < n; i++) {
      const pair = order[i]!
      const page = this.#page[pair]!
      const actor = this.#actor[pair]!
      let j = i - 1
      for (; j >= 0; j--) {
        const before = order[j]!
        if (this.#page[before]! < page || (this.#page[before] === page && this.#actor[before]! < actor)) break
        order[j + 1] = before
      }
      order[j + 1] = pair
    }
    return order
  }

  /** One stable pass of a least-significant-digit radix sort over `order`. */
  #radixPass(keys: Uint32Array | Uint16Array, digit: number, n: number): void {
    const counts = this.#histogram
    const from = this.#order
    const to = this.#other
    const mask = (1 << DIGIT) - 1
    counts.fill(0)
    for (let i = 0; i < n; i++) counts[(keys[i]! >>> digit) & mask]!++
    let sum = 0
    for (let d = 0; d <= mask; d++) {
      const count = counts[d]!
      counts[d] = sum
      sum += count
    }
    for (let i = 0; i < n; i++) {
      const pair = from[i]!
      to[counts[(keys[pair]! >>> digit) & mask]!++] = pair
    }
    this.#order = to
    this.#other = from
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    this.#shift--
    for (let pair = 0; pair < this.pairs; pair++) {
      let slot = Math.imul(this.#page[pair]! ^ Math.imul(this.#actor[pair]!, 0x85ebca6b), GOLDEN) >>> this.#shift
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = pair + 1
    }
    this.#slots = slots
  }

  #morePairs(): void {
    const size = this.#page.length * 2
    this.#page = widened(this.#page, new Uint32Array(size))
    this.#actor = widened(this.#actor, new Uint16Array(size))
    this.#reads = widened(this.#reads, new Float64Array(size))
    this.#writes = widened(this.#writes, new Float64Array(size))
  }

  #moreTouches(): void {
    const size = this.#touchPage.length * 2
    this.#touchPage = widened(this.#touchPage, new Uint32Array(size))
    this.#touchActor = widened(this.#touchActor, new Uint16Array(size))
    this.#touchIsWrite = widened(this.#touchIsWrite, new Uint8Array(size))
    this.#touchOffset = widened(this.#touchOffset, new Uint32Array(size))
  }

  #moreActors(actor: number): void {
    const size = Math.max(this.#lastPage.length * 2, actor + 1)
    const before = this.#lastPage.length
    this.#lastPage = widened(this.#lastPage, new Uint32Array(size)).fill(NONE, before)
    this.#lastPair = widened(this.#lastPair, new Uint32Array(size))
  }

  #morePages(word: number): void {
    this.#touched = widened(this.#touched, new Uint32Array(Math.max(this.#touched.length + (this.#touched.length >>> 1), word + 1)))
  }
}

function widened<A extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}
