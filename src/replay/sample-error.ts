/** Errors of the figures of a sample of pages, by the jackknife over its hash groups (docs/sampling.md). */
import { sampleVariance } from 'simple-statistics'
import { tQuantile } from '../results/index.ts'
import type { Bound } from './bound.ts'
import type { HalfResult, LaneResult } from './lane-result.ts'
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
  'stall_ns_ci95',
  'migration_ns_ci95',
  'ping_pong_pages_ci95',
  'observation_ns_ci95',
  'estimated_run_ns_ci95',
  'migration_failed_ci95',
  'share_of_possible_gain_ci95',
  'mean_latency_change_ci95',
  'total_cost_change_ci95',
] as const
type ErrorColumns = Record<(typeof COLUMNS)[number], number | null>

const UNKNOWN = Object.fromEntries(COLUMNS.map((name) => [name, null])) as ErrorColumns

/**
 * Columns of `summary` that say how far sampling may have moved the others; null where every page was kept. Where halves of the
 * sample were replayed too, what they differ by beyond sampling is added.
 */
export function errorColumns(lane: LaneResult, baseline: LaneResult, bound: Pick<Bound, 'ps'>, sample: SampleShape | undefined): ErrorColumns {
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
  const change = halfWidth95(
    sample,
    { ...sums, ...baselineSums(against) },
    (exact, tail) => latency(exact, tail) / latency(baselineOf(exact), baselineOf(tail)),
  )
  const inStall = (components: RegExp, count: number) => (count > 0 ? stackPs(lane, components) / count : 0)
  const perPageFault = inStall(/^page fault$/, totals.pageFaults)
  const perPromotion = inStall(/^promotion: /, totals.migrated)
  const stall = jackknife(
    (exact, tail) =>
      accesses * latency(exact, tail) +
      perPageFault * counted('pageFaults')(exact, tail) +
      perFault * counted('hintFaults')(exact, tail) +
      perPromotion * counted('migrated')(exact, tail),
  )
  /** With what the halves differ by, in the same unit; of what has no pages of its own that is all. */
  const width = (ofSampling: number, figure: (half: HalfResult, ofBaseline: HalfResult) => number) => {
    const pairs = (lane.halves ?? []).map((half, i) => [half, baseline.halves?.[i]] as const)
    return Math.hypot(
      ofSampling,
      ofPolicy95(
        pairs.flatMap(([half, base]) => (half && base ? [figure(half, base)] : [])),
        ofSampling,
      ),
    )
  }
  const hasHalves = (lane.halves ?? []).filter((half) => half !== undefined).length > 1
  const byHalves = (isZero: boolean, figure: (half: HalfResult, ofBaseline: HalfResult) => number) => (isZero ? 0 : hasHalves ? width(0, figure) : null)
  const costChange = (): number => {
    const [ofLane, ofBaseline] = [costOf(sample, lane), costOf(sample, baseline)]
    return halfWidth95(sample, { ...sums, ...baselineSums(against) }, (exact, tail) => ofLane(exact, tail) / ofBaseline(baselineOf(exact), baselineOf(tail)))
  }
  /** The optimum is taken as known. */
  const gain = (ofBaseline: number, own: number) => (ofBaseline - own) / (ofBaseline - bound.ps)
  const gainWidth = (): number | null => {
    if (totalCostPs(baseline) <= bound.ps) return null
    const [ofLane, ofBaseline] = [costOf(sample, lane), costOf(sample, baseline)]
    const ofSampling = halfWidth95(sample, { ...sums, ...baselineSums(against) }, (exact, tail) =>
      gain(ofBaseline(baselineOf(exact), baselineOf(tail)), ofLane(exact, tail)),
    )
    return width(ofSampling, (half, ofBase) => gain(totalCostPs(ofBase), totalCostPs(half)))
  }
  const latencyWidth = width(jackknife(latency), meanLatencyPs)
  return {
    mean_latency_ns_ci95: latencyWidth / 1000,
    local_share_ci95: width(jackknife(perAccess(sample, 'local')), ({ totals: { local, remote } }) => local / (local + remote)),
    p50_latency_ns_low95: p50?.[0] ?? null,
    p50_latency_ns_high95: p50?.[1] ?? null,
    p99_latency_ns_low95: p99?.[0] ?? null,
    p99_latency_ns_high95: p99?.[1] ?? null,
    memory_stall_ns_ci95: (latencyWidth * accesses) / 1000,
    migrated_ci95: width(jackknife(counted('migrated')), ({ totals: half }) => half.migrated),
    hint_faults_ci95: width(jackknife(counted('hintFaults')), ({ totals: half }) => half.hintFaults),
    page_faults_ci95: width(jackknife(counted('pageFaults')), ({ totals: half }) => half.pageFaults),
    total_cost_ns_ci95: width(jackknife(costOf(sample, lane)), totalCostPs) / 1000,
    stall_ns_ci95: width(stall, ({ totals: half }) => sumOf(half.taskStallPs)) / 1000,
    migration_ns_ci95: width(perMove * jackknife(counted('migrated')), ({ totals: half }) => half.migrationPs) / 1000,
    ping_pong_pages_ci95: width(lane.pingPongWidth!, ({ pingPongPages }) => pingPongPages),
    observation_ns_ci95: perNs(byHalves(totals.observationPs === 0, ({ totals: half }) => half.observationPs)),
    estimated_run_ns_ci95: perNs(byHalves(lane === baseline, (half, ofBaseline) => half.totals.criticalStallPs - ofBaseline.totals.criticalStallPs)),
    migration_failed_ci95: byHalves(totals.failed === 0, ({ totals: half }) => half.failed),
    share_of_possible_gain_ci95: gainWidth(),
    total_cost_change_ci95: totalCostPs(baseline) > 0 ? width(costChange(), (half, ofBase) => totalCostPs(half) / totalCostPs(ofBase)) : null,
    mean_latency_change_ci95: width(change, (half, ofBaseline) => meanLatencyPs(half) / meanLatencyPs(ofBaseline)),
  }
}

