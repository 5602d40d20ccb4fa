/** The one table of `replay`: a row per policy, failures by errno below, and above it what was run. */
import type { Row } from '../columns/index.ts'
import { formatChange, formatMetric, METRICS, type MetricName, metricHeading } from '../results/index.ts'
import { formatCount, formatDuration, formatSize } from '../units.ts'
import type { ReportTable, RunTables } from './define.ts'
import { caveats, shortDigest } from './provenance.ts'
import { printable, renderTable, styled, type TextOptions } from './text.ts'

const COLUMNS: MetricName[] = [
  'meanLatency',
  'p50Latency',
  'p99Latency',
  'localShare',
  'stall',
  'estimatedRun',
  'migrated',
  'migrationFailed',
  'hintFaults',
  'migrationTime',
  'aboveOptimum',
]
/** Followed by the change against the baseline. */
const COMPARED: ReadonlySet<MetricName> = new Set(['meanLatency', 'estimatedRun'])

export function comparison(run: RunTables): ReportTable {
  const rows = run.rows('summary')
  const baseline = rows.find((row) => row['lane'] === run.record.baseline) ?? rows[0]!
  const change = (name: MetricName, row: Row): string => (row === baseline ? '' : formatChange(name, row, baseline))
  return {
    title: 'Comparison',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      ...COLUMNS.flatMap((name): ReportTable['columns'] => [
        { heading: metricHeading(name), align: 'right' },
        ...(COMPARED.has(name) ? [{ heading: 'change', align: 'right' as const }] : []),
      ]),
    ],
    rows: rows.map((row) => [
      row['lane'] as string,
      ...COLUMNS.flatMap((name) => [formatMetric(name, row), ...(COMPARED.has(name) ? [change(name, row)] : [])]),
    ]),
    bars: barsOf(rows),
    notes: [
      ...rows.filter((row) => row['status'] !== 'ok').map((row) => `${row['lane']} ended early: ${row['status']}${row['error'] ? `, ${row['error']}` : ''}`),
      ...failureLines(run),
    ],
  }
}

/** Bars behind mean latency, local share and pages migrated: as long as the figure is in proportion to the largest. */
function barsOf(rows: Row[]): Record<number, (number | null)[]> {
  const columns = COLUMNS.flatMap((name) => (COMPARED.has(name) ? [name, null] : [name]))
  const drawn: MetricName[] = ['meanLatency', 'localShare', 'migrated']
  return Object.fromEntries(
    drawn.map((name) => {
      const values = rows.map((row) => METRICS[name].of(row))
      const largest = name === 'localShare' ? 1 : Math.max(...values.map((value) => value ?? 0))
      return [1 + columns.indexOf(name), values.map((value) => (value === null || largest === 0 ? null : value / largest))]
    }),
  )
}

/** `hot-page-daemon: 1,204 failed: EBUSY 840, ENOMEM 364` */
function failureLines(run: RunTables): string[] {
  const byLane = new Map<string, Map<string, number>>()
  for (const { lane, errno, pages } of run.rows('failures')) {
    if (!byLane.has(lane as string)) byLane.set(lane as string, new Map())
    const sums = byLane.get(lane as string)!
    sums.set(errno as string, (sums.get(errno as string) ?? 0) + (pages as number))
  }
  return [...byLane].map(([lane, sums]) => {
    const parts = [...sums].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([errno, pages]) => `${errno} ${formatCount(pages)}`)
    return `failed in ${lane}: ${parts.join(', ')} pages`
  })
}

export function comparisonTable(run: RunTables, options: TextOptions): string {
  const { trace, machine, seed, version, baseline } = run.record
  const filtered = trace.filtered ? `filtered by ${trace.filtered}` : 'unfiltered'
  const content = `${formatCount(trace.accesses)} accesses, ${formatCount(trace.pages)} pages${trace.sample === undefined ? '' : ` kept (1/${trace.sample.oneIn})`} of ${formatSize(trace.pageSize)}, ${trace.fidelity}, ${filtered}`
  const head = [
    `trace    ${trace.file}  ${shortDigest(trace.digest)}`,
    `         ${content}, ${formatDuration(trace.timeLastNs - trace.timeFirstNs)}`,
    `machine  ${machine.name}, latencies ${machine.latencySource}`,
    `run      seed ${seed}, baseline ${baseline}, numareplay ${version}`,
  ]
  const warnings = caveats(run.record).map((text) => styled(`note: ${printable(text)}`, 'yellow', options))
  return [...head.map(printable), ...warnings, '', renderTable({ ...comparison(run), title: '' }, options)].join('\n')
}
