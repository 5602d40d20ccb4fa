/** Folding a tick: counts per (page, actor) and the first access to each page, in tables that the caller makes room in. */
import { columnsAt, NO_PAGE, type Views } from './batch.ts'

/** Words of a fold: how many pairs and touches; addresses of its tables. */
export const FOLD = {
  pairs: 0,
  touches: 1,
  /** Open addressing on (page, actor): pair + 1, or 0; `shift` = 32 - log2 of the slots, `mask` = slots - 1. */
  slots: 2,
  shift: 3,
  mask: 4,
  /** Pairs in order of discovery, PAIR_BYTES each: u32 page, actor, f64 reads, writes. */
  pair: 5,
  /** Per actor the pair it touched last, as (page, pair): runs on one page skip the tables. */
  last: 6,
  touchPage: 7,
  touchActor: 8,
  touchIsWrite: 9,
  touchOffset: 10,
  /** One bit per page: touched in this tick. */
  touched: 11,
}
export const FOLD_WORDS = 12
export const PAIR_BYTES = 24
/** Words of a finished pair: page, actor, reads, writes. */
const RECORD_WORDS = 4
const GOLDEN = 0x9e3779b1
const U32_MAX = 0xffff_ffff
/** Digits of a sort: bytes of its histogram. */
export const HISTOGRAM_BYTES = 4 << 11

export interface FoldKernels {
  /** Rows [from, to) of a batch with pages and actors; their tick starts at `startNs`. */
  foldAccesses(views: Views, fold: number, batch: number, from: number, to: number, startNs: number): void
  /** First touches of a finer tick that starts `laterNs` after this one. Arguments are addresses of columns. */
  foldTouches(views: Views, fold: number, page: number, actor: number, isWrite: number, offset: number, n: number, laterNs: number): void
  /** n finished pairs of a finer tick. */
  foldPairs(views: Views, fold: number, records: number, n: number): void
  /** Enters all pairs into empty slots. */
  indexPairs(views: Views, fold: number): void
  /** Finished pairs by page, then actor, to `out`; `other` has room for as many. False when a count passes 32 bits. */
  sortPairs(views: Views, fold: number, out: number, other: number, histogram: number): boolean
  /** An empty fold. */
  resetFold(views: Views, fold: number, slots: number, actors: number): void
  /** Adds finished pairs to f64 reads and writes by actor, and marks pages written; answers how many were not before. */
  tallyPairs(views: Views, records: number, n: number, written: number, sums: number): number
}

export interface FoldExports {
  foldAccesses(...args: number[]): void
  foldTouches(...args: number[]): void
  foldPairs(...args: number[]): void
  indexPairs(fold: number): void
  sortPairs(...args: number[]): number
  resetFold(...args: number[]): void
  tallyPairs(...args: number[]): number
}

export const wasmFold = (exports: FoldExports): FoldKernels => ({
  foldAccesses: (_, fold, batch, from, to, startNs) => exports.foldAccesses(fold, batch, from, to, startNs),
  foldTouches: (_, fold, page, actor, isWrite, offset, n, laterNs) => exports.foldTouches(fold, page, actor, isWrite, offset, n, laterNs),
  foldPairs: (_, fold, records, n) => exports.foldPairs(fold, records, n),
  indexPairs: (_, fold) => exports.indexPairs(fold),
  sortPairs: (_, fold, out, other, histogram) => exports.sortPairs(fold, out, other, histogram) !== 0,
  resetFold: (_, fold, slots, actors) => exports.resetFold(fold, slots, actors),
  tallyPairs: (_, records, n, written, sums) => exports.tallyPairs(records, n, written, sums),
})

