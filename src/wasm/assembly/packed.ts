/**
 * Pairs of a tick in 32 bits, for traces that are counted again and again: a quarter of the memory to read, which is what counting
 * waits for. Bits 0 to 7 are reads, 8 to 15 pages since the pair before, 16 to 23 the actor, 24 to 31 writes. What is more than 255
 * goes on in further records: of counts on the same page, of pages without counts.
 */

const PAIR: usize = 16
const MOST: u32 = 255
const ACTOR: u32 = 0xff0000
const ACTOR_AT: u32 = 16
/** Fields of a record that are counts, and of a sum: reads in bits 0 to 23, writes in 24 to 63. */
const COUNTS: u32 = 0xff0000ff
const READS: u64 = 0xffffff
const WRITES_AT: u64 = 24
const BANKS: u32 = 4
/** Records a bank may sum: 255 times as many stay below 2^24. */
const MOST_SUMMED: u32 = 65536
/** A page that is absent (255) may be passed on the way to the next: sums of its node lie behind all others. */
const BEYOND: usize = 256

/** pairs: `n` records of u32 page, actor, reads, writes, sorted by page; room: records at `out`. Answers how many, or 0xffffffff if there is no room. */
export function packPairs(pairs: usize, n: u32, out: usize, room: u32): u32 {
  if (n === 0) return 0
  const end = out + ((<usize>room) << 2)
  let to = out
  let before: u32 = load<u32>(pairs)
  for (let k: u32 = 0; k < n; k++, pairs += PAIR) {
    const page = load<u32>(pairs)
    const who = load<u32>(pairs, 4) << ACTOR_AT
    let reads = load<u32>(pairs, 8)
    let writes = load<u32>(pairs, 12)
    let step = page - before
    before = page
    for (; step > MOST; step -= MOST, to += 4) {
      if (to >= end) return u32.MAX_VALUE
      store<u32>(to, (MOST << 8) | who)
    }
    do {
      if (to >= end) return u32.MAX_VALUE
      const r = min(reads, MOST)
      const w = min(writes, MOST)
      store<u32>(to, r | (step << 8) | who | (w << 24))
      to += 4
      reads -= r
      writes -= w
      step = 0
    } while ((reads | writes) !== 0)
  }
  return <u32>((to - out) >> 2)
}

/** Adds the counts of a record to the sum of its actor and the node at `page`. */
function add(record: u32, page: usize, sums: usize, toCell: u32): void {
  const at = sums + (((record & ACTOR) >> toCell) | ((<u32>load<u8>(page)) << 3))
  store<u64>(at, load<u64>(at) + <u64>(record & COUNTS))
}

function step(record: u32): usize {
  return (record >> 8) & MOST
}

/**
 * Adds the counts of `n` records to the cells of their actor and their page's node, as `account` does of pairs. page: where the first
 * one's node is (u8); cells: u64 by (actor << shift | node), reads in the low word; sums: four banks with room for as many and BEYOND,
 * zero, and zero again afterwards. Four, as a store must not wait for the one before it.
 */
export function accountPacked(records: usize, n: u32, page: usize, cells: usize, bank: usize, shift: u32, sums: usize): void {
  const wide = bank + (BEYOND << 3)
  const toCell = ACTOR_AT - 3 - shift
  while (n > 0) {
    const some = min(n, BANKS * MOST_SUMMED)
    n -= some
    for (const end = records + ((<usize>(some / BANKS)) << 4); records < end; records += 16) {
      const one = load<u32>(records)
      const two = load<u32>(records, 4)
      const three = load<u32>(records, 8)
      const four = load<u32>(records, 12)
      const first = page + step(one)
      const second = first + step(two)
      const third = second + step(three)
      page = third + step(four)
      add(one, first, sums, toCell)
      add(two, second, sums + wide, toCell)
      add(three, third, sums + 2 * wide, toCell)
      add(four, page, sums + 3 * wide, toCell)
    }
    for (const end = records + ((<usize>(some % BANKS)) << 2); records < end; records += 4) {
      const one = load<u32>(records)
      page += step(one)
      add(one, page, sums, toCell)
    }
    for (let at: usize = 0; at < bank; at += 8) {
      let reads: u64 = 0
      let writes: u64 = 0
      for (let b = sums + at, end = b + BANKS * wide; b < end; b += wide) {
        reads += load<u64>(b) & READS
        writes += load<u64>(b) >> WRITES_AT
        store<u64>(b, 0)
      }
      store<u64>(cells + at, load<u64>(cells + at) + (reads | (writes << 32)))
    }
  }
}
