/** Folding a tick: counts per (page, actor) and the first access to each page, in tables that the caller makes room in. */
import type { AccessRuns } from './accesses.ts'
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
  /** Records of runs: how many, and their address. */
  runs: 12,
  run: 13,
}
export const FOLD_WORDS = 14
export const PAIR_BYTES = 24
/** Words of a finished pair: page, actor, reads, writes. */
const RECORD_WORDS = 4
const GOLDEN = 0x9e3779b1
const U32_MAX = 0xffff_ffff
/** Of the flags of an access. */
const IS_MODIFY = 1
/** Digits of a sort: bytes of its histogram. */
export const HISTOGRAM_BYTES = 4 << 11

/** Accesses of a block by runs (accesses.ts), with what folding needs of each. All arrays lie in the memory of the fold. */
export interface FoldableRuns extends AccessRuns {
  /** Row of the first access of each run, and the end. */
  starts: Uint32Array
  /** A bit per access, low bits first, and BITS_PAD bytes behind. */
  writes: Uint8Array
  /** ns of each access since `fromNs`; f64 where they pass 32 bits. */
  fromNs: number
  since: Uint32Array | Float64Array
  /** By access, where they are not all 0: bit 0 = it reads and writes. */
  flags?: Uint32Array
  /** Undefined where each access counts once, as a read or as a write. */
  weight?: Float64Array
}

export interface FoldKernels {
  /** Rows [from, to) of a batch with pages and actors; their tick starts at `startNs`. */
  foldAccesses(views: Views, fold: number, batch: number, from: number, to: number, startNs: number): void
  /** Accesses [from, to), all in runs [run, end); their tick starts at `startNs`. */
  foldRuns(views: Views, fold: number, runs: FoldableRuns, run: number, end: number, from: number, to: number, startNs: number): void
  /** First touches of a finer tick that starts `laterNs` after this one. Arguments are addresses of columns. */
  foldTouches(views: Views, fold: number, page: number, actor: number, isWrite: number, offset: number, n: number, laterNs: number): void
  /** n finished pairs of a finer tick. */
  foldPairs(views: Views, fold: number, records: number, n: number): void
  /** Enters all pairs into empty slots. */
  indexPairs(views: Views, fold: number): void
  /** Finished pairs by page, then actor, to `out`; `other` has room for as many. False when a count passes 32 bits. */
  sortPairs(views: Views, fold: number, out: number, other: number, histogram: number): boolean
  /** Records of runs by page, then actor, those of a pair together; `other` has room for as many. False when a count passes 32 bits. */
  sortRuns(views: Views, fold: number, other: number, histogram: number): boolean
  /** An empty fold. */
  resetFold(views: Views, fold: number, slots: number, actors: number): void
  /** Adds finished pairs to f64 reads and writes by actor, and marks pages written; answers how many were not before. */
  tallyPairs(views: Views, records: number, n: number, written: number, sums: number): number
}

export interface FoldExports {
  foldAccesses(...args: number[]): void
  foldRuns(...args: number[]): void
  foldTouches(...args: number[]): void
  foldPairs(...args: number[]): void
  indexPairs(fold: number): void
  sortPairs(...args: number[]): number
  sortRuns(...args: number[]): number
  resetFold(...args: number[]): void
  tallyPairs(...args: number[]): number
}

