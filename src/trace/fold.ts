/**
 * One tick being folded: counts per (page, actor) and the first access to each page. `flush` writes the tick's two lists
 * to a block. The same fold serves accesses (at import) and finer ticks (when ticks are merged), because merging is exact.
 * The work is done by kernels (src/wasm/fold.ts); here is the room they need.
 */
import { UserError } from '../errors.ts'
import { FOLD, FOLD_WORDS, type FoldableRuns, type Heap, HISTOGRAM_BYTES, NO_PAGE, PAIR_BYTES } from '../wasm/index.ts'
import type { AccessBatch } from './access-batch.ts'
import type { BlockBuilder, TickColumns } from './blocks.ts'
import { PAIR_WORDS, type TickBlock } from './prepared.ts'
import { RunList } from './run-list.ts'

const FIRST_PAIRS = 1024
const RECORD_BYTES = 4 * PAIR_WORDS
/**
 * A tick with more pairs than this does not stay in memory: the fold hands out a part of it, some 5 MB with its tables, which also
 * fit a core's cache then.
 */
export const MOST_PAIRS = 1 << 16
/** So many keys of runs may wait for each pair that a tick may have, and are put together then. */
const KEYS_PER_PAIR = 1
/** Rows of finer ticks that are copied to the kernels' memory at one time. */
const STEP = 4096

const tooMany = () => new UserError('more than 2^32 accesses to one page in one tick', { hint: 'Choose a shorter --tick, or check the weight column' })

const NOTHING: TickColumns = {
  pairs: new Uint32Array(0),
  touchPage: new Uint32Array(0),
  touchActor: new Uint16Array(0),
  touchIsWrite: new Uint8Array(0),
  touchOffsetNs: new Uint32Array(0),
}

export class TickFold {
  readonly #heap: Heap
  readonly #at: number
  /** What there is room for. */
  #pairs = FIRST_PAIRS
  #slots = 4 * FIRST_PAIRS
  #touches = FIRST_PAIRS
  #actors = 64
  #pageWords = 128
  /** Finished pairs, twice: address and bytes of each. */
  #sorted = { at: 0, other: 0, bytes: 0 }
  readonly #histogram: number
  readonly #runs: RunList
  #step = 0
  /** Part of the tick was handed out. */
  #isPart = false

