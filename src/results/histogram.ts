import { formatCount } from '../units.ts'

/** Grain of the histograms of access latency, and in words how far a percentile, and an upper edge of a class, is off. */
export const LATENCY_BITS = 10
export const LATENCY_ERROR = {
  percentile: `exact up to ${formatCount(2 ** (LATENCY_BITS + 1) - 1)} ns, above within ${percent(LATENCY_BITS + 1)}`,
  edge: `exact up to ${formatCount(2 ** (LATENCY_BITS + 1) - 1)} ns, above at most ${percent(LATENCY_BITS)} too high`,
} as const

/** 2^-bits, as `0.05%`. */
function percent(bits: number): string {
  return `${(100 * 2 ** -bits).toPrecision(1)}%`
}

/** Up to here shifts find the class. */
const MOST_OF_WORD = 2 ** 31 - 1

/**
 * Log-linear histogram of non-negative integers, as HdrHistogram and the kernel's tracing tools use: every power of two is
 * cut into 2^bits classes of equal width. Counting is exact, merging is exact, and a percentile is off by at most
 * `relativeError` of its value (values below 2^(bits+1) are exact).
 */
export class LogLinearHistogram {
  readonly bits: number
  /** Half a class over its lower edge: 2^-(bits+1). */
  readonly relativeError: number
  #counts = new Float64Array(256)
  #total = 0

  /** bits = 7: percentiles within 0.4 %. */
  constructor(bits = 7) {
    this.bits = bits
    this.relativeError = 2 ** -(bits + 1)
  }

  get total(): number {
    return this.#total
  }

  add(value: number, count = 1): void {
    const index = this.#classOf(value)
    if (index >= this.#counts.length) this.#grow(index)
    this.#counts[index]! += count
    this.#total += count
  }

  merge(other: LogLinearHistogram): void {
    if (other.bits !== this.bits) throw new Error(`histograms of ${other.bits} and ${this.bits} bits cannot be merged`)
    if (other.#counts.length > this.#counts.length) this.#grow(other.#counts.length - 1)
    for (let i = 0; i < other.#counts.length; i++) this.#counts[i]! += other.#counts[i]!
    this.#total += other.#total
  }

  /** Value below or at which a `share` of all counts lies (nearest rank, middle of its class); null when empty. */
  percentile(share: number): number | null {
    if (this.#total === 0) return null
    const rank = Math.max(share * this.#total, Number.MIN_VALUE)
    let seen = 0
    let last = 0
    for (let i = 0; i < this.#counts.length; i++) {
      if (this.#counts[i] === 0) continue
      seen += this.#counts[i]!
      last = i
      if (seen >= rank) break
    }
    return Math.floor((this.#lowerEdge(last) + this.#upperEdge(last)) / 2)
  }

  /** Largest value of the class that a value falls into. */
  upperEdgeOf(value: number): number {
    return this.#upperEdge(this.#classOf(value))
  }

  /** Non-empty classes, ascending; `upper` is the largest value of the class. */
  classes(): { upper: number; count: number }[] {
    const classes: { upper: number; count: number }[] = []
    this.forEachClass((upper, count) => classes.push({ upper, count }))
    return classes
  }

  /** The same, one by one. */
  forEachClass(visit: (upper: number, count: number) => void): void {
    for (let i = 0; i < this.#counts.length; i++) if (this.#counts[i]! > 0) visit(this.#upperEdge(i), this.#counts[i]!)
  }

  #classOf(value: number): number {
    if (value < 2 << this.bits) return value
    if (value <= MOST_OF_WORD) {
      const exponent = 31 - Math.clz32(value) - this.bits
      return (exponent << this.bits) + (value >>> exponent)
    }
    const exponent = floorLog2(value) - this.bits
    return exponent * 2 ** this.bits + Math.floor(value / 2 ** exponent)
  }

  #lowerEdge(index: number): number {
    const half = 2 ** this.bits
    if (index < 2 * half) return index
    const exponent = Math.floor(index / half) - 1
    return (index - exponent * half) * 2 ** exponent
  }

  #upperEdge(index: number): number {
    return this.#lowerEdge(index + 1) - 1
  }

  #grow(index: number): void {
    const larger = new Float64Array(Math.max(index + 1, this.#counts.length * 2))
    larger.set(this.#counts)
    this.#counts = larger
  }
}

/** Exact for integers up to 2^53, which Math.log2 is not. */
function floorLog2(value: number): number {
  return value < 2 ** 32 ? 31 - Math.clz32(value) : 63 - Math.clz32(Math.floor(value / 2 ** 32))
}
