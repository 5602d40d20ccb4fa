/**
 * Each figure of merit once: its name, unit, meaning, which direction is better, and how it is written. Every table, chart
 * and sentence of every report takes them from here.
 */
import type { Row } from '../columns/index.ts'
import { formatCount, formatDuration, formatPercent, formatSize } from '../units.ts'

export interface Metric {
  label: string
  /** For table columns, where the label is too long or lacks the unit. */
  heading?: string
  /** '' for counts and shares. */
  unit: '' | 'ns' | 'pages' | 'share'
  better: 'lower' | 'higher' | 'neither'
  about: string
  /** From a row of `summary`; null where it is not known. */
  of(summary: Row): number | null
  /** `beside`: a figure in the same words, whose unit is taken. */
  format(value: number, beside?: number): string
  /** What sampling of pages leaves unknown (docs/sampling.md); null where all pages were replayed. Without it: not known. */
  error?: {
    /** Ends of the 95 % interval. */
    interval(summary: Row): [low: number, high: number] | null
    /** Half of it of the change against the baseline, as a share. */
    ofChange?(summary: Row): number | null
  }
}

const column =
  (name: string) =>
  (summary: Row): number | null =>
    (summary[name] as number | null | undefined) ?? null

const ratio = (numerator: number | null, denominator: number | null): number | null =>
  numerator === null || denominator === null || denominator === 0 ? null : numerator / denominator

/** Latencies stay in ns whatever their size, so that a column can be compared by eye. */
export const formatLatency = (ns: number): string => (ns < 1000 ? ns.toFixed(1) : formatCount(ns))

/** Intervals that are as wide on either side: value ± the column NAME_ci95, over what the value is divided by. */
const evenly = (name: string, of: Metric['of'], over: (summary: Row) => number | null = () => 1): Metric['error'] => ({
  interval(summary) {
    const [value, half] = [of(summary), ratio(column(`${name}_ci95`)(summary), over(summary))]
    return value === null || half === null ? null : [value - half, value + half]
  },
})
const percentile = (name: string): Metric['error'] => ({
  interval(summary) {
    const [low, high] = [column(`${name}_low95`)(summary), column(`${name}_high95`)(summary)]
    return low === null || high === null ? null : [low, high]
  },
})
const sampled = (metric: Metric, of: string): Metric => ({ ...metric, error: evenly(of, metric.of) })

const duration = (label: string, name: string, about: string): Metric => ({
  label,
  unit: 'ns',
  better: 'lower',
  about,
  of: column(name),
  format: formatDuration,
})
const count = (label: string, name: string, better: Metric['better'], about: string): Metric => ({
  label,
  unit: 'pages',
  better,
  about,
  of: column(name),
  format: formatCount,
})
const share = (label: string, better: Metric['better'], about: string, of: Metric['of']): Metric => ({
  label,
  unit: 'share',
  better,
  about,
  of,
  format: formatPercent,
})

function aboveOptimum(summary: Row): number | null {
  const excess = ratio(summary['total_cost_ns'] as number, summary['bound_ns'] as number | null)
  return excess === null ? null : excess - 1
}

