/** Folding runs of accesses: a key of 64 bits for each, sorted and put together to pairs. src/wasm/fold-runs.ts says what a key holds. */
import { find, PAIR, PAIR_BYTES, READS, RECORD, TOUCH_ACTOR, TOUCH_IS_WRITE, TOUCH_OFFSET, TOUCH_PAGE, TOUCHED, TOUCHES, touch, WRITES } from './fold'

const KEY: usize = 8
const MOST: u32 = 255
const READS_AT: u64 = 8
/** Page and actor lie above the counts. */
const WHO_AT: u32 = 16
/** The page and actor of no pair. */
const NONE: u64 = u64.MAX_VALUE
/** Below this, insertion sort beats clearing a histogram. */
const FEW: u32 = 24
const WIDEST_DIGIT: u32 = 13
/** Of the flags of an access. */
const IS_MODIFY: u32 = 1
/** Rows whose writes are counted ahead, and those before each 64 of them. */
const ROWS: u32 = 65536
const before = memory.data(4112, 8)

/**
 * Accesses [from, to), at most 65536 of them, which lie in runs [run, endRun) on one page by one actor each. starts: u32 row of the
 * first access of each run, and the end; writes: a bit by row; since: ns by row, u32 or f64, which the tick counts as `laterNs` later.
 * Each access counts once, a read or a write by its bit. Runs become keys at `out`; answers how many: sorting costs less than looking
 * for the pair of each.
 */
export function foldRuns(
  fold: usize,
  page: usize,
  actor: usize,
  starts: usize,
  writes: usize,
  since: usize,
  isWide: u32,
  run: u32,
  endRun: u32,
  from: u32,
  to: u32,
  laterNs: f64,
  out: usize,
  actorBits: u32,
): u32 {
  const keys = out
  countAhead(writes, from, to)
  const touched = <usize>load<u32>(fold, TOUCHED)
  const firstTouch = load<u32>(fold, TOUCHES)
  let touchPage = <usize>load<u32>(fold, TOUCH_PAGE) + ((<usize>firstTouch) << 2)
  let touchActor = <usize>load<u32>(fold, TOUCH_ACTOR) + ((<usize>firstTouch) << 1)
  let touchIsWrite = <usize>load<u32>(fold, TOUCH_IS_WRITE) + firstTouch
  let touchOffset = <usize>load<u32>(fold, TOUCH_OFFSET) + ((<usize>firstTouch) << 2)
  const touchesBefore = touchIsWrite
  // modulo 2^32, as what comes out is below it
  const later = <u32>(<i64>laterNs)
  let first = from
  let writtenBefore: u32 = 0
  for (let four = (<usize>run) << 2, end = (<usize>endRun) << 2; four < end && first < to; four += 4) {
    const stop = min(to, load<u32>(starts + four, 4))
    const onPage = load<u32>(page + four)
    const by = load<u32>(actor + four)
    // what the page's first touch would be is written where it would lie; it stays if it is the first
    const word = touched + ((<usize>(onPage >>> 5)) << 2)
    const bits = load<u32>(word)
    const offset = isWide ? <u32>(laterNs + load<f64>(since + ((<usize>first) << 3))) : later + load<u32>(since + ((<usize>first) << 2))
    store<u32>(touchPage, onPage)
    store<u16>(touchActor, by)
    store<u8>(touchIsWrite, isSet(writes, first))
    store<u32>(touchOffset, offset)
    store<u32>(word, bits | ((<u32>1) << (onPage & 31)))
    const isFirst = <usize>(~(bits >>> (onPage & 31)) & 1)
    touchPage += isFirst << 2
    touchActor += isFirst << 1
    touchIsWrite += isFirst
    touchOffset += isFirst << 2
    const written = writtenUpTo(writes, from, stop) - writtenBefore
    writtenBefore += written
    const reads = stop - first - written
    const who = (((<u64>onPage) << actorBits) | by) << WHO_AT
    if ((reads | written) <= MOST) {
      store<u64>(out, who | ((<u64>reads) << READS_AT) | written)
      out += KEY
    } else out = storeParts(out, who, reads, written)
    first = stop
  }
  store<u32>(fold, firstTouch + <u32>(touchIsWrite - touchesBefore), TOUCHES)
  return <u32>((out - keys) / KEY)
}

