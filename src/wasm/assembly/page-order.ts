/**
 * Hint faults of a tick in order of pages, where nothing depends on which of them comes first: state of pages is read and written from
 * front to back, and faults are found 32 pages at a time. Touches in this order (`orderTouches`): runs of 32 pages, each as u32 number
 * of the run and u32 bits of the pages touched; pages of runs with few touches by themselves, u32; and the actor of each touch as u8.
 */
import { countKey } from './touches'

const COUNT: u32 = 1
const REMEMBER: u32 = 2
const MIGRATE: u32 = 3
/** A run, and a fault of a list: u32 page, u32 key. */
const RECORD: usize = 8
/** Touches of a run that are taken one by one: nobody could foresee which of them fault. */
const FEW: u32 = 4

/**
 * Touches [from, to) of a tick, whose pairs (`n` records of four u32, the first one the page, sorted) have the same pages. who: u8 by
 * page, for anything; words: two u32 a touch, actor: one u8, from whose beginnings runs are written, and from whose ends pages of short
 * runs, towards the beginning. lengths: u32 of runs and of pages, both 0 where pages of pairs and touches differ in number.
 */
export function orderTouches(
  touchPage: usize,
  touchActor: usize,
  from: u32,
  to: u32,
  pairs: usize,
  n: u32,
  who: usize,
  words: usize,
  actor: usize,
  lengths: usize,
): void {
  for (let k = <usize>from; k < <usize>to; k++) store<u8>(who + load<u32>(touchPage + (k << 2)), load<u16>(touchActor + (k << 1)))
  const endOfPages = words + ((<usize>(to - from)) << 3)
  let few = endOfPages
  let fewActor = actor + <usize>(to - from)
  let run = words
  let at = actor
  store<u64>(lengths, 0)
  for (const end = pairs + ((<usize>n) << 4); pairs < end; ) {
    const number = load<u32>(pairs) >> 5
    let touched: u32 = 0
    for (; pairs < end && load<u32>(pairs) >> 5 === number; pairs += 16) touched |= (<u32>1) << load<u32>(pairs)
    const pages = <u32>popcnt(touched)
    if (pages > <u32>(fewActor - at)) return
    if (pages > FEW) {
      store<u32>(run, number)
      store<u32>(run, touched, 4)
      run += RECORD
    }
    for (let bits = touched; bits !== 0; bits &= bits - 1) {
      const page = (number << 5) | ctz(bits)
      if (pages > FEW) store<u8>(at++, load<u8>(who + <usize>page))
      else {
        few -= 4
        store<u32>(few, page)
        store<u8>(--fewActor, load<u8>(who + <usize>page))
      }
    }
  }
  if (at !== fewActor) return
  store<u32>(lengths, <u32>((run - words) / RECORD))
  store<u32>(lengths, <u32>((endOfPages - few) >> 2), 4)
}

/** Where a fault is counted: key = (actor, actor who asked for the page last, node), as `tally` in touches.ts has it. */
function keyOf(who: u32, before: u32, node: u32, actors: u32, shift: u32): u32 {
  return ((who * (actors + 1) + min(before, actors)) << shift) | node
}

/** Lists a fault unless it only counts. Answers the end of the list. */
function listFault(out: usize, page: u32, what: u32, verdicts: usize): usize {
  store<u32>(out, page)
  store<u32>(out, what, 4)
  return out + (load<u8>(verdicts + <usize>what) === COUNT ? 0 : RECORD)
}

/** Keys below 2^16 of eight faults side by side: actors, actors before and nodes in 16 bits each. */
function keysOf(who: v128, before: v128, node: v128, actors: u32, shift: u32): v128 {
  const pair = i16x8.add(i16x8.mul(who, i16x8.splat(<i16>(actors + 1))), before)
  return v128.or(i16x8.shl(pair, shift), node)
}

/**
 * Faults on 16 pages from `page` on, all touched and marked, whose actors are at `actor`; other parameters are those of `count`. Answers
 * the end of the list of faults; that of keys is kept in `lengths`.
 */
function countSixteen(
  page: usize,
  actor: usize,
  placement: usize,
  last: usize,
  counts: usize,
  keys: usize,
  lengths: usize,
  verdicts: usize,
  list: usize,
  actors: u32,
  shift: u32,
): usize {
  const who = v128.load(actor)
  const before = i8x16.min_u(v128.load(last + page), i8x16.splat(<i8>actors))
  const node = v128.load(placement + page)
  let low = keysOf(i16x8.extend_low_i8x16_u(who), i16x8.extend_low_i8x16_u(before), i16x8.extend_low_i8x16_u(node), actors, shift)
  let high = keysOf(i16x8.extend_high_i8x16_u(who), i16x8.extend_high_i8x16_u(before), i16x8.extend_high_i8x16_u(node), actors, shift)
  let key = keys + ((<usize>load<u32>(lengths, 4)) << 2)
  let out = list
  // four at a time, written out: the compiler does not unroll loops, and calls cost as much as a fault
  for (const end = page + 16; page < end; page += 4) {
    const four = <u64>i64x2.extract_lane(low, 0)
    low = i64x2.shuffle(low, high, 1, 2)
    high = i64x2.shuffle(high, high, 1, 1)
    const one = <u32>four & 0xffff
    const two = <u32>(four >> 16) & 0xffff
    const three = <u32>(four >> 32) & 0xffff
    const fourth = <u32>(four >> 48)
    key = countKey(counts, one, key)
    key = countKey(counts, two, key)
    key = countKey(counts, three, key)
    key = countKey(counts, fourth, key)
    out = listFault(out, <u32>page, one, verdicts)
    out = listFault(out, <u32>page + 1, two, verdicts)
    out = listFault(out, <u32>page + 2, three, verdicts)
    out = listFault(out, <u32>page + 3, fourth, verdicts)
  }
  store<u32>(lengths, <u32>((key - keys) >> 2), 4)
  return out
}

