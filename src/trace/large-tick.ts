/**
 * A tick with more pairs than stay in memory. It comes in parts: each has its pairs sorted by page, then actor, and the touches of
 * pages that no part before it touched. They wait in a scratch file and are merged from there into a block of its own, which has the
 * same bytes as if the tick had been in memory (encodeBlock). In memory are a stretch of each part, and a word per page.
 */
import type { Heap } from '../wasm/index.ts'
import { AS_THEY_ARE, type EncodedBlock, ZIGZAG } from './block-codec.ts'
import type { TickColumns } from './blocks.ts'
import type { TickFold } from './fold.ts'
import { pack, zigzag } from './packed.ts'
import { PAIR_WORDS } from './prepared.ts'
import type { Scratch } from './scratch.ts'
import { sectionHead } from './sections.ts'
import { StreamedColumn } from './streamed-column.ts'

const RECORD_BYTES = 4 * PAIR_WORDS
/** Bytes of a touch: page and offset, actor, write or not. */
const TOUCH_BYTES = 4 + 4 + 2 + 1

/** Pages of which ranks lie together, as a power of 2: they fit where the page table had what it found pages by (pages.ts). */
const RANKS = 16
const MOST_RANK = (1 << RANKS) - 1

/** Parts that are merged at one time, and pairs of each that are in memory: 4 MB together. */
export interface MergeSizes {
  parts: number
  pairs: number
}
const SIZES: MergeSizes = { parts: 64, pairs: 4096 }

/** Rows of a part, one after the other from `offset` on. */
interface Rows {
  offset: number
  rows: number
}

type Columns = Record<'page' | 'actor' | 'reads' | 'writes' | 'index' | 'difference' | 'isWrite' | 'offset', StreamedColumn>

export class LargeTick {
  readonly #heap: Heap
  readonly #scratch: Scratch
  readonly #sizes: MergeSizes
  #pairs: Rows[] = []
  readonly #touches: Rows[] = []
  /** Address of the stretches of parts that are being merged; made with the first large tick, like the columns. */
  #stretches = 0
  #columns: Columns | undefined
  /** By page, in parts: the actor that touched it first in this tick, then the index of its pair. */
  readonly #rank: Uint32Array[] = []
  /** Touches of a part as they are read. */
  #touchRoom = new ArrayBuffer(0)

  constructor(heap: Heap, scratch: Scratch, sizes = SIZES) {
    this.#heap = heap
    this.#scratch = scratch
    this.#sizes = sizes
  }

  /** Some of the tick has come. */
  get isOpen(): boolean {
    return this.#pairs.length > 0
  }

  /** The next part of the tick. */
  add({ pairs, touchPage, touchActor, touchIsWrite, touchOffsetNs }: TickColumns): void {
    if (pairs.length > 0) this.#pairs.push({ offset: this.#scratch.append(bytesOf(pairs)).offset, rows: pairs.length / PAIR_WORDS })
    if (touchPage.length === 0) return
    const { offset } = this.#scratch.append(bytesOf(touchPage))
    for (const column of [touchOffsetNs, touchActor, touchIsWrite]) this.#scratch.append(bytesOf(column))
    this.#touches.push({ offset, rows: touchPage.length })
  }

  /** Ends the tick, whose number and pages are these. `fold` is an empty one, to merge with. */
  end(number: number, pages: number, fold: TickFold): EncodedBlock {
    while (this.#pairs.length > this.#sizes.parts) this.#pairs = this.#mergedGroups(fold)
    const columns = this.#emptyColumns()
    const rank = this.#rankFor(pages)
    for (const { page, actor } of this.#eachTouches()) {
      for (let i = 0; i < page.length; i++) rank[page[i]! >>> RANKS]![page[i]! & MOST_RANK] = actor[i]!
    }

    let pairs = 0
    let before = 0
    // page whose touch has found its pair
    let ranked = -1
    this.#merge(this.#pairs, fold, (records) => {
      for (let k = 0; k < records.length; k += PAIR_WORDS, pairs++) {
        const page = records[k]!
        columns.page.add(page - before)
        columns.actor.add(records[k + 1]!)
        columns.reads.add(records[k + 2]!)
        columns.writes.add(records[k + 3]!)
        before = page
        const ranks = rank[page >>> RANKS]!
        if (page === ranked || ranks[page & MOST_RANK] !== records[k + 1]) continue
        ranks[page & MOST_RANK] = pairs
        ranked = page
      }
    })

    let touches = 0
    let indexBefore = 0
    let offsetBefore = 0
    for (const { page, offset, isWrite } of this.#eachTouches()) {
      for (let i = 0; i < page.length; i++) {
        const index = rank[page[i]! >>> RANKS]![page[i]! & MOST_RANK]!
        columns.index.add(index)
        columns.difference.add(zigzag(index, indexBefore))
        columns.isWrite.add(isWrite[i]!)
        columns.offset.add(offset[i]! - offsetBefore)
        indexBefore = index
        offsetBefore = offset[i]!
      }
      touches += page.length
    }
    this.#pairs = []
    this.#touches.length = 0
    return { shape: { firstTick: number, ticks: 1, pairs, touches }, bytes: this.#section(pairs, touches, columns) }
  }

