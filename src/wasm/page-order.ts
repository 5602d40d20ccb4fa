/** Touches of a tick in order of their pages, and hint faults among them counted and settled in that order (assembly/page-order.ts). */
import type { FirstTouches, Tally } from './kernels.ts'

/**
 * Runs of 32 pages, each as its number and the bits of its pages that are touched, ascending, and who touched each first; and pages of
 * runs where few are touched, in any order.
 */
export interface TouchedPages {
  runs: Uint32Array
  actor: Uint8Array
  pages: Uint32Array
  pageActor: Uint8Array
}

const PAIR_WORDS = 4
export const RUN_WORDS = 2
/** Touches of a run that are pages by themselves. */
const FEW = 4
const COUNT = 1
const REMEMBER = 2
const MIGRATE = 3

/** Faults added up by key, those together that are alike. */
export interface KeySums {
  /** By key >> shift: the first of those that are alike. */
  alike: Uint32Array
  faults: Uint32Array
  /** Keys with faults, and how many there are. */
  listed: Uint32Array
  length: Uint32Array
}

export interface PageOrderKernels {
  /**
   * Writes touches [from, to) of a tick, of actors below 256, in order of their pages, which are those of pairs [pairFrom, pairTo).
   * who: by page, for anything. `words`, two for each touch, begin with the runs and end with the pages, and so does `actor`, one for
   * each. lengths: how many there are of both; 0 where pairs and touches do not have as many pages.
   */
  orderTouches(
    touches: FirstTouches,
    from: number,
    to: number,
    pairs: Uint32Array,
    pairFrom: number,
    pairTo: number,
    who: Uint8Array,
    out: { words: Uint32Array; actor: Uint8Array; lengths: Uint32Array },
  ): void
  /**
   * Counts the hint faults of touched pages, which are all there, by key, and lists those that may do more, as the verdict of their key
   * is another than to count or not known: page and key. Answers how many are listed. Nothing changes but `counts`, `keys` and their length.
   */
  countTouched(touched: TouchedPages, placement: Uint8Array, marked: Uint32Array, tally: Tally, list: Uint32Array): number
  /** Writes those of the first n keys to `asked` that have no verdict, or one to settle, or whose actor is not ready; answers how many. */
  keysToAsk(tally: Tally, n: number, asked: Uint32Array): number
  /** Counts of the first n keys are added to the sums: to `moves` where the verdict is to migrate. They are zero then. */
  sumKeys(tally: Tally, n: number, sums: KeySums, moves: KeySums): void
  /**
   * The first n faults of the list remember and move as verdicts of their keys say. Answers how many moved: `list` begins with the
   * pages that did, and `from` with where each was.
   */
  settleTouched(list: Uint32Array, n: number, placement: Uint8Array, tally: Tally, from: Uint8Array): number
  /** No touched page is marked any more. */
  unmarkTouched(touched: TouchedPages, marked: Uint32Array): void
}

export interface PageOrderExports {
  orderTouches(...args: number[]): void
  countTouched(...args: number[]): number
  keysToAsk(...args: number[]): number
  sumKeys(...args: number[]): void
  settleTouched(...args: number[]): number
  unmarkTouched(...args: number[]): void
}

export const wasmPageOrder = (exports: PageOrderExports): PageOrderKernels => ({
  orderTouches: ({ touchPage, touchActor }, from, to, pairs, pairFrom, pairTo, who, { words, actor, lengths }) =>
    exports.orderTouches(
      ...[touchPage.byteOffset, touchActor.byteOffset, from, to],
      ...[pairs.byteOffset + 4 * PAIR_WORDS * pairFrom, pairTo - pairFrom, who.byteOffset],
      ...[words.byteOffset, actor.byteOffset, lengths.byteOffset],
    ),
  countTouched: ({ runs, actor, pages, pageActor }, placement, marked, { last, counts, keys, lengths, verdicts, actors, shift }, list) =>
    exports.countTouched(
      runs.byteOffset,
      runs.length / RUN_WORDS,
      pages.byteOffset,
      pages.length,
      actor.byteOffset,
      pageActor.byteOffset,
      placement.byteOffset,
      marked.byteOffset,
      last.byteOffset,
      last.BYTES_PER_ELEMENT,
      counts.byteOffset,
      keys.byteOffset,
      lengths.byteOffset,
      verdicts.byteOffset,
      list.byteOffset,
      actors,
      shift,
    ),
  keysToAsk: ({ keys, verdicts, ready, actorOf, shift }, n, asked) =>
    exports.keysToAsk(keys.byteOffset, n, verdicts.byteOffset, ready.byteOffset, actorOf.byteOffset, asked.byteOffset, shift),
  sumKeys: ({ keys, counts, verdicts, shift }, n, sums, moves) =>
    exports.sumKeys(
      ...[keys.byteOffset, n, counts.byteOffset, verdicts.byteOffset, sums.alike.byteOffset],
      ...[sums.faults.byteOffset, sums.listed.byteOffset, sums.length.byteOffset],
      ...[moves.faults.byteOffset, moves.listed.byteOffset, moves.length.byteOffset, shift],
    ),
  settleTouched: (list, n, placement, { last, verdicts, actorOf, target, shift }, from) =>
    exports.settleTouched(
      ...[list.byteOffset, n, placement.byteOffset, last.byteOffset, last.BYTES_PER_ELEMENT, verdicts.byteOffset],
      ...[actorOf.byteOffset, target.byteOffset, from.byteOffset, shift],
    ),
  unmarkTouched: ({ runs, pages }, marked) =>
    exports.unmarkTouched(runs.byteOffset, runs.length / RUN_WORDS, pages.byteOffset, pages.length, marked.byteOffset),
})

