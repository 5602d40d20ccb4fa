/** The best placement of every page over time (src/replay/bound-pages.ts), an epoch at a time. */

const PAIR_WORDS = 4
const PAIR_BYTES = 16
/** Of 32 bits, in a vector. */
export const LANES = 4
/** Lowest bits of a choice, which name a node; and how many nodes the rest can tell apart. */
export const NODE_BITS = 8
export const CHOICE_NODES = 32 - NODE_BITS

/** What an access costs, by actor: `width` numbers for a read, then as many for a write; and what moving a page costs. All below 2^31, for the TypeScript kernel 2^53. */
export interface OptimumCosts {
  words: Uint32Array | Float64Array
  /** Nodes, rounded up to whole vectors with copies of the first. */
  width: number
  move: number
  /** A page with more accesses in one epoch needs sums beyond 32 bits. */
  mostAccesses: number
  /** The page whose numbers come first in `beyond`. */
  firstPage: number
}

export interface OptimumKernels {
  /**
   * An epoch of the optimum, or whole pages of one: pairs [from, to). beyond[(page - firstPage) * width + m] is what the page's
   * cheapest history that ends on node m costs beyond its cheapest of all. Answers the sum over pages by which the latter grew.
   */
  optimumEpoch(pairs: Uint32Array, from: number, to: number, beyond: OptimumCosts['words'], costs: OptimumCosts): number
  /** The same for memory on two nodes (`width` 2), with costs[node 1] - costs[node 0] of each page in 32 bits with a sign. */
  optimumEpochOfTwo(pairs: Uint32Array, from: number, to: number, apart: OptimumCosts['words'], costs: OptimumCosts): number
  /**
   * What each page of pairs [from, to) may do at its next touch, after their epoch: out[i] of the i-th page has the node on which its
   * cheapest history ends in the lower NODE_BITS bits, and bit NODE_BITS + m for each node m that is reached by moving from there at no
   * more than it costs to have stayed. `words`: numbers
   * of a page in `beyond`, or 1 where it has `apart`. Answers how many pages there are.
   */
  optimumChoices(pairs: Uint32Array, from: number, to: number, beyond: OptimumCosts['words'], words: number, costs: OptimumCosts, out: Uint32Array): number
}

export interface OptimumExports {
  optimumEpoch(pairs: number, n: number, beyond: number, costs: number, vectors: number, move: number, mostAccesses: number): number
  optimumEpochOfTwo(pairs: number, n: number, apart: number, costs: number, move: number): number
  optimumChoices(pairs: number, n: number, beyond: number, words: number, move: number, out: number): number
}

/** Where the numbers of page 0 would be; kernels reckon modulo 2^32. */
const pageZero = (beyond: OptimumCosts['words'], words: number, { firstPage }: OptimumCosts): number => beyond.byteOffset - 4 * words * firstPage

export const wasmOptimum = (exports: OptimumExports): OptimumKernels => ({
  optimumEpoch(pairs, from, to, beyond, costs) {
    const { words, width, move, mostAccesses } = costs
    const zero = pageZero(beyond, width, costs)
    return exports.optimumEpoch(pairs.byteOffset + from * PAIR_BYTES, to - from, zero, words.byteOffset, width / LANES, move, mostAccesses)
  },
  optimumEpochOfTwo: (pairs, from, to, apart, costs) =>
    exports.optimumEpochOfTwo(pairs.byteOffset + from * PAIR_BYTES, to - from, pageZero(apart, 1, costs), costs.words.byteOffset, costs.move),
  optimumChoices: (pairs, from, to, beyond, words, costs, out) =>
    exports.optimumChoices(pairs.byteOffset + from * PAIR_BYTES, to - from, pageZero(beyond, words, costs), words, costs.move, out.byteOffset),
})

export const optimumTwins: OptimumKernels = {
  optimumEpoch(pairs, from, to, beyond, { words, width, move, firstPage }) {
    const cost = new Float64Array(width)
    const end = to * PAIR_WORDS
    let total = 0
    for (let k = from * PAIR_WORDS; k < end; ) {
      const page = pairs[k]!
      const base = (page - firstPage) * width
      for (let m = 0; m < width; m++) cost[m] = beyond[base + m]!
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const row = pairs[k + 1]! * 2 * width
        for (let m = 0; m < width; m++) cost[m]! += pairs[k + 2]! * words[row + m]! + pairs[k + 3]! * words[row + width + m]!
      }
      let least = cost[0]!
      for (let m = 1; m < width; m++) if (cost[m]! < least) least = cost[m]!
      for (let m = 0; m < width; m++) beyond[base + m] = Math.min(cost[m]! - least, move)
      total += least
    }
    return total
  },

  optimumEpochOfTwo(pairs, from, to, apart, { words, move, firstPage }) {
    const end = to * PAIR_WORDS
    let total = 0
    for (let k = from * PAIR_WORDS; k < end; ) {
      const page = pairs[k]!
      const before = apart[page - firstPage]! | 0
      let onZero = Math.max(0, -before)
      let onOne = Math.max(0, before)
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const of = 4 * pairs[k + 1]!
        onZero += pairs[k + 2]! * words[of]! + pairs[k + 3]! * words[of + 2]!
        onOne += pairs[k + 2]! * words[of + 1]! + pairs[k + 3]! * words[of + 3]!
      }
      apart[page - firstPage] = Math.max(-move, Math.min(move, onOne - onZero))
      total += Math.min(onZero, onOne)
    }
    return total
  },

  optimumChoices(pairs, from, to, beyond, words, { move, firstPage }, out) {
    const nodes = Math.max(2, words)
    const costOn = (page: number, m: number): number => {
      if (words > 1) return beyond[(page - firstPage) * words + m]!
      const apart = beyond[page - firstPage]! | 0
      return Math.max(0, m === 0 ? -apart : apart)
    }
    let pages = 0
    for (let k = from; k < to; k++) {
      const page = pairs[k * PAIR_WORDS]!
      if (k > from && page === pairs[(k - 1) * PAIR_WORDS]) continue
      let node = 0
      while (costOn(page, node) > 0) node++
      let choice = node
      for (let m = 0; m < nodes; m++) if (costOn(page, m) >= move) choice |= 1 << (NODE_BITS + m)
      out[pages++] = choice
    }
    return pages
  },
}
