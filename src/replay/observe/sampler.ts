/**
 * Which accesses are sampled: each is with probability `rate`. Instead of a draw per access the distance to the next sample is
 * drawn (geometric), which is the same process: Devroye, Non-Uniform Random Variate Generation, §X.2.
 */
import type { Random } from '../../columns/index.ts'
import { SAMPLER, SAMPLER_WORDS, type Workspace } from '../../wasm/index.ts'

/** Gaps drawn at a time. */
const DRAWN = 512
/** Longer than any trace. */
const LONGEST = Number.MAX_SAFE_INTEGER

export class Sampler {
  readonly found: Uint32Array
  count = 0
  readonly #rate: number
  /** 1 / ln(1 - rate). */
  readonly #scale: number
  readonly #random: Random
  readonly #kernels: Workspace['kernels']
  readonly #state: Float64Array
  readonly #gaps: Float64Array
  /** Gaps that were not used yet. */
  #left: Float64Array

  constructor(rate: number, random: Random, { kernels, f64, u32 }: Workspace) {
    this.#rate = rate
    this.#scale = 1 / Math.log1p(-Math.min(rate, 1))
    this.#random = random
    this.#kernels = kernels
    this.#state = f64(SAMPLER_WORDS)
    this.#gaps = f64(DRAWN)
    this.found = u32(2 * (DRAWN + 1))
    this.#state[SAMPLER.toPass] = this.#gap()
    this.#left = this.#gaps.subarray(DRAWN)
  }

  /**
   * Samples the counts in word `word` of pairs from `from` on, up to `to` or until it has much to tell. Answers where to go on, and
   * `found` has `count` pairs with samples, each followed by their number.
   */
  sample(pairs: Uint32Array, word: number, from: number, to: number): number {
    if (this.#left.length === 0) this.#draw()
    this.count = this.#kernels.samplePairs(pairs, word, from, to, { state: this.#state, gaps: this.#left, found: this.found })
    this.#left = this.#left.subarray(this.#state[SAMPLER.used])
    return this.#state[SAMPLER.stopped]!
  }

  #draw(): void {
    for (let i = 0; i < DRAWN; i++) this.#gaps[i] = this.#gap()
    this.#left = this.#gaps
  }

  #gap(): number {
    if (this.#rate <= 0) return LONGEST
    // 1 - u is exact, so this is log1p(-u), which takes longer
    return this.#rate >= 1 ? 0 : Math.min(LONGEST, Math.floor(Math.log(1 - this.#random.float()) * this.#scale))
  }
}
