/**
 * Single accesses as words: runs of one actor on one page become a word each, page << shift | actor << 3 | write << 2, or two
 * words (page; actor << 3 | write << 2) where that is more than 32 bits; and counting them over a placement. What is below the
 * page is the offset of a counter in bytes.
 */
const WRITE_BITS = i32x4(1, 2, 4, 8)
const WRITE = i32x4.splat(4)

/** Of four accesses from this one on. */
function writesAt(writes: usize, i: u32): v128 {
  const bits = load<u32>(writes + (i >> 3)) >> (i & 7)
  return v128.and(i32x4.ne(v128.and(i32x4.splat(bits), WRITE_BITS), i32x4.splat(0)), WRITE)
}

/**
 * runs: u32 page, actor and accesses after the first, each of `count`; writes: a bit per access, readable four bytes behind.
 * `out` has room for three words more than n. Answers 0 unless the runs have n accesses together, of known pages and actors.
 */
export function expandRuns(
  pages: usize,
  actors: usize,
  mores: usize,
  count: u32,
  writes: usize,
  n: u32,
  shift: u32,
  lastPage: u32,
  lastActor: u32,
  out: usize,
): u32 {
  const end = pages + ((<usize>count) << 2)
  let done: u32 = 0
  for (; pages < end; pages += 4, actors += 4, mores += 4) {
    // runs of one access, four at a time
    for (; pages + 16 <= end && done + 4 <= n && !v128.any_true(v128.load(mores)); pages += 16, actors += 16, mores += 16, done += 4) {
      const page = v128.load(pages)
      const actor = v128.load(actors)
      const beyond = v128.or(i32x4.gt_u(page, i32x4.splat(lastPage)), i32x4.gt_u(actor, i32x4.splat(lastActor)))
      if (v128.any_true(beyond)) return 0
      const key = v128.or(i32x4.shl(page, shift), i32x4.shl(actor, 3))
      v128.store(out + ((<usize>done) << 2), v128.or(key, writesAt(writes, done)))
    }
    if (pages >= end) break
    const page = load<u32>(pages)
    const actor = load<u32>(actors)
    const more = load<u32>(mores)
    if (page > lastPage || actor > lastActor || done >= n || more >= n - done) return 0
    const key = i32x4.splat((page << shift) | (actor << 3))
    const stop = done + more + 1
    for (let i = done; i < stop; i += 4) v128.store(out + ((<usize>i) << 2), v128.or(key, writesAt(writes, i)))
    done = stop
  }
  return <u32>(done === n)
}

/** The same in two words each. */
export function expandWideRuns(pages: usize, actors: usize, mores: usize, count: u32, writes: usize, n: u32, lastPage: u32, lastActor: u32, out: usize): u32 {
  const end = pages + ((<usize>count) << 2)
  let done: u32 = 0
  for (; pages < end; pages += 4, actors += 4, mores += 4) {
    const page = load<u32>(pages)
    const actor = load<u32>(actors)
    const more = load<u32>(mores)
    if (page > lastPage || actor > lastActor || done >= n || more >= n - done) return 0
    for (const stop = done + more + 1; done < stop; done++, out += 8) {
      store<u32>(out, page)
      store<u32>(out, (actor << 3) | (((<u32>load<u8>(writes + (done >> 3)) >> (done & 7)) & 1) << 2), 4)
    }
  }
  return <u32>(done === n)
}

/** Row of the first access of each run, and the end, to `out`. Answers 0 as above; all runs are looked at before it does. */
export function runStarts(pages: usize, actors: usize, mores: usize, count: u32, n: u32, lastPage: u32, lastActor: u32, out: usize): u32 {
  const end = pages + ((<usize>count) << 2)
  let page: u32 = 0
  let actor: u32 = 0
  let done: u64 = 0
  for (; pages < end; pages += 4, actors += 4, mores += 4, out += 4) {
    page = max(page, load<u32>(pages))
    actor = max(actor, load<u32>(actors))
    store<u32>(out, <u32>done)
    done += <u64>load<u32>(mores) + 1
  }
  store<u32>(out, <u32>done)
  return <u32>(done === n && (count === 0 || (page <= lastPage && actor <= lastActor)))
}

