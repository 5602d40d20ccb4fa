/**
 * Is a difference more than the ups and downs of the trace? Policies ran over the same stretches of the same trace, so each
 * stretch is compared with itself: stretches (and seeds) are drawn anew, the same ones for all policies.
 */
import { errorFunction, sampleCorrelation } from 'simple-statistics'
import { Random } from '../columns/index.ts'

/**
 * Blocks are never so long that fewer remain, and fewer bins with any cost give no interval. A series that remembers for longer than a block has
 * blocks that remember each other: that is allowed for. To refuse an interval where memory seems long would be worse than to make
 * it wide: those that chance lets pass are the ones whose spread is underestimated.
 */
export const LEAST_BLOCKS = 24
/** Fewer traces than this say nothing about other traces. */
export const LEAST_TRACES = 5
const RESAMPLES = 2000
/** Share of each tail of an interval, and the normal quantile there. */
const TAIL = 0.025
export const NORMAL_QUANTILE = 1.959963984540054
/** Variance that rounding alone can make. */
const ROUNDING = 1e-24

export interface Estimate {
  /** Cost / reference; over several traces the geometric mean. */
  ratio: number
  /** 95 % confidence interval of the ratio; null where there is too little to tell. */
  interval: [low: number, high: number] | null
  /** Two-sided p-value of "the ratio is 1"; null with the interval. */
  p: number | null
}

export interface PairedEstimate extends Estimate {
  blocks: number
  /** Bins in a block. */
  blockLength: number
  /** How many independent blocks would tell as much (Bayley and Hammersley 1946: blocks × (1 - r) / (1 + r)); null with the interval. */
  independent: number | null
  seeds: number
  /** Logarithms of the ratio as chance would have it, for estimates over several traces; null with the interval. */
  draws: Float64Array | null
}

/**
 * Totals of several policies over one trace, compared in pairs by a bootstrap over blocks of bins and over seeds. The ratio is
 * that of the totals, as tables show it. Each pair has blocks as long as its own differences remember. The spread of the seeds counts beside that of the blocks as far as it is more than
 * what the blocks already show (components of variance: Davison and Hinkley 1997, Bootstrap Methods, section 3.8), and draws
 * are widened by the quantile of t for the few blocks and seeds there are (Satterthwaite 1946; Hesterberg 2015, section 5.3).
 */
export class PairedTotals {
  readonly seeds: number
  readonly bins: number
  /** Bins in which each policy costs anything: of idle ones chance has nothing to draw. */
  readonly #busy: ReadonlyMap<string, number>
  readonly #costs: ReadonlyMap<string, readonly (readonly number[])[]>
  readonly #influences: Map<string, number[]>
  /** Seed of the draws of blocks: those of one length are the same whatever is asked first. */
  readonly #drawSeed: number
  readonly #byLength = new Map<number, Blocks>()
  readonly #seedDraws = new Map<string, Float64Array>()
  readonly #sampling: ReadonlyMap<string, number>
  readonly #samplingDraws = new Map<string, Float64Array>()

