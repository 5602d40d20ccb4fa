/**
 * What a trace that holds a sample of its pages does to reports: every table and chart says how far sampling may have moved
 * its figures. All reports get this from `defineReport`; a chart that draws the intervals takes them from `errorBars`.
 */
import type { Row } from '../columns/index.ts'
import { METRICS, type Metric, type MetricName, samplingInterval } from '../results/index.ts'
import { formatPercent } from '../units.ts'
import type { Report, ReportChart, ReportTable, RunTables } from './define.ts'
import { LANE_ROWS } from './pieces.ts'
import { TimeGrid } from './time.ts'

/** Data set of the intervals of a chart. */
const ERRORS = 'errors'
const NONE: Pick<ErrorBars, 'data' | 'layers'> = { data: {}, layers: [] }

export interface ErrorBars {
  /** To be spread into the chart's data. */
  data: Record<string, Row[]>
  /** To be put over the marks. They are of the whole run: with a time window chosen they are gone. */
  layers: object[]
}

/** 95 % intervals of the metric `x` on a chart with a row per lane, or with `y` on a plane of two; nothing where all pages were replayed. */
export function errorBars(run: RunTables, x: MetricName, y?: MetricName, scale = { x: 1, y: 1 }): ErrorBars {
  const whole = new TimeGrid(run).ends.at(-1) ?? 0
  const ends = (name: MetricName, row: Row, factor: number) => (samplingInterval(name, row) ?? [null, null]).map((end) => end === null ? null : end * factor) // biome-ignore format: one thought
  const rows = run.rows('summary').map((row): Row => {
    const [low, high] = ends(x, row, scale.x)
    const own: Row = { lane: row['lane']!, whole, low: low!, high: high! }
    if (y === undefined) return own
    const [lower, upper] = ends(y, row, scale.y)
    return { ...own, atX: value(x, row, scale.x), atY: value(y, row, scale.y), lower: lower!, upper: upper! }
  })
  if (rows.every((row) => row['low'] === null && (row['lower'] ?? null) === null)) return NONE
  const rule = (from: string, encoding: object): object => ({
    data: { name: ERRORS },
    transform: [{ filter: `windowFrom <= 0 && windowTo >= datum.whole && datum.${from} !== null` }],
    mark: { type: 'rule', color: 'theme:ink', strokeWidth: 1.5, tooltip: null },
    encoding,
  })
  const along = { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } }
  return {
    data: { [ERRORS]: rows },
    layers:
      y === undefined
        ? [rule('low', { y: LANE_ROWS, ...along })]
        : [
            rule('low', { y: { field: 'atY', type: 'quantitative' }, ...along }),
            rule('lower', { x: { field: 'atX', type: 'quantitative' }, y: { field: 'lower', type: 'quantitative' }, y2: { field: 'upper' } }),
          ],
  }
}

const value = (name: MetricName, row: Row, factor: number): number | null => {
  const known = METRICS[name].of(row)
  return known === null ? null : known * factor
}

/** The report, with the sampling error told in every table and under every chart. */
export function tellingSamplingError(report: Report): Report {
  return {
    ...report,
    optional: [...new Set([...(report.optional ?? []), 'summary'])].filter((table) => !report.tables.includes(table) && report.of !== 'study'),
    text(run) {
      const tables = report.text(run)
      const said = ofTotals(run)
      return said === null ? tables : tables.map((table) => ({ ...table, notes: [...(table.notes ?? []), underTable(table, said)] }))
    },
    charts(run) {
      const charts = report.charts(run)
      const said = ofTotals(run)
      return said === null ? charts : charts.map((chart) => ({ ...chart, caption: [chart.caption, underChart(chart, said)].filter(Boolean).join(' ') }))
    },
  }
}

function underTable({ rows }: ReportTable, said: string): string {
  const hasErrors = rows.some((row) => row.some((cell) => cell.includes('±') || /\(.+ to .+\)$/.test(cell)))
  return hasErrors
    ? 'A sample of pages: ± is half of the 95% interval of sampling; figures without it are estimates too, of unknown error.'
    : `A sample of pages, these are estimates. ${said}`
}

const underChart = ({ data }: ReportChart, said: string): string =>
  data[ERRORS] === undefined ? `A sample of pages. ${said}` : 'A sample of pages: thin lines are the 95% intervals of sampling, for the whole run.'

const TOLD: MetricName[] = ['meanLatency', 'localShare', 'migrated', 'hintFaults', 'totalCost']

/** The errors that are known, of the policy of which least is; null where all pages were replayed. */
function ofTotals(run: RunTables): string | null {
  const rows = run.rows(run.study === undefined ? 'summary' : 'points')
  const errors = TOLD.flatMap((name) => {
    const relative = rows.map((row) => {
      const interval = samplingInterval(name, row)
      return interval === null ? 0 : (interval[1] - interval[0]) / 2 / (METRICS[name].of(row) || 1)
    })
    const most = Math.max(0, ...relative)
    return most === 0 ? [] : [`${(METRICS[name] as Metric).label} ±${formatPercent(most)}`]
  })
  if (errors.length > 0) return `Error of totals (95%), at most: ${errors.join(', ')}; of parts of them (times, nodes, routes) no error is known.`
  return run.record.trace.sample === undefined || run.study !== undefined ? null : 'All pages that matter were kept: sampling leaves no error.'
}
