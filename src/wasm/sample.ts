/** Accesses that a profiler samples, by the distances between samples: who draws those stays outside, the kernel finds where they end. */

const PAIR_WORDS = 4

/** State of a sampler, whole numbers. */
export const SAMPLER = {
  /** Accesses to pass before the next sample. Below 0 when the gaps were used up: so many of the pair are left from a sample on. */
  toPass: 0,
  /** Gaps used by the last call. */
  used: 1,
  /** Where it stopped: `to`, or a pair of which not all is known. */
  stopped: 2,
} as const
export const SAMPLER_WORDS = 3

export interface Sampling {
  state: Float64Array
  /** Accesses between a sample and the next, below 2^53, in the order in which they are used. */
  gaps: Float64Array
  /** Pairs with samples, each followed by their number. Room for one pair more than there are gaps. */
  found: Uint32Array
}

export interface SampleKernels {
  /** Samples the counts in word `word` of pairs [from, to), with gaps from the first on. Answers how many pairs are in `found`. */
  samplePairs(pairs: Uint32Array, word: number, from: number, to: number, sampling: Sampling): number
}

export interface SampleExports {
  samplePairs(...args: number[]): number
}

export const wasmSample = (exports: SampleExports): SampleKernels => ({
  samplePairs: (pairs, word, from, to, { state, gaps, found }) =>
    exports.samplePairs(pairs.byteOffset + 4 * word, from, to, state.byteOffset, gaps.byteOffset, gaps.length, found.byteOffset),
})

export const sampleTwins: SampleKernels = {
  samplePairs(pairs, word, from, to, { state, gaps, found }) {
    let toPass = state[SAMPLER.toPass]!
    let used = 0
    let count = 0
    let k = from
    for (; k < to; k++) {
      if (k > from || toPass >= 0) toPass -= pairs[k * PAIR_WORDS + word]!
      const before = used
      while (toPass < 0 && used < gaps.length) toPass += gaps[used++]! + 1
      if (used > before) {
        found[2 * count] = k
        found[2 * count++ + 1] = used - before
      }
      if (toPass < 0) break
    }
    state.set([toPass, used, k])
    return count
  },
}