/** Four banks of counters, so that no access waits for the store of the one before; at a constant address, which saves adding it. */
const BANK: usize = 8192
const FIRST = memory.data(32768, 64)
const SECOND = FIRST + BANK
const THIRD = SECOND + BANK
const FOURTH = THIRD + BANK

function cellOf(word: u32, placement: usize): usize {
  return ((<usize>load<u8>(placement + (word >>> 8))) << 8) | <usize>(word & 255)
}

/**
 * Adds n words, whose pages are above bit 8, to the cells: u32 by (node of the page << 8 | rest of the word), an offset in bytes;
 * nodes << 8 is at most BANK.
 */
export function countAccesses8(words: usize, n: u32, placement: usize, nodes: u32, cells: usize): void {
  const end = words + ((<usize>n & ~7) << 2)
  const stop = words + ((<usize>n) << 2)
  for (; words < end; words += 32) {
    let cell = cellOf(load<u32>(words), placement)
    store<u32>(cell, load<u32>(cell, FIRST) + 1, FIRST)
    cell = cellOf(load<u32>(words, 4), placement)
    store<u32>(cell, load<u32>(cell, SECOND) + 1, SECOND)
    cell = cellOf(load<u32>(words, 8), placement)
    store<u32>(cell, load<u32>(cell, THIRD) + 1, THIRD)
    cell = cellOf(load<u32>(words, 12), placement)
    store<u32>(cell, load<u32>(cell, FOURTH) + 1, FOURTH)
    cell = cellOf(load<u32>(words, 16), placement)
    store<u32>(cell, load<u32>(cell, FIRST) + 1, FIRST)
    cell = cellOf(load<u32>(words, 20), placement)
    store<u32>(cell, load<u32>(cell, SECOND) + 1, SECOND)
    cell = cellOf(load<u32>(words, 24), placement)
    store<u32>(cell, load<u32>(cell, THIRD) + 1, THIRD)
    cell = cellOf(load<u32>(words, 28), placement)
    store<u32>(cell, load<u32>(cell, FOURTH) + 1, FOURTH)
  }
  for (; words < stop; words += 4) {
    const cell = cellOf(load<u32>(words), placement)
    store<u32>(cell, load<u32>(cell, FIRST) + 1, FIRST)
  }
  for (let at: usize = 0, last = (<usize>nodes) << 8; at < last; at += 16, cells += 16) {
    const sum = i32x4.add(i32x4.add(v128.load(at, FIRST), v128.load(at, SECOND)), i32x4.add(v128.load(at, THIRD), v128.load(at, FOURTH)))
    v128.store(cells, i32x4.add(v128.load(cells), sum))
  }
  for (let bank = FIRST; bank <= FOURTH; bank += BANK) memory.fill(bank, 0, (<usize>nodes) << 8)
}

/** The same for any shift and any number of nodes. */
export function countAccesses(words: usize, n: u32, placement: usize, cells: usize, shift: u32): void {
  const mask: u32 = (1 << shift) - 1
  for (const stop = words + ((<usize>n) << 2); words < stop; words += 4) {
    const word = load<u32>(words)
    const cell = cells + (((<usize>load<u8>(placement + (word >>> shift))) << shift) | <usize>(word & mask))
    store<u32>(cell, load<u32>(cell) + 1)
  }
}

/** And for accesses of two words. */
export function countWideAccesses(words: usize, n: u32, placement: usize, cells: usize, shift: u32): void {
  for (const stop = words + ((<usize>n) << 3); words < stop; words += 8) {
    const cell = cells + (((<usize>load<u8>(placement + load<u32>(words))) << shift) | <usize>load<u32>(words, 4))
    store<u32>(cell, load<u32>(cell) + 1)
  }
}