/**
 * Counts the faults among the touches of `n` runs, those of marked pages, which are all there, by key, and lists those that do more
 * than to count or of whose key (verdicts, u8) nothing is known. Pages stay as they are. counts: u32 by key, those counted for the first
 * time listed in `keys`, whose length is at `lengths` + 4. Answers the end of the list.
 */
function countRuns<T>(
  runs: usize,
  n: u32,
  actor: usize,
  placement: usize,
  marked: usize,
  last: usize,
  counts: usize,
  keys: usize,
  lengths: usize,
  verdicts: usize,
  list: usize,
  actors: u32,
  shift: u32,
): usize {
  let out = list
  const isNarrow = sizeof<T>() === 1 && (actors * (actors + 1)) << shift <= 0x10000
  for (const end = runs + <usize>n * RECORD; runs < end; runs += RECORD) {
    const run = <usize>load<u32>(runs)
    const touched = load<u32>(runs, 4)
    let hit = touched & load<u32>(marked + (run << 2))
    if (isNarrow && hit === u32.MAX_VALUE) {
      for (let half: usize = 0; half < 32; half += 16, actor += 16)
        out = countSixteen((run << 5) + half, actor, placement, last, counts, keys, lengths, verdicts, out, actors, shift)
      continue
    }
    let key = keys + ((<usize>load<u32>(lengths, 4)) << 2)
    for (; hit !== 0; hit &= hit - 1) {
      const bit = ctz(hit)
      const page = (run << 5) | <usize>bit
      const who = <u32>load<u8>(actor + <usize>popcnt(touched & (((<u32>1) << bit) - 1)))
      const what = keyOf(who, <u32>load<T>(last + page * sizeof<T>()), <u32>load<u8>(placement + page), actors, shift)
      key = countKey(counts, what, key)
      out = listFault(out, <u32>page, what, verdicts)
    }
    store<u32>(lengths, <u32>((key - keys) >> 2), 4)
    actor += <usize>popcnt(touched)
  }
  return out
}

/** The same of `n` pages, without a branch. */
function countPages<T>(
  pages: usize,
  n: u32,
  actor: usize,
  placement: usize,
  marked: usize,
  last: usize,
  counts: usize,
  keys: usize,
  lengths: usize,
  verdicts: usize,
  list: usize,
  actors: u32,
  shift: u32,
): usize {
  let key = keys + ((<usize>load<u32>(lengths, 4)) << 2)
  for (const end = pages + ((<usize>n) << 2); pages < end; pages += 4, actor++) {
    const page = <usize>load<u32>(pages)
    const isFault = (load<u32>(marked + ((page >> 5) << 2)) >> <u32>page) & 1
    const what = keyOf(<u32>load<u8>(actor), <u32>load<T>(last + page * sizeof<T>()), <u32>load<u8>(placement + page), actors, shift)
    const at = counts + ((<usize>what) << 2)
    const count = load<u32>(at)
    store<u32>(at, count + isFault)
    store<u32>(key, what)
    key += (<usize>(isFault & <u32>(count === 0))) << 2
    store<u32>(list, <u32>page)
    store<u32>(list, what, 4)
    list += (<usize>(isFault & <u32>(load<u8>(verdicts + <usize>what) !== COUNT))) << 3
  }
  store<u32>(lengths, <u32>((key - keys) >> 2), 4)
  return list
}

/** Of both, with `last` of so many bytes a page: 1 where there are fewer than 255 actors, or 2. Answers how many faults are listed. */
export function countTouched(
  runs: usize,
  n: u32,
  pages: usize,
  few: u32,
  actor: usize,
  fewActor: usize,
  placement: usize,
  marked: usize,
  last: usize,
  bytes: u32,
  counts: usize,
  keys: usize,
  lengths: usize,
  verdicts: usize,
  list: usize,
  actors: u32,
  shift: u32,
): u32 {
  let end: usize
  if (bytes === 1) {
    end = countRuns<u8>(runs, n, actor, placement, marked, last, counts, keys, lengths, verdicts, list, actors, shift)
    end = countPages<u8>(pages, few, fewActor, placement, marked, last, counts, keys, lengths, verdicts, end, actors, shift)
  } else {
    end = countRuns<u16>(runs, n, actor, placement, marked, last, counts, keys, lengths, verdicts, list, actors, shift)
    end = countPages<u16>(pages, few, fewActor, placement, marked, last, counts, keys, lengths, verdicts, end, actors, shift)
  }
  return <u32>((end - list) / RECORD)
}

