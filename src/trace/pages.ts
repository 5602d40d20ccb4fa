/**
 * Dense page ids in order of first touch. A *space* is one process's stretch of 2^32 pages (16 TiB with 4 KiB pages), so that
 * a key within it is one 32-bit word: no BigInt, no string.
 *
 * Ids are found through leaves of 512 neighbouring pages, 4 bytes each, as long as programs touch what they map; addresses that
 * lie too scattered for that (hashed keys, samples) go into one table of ids instead, at most 8 bytes each. Looking up is done
 * by kernels (src/wasm/intern.ts); here is the room they need.
 */
import { UserError } from '../errors.ts'
import { CHUNK, CHUNK_WORDS, type Heap, IDS, LEAF, lowAt, NOWHERE, PAGES, PAGES_WORDS, pageId, SPACE, SPACE_WORDS, spaceAt, spaceOf } from '../wasm/index.ts'
import type { AccessBatch } from './access-batch.ts'

const WORD = 2 ** 32
const CHUNK_IDS = 1 << IDS
/** Leaves that are made at one time. */
const LEAVES = 128
/** Leaves may take so many bytes, and as many per page as ids in a table. */
const LEAF_BYTES = 4 << LEAF
const LEAVES_ALLOWANCE = 2 ** 25
const TABLE_BYTES = 6
/** Share of the table of ids that may be taken. */
const LOAD = 0.8
/** Of that table when it is full: its room shows in the peak memory of an import, making it anew does not in its time. */
const GROWTH = 1.25
const SETTLE_EVERY = 4096

/** The table without what follows from it. */
export interface SavedPages {
  count: number
  written: Uint32Array
  writtenCount: number
  spaces: { process: number; high: number }[]
  /** Per 2^16 ids. */
  chunks: Iterable<SavedChunk>
}

/** A view of the table, until it grows. */
export interface SavedChunk {
  low: Uint32Array
  /** Of each, or one for all where they lie in one. */
  spaces: Uint32Array
}

export class PageTable {
  /** Pages written at least once. */
  writtenCount = 0
  /** Address of one bit per page. */
  written: number
  #writtenWords = 128
  readonly #heap: Heap
  /** Address of the words that kernels read. */
  readonly #at: number
  readonly #spaces: { process: number; high: number }[] = []
  #spaceRoom = 16
  #chunkRoom = 64
  readonly #leafBlocks: number[] = []
  #tableBytes = 0

