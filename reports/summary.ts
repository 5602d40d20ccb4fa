import {
  ASK_HALVES,
  comparison,
  defineReport,
  type ErrorBars,
  errorBars,
  isSampled,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  meanErrors,
  type Row,
  type RunTables,
  roomForWords,
  TimeGrid,
  wholeRun,
  windowLines,
  withMeanErrors,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Comparison',
  section: 'overview',
  question: 'Which policy is best, and what does it cost?',
  tables: ['summary', 'epochs', 'failures'],
  text: (run) => [{ ...comparison(run), sampling: unknownFigures(run) }],
  charts(run) {
    const grid = new TimeGrid(run)
    const epochs = grid.sum(
      withMeanErrors(run),
      ['lane'],
      ['local', 'remote', 'memory_stall_ns', 'migration_ns', 'hint_fault_ns', 'observation_ns', ...meanErrors(run)],
    )
    const perAccess = { aggregate: [...TOTALS, ...meanErrors(run).map((field) => ({ op: 'sum', field, as: field }))], groupby: ['lane'] }
    const withWindow = (errors: ErrorBars): ErrorBars => ({ ...errors, layers: [...errors.layers, ...windowLines(run, 'value', 'inWindow')] })
    const [latencyErrors, shareErrors] = [withWindow(errorBars(run, 'meanLatency')), withWindow(errorBars(run, 'localShare'))]
    const sampling = `${LINES} (in a time window an upper limit).`
    const ofParts = partErrors(run)
    return [
      {
        name: 'mean-latency',
        title: 'Mean access latency',
        caption: 'Shorter is better. Hint faults and migration are not in it.',
        description: 'Bar chart: mean access latency in nanoseconds of each policy',
        sampling,
        data: { epochs, ...latencyErrors.data },
        spec: bars(
          run.record.lanes.length,
          'datum.stall / (datum.local + datum.remote)',
          'ns per access',
          '.1f',
          [perAccess, ...inWindow(run, 'latencyError')],
          latencyErrors,
        ),
      },
      {
        name: 'local-share',
        title: 'Accesses served by local memory',
        caption: 'Longer is better: the share of accesses answered by the node of the accessing cpu.',
        description: 'Bar chart: share of local accesses of each policy',
        sampling,
        data: { epochs, ...shareErrors.data },
        spec: bars(
          run.record.lanes.length,
          'datum.local / (datum.local + datum.remote)',
          'share of accesses',
          '.1%',
          [perAccess, ...inWindow(run, 'shareError')],
          shareErrors,
          true,
        ),
      },
      {
        name: 'overhead',
        title: 'What the policy itself costs',
        caption: 'Time spent migrating, in hint faults and on observing, per access: what a policy pays for a shorter latency.',
        description: 'Stacked bar chart: nanoseconds per access spent on migration, hint faults and observation by each policy',
        width: 'full',
        sampling: `${LINES}, each at the end of its part, for the whole run${ofParts.isWhole ? '' : `; no page owns observation: ${ASK_HALVES}`}.`,
        data: { epochs, ...(ofParts.rows.length > 0 ? { parts: ofParts.rows } : {}) },
        spec: {
          data: { name: 'epochs' },
          transform: [
            perAccess,
            ...(['migration', 'hint fault', 'observation'] as const).map((part) => ({
              calculate: `datum['${part}_ns'] / (datum.local + datum.remote)`,
              as: part,
            })),
            { fold: ['migration', 'hint fault', 'observation'], as: ['part', 'cost'] },
          ],
          height: laneHeight(run.record.lanes.length),
          ...(ofParts.rows.length > 0 ? { layer: [PARTS, PART_LINES] } : PARTS),
        },
      },
    ]
  },
})

const TOTALS = [
  { op: 'sum', field: 'local', as: 'local' },
  { op: 'sum', field: 'remote', as: 'remote' },
  { op: 'sum', field: 'memory_stall_ns', as: 'stall' },
  { op: 'sum', field: 'migration_ns', as: 'migration_ns' },
  { op: 'sum', field: 'hint_fault_ns', as: 'hint fault_ns' },
  { op: 'sum', field: 'observation_ns', as: 'observation_ns' },
]