export const METRICS = {
  meanLatency: {
    label: 'mean latency',
    heading: 'mean ns',
    unit: 'ns',
    better: 'lower',
    about: 'mean latency of an access, without hint faults and migration',
    of: column('mean_latency_ns'),
    format: formatLatency,
    error: { ...evenly('mean_latency_ns', column('mean_latency_ns'))!, ofChange: column('mean_latency_change_ci95') },
  },
  p50Latency: {
    label: 'median latency',
    heading: 'p50 ns',
    unit: 'ns',
    better: 'lower',
    about: 'median access latency',
    of: column('p50_latency_ns'),
    format: formatCount,
    error: percentile('p50_latency_ns'),
  },
  p99Latency: {
    label: '99th percentile of latency',
    heading: 'p99 ns',
    unit: 'ns',
    better: 'lower',
    about: '99th percentile of access latency',
    of: column('p99_latency_ns'),
    format: formatCount,
    error: percentile('p99_latency_ns'),
  },
  localShare: sampled(
    share('local', 'higher', 'share of accesses served by memory of the accessing node', (summary) =>
      ratio(summary['local'] as number, summary['accesses'] as number),
    ),
    'local_share',
  ),
  stall: sampled(duration('stall', 'stall_ns', 'sum over tasks of access latency, faults and synchronous migration'), 'stall_ns'),
  estimatedRun: sampled(
    duration('run time', 'estimated_run_ns', 'recorded time plus the largest difference of a task’s stall against the baseline'),
    'estimated_run_ns',
  ),
  migrated: sampled(count('migrated', 'migrated', 'neither', 'base pages moved'), 'migrated'),
  migrationFailed: sampled(count('failed', 'migration_failed', 'lower', 'base pages that could not be moved'), 'migration_failed'),
  hintFaults: sampled(count('hint faults', 'hint_faults', 'neither', 'NUMA hint faults taken'), 'hint_faults'),
  migrationTime: sampled(duration('migrating', 'migration_ns', 'time spent in the migration engine'), 'migration_ns'),
  totalCost: {
    ...duration('total cost', 'total_cost_ns', 'memory stall + migration + hint faults + observation: what the optimum bounds'),
    error: { ...evenly('total_cost_ns', column('total_cost_ns'))!, ofChange: column('total_cost_change_ci95') },
  },
  aboveOptimum: {
    ...share('above optimum', 'lower', 'total cost above the per-page optimum without capacity limits', aboveOptimum),
    heading: 'above opt.',
    // of the cost alone: how far the optimum may be off is not known
    error: evenly('total_cost_ns', aboveOptimum, column('bound_ns')),
  },
  possibleGain: sampled(
    share('of possible gain', 'higher', '(baseline - this) / (baseline - optimum) of total cost', column('share_of_possible_gain')),
    'share_of_possible_gain',
  ),
  pingPong: sampled(count('ping-pong', 'ping_pong_pages', 'lower', 'pages moved away and back again'), 'ping_pong_pages'),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS

/** Ends of the 95 % interval that sampling of pages leaves; null where nothing is left, or it is not known. */
export function samplingInterval(name: MetricName, summary: Row): [low: number, high: number] | null {
  const interval = (METRICS[name] as Metric).error?.interval(summary) ?? null
  return interval === null || interval[0] === interval[1] ? null : interval
}

/** `90.1 ±0.4`; what is too small for the digits of the figure is `±<0.1`. Without an error, or where it is not known: the figure alone. */
export function withError(value: number, half: number | null | undefined, format: (value: number, beside?: number) => string): string {
  if (!half) return format(value)
  const error = halfText(half, value, format)
  return `${asFar(format(value), error)} ±${error}`
}

/** With as many decimals as the error has: zeros at the end say how far the figure reaches. */
function asFar(text: string, error: string): string {
  const wanted = (/\.(\d+)/.exec(error)?.[1] ?? '').length
  return text.replace(/[\d,]+(?:\.(\d+))?/, (number, decimals = '') => {
    const missing = Math.max(0, wanted - decimals.length)
    return `${number}${decimals === '' && missing > 0 ? '.' : ''}${'0'.repeat(missing)}`
  })
}

function halfText(half: number, value: number, format: (value: number, beside?: number) => string): string {
  const text = format(half, value)
  return /[1-9]/.test(text) ? text : `<${text.replace(/0(\D*)$/, '1$1')}`
}

/** The figure in words a table shows, `90.1 ±0.4` or `144 (82 to 144)` in a sample of pages; an unknown one is an em dash, never a zero. */
export function formatMetric(name: MetricName, summary: Row): string {
  const metric: Metric = METRICS[name]
  const value = metric.of(summary)
  if (value === null) return '—'
  const interval = samplingInterval(name, summary)
  if (interval === null) return metric.format(value)
  const [low, high] = interval
  const isEven = Math.abs(high - value - (value - low)) <= 1e-9 * Math.abs(high)
  return isEven ? withError(value, high - value, metric.format) : `${metric.format(value)} (${metric.format(low)} to ${metric.format(high)})`
}

export const metricHeading = (name: MetricName): string => (METRICS[name] as Metric).heading ?? METRICS[name].label

/** `+12.3%`, `-4.0%`, `=`: a figure against the same figure of the baseline, `-4.0% ±0.3%` in a sample of pages. */
export function formatChange(name: MetricName, summary: Row, baseline: Row): string {
  const metric: Metric = METRICS[name]
  const change = ratio(metric.of(summary), metric.of(baseline))
  if (change === null) return '—'
  if (change === 1) return '='
  const size = formatPercent(Math.abs(change - 1))
  const error = metric.error?.ofChange?.(summary) ?? 0
  return `${Math.abs(change - 1) < 0.0005 ? '' : change < 1 ? '-' : '+'}${size}${error === 0 ? '' : ` ±${halfText(error, change - 1, formatPercent)}`}`
}

/** Pages as bytes: `12.5MiB`. */
export const formatPages = (pages: number, pageSize: number): string => formatSize(pages * pageSize)