const meanLatencyPs = ({ totals: { memoryPs, local, remote } }: { totals: LedgerTotals }): number => memoryPs / (local + remote)
const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)
const perNs = (ps: number | null): number | null => (ps === null ? null : ps / 1000)

/** The total cost: accesses, moves and faults by group, the rest as it is. */
function costOf(sample: SampleShape, lane: Pick<LaneResult, 'totals'>): Estimate<CostSums> {
  const { totals } = lane
  const accesses = totals.local + totals.remote
  const latency = perAccess(sample, 'memoryPs')
  const perMove = totals.migrated > 0 ? totals.migrationPs / totals.migrated : 0
  const perFault = totals.hintFaults > 0 ? totals.hintFaultPs / totals.hintFaults : 0
  const rest = totalCostPs(lane) - totals.memoryPs - perMove * totals.migrated - perFault * totals.hintFaults
  return (exact, tail) =>
    rest +
    accesses * latency(exact, tail) +
    perMove * (exact.migrated + sample.oneIn * tail.migrated) +
    perFault * (exact.hintFaults + sample.oneIn * tail.hintFaults)
}

type CostSums = 'accesses' | 'memoryPs' | 'migrated' | 'hintFaults'
type BaselineSums = `baseline ${CostSums}`

/** Sums of the baseline beside those of a lane, and back. */
const baselineSums = ({ accesses, memoryPs, migrated, hintFaults }: GroupSums): Record<BaselineSums, Float64Array> => ({
  'baseline accesses': accesses,
  'baseline memoryPs': memoryPs,
  'baseline migrated': migrated,
  'baseline hintFaults': hintFaults,
})
const baselineOf = (sums: Record<BaselineSums, number>): Record<CostSums, number> => ({
  accesses: sums['baseline accesses'],
  memoryPs: sums['baseline memoryPs'],
  migrated: sums['baseline migrated'],
  hintFaults: sums['baseline hintFaults'],
})

/** Time of some components of the latency stack, ps. */
const stackPs = ({ rows }: LaneResult, components: RegExp): number =>
  rows.stack.reduce((sum, { component, ns }) => sum + (components.test(component as string) ? 1000 * (ns as number) : 0), 0)

/**
 * Half the width of the 95 % interval of what a policy makes of small differences: the variance between halves of the sample less
 * that of sampling, which for a half around the whole is that of the whole. It comes in twice: in this lane, and in the replay of
 * all pages that it stands for.
 */
export function ofPolicy95(figures: number[], samplingHalfWidth95: number): number {
  if (figures.length < 2) return 0
  return policyWidth95(sampleVariance(figures), figures.length, samplingHalfWidth95)
}

/** The same from the variance of the figures of so many halves. */
export function policyWidth95(variance: number, halves: number, samplingHalfWidth95: number): number {
  const ofSampling = (samplingHalfWidth95 / tQuantile(GROUPS - 1)) ** 2
  return tQuantile(halves - 1) * Math.sqrt(2 * Math.max(0, variance - ofSampling))
}
