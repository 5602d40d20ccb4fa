/**
 * State of every page, one slot per dense page id, in flat arrays. Only node and hint mark are always there; the other arrays appear
 * when a mechanism first needs them, so that a trace of plain pages pays one byte a page, and a bit for its mark.
 *
 * A page keeps its id while it moves: migration changes `node[id]`, so page tables need no rewriting and a failed
 * migration has nothing to restore. A folio is a head page and, when large, the ring of its other pages.
 */
import { BitSet, type MakeArray, plainArray } from '../columns/index.ts'
import type { NodeIndex } from '../machine/index.ts'
import { ABSENT, type PageId } from './face.ts'

/** Bits of `state` (include/linux/page-flags.h, or a condition that the kernel derives). */
export const PAGE = {
  /** Taken off its LRU list by somebody. */
  isolated: 1 << 0,
  active: 1 << 1,
  referenced: 1 << 2,
  dirty: 1 << 3,
  writeback: 1 << 4,
  /** Somebody else holds the folio lock. */
  locked: 1 << 5,
  mlocked: 1 << 6,
  unevictable: 1 << 7,
  /** Pinned for DMA (FOLL_PIN), e.g. registered io_uring buffers. */
  dmaPinned: 1 << 8,
  /** Belongs to a file or to shared memory; else anonymous. */
  file: 1 << 9,
  /** Its file system has no ->migrate_folio. */
  noMigrateFolio: 1 << 10,
  /** Not an LRU page: a driver moves it (movable_operations: balloon, zsmalloc). */
  movableOps: 1 << 11,
  hugetlb: 1 << 12,
  ksm: 1 << 13,
  /** Large and on the deferred split queue, because part of it is not mapped any more. */
  partiallyMapped: 1 << 14,
  /** An uncorrectable memory error was found in it. */
  poisoned: 1 << 15,
} as const

/** Makes zeroed arrays of per-page state that loops outside the kernel read. */
export interface PageArrays {
  u8(length: number): Uint8Array
  u32(length: number): Uint32Array
  /** Makes those that appear later, which no loop reads; default: plain ones. */
  later?: MakeArray
  /** Loops that reach these arrays. */
  kernels?: PageLoops
}

export interface PageLoops {
  /** Marks the pages of the first n entries that are on a node other than `except`, all of them where `areAll`; answers how many were not marked. */
  markPages(entries: Int32Array, n: number, placement: Uint8Array, marked: Uint32Array, except: number, areAll: boolean): number
}

const PLAIN: PageArrays = { u8: (length) => new Uint8Array(length), u32: (length) => new Uint32Array(length) }

/** Entries of a page table that a loop gets at once: they stay near the processor. */
const ENTRIES = 4096

export class Pages {
  /** page -> node, or ABSENT. */
  node: Uint8Array
  /** Pages whose ptes are PROT_NONE from the hint scanner. */
  hintMarked: BitSet
  length: number
  /** Loops, and room where they reach entries of page tables. */
  readonly loops: (PageLoops & { entries: Int32Array }) | null = null
  readonly #later: MakeArray
  #state: Uint16Array | null = null
  #mapcount: Uint16Array | null = null
  #extraRefs: Uint16Array | null = null
  #order: Uint8Array | null = null
  #head: Int32Array | null = null
  #next: Int32Array | null = null
  #entireMapcount: Uint16Array | null = null
  readonly #standsFor: Uint32Array | null
  #released: number[] = []

  /** `arrays` makes those of nodes and hint marks. */
  constructor(length: number, arrays: PageArrays = PLAIN, standsFor: Uint32Array | null = null) {
    this.length = length
    if (arrays.kernels) {
      const { buffer, byteOffset } = arrays.u32(ENTRIES)
      this.loops = { markPages: arrays.kernels.markPages, entries: new Int32Array(buffer, byteOffset, ENTRIES) }
    }
    this.#standsFor = standsFor
    this.#later = arrays.later ?? plainArray
    this.node = arrays.u8(length).fill(ABSENT)
    this.hintMarked = new BitSet(length, arrays.u32)
  }

  /** Bits of PAGE. */
  state(page: PageId): number {
    return this.#state === null ? 0 : this.#state[page]!
  }

  setState(page: PageId, bits: number): void {
    this.#state ??= this.#later(Uint16Array, this.node.length)
    this.#state[page]! |= bits
  }

