/**
 * Dense page ids in order of first touch. A *space* is one process's stretch of 2^32 pages (16 TiB with 4 KiB pages), so that
 * a key within it is one 32-bit word: no BigInt, no string, one cache line per look-up, the key and its id side by side.
 */
import { UserError } from '../errors.ts'

const EMPTY = 0
const FIRST_SLOTS = 64
/** 2^32 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, §6.4). */
const GOLDEN = 0x9e3779b1

/** Open addressing with linear probing; slot i is words[2i] = low page number, words[2i + 1] = id + 1. */
interface Space {
  process: number
  high: number
  words: Uint32Array
  used: number
  /** 32 - log2(slots). */
  shift: number
}

export class PageTable {
  count = 0
  process: Uint16Array
  vpage: Float64Array
  /** 1 once written. */
  written: Uint8Array
  readonly #spaces: Space[] = []
  readonly #spaceOf = new Map<number, number>()

  constructor(capacity = 1 << 12) {
    this.process = new Uint16Array(capacity)
    this.vpage = new Float64Array(capacity)
    this.written = new Uint8Array(capacity)
  }

  /** Index of the space of a process that holds pages with these high bits (vpage >>> 32). */
  space(process: number, high: number): number {
    const key = process * 2 ** 21 + high
    let index = this.#spaceOf.get(key)
    if (index === undefined) {
      index = this.#spaces.length
      this.#spaces.push({ process, high, words: new Uint32Array(2 * FIRST_SLOTS), used: 0, shift: 26 })
      this.#spaceOf.set(key, index)
    }
    return index
  }

  /** Id of a page, a new one at its first touch. */
  id(space: number, low: number): number {
    const table = this.#spaces[space]!
    const words = table.words
    const mask = (words.length >>> 1) - 1
    let slot = Math.imul(low, GOLDEN) >>> table.shift
    for (;;) {
      const stored = words[2 * slot + 1]!
      if (stored === EMPTY) return this.#insert(table, slot, low)
      if (words[2 * slot] === low) return stored - 1
      slot = (slot + 1) & mask
    }
  }

  #insert(table: Space, slot: number, low: number): number {
    const id = this.count
    if (id === 0xffff_fffe) throw new UserError('more than 2^32 distinct pages', { hint: 'Choose a larger --page-size' })
    if (id === this.vpage.length) this.#widen()
    this.count++
    this.process[id] = table.process
    this.vpage[id] = table.high * 2 ** 32 + low
    table.words[2 * slot] = low
    table.words[2 * slot + 1] = id + 1
    if (++table.used * 5 > (table.words.length >>> 1) * 3) grow(table)
    return id
  }

  #widen(): void {
    const capacity = this.vpage.length * 2
    const { process, vpage, written } = this
    this.process = new Uint16Array(capacity)
    this.process.set(process)
    this.vpage = new Float64Array(capacity)
    this.vpage.set(vpage)
    this.written = new Uint8Array(capacity)
    this.written.set(written)
  }
}

function grow(table: Space): void {
  const old = table.words
  const words = new Uint32Array(old.length * 2)
  const mask = (words.length >>> 1) - 1
  table.shift--
  for (let i = 0; i < old.length; i += 2) {
    if (old[i + 1] === EMPTY) continue
    let slot = Math.imul(old[i]!, GOLDEN) >>> table.shift
    while (words[2 * slot + 1] !== EMPTY) slot = (slot + 1) & mask
    words[2 * slot] = old[i]!
    words[2 * slot + 1] = old[i + 1]!
  }
  table.words = words
}
