/** Errors of the figures of a sample of pages, by the jackknife over its hash groups (docs/sampling.md). */
import { sampleVariance } from 'simple-statistics'
import { tQuantile } from '../results/index.ts'
import type { LaneResult } from './lane-result.ts'
import type { LedgerTotals } from './ledger.ts'
import { GROUPS } from './sample.ts'
import { totalCostPs } from './verdict.ts'

/** Counts by group; [0] = pages that stand for themselves alone, which have no error. */
export interface GroupSums {
  /** Kept pages. */
  pages: Float64Array
  accesses: Float64Array
  local: Float64Array
  memoryPs: Float64Array
  migrated: Float64Array
  hintFaults: Float64Array
  pageFaults: Float64Array
}

/** What was sampled. */
export interface SampleShape {
  oneIn: number
  sampledAccesses: number
  leftOutAccesses: number
}

/** Value of an estimate for sums of exact pages and of sampled ones, field by field. */
type Estimate<K extends string> = (exact: Record<K, number>, tail: Record<K, number>) => number

/**
 * Half the width of the 95 % interval of an estimate: each group is left out in turn and the others stand in for it. Pages are
 * drawn without replacement, so of a share 1/oneIn nothing is unknown; Student's t has a degree of freedom per group, less one.
 */
export function halfWidth95<K extends string>({ oneIn, leftOutAccesses }: SampleShape, groups: Record<K, Float64Array>, estimate: Estimate<K>): number {
  if (leftOutAccesses === 0) return 0
  const names = Object.keys(groups) as K[]
  const sums = (of: (group: Float64Array) => number) => Object.fromEntries(names.map((name) => [name, of(groups[name])])) as Record<K, number>
  const exact = sums((group) => group[0]!)
  const count = groups[names[0]!].length - 1
  const totals = sums((group) => group.subarray(1).reduce((sum, one) => sum + one, 0))
  const estimates = Array.from({ length: count }, (_, i) => {
    const others = Object.fromEntries(names.map((name) => [name, ((totals[name] - groups[name][i + 1]!) * count) / (count - 1)])) as Record<K, number>
    return estimate(exact, others)
  }).filter(Number.isFinite)
  const n = estimates.length
  if (n < 2) return 0
  const mean = estimates.reduce((sum, one) => sum + one, 0) / n
  const squares = estimates.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  return Math.sqrt((1 - 1 / oneIn) * ((n - 1) / n) * squares) * tQuantile(n - 1)
}

/** The share of accesses, or the mean of something over accesses: the recording says how many the sampled pages stand for. */
export function perAccess<K extends string>({ sampledAccesses, leftOutAccesses }: SampleShape, name: K): Estimate<K | 'accesses'> {
  const tailAccesses = sampledAccesses + leftOutAccesses
  return (exact, tail) => {
    const ofTail = tail.accesses === 0 ? 0 : tailAccesses * (tail[name] / tail.accesses)
    return (exact[name] + ofTail) / (exact.accesses + tailAccesses)
  }
}

const COLUMNS = [
  'mean_latency_ns_ci95',
  'local_share_ci95',
  'p50_latency_ns_low95',
  'p50_latency_ns_high95',
  'p99_latency_ns_low95',
  'p99_latency_ns_high95',
  'memory_stall_ns_ci95',
  'migrated_ci95',
  'hint_faults_ci95',
  'page_faults_ci95',
  'total_cost_ns_ci95',
  'mean_latency_change_ci95',
] as const
type ErrorColumns = Record<(typeof COLUMNS)[number], number | null>

const UNKNOWN = Object.fromEntries(COLUMNS.map((name) => [name, null])) as ErrorColumns

/**
 * Columns of `summary` that say how far sampling may have moved the others; null where every page was kept. Where halves of the
 * sample were replayed too, what they differ by beyond sampling is added.
 */
export function errorColumns(lane: LaneResult, baseline: LaneResult, sample: SampleShape | undefined): ErrorColumns {
  if (sample === undefined) return UNKNOWN
  const { totals } = lane
  const { sums, p50, p99 } = totals.groups!
  const { oneIn } = sample
  const counted =
    (name: keyof GroupSums): Estimate<keyof GroupSums> =>
    (exact, tail) =>
      exact[name] + oneIn * tail[name]
  const accesses = totals.local + totals.remote
  const latency = perAccess(sample, 'memoryPs')
  const jackknife = (estimate: Estimate<keyof GroupSums>) => halfWidth95(sample, sums, estimate)
  const perMove = totals.migrated > 0 ? totals.migrationPs / totals.migrated : 0
  const perFault = totals.hintFaults > 0 ? totals.hintFaultPs / totals.hintFaults : 0
  const against = baseline.totals.groups!.sums
  const change = halfWidth95(sample, { ...sums, baselineAccesses: against.accesses, baselinePs: against.memoryPs }, (exact, tail) => {
    const reference = latency({ accesses: exact.baselineAccesses, memoryPs: exact.baselinePs }, { accesses: tail.baselineAccesses, memoryPs: tail.baselinePs })
    return latency(exact, tail) / reference
  })
  const cost = jackknife(
    (exact, tail) => accesses * latency(exact, tail) + perMove * counted('migrated')(exact, tail) + perFault * counted('hintFaults')(exact, tail),
  )
  /** With what the halves differ by, in the same unit. */
  const width = (ofSampling: number, figure: (half: LedgerTotals, ofBaseline: LedgerTotals) => number) => {
    const pairs = (lane.halves ?? []).map((half, i) => [half, baseline.halves?.[i]] as const)
    return Math.hypot(
      ofSampling,
      ofPolicy95(
        pairs.flatMap(([half, base]) => (half && base ? [figure(half, base)] : [])),
        ofSampling,
      ),
    )
  }
  const latencyWidth = width(jackknife(latency), meanLatencyPs)
  return {
    mean_latency_ns_ci95: latencyWidth / 1000,
    local_share_ci95: width(jackknife(perAccess(sample, 'local')), ({ local, remote }) => local / (local + remote)),
    p50_latency_ns_low95: p50?.[0] ?? null,
    p50_latency_ns_high95: p50?.[1] ?? null,
    p99_latency_ns_low95: p99?.[0] ?? null,
    p99_latency_ns_high95: p99?.[1] ?? null,
    memory_stall_ns_ci95: (latencyWidth * accesses) / 1000,
    migrated_ci95: width(jackknife(counted('migrated')), ({ migrated }) => migrated),
    hint_faults_ci95: width(jackknife(counted('hintFaults')), ({ hintFaults }) => hintFaults),
    page_faults_ci95: width(jackknife(counted('pageFaults')), ({ pageFaults }) => pageFaults),
    total_cost_ns_ci95: width(cost, (half) => totalCostPs({ totals: half })) / 1000,
    mean_latency_change_ci95: width(change, (half, ofBaseline) => meanLatencyPs(half) / meanLatencyPs(ofBaseline)),
  }
}

const meanLatencyPs = ({ memoryPs, local, remote }: LedgerTotals): number => memoryPs / (local + remote)

/**
 * Half the width of the 95 % interval of what a policy makes of small differences: the variance between halves of the sample less
 * that of sampling, which for a half around the whole is that of the whole. It comes in twice: in this lane, and in the replay of
 * all pages that it stands for.
 */
export function ofPolicy95(figures: number[], samplingHalfWidth95: number): number {
  if (figures.length < 2) return 0
  const ofSampling = (samplingHalfWidth95 / tQuantile(GROUPS - 1)) ** 2
  return tQuantile(figures.length - 1) * Math.sqrt(2 * Math.max(0, sampleVariance(figures) - ofSampling))
}