  constructor(heap: Heap) {
    this.#heap = heap
    this.#at = heap.take(4 * FOLD_WORDS)
    this.#histogram = heap.take(HISTOGRAM_BYTES)
    this.#runs = new RunList(heap)
    const take = (field: keyof typeof FOLD, bytes: number) => this.#set(field, heap.take(bytes))
    take('pair', PAIR_BYTES * this.#pairs)
    take('slots', 4 * this.#slots)
    this.#maskSlots()
    take('last', 8 * this.#actors)
    this.#forget(0)
    take('touchPage', 4 * this.#touches)
    take('touchActor', 2 * this.#touches)
    take('touchIsWrite', this.#touches)
    take('touchOffset', 4 * this.#touches)
    take('touched', 4 * this.#pageWords)
  }

  /** Whether there are more pairs than this. While the tick goes on some runs may wait to be put together; at its end it is known. */
  isBeyond(pairs: number, isEnd = false): boolean {
    const hashed = this.#get('pairs')
    if (isEnd || this.#runs.waiting > KEYS_PER_PAIR * pairs || (hashed > 0 && hashed + this.#runs.pairs > pairs)) this.#mergeRuns()
    return this.#get('pairs') + this.#runs.pairs > pairs
  }

  /** Something came since a part of the tick was handed out. */
  get hasPairs(): boolean {
    return this.#get('pairs') + this.#runs.waiting + this.#runs.pairs > 0
  }

  /** Nothing of this tick has come yet. */
  get isEmpty(): boolean {
    return !this.#isPart && !this.hasPairs && this.#get('touches') === 0
  }

  /** Rows [from, to) of a batch with pages and actors, all below these counts; the tick starts at `startNs`. */
  access(batch: AccessBatch, from: number, to: number, startNs: number, pages: number, actors: number): void {
    this.#reserve(to - from, to - from, pages, actors)
    this.#heap.kernels.foldAccesses(this.#heap, this.#at, batch.at, from, to, startNs)
  }

  /** Accesses [from, to) of runs that lie in the heap, of which run `run` is the first. */
  runs(runs: FoldableRuns, run: number, from: number, to: number, startNs: number, pages: number, actors: number): void {
    const most = Math.min(to - from, runs.count - run)
    this.#reserve(runs.weight === undefined ? 0 : most, most, pages, actors)
    if (!this.#runs.add(this.#at, runs, run, run + most, from, to, startNs, pages, actors)) throw tooMany()
  }

  /** Tick `i` of a block, which starts `laterNs` after this one. */
  add(block: TickBlock, i: number, laterNs: number): void {
    const heap = this.#heap
    const { kernels } = heap
    this.#step ||= heap.take(STEP * RECORD_BYTES)
    const step = this.#step
    for (let from = block.touchStart[i]!, end = block.touchStart[i + 1]!; from < end; from += STEP) {
      const to = Math.min(end, from + STEP)
      const page = block.touchPage.subarray(from, to)
      this.#reserve(0, to - from, greatest(page, 1) + 1, 0)
      heap.u32.set(page, step >>> 2)
      heap.u32.set(block.touchOffsetNs.subarray(from, to), (step >>> 2) + STEP)
      heap.u16.set(block.touchActor.subarray(from, to), (step >>> 1) + 4 * STEP)
      heap.u8.set(block.touchIsWrite.subarray(from, to), step + 10 * STEP)
      kernels.foldTouches(heap, this.#at, step, step + 8 * STEP, step + 10 * STEP, step + 4 * STEP, to - from, laterNs)
    }
    for (let from = block.pairStart[i]!, end = block.pairStart[i + 1]!; from < end; from += STEP) {
      const to = Math.min(end, from + STEP)
      heap.u32.set(block.pairs.subarray(from * PAIR_WORDS, to * PAIR_WORDS), step >>> 2)
      this.addPairs(step, to - from)
    }
  }

  /** Finished pairs of this tick, at an address of the heap. */
  addPairs(records: number, pairs: number): void {
    this.#reserve(pairs, 0, 0, 0)
    this.#heap.kernels.foldPairs(this.#heap, this.#at, records, pairs)
  }

  /** Ends the tick: appends it to the block and starts an empty one. `visit` sees where the sorted pairs lie. */
  flush(builder: BlockBuilder, startNs: number, visit?: (records: number, pairs: number) => void): void {
    this.end((columns, records) => {
      visit?.(records, columns.pairs.length / PAIR_WORDS)
      builder.tick(startNs, columns)
    })
  }

  /** Hands out what there is of the tick, which goes on: pages touched so far are touched, and will not be again. */
  endPart(visit: (columns: TickColumns, records: number) => void): void {
    this.#isPart = true
    this.#hand(visit)
    this.#set('touches', 0)
    this.#empty()
  }

  /** Hands out the tick, or the rest of it, with its pairs sorted by page, then actor, and starts an empty one. `records`: address of the pairs. */
  end(visit: (columns: TickColumns, records: number) => void): void {
    if (!this.hasPairs) visit(NOTHING, 0)
    else {
      this.#hand(visit)
      this.#empty()
    }
    if (!this.#isPart) return
    const touched = this.#get('touched')
    this.#heap.u32.fill(0, touched >>> 2, (touched >>> 2) + this.#pageWords)
    this.#isPart = false
  }

  #hand(visit: (columns: TickColumns, records: number) => void): void {
    const heap = this.#heap
    const touches = this.#get('touches')
    const { records, pairs } = this.#finished()
    const column = <A>(whole: { subarray(from: number, to: number): A }, from: number, length: number): A => whole.subarray(from, from + length)
    visit(
      {
        pairs: column(heap.u32, records >>> 2, pairs * PAIR_WORDS),
        touchPage: column(heap.u32, this.#get('touchPage') >>> 2, touches),
        touchActor: column(heap.u16, this.#get('touchActor') >>> 1, touches),
        touchIsWrite: column(heap.u8, this.#get('touchIsWrite'), touches),
        touchOffsetNs: column(heap.u32, this.#get('touchOffset') >>> 2, touches),
      },
      records,
    )
  }

  #empty(): void {
    this.#heap.kernels.resetFold(this.#heap, this.#at, this.#slots, this.#actors)
    this.#runs.clear()
  }

  /** Address and number of the finished pairs. */
  #finished(): { records: number; pairs: number } {
    this.#mergeRuns()
    const pairs = this.#get('pairs')
    return pairs === 0 ? { records: this.#runs.records, pairs: this.#runs.pairs } : { records: this.#sort(pairs), pairs }
  }

  #sort(pairs: number): number {
    const bytes = pairs * RECORD_BYTES
    if (this.#sorted.bytes < bytes) {
      this.#giveSorted()
      const room = this.#pairs * RECORD_BYTES
      this.#sorted = { at: this.#heap.take(room), other: this.#heap.take(room), bytes: room }
    }
    const { at, other } = this.#sorted
    if (!this.#heap.kernels.sortPairs(this.#heap, this.#at, at, other, this.#histogram)) throw tooMany()
    return at
  }

  /** Puts runs together to pairs; and with the other pairs, where some accesses have weights and some have none. */
  #mergeRuns(): void {
    if (!this.#runs.merge()) throw tooMany()
    if (this.#runs.pairs === 0 || this.#get('pairs') === 0) return
    this.addPairs(this.#runs.records, this.#runs.pairs)
    this.#runs.clear()
  }

  #giveSorted(): void {
    this.#heap.give(this.#sorted.at, this.#sorted.bytes)
    this.#heap.give(this.#sorted.other, this.#sorted.bytes)
  }

  /** Gives all memory back; the fold cannot be used afterwards. */
  close(): void {
    this.#giveSorted()
    this.#runs.close()
    const give = (field: keyof typeof FOLD, bytes: number) => this.#heap.give(this.#get(field), bytes)
    give('pair', PAIR_BYTES * this.#pairs)
    give('slots', 4 * this.#slots)
    give('last', 8 * this.#actors)
    give('touchPage', 4 * this.#touches)
    give('touchActor', 2 * this.#touches)
    give('touchIsWrite', this.#touches)
    give('touchOffset', 4 * this.#touches)
    give('touched', 4 * this.#pageWords)
  }

  /** Room for so many more pairs and touches, and for pages and actors below these. */
  #reserve(morePairs: number, moreTouches: number, pages: number, actors: number): void {
    const pairs = this.#get('pairs') + morePairs
    if (pairs > this.#pairs) {
      const size = Math.max(pairs, 2 * this.#pairs)
      this.#widen('pair', PAIR_BYTES * this.#pairs, PAIR_BYTES * size)
      this.#pairs = size
    }
    if (pairs * 2 > this.#slots) this.#moreSlots(pairs)
    const touches = this.#get('touches') + moreTouches
    if (touches > this.#touches) {
      const size = Math.max(touches, 2 * this.#touches)
      this.#widen('touchPage', 4 * this.#touches, 4 * size)
      this.#widen('touchActor', 2 * this.#touches, 2 * size)
      this.#widen('touchIsWrite', this.#touches, size)
      this.#widen('touchOffset', 4 * this.#touches, 4 * size)
      this.#touches = size
    }
    if (actors > this.#actors) {
      const before = this.#actors
      this.#actors = Math.max(actors, 2 * before)
      this.#widen('last', 8 * before, 8 * this.#actors)
      this.#forget(before)
    }
    const words = Math.ceil(pages / 32)
    if (words > this.#pageWords) {
      const size = Math.max(words, this.#pageWords + (this.#pageWords >>> 1))
      this.#widen('touched', 4 * this.#pageWords, 4 * size)
      this.#pageWords = size
    }
  }

  #moreSlots(pairs: number): void {
    this.#heap.give(this.#get('slots'), 4 * this.#slots)
    while (pairs * 2 > this.#slots) this.#slots *= 2
    this.#set('slots', this.#heap.take(4 * this.#slots))
    this.#maskSlots()
    this.#heap.kernels.indexPairs(this.#heap, this.#at)
  }

  #maskSlots(): void {
    this.#set('mask', this.#slots - 1)
    this.#set('shift', Math.clz32(this.#slots) + 1)
  }

  /** No actor from this one on has touched a page yet. */
  #forget(actor: number): void {
    const { u32 } = this.#heap
    const last = this.#get('last') >>> 2
    for (; actor < this.#actors; actor++) u32[last + 2 * actor] = NO_PAGE
  }

  #widen(field: keyof typeof FOLD, bytes: number, wanted: number): void {
    this.#set(field, this.#heap.widen(this.#get(field), bytes, wanted))
  }

  #get(field: keyof typeof FOLD): number {
    return this.#heap.u32[(this.#at >>> 2) + FOLD[field]]!
  }

  #set(field: keyof typeof FOLD, value: number): void {
    this.#heap.u32[(this.#at >>> 2) + FOLD[field]] = value
  }
}

function greatest(values: Uint32Array, least: number): number {
  for (let i = 0; i < values.length; i++) if (values[i]! > least) least = values[i]!
  return least
}
