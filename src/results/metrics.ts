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
  /** Column of `summary` with half the width of the 95 % interval, which a sample of pages has. */
  halfWidth?: string
  /** From a row of `summary`; null where it is not known. */
  of(summary: Row): number | null
  format(value: number): string
}

const column =
  (name: string) =>
  (summary: Row): number | null =>
    (summary[name] as number | null | undefined) ?? null

const ratio = (numerator: number | null, denominator: number | null): number | null =>
  numerator === null || denominator === null || denominator === 0 ? null : numerator / denominator

/** Latencies stay in ns whatever their size, so that a column can be compared by eye. */
export const formatLatency = (ns: number): string => (ns < 1000 ? ns.toFixed(1) : formatCount(ns))

const duration = (label: string, name: string, about: string): Metric => ({
  label,
  unit: 'ns',
  better: 'lower',
  about,
  of: column(name),
  format: formatDuration,
})
const sampled = <M extends Metric>(metric: M, of: string): M & { halfWidth: string } => ({ ...metric, halfWidth: `${of}_ci95` })
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

export const METRICS = {
  meanLatency: {
    label: 'mean latency',
    heading: 'mean ns',
    unit: 'ns',
    better: 'lower',
    about: 'mean latency of an access, without hint faults and migration',
    halfWidth: 'mean_latency_ns_ci95',
    of: column('mean_latency_ns'),
    format: formatLatency,
  },
  p50Latency: {
    label: 'median latency',
    heading: 'p50 ns',
    unit: 'ns',
    better: 'lower',
    about: 'median access latency',
    of: column('p50_latency_ns'),
    format: formatCount,
  },
  p99Latency: {
    label: '99th percentile of latency',
    heading: 'p99 ns',
    unit: 'ns',
    better: 'lower',
    about: '99th percentile of access latency',
    of: column('p99_latency_ns'),
    format: formatCount,
  },
  localShare: sampled(
    share('local', 'higher', 'share of accesses served by memory of the accessing node', (summary) =>
      ratio(summary['local'] as number, summary['accesses'] as number),
    ),
    'local_share',
  ),
  stall: duration('stall', 'stall_ns', 'sum over tasks of access latency, faults and synchronous migration'),
  estimatedRun: duration('run time', 'estimated_run_ns', 'recorded time plus the largest difference of a task’s stall against the baseline'),
  migrated: sampled(count('migrated', 'migrated', 'neither', 'base pages moved'), 'migrated'),
  migrationFailed: count('failed', 'migration_failed', 'lower', 'base pages that could not be moved'),
  hintFaults: sampled(count('hint faults', 'hint_faults', 'neither', 'NUMA hint faults taken'), 'hint_faults'),
  migrationTime: duration('migrating', 'migration_ns', 'time spent in the migration engine'),
  totalCost: sampled(duration('total cost', 'total_cost_ns', 'memory stall + migration + hint faults + observation: what the optimum bounds'), 'total_cost_ns'),
  aboveOptimum: {
    ...share('above optimum', 'lower', 'total cost above the per-page optimum without capacity limits', (summary) => {
      const excess = ratio(summary['total_cost_ns'] as number, summary['bound_ns'] as number | null)
      return excess === null ? null : excess - 1
    }),
    heading: 'above opt.',
  },
  possibleGain: share('of possible gain', 'higher', '(baseline - this) / (baseline - optimum) of total cost', column('share_of_possible_gain')),
  pingPong: count('ping-pong', 'ping_pong_pages', 'lower', 'pages moved away and back again'),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS

/** The figure in words a table shows; an unknown one is an em dash, never a zero. */
export function formatMetric(name: MetricName, summary: Row): string {
  const metric: Metric = METRICS[name]
  const value = metric.of(summary)
  if (value === null) return '—'
  const width = metric.halfWidth === undefined ? null : ((summary[metric.halfWidth] as number | null | undefined) ?? null)
  return width === null ? metric.format(value) : `${metric.format(value)} ±${metric.format(width)}`
}

export const metricHeading = (name: MetricName): string => (METRICS[name] as Metric).heading ?? METRICS[name].label

/** `+12.3%`, `-4.0%`, `=`: a figure against the same figure of the baseline. */
export function formatChange(value: number | null, baseline: number | null): string {
  if (value === null || baseline === null || baseline === 0) return '—'
  const change = value / baseline - 1
  if (change === 0) return '='
  const text = Math.abs(change) < 0.0005 ? '0.0%' : formatPercent(Math.abs(change))
  return `${change < 0 ? '-' : '+'}${text}`
}

/** Pages as bytes: `12.5MiB`. */
export const formatPages = (pages: number, pageSize: number): string => formatSize(pages * pageSize)