export const wasmFold = (exports: FoldExports): FoldKernels => ({
  foldAccesses: (_, fold, batch, from, to, startNs) => exports.foldAccesses(fold, batch, from, to, startNs),
  foldRuns: (_, fold, { page, actor, starts, writes, fromNs, since, flags, weight }, run, end, from, to, startNs) =>
    exports.foldRuns(
      fold,
      page.byteOffset,
      actor.byteOffset,
      starts.byteOffset,
      writes.byteOffset,
      since.byteOffset,
      Number(since.BYTES_PER_ELEMENT === 8),
      flags?.byteOffset ?? 0,
      weight?.byteOffset ?? 0,
      run,
      end,
      from,
      to,
      fromNs - startNs,
    ),
  foldTouches: (_, fold, page, actor, isWrite, offset, n, laterNs) => exports.foldTouches(fold, page, actor, isWrite, offset, n, laterNs),
  foldPairs: (_, fold, records, n) => exports.foldPairs(fold, records, n),
  indexPairs: (_, fold) => exports.indexPairs(fold),
  sortPairs: (_, fold, out, other, histogram) => exports.sortPairs(fold, out, other, histogram) !== 0,
  sortRuns: (_, fold, other, histogram) => exports.sortRuns(fold, other, histogram) !== 0,
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
        touch(views, fold, page, actor, kind >>> 1, f64[columns.time + i]! - startNs)
        u32[mine + 1] = find(views, fold, page, actor)
        u32[mine] = page
      }
      const pair = counts + 3 * u32[mine + 1]!
      if ((kind & 1) !== 0) f64[pair + 1]! += weight
      if ((kind & 2) !== 0) f64[pair + 2]! += weight
    }
  },

  foldRuns(views, fold, { page, actor, starts, writes, fromNs, since, flags, weight }, run, end, from, to, startNs) {
    const at = fold >>> 2
    const counts = views.u32[at + FOLD.pair]! >>> 3
    const isWrite = (i: number) => (writes[i >>> 3]! >>> (i & 7)) & 1
    for (let r = run; r < end && starts[r]! < to; r++) {
      const first = Math.max(from, starts[r]!)
      touch(views, fold, page[r]!, actor[r]!, isWrite(first), fromNs - startNs + since[first]!)
      if (weight === undefined) {
        const stop = Math.min(to, starts[r + 1]!)
        let written = 0
        for (let i = first; i < stop; i++) written += isWrite(i)
        views.u32.set([page[r]!, actor[r]!, stop - first - written, written], (views.u32[at + FOLD.run]! >>> 2) + RECORD_WORDS * views.u32[at + FOLD.runs]!++)
        continue
      }
      const pair = counts + 3 * find(views, fold, page[r]!, actor[r]!)
      for (let i = first; i < Math.min(to, starts[r + 1]!); i++) {
        const times = weight[i]!
        if (isWrite(i) === 1) views.f64[pair + 2]! += times
        if (isWrite(i) === 0 || ((flags?.[i] ?? 0) & IS_MODIFY) !== 0) views.f64[pair + 1]! += times
      }
    }
  },

  foldTouches(views, fold, page, actor, isWrite, offset, n, laterNs) {
    const { u8, u16, u32 } = views
    for (let i = 0; i < n; i++) touch(views, fold, u32[(page >>> 2) + i]!, u16[(actor >>> 1) + i]!, u8[isWrite + i]!, u32[(offset >>> 2) + i]! + laterNs)
  },

  foldPairs(views, fold, records, n) {
    const { u32, f64 } = views
    const counts = u32[(fold >>> 2) + FOLD.pair]! >>> 3
    for (let k = records >>> 2, end = k + n * RECORD_WORDS; k < end; k += RECORD_WORDS) {
      const pair = counts + 3 * find(views, fold, u32[k]!, u32[k + 1]!)
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

  sortRuns({ u32 }, fold) {
    const at = fold >>> 2
    const runs = u32[at + FOLD.run]! >>> 2
    const records = Array.from({ length: u32[at + FOLD.runs]! }, (_, r) => [...u32.subarray(runs + r * RECORD_WORDS, runs + (r + 1) * RECORD_WORDS)])
    records.sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!)
    const merged: number[][] = []
    for (const [page, actor, reads, writes] of records as [number, number, number, number][]) {
      const last = merged.at(-1)
      if (last === undefined || last[0] !== page || last[1] !== actor) merged.push([page, actor, reads, writes])
      else {
        last[2]! += reads
        last[3]! += writes
      }
    }
    if (merged.some(([, , reads, writes]) => Math.max(reads!, writes!) > U32_MAX)) return false
    u32.set(merged.flat(), runs)
    u32[at + FOLD.runs] = merged.length
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
function touch({ u8, u16, u32 }: Views, fold: number, page: number, actor: number, isWrite: number, offset: number): void {
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
function find({ u32, f64 }: Views, fold: number, page: number, actor: number): number {
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