  clearState(page: PageId, bits: number): void {
    if (this.#state !== null) this.#state[page]! &= ~bits
  }

  /** Number of ptes that map the page. Pages that nobody said otherwise of are mapped once. */
  mapcount(page: PageId): number {
    return this.#mapcount === null ? 1 : this.#mapcount[page]!
  }

  setMapcount(page: PageId, count: number): void {
    this.#mapcount ??= new Uint16Array(this.node.length).fill(1)
    this.#mapcount[page] = count
  }

  /** Times a large folio is mapped as a whole, by a huge pmd; its pages' mapcounts include these. */
  entireMapcount(head: PageId): number {
    return this.#entireMapcount === null ? 0 : this.#entireMapcount[head]!
  }

  setEntireMapcount(head: PageId, count: number): void {
    this.#entireMapcount ??= new Uint16Array(this.node.length)
    this.#entireMapcount[head] = count
  }

  /** References beyond those of mappings and page cache: pins, pipes, look-ups in flight. */
  extraRefs(page: PageId): number {
    return this.#extraRefs === null ? 0 : this.#extraRefs[page]!
  }

  setExtraRefs(page: PageId, count: number): void {
    this.#extraRefs ??= new Uint16Array(this.node.length)
    this.#extraRefs[page] = count
  }

  order(page: PageId): number {
    return this.#order === null ? 0 : this.#order[this.#head![page]!]!
  }

  /** Every page is a small folio and stands for itself. */
  get areSmall(): boolean {
    return this.#order === null && this.#standsFor === null
  }

  /** Nothing is known of any page but where it is. */
  get arePlain(): boolean {
    return this.areSmall && this.#state === null && this.#mapcount === null && this.#extraRefs === null
  }

  /** The folio that a page belongs to. */
  head(page: PageId): PageId {
    return this.#head === null ? page : this.#head[page]!
  }

  /** Next page of the same folio, in a ring; the page itself when small. */
  next(page: PageId): PageId {
    return this.#next === null ? page : this.#next[page]!
  }

  /** Base pages of the folio; of a page in a sample of pages, those that it stands for. */
  folioPages(head: PageId): number {
    return this.#standsFor === null ? 1 << this.order(head) : this.#standsFor[head]!
  }

  /** Pages that one page stands for: itself, unless the trace is a sample of pages. All pages of a sample are small folios. */
  standsFor(page: PageId): number {
    return this.#standsFor === null ? 1 : this.#standsFor[page]!
  }

  setNode(head: PageId, node: NodeIndex): void {
    this.node[head] = node
    for (let page = this.next(head); page !== head; page = this.next(page)) this.node[page] = node
  }

  /** Makes pages[from … from+2^order) one folio. */
  join(pages: ArrayLike<PageId>, from: number, order: number): PageId {
    this.#needFolios()
    const count = 1 << order
    const head = pages[from]!
    for (let i = 0; i < count; i++) {
      this.#head![pages[from + i]!] = head
      this.#next![pages[from + i]!] = pages[from + ((i + 1) % count)]!
    }
    this.#order![head] = order
    return head
  }

  /** Turns a large folio into base pages; answers them, head first. */
  split(head: PageId): PageId[] {
    const pieces: PageId[] = [head]
    for (let page = this.next(head); page !== head; page = this.next(page)) pieces.push(page)
    this.#order![head] = 0
    if (this.#entireMapcount !== null) this.#entireMapcount[head] = 0
    for (const page of pieces) {
      this.#head![page] = page
      this.#next![page] = page
    }
    return pieces
  }

  /** A fresh page id, not present. */
  create(): PageId {
    const page = this.#released.pop() ?? this.length++
    if (page >= this.node.length) this.#grow()
    return page
  }

  /** The id may be used for another page. */
  release(page: PageId): void {
    this.node[page] = ABSENT
    this.hintMarked.delete(page)
    if (this.#state !== null) this.#state[page] = 0
    if (this.#mapcount !== null) this.#mapcount[page] = 0
    if (this.#extraRefs !== null) this.#extraRefs[page] = 0
    if (this.#entireMapcount !== null) this.#entireMapcount[page] = 0
    this.#released.push(page)
  }

  #needFolios(): void {
    if (this.#head !== null) return
    const capacity = this.node.length
    this.#order = new Uint8Array(capacity)
    this.#head = Int32Array.from({ length: capacity }, (_, i) => i)
    this.#next = Int32Array.from({ length: capacity }, (_, i) => i)
  }

  #grow(): void {
    const from = this.node.length
    const capacity = Math.max(1024, from * 2)
    const widen = <A extends Uint8Array | Uint16Array | Int32Array>(old: A, wider: A): A => {
      wider.set(old)
      return wider
    }
    this.node = widen(this.node, new Uint8Array(capacity).fill(ABSENT))
    const marks = new BitSet(capacity)
    marks.words.set(this.hintMarked.words)
    this.hintMarked = marks
    if (this.#state) this.#state = widen(this.#state, new Uint16Array(capacity))
    if (this.#mapcount) this.#mapcount = widen(this.#mapcount, new Uint16Array(capacity).fill(1))
    if (this.#extraRefs) this.#extraRefs = widen(this.#extraRefs, new Uint16Array(capacity))
    if (this.#entireMapcount) this.#entireMapcount = widen(this.#entireMapcount, new Uint16Array(capacity))
    if (this.#head) {
      this.#order = widen(this.#order!, new Uint8Array(capacity))
      this.#head = widen(this.#head, new Int32Array(capacity))
      this.#next = widen(this.#next!, new Int32Array(capacity))
      for (let page = from; page < capacity; page++) this.#head[page] = this.#next[page] = page
    }
  }
}
