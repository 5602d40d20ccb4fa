/**
 * What a trace that holds a sample of its pages does to reports: every table and chart says how far sampling may have moved
 * its figures. Figures in tables take their ± from `told`, charts their bands and thin lines from what is below; what has no error
 * that is known says so in words (`sampling` of a table or chart). All reports get the sentence from `defineReport`.
 */
import type { Row } from '../columns/index.ts'
import { METRICS, type Metric, type MetricName, samplingInterval, withError } from '../results/index.ts'
import { formatPercent } from '../units.ts'
import { formatRatio } from './across.ts'
import type { Report, ReportChart, ReportTable, RunTables } from './define.ts'
import { LANE_ROWS } from './pieces.ts'
import { TimeGrid } from './time.ts'

/** Data set of the intervals of a chart. */
const ERRORS = 'errors'
const NONE: Pick<ErrorBars, 'data' | 'layers'> = { data: {}, layers: [] }

/** Figures have an error: not all pages were kept that the recording holds. */
export const isSampled = ({ record: { trace } }: RunTables): boolean => trace.sample !== undefined && trace.sample.leftOutAccesses > 0

/** A figure of a row as tables show it, `1,204 ±36` where its error is known. */
export const told = (row: Row, column: string, format: (value: number, beside?: number) => string): string =>
  withError(row[column] as number, row[`${column}_ci95`] as number | null | undefined, format)

/** Some comparison of the study replayed a sample of pages. */
export const isSampledStudy = ({ study, rows }: RunTables): boolean => study !== undefined && rows('points').some((row) => ((row['total_cost_ns_ci95'] as number | null | undefined) ?? 0) > 0) // biome-ignore format: one thought

/** `-12.3% ±0.4%`: a ratio as a change, with half the width of its interval as a share of it. */
export const toldChange = (ratio: number, error: number): string =>
  withError(ratio - 1, ratio * error, (change, beside) => (beside === undefined ? formatRatio(1 + change) : formatPercent(change)))

/** Ends of the interval of a change for a chart of a study: `from` and `to`; nothing where all pages were replayed. */
export const changeEnds = (run: RunTables, ratio: number, error: number): Row =>
  isSampledStudy(run) ? { from: ratio * (1 - error) - 1, to: ratio * (1 + error) - 1, half: ratio * error } : {}

/** A line over each point of a study along `channel`, in its colour. */
export const changeLines = (run: RunTables, channel: 'x' | 'y', encoding: object = {}): object[] =>
  isSampledStudy(run)
    ? [
        {
          transform: [{ filter: 'datum.to > datum.from' }],
          mark: { type: 'rule', strokeWidth: 1.2, opacity: 0.8, tooltip: null },
          encoding: { ...encoding, [channel]: { field: 'from', type: 'quantitative' }, [`${channel}2`]: { field: 'to' } },
        },
      ]
    : []
export const changeTooltip = (run: RunTables): object[] => (isSampledStudy(run) ? [{ field: 'half', type: 'quantitative', title: '±', format: '.2%' }] : [])

/** Stands under the tables of a study. */
export const STUDY_LIMIT = 'Of means over settings, and of two policies against each other, it is an upper limit: the same pages may be behind them.'

// ---- lines over bars and points

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
    mark: { ...ERROR_LINE },
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

export const ERROR_LINE = { type: 'rule', color: 'theme:ink', strokeWidth: 1.5, tooltip: null }

