/**
 * Dense page ids in order of first touch. A *space* is one process's stretch of 2^32 pages (16 TiB with 4 KiB pages), so that
 * a key within it is one 32-bit word: no BigInt, no string.
 *
 * Ids are found through leaves of 512 neighbouring pages, 4 bytes each, as long as programs touch what they map; addresses that
 * lie too scattered for that (hashed keys, samples) go into one table of ids instead, at most 8 bytes each.
 */
import { UserError } from '../errors.ts'

/** 2^32 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, §6.4). */
const GOLDEN = 0x9e3779b1
const WORD = 2 ** 32
/** log2 of the pages of a leaf, of the leaves of a chunk, of the ids of a chunk. */
const LEAF = 9
const LEAVES = 7
const IDS = 16
const IN_LEAF = (1 << LEAF) - 1
const IN_LEAVES = (1 << LEAVES) - 1
const IN_IDS = (1 << IDS) - 1
/** Leaves may take so many bytes, and as many per page as ids in a table. */
const LEAF_BYTES = 4 << LEAF
const LEAVES_ALLOWANCE = 2 ** 25
const TABLE_BYTES = 6
/** Share of the table of ids that may be taken. */
const LOAD = 0.8
const NONE = 0xffff_ffff

/** Its leaves by number: open addressing, words[2i] = number + 1, words[2i + 1] = leaf. */
interface Space {
  process: number
  high: number
  words: Uint32Array
  used: number
  /** The leaf that was looked at last. */
  lastNumber: number
  lastLeaf: Uint32Array
  lastOffset: number
}

/** The table without what follows from it. */
export interface SavedPages {
  count: number
  written: Uint32Array
  writtenCount: number
  spaces: { process: number; high: number }[]
  isScattered: boolean
  /** Per 2^16 ids. */
  chunks: { low: Uint32Array; space: number | Uint32Array }[]
}

export class PageTable {
  count = 0
  /** Pages written at least once. */
  writtenCount = 0
  /** One bit per page. */
  #written: Uint32Array = new Uint32Array(128)
  /** Per 2^16 ids: low words of the page numbers, and their space, one for all where they lie in one. */
  readonly #low: Uint32Array[] = []
  readonly #space: (number | Uint32Array)[] = []
  readonly #spaces: Space[] = []
  readonly #spaceOf = new Map<number, number>()
  readonly #leaves: Uint32Array[] = []
  #leafCount = 0
  /** Table of ids + 1, once leaves cost too much. */
  #table: Uint32Array | undefined

  /** Index of the space of a process that holds pages with these high bits (vpage >>> 32). */
  space(process: number, high: number): number {
    const key = process * 2 ** 21 + high
    let index = this.#spaceOf.get(key)
    if (index === undefined) {
      index = this.#spaces.length
      this.#spaces.push({ process, high, words: new Uint32Array(32), used: 0, lastNumber: NONE, lastLeaf: new Uint32Array(0), lastOffset: 0 })
      this.#spaceOf.set(key, index)
    }
    return index
  }