export const pageOrderTwins: PageOrderKernels = {
  orderTouches({ touchPage, touchActor }, from, to, pairs, pairFrom, pairTo, who, { words, actor, lengths }) {
    for (let k = from; k < to; k++) who[touchPage[k]!] = touchActor[k]!
    lengths.fill(0)
    const runs = new Map<number, Set<number>>()
    for (let k = pairFrom; k < pairTo; k++) {
      const page = pairs[k * PAIR_WORDS]!
      runs.set(page >>> 5, (runs.get(page >>> 5) ?? new Set()).add(page))
    }
    const all = [...runs.values()]
    if (all.reduce((sum, { size }) => sum + size, 0) !== to - from) return
    const long = all.filter(({ size }) => size > FEW)
    const few = all.filter(({ size }) => size <= FEW).flatMap((pages) => [...pages])
    const bitsOf = (pages: Set<number>) => [...pages].reduce((bits, page) => bits | (1 << (page & 31)), 0)
    words.set(long.flatMap((pages) => [[...pages][0]! >>> 5, bitsOf(pages)]))
    actor.set(long.flatMap((pages) => [...pages].map((page) => who[page]!)))
    few.reverse()
    words.set(few, 2 * (to - from) - few.length)
    actor.set(
      few.map((page) => who[page]!),
      to - from - few.length,
    )
    lengths.set([long.length, few.length])
  },

  countTouched(touched, placement, marked, { last, counts, keys, lengths, verdicts, actors, shift }, list) {
    let faults = 0
    for (const [page, who] of touchesOf(touched)) {
      if (((marked[page >>> 5]! >>> (page & 31)) & 1) === 0) continue
      const key = ((who * (actors + 1) + Math.min(last[page]!, actors)) << shift) | placement[page]!
      if (verdicts[key] !== COUNT) list.set([page, key], 2 * faults++)
      if (counts[key]!++ === 0) keys[lengths[1]!++] = key
    }
    return faults
  },

  keysToAsk({ keys, verdicts, ready, actorOf, shift }, n, asked) {
    const some = keys.subarray(0, n).filter((key) => verdicts[key]! < COUNT || verdicts[key]! > MIGRATE || ready[actorOf[key >>> shift]!] === 0)
    asked.set(some)
    return some.length
  },

  sumKeys({ keys, counts, verdicts, shift }, n, sums, moves) {
    for (const key of keys.subarray(0, n)) {
      const { alike, faults, listed, length } = verdicts[key] === MIGRATE ? moves : sums
      const together = (alike[key >>> shift]! << shift) | (key & ((1 << shift) - 1))
      if (faults[together] === 0) listed[length[0]!++] = together
      faults[together]! += counts[key]!
      counts[key] = 0
    }
  },

  settleTouched(list, n, placement, { last, verdicts, actorOf, target, shift }, from) {
    let moved = 0
    for (let f = 0; f < n; f++) {
      const page = list[2 * f]!
      const key = list[2 * f + 1]!
      const who = actorOf[key >>> shift]!
      const verdict = verdicts[key]!
      if (verdict >= REMEMBER) last[page] = who
      if (verdict !== MIGRATE) continue
      from[moved] = placement[page]!
      placement[page] = target[who]!
      list[moved++] = page
    }
    return moved
  },

  unmarkTouched(touched, marked) {
    for (const [page] of touchesOf(touched)) marked[page >>> 5]! &= ~(1 << (page & 31))
  },
}

function* touchesOf({ runs, actor, pages, pageActor }: TouchedPages): Generator<[page: number, actor: number]> {
  let touch = 0
  for (let run = 0; run < runs.length; run += RUN_WORDS)
    for (let bit = 0; bit < 32; bit++) if (((runs[run + 1]! >>> bit) & 1) === 1) yield [32 * runs[run]! + bit, actor[touch++]!]
  for (const [k, page] of pages.entries()) yield [page, pageActor[k]!]
}
