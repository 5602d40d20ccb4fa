/** Touches of a tick in order of their pages, and hint faults among them counted and settled in that order (assembly/page-order.ts). */
import type { FirstTouches, Tally } from './kernels.ts'

/** Runs of 32 pages, each as its number and the bits of its pages that are touched, ascending; and who touched each first. */
export interface TouchedPages {
  runs: Uint32Array
  actor: Uint8Array
}

const PAIR_WORDS = 4
export const RUN_WORDS = 2
const ACTOR_AT = 24
const KEY = 0xff_ffff
const REMEMBER = 2
const MIGRATE = 3

export interface PageOrderKernels {
  /**
   * Writes touches [from, to) of a tick, of actors below 256, in order of their pages, which are those of pairs [pairFrom, pairTo).
   * who: by page, for anything. Answers how many runs; 0 where pairs and touches do not have as many pages.
   */
  orderTouches(
    touches: FirstTouches,
    from: number,
    to: number,
    pairs: Uint32Array,
    pairFrom: number,
    pairTo: number,
    who: Uint8Array,
    out: TouchedPages,
  ): number
  /**
   * Counts the hint faults of touched pages, which are all there, by key, and lists them: page, and key with the actor in its highest
   * byte. Answers how many. Nothing changes but `counts`, `keys` and their length.
   */
  countTouched(touched: TouchedPages, placement: Uint8Array, marked: Uint32Array, tally: Tally, list: Uint32Array): number
  /**
   * The first n faults of the list remember and move as verdicts of their keys say. Answers how many moved: `list` begins with the
   * pages that did, and `from` with where each was.
   */
  settleTouched(list: Uint32Array, n: number, placement: Uint8Array, tally: Tally, from: Uint8Array): number
  /** No touched page is marked any more. */
  unmarkTouched(touched: TouchedPages, marked: Uint32Array): void
}

export interface PageOrderExports {
  orderTouches(...args: number[]): number
  countTouched(...args: number[]): number
  countTouched8(...args: number[]): number
  settleTouched(...args: number[]): number
  settleTouched8(...args: number[]): number
  unmarkTouched(runs: number, n: number, marked: number): void
}

export const wasmPageOrder = (exports: PageOrderExports): PageOrderKernels => ({
  orderTouches: ({ touchPage, touchActor }, from, to, pairs, pairFrom, pairTo, who, { runs, actor }) =>
    exports.orderTouches(
      ...[touchPage.byteOffset, touchActor.byteOffset, from, to],
      ...[pairs.byteOffset + 4 * PAIR_WORDS * pairFrom, pairTo - pairFrom, who.byteOffset, runs.byteOffset, actor.byteOffset],
    ),
  countTouched: ({ runs, actor }, placement, marked, { last, counts, keys, lengths, actors, shift }, list) =>
    (last.BYTES_PER_ELEMENT === 1 ? exports.countTouched8 : exports.countTouched)(
      runs.byteOffset,
      runs.length / RUN_WORDS,
      actor.byteOffset,
      placement.byteOffset,
      marked.byteOffset,
      last.byteOffset,
      counts.byteOffset,
      keys.byteOffset,
      lengths.byteOffset,
      list.byteOffset,
      actors,
      shift,
    ),
  settleTouched: (list, n, placement, { last, verdicts, target }, from) =>
    (last.BYTES_PER_ELEMENT === 1 ? exports.settleTouched8 : exports.settleTouched)(
      ...[list.byteOffset, n, placement.byteOffset, last.byteOffset, verdicts.byteOffset, target.byteOffset, from.byteOffset],
    ),
  unmarkTouched: ({ runs }, marked) => exports.unmarkTouched(runs.byteOffset, runs.length / RUN_WORDS, marked.byteOffset),
})

export const pageOrderTwins: PageOrderKernels = {
  orderTouches({ touchPage, touchActor }, from, to, pairs, pairFrom, pairTo, who, { runs, actor }) {
    for (let k = from; k < to; k++) who[touchPage[k]!] = touchActor[k]!
    const pages = new Set<number>()
    for (let k = pairFrom; k < pairTo; k++) pages.add(pairs[k * PAIR_WORDS]!)
    if (pages.size !== to - from) return 0
    let n = 0
    for (const [k, page] of [...pages].entries()) {
      actor[k] = who[page]!
      if (n === 0 || runs[(n - 1) * RUN_WORDS] !== page >>> 5) runs.set([page >>> 5, 0], n++ * RUN_WORDS)
      runs[n * RUN_WORDS - 1]! |= 1 << (page & 31)
    }
    return n
  },

  countTouched({ runs, actor }, placement, marked, { last, counts, keys, lengths, actors, shift }, list) {
    let touch = 0
    let faults = 0
    for (let run = 0; run < runs.length; run += RUN_WORDS) {
      for (let bit = 0; bit < 32; bit++) {
        if (((runs[run + 1]! >>> bit) & 1) === 0) continue
        const who = actor[touch++]!
        if (((marked[runs[run]!]! >>> bit) & 1) === 0) continue
        const page = runs[run]! * 32 + bit
        const key = ((who * (actors + 1) + Math.min(last[page]!, actors)) << shift) | placement[page]!
        list[2 * faults] = page
        list[2 * faults + 1] = key | (who << ACTOR_AT)
        faults++
        if (counts[key]!++ === 0) keys[lengths[1]!++] = key
      }
    }
    return faults
  },

  settleTouched(list, n, placement, { last, verdicts, target }, from) {
    let moved = 0
    for (let f = 0; f < n; f++) {
      const page = list[2 * f]!
      const word = list[2 * f + 1]!
      const who = word >>> ACTOR_AT
      const verdict = verdicts[word & KEY]!
      if (verdict >= REMEMBER) last[page] = who
      if (verdict !== MIGRATE) continue
      from[moved] = placement[page]!
      placement[page] = target[who]!
      list[moved++] = page
    }
    return moved
  },

  unmarkTouched({ runs }, marked) {
    for (let run = 0; run < runs.length; run += RUN_WORDS) marked[runs[run]!]! &= ~runs[run + 1]!
  },
}