export const foldTwins: FoldKernels = {
  foldAccesses(views, fold, batch, from, to, startNs) {
    const { u8, u16, u32, f64 } = views
    const columns = columnsAt(batch)
    const at = fold >>> 2
    const last = u32[at + FOLD.last]! >>> 2
    const counts = u32[at + FOLD.pair]! >>> 3
    for (let i = from; i < to; i++) {
      const page = u32[columns.page + i]!
      if (page === NO_PAGE) continue
      const actor = u16[columns.actor + i]!
      const kind = u8[columns.kind + i]!
      const weight = f64[columns.weight + i]!
      const mine = last + 2 * actor
      if (u32[mine] !== page) {
        touchPage(views, fold, page, actor, kind >>> 1, f64[columns.time + i]! - startNs)
        u32[mine + 1] = findPair(views, fold, page, actor)
        u32[mine] = page
      }
      const pair = counts + 3 * u32[mine + 1]!
      if ((kind & 1) !== 0) f64[pair + 1]! += weight
      if ((kind & 2) !== 0) f64[pair + 2]! += weight
    }
  },

  foldTouches(views, fold, page, actor, isWrite, offset, n, laterNs) {
    const { u8, u16, u32 } = views
    for (let i = 0; i < n; i++) touchPage(views, fold, u32[(page >>> 2) + i]!, u16[(actor >>> 1) + i]!, u8[isWrite + i]!, u32[(offset >>> 2) + i]! + laterNs)
  },

  foldPairs(views, fold, records, n) {
    const { u32, f64 } = views
    const counts = u32[(fold >>> 2) + FOLD.pair]! >>> 3
    for (let k = records >>> 2, end = k + n * RECORD_WORDS; k < end; k += RECORD_WORDS) {
      const pair = counts + 3 * findPair(views, fold, u32[k]!, u32[k + 1]!)
      f64[pair + 1]! += u32[k + 2]!
      f64[pair + 2]! += u32[k + 3]!
    }
  },

  indexPairs({ u32 }, fold) {
    const at = fold >>> 2
    const slots = u32[at + FOLD.slots]! >>> 2
    const mask = u32[at + FOLD.mask]!
    for (let pair = 0, k = u32[at + FOLD.pair]! >>> 2; pair < u32[at + FOLD.pairs]!; pair++, k += PAIR_BYTES / 4) {
      let slot = firstSlot(u32[k]!, u32[k + 1]!, u32[at + FOLD.shift]!)
      while (u32[slots + slot] !== 0) slot = (slot + 1) & mask
      u32[slots + slot] = pair + 1
    }
  },

  sortPairs({ u32, f64 }, fold, out) {
    const n = u32[(fold >>> 2) + FOLD.pairs]!
    const pairs = u32[(fold >>> 2) + FOLD.pair]!
    const pageOf = (pair: number) => u32[(pairs + pair * PAIR_BYTES) >>> 2]!
    const actorOf = (pair: number) => u32[((pairs + pair * PAIR_BYTES) >>> 2) + 1]!
    const order = Uint32Array.from({ length: n }, (_, pair) => pair).sort((a, b) => pageOf(a) - pageOf(b) || actorOf(a) - actorOf(b))
    for (let i = 0, k = out >>> 2; i < n; i++, k += RECORD_WORDS) {
      const counts = (pairs + order[i]! * PAIR_BYTES) >>> 3
      if (f64[counts + 1]! > U32_MAX || f64[counts + 2]! > U32_MAX) return false
      u32[k] = pageOf(order[i]!)
      u32[k + 1] = actorOf(order[i]!)
      u32[k + 2] = f64[counts + 1]!
      u32[k + 3] = f64[counts + 2]!
    }
    return true
  },

  resetFold({ u32 }, fold, slots, actors) {
    const at = fold >>> 2
    const table = u32[at + FOLD.slots]! >>> 2
    u32.fill(0, table, table + slots)
    for (let actor = 0, last = u32[at + FOLD.last]! >>> 2; actor < actors; actor++) u32[last + 2 * actor] = NO_PAGE
    const pages = u32[at + FOLD.touchPage]! >>> 2
    const touched = u32[at + FOLD.touched]! >>> 2
    for (let i = 0; i < u32[at + FOLD.touches]!; i++) u32[touched + (u32[pages + i]! >>> 5)] = 0
    u32[at + FOLD.pairs] = 0
    u32[at + FOLD.touches] = 0
  },

  tallyPairs({ u32, f64 }, records, n, written, sums) {
    let fresh = 0
    for (let k = records >>> 2, end = k + n * RECORD_WORDS; k < end; k += RECORD_WORDS) {
      const sum = (sums >>> 3) + 2 * u32[k + 1]!
      f64[sum]! += u32[k + 2]!
      f64[sum + 1]! += u32[k + 3]!
      const word = (written >>> 2) + (u32[k]! >>> 5)
      const bit = 1 << (u32[k]! & 31)
      if (u32[k + 3] === 0 || (u32[word]! & bit) !== 0) continue
      u32[word]! |= bit
      fresh++
    }
    return fresh
  },
}

const firstSlot = (page: number, actor: number, shift: number): number => Math.imul(page ^ Math.imul(actor, 0x85ebca6b), GOLDEN) >>> shift

/** The access is the page's first in this tick unless it was touched before. */
export function touchPage({ u8, u16, u32 }: Views, fold: number, page: number, actor: number, isWrite: number, offset: number): void {
  const at = fold >>> 2
  const word = (u32[at + FOLD.touched]! >>> 2) + (page >>> 5)
  const bit = 1 << (page & 31)
  if ((u32[word]! & bit) !== 0) return
  u32[word]! |= bit
  const i = u32[at + FOLD.touches]!++
  u32[(u32[at + FOLD.touchPage]! >>> 2) + i] = page
  u16[(u32[at + FOLD.touchActor]! >>> 1) + i] = actor
  u8[u32[at + FOLD.touchIsWrite]! + i] = isWrite
  u32[(u32[at + FOLD.touchOffset]! >>> 2) + i] = offset
}

/** Index of a pair, a new one with counts of zero where there was none. */
export function findPair({ u32, f64 }: Views, fold: number, page: number, actor: number): number {
  const at = fold >>> 2
  const slots = u32[at + FOLD.slots]! >>> 2
  const pairs = u32[at + FOLD.pair]!
  const mask = u32[at + FOLD.mask]!
  let slot = firstSlot(page, actor, u32[at + FOLD.shift]!)
  for (let stored = u32[slots + slot]!; stored !== 0; stored = u32[slots + slot]!) {
    const k = (pairs + (stored - 1) * PAIR_BYTES) >>> 2
    if (u32[k] === page && u32[k + 1] === actor) return stored - 1
    slot = (slot + 1) & mask
  }
  const pair = u32[at + FOLD.pairs]!++
  const k = pairs + pair * PAIR_BYTES
  u32[k >>> 2] = page
  u32[(k >>> 2) + 1] = actor
  f64[(k >>> 3) + 1] = 0
  f64[(k >>> 3) + 2] = 0
  u32[slots + slot] = pair + 1
  return pair
}