  *#section(pairs: number, touches: number, { index, difference, ...columns }: Columns): Generator<Uint8Array> {
    const counts = [pack([pairs]), pack([touches])]
    const [plainBytes, differenceBytes] = [index.end(), difference.end()]
    const isDelta = differenceBytes < plainBytes
    const before = [columns.page, columns.actor, columns.reads, columns.writes]
    const after = [columns.isWrite, columns.offset]
    const lengths = (some: StreamedColumn[]) => some.map((column) => column.end())
    yield sectionHead([...counts.map(({ length }) => length), ...lengths(before), 1 + (isDelta ? differenceBytes : plainBytes), ...lengths(after)])
    yield* counts
    for (const column of before) yield* column.take()
    yield Uint8Array.of(isDelta ? ZIGZAG : AS_THEY_ARE)
    yield* (isDelta ? difference : index).take()
    for (const column of after) yield* column.take()
    this.#scratch.clear()
  }

  /** As many parts merged into one as can be at one time, again and again. */
  #mergedGroups(fold: TickFold): Rows[] {
    const groups: Rows[] = []
    for (let from = 0; from < this.#pairs.length; from += this.#sizes.parts) {
      let group: Rows | undefined
      this.#merge(this.#pairs.slice(from, from + this.#sizes.parts), fold, (records) => {
        // nothing else is appended meanwhile: the pieces lie one after the other
        const { offset } = this.#scratch.append(bytesOf(records))
        group ??= { offset, rows: 0 }
        group.rows += records.length / PAIR_WORDS
      })
      groups.push(group!)
    }
    return groups
  }

  /** All pairs of these parts, sorted, counts of equal ones added up. The words are there until `visit` returns. */
  #merge(parts: Rows[], fold: TickFold, visit: (records: Uint32Array) => void): void {
    this.#stretches ||= this.#heap.take(this.#sizes.parts * this.#sizes.pairs * RECORD_BYTES)
    const stretches = parts.map(
      (part, i) => new Stretch(part, this.#scratch, this.#heap, this.#stretches + i * this.#sizes.pairs * RECORD_BYTES, this.#sizes.pairs),
    )
    for (let isLast = false; !isLast; ) {
      // up to here, all pairs of all parts are in memory
      let bound = Number.POSITIVE_INFINITY
      for (const stretch of stretches) {
        stretch.fill()
        if (!stretch.isRest) bound = Math.min(bound, stretch.lastKey)
      }
      isLast = bound === Number.POSITIVE_INFINITY
      for (const stretch of stretches) stretch.takeUpTo(bound, fold)
      fold.end(({ pairs }) => visit(pairs))
    }
  }

  /** Each part's are there until the next. */
  *#eachTouches(): Generator<{ page: Uint32Array; offset: Uint32Array; actor: Uint16Array; isWrite: Uint8Array }> {
    for (const { offset, rows } of this.#touches) {
      if (this.#touchRoom.byteLength < TOUCH_BYTES * rows) this.#touchRoom = new ArrayBuffer(TOUCH_BYTES * rows)
      const buffer = this.#touchRoom
      this.#scratch.read(offset, new Uint8Array(buffer, 0, TOUCH_BYTES * rows))
      yield {
        page: new Uint32Array(buffer, 0, rows),
        offset: new Uint32Array(buffer, 4 * rows, rows),
        actor: new Uint16Array(buffer, 8 * rows, rows),
        isWrite: new Uint8Array(buffer, 10 * rows, rows),
      }
    }
  }

  #emptyColumns(): Columns {
    const column = () => new StreamedColumn(this.#heap, this.#scratch)
    this.#columns ??= {
      ...{ page: column(), actor: column(), reads: column(), writes: column() },
      ...{ index: column(), difference: column(), isWrite: column(), offset: column() },
    }
    for (const one of Object.values(this.#columns)) one.clear()
    return this.#columns
  }

  #rankFor(pages: number): readonly Uint32Array[] {
    while (this.#rank.length * 2 ** RANKS < pages) this.#rank.push(this.#heap.u32s(1 << RANKS))
    return this.#rank
  }
}

/** A part being merged: some of its pairs are in memory, the rest follows in the scratch file. */
class Stretch {
  readonly #scratch: Scratch
  readonly #heap: Heap
  readonly #at: number
  readonly #room: number
  #offset: number
  #left: number
  /** Pairs in memory that were not taken yet. */
  #from = 0
  #to = 0

  constructor({ offset, rows }: Rows, scratch: Scratch, heap: Heap, at: number, room: number) {
    this.#scratch = scratch
    this.#heap = heap
    this.#at = at
    this.#room = room
    this.#offset = offset
    this.#left = rows
  }

  /** Nothing of it is left in the file. */
  get isRest(): boolean {
    return this.#left === 0
  }

  fill(): void {
    if (this.#from < this.#to || this.#left === 0) return
    this.#from = 0
    this.#to = Math.min(this.#room, this.#left)
    const bytes = this.#to * RECORD_BYTES
    this.#scratch.read(this.#offset, this.#heap.u8.subarray(this.#at, this.#at + bytes))
    this.#offset += bytes
    this.#left -= this.#to
  }

  /** Page and actor in one, as they are sorted. */
  #key(pair: number): number {
    const word = (this.#at >>> 2) + pair * PAIR_WORDS
    return this.#heap.u32[word]! * 2 ** 16 + this.#heap.u32[word + 1]!
  }

  get lastKey(): number {
    return this.#key(this.#to - 1)
  }

  /** Pairs up to and with this key. */
  takeUpTo(key: number, fold: TickFold): void {
    let [low, high] = [this.#from, this.#to]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#key(middle) <= key) low = middle + 1
      else high = middle
    }
    if (low > this.#from) fold.addPairs(this.#at + this.#from * RECORD_BYTES, low - this.#from)
    this.#from = low
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array | Uint32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength)
