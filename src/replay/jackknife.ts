/**
 * Half the widths of 95 % intervals from counts by hash group, as flat arrays: what `halfWidth95` (sample-error.ts) says of the
 * three estimates that rows of tables need, without an object per group. A vector of counts has WIDTH slots: the pages that
 * stand for themselves alone, then the groups.
 */
import { tQuantile } from '../results/index.ts'
import type { PageSampleFacts } from '../trace/index.ts'
import { GROUPS } from './sample.ts'

export const WIDTH = GROUPS + 1

const T95 = tQuantile(GROUPS - 1)
const ROUNDING = 1e-12

export class Jackknife {
  readonly #isWhole: boolean
  readonly #oneIn: number
  /** Of the pages nothing is unknown of this share. */
  readonly #unknown: number
  /** Accesses that one to a sampled page stands for: by all groups, and with group i left out in slot i - 1. */
  readonly #accessFactor: number
  readonly #factors = new Float64Array(GROUPS)
  /** The estimate without each group. */
  readonly #without = new Float64Array(GROUPS)

  /** `accesses`: to the pages of each group in the whole trace, not expanded. */
  constructor({ oneIn, sampledAccesses, leftOutAccesses }: PageSampleFacts, accesses: Float64Array) {
    this.#isWhole = leftOutAccesses === 0
    this.#oneIn = oneIn
    this.#unknown = 1 - 1 / oneIn
    const counted = sumOfGroups(accesses, 0)
    this.#accessFactor = counted === 0 ? 1 : (sampledAccesses + leftOutAccesses) / counted
    for (let i = 0; i < GROUPS; i++) this.#factors[i] = (sampledAccesses + leftOutAccesses) / (counted - accesses[i + 1]!)
  }

  /** Of a count of pages or faults: a sampled page counts `oneIn` times. `from`: where the vector begins. */
  ofPages(counts: Float64Array, from = 0): number {
    if (this.#isWhole) return 0
    const sum = sumOfGroups(counts, from)
    if (sum === 0) return 0
    const factor = (this.#oneIn * GROUPS) / (GROUPS - 1)
    for (let i = 0; i < GROUPS; i++) this.#without[i] = (sum - counts[from + i + 1]!) * factor
    return this.#width()
  }

  /** Of a count of accesses, or of a sum over accesses: all of the sampled pages together stand for a known number. */
  ofAccesses(counts: Float64Array, from = 0): number {
    if (this.#isWhole) return 0
    const sum = sumOfGroups(counts, from)
    if (sum === 0) return 0
    for (let i = 0; i < GROUPS; i++) this.#without[i] = (sum - counts[from + i + 1]!) * this.#factors[i]!
    return this.#width()
  }

  /** Of the quotient of two such sums. */
  ofQuotient(counts: Float64Array, over: Float64Array): number {
    if (this.#isWhole) return 0
    const sum = sumOfGroups(counts, 0)
    const overSum = sumOfGroups(over, 0)
    for (let i = 0; i < GROUPS; i++) {
      const factor = this.#factors[i]!
      this.#without[i] = (counts[0]! + (sum - counts[i + 1]!) * factor) / (over[0]! + (overSum - over[i + 1]!) * factor)
    }
    return this.#width()
  }

  /** The estimates of `ofPages` and `ofAccesses` with each group left out in turn, for estimates made of several. */
  pagesWithout(counts: Float64Array): Float64Array {
    const sum = sumOfGroups(counts, 0)
    const factor = (this.#oneIn * GROUPS) / (GROUPS - 1)
    return Float64Array.from({ length: GROUPS }, (_, i) => counts[0]! + (sum - counts[i + 1]!) * factor)
  }

  accessesWithout(counts: Float64Array): Float64Array {
    const sum = sumOfGroups(counts, 0)
    return Float64Array.from({ length: GROUPS }, (_, i) => counts[0]! + (sum - counts[i + 1]!) * this.#factors[i]!)
  }

  /** Of any estimate: `without[i]` is what it would be without group i + 1. */
  of(without: ArrayLike<number>): number {
    if (this.#isWhole) return 0
    this.#without.set(without)
    return this.#width()
  }

  /** The estimates themselves. */
  pages(counts: Float64Array, from = 0): number {
    return counts[from]! + this.#oneIn * sumOfGroups(counts, from)
  }

  accesses(counts: Float64Array, from = 0): number {
    return counts[from]! + this.#accessFactor * sumOfGroups(counts, from)
  }

  /** Where one group holds everything, the estimate without it does not exist. */
  #width(): number {
    const without = this.#without
    let n = 0
    let sum = 0
    for (let i = 0; i < GROUPS; i++) {
      if (!Number.isFinite(without[i]!)) continue
      n++
      sum += without[i]!
    }
    if (n < 2) return 0
    const mean = sum / n
    let squares = 0
    for (let i = 0; i < GROUPS; i++) if (Number.isFinite(without[i]!)) squares += (without[i]! - mean) ** 2
    // what is alike in all groups differs by rounding only
    if (squares <= (ROUNDING * mean) ** 2 * n) return 0
    return Math.sqrt(this.#unknown * ((n - 1) / n) * squares) * (n === GROUPS ? T95 : tQuantile(n - 1))
  }
}

function sumOfGroups(counts: Float64Array, from: number): number {
  let sum = 0
  for (let i = from + 1; i < from + WIDTH; i++) sum += counts[i]!
  return sum
}
