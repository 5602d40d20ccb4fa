/** Folding a tick: counts per (page, actor), and the first access to each page. src/wasm/fold.ts says what the block holds. */
import { ACTOR, KIND, NO_PAGE, PAGE, TIME, WEIGHT } from './batch'

const PAIRS: usize = 0
export const TOUCHES: usize = 4
const SLOTS: usize = 8
const SHIFT: usize = 12
const MASK: usize = 16
export const PAIR: usize = 20
const LAST: usize = 24
export const TOUCH_PAGE: usize = 28
export const TOUCH_ACTOR: usize = 32
export const TOUCH_IS_WRITE: usize = 36
export const TOUCH_OFFSET: usize = 40
export const TOUCHED: usize = 44

export const PAIR_BYTES: usize = 24
export const READS: usize = 8
export const WRITES: usize = 16
/** Of a finished pair: u32 page, actor, reads, writes. */
export const RECORD: usize = 16
const GOLDEN: u32 = 0x9e3779b1
/** Below this, insertion sort beats clearing the histograms of a radix sort. */
const FEW: u32 = 24
const DIGIT: u32 = 11
const U32_MAX: f64 = 4294967295
/** Rows whose pairs are looked for together. */
const GROUP: u32 = 64
const UNSEEN: u32 = 0xffff_ffff
/** Scratch: a pair for each of a group. */
const seen = memory.data(256, 4)

export function foldAccesses(fold: usize, batch: usize, from: u32, to: u32, startNs: f64): void {
  const last = <usize>load<u32>(fold, LAST)
  const pairs = <usize>load<u32>(fold, PAIR)
  for (let group = from; group < to; group += GROUP) {
    const end = min(group + GROUP, to)
    const four = batch + ((<usize>group) << 2)
    lookAhead(fold, four + PAGE, batch + ((<usize>group) << 1) + ACTOR, end - group)
    for (let i = group; i < end; i++) {
      const two = batch + ((<usize>i) << 1)
      const page = load<u32>(two + ((<usize>i) << 1), PAGE)
      if (page === NO_PAGE) continue
      const actor = <u32>load<u16>(two, ACTOR)
      const kind = <u32>load<u8>(batch + i, KIND)
      const eight = batch + ((<usize>i) << 3)
      const weight = load<f64>(eight, WEIGHT)
      const mine = last + ((<usize>actor) << 3)
      let pair = load<u32>(mine, 4)
      if (load<u32>(mine) !== page) {
        pair = load<u32>(seen + ((<usize>(i - group)) << 2))
        // the page of a pair that is there has been touched
        if (pair === UNSEEN) {
          touch(fold, page, actor, kind >>> 1, <u32>(load<f64>(eight, TIME) - startNs))
          pair = find(fold, page, actor)
        }
        store<u32>(mine, page)
        store<u32>(mine, pair, 4)
      }
      const at = pairs + <usize>pair * PAIR_BYTES
      if (kind & 1) store<f64>(at, load<f64>(at, READS) + weight, READS)
      if (kind & 2) store<f64>(at, load<f64>(at, WRITES) + weight, WRITES)
    }
  }
}

/**
 * Pairs of n pages (u32) and actors (u16) that lie where they are looked for first, else UNSEEN; pairs stay where they are. None waits
 * for another here: what is not in the cache is fetched for many of them at one time.
 */
function lookAhead(fold: usize, page: usize, actor: usize, n: u32): void {
  const slots = <usize>load<u32>(fold, SLOTS)
  const pairs = <usize>load<u32>(fold, PAIR)
  const shift = load<u32>(fold, SHIFT)
  const end = page + ((<usize>n) << 2)
  for (let out = seen; page < end; page += 4, actor += 2, out += 4) {
    const onPage = load<u32>(page)
    const by = <u32>load<u16>(actor)
    const stored = load<u32>(slots + ((<usize>firstSlot(onPage, by, shift)) << 2))
    const isIt = load<u64>(pairs + <usize>max(stored, 1) * PAIR_BYTES - PAIR_BYTES) === (<u64>onPage | ((<u64>by) << 32))
    store<u32>(out, select(stored - 1, UNSEEN, isIt && stored !== 0))
  }
}

export function foldTouches(fold: usize, page: usize, actor: usize, isWrite: usize, offset: usize, n: u32, laterNs: u32): void {
  for (let i: usize = 0; i < n; i++)
    touch(fold, load<u32>(page + (i << 2)), load<u16>(actor + (i << 1)), load<u8>(isWrite + i), load<u32>(offset + (i << 2)) + laterNs)
}

export function foldPairs(fold: usize, records: usize, n: u32): void {
  const pairs = <usize>load<u32>(fold, PAIR)
  const end = records + <usize>n * RECORD
  for (let record = records; record < end; record += RECORD) {
    const at = pairs + <usize>find(fold, load<u32>(record), load<u32>(record, 4)) * PAIR_BYTES
    store<f64>(at, load<f64>(at, READS) + <f64>load<u32>(record, 8), READS)
    store<f64>(at, load<f64>(at, WRITES) + <f64>load<u32>(record, 12), WRITES)
  }
}

