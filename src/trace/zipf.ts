/**
 * Zipf-distributed ranks by rejection-inversion: W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from
 * monotone discrete distributions", ACM TOMACS 6(3), 1996. Constant time per draw for any number of ranks and any exponent > 0.
 */
import type { Random } from '../columns/index.ts'

export class Zipf {
  readonly #ranks: number
  readonly #exponent: number
  readonly #hFirst: number
  readonly #hLast: number
  readonly #squeeze: number

  constructor(ranks: number, exponent: number) {
    this.#ranks = ranks
    this.#exponent = exponent
    this.#hFirst = this.#integral(1.5) - 1
    this.#hLast = this.#integral(ranks + 0.5)
    this.#squeeze = 2 - this.#inverse(this.#integral(2.5) - 2 ** -exponent)
  }

  /** A rank from 0 on; rank k has probability proportional to 1 / (k + 1)^exponent. */
  draw(random: Random): number {
    for (;;) {
      const u = this.#hLast + random.float() * (this.#hFirst - this.#hLast)
      const x = this.#inverse(u)
      const k = Math.min(this.#ranks, Math.max(1, Math.round(x)))
      if (k - x <= this.#squeeze || u >= this.#integral(k + 0.5) - k ** -this.#exponent) return k - 1
    }
  }

  /** Integral of t^-exponent from 1 to x. */
  #integral(x: number): number {
    const log = Math.log(x)
    return ratio((1 - this.#exponent) * log) * log
  }

  #inverse(y: number): number {
    const t = Math.max(-1, y * (1 - this.#exponent))
    return Math.exp(logRatio(t) * y)
  }
}

/** (e^x - 1) / x, exact near 0. */
const ratio = (x: number): number => (Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2)
/** ln(1 + x) / x, exact near 0. */
const logRatio = (x: number): number => (Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2)