const PARTS = {
  mark: LANE_BAR,
  encoding: {
    y: LANE_ROWS,
    // where nothing costs anything, zero stands at the beginning of the axis
    x: { field: 'cost', type: 'quantitative', title: 'ns per access', axis: { tickCount: 6 }, scale: { domain: { unionWith: [0, 0.01] } } },
    color: {
      field: 'part',
      type: 'nominal',
      title: null,
      scale: { domain: ['migration', 'hint fault', 'observation'], range: ['theme:migrate', 'theme:fault', 'theme:observe'] },
      legend: { columns: 3 },
    },
    order: { field: 'part', sort: 'descending' },
    tooltip: [LANE_TOOLTIP, { field: 'part', title: 'spent on' }, { field: 'cost', title: 'ns per access', format: '.2f' }],
  },
}

const PART_LINES = {
  data: { name: 'parts' },
  transform: [{ filter: 'windowFrom <= 0 && windowTo >= datum.whole' }],
  mark: { type: 'rule', color: 'theme:ink', strokeWidth: 1.5, tooltip: null },
  encoding: { y: LANE_ROWS, x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
}

/** Intervals of what policies cost themselves, per access, where the parts of the bars end. */
function partErrors(run: RunTables): { rows: Row[]; isWhole: boolean } {
  if (!isSampled(run)) return { rows: [], isWhole: true }
  const whole = wholeRun(run)
  let isWhole = true
  const rows = run.rows('summary').flatMap((row): Row[] => {
    const number = (name: string): number | null => (row[name] as number | null | undefined) ?? null
    const perFault = (number('hint_fault_ns') ?? 0) / (number('hint_faults') || 1)
    const observation = number('observation_ns_ci95')
    if (observation === null && number('observation_ns') !== 0) isWhole = false
    const parts: [ns: number, error: number | null][] = [
      [number('observation_ns') ?? 0, observation],
      [number('migration_ns') ?? 0, number('migration_ns_ci95')],
      [number('hint_fault_ns') ?? 0, perFault * (number('hint_faults_ci95') ?? 0)],
    ]
    let end = 0
    return parts.flatMap(([ns, error]) => {
      end += ns
      const perAccess = (value: number): number => value / ((row['accesses'] as number) || 1)
      return error ? [{ lane: row['lane']!, whole, low: perAccess(end - error), high: perAccess(end + error) }] : []
    })
  })
  return { rows, isWhole }
}

/** Figures of the comparison whose error only halves of the sample tell. */
function unknownFigures(run: RunTables): string {
  const isTold = run.rows('summary').every((row) => row['lane'] === run.record.baseline || (row['estimated_run_ns_ci95'] ?? null) !== null)
  return isTold ? 'Figures without it lose no digit by it.' : `Run time and failed migrations hang on all pages together: ${ASK_HALVES}.`
}

/** In a sample: errors of the means in the time window. */
const inWindow = (run: RunTables, field: string): object[] =>
  isSampled(run) ? [{ calculate: `datum.${field} / (datum.local + datum.remote)`, as: 'inWindow' }] : []

/** One bar per lane with its figure written at the end. */
function bars(
  lanes: number,
  calculate: string,
  title: string,
  format: string,
  perAccess: object[],
  { layers }: ErrorBars,
  isShare = false,
): Record<string, unknown> {
  const value = { field: 'value', type: 'quantitative' }
  const axis = isShare ? { values: [0, 0.25, 0.5, 0.75, 1], format: '.0%' } : { tickCount: 5, format: '~s' }
  return {
    data: { name: 'epochs' },
    transform: [...perAccess, { calculate, as: 'value' }],
    height: laneHeight(lanes),
    encoding: {
      y: LANE_ROWS,
      x: { ...value, title, scale: { ...(isShare ? { domain: [0, 1] } : {}), ...roomForWords(layers.length > 0 ? 58 : 50) }, axis },
      tooltip: [LANE_TOOLTIP, { ...value, title, format }],
    },
    layer: [
      { mark: LANE_BAR, encoding: { color: { field: 'lane', type: 'nominal', legend: null } } },
      ...layers,
      // clear of the end of an interval
      { mark: { type: 'text', align: 'left', dx: layers.length > 0 ? 14 : 5, fontWeight: 600 }, encoding: { text: { ...value, format } } },
    ],
  }
}