/**
 * Of `n` keys with counts, those of which there is something to ask are written to `asked`: nothing is known of them (verdicts), or
 * somebody whose fault is to be settled or who is not `ready` (u8 by actor, that of a key by key >> shift in actorOf, u16). Answers how many.
 */
export function keysToAsk(keys: usize, n: u32, verdicts: usize, ready: usize, actorOf: usize, asked: usize, shift: u32): u32 {
  let out = asked
  for (const end = keys + ((<usize>n) << 2); keys < end; keys += 4) {
    const what = load<u32>(keys)
    const actor = <usize>load<u16>(actorOf + ((<usize>(what >> shift)) << 1))
    const isPlain = <u32>load<u8>(verdicts + <usize>what) - COUNT <= MIGRATE - COUNT
    store<u32>(out, what)
    out += isPlain && load<u8>(ready + actor) !== 0 ? 0 : 4
  }
  return <u32>((out - asked) >> 2)
}

/**
 * Adds the counts of `n` keys to the sums of those that are alike (u32 by key >> shift, the first of them), and clears them. sums: u32 by
 * key, those with anything listed in `listed` and their number at `length`; faults that move are summed in others of the same kind.
 */
export function sumKeys(
  keys: usize,
  n: u32,
  counts: usize,
  verdicts: usize,
  alike: usize,
  sums: usize,
  listed: usize,
  length: usize,
  moveSums: usize,
  moveListed: usize,
  moveLength: usize,
  shift: u32,
): void {
  const home: u32 = ((<u32>1) << shift) - 1
  for (const end = keys + ((<usize>n) << 2); keys < end; keys += 4) {
    const what = load<u32>(keys)
    const together = (load<u32>(alike + ((<usize>(what >> shift)) << 2)) << shift) | (what & home)
    const isMove = <u32>load<u8>(verdicts + <usize>what) === MIGRATE
    const at = (isMove ? moveSums : sums) + ((<usize>together) << 2)
    if (load<u32>(at) === 0) {
      const many = isMove ? moveLength : length
      store<u32>((isMove ? moveListed : listed) + ((<usize>load<u32>(many)) << 2), together)
      store<u32>(many, load<u32>(many) + 1)
    }
    const count = counts + ((<usize>what) << 2)
    store<u32>(at, load<u32>(at) + load<u32>(count))
    store<u32>(count, 0)
  }
}

/**
 * Does what the verdicts (u8 by key) of `n` listed faults say: 2 leaves the actor of the key (u16 by key >> shift) in `last` (T by page),
 * 3 also moves the page to target[actor] (u8). Pages that moved are written to the start of `list`, u32, and where they were to `from`,
 * u8. Answers how many.
 */
function settle<T>(list: usize, n: u32, placement: usize, last: usize, verdicts: usize, actorOf: usize, target: usize, from: usize, shift: u32): u32 {
  let out = list
  let was = from
  for (const end = list + <usize>n * RECORD; list < end; list += RECORD) {
    const page = <usize>load<u32>(list)
    const what = load<u32>(list, 4)
    const who = <usize>load<u16>(actorOf + ((<usize>(what >> shift)) << 1))
    const verdict = <u32>load<u8>(verdicts + <usize>what)
    // the same again costs less than a branch that is hard to foresee
    const before = load<T>(last + page * sizeof<T>())
    store<T>(last + page * sizeof<T>(), select<T>(<T>who, before, verdict >= REMEMBER))
    // few move
    if (verdict !== MIGRATE) continue
    store<u32>(out, <u32>page)
    store<u8>(was++, load<u8>(placement + page))
    store<u8>(placement + page, load<u8>(target + who))
    out += 4
  }
  return <u32>(was - from)
}

/** The marks of all touched pages of `n` runs and of `few` pages are gone. */
export function unmarkTouched(runs: usize, n: u32, pages: usize, few: u32, marked: usize): void {
  for (const end = runs + <usize>n * RECORD; runs < end; runs += RECORD) {
    const at = marked + ((<usize>load<u32>(runs)) << 2)
    store<u32>(at, load<u32>(at) & ~load<u32>(runs, 4))
  }
  for (const end = pages + ((<usize>few) << 2); pages < end; pages += 4) {
    const page = load<u32>(pages)
    const at = marked + ((<usize>(page >> 5)) << 2)
    store<u32>(at, load<u32>(at) & ~((<u32>1) << page))
  }
}

/** `settle` with `last` of 1 or 2 bytes a page. */
export function settleTouched(
  list: usize,
  n: u32,
  placement: usize,
  last: usize,
  bytes: u32,
  verdicts: usize,
  actorOf: usize,
  target: usize,
  from: usize,
  shift: u32,
): u32 {
  return bytes === 1
    ? settle<u8>(list, n, placement, last, verdicts, actorOf, target, from, shift)
    : settle<u16>(list, n, placement, last, verdicts, actorOf, target, from, shift)
}
