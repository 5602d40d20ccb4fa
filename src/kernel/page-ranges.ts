/**
 * Ranges of page tables as bits of their pages, word by word. The page tables of a lane never change, and the hint scanner comes by the
 * same ranges again and again: from the second time on, where it is known which pages are there, one is marked a word, not a page, at a time.
 */

/** Pages 32 × words[i] + b for each bit b of bits[i]; words ascend. */
interface PageRange {
  to: number
  words: Uint32Array
  bits: Uint32Array
}

/** What is known of a page table: by first entry, the range that began there last, or where it ended if it was there once. */
interface Known {
  ranges: Map<number, PageRange | number>
  /** Entries of these ranges. */
  entries: number
}

const known = new WeakMap<Int32Array, Known>()

/** The range [from, to) of a page table; undefined the first time, and where ranges are never the same. */
export function knownRange(ptes: Int32Array, from: number, to: number): PageRange | undefined {
  let table = known.get(ptes)
  if (table === undefined || table.entries > 2 * ptes.length) {
    table = { ranges: new Map(), entries: 0 }
    known.set(ptes, table)
  }
  const before = table.ranges.get(from)
  if (typeof before === 'object' && before.to === to) return before
  if (before !== to) {
    table.ranges.set(from, to)
    return undefined
  }
  const range = rangeOf(ptes, from, to)
  table.ranges.set(from, range)
  table.entries += to - from
  return range
}

function rangeOf(ptes: Int32Array, from: number, to: number): PageRange {
  let largest = -1
  for (let i = from; i < to; i++) if (ptes[i]! > largest) largest = ptes[i]!
  const all = new Uint32Array((largest >>> 5) + 1)
  const words = new Uint32Array(to - from)
  let n = 0
  for (let i = from; i < to; i++) {
    const page = ptes[i]!
    if (page < 0) continue
    if (all[page >>> 5] === 0) words[n++] = page >>> 5
    all[page >>> 5]! |= 1 << (page & 31)
  }
  const found = words.slice(0, n).sort()
  return { to, words: found, bits: found.map((word) => all[word]!) }
}

/** Sets the bits of the range's pages below `end`; answers how many were not set before. */
export function setBits(set: Uint32Array, { words, bits }: PageRange, end: number): number {
  const last = end >>> 5
  const ofLast = (1 << (end & 31)) - 1
  let fresh = 0
  for (let i = 0; i < words.length && words[i]! <= last; i++) {
    const word = words[i]!
    const before = set[word]!
    const missing = bits[i]! & ~before & (word === last ? ofLast : -1)
    if (missing === 0) continue
    set[word] = before | missing
    fresh += ones(missing)
  }
  return fresh
}

/** Bits that are set in a word (Warren, Hacker's Delight, §5-1). */
function ones(word: number): number {
  word -= (word >>> 1) & 0x5555_5555
  word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333)
  return Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
