/** The faults of a tick among its touches, in order of first touch: pages that are absent or marked by the hint scanner. A page is touched once in a tick. */

const ABSENT: u8 = 255

// Marks are bits of u32 by page: shifts of WebAssembly take the page modulo 32.

function isMarked(marked: usize, page: usize): u32 {
  return (load<u32>(marked + ((page >> 5) << 2)) >> <u32>page) & 1
}

function unmark(marked: usize, page: usize): void {
  const at = marked + ((page >> 5) << 2)
  store<u32>(at, load<u32>(at) & ~((<u32>1) << (<u32>page)))
}

/** Entries of a page table that are looked at together. */
const TOGETHER: usize = 64 << 2

function areMarked(entries: usize, end: usize, marked: usize): bool {
  let all: u32 = 1
  for (; entries < end; entries += 4) {
    const page = <usize>load<u32>(entries)
    if (<i32>page >= 0) all &= isMarked(marked, page)
  }
  return all !== 0
}

/** Of pages that are all there and may be on any node. */
function markAll(entries: usize, end: usize, marked: usize): u32 {
  let found: u32 = 0
  for (; entries < end; entries += 4) {
    const page = <usize>load<u32>(entries)
    if (<i32>page < 0) continue
    const at = marked + ((page >> 5) << 2)
    const word = load<u32>(at)
    found += (~word >> <u32>page) & 1
    store<u32>(at, word | ((<u32>1) << (<u32>page)))
  }
  return found
}

function markSome(entries: usize, end: usize, placement: usize, marked: usize, except: u32): u32 {
  let found: u32 = 0
  for (; entries < end; entries += 4) {
    const page = <usize>load<u32>(entries)
    if (<i32>page < 0) continue
    const node = <u32>load<u8>(placement + page)
    const at = marked + ((page >> 5) << 2)
    const word = load<u32>(at)
    const bit = <u32>(node !== <u32>ABSENT) & <u32>(node !== except)
    found += bit & ~(word >> <u32>page)
    store<u32>(at, word | (bit << (<u32>page)))
  }
  return found
}

/**
 * Marks the pages of `n` entries of a page table (i32, below 0 where there is none) whose node is neither ABSENT nor `except`, or all
 * of them where `areAll`. Answers how many were not marked before. No branch by page: nobody could foresee it; but what was marked
 * mostly goes on to be, and then nothing is stored.
 */
export function markPages(entries: usize, n: u32, placement: usize, marked: usize, except: u32, areAll: u32): u32 {
  let found: u32 = 0
  let wereMarked = true
  for (const last = entries + ((<usize>n) << 2); entries < last; entries += TOGETHER) {
    const end = min(entries + TOGETHER, last)
    if (wereMarked && areMarked(entries, end, marked)) continue
    const fresh = areAll ? markAll(entries, end, marked) : markSome(entries, end, placement, marked, except)
    wereMarked = fresh === 0
    found += fresh
  }
  return found
}

/**
 * Writes the indexes of those touches [from, to) that fault to `found` (u32 each) and answers how many. A page is touched once
 * in a tick, so what handling one fault does changes no other. touchPage: u32; placement: u8 by page; marked: bits by page.
 */
export function findFaults(touchPage: usize, from: u32, to: u32, placement: usize, marked: usize, found: usize): u32 {
  let out = found
  for (let k = from; k < to; k++) {
    const page = <usize>load<u32>(touchPage + ((<usize>k) << 2))
    store<u32>(out, k)
    const faults = <u32>(load<u8>(placement + page) === ABSENT) | isMarked(marked, page)
    out += (<usize>faults) << 2
  }
  return <u32>((out - found) >> 2)
}

/** The same of touches whose pages are all there: those that are marked. Only the marks are read. */
export function findMarked(touchPage: usize, from: u32, to: u32, marked: usize, found: usize): u32 {
  let out = found
  for (let k = from; k < to; k++) {
    const page = <usize>load<u32>(touchPage + ((<usize>k) << 2))
    store<u32>(out, k)
    out += (<usize>isMarked(marked, page)) << 2
  }
  return <u32>((out - found) >> 2)
}