export function touch(fold: usize, page: u32, actor: u32, isWrite: u32, offset: u32): void {
  const word = <usize>load<u32>(fold, TOUCHED) + ((<usize>(page >>> 5)) << 2)
  const bit = 1 << (page & 31)
  const bits = load<u32>(word)
  if ((bits & bit) !== 0) return
  store<u32>(word, bits | bit)
  const i = <usize>load<u32>(fold, TOUCHES)
  store<u32>(fold, <u32>i + 1, TOUCHES)
  store<u32>(<usize>load<u32>(fold, TOUCH_PAGE) + (i << 2), page)
  store<u16>(<usize>load<u32>(fold, TOUCH_ACTOR) + (i << 1), actor)
  store<u8>(<usize>load<u32>(fold, TOUCH_IS_WRITE) + i, isWrite)
  store<u32>(<usize>load<u32>(fold, TOUCH_OFFSET) + (i << 2), offset)
}

function firstSlot(page: u32, actor: u32, shift: u32): u32 {
  return ((page ^ (actor * 0x85ebca6b)) * GOLDEN) >>> shift
}

/** Index of a pair, a new one with counts of zero where there was none. */
export function find(fold: usize, page: u32, actor: u32): u32 {
  const slots = <usize>load<u32>(fold, SLOTS)
  const pairs = <usize>load<u32>(fold, PAIR)
  const mask = load<u32>(fold, MASK)
  let slot = firstSlot(page, actor, load<u32>(fold, SHIFT))
  for (;;) {
    const stored = load<u32>(slots + ((<usize>slot) << 2))
    if (stored === 0) break
    const at = pairs + <usize>(stored - 1) * PAIR_BYTES
    if (load<u32>(at) === page && load<u32>(at, 4) === actor) return stored - 1
    slot = (slot + 1) & mask
  }
  const pair = load<u32>(fold, PAIRS)
  const at = pairs + <usize>pair * PAIR_BYTES
  store<u32>(at, page)
  store<u32>(at, actor, 4)
  store<f64>(at, 0, READS)
  store<f64>(at, 0, WRITES)
  store<u32>(fold, pair + 1, PAIRS)
  store<u32>(slots + ((<usize>slot) << 2), pair + 1)
  return pair
}

/** Fills empty slots from the pairs. */
export function indexPairs(fold: usize): void {
  const slots = <usize>load<u32>(fold, SLOTS)
  const mask = load<u32>(fold, MASK)
  const shift = load<u32>(fold, SHIFT)
  const n = load<u32>(fold, PAIRS)
  let at = <usize>load<u32>(fold, PAIR)
  for (let pair: u32 = 1; pair <= n; pair++, at += PAIR_BYTES) {
    let slot = firstSlot(load<u32>(at), load<u32>(at, 4), shift)
    while (load<u32>(slots + ((<usize>slot) << 2)) !== 0) slot = (slot + 1) & mask
    store<u32>(slots + ((<usize>slot) << 2), pair)
  }
}

export function sortPairs(fold: usize, out: usize, other: usize, histogram: usize): bool {
  const n = load<u32>(fold, PAIRS)
  const pairs = <usize>load<u32>(fold, PAIR)
  let mostPage: u32 = 0
  let mostActor: u32 = 0
  let most: f64 = 0
  for (let i: u32 = 0, at = pairs; i < n; i++, at += PAIR_BYTES) {
    mostPage = max(mostPage, load<u32>(at))
    mostActor = max(mostActor, load<u32>(at, 4))
    most = max(most, max(load<f64>(at, READS), load<f64>(at, WRITES)))
  }
  if (most > U32_MAX) return false
  const from = passesOf(n, mostPage, mostActor) & 1 ? other : out
  for (let i: usize = 0, at = pairs; i < n; i++, at += PAIR_BYTES) {
    const record = from + (i << 4)
    store<u64>(record, load<u64>(at))
    store<u32>(record, <u32>load<f64>(at, READS), 8)
    store<u32>(record, <u32>load<f64>(at, WRITES), 12)
  }
  sorted(from, from === out ? other : out, n, histogram, mostPage, mostActor)
  return true
}

/** Of a radix sort by page, then actor. */
function passesOf(n: u32, mostPage: u32, mostActor: u32): u32 {
  return n <= FEW ? 0 : (64 - clz(mostPage) - clz(mostActor) + DIGIT - 1) / DIGIT
}