  /** Id of a page, a new one at its first touch. */
  id(space: number, low: number): number {
    if (this.#table) return this.#idInTable(this.#table, space, low)
    const at = this.#spaces[space]!
    const number = low >>> LEAF
    if (at.lastNumber !== number) this.#findLeaf(at, number)
    const slot = at.lastOffset + (low & IN_LEAF)
    const stored = at.lastLeaf[slot]!
    if (stored !== 0) return stored - 1
    const id = this.#newId(space, low)
    at.lastLeaf[slot] = id + 1
    return id
  }

  markWritten(page: number): void {
    const word = page >>> 5
    if (word >= this.#written.length) {
      const wider = new Uint32Array(Math.max(word + 1, this.#written.length + (this.#written.length >>> 1)))
      wider.set(this.#written)
      this.#written = wider
    }
    const bit = 1 << (page & 31)
    if ((this.#written[word]! & bit) !== 0) return
    this.#written[word]! |= bit
    this.writtenCount++
  }

  /** Virtual page numbers and process indexes of the ids [from, from + vpages.length). */
  read(from: number, vpages: Float64Array, processes: Uint16Array): void {
    for (let i = 0; i < vpages.length; i++) {
      const { process, high } = this.#spaces[this.#spaceAt(from + i)]!
      vpages[i] = high * WORD + this.#lowAt(from + i)
      processes[i] = process
    }
  }

  #lowAt(id: number): number {
    return this.#low[id >>> IDS]![id & IN_IDS]!
  }

  #spaceAt(id: number): number {
    const chunk = this.#space[id >>> IDS]!
    return typeof chunk === 'number' ? chunk : chunk[id & IN_IDS]!
  }

  #newId(space: number, low: number): number {
    const id = this.count
    if (id === 0xffff_fffe) throw new UserError('more than 2^32 distinct pages', { hint: 'Choose a larger --page-size' })
    const chunk = id >>> IDS
    const slot = id & IN_IDS
    if (slot === 0) {
      this.#low.push(new Uint32Array(1 << IDS))
      this.#space.push(space)
    }
    this.#low[chunk]![slot] = low
    let spaces = this.#space[chunk]!
    if (typeof spaces === 'number' && spaces !== space) {
      spaces = new Uint32Array(1 << IDS).fill(spaces, 0, slot)
      this.#space[chunk] = spaces
    }
    if (typeof spaces !== 'number') spaces[slot] = space
    this.count++
    return id
  }

  saved(): SavedPages {
    const { count, writtenCount, isScattered } = this
    const spaces = this.#spaces.map(({ process, high }) => ({ process, high }))
    return { count, written: this.#written, writtenCount, spaces, isScattered, chunks: this.#low.map((low, i) => ({ low, space: this.#space[i]! })) }
  }

  restore({ count, written, writtenCount, spaces, isScattered, chunks }: SavedPages): void {
    for (const { process, high } of spaces) this.space(process, high)
    this.#written = written
    this.writtenCount = writtenCount
    if (isScattered) {
      for (const { low, space } of chunks) {
        this.#low.push(low)
        this.#space.push(space)
      }
      this.count = count
      this.#index(count * 2)
      return
    }
    for (let id = 0; id < count; id++) {
      const { low, space } = chunks[id >>> IDS]!
      this.id(typeof space === 'number' ? space : space[id & IN_IDS]!, low[id & IN_IDS]!)
    }
  }

  /** Ids are in the table. */
  get isScattered(): boolean {
    return this.#table !== undefined
  }

  /** Makes the leaf with this number the last one of its space; a new one where there is none. */
  #findLeaf(at: Space, number: number): void {
    const slots = at.words.length >>> 1
    let slot = Math.imul(number, GOLDEN) >>> (Math.clz32(slots) + 1)
    while (at.words[2 * slot] !== 0 && at.words[2 * slot] !== number + 1) slot = (slot + 1) & (slots - 1)
    if (at.words[2 * slot] === 0) {
      at.words[2 * slot] = number + 1
      at.words[2 * slot + 1] = this.#newLeaf()
      at.used++
    }
    const leaf = at.words[2 * slot + 1]!
    at.lastNumber = number
    at.lastLeaf = this.#leaves[leaf >>> LEAVES]!
    at.lastOffset = (leaf & IN_LEAVES) << LEAF
    if (at.used * 2 > slots) widen(at)
  }

  #newLeaf(): number {
    if ((this.#leafCount & IN_LEAVES) === 0) this.#leaves.push(new Uint32Array(1 << (LEAF + LEAVES)))
    return this.#leafCount++
  }

  /** Whether addresses lie too scattered for leaves; then ids move into a table. For the writer to ask now and then. */
  settle(): void {
    if (this.#table || this.#leafCount * LEAF_BYTES <= LEAVES_ALLOWANCE + this.count * TABLE_BYTES) return
    this.#leaves.length = 0
    for (const space of this.#spaces) space.words = space.lastLeaf = new Uint32Array(0)
    this.#index(this.count * 2)
  }

  /** The table anew, with room for so many slots. */
  #index(slots: number): Uint32Array {
    // the old one is let go first: the table follows from the ids
    this.#table = undefined
    const table = new Uint32Array(slots)
    for (let id = 0; id < this.count; id++) {
      let slot = slotOf(this.#spaceAt(id), this.#lowAt(id), slots)
      while (table[slot] !== 0) slot = slot + 1 === slots ? 0 : slot + 1
      table[slot] = id + 1
    }
    this.#table = table
    return table
  }

  #idInTable(table: Uint32Array, space: number, low: number): number {
    const slots = table.length
    let slot = slotOf(space, low, slots)
    for (let stored = table[slot]!; stored !== 0; stored = table[slot]!) {
      if (this.#lowAt(stored - 1) === low && this.#spaceAt(stored - 1) === space) return stored - 1
      slot = slot + 1 === slots ? 0 : slot + 1
    }
    const id = this.#newId(space, low)
    table[slot] = id + 1
    if (this.count > slots * LOAD) this.#index(Math.floor(slots * 1.5))
    return id
  }
}

function slotOf(space: number, low: number, slots: number): number {
  let hash = Math.imul(low ^ Math.imul(space + 1, 0x85ebca6b), GOLDEN)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return Math.floor(((hash ^ (hash >>> 13)) >>> 0) * (slots / WORD))
}

function widen(at: Space): void {
  const old = at.words
  const words = new Uint32Array(old.length * 2)
  const slots = old.length
  for (let i = 0; i < old.length; i += 2) {
    if (old[i] === 0) continue
    let slot = Math.imul(old[i]! - 1, GOLDEN) >>> (Math.clz32(slots) + 1)
    while (words[2 * slot] !== 0) slot = (slot + 1) & (slots - 1)
    words[2 * slot] = old[i]!
    words[2 * slot + 1] = old[i + 1]!
  }
  at.words = words
}
