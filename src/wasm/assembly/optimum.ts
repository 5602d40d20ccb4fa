/**
 * One epoch of the best placement of every page over time: src/replay/bound-pages.ts says what is computed. Four nodes stand
 * in one vector; where a machine has no multiple of four, its rows end in copies of their first number.
 */

/** Bytes of a pair: u32 page, actor, reads, writes. */
const PAIR: usize = 16
const VECTOR: usize = 16

/**
 * pairs: `n` records, sorted by page; beyond: u32 [page][vectors * 4]; costs: u32 [actor][read, then write][vectors * 4].
 * Sums of a page with at most `mostAccesses` fit into 32 bits. Answers by how much the least costs of all pages grew.
 */
export function optimumEpoch(pairs: usize, n: u32, beyond: usize, costs: usize, vectors: u32, move: u32, mostAccesses: u32): f64 {
  const end = pairs + <usize>n * PAIR
  const row = <usize>vectors * VECTOR
  // up to eight nodes stay in registers; a single vector is computed twice
  const next = vectors > 1 ? VECTOR : 0
  const moves = i32x4.splat(move)
  let total: u64 = 0
  while (pairs < end) {
    const from = pairs
    const page = load<u32>(from)
    const own = beyond + <usize>page * row
    let first = v128.load(own)
    let second = v128.load(own + next)
    let accesses: u64 = 0
    do {
      const toRead = costs + <usize>load<u32>(pairs, 4) * 2 * row
      const toWrite = toRead + row
      const reads = v128.load_splat<u32>(pairs, 8)
      const writes = v128.load_splat<u32>(pairs, 12)
      accesses += <u64>load<u32>(pairs, 8) + load<u32>(pairs, 12)
      first = i32x4.add(first, i32x4.add(i32x4.mul(reads, v128.load(toRead)), i32x4.mul(writes, v128.load(toWrite))))
      second = i32x4.add(second, i32x4.add(i32x4.mul(reads, v128.load(toRead + next)), i32x4.mul(writes, v128.load(toWrite + next))))
      pairs += PAIR
    } while (pairs < end && load<u32>(pairs) === page)
    if (vectors > 2 || accesses > mostAccesses) {
      total += anyStep(from, pairs, own, costs, row, move)
      continue
    }
    const four = i32x4.min_u(first, second)
    const two = i32x4.min_u(four, i32x4.shuffle(four, four, 2, 3, 0, 1))
    const least = i32x4.min_u(two, i32x4.shuffle(two, two, 1, 0, 3, 2))
    v128.store(own, i32x4.min_u(i32x4.sub(first, least), moves))
    v128.store(own + next, i32x4.min_u(i32x4.sub(second, least), moves))
    total += <u32>i32x4.extract_lane(least, 0)
  }
  return <f64>total
}

/** One page, for any number of nodes, with sums in 64 bits. */
function anyStep(from: usize, end: usize, own: usize, costs: usize, row: usize, move: u32): u64 {
  let least = u64.MAX_VALUE
  for (let at: usize = 0; at < row; at += 4) least = min(least, costOn(from, end, own + at, costs + at, row))
  for (let at: usize = 0; at < row; at += 4) {
    const distance = costOn(from, end, own + at, costs + at, row) - least
    store<u32>(own + at, <u32>min<u64>(distance, move))
  }
  return least
}

function costOn(pair: usize, end: usize, own: usize, costs: usize, row: usize): u64 {
  let cost: u64 = load<u32>(own)
  for (; pair < end; pair += PAIR) {
    const actor = costs + <usize>load<u32>(pair, 4) * 2 * row
    cost += <u64>load<u32>(pair, 8) * load<u32>(actor) + <u64>load<u32>(pair, 12) * load<u32>(actor + row)
  }
  return cost
}

/**
 * The same where memory is on two nodes: of a page only the difference between its costs is kept, a quarter of the memory. Whether the
 * next pair is of the same page is as hard to guess as how many actors touched it, so every pair does the work of both answers.
 * apart: i32 [page]; costs: u32 [actor][read, then write][2].
 */
export function optimumEpochOfTwo(pairs: usize, n: u32, apart: usize, costs: usize, move: u32): f64 {
  const end = pairs + <usize>n * PAIR
  const most = <i64>move
  let total: i64 = 0
  let zero: i64 = 0
  let one: i64 = 0
  while (pairs < end) {
    const page = load<u32>(pairs)
    const row = costs + ((<usize>load<u32>(pairs, 4)) << 4)
    const reads = <i64>load<u32>(pairs, 8)
    const writes = <i64>load<u32>(pairs, 12)
    zero += reads * <i64>load<u32>(row) + writes * <i64>load<u32>(row, 8)
    one += reads * <i64>load<u32>(row, 4) + writes * <i64>load<u32>(row, 12)
    pairs += PAIR
    // behind the last pair there is none to look at
    const isLast = u32(pairs === end) | u32(load<u32>(select(pairs, pairs - PAIR, pairs < end)) !== page)
    const own = apart + ((<usize>page) << 2)
    const before = <i64>load<i32>(own)
    const onZero = zero + max<i64>(0, -before)
    const onOne = one + max<i64>(0, before)
    const after = max<i64>(-most, min<i64>(most, onOne - onZero))
    store<i32>(own, <i32>select(after, before, isLast))
    total += select(min(onZero, onOne), 0, isLast)
    zero = select<i64>(0, zero, isLast)
    one = select<i64>(0, one, isLast)
  }
  return <f64>total
}

/** Lowest bits of a choice, which name a node. */
const NODE_BITS: u32 = 8

/** What each page of the pairs may do at its next touch (see ../optimum.ts); answers how many pages there are. */
export function optimumChoices(pairs: usize, n: u32, beyond: usize, words: u32, move: u32, out: usize): u32 {
  const end = pairs + <usize>n * PAIR
  const begin = out
  while (pairs < end) {
    const page = load<u32>(pairs)
    let choice: u32 = 0
    if (words === 1) {
      const apart = load<i32>(beyond + ((<usize>page) << 2))
      choice = u32(apart < 0) | (u32(<u32>max(0, -apart) >= move) << NODE_BITS) | (u32(<u32>max(0, apart) >= move) << (NODE_BITS + 1))
    } else {
      const own = beyond + <usize>page * words * 4
      let node = words
      for (let m = words; m > 0; m--) {
        const distance = load<u32>(own + ((<usize>m - 1) << 2))
        if (distance === 0) node = m - 1
        choice |= u32(distance >= move) << (NODE_BITS + m - 1)
      }
      choice |= node
    }
    store<u32>(out, choice)
    out += 4
    do pairs += PAIR
    while (pairs < end && load<u32>(pairs) === page)
  }
  return <u32>((out - begin) >>> 2)
}
