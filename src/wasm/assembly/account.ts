/**
 * Accounting of one tick: the counts of each pair go to the cell of its (actor, node of the page). Cells are u64, reads in the
 * low word and writes in the high one, so one addition counts both; the caller sees to it that a tick's sums fit.
 *
 * Two banks of cells: neighbouring pairs mostly belong to the same cell, and a store must not wait for the one before it.
 */

/** Bytes of a pair: u32 page, actor, reads, writes. */
const PAIR: usize = 16

/** pairs: `n` records; placement: u8 by page; cells: two banks of `bank` bytes, u64 by (actor << shift | node). */
export function account(pairs: usize, n: u32, placement: usize, cells: usize, shift: u32, bank: usize): void {
  const end = pairs + (<usize>n & ~1) * PAIR
  const second = cells + bank
  let pair = pairs
  for (; pair < end; pair += 2 * PAIR) {
    const a = cells + ((((<usize>load<u32>(pair, 4)) << shift) | <usize>load<u8>(placement + load<u32>(pair))) << 3)
    store<u64>(a, load<u64>(a) + load<u64>(pair, 8))
    const b = second + ((((<usize>load<u32>(pair, 20)) << shift) | <usize>load<u8>(placement + load<u32>(pair, 16))) << 3)
    store<u64>(b, load<u64>(b) + load<u64>(pair, 24))
  }
  if (n & 1) {
    const a = cells + ((((<usize>load<u32>(pair, 4)) << shift) | <usize>load<u8>(placement + load<u32>(pair))) << 3)
    store<u64>(a, load<u64>(a) + load<u64>(pair, 8))
  }
}

/** All reads plus all writes of `n` pairs. */
export function accesses(pairs: usize, n: u32): f64 {
  const end = pairs + <usize>n * PAIR
  let reads: u64 = 0
  let writes: u64 = 0
  for (let pair = pairs; pair < end; pair += PAIR) {
    reads += load<u32>(pair, 8)
    writes += load<u32>(pair, 12)
  }
  return <f64>(reads + writes)
}

/** target[from, to) |= source[from, to) << shift, of bytes: nodes of pages in several lanes, side by side. */
export function joinNodes(target: usize, source: usize, from: u32, to: u32, shift: i32): void {
  let i = <usize>from
  const end = <usize>to
  for (; i + 16 <= end; i += 16) v128.store(target + i, v128.or(v128.load(target + i), i8x16.shl(v128.load(source + i), shift)))
  for (; i < end; i++) store<u8>(target + i, load<u8>(target + i) | (load<u8>(source + i) << (<u8>shift)))
}

/**
 * How many pages of each group lie on each node. pages: u32, those of group g from start[g] to start[g + 1]; placement: u8 by page;
 * counts: u32 by (group, node), with one more in a group for pages that are on none of the nodes.
 */
export function countNodes(pages: usize, start: usize, groups: u32, placement: usize, nodes: u32, counts: usize): void {
  const row = (<usize>(nodes + 1)) << 2
  memory.fill(counts, 0, row * <usize>groups)
  for (const end = start + ((<usize>groups) << 2); start < end; start += 4, counts += row) {
    for (let k = pages + ((<usize>load<u32>(start)) << 2), to = pages + ((<usize>load<u32>(start, 4)) << 2); k < to; k += 4) {
      const at = counts + ((<usize>min(<u32>load<u8>(placement + load<u32>(k)), nodes)) << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
  }
}
