import {
  BANDS,
  defineReport,
  errorBand,
  formatCount,
  formatMetric,
  formatPercent,
  isSampled,
  LANE_COLOUR,
  LANE_TOOLTIP,
  LATENCY_ERROR,
  METRICS,
  type MetricName,
  type ReportTable,
  type Row,
  type RunTables,
  TimeGrid,
  withError,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Latency distribution',
  section: 'latency',
  question: 'How is access latency distributed, and what lies in the tail?',
  tables: ['summary', 'latency', 'epochs'],
  optional: ['latency_over_time'],
  text: (run) => [percentiles(run)],
  charts: (run) => [
    {
      name: 'latency-cdf',
      title: 'Share of accesses up to a latency',
      caption: `Further to the upper left is better. An access counts with the latency of its route in its epoch, queueing included; ${isFine(run) ? LATENCY_ERROR.edge : `drawn in classes of ${formatPercent(LATENCY_STEP - 1)}: steps stand at most so far right`}.`,
      description: 'Cumulative distribution of access latency, one step line per policy',
      width: 'full',
      sampling: `${BANDS}.`,
      data: { latency: counts(run) },
      spec: {
        data: { name: 'latency' },
        transform: [
          { aggregate: summed(run, ['accesses', 'step'], ['accesses', 'step']), groupby: ['lane', 'latency'] },
          { window: summed(run, ['accesses', 'step'], ['below', 'unsure']), groupby: ['lane'], sort: [{ field: 'latency' }] },
          { joinaggregate: [{ op: 'sum', field: 'accesses', as: 'total' }], groupby: ['lane'] },
          { filter: 'datum.total > 0' },
          { calculate: 'datum.below / datum.total', as: 'share' },
          ...(isSampled(run) ? [{ calculate: 'datum.unsure / datum.total', as: 'error' }] : []),
        ],
        height: 260,
        layer: [
          ...(isSampled(run) ? [errorBand('share', 'error', { interpolate: 'step-after' }, { low: 0, high: 1 })] : []),
          { mark: { type: 'line', interpolate: 'step-after', clip: true } },
        ],
        encoding: {
          x: {
            field: 'latency',
            type: 'quantitative',
            title: 'access latency (ns, logarithmic)',
            scale: { type: 'log', nice: false },
            axis: { ...latencyTicks(run), format: '~s' },
          },
          y: { field: 'share', type: 'quantitative', title: 'share of accesses', scale: { domain: [0, 1] }, axis: { format: '.0%' } },
          color: LANE_COLOUR,
          tooltip: [
            LANE_TOOLTIP,
            { field: 'latency', type: 'quantitative', title: 'up to (ns)', format: ',' },
            { field: 'share', type: 'quantitative', title: 'share of accesses', format: '.2%' },
            ...(isSampled(run) ? [{ field: 'error', type: 'quantitative', title: '±', format: '.2%' }] : []),
          ],
        },
      },
    },
  ],
})

/** Ticks of a logarithmic scale are few or none within one power of ten: there they are as even as on a linear one. */
function latencyTicks(run: RunTables): object {
  const all = run.rows('latency').map((row) => row['latency_ns'] as number)
  const [low, high] = [least(all), greatest(all)]
  if (all.length === 0 || high > 5 * low) return { tickCount: 6 }
  const step = tickStep(low * 0.9, high * 1.1, 9)
  const first = Math.ceil((low * 0.9) / step)
  return { values: Array.from({ length: Math.floor((high * 1.1) / step) - first + 1 }, (_, i) => (first + i) * step) }
}

/** 1, 2 or 5 times a power of ten, so that about `count` fit. */
function tickStep(low: number, high: number, count: number): number {
  const least = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(least))
  return Math.max(1, power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10))
}

/** Sums of accesses, and in a sample of how much their error grows from class to class. */
const summed = (run: RunTables, fields: readonly string[], as: readonly string[]): object[] =>
  fields.slice(0, isSampled(run) ? 2 : 1).map((field, i) => ({ op: 'sum', field, as: as[i] }))

interface LatencyClass {
  latency: number
  accesses: number
  /** Of the share up to it. */
  error: number
}

/** Classes of each lane in ascending order, with the total. */
function classes(run: RunTables): Map<string, { total: number; rows: LatencyClass[] }> {
  const lanes = new Map<string, { total: number; rows: LatencyClass[] }>()
  for (const row of run.rows('latency')) {
    const lane = lanes.get(row['lane'] as string) ?? { total: 0, rows: [] }
    lane.total += row['accesses'] as number
    lane.rows.push({
      latency: row['latency_ns'] as number,
      accesses: row['accesses'] as number,
      error: (row['share_up_to_ci95'] as number | null | undefined) ?? 0,
    })
    lanes.set(row['lane'] as string, lane)
  }
  for (const lane of lanes.values()) lane.rows.sort((a, b) => a.latency - b.latency)
  return lanes
}

/** Most rows of the chart: stretches of time are joined, and latencies to classes of LATENCY_STEP, until they are few enough. */
const MOST_ROWS = 6000
const LATENCY_STEP = 1.01

