/**
 * Hint faults of a tick in order of pages, where nothing depends on which of them comes first: state of pages is read and written from
 * front to back, and faults are found 32 pages at a time. Touches in this order (`orderTouches`): runs of 32 pages, each as u32 number
 * of the run and u32 bits of the pages touched; and the actor of each touch as u8.
 */

const REMEMBER: u8 = 2
const MIGRATE: u8 = 3
/** A run, and a fault of a list: u32 page, u32 key with the actor in the highest byte. */
const RECORD: usize = 8
const ACTOR_AT: u32 = 24
const KEY: u32 = 0xffffff

/**
 * Touches [from, to) of a tick, whose pairs (`n` records of four u32, the first one the page, sorted) have the same pages. who: u8 by
 * page, for anything. Answers how many runs it wrote to `runs`; 0 where pages of pairs and touches differ in number.
 */
export function orderTouches(touchPage: usize, touchActor: usize, from: u32, to: u32, pairs: usize, n: u32, who: usize, runs: usize, actor: usize): u32 {
  for (let k = <usize>from; k < <usize>to; k++) store<u8>(who + load<u32>(touchPage + (k << 2)), load<u16>(touchActor + (k << 1)))
  const last = actor + <usize>(to - from)
  let run = runs - RECORD
  let before = u32.MAX_VALUE
  for (const end = pairs + ((<usize>n) << 4); pairs < end; pairs += 16) {
    const page = load<u32>(pairs)
    if (page === before) continue
    if (actor === last) return 0
    store<u8>(actor++, load<u8>(who + page))
    if (before === u32.MAX_VALUE || page >> 5 !== before >> 5) {
      run += RECORD
      store<u32>(run, page >> 5)
      store<u32>(run, 0, 4)
    }
    store<u32>(run, load<u32>(run, 4) | ((<u32>1) << page), 4)
    before = page
  }
  return actor === last ? <u32>((run + RECORD - runs) / RECORD) : 0
}

/**
 * Counts the faults among the touches of `n` runs, those of marked pages, which are all there, by key (tally in touches.ts says what it
 * is made of; all are below 2^24), and lists them. Pages stay as they are. counts: u32 by key, those counted for the first time listed in
 * `keys` from `length` on. Answers the number of faults; the length of `keys` afterwards is stored at `lengths` + 4.
 */
function count<T>(
  runs: usize,
  n: u32,
  actor: usize,
  placement: usize,
  marked: usize,
  last: usize,
  counts: usize,
  keys: usize,
  lengths: usize,
  list: usize,
  actors: u32,
  shift: u32,
): u32 {
  let out = list
  let key = keys + ((<usize>load<u32>(lengths, 4)) << 2)
  for (const end = runs + <usize>n * RECORD; runs < end; runs += RECORD) {
    const run = <usize>load<u32>(runs)
    const touched = load<u32>(runs, 4)
    let hit = touched & load<u32>(marked + (run << 2))
    for (; hit !== 0; hit &= hit - 1) {
      const bit = ctz(hit)
      const page = (run << 5) | <usize>bit
      const who = <u32>load<u8>(actor + <usize>popcnt(touched & (((<u32>1) << bit) - 1)))
      const before = <u32>load<T>(last + page * sizeof<T>())
      const what = ((who * (actors + 1) + min(before, actors)) << shift) | <u32>load<u8>(placement + page)
      store<u64>(out, <u64>page | ((<u64>(what | (who << ACTOR_AT))) << 32))
      out += RECORD
      const at = counts + ((<usize>what) << 2)
      const counted = load<u32>(at)
      store<u32>(at, counted + 1)
      store<u32>(key, what)
      key += (<usize>(counted === 0)) << 2
    }
    actor += <usize>popcnt(touched)
  }
  store<u32>(lengths, <u32>((key - keys) >> 2), 4)
  return <u32>((out - list) / RECORD)
}

/**
 * Does what the verdicts (u8 by key) of `n` listed faults say: 2 leaves the actor in `last` (T by page), 3 also moves the page to
 * target[actor] (u8). Pages that moved are written to the start of `list`, u32, and where they were to `from`, u8. Answers how many.
 */
function settle<T>(list: usize, n: u32, placement: usize, last: usize, verdicts: usize, target: usize, from: usize): u32 {
  let out = list
  let was = from
  for (const end = list + <usize>n * RECORD; list < end; list += RECORD) {
    const page = <usize>load<u32>(list)
    const word = load<u32>(list, 4)
    const who = word >> ACTOR_AT
    const verdict = load<u8>(verdicts + <usize>(word & KEY))
    // the same again costs less than a branch that is hard to foresee
    const before = load<T>(last + page * sizeof<T>())
    store<T>(last + page * sizeof<T>(), select<T>(<T>who, before, verdict >= REMEMBER))
    // few move
    if (verdict !== MIGRATE) continue
    store<u32>(out, <u32>page)
    store<u8>(was++, load<u8>(placement + page))
    store<u8>(placement + page, load<u8>(target + <usize>who))
    out += 4
  }
  return <u32>(was - from)
}

/** The marks of all touched pages of `n` runs are gone. */
export function unmarkTouched(runs: usize, n: u32, marked: usize): void {
  for (const end = runs + <usize>n * RECORD; runs < end; runs += RECORD) {
    const at = marked + ((<usize>load<u32>(runs)) << 2)
    store<u32>(at, load<u32>(at) & ~load<u32>(runs, 4))
  }
}

/** With `last` in 16 bits, and in 8 where there are fewer than 255 actors. */
export function countTouched(
  runs: usize,
  n: u32,
  actor: usize,
  placement: usize,
  marked: usize,
  last: usize,
  counts: usize,
  keys: usize,
  lengths: usize,
  list: usize,
  actors: u32,
  shift: u32,
): u32 {
  return count<u16>(runs, n, actor, placement, marked, last, counts, keys, lengths, list, actors, shift)
}

export function countTouched8(
  runs: usize,
  n: u32,
  actor: usize,
  placement: usize,
  marked: usize,
  last: usize,
  counts: usize,
  keys: usize,
  lengths: usize,
  list: usize,
  actors: u32,
  shift: u32,
): u32 {
  return count<u8>(runs, n, actor, placement, marked, last, counts, keys, lengths, list, actors, shift)
}

export function settleTouched(list: usize, n: u32, placement: usize, last: usize, verdicts: usize, target: usize, from: usize): u32 {
  return settle<u16>(list, n, placement, last, verdicts, target, from)
}

export function settleTouched8(list: usize, n: u32, placement: usize, last: usize, verdicts: usize, target: usize, from: usize): u32 {
  return settle<u8>(list, n, placement, last, verdicts, target, from)
}
