/**
 * Is a difference more than the ups and downs of the trace? Paired block bootstrap over epochs: both policies ran over the same
 * stretches of the same trace, so each stretch is compared with itself, and stretches are drawn anew.
 */
import { cumulativeStdNormalProbability, sampleCorrelation } from 'simple-statistics'
import { Random } from '../columns/index.ts'

/** Fewer stretches than this say nothing about their spread. */
export const LEAST_BLOCKS = 20
const RESAMPLES = 10_000

export interface RatioEstimate {
  /** Geometric mean over blocks of cost / reference; with fewer than LEAST_BLOCKS blocks the ratio of the totals. */
  ratio: number
  /** 95 % confidence interval of the ratio; null with fewer than LEAST_BLOCKS blocks. */
  interval: [low: number, high: number] | null
  /** Two-sided p-value of "the ratio is 1"; null with the interval. */
  p: number | null
  blocks: number
  /** Bins in a block. */
  blockLength: number
}

/** Costs of two policies per time bin, paired. Equal seeds give equal estimates. */
export function pairedRatio(cost: readonly number[], reference: readonly number[], seed: number, label: string): RatioEstimate {
  const usable = cost.map((_, i) => i).filter((i) => cost[i]! > 0 && reference[i]! > 0)
  const logs = usable.map((i) => Math.log(cost[i]! / reference[i]!))
  const blockLength = blockLengthOf(logs)
  const logRatio = (bins: readonly number[]): number => {
    const sum = (values: readonly number[]): number => bins.reduce((total, i) => total + values[i]!, 0)
    return bins.length === 0 ? 0 : Math.log(sum(cost) / sum(reference))
  }
  const blocks: number[] = []
  for (let start = 0; start + blockLength <= usable.length; start += blockLength) blocks.push(logRatio(usable.slice(start, start + blockLength)))
  const counted = { blocks: blocks.length, blockLength }
  if (blocks.length < LEAST_BLOCKS) return { ...counted, ratio: Math.exp(logRatio(usable)), interval: null, p: null }
  return { ...counted, ratio: Math.exp(mean(blocks)), ...bootstrap(blocks, new Random(seed, `bootstrap ${label}`)) }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Ten times the lag at which the autocorrelation falls below 0.1 or below what chance alone gives (Bartlett 1946: 1.96 / sqrt n),
 * so that blocks are nearly independent; 1 where neighbouring bins already are.
 */
export function blockLengthOf(series: readonly number[]): number {
  const longest = Math.floor(series.length / 4)
  const notable = Math.max(0.1, 1.96 / Math.sqrt(series.length))
  for (let lag = 1; lag <= longest; lag++) {
    const correlation = sampleCorrelation(series.slice(0, -lag), series.slice(lag))
    if (!(correlation >= notable)) return lag === 1 ? 1 : 10 * lag
  }
  return Math.max(1, longest)
}

/**
 * Expanded percentile interval (Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3): the plain one is too short
 * for few blocks, as it divides by n and uses normal instead of t quantiles.
 */
function bootstrap(blocks: readonly number[], random: Random): { interval: [number, number]; p: number } {
  const n = blocks.length
  const means = new Float64Array(RESAMPLES)
  for (let i = 0; i < RESAMPLES; i++) {
    let sum = 0
    for (let k = 0; k < n; k++) sum += blocks[random.below(n)]!
    means[i] = sum / n
  }
  means.sort()
  const tail = cumulativeStdNormalProbability(-Math.sqrt(n / (n - 1)) * tQuantile975(n - 1))
  const at = (share: number): number => Math.exp(means[Math.min(RESAMPLES - 1, Math.max(0, Math.round(share * (RESAMPLES - 1))))]!)
  const below = means.filter((value) => value <= 0).length
  const above = means.filter((value) => value >= 0).length
  return { interval: [at(tail), at(1 - tail)], p: Math.min(1, (2 * (Math.min(below, above) + 1)) / (RESAMPLES + 1)) }
}

/** 97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5, Cornish-Fisher around the normal quantile). */
export function tQuantile975(degrees: number): number {
  const z = 1.959963985
  const [z3, z5, z7] = [z ** 3, z ** 5, z ** 7]
  return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees ** 2) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees ** 3)
}

/** Holm 1979: which of several hypotheses fall when all errors together are to stay below `alpha`. */
export function holm(pValues: readonly number[], alpha = 0.05): boolean[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]! || a - b)
  const rejected = pValues.map(() => false)
  for (const [rank, index] of order.entries()) {
    if (pValues[index]! > alpha / (pValues.length - rank)) break
    rejected[index] = true
  }
  return rejected
}