/** Few enough latencies to be drawn as they are. */
const isFine = (run: RunTables): boolean => new Set(run.rows('latency').map((row) => row['latency_ns'])).size <= 60

/** By stretch of time. All lanes start and end at the same latencies, so that steps can be compared from edge to edge. */
function counts(run: RunTables): Row[] {
  const all = run.rows('latency').map((row) => row['latency_ns'] as number)
  const asItIs = isFine(run)
  const classOf = (ns: number): number => Math.max(1, asItIs ? ns : Math.round(LATENCY_STEP ** Math.ceil(Math.log(Math.max(1, ns)) / Math.log(LATENCY_STEP))))
  const classed = {
    ...run,
    rows: (table: string) =>
      run.rows(table)[0]?.['latency_ns'] === undefined
        ? run.rows(table)
        : withSteps(run, run.rows(table)).map((row) => ({ ...row, latency: classOf(row['latency_ns'] as number) })),
  }
  const rows = new TimeGrid(run).stretches(classed, 'latency', ['lane', 'latency'], isSampled(run) ? ['accesses', 'step'] : ['accesses'], MOST_ROWS)
  const [low, high] = [Math.max(1, least(all) * 0.9), greatest(all) * 1.1]
  // Without time: they stand in every window
  const edges = run.record.lanes.flatMap(({ label }) =>
    [low, high].map(
      (latency): Row => ({
        lane: label,
        latency,
        ...(rows[0]?.['time'] === undefined ? {} : { start: null, time: null }),
        accesses: 0,
        ...(isSampled(run) ? { step: 0 } : {}),
      }),
    ),
  )
  return rows.length === 0 ? [] : [...edges, ...rows]
}

/**
 * How much more accesses are unsure up to a class than up to the one before: steps that a chart can add up over classes and times, and
 * then have the error of the whole (of stretches of time an upper limit).
 */
function withSteps(run: RunTables, rows: Row[]): Row[] {
  if (!isSampled(run)) return rows
  const keyOf = ({ lane, time_ns }: Row): string => `${lane} ${time_ns ?? ''}`
  const totals = new Map<string, number>()
  for (const row of rows) totals.set(keyOf(row), (totals.get(keyOf(row)) ?? 0) + (row['accesses'] as number))
  const before = new Map<string, number>()
  return [...rows]
    .sort((a, b) => (a['latency_ns'] as number) - (b['latency_ns'] as number))
    .map((row) => {
      const key = keyOf(row)
      const unsure = totals.get(key)! * ((row['share_up_to_ci95'] as number | null | undefined) ?? 0)
      const step = unsure - (before.get(key) ?? 0)
      before.set(key, unsure)
      return { ...row, step }
    })
}

const least = (values: number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const greatest = (values: number[]): number => values.reduce((a, b) => Math.max(a, b), 0)

const SHARES = [0.5, 0.9, 0.99, 0.999]
/** Percentiles that the summary has, with their sampling error. */
const KNOWN: Record<number, MetricName> = { 0.5: 'p50Latency', 0.99: 'p99Latency' }

function percentiles(run: RunTables): ReportTable {
  const summaries = new Map(run.rows('summary').map((row) => [row['lane'] as string, row]))
  return {
    title: 'Access latency (ns)',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      ...SHARES.map((share) => ({ heading: `p${share * 100}`, align: 'right' as const })),
      { heading: 'highest', align: 'right' },
      { heading: 'accesses at it', align: 'right' },
    ],
    rows: [...classes(run)].map(([lane, { total, rows }]) => {
      let below = 0
      const atLeast = rows.map(({ latency, accesses, error }) => {
        below += accesses
        return { latency, below, error }
      })
      const classAt = (share: number) => atLeast.find(({ below }) => below >= share * total) ?? atLeast.at(-1)
      const at = (share: number): string => {
        const metric = KNOWN[share]
        const summary = summaries.get(lane)
        if (metric !== undefined && summary !== undefined && METRICS[metric].of(summary) !== null) return formatMetric(metric, summary)
        const found = classAt(share)
        if (found === undefined) return '—'
        // Woodruff (1952): the share is unsure, and read back as latencies
        const [low, high] = [classAt(Math.max(0, share - found.error))!.latency, classAt(Math.min(1, share + found.error))!.latency]
        return low === high ? formatCount(found.latency) : `${formatCount(found.latency)} (${formatCount(low)} to ${formatCount(high)})`
      }
      const highest = rows.at(-1)
      const tail = highest && total > 0 ? withError(highest.accesses / total, rows.at(-2)?.error, formatPercent) : '—'
      return [lane, ...SHARES.map(at), highest ? formatCount(highest.latency) : '—', tail]
    }),
    sampling: 'Percentiles without an interval stay in their class of latency throughout; the highest latency is the highest that was met.',
    notes: [`Percentiles from a log-linear histogram: ${LATENCY_ERROR.edge}. An access counts with the latency of its route in its epoch, queueing included.`],
  }
}
