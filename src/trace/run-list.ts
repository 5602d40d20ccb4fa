/** Runs of a tick that wait as keys (src/wasm/fold-runs.ts) to be sorted and put together, and the pairs that came out so far. */
import { type FoldableRuns, type Heap, KEY_BYTES, mostKeys, RUN_HISTOGRAM_BYTES } from '../wasm/index.ts'
import { PAIR_WORDS } from './prepared.ts'

const RECORD_BYTES = 4 * PAIR_WORDS
const FIRST_KEYS = 1024
/** From so many keys on, and as many as there are pairs, they are put together before there is room for more. */
const MANY_KEYS = 1 << 16

export class RunList {
  readonly #heap: Heap
  /** Keys that wait. */
  #keys = 0
  /** Two arrays of so many keys: addresses. */
  #room = 0
  #at = 0
  #other = 0
  #histogram = 0
  #pairs = 0
  /** Where pairs lie, and where they go when they are put together with others: addresses, and room in pairs. */
  #merged = { at: 0, room: 0 }
  #spare = { at: 0, room: 0 }
  #pages = 0
  #actors = 0

  constructor(heap: Heap) {
    this.#heap = heap
  }

  /** Keys that wait to be put together. */
  get waiting(): number {
    return this.#keys
  }

  /** Pairs, sorted by page, then actor; of all runs when none waits. */
  get pairs(): number {
    return this.#pairs
  }

  /** Their address. */
  get records(): number {
    return this.#merged.at
  }

  /** What TickFold.runs adds, in the fold at `fold`. False when a count passes 32 bits. */
  add(fold: number, runs: FoldableRuns, run: number, end: number, from: number, to: number, startNs: number, pages: number, actors: number): boolean {
    if (runs.weight === undefined && !this.#reserve(mostKeys(end - run, to - from), pages, actors)) return false
    const at = this.#at + KEY_BYTES * this.#keys
    this.#keys += this.#heap.kernels.foldRuns(this.#heap, fold, runs, run, end, from, to, startNs, at, bitsOf(this.#actors))
    return true
  }

  /** Puts all together. False when a count passes 32 bits. */
  merge(): boolean {
    if (this.#keys === 0) return true
    const heap = this.#heap
    if (this.#pairs + this.#keys > this.#spare.room) {
      heap.give(this.#spare.at, RECORD_BYTES * this.#spare.room)
      const room = Math.max(this.#pairs + this.#keys, this.#room)
      this.#spare = { at: heap.take(RECORD_BYTES * room), room }
    }
    this.#histogram ||= heap.take(RUN_HISTOGRAM_BYTES)
    const room = { keys: this.#at, other: this.#other, histogram: this.#histogram, pairs: this.#merged.at, out: this.#spare.at }
    const pairs = heap.kernels.mergeRuns(heap, room, this.#keys, this.#pairs, bitsOf(this.#pages), bitsOf(this.#actors))
    if (pairs === undefined) return false
    ;[this.#merged, this.#spare] = [this.#spare, this.#merged]
    this.#pairs = pairs
    this.#keys = 0
    return true
  }

  clear(): void {
    this.#keys = 0
    this.#pairs = 0
  }

  /** Gives all memory back. */
  close(): void {
    this.#giveKeys()
    this.#heap.give(this.#histogram, this.#histogram === 0 ? 0 : RUN_HISTOGRAM_BYTES)
    for (const { at, room } of [this.#merged, this.#spare]) this.#heap.give(at, RECORD_BYTES * room)
  }

  /** Room for so many more keys, of pages and actors below these. */
  #reserve(more: number, pages: number, actors: number): boolean {
    // keys of fewer actors are other keys
    const isSame = bitsOf(actors) === bitsOf(this.#actors)
    if (!isSame || (this.#keys + more > this.#room && this.#room >= Math.max(MANY_KEYS, this.#pairs))) {
      if (!this.merge()) return false
    }
    this.#pages = Math.max(this.#pages, pages)
    this.#actors = actors
    const keys = this.#keys + more
    if (keys <= this.#room) return true
    const room = Math.max(keys, 2 * this.#room, FIRST_KEYS)
    const at = this.#heap.take(KEY_BYTES * room)
    const other = this.#heap.take(KEY_BYTES * room)
    this.#heap.u8.copyWithin(at, this.#at, this.#at + KEY_BYTES * this.#keys)
    this.#giveKeys()
    this.#at = at
    this.#other = other
    this.#room = room
    return true
  }

  #giveKeys(): void {
    for (const at of [this.#at, this.#other]) this.#heap.give(at, KEY_BYTES * this.#room)
  }
}

/** Of the numbers below `count`. */
const bitsOf = (count: number): number => (count > 1 ? 32 - Math.clz32(count - 1) : 0)