/**
 * Places the pages of touches [from, to) that are absent on target[actor], and counts them by actor (u32). touchActor: u16;
 * placement: u8 by page; target: u8 by actor.
 */
export function placeAbsent(touchPage: usize, touchActor: usize, from: u32, to: u32, placement: usize, target: usize, placed: usize): void {
  for (let k = from; k < to; k++) {
    const at = placement + load<u32>(touchPage + ((<usize>k) << 2))
    if (load<u8>(at) !== ABSENT) continue
    const actor = <usize>load<u16>(touchActor + ((<usize>k) << 1))
    store<u8>(at, load<u8>(target + actor))
    store<u32>(placed + (actor << 2), load<u32>(placed + (actor << 2)) + 1)
  }
}

/**
 * Of touches [from, to), those of pages [seen, seen + n): the actor of each page to `actor` (u8, with one byte more), and how many an
 * actor has to `counts` (u32 by actor, with one more). Answers how many of the pages were touched. No branches: nobody could foresee them.
 */
export function findNew(touchPage: usize, touchActor: usize, from: u32, to: u32, seen: u32, n: u32, actor: usize, counts: usize, actors: u32): u32 {
  let found: u32 = 0
  let misplaced: u32 = 0
  for (let k = from; k < to; k++) {
    const page = load<u32>(touchPage + ((<usize>k) << 2)) - seen
    const who = <u32>load<u16>(touchActor + ((<usize>k) << 1))
    const isNew = <u32>(page < n)
    misplaced |= isNew & <u32>(page !== found)
    found += isNew
    store<u8>(actor + <usize>min(page, n), <u8>who)
    const count = counts + ((<usize>(isNew ? who : actors)) << 2)
    store<u32>(count, load<u32>(count) + 1)
  }
  return misplaced ? 0 : found
}

/** target[actor] of each of `n` pages; placement: u8 of the first. `target` (u8) can be read up to 16 bytes. */
export function placeNew(actor: usize, n: u32, placement: usize, target: usize, actors: u32): void {
  let i: usize = 0
  const end = <usize>n
  if (actors <= 16) {
    const table = v128.load(target)
    for (; i + 16 <= end; i += 16) v128.store(placement + i, i8x16.swizzle(table, v128.load(actor + i)))
  }
  for (; i < end; i++) store<u8>(placement + i, load<u8>(target + <usize>load<u8>(actor + i)))
}

const REMEMBER: u8 = 2
const MIGRATE: u8 = 3

/** Adds one to the count of a key; keys that are counted for the first time are listed. Answers the end of the list. */
export function countKey(counts: usize, what: u32, keys: usize): usize {
  const at = counts + ((<usize>what) << 2)
  const count = load<u32>(at)
  store<u32>(at, count + 1)
  store<u32>(keys, what)
  return keys + ((<usize>(count === 0)) << 2)
}

/**
 * Counts the hint faults found[from … to), touches whose pages are absent or marked, by what is known of them: key = (actor, actor who
 * asked for the page last, node), as actor × (actors + 1) + last, << shift | node, where last = actors stands for nobody. The verdict
 * of its key (u8) says what a fault does: 1 only counts, 2 is remembered in `last` (T by page) too, 3 goes to the start of `found` and
 * is counted among `moves`; at others, at absent pages and at an actor that is not `ready` (u8), the sweep stops. counts, moves: u32
 * by key; keys that were counted for the first time are listed in `keys` and `moveKeys`. lengths: u32 of what is at the start of
 * `found`, set; of `keys`, added to; of `moveKeys`, set. Answers the place in `found` where it stopped, or `to`.
 */