/** Lines of `error` either side of `at`, both fields of the rows as transformed; `most`: what cannot be exceeded. */
export const errorLines = (at: string, error: string, encoding: object = { y: LANE_ROWS }, most?: number): object => ({
  transform: [
    { filter: `datum.${error} > 0` },
    { calculate: `datum.${at} - datum.${error}`, as: 'low' },
    { calculate: most === undefined ? `datum.${at} + datum.${error}` : `min(${most}, datum.${at} + datum.${error})`, as: 'high' },
  ],
  mark: { ...ERROR_LINE },
  encoding: { ...encoding, x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
})

/**
 * Errors of counts that a chart adds up over the time window, as the column `error` of its rows: of the stretches of `rows`, whose half
 * widths add up (an upper limit, as the same pages are behind them), and of the whole run, for which the error is known, as rows that
 * count nothing. `chosenErrors` takes those that the window asks for. Rows as they are where all pages were replayed.
 */
export function withErrors(run: RunTables, rows: Row[], column: string, whole: Row[]): Row[] {
  if (!isSampled(run) || rows.length === 0) return rows
  const name = `${column}_ci95`
  if (rows[0]!['time'] === undefined) return rows.map(({ [name]: error, ...row }) => ({ ...row, error: error ?? 0, isWhole: true }))
  const timed = rows.map(({ [name]: error, ...row }) => ({ ...row, error: error ?? 0, isWhole: false }))
  const known = whole.map(({ [name]: error, ...row }) => ({ ...row, start: null, time: null, [column]: 0, error: error ?? 0, isWhole: true }))
  return [...timed, ...known] as Row[]
}

/** The column with the error of a count, where there is one. */
export const errorColumn = (run: RunTables, column: string): string[] => (isSampled(run) ? [`${column}_ci95`] : [])

/** To stand before the sums of a chart over rows from `withErrors`: their column `counted`. A field of its own, as what a formula overwrites is gone when the window changes. */
export function chosenErrors(run: RunTables): object[] {
  if (!isSampled(run)) return []
  return [{ calculate: `datum.isWhole === (windowFrom <= 0 && windowTo >= ${wholeRun(run)}) ? datum.error : 0`, as: 'counted' }]
}

/** End of the run in the unit of the charts. */
export const wholeRun = (run: RunTables): number => new TimeGrid(run).ends.at(-1) ?? 0

/** Sum of the errors, `error`, where a chart sums its counts. */
export const errorSum = (run: RunTables, field = 'counted'): object[] => (isSampled(run) ? [{ op: 'sum', field, as: 'error' }] : [])

/** A line for tooltips. */
export const errorTooltip = (run: RunTables, format: string, field = 'error'): object[] =>
  isSampled(run) ? [{ field, type: 'quantitative', title: '±', format }] : []

/**
 * Rows of `epochs` with the errors of their means over accesses, times those accesses (`shareError`, `latencyError`): bins that are added up
 * weigh as they have accesses.
 */
export const withMeanErrors = (run: RunTables): Row[] =>
  run.rows('epochs').map((row) => {
    if (!isSampled(run)) return row
    const accesses = (row['local'] as number) + (row['remote'] as number)
    const of = (name: string): number => accesses * ((row[name] as number | null | undefined) ?? 0)
    return { ...row, shareError: of('local_share_ci95'), latencyError: of('mean_latency_ns_ci95') }
  })
export const meanErrors = (run: RunTables): string[] => (isSampled(run) ? ['shareError', 'latencyError'] : [])

/** With a time window chosen: lines of what the bins inside add up to, where `errorBars` has those of the whole run. `ofWindow`: a filter besides. */
export function windowLines(run: RunTables, at: string, error: string, ofWindow = 'true'): object[] {
  if (!isSampled(run)) return []
  const lines = errorLines(at, error) as { transform: object[] }
  return [{ ...lines, transform: [{ filter: `(windowFrom > 0 || windowTo < ${wholeRun(run)}) && ${ofWindow}` }, ...lines.transform] }]
}

// ---- bands along lines

/** Band of `error` either side of `at` along the x axis of the chart, under its lines; `mark`: how lines are interpolated. */
export function errorBand(at: string, error: string, mark: object = {}, bounds: { low?: number; high?: number } = {}): object {
  const low = `datum.${at} - datum.${error}`
  const high = `datum.${at} + datum.${error}`
  return {
    transform: [
      { calculate: `isValid(datum.${at}) ? ${bounds.low === undefined ? low : `max(${bounds.low}, ${low})`} : null`, as: 'low' },
      { calculate: `isValid(datum.${at}) ? ${bounds.high === undefined ? high : `min(${bounds.high}, ${high})`} : null`, as: 'high' },
    ],
    mark: { type: 'area', opacity: BAND_OPACITY, clip: true, tooltip: null, ...mark },
    encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
  }
}
const BAND_OPACITY = 0.2

// ---- words

/** The report, with the sampling error told in every table and under every chart. */
export function tellingSamplingError(report: Report): Report {
  return {
    ...report,
    optional: [...new Set([...(report.optional ?? []), 'summary'])].filter((table) => !report.tables.includes(table) && report.of !== 'study'),
    text(run) {
      const tables = report.text(run)
      const said = ofTotals(run)
      return said === null ? tables : tables.map((table) => ({ ...table, notes: [...(table.notes ?? []), underTable(run, table, said)] }))
    },
    charts(run) {
      const charts = report.charts(run)
      const said = ofTotals(run)
      return said === null ? charts : charts.map((chart) => ({ ...chart, caption: [chart.caption, underChart(run, chart, said)].filter(Boolean).join(' ') }))
    },
  }
}

/** Is something known of the errors, in a run of this version? */
const hasErrors = (run: RunTables): boolean => isSampled(run) || isSampledStudy(run)

function underTable(run: RunTables, { rows, sampling }: ReportTable, said: string): string {
  const isTold = rows.some((row) => row.some((cell) => cell.includes('±') || /\(.+ to .+\)$/.test(cell)))
  const words = hasErrors(run) ? sampling : undefined
  if (isTold)
    return `A sample of pages: ± is half of the 95% interval of sampling.${leastError(run)} ${words ?? 'Figures without it are estimates too, of unknown error.'}`
  return `A sample of pages${words === undefined ? `, these are estimates. ${said}` : `. ${words}`}`
}

function underChart(run: RunTables, { data, sampling }: ReportChart, said: string): string {
  if (sampling !== undefined && hasErrors(run))
    return `A sample of pages: ${sampling}${sampling.includes('95%') && !sampling.includes(ASK_HALVES) ? leastError(run) : ''}`
  return data[ERRORS] === undefined ? `A sample of pages. ${said}` : `A sample of pages: ${LINES}, for the whole run.${leastError(run)}`
}

/** What marks mean, for the words of charts. */
export const LINES = 'thin lines are the 95% intervals of sampling'
export const BANDS = 'bands are the 95% intervals of sampling'
/** What half-samples would add, where the run has none. */
export const ASK_HALVES = 'replay with --half-samples 8 for it'

const TOLD: MetricName[] = ['meanLatency', 'localShare', 'migrated', 'hintFaults', 'totalCost']

/**
 * Measured without half-samples, the intervals of policies that move pages hold too seldom (docs/sampling.md): they know nothing of what a policy
 * makes of other pages. A lane beside the baseline has an error of its run time with half-samples alone.
 */
function leastError(run: RunTables): string {
  const rows = run.rows(run.study === undefined ? 'summary' : 'points')
  const isMoving = rows.some((row) => (row['migrated'] as number) > 0 && row['total_cost_ns_ci95'] != null)
  const hasHalves = rows.some((row) => ((row['estimated_run_ns_ci95'] as number | null | undefined) ?? 0) > 0)
  return isMoving && !hasHalves ? ' Too short for policies that move pages: replay with --half-samples 8.' : ''
}

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
  if (errors.length > 0) return `Error of totals (95%), at most: ${errors.join(', ')}.`
  return run.record.trace.sample === undefined || run.study !== undefined ? null : 'All pages that matter were kept: sampling leaves no error.'
}
