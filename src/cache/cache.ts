/**
 * One set-associative cache, write-allocate and write-back, without prefetching. Lines of all sets lie in flat arrays; a set
 * is `ways` neighbours. Tags are virtual line numbers with the process they belong to.
 */
import type { CacheGeometry } from './geometry.ts'

/** Re-reference prediction values of 2 bits: inserted as long, hit as near-immediate, evicted when distant. */
const RRPV_DISTANT = 3
const RRPV_LONG = 2

export class Cache {
  readonly #sets: number
  readonly #ways: number
  readonly #isLru: boolean
  readonly #tagLow: Uint32Array
  readonly #tagHigh: Uint32Array
  readonly #process: Uint16Array
  readonly #isDirty: Uint8Array
  readonly #isValid: Uint8Array
  /** LRU: number of the access that touched the line last. SRRIP: its prediction. */
  readonly #age: Float64Array
  /** Task that touched the line last: whose access a write-back counts as. */
  readonly #task: Uint16Array
  #accesses = 0

  /** The line that the last miss evicted, if it was dirty. */
  hasVictim = false
  victimLow = 0
  victimHigh = 0
  victimTask = 0

  constructor({ bytes, ways, lineBytes, replacement }: CacheGeometry) {
    const lines = bytes / lineBytes
    this.#sets = lines / ways
    this.#ways = ways
    this.#isLru = replacement === 'lru'
    this.#tagLow = new Uint32Array(lines)
    this.#tagHigh = new Uint32Array(lines)
    this.#process = new Uint16Array(lines)
    this.#isDirty = new Uint8Array(lines)
    this.#isValid = new Uint8Array(lines)
    this.#age = new Float64Array(lines)
    this.#task = new Uint16Array(lines)
  }

  /** Looks a line up and fetches it on a miss. True when it hits. The line number has up to 61 bits, in two halves. */
  access(high: number, low: number, process: number, task: number, isWrite: boolean): boolean {
    const ways = this.#ways
    const first = this.#set(high, low) * ways
    const end = first + ways
    this.#accesses++
    this.hasVictim = false
    for (let line = first; line < end; line++) {
      if (this.#tagLow[line] !== low || this.#tagHigh[line] !== high || this.#process[line] !== process || this.#isValid[line] === 0) continue
      this.#age[line] = this.#isLru ? this.#accesses : 0
      this.#task[line] = task
      if (isWrite) this.#isDirty[line] = 1
      return true
    }
    const line = this.#victim(first, end)
    if (this.#isValid[line] === 1 && this.#isDirty[line] === 1) {
      this.hasVictim = true
      this.victimLow = this.#tagLow[line]!
      this.victimHigh = this.#tagHigh[line]!
      this.victimTask = this.#task[line]!
    }
    this.#tagLow[line] = low
    this.#tagHigh[line] = high
    this.#process[line] = process
    this.#task[line] = task
    this.#isValid[line] = 1
    this.#isDirty[line] = isWrite ? 1 : 0
    this.#age[line] = this.#isLru ? this.#accesses : RRPV_LONG
    return false
  }

  /** Lines that a write-back is still due for. */
  get dirtyLines(): number {
    return this.#isDirty.reduce((sum, dirty) => sum + dirty, 0)
  }

  #set(high: number, low: number): number {
    // (high * 2^32 + low) mod sets, without leaving 2^53
    const sets = this.#sets
    return high === 0 ? low % sets : ((high % sets) * (2 ** 32 % sets) + (low % sets)) % sets
  }

  /** An empty way, else by age; the first of several that are alike. */
  #victim(first: number, end: number): number {
    for (let line = first; line < end; line++) if (this.#isValid[line] === 0) return line
    const age = this.#age
    if (!this.#isLru) return this.#distant(first, end)
    let oldest = first
    for (let line = first + 1; line < end; line++) if (age[line]! < age[oldest]!) oldest = line
    return oldest
  }

  /** SRRIP: the first line predicted distant; while there is none, all grow older. */
  #distant(first: number, end: number): number {
    const age = this.#age
    for (;;) {
      for (let line = first; line < end; line++) if (age[line] === RRPV_DISTANT) return line
      for (let line = first; line < end; line++) age[line]!++
    }
  }
}