/** Sorts n records by page, then actor, to and fro; answers where they are then: at `other` after an odd number of passes. */
function sorted(from: usize, other: usize, n: u32, histogram: usize, mostPage: u32, mostActor: u32): usize {
  const passes = passesOf(n, mostPage, mostActor)
  if (n <= FEW) insertionSort(from, n)
  if (passes === 0) return from
  const actorBits: u32 = 32 - clz(mostActor)
  const bits: u32 = 32 - clz(mostPage) + actorBits
  const digit: u32 = (bits + passes - 1) / passes
  for (let pass: u32 = 0; pass < passes; pass++) {
    radixPass(from, other, n, histogram, actorBits, pass * digit, digit)
    const to = other
    other = from
    from = to
  }
  return from
}

function keyOf(record: usize, actorBits: u32): u64 {
  return ((<u64>load<u32>(record)) << actorBits) | load<u32>(record, 4)
}

function radixPass(from: usize, to: usize, n: u32, histogram: usize, actorBits: u32, shift: u32, digit: u32): void {
  const size = (<usize>1) << digit
  const mask = <u64>(size - 1)
  const end = from + <usize>n * RECORD
  memory.fill(histogram, 0, size << 2)
  for (let record = from; record < end; record += RECORD) {
    const count = histogram + ((<usize>((keyOf(record, actorBits) >> shift) & mask)) << 2)
    store<u32>(count, load<u32>(count) + 1)
  }
  let sum = <u32>to
  for (let count = histogram, last = histogram + (size << 2); count < last; count += 4) {
    const bytes = load<u32>(count) * <u32>RECORD
    store<u32>(count, sum)
    sum += bytes
  }
  for (let record = from; record < end; record += RECORD) {
    const place = histogram + ((<usize>((keyOf(record, actorBits) >> shift) & mask)) << 2)
    const at = load<u32>(place)
    v128.store(<usize>at, v128.load(record))
    store<u32>(place, at + <u32>RECORD)
  }
}

function insertionSort(records: usize, n: u32): void {
  for (let i: usize = 1; i < n; i++) {
    const record = v128.load(records + (i << 4))
    const page = <u32>v128.extract_lane<u32>(record, 0)
    const actor = <u32>v128.extract_lane<u32>(record, 1)
    let at = records + (i << 4)
    for (; at > records; at -= RECORD) {
      const before = at - RECORD
      if (load<u32>(before) < page || (load<u32>(before) === page && load<u32>(before, 4) < actor)) break
      v128.store(at, v128.load(before))
    }
    v128.store(at, record)
  }
}

export function resetFold(fold: usize, slots: u32, actors: u32): void {
  const pairs = load<u32>(fold, PAIRS)
  const touches = load<u32>(fold, TOUCHES)
  const table = <usize>load<u32>(fold, SLOTS)
  // a nearly empty table is cleared slot by slot: ticks may hold a handful of accesses
  if (pairs * 16 < slots) {
    const shift = load<u32>(fold, SHIFT)
    const mask = load<u32>(fold, MASK)
    for (let pair: u32 = 0, at = <usize>load<u32>(fold, PAIR); pair < pairs; pair++, at += PAIR_BYTES) {
      let slot = firstSlot(load<u32>(at), load<u32>(at, 4), shift)
      // the whole cluster goes: every pair of the table is cleared anyway
      while (load<u32>(table + ((<usize>slot) << 2)) !== 0) {
        store<u32>(table + ((<usize>slot) << 2), 0)
        slot = (slot + 1) & mask
      }
    }
  } else memory.fill(table, 0, (<usize>slots) << 2)
  const last = <usize>load<u32>(fold, LAST)
  for (let actor: usize = 0; actor < actors; actor++) store<u32>(last + (actor << 3), NO_PAGE)
  const touched = <usize>load<u32>(fold, TOUCHED)
  const pages = <usize>load<u32>(fold, TOUCH_PAGE)
  for (let i: usize = 0; i < touches; i++) store<u32>(touched + ((<usize>(load<u32>(pages + (i << 2)) >>> 5)) << 2), 0)
  store<u32>(fold, 0, PAIRS)
  store<u32>(fold, 0, TOUCHES)
}

export function tallyPairs(records: usize, n: u32, written: usize, sums: usize): u32 {
  const end = records + <usize>n * RECORD
  let fresh: u32 = 0
  for (let record = records; record < end; record += RECORD) {
    const sum = sums + ((<usize>load<u32>(record, 4)) << 4)
    const writes = load<u32>(record, 12)
    store<f64>(sum, load<f64>(sum) + <f64>load<u32>(record, 8))
    store<f64>(sum, load<f64>(sum, 8) + <f64>writes, 8)
    if (writes === 0) continue
    const page = load<u32>(record)
    const word = written + ((<usize>(page >>> 5)) << 2)
    const bit = (<u32>1) << (page & 31)
    const bits = load<u32>(word)
    if ((bits & bit) !== 0) continue
    store<u32>(word, bits | bit)
    fresh++
  }
  return fresh
}