  constructor(heap: Heap) {
    this.#heap = heap
    this.#at = heap.take(4 * PAGES_WORDS)
    this.written = heap.take(4 * this.#writtenWords)
    this.#set('chunks', heap.take(4 * CHUNK_WORDS * this.#chunkRoom))
    this.#set('spaces', heap.take(4 * SPACE_WORDS * this.#spaceRoom))
    this.#makeSpaceTable()
  }

  get count(): number {
    return this.#get('count')
  }

  /** Ids of the pages of rows [from, to), from the state of their tasks. `process` says whose a task is. */
  find(batch: AccessBatch, from: number, to: number, tasks: number, pageShift: number, process: (task: number) => number): void {
    const { kernels } = this.#heap
    for (let i = kernels.findPages(this.#heap, this.#at, batch.at, from, to, tasks, pageShift); i < to; ) {
      const space = this.space(process(batch.task[i]!), batch.high[i]! >>> pageShift)
      this.#makeRoom(space)
      i = kernels.findPages(this.#heap, this.#at, batch.at, i, to, tasks, pageShift)
    }
  }

  /** Id of one page, a new one at its first touch. */
  id(space: number, low: number): number {
    const id = pageId(this.#heap.u32, this.#at, space, low)
    if (id !== NOWHERE) return id
    this.#makeRoom(space)
    return pageId(this.#heap.u32, this.#at, space, low)
  }

  /** Index of the space of a process that holds pages with these high bits (vpage >>> 32). */
  space(process: number, high: number): number {
    const known = spaceOf(this.#heap.u32, this.#at, process, high)
    return known === NOWHERE ? this.#newSpace(process, high) : known
  }

  #newSpace(process: number, high: number): number {
    const index = this.#spaces.push({ process, high }) - 1
    if (index === this.#spaceRoom) {
      const bytes = 4 * SPACE_WORDS * this.#spaceRoom
      this.#set('spaces', this.#heap.widen(this.#get('spaces'), bytes))
      this.#spaceRoom *= 2
    }
    const slots = 16
    const hash = this.isScattered ? 0 : this.#heap.take(8 * slots)
    this.#heap.u32.set([process, high, hash, slots, 0], this.#spaceAt(index))
    if (index * 2 + 2 > this.#get('spaceMask')) this.#makeSpaceTable()
    else this.#enterSpace(index)
    return index
  }

  /** Words of a space. */
  #spaceAt(index: number): number {
    return (this.#get('spaces') >>> 2) + index * SPACE_WORDS
  }

  /** Four slots for each space there is room for. */
  #makeSpaceTable(): void {
    const slots = 4 * this.#spaceRoom
    if (this.#get('spaceTable') !== 0) this.#heap.give(this.#get('spaceTable'), 4 * (this.#get('spaceMask') + 1))
    this.#set('spaceTable', this.#heap.take(4 * slots))
    this.#set('spaceMask', slots - 1)
    for (let index = 0; index < this.#spaces.length; index++) this.#enterSpace(index)
  }

  #enterSpace(index: number): void {
    const { process, high } = this.#spaces[index]!
    const { u32 } = this.#heap
    const table = this.#get('spaceTable') >>> 2
    const mask = this.#get('spaceMask')
    let slot = (Math.imul(process, 0x85ebca6b) ^ high) & mask
    while (u32[table + slot] !== 0) slot = (slot + 1) & mask
    u32[table + slot] = index + 1
  }

  /** For one more page of this space. */
  #makeRoom(space: number): void {
    if (this.count === this.#get('room')) this.#moreIds()
    this.#tellSpaces(space)
    if (this.isScattered) {
      if (this.count >= this.#get('most')) this.#index(Math.floor(this.#get('slots') * GROWTH))
      return
    }
    if (this.#get('freeLeaf') === this.#get('freeLeavesEnd')) {
      const block = this.#heap.take(LEAVES * LEAF_BYTES)
      this.#leafBlocks.push(block)
      this.#set('freeLeaf', block)
      this.#set('freeLeavesEnd', block + LEAVES * LEAF_BYTES)
    }
    const at = this.#spaceAt(space)
    if (this.#heap.u32[at + SPACE.used]! * 2 >= this.#heap.u32[at + SPACE.slots]!) this.#widenHash(space)
  }

  #moreIds(): void {
    const chunk = this.count >>> IDS
    if (this.count >= WORD - CHUNK_IDS) throw new UserError('more than 2^32 distinct pages', { hint: 'Choose a larger --page-size' })
    if (chunk === this.#chunkRoom) {
      this.#set('chunks', this.#heap.widen(this.#get('chunks'), 4 * CHUNK_WORDS * this.#chunkRoom))
      this.#chunkRoom *= 2
    }
    const low = this.#heap.take(4 * CHUNK_IDS)
    this.#heap.u32.set([low, 0, 0], this.#chunkAt(chunk))
    this.#set('room', this.count + CHUNK_IDS)
  }

  #chunkAt(chunk: number): number {
    return (this.#get('chunks') >>> 2) + chunk * CHUNK_WORDS
  }

  /** Where a chunk holds pages of another space as well, each of its ids names its own. */
  #tellSpaces(space: number): void {
    const used = this.count & (CHUNK_IDS - 1)
    const at = this.#chunkAt(this.count >>> IDS)
    if (used === 0 || this.#heap.u32[at + CHUNK.spaces] !== 0 || this.#heap.u32[at + CHUNK.space] === space) return
    const spaces = this.#heap.take(4 * CHUNK_IDS)
    const { u32 } = this.#heap
    u32.fill(u32[at + CHUNK.space]!, spaces >>> 2, (spaces >>> 2) + used)
    u32[at + CHUNK.spaces] = spaces
  }

  #widenHash(space: number): void {
    const at = this.#spaceAt(space)
    const [old, slots] = [this.#heap.u32[at + SPACE.hash]!, this.#heap.u32[at + SPACE.slots]!]
    const hash = this.#heap.take(16 * slots)
    const { u32 } = this.#heap
    for (let i = old >>> 2, end = i + 2 * slots; i < end; i += 2) {
      if (u32[i] === 0) continue
      let slot = Math.imul(u32[i]! - 1, 0x9e3779b1) >>> Math.clz32(slots)
      while (u32[(hash >>> 2) + 2 * slot] !== 0) slot = (slot + 1) & (2 * slots - 1)
      u32[(hash >>> 2) + 2 * slot] = u32[i]!
      u32[(hash >>> 2) + 2 * slot + 1] = u32[i + 1]!
    }
    u32[at + SPACE.hash] = hash
    u32[at + SPACE.slots] = 2 * slots
    this.#heap.give(old, 8 * slots)
  }

  /** Ids are in the table. */
  get isScattered(): boolean {
    return this.#get('table') !== 0
  }

  /** Whether addresses lie too scattered for leaves; then ids move into a table. For the writer to ask now and then. */
  settle(): void {
    if (this.isScattered || this.#get('leaves') * LEAF_BYTES <= LEAVES_ALLOWANCE + this.count * TABLE_BYTES) return
    this.#giveLeaves()
    this.#index(this.count * 2)
  }

  #giveLeaves(): void {
    for (const block of this.#leafBlocks.splice(0)) this.#heap.give(block, LEAVES * LEAF_BYTES)
    for (let space = 0; space < this.#spaces.length; space++) {
      const at = this.#spaceAt(space)
      this.#heap.give(this.#heap.u32[at + SPACE.hash]!, 8 * this.#heap.u32[at + SPACE.slots]!)
    }
  }

  /** Gives back what ids are found by, for what follows: from now on pages are only read. */
  endFinding(): void {
    if (this.isScattered) this.#heap.give(this.#get('table'), this.#tableBytes)
    else this.#giveLeaves()
  }

  /** The table anew, with room for so many slots, or slightly more: 20 significant bits (slotOf in src/wasm/intern.ts). */
  #index(wanted: number): void {
    const step = 2 ** Math.max(0, 12 - Math.clz32(wanted))
    const slots = Math.ceil(wanted / step) * step
    // the old one is let go first: the table follows from the ids
    this.#heap.give(this.#get('table'), this.#tableBytes)
    this.#tableBytes = 4 * slots
    this.#set('table', this.#heap.take(this.#tableBytes))
    this.#set('slots', slots)
    this.#set('most', Math.floor(slots * LOAD))
    this.#heap.kernels.indexPages(this.#heap, this.#at)
  }

  /** Room for a bit per page. */
  coverWritten(): void {
    const words = Math.ceil(this.count / 32)
    if (words <= this.#writtenWords) return
    const wider = Math.max(words, this.#writtenWords + (this.#writtenWords >>> 1))
    this.written = this.#heap.widen(this.written, 4 * this.#writtenWords, 4 * wider)
    this.#writtenWords = wider
  }

  /** Virtual page numbers and process indexes of the ids [from, from + vpages.length). */
  read(from: number, vpages: Float64Array, processes: Uint16Array): void {
    const { u32 } = this.#heap
    for (let i = 0; i < vpages.length; i++) {
      const { process, high } = this.#spaces[spaceAt(u32, this.#at, from + i)]!
      vpages[i] = high * WORD + lowAt(u32, this.#at, from + i)
      processes[i] = process
    }
  }

  saved(): SavedPages {
    const { count, writtenCount } = this
    const written = this.#words(this.written, Math.min(this.#writtenWords, Math.ceil(count / 32))).slice()
    return { count, written, writtenCount, spaces: this.#spaces, chunks: { [Symbol.iterator]: () => this.#savedChunks() } }
  }

  *#savedChunks(): Generator<SavedChunk> {
    for (let from = 0; from < this.count; from += CHUNK_IDS) {
      const ids = Math.min(CHUNK_IDS, this.count - from)
      const at = this.#chunkAt(from >>> IDS)
      const [low, spaces, space] = this.#heap.u32.subarray(at, at + CHUNK_WORDS)
      yield { low: this.#words(low!, ids), spaces: spaces === 0 ? Uint32Array.of(space!) : this.#words(spaces!, ids) }
    }
  }

  #words(at: number, words: number): Uint32Array {
    return this.#heap.u32.subarray(at >>> 2, (at >>> 2) + words)
  }

  restore({ written, writtenCount, spaces, chunks }: SavedPages): void {
    for (const { process, high } of spaces) this.space(process, high)
    for (const { low, spaces } of chunks) {
      for (let i = 0; i < low.length; i++) {
        this.id(spaces.length === 1 ? spaces[0]! : spaces[i]!, low[i]!)
        if (i % SETTLE_EVERY === 0) this.settle()
      }
    }
    this.coverWritten()
    this.#heap.u32.set(written, this.written >>> 2)
    this.writtenCount = writtenCount
  }

  #get(field: keyof typeof PAGES): number {
    return this.#heap.u32[(this.#at >>> 2) + PAGES[field]]!
  }

  #set(field: keyof typeof PAGES, value: number): void {
    this.#heap.u32[(this.#at >>> 2) + PAGES[field]] = value
  }
}