function tally<T>(
  touchPage: usize,
  touchActor: usize,
  from: u32,
  to: u32,
  placement: usize,
  marked: usize,
  last: usize,
  ready: usize,
  verdicts: usize,
  counts: usize,
  keys: usize,
  moves: usize,
  moveKeys: usize,
  found: usize,
  lengths: usize,
  actors: u32,
  shift: u32,
): u32 {
  let out = found
  let key = keys + ((<usize>load<u32>(lengths, 4)) << 2)
  let moveKey = moveKeys
  let f = from
  for (; f < to; f++) {
    const k = load<u32>(found + ((<usize>f) << 2))
    const page = <usize>load<u32>(touchPage + ((<usize>k) << 2))
    const node = load<u8>(placement + page)
    if (node === ABSENT) break
    const actor = <u32>load<u16>(touchActor + ((<usize>k) << 1))
    if (load<u8>(ready + actor) === 0) break
    const before = <u32>load<T>(last + page * sizeof<T>())
    const what = ((actor * (actors + 1) + min(before, actors)) << shift) | <u32>node
    const verdict = load<u8>(verdicts + what)
    if (verdict === MIGRATE) {
      store<u32>(out, k)
      out += 4
      moveKey = countKey(moves, what, moveKey)
      continue
    }
    if (verdict === 0 || verdict > MIGRATE) break
    unmark(marked, page)
    // the same again costs less than a branch that is hard to foresee
    store<T>(last + page * sizeof<T>(), <T>(verdict === REMEMBER ? actor : before))
    key = countKey(counts, what, key)
  }
  store<u32>(lengths, <u32>((out - found) >> 2))
  store<u32>(lengths, <u32>((key - keys) >> 2), 4)
  store<u32>(lengths, <u32>((moveKey - moveKeys) >> 2), 8)
  return f
}

/**
 * Moves the pages of the n touches in `found` to the node of their actor: unmarks them, leaves the actor in `last` (T by page), and
 * writes to `found` the page of each, to `from` the node where it was (u8). target: u8 by actor.
 */
function move<T>(touchPage: usize, touchActor: usize, n: u32, placement: usize, marked: usize, last: usize, target: usize, found: usize, from: usize): void {
  for (let f: u32 = 0; f < n; f++) {
    const k = load<u32>(found + ((<usize>f) << 2))
    const page = <usize>load<u32>(touchPage + ((<usize>k) << 2))
    const actor = load<u16>(touchActor + ((<usize>k) << 1))
    store<u8>(from + f, load<u8>(placement + page))
    store<u8>(placement + page, load<u8>(target + <usize>actor))
    unmark(marked, page)
    store<T>(last + page * sizeof<T>(), <T>actor)
    store<u32>(found + ((<usize>f) << 2), <u32>page)
  }
}

/** `tally` with `last` of so many bytes a page: 1 where there are fewer than 255 actors, or 2. */
export function tallyFaults(
  touchPage: usize,
  touchActor: usize,
  from: u32,
  to: u32,
  placement: usize,
  marked: usize,
  last: usize,
  bytes: u32,
  ready: usize,
  verdicts: usize,
  counts: usize,
  keys: usize,
  moves: usize,
  moveKeys: usize,
  found: usize,
  lengths: usize,
  actors: u32,
  shift: u32,
): u32 {
  return bytes === 1
    ? tally<u8>(touchPage, touchActor, from, to, placement, marked, last, ready, verdicts, counts, keys, moves, moveKeys, found, lengths, actors, shift)
    : tally<u16>(touchPage, touchActor, from, to, placement, marked, last, ready, verdicts, counts, keys, moves, moveKeys, found, lengths, actors, shift)
}

/** `move` likewise. */
export function moveFaults(
  touchPage: usize,
  touchActor: usize,
  n: u32,
  placement: usize,
  marked: usize,
  last: usize,
  bytes: u32,
  target: usize,
  found: usize,
  from: usize,
): void {
  if (bytes === 1) move<u8>(touchPage, touchActor, n, placement, marked, last, target, found, from)
  else move<u16>(touchPage, touchActor, n, placement, marked, last, target, found, from)
}
