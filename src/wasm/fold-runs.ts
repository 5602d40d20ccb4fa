/**
 * Folding runs of accesses (accesses.ts): each becomes a key, and keys are sorted and put together to pairs. A key is 64 bits, the
 * lower word first: writes in bits 0 to 7, reads in 8 to 15, from bit 16 on the page << bits of an actor | actor. Counts beyond 255 go on in
 * further keys.
 */
import type { AccessRuns } from './accesses.ts'
import type { Views } from './batch.ts'
import { FOLD, findPair, touchPage } from './fold.ts'

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

export const KEY_BYTES = 8
/** Accesses that a key counts at most, of each kind. */
const MOST_COUNTED = 255
const WHO_AT = 2 ** 16
/** Of a radix sort, u32 by digit. */
export const RUN_HISTOGRAM_BYTES = 4 << 13
/** Of a finished pair: page, actor, reads, writes. */
const RECORD_WORDS = 4
const U32_MAX = 0xffff_ffff
/** Of the flags of an access. */
const IS_MODIFY = 1

/** Room for the keys of so many runs with so many accesses together. */
export const mostKeys = (runs: number, accesses: number): number => runs + Math.ceil(accesses / MOST_COUNTED)

/** Where keys are sorted and put together. All are addresses. */
export interface MergeRoom {
  keys: number
  /** For as many keys. */
  other: number
  histogram: number
  /** Pairs that came out before, sorted, and where they come out with those of the keys. */
  pairs: number
  out: number
}

export interface FoldRunKernels {
  /**
   * Accesses [from, to), at most 65536, all in runs [run, end); their tick starts at `startNs`. Those without weights become keys at
   * `keys`, and are counted in the answer; pages are touched and weighted accesses counted in the fold.
   */
  foldRuns(
    views: Views,
    fold: number,
    runs: FoldableRuns,
    run: number,
    end: number,
    from: number,
    to: number,
    startNs: number,
    keys: number,
    actorBits: number,
  ): number
  /** How many pairs n keys make together with m pairs; undefined when a count passes 32 bits. Pages have so many bits, and actors. */
  mergeRuns(views: Views, room: MergeRoom, n: number, m: number, pageBits: number, actorBits: number): number | undefined
}

export interface FoldRunExports {
  foldRuns(...args: number[]): number
  foldWeights(...args: number[]): void
  mergeRuns(...args: number[]): number
}

export const wasmFoldRuns = (exports: FoldRunExports): FoldRunKernels => ({
  foldRuns(_, fold, { page, actor, starts, writes, fromNs, since, flags, weight }, run, end, from, to, startNs, keys, actorBits) {
    const isWide = Number(since.BYTES_PER_ELEMENT === 8)
    const given = [fold, page.byteOffset, actor.byteOffset, starts.byteOffset, writes.byteOffset, since.byteOffset, isWide]
    const rows = [run, end, from, to, fromNs - startNs]
    if (weight === undefined) return exports.foldRuns(...given, ...rows, keys, actorBits)
    exports.foldWeights(...given, ...rows, weight.byteOffset, flags?.byteOffset ?? 0)
    return 0
  },
  mergeRuns(_, { keys, other, histogram, pairs, out }, n, m, pageBits, actorBits) {
    const found = exports.mergeRuns(keys, n, other, histogram, pageBits + actorBits, actorBits, pairs, m, out) >>> 0
    return found === U32_MAX ? undefined : found
  },
})

export const foldRunTwins: FoldRunKernels = {
  foldRuns(views, fold, { page, actor, starts, writes, fromNs, since, flags, weight }, run, end, from, to, startNs, keys, actorBits) {
    const counts = views.u32[(fold >>> 2) + FOLD.pair]! >>> 3
    const isWrite = (i: number) => (writes[i >>> 3]! >>> (i & 7)) & 1
    let count = 0
    for (let r = run; r < end && starts[r]! < to; r++) {
      const first = Math.max(from, starts[r]!)
      const stop = Math.min(to, starts[r + 1]!)
      touchPage(views, fold, page[r]!, actor[r]!, isWrite(first), fromNs - startNs + since[first]!)
      if (weight === undefined) {
        let written = 0
        for (let i = first; i < stop; i++) written += isWrite(i)
        const who = page[r]! * 2 ** actorBits + actor[r]!
        for (let reads = stop - first - written; reads + written > 0; ) {
          const [some, wrote] = [Math.min(reads, MOST_COUNTED), Math.min(written, MOST_COUNTED)]
          views.u32.set([(who % WHO_AT) * WHO_AT + (some << 8) + wrote, Math.floor(who / WHO_AT)], (keys >>> 2) + 2 * count++)
          reads -= some
          written -= wrote
        }
        continue
      }
      const pair = counts + 3 * findPair(views, fold, page[r]!, actor[r]!)
      for (let i = first; i < stop; i++) {
        const times = weight[i]!
        if (isWrite(i) === 1) views.f64[pair + 2]! += times
        if (isWrite(i) === 0 || ((flags?.[i] ?? 0) & IS_MODIFY) !== 0) views.f64[pair + 1]! += times
      }
    }
    return count
  },

  mergeRuns({ u32 }, { keys, pairs, out }, n, m, _pageBits, actorBits) {
    const found = new Map<number, [page: number, actor: number, reads: number, writes: number]>()
    const add = (page: number, actor: number, reads: number, writes: number) => {
      const who = page * 2 ** actorBits + actor
      const pair = found.get(who)
      found.set(who, [page, actor, reads + (pair?.[2] ?? 0), writes + (pair?.[3] ?? 0)])
    }
    for (let k = pairs >>> 2, end = k + m * RECORD_WORDS; k < end; k += RECORD_WORDS) add(u32[k]!, u32[k + 1]!, u32[k + 2]!, u32[k + 3]!)
    for (let k = keys >>> 2, end = k + 2 * n; k < end; k += 2) {
      const who = u32[k + 1]! * WHO_AT + (u32[k]! >>> 16)
      add(Math.floor(who / 2 ** actorBits), who % 2 ** actorBits, (u32[k]! >>> 8) & MOST_COUNTED, u32[k]! & MOST_COUNTED)
    }
    const merged = [...found.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1])
    if (merged.some(([, , reads, writes]) => Math.max(reads, writes) > U32_MAX)) return undefined
    u32.set(merged.flat(), out >>> 2)
    return merged.length
  },
}