/** As many keys as the counts need. */
function storeParts(out: usize, who: u64, reads: u32, writes: u32): usize {
  while ((reads | writes) !== 0) {
    const r = min(reads, MOST)
    const w = min(writes, MOST)
    store<u64>(out, who | ((<u64>r) << READS_AT) | w)
    out += KEY
    reads -= r
    writes -= w
  }
  return out
}

/** Counts the writes of [from, to) before each 64 bits, the first of which `from` lies in. */
function countAhead(writes: usize, from: u32, to: u32): void {
  let sum: u32 = 0
  const words = writes + ((<usize>(from >>> 6)) << 3)
  const most = min(to, from + ROWS)
  for (let k: usize = 0, n = <usize>(most >>> 6) - <usize>(from >>> 6); k <= n; k++) {
    store<u32>(before + (k << 2), sum)
    let word = load<u64>(words + (k << 3))
    if (k === 0) word = (word >>> (from & 63)) << (from & 63)
    sum += <u32>popcnt<u64>(word)
  }
}

/** Of [from, row), once they are counted ahead. */
function writtenUpTo(writes: usize, from: u32, row: u32): u32 {
  const k = <usize>(row >>> 6) - <usize>(from >>> 6)
  let word = load<u64>(writes + ((<usize>(row >>> 6)) << 3)) & (((<u64>1) << (row & 63)) - 1)
  if (k === 0) word = (word >>> (from & 63)) << (from & 63)
  return load<u32>(before + (k << 2)) + <u32>popcnt<u64>(word)
}

/** The same of accesses that each count `weight` times (f64 by row), and as read and write where `flags` (u32 by row, or none) has bit 0: into the pairs. */
export function foldWeights(
  fold: usize,
  page: usize,
  actor: usize,
  starts: usize,
  writes: usize,
  since: usize,
  isWide: u32,
  run: u32,
  endRun: u32,
  from: u32,
  to: u32,
  laterNs: f64,
  weight: usize,
  flags: usize,
): void {
  const pairs = <usize>load<u32>(fold, PAIR)
  for (let r = run; r < endRun; r++) {
    const four = (<usize>r) << 2
    const first = max(from, load<u32>(starts + four))
    if (first >= to) break
    const stop = min(to, load<u32>(starts + four, 4))
    const onPage = load<u32>(page + four)
    const by = load<u32>(actor + four)
    const sinceNs = isWide ? load<f64>(since + ((<usize>first) << 3)) : <f64>load<u32>(since + ((<usize>first) << 2))
    touch(fold, onPage, by, isSet(writes, first), <u32>(laterNs + sinceNs))
    const at = pairs + <usize>find(fold, onPage, by) * PAIR_BYTES
    for (let i = first; i < stop; i++)
      addWeight(at, load<f64>(weight + ((<usize>i) << 3)), isSet(writes, i), flags === 0 ? 0 : load<u32>(flags + ((<usize>i) << 2)))
  }
}

function addWeight(pair: usize, weight: f64, isWrite: u32, flags: u32): void {
  if (isWrite) store<f64>(pair, load<f64>(pair, WRITES) + weight, WRITES)
  if (!isWrite || flags & IS_MODIFY) store<f64>(pair, load<f64>(pair, READS) + weight, READS)
}

function isSet(bits: usize, i: u32): u32 {
  return (<u32>load<u8>(bits + (i >>> 3)) >>> (i & 7)) & 1
}

/**
 * Sorts n keys, whose pages and actors have so many bits together, and puts them and the m pairs at `pairs`, sorted ones, together at
 * `out`; answers how many pairs these are, or 0xffffffff when a count passes 32 bits. other: room for as many keys; histogram: u32, 2^13.
 */
