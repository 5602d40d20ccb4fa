/**
 * The pages of a recording that get many accesses, in one reading and bounded memory: the counters of Misra and Gries (1982)
 * with the purge of Anderson et al. (IMC 2017). When the table is full, the median of all counts is taken off every count and
 * what is not above zero goes. So a count is too low by at most `taken`, which is at most accesses / (CAPACITY / 2): every page
 * above accesses / share is found as long as share < CAPACITY / 2. While the table is never full, all counts are exact.
 */
import type { AccessKind, TraceWriter } from './format.ts'
import { MODIFY } from './format.ts'
import { type HotPages, pageHash } from './page-sample.ts'

/** A page with more than one access in so many of all is kept exactly: 20,000 pages at most, and the error of all others is small. */
export const HOT_SHARE = 20_000

const CAPACITY = 1 << 17
const SLOTS = 2 * CAPACITY
const GOLDEN = 0x9e3779b1

/** Stretch of 2^32 pages of a process, as in the page table. */
interface Space {
  pid: number
  high: number
}

export class HotPageFinder implements TraceWriter {
  line = 0
  readonly pageSize: number
  readonly #pageShift: number
  readonly #pids: number[] = []
  readonly #processOf = new Map<number, number>()
  readonly #taskOf = new Map<string, number>()
  readonly #tasks: { process: number; high: number; space: number }[] = []
  readonly #spaces: Space[] = []
  readonly #spaceOf = new Map<number, number>()
  /** Open addressing; a slot without a count is empty. */
  readonly #slotSpace = new Uint32Array(SLOTS)
  readonly #slotLow = new Uint32Array(SLOTS)
  readonly #count = new Float64Array(SLOTS)
  #used = 0
  #taken = 0
  #accesses = 0

  constructor(pageSize: number) {
    this.pageSize = pageSize
    this.#pageShift = Math.log2(pageSize)
  }

  process(pid: number): number {
    let index = this.#processOf.get(pid)
    if (index === undefined) {
      index = this.#pids.push(pid) - 1
      this.#processOf.set(pid, index)
    }
    return index
  }

  task(pid: number, tid: number): number {
    const key = `${pid}/${tid}`
    let index = this.#taskOf.get(key)
    if (index === undefined) {
      index = this.#tasks.push({ process: this.process(pid), high: -1, space: 0 }) - 1
      this.#taskOf.set(key, index)
    }
    return index
  }

  access(_timeNs: number, task: number, _cpu: number, addressHigh: number, addressLow: number, _bytes: number, kind: AccessKind, weight: number): void {
    const shift = this.#pageShift
    const high = addressHigh >>> shift
    const owner = this.#tasks[task]!
    if (owner.high !== high) {
      owner.high = high
      owner.space = this.#space(owner.process, high)
    }
    const accesses = kind === MODIFY ? 2 * weight : weight
    this.#accesses += accesses
    this.#add(owner.space, ((addressLow >>> shift) | (addressHigh << (32 - shift))) >>> 0, accesses)
  }

  event(): void {}
  fact(): void {}
  lint(): void {}
  describe(): void {}

  /** Pages with more than one access in `share` of all. */
  finish(share = HOT_SHARE): HotPages {
    const least = this.#accesses / share - this.#taken
    const hot = new HotPageSet()
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.#count[slot]! === 0 || this.#count[slot]! <= least) continue
      const { pid, high } = this.#spaces[this.#slotSpace[slot]!]!
      hot.add(pid, high, this.#slotLow[slot]!)
    }
    return hot
  }

  #space(process: number, high: number): number {
    const key = process * 2 ** 21 + high
    let index = this.#spaceOf.get(key)
    if (index === undefined) {
      index = this.#spaces.push({ pid: this.#pids[process]!, high }) - 1
      this.#spaceOf.set(key, index)
    }
    return index
  }

  #add(space: number, low: number, accesses: number): void {
    let slot = slotOf(space, low)
    while (this.#count[slot] !== 0) {
      if (this.#slotLow[slot] === low && this.#slotSpace[slot] === space) {
        this.#count[slot]! += accesses
        return
      }
      slot = (slot + 1) & (SLOTS - 1)
    }
    this.#slotSpace[slot] = space
    this.#slotLow[slot] = low
    this.#count[slot] = accesses
    if (++this.#used > CAPACITY) this.#purge()
  }

  #purge(): void {
    const full = Uint32Array.from(this.#slots())
    const spaces = full.map((slot) => this.#slotSpace[slot]!)
    const lows = full.map((slot) => this.#slotLow[slot]!)
    const counts = Float64Array.from(full, (slot) => this.#count[slot]!)
    const median = counts.slice().sort()[counts.length >>> 1]!
    this.#count.fill(0)
    this.#used = 0
    this.#taken += median
    for (let i = 0; i < counts.length; i++) if (counts[i]! > median) this.#add(spaces[i]!, lows[i]!, counts[i]! - median)
  }

  *#slots(): Iterable<number> {
    for (let slot = 0; slot < SLOTS; slot++) if (this.#count[slot]! > 0) yield slot
  }
}

const slotOf = (space: number, low: number): number => (Math.imul(low ^ Math.imul(space, 0x85ebca6b), GOLDEN) >>> 8) & (SLOTS - 1)

/** Bits of the filter before the set: most pages are not hot, and one look says so. */
const FILTER_BITS = 20

class HotPageSet implements HotPages {
  count = 0
  readonly #filter = new Uint8Array(1 << FILTER_BITS)
  /** By process and high bits. */
  readonly #lows = new Map<string, Set<number>>()

  add(pid: number, high: number, low: number): void {
    const key = `${pid}/${high}`
    const lows = this.#lows.get(key) ?? new Set()
    this.#lows.set(key, lows.add(low))
    this.#filter[pageHash(pid, high, low) >>> (32 - FILTER_BITS)] = 1
    this.count++
  }

  has(pid: number, high: number, low: number, hash: number): boolean {
    return this.#filter[hash >>> (32 - FILTER_BITS)] === 1 && this.#lows.get(`${pid}/${high}`)?.has(low) === true
  }
}