  /**
   * Costs of each policy: seeds × bins, the same seeds and bins for all. Equal `random` streams give equal estimates.
   * `sampling`: of a trace that holds a sample of its pages, the relative standard error of the total of each policy. Policies replay the
   * same pages, so their errors go together; how much is not known, and they count as if they did not: never too narrow.
   */
  constructor(costs: ReadonlyMap<string, readonly (readonly number[])[]>, random: Random, sampling: ReadonlyMap<string, number> = new Map()) {
    this.#costs = costs
    this.#sampling = sampling
    const [first] = costs.values()
    this.seeds = first?.length ?? 0
    this.bins = first?.[0]?.length ?? 0
    this.#busy = new Map([...costs].map(([policy, bySeed]) => [policy, meanOverSeeds(bySeed).filter((cost) => cost > 0).length]))
    this.#influences = new Map([...costs].map(([policy, bySeed]) => [policy, influence(meanOverSeeds(bySeed))]))
    this.#drawSeed = random.u32()
    if (this.bins < LEAST_BLOCKS) return
    const seeds = drawn(random, this.seeds)
    for (const [policy, bySeed] of costs) this.#seedDraws.set(policy, logTotals(bySeed.map(sum), seeds))
    for (const [policy, own] of sampling)
      this.#samplingDraws.set(
        policy,
        Float64Array.from({ length: RESAMPLES }, () => own * normal(random)),
      )
  }

  /** Bins in which every policy costs something. */
  get busy(): number {
    return Math.min(this.bins, ...this.#busy.values())
  }

  #blocksFor(policy: string, reference: string): Blocks {
    const remembered = blockLengthOf(minus(this.#influences.get(policy)!, this.#influences.get(reference)!))
    const length = Math.max(1, Math.min(remembered, Math.floor(this.bins / LEAST_BLOCKS)))
    const known = this.#byLength.get(length) ?? new Blocks(this.#costs, this.bins, length, new Random(this.#drawSeed, `blocks of ${length}`))
    this.#byLength.set(length, known)
    return known
  }

  ratio(policy: string, reference: string): PairedEstimate {
    const blocks = this.#blocksFor(policy, reference)
    const [cost, base] = [blocks.of(policy), blocks.of(reference)]
    const centre = Math.log(sum(cost.map(sum)) / sum(base.map(sum)))
    const counted = { ratio: Math.exp(centre), seeds: this.seeds, blocks: blocks.count, blockLength: blocks.length }
    if (Math.min(this.#busy.get(policy)!, this.#busy.get(reference)!) < LEAST_BLOCKS)
      return { ...counted, independent: null, interval: null, p: null, draws: null }
    const { blockScale, seedScale, error: ofTime, degrees: ofBlocksAndSeeds, independent } = components(cost, base)
    const wide = tQuantile(ofBlocksAndSeeds) / NORMAL_QUANTILE
    const draws = new Float64Array(RESAMPLES)
    const sampled = [policy, reference].map((one) => this.#samplingDraws.get(one))
    const ofSample = policy === reference ? 0 : Math.hypot(this.#sampling.get(policy) ?? 0, this.#sampling.get(reference) ?? 0)
    const error = Math.hypot(ofTime, ofSample)
    // Sampling has degrees without end in this (Satterthwaite as above)
    const degrees = ofTime === 0 ? ofBlocksAndSeeds : ofBlocksAndSeeds * (error / ofTime) ** 4
    const [ofPolicy, ofReference] = [blocks.draws(policy), blocks.draws(reference)]
    const [seedsOfPolicy, seedsOfReference] = [this.#seedDraws.get(policy)!, this.#seedDraws.get(reference)!]
    for (let i = 0; i < RESAMPLES; i++) {
      const block = ofPolicy[i]! - ofReference[i]! - centre
      const seed = seedsOfPolicy[i]! - seedsOfReference[i]! - centre
      draws[i] = centre + wide * (blockScale * block + seedScale * seed) + (ofSample === 0 ? 0 : (sampled[0]?.[i] ?? 0) - (sampled[1]?.[i] ?? 0))
    }
    return { ...counted, independent, draws, ...read(draws, centre, error, degrees) }
  }
}

/** The costs in blocks of one length, and which blocks are drawn: the same for all policies. */
class Blocks {
  readonly length: number
  readonly count: number
  readonly #costs: ReadonlyMap<string, readonly (readonly number[])[]>
  readonly #edges: number[]
  readonly #chosen: Uint32Array
  readonly #blocked = new Map<string, number[][]>()
  readonly #draws = new Map<string, Float64Array>()

  constructor(costs: ReadonlyMap<string, readonly (readonly number[])[]>, bins: number, length: number, random: Random) {
    this.length = length
    this.count = Math.floor(bins / length)
    this.#costs = costs
    this.#edges = Array.from({ length: this.count + 1 }, (_, i) => Math.round((i * bins) / Math.max(1, this.count)))
    this.#chosen = drawn(random, this.count)
  }

  /** Seeds × blocks. */
  of(policy: string): number[][] {
    const known = this.#blocked.get(policy) ?? this.#costs.get(policy)!.map((series) => inBlocks(series, this.#edges))
    this.#blocked.set(policy, known)
    return known
  }

  /** Logarithms of the mean, draw by draw. */
  draws(policy: string): Float64Array {
    const known = this.#draws.get(policy) ?? logTotals(meanOverSeeds(this.of(policy)), this.#chosen)
    this.#draws.set(policy, known)
    return known
  }
}

/**
 * Geometric mean of ratios over traces. `cases`: per trace the draws of its ratios, several where it was replayed on several
 * machines: these are taken to move together, which is never too narrow.
 */
export function overTraces(
  cases: readonly (readonly { ratio: number; draws: Float64Array | null }[])[],
  random: Random,
): { these: Estimate; others: Estimate } {
  const logs = cases.map((machines) => mean(machines.map(({ ratio }) => Math.log(ratio))))
  const centre = mean(logs)
  const unknown: Estimate = { ratio: Math.exp(centre), interval: null, p: null }
  return {
    these: cases.every((machines) => machines.every(({ draws }) => draws !== null)) ? { ...unknown, ...within(cases, centre, random) } : unknown,
    others: logs.length < LEAST_TRACES ? unknown : { ...unknown, ...between(logs, centre, random) },
  }
}

/** These very traces, another stretch or seed of each. */
function within(cases: readonly (readonly { draws: Float64Array | null }[])[], centre: number, random: Random): Pick<Estimate, 'interval' | 'p'> {
  const perTrace = cases.map((machines) => {
    const sorted = machines.map(({ draws }) => Float64Array.from(draws!).sort())
    return Float64Array.from({ length: RESAMPLES }, (_, i) => mean(sorted.map((own) => own[i]!)))
  })
  const draws = Float64Array.from({ length: RESAMPLES }, () => mean(perTrace.map((own) => own[draw(random, RESAMPLES)]!)))
  return read(draws, centre, deviation(draws), Number.POSITIVE_INFINITY)
}

/** Traces like these: they are drawn anew. */
function between(logs: readonly number[], centre: number, random: Random): Pick<Estimate, 'interval' | 'p'> {
  const n = logs.length
  const error = deviation(logs) * Math.sqrt(1 / (n - 1))
  const wide = (tQuantile(n - 1) / NORMAL_QUANTILE) * Math.sqrt(n / (n - 1))
  const draws = Float64Array.from({ length: RESAMPLES }, () => {
    let total = 0
    for (let k = 0; k < n; k++) total += logs[draw(random, n)]!
    return centre + wide * (total / n - centre)
  })
  return read(draws, centre, error, n - 1)
}

/** Percentile interval; p from the draws, and from Student's t where it is smaller than they can tell. */
function read(draws: Float64Array, centre: number, error: number, degrees: number): { interval: [number, number]; p: number } {
  const sorted = Float64Array.from(draws).sort()
  const at = (share: number): number => Math.exp(sorted[Math.round(share * (RESAMPLES - 1))]!)
  let below = 0
  let above = 0
  for (const value of sorted) {
    if (value <= 0) below++
    if (value >= 0) above++
  }
  const least = 2 / (RESAMPLES + 1)
  const beyond = Math.min(below, above)
  const p = beyond > 0 ? Math.min(1, least * (beyond + 1)) : Math.min(least, error > 0 ? studentTail(centre / error, degrees) : least)
  return { interval: [at(TAIL), at(1 - TAIL)], p }
}

/** How far draws of blocks and of seeds have to be scaled so that together they spread as the ratio does; its standard error and degrees of freedom. */
function components(
  cost: readonly number[][],
  base: readonly number[][],
): { blockScale: number; seedScale: number; error: number; degrees: number; independent: number } {
  const [seeds, blocks] = [cost.length, cost[0]!.length]
  const perSeed = cost.map((_, i) => minus(influence(cost[i]!, mean(cost.map(mean))), influence(base[i]!, mean(base.map(mean)))))
  const ofBlocks = meanOverSeeds(perSeed)
  const ofSeeds = perSeed.map(mean)
  const r = Math.max(0, neighbours(ofBlocks))
  const memory = (1 + r) / (1 - r)
  const blockVariance = (memory * deviation(ofBlocks) ** 2) / (blocks - 1)
  const blockDegrees = Math.max(1, blocks / memory - 1)
  const blockScale = Math.sqrt((memory * blocks) / (blocks - 1))
  const independent = blocks / memory
  const plain = { blockScale, seedScale: 0, error: Math.sqrt(blockVariance), degrees: blockDegrees, independent }
  if (seeds === 1) return plain
  const seedVariance = deviation(ofSeeds) ** 2 / (seeds - 1)
  let residual = 0
  for (let i = 0; i < seeds; i++) for (let j = 0; j < blocks; j++) residual += (perSeed[i]![j]! - ofSeeds[i]! - ofBlocks[j]!) ** 2
  const noise = residual / ((seeds - 1) * (blocks - 1)) / (seeds * blocks)
  const own = seedVariance - noise
  if (own <= ROUNDING) return plain
  const variance = blockVariance + own
  return {
    blockScale,
    independent,
    seedScale: Math.sqrt((own / seedVariance) * (seeds / (seeds - 1))),
    error: Math.sqrt(variance),
    degrees: Math.max(1, variance ** 2 / (blockVariance ** 2 / blockDegrees + seedVariance ** 2 / (seeds - 1))),
  }
}

const sum = (values: readonly number[] | Float64Array): number => {
  let total = 0
  for (const value of values) total += value
  return total
}
const mean = (values: readonly number[] | Float64Array): number => sum(values) / values.length
const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value - b[i]!)
/** With n below the fraction. */
const deviation = (values: readonly number[] | Float64Array): number => {
  const centre = mean(values)
  let total = 0
  for (const value of values) total += (value - centre) ** 2
  return Math.sqrt(total / values.length)
}
/** What each value adds to the logarithm of the total, about: value / mean - 1. */
const influence = (series: readonly number[], centre = mean(series)): number[] => series.map((value) => (centre === 0 ? 0 : value / centre - 1))
const meanOverSeeds = (bySeed: readonly (readonly number[])[]): number[] => bySeed[0]!.map((_, j) => mean(bySeed.map((series) => series[j]!)))
const inBlocks = (series: readonly number[], edges: readonly number[]): number[] => edges.slice(1).map((end, i) => sum(series.slice(edges[i]!, end)))

/** Uniform below `count`; the bias of count / 2^32 is nothing beside chance. */
const draw = (random: Random, count: number): number => Math.floor((random.u32() * count) / 2 ** 32)

/** Box and Muller 1958. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float())

/** `count` of `count`, with replacement, RESAMPLES times. */
function drawn(random: Random, count: number): Uint32Array {
  const chosen = new Uint32Array(RESAMPLES * count)
  for (let i = 0; i < chosen.length; i++) chosen[i] = draw(random, count)
  return chosen
}

/** Logarithm of the mean of the chosen values, draw by draw. */
function logTotals(values: readonly number[], chosen: Uint32Array): Float64Array {
  const n = values.length
  const logs = new Float64Array(RESAMPLES)
  for (let i = 0; i < RESAMPLES; i++) {
    let total = 0
    for (let k = i * n; k < (i + 1) * n; k++) total += values[chosen[k]!]!
    logs[i] = Math.log(total / n)
  }
  return logs
}

/** Correlation of neighbours, with its bias taken off (Marriott and Pope 1954, Biometrika 41: -(1 + 3r) / n). */
function neighbours(series: readonly number[]): number {
  const r = sampleCorrelation(series.slice(0, -1), series.slice(1))
  return Number.isFinite(r) ? Math.min(0.9, r + (1 + 3 * r) / series.length) : 0
}

/**
 * Three times the lag at which the autocorrelation falls below 0.1 or below what chance alone gives (Bartlett 1946: 1.96 / sqrt n);
 * 1 where neighbouring bins already are independent. What correlation is left between blocks is allowed for in their spread.
 */
export function blockLengthOf(series: readonly number[]): number {
  const longest = Math.floor(series.length / 4)
  const notable = Math.max(0.1, 1.96 / Math.sqrt(series.length))
  for (let lag = 1; lag <= longest; lag++) {
    const correlation = sampleCorrelation(series.slice(0, -lag), series.slice(lag))
    if (!(correlation >= notable)) return lag === 1 ? 1 : 3 * lag
  }
  return Math.max(1, longest)
}

/** 97.5 % quantile of Student's t (Hill 1970, CACM algorithm 396: six digits); degrees >= 1, fractions too. */
export function tQuantile(degrees: number): number {
  const p = 2 * TAIL
  if (degrees === Number.POSITIVE_INFINITY) return NORMAL_QUANTILE
  if (degrees === 1) return 1 / Math.tan((p * Math.PI) / 2)
  if (degrees === 2) return Math.sqrt(2 / (p * (2 - p)) - 2)
  const a = 1 / (degrees - 0.5)
  const b = 48 / a ** 2
  let c = ((20700 * (a / b) - 98) * a - 16) * a + 96.36
  const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * degrees
  let y = (d * p) ** (2 / degrees)
  if (y <= 0.05 + a) {
    const inner = 1 / (((degrees + 6) / (degrees * y) - 0.089 * d - 0.822) * (degrees + 2) * 3) + 0.5 / (degrees + 4)
    return Math.sqrt(degrees * (((inner * y - 1) * (degrees + 1)) / (degrees + 2) + 1 / y))
  }
  const x = -NORMAL_QUANTILE
  y = x ** 2
  if (degrees < 5) c += 0.3 * (degrees - 4.5) * (x + 0.6)
  c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
  y = a * ((((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x) ** 2
  return Math.sqrt(degrees * Math.expm1(y))
}

/** Both tails of Student's t beyond `t` (Wallace 1959, Ann. Math. Stat. 30: the normal deviate of a t, good to 1 % from 3 degrees on). */
export function studentTail(t: number, degrees: number): number {
  const z = degrees === Number.POSITIVE_INFINITY ? Math.abs(t) : ((8 * degrees + 1) / (8 * degrees + 3)) * Math.sqrt(degrees * Math.log1p(t ** 2 / degrees))
  return 2 * normalTail(z)
}

/** Upper tail of the normal distribution; far out, where a difference from one loses its digits, its asymptotic series (Abramowitz and Stegun 26.2.12). */
const normalTail = (z: number): number =>
  z < 4
    ? (1 - errorFunction(z / Math.SQRT2)) / 2
    : (Math.exp(-(z ** 2) / 2) / (z * Math.sqrt(2 * Math.PI))) * (1 - 1 / z ** 2 + 3 / z ** 4 - 15 / z ** 6 + 105 / z ** 8)

export const CORRECTIONS = ['holm', 'bh', 'none'] as const
/** holm: no false alarm at all in 95 % of tables; bh: at most 5 % of the alarms are false. */
export type Correction = (typeof CORRECTIONS)[number]

/** p-values corrected for their number, to be held against 0.05 as they are. */
export function corrected(pValues: readonly number[], correction: Correction): number[] {
  return { holm, bh: benjaminiHochberg, none: (values: readonly number[]) => [...values] }[correction](pValues)
}

/** Holm 1979, as adjusted p-values: the k-th smallest times how many are left, never falling. */
export function holm(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length)
  let highest = 0
  for (const [rank, index] of ascending(pValues).entries()) {
    highest = Math.max(highest, Math.min(1, pValues[index]! * (pValues.length - rank)))
    adjusted[index] = highest
  }
  return adjusted
}

/** Benjamini and Hochberg 1995, as adjusted p-values: the k-th smallest times n / k, never rising from the largest down. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length)
  let lowest = 1
  for (const [rank, index] of [...ascending(pValues).entries()].reverse()) {
    lowest = Math.min(lowest, (pValues[index]! * pValues.length) / (rank + 1))
    adjusted[index] = lowest
  }
  return adjusted
}

const ascending = (values: readonly number[]): number[] => values.map((_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b)