export function mergeRuns(keys: usize, n: u32, other: usize, histogram: usize, bits: u32, actorBits: u32, pairs: usize, m: u32, out: usize): u32 {
  let from = sorted(keys, n, other, histogram, bits)
  const pairsEnd = pairs + <usize>m * RECORD
  const actors = ((<u64>1) << actorBits) - 1
  let to = out - RECORD
  let last = NONE
  let reads: u64 = 0
  let writes: u64 = 0
  for (const end = from + <usize>n * KEY; from < end; from += KEY) {
    const word = load<u64>(from)
    const who = word >> WHO_AT
    while (pairs < pairsEnd && whoOf(pairs, actorBits) <= who) {
      last = whoOf(pairs, actorBits)
      reads = load<u32>(pairs, 8)
      writes = load<u32>(pairs, 12)
      to += RECORD
      v128.store(to, v128.load(pairs))
      pairs += RECORD
    }
    const isOther = who !== last
    last = who
    reads = (isOther ? 0 : reads) + ((word >> READS_AT) & MOST)
    writes = (isOther ? 0 : writes) + (word & MOST)
    if ((reads | writes) >> 32) return u32.MAX_VALUE
    to += isOther ? RECORD : 0
    store<u64>(to, (who >> actorBits) | ((who & actors) << 32))
    store<u64>(to, reads | (writes << 32), 8)
  }
  to += RECORD
  memory.copy(to, pairs, pairsEnd - pairs)
  return <u32>((to + (pairsEnd - pairs) - out) / RECORD)
}

function whoOf(pair: usize, actorBits: u32): u64 {
  return ((<u64>load<u32>(pair)) << actorBits) | load<u32>(pair, 4)
}

/** By page, then actor, to and fro; answers where they are then. */
function sorted(from: usize, n: u32, other: usize, histogram: usize, bits: u32): usize {
  if (n <= FEW) {
    insertionSort(from, n)
    return from
  }
  const passes = passesFor(n, bits)
  const digit = (bits + passes - 1) / passes
  for (let pass: u32 = 0; pass < passes; pass++) {
    radixPass(from, other, n, histogram, WHO_AT + pass * digit, digit)
    const to = other
    other = from
    from = to
  }
  return from
}

/** Keys cost two looks in each pass, and counters of a digit one. */
function passesFor(n: u32, bits: u32): u32 {
  let best: u32 = 0
  let least: u64 = u64.MAX_VALUE
  for (let passes = max((bits + WIDEST_DIGIT - 1) / WIDEST_DIGIT, 1); passes <= max(bits, 1); passes++) {
    const cost = <u64>passes * (2 * <u64>n + ((<u64>1) << ((bits + passes - 1) / passes)))
    if (cost >= least) break
    least = cost
    best = passes
  }
  return best
}

function radixPass(from: usize, to: usize, n: u32, histogram: usize, shift: u32, digit: u32): void {
  const size = (<usize>1) << digit
  const mask = <u64>(size - 1)
  const end = from + <usize>n * KEY
  memory.fill(histogram, 0, size << 2)
  for (let key = from; key < end; key += KEY) {
    const count = histogram + ((<usize>((load<u64>(key) >> shift) & mask)) << 2)
    store<u32>(count, load<u32>(count) + 1)
  }
  let sum = <u32>to
  for (let count = histogram, last = histogram + (size << 2); count < last; count += 4) {
    const bytes = load<u32>(count) * <u32>KEY
    store<u32>(count, sum)
    sum += bytes
  }
  for (let key = from; key < end; key += KEY) {
    const word = load<u64>(key)
    const place = histogram + ((<usize>((word >> shift) & mask)) << 2)
    const at = load<u32>(place)
    store<u64>(<usize>at, word)
    store<u32>(place, at + <u32>KEY)
  }
}

function insertionSort(keys: usize, n: u32): void {
  const end = keys + <usize>n * KEY
  for (let next = keys; next < end; next += KEY) {
    const key = load<u64>(next)
    let at = next
    for (; at > keys && load<u64>(at - KEY) > key; at -= KEY) store<u64>(at, load<u64>(at - KEY))
    store<u64>(at, key)
  }
}
