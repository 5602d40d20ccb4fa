// Medians and spreads of pair ratios, and whether two runs of the harness differ by more than noise.
import { median as medianOf, permutationTest } from 'simple-statistics'

export const median = (values) => medianOf(values)

/** A change of the median smaller than this is not worth a word. */
const WORTH = 0.03
/** One false alarm in a hundred rows. */
const LEVEL = 0.01

/** With fewer rounds no permutation is rare enough. */
const ENOUGH = 5

/**
 * `older` and `newer`: pair ratios of the same row. The permutation test asks whether the rounds of both could be one lot; with
 * few rounds, those of one must all lie beyond those of the other.
 */
export function difference(older, newer) {
  const change = median(newer) / median(older) - 1
  const logs = (values) => values.map(Math.log)
  const p = permutationTest(logs(older), logs(newer), 'two_side', 10_000, seeded())
  const isApart = Math.max(...older) < Math.min(...newer) || Math.max(...newer) < Math.min(...older)
  const differs = Math.abs(change) > WORTH && (Math.min(older.length, newer.length) < ENOUGH ? isApart : p < LEVEL)
  return { change, p, verdict: !differs ? 'same' : change > 0 ? 'faster' : 'slower' }
}

/** The same answer every time (mulberry32). */
function seeded(state = 1) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
