import {
  COUNT_AXIS,
  chosenErrors,
  defineReport,
  errorColumn,
  errorLines,
  errorSum,
  errorTooltip,
  formatCount,
  formatMetric,
  formatPercent,
  isSampled,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  lanesIn,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  withError,
  withErrors,
} from '../src/report/index.ts'

/** Pages are coloured by how often they came back: once is a correction, often is a quarrel. */
const CLASSES = [
  { name: 'first return', most: 1, colour: 'theme:heat-3' },
  { name: '2nd and 3rd', most: 3, colour: 'theme:heat-4' },
  { name: '4th to 7th', most: 7, colour: 'theme:heat-5' },
  { name: '8th and later', most: Number.POSITIVE_INFINITY, colour: 'theme:heat-6' },
]

export default defineReport({
  title: 'Ping-pong pages',
  section: 'migration',
  question: 'Which pages were moved away and came back, and how often?',
  tables: ['summary', 'epochs', 'ping_pong'],
  optional: ['ping_pong_over_time'],
  text: (run) => [returns(run)],
  charts(run): ReportChart[] {
    const rows = returnRows(run).map(({ returns, ...row }) => {
      const rank = CLASSES.findIndex(({ most }) => (returns as number) <= most)
      return { ...row, rank, often: CLASSES[rank]!.name }
    })
    return [
      {
        name: 'ping-pong-pages',
        title: 'Pages that came back',
        caption:
          'Returns of base pages to the node they had been moved away from, by how often they had come. The first may follow the program; many are a quarrel about who owns the page.',
        description: 'Stacked bar chart: returns of base pages in each policy, by how often the page had come back',
        sampling: `${LINES}, an upper limit, each at the end of its part.`,
        data: { pages: rows },
        spec: {
          data: { name: 'pages' },
          height: laneHeight(lanesIn(rows)),
          ...(isSampled(run) ? { transform: partSums(run), layer: [returnBars(run), errorLines('end', 'error')] } : returnBars(run)),
        },
      },
    ]
  },
})

/** In a sample: parts of the bars, with their ends, so that each can have its interval there. */
const partSums = (run: RunTables): object[] => [
  ...chosenErrors(run),
  { aggregate: [{ op: 'sum', field: 'pages', as: 'pages' }, ...errorSum(run)], groupby: ['lane', 'often', 'rank'] },
  { stack: 'pages', as: ['begin', 'end'], groupby: ['lane'], sort: [{ field: 'rank', order: 'ascending' }] },
]

const returnBars = (run: RunTables): Record<string, unknown> => ({
  mark: LANE_BAR,
  encoding: {
    y: LANE_ROWS,
    x: { field: 'pages', type: 'quantitative', aggregate: 'sum', title: 'returns of base pages', axis: COUNT_AXIS },
    color: {
      field: 'often',
      type: 'nominal',
      title: null,
      legend: { columns: 2 },
      scale: { domain: CLASSES.map(({ name }) => name), range: CLASSES.map(({ colour }) => colour) },
    },
    order: { field: 'rank', type: 'quantitative' },
    tooltip: [
      LANE_TOOLTIP,
      { field: 'often', title: 'of these' },
      { field: 'pages', aggregate: 'sum', title: 'returns', format: ',' },
      ...errorTooltip(run, ',.0f').map((line) => ({ ...line, aggregate: 'sum' })),
    ],
  },
})

/** Returns by their number for their page, by stretch of time; of a run without stretches reckoned from its pages. */
function returnRows(run: RunTables): Row[] {
  const counted = ['pages', ...errorColumn(run, 'pages')]
  const rows = new TimeGrid(run).stretches(run, 'ping_pong', ['lane', 'returns'], counted)
  // a page that came back so often did so for the first time, for the second, …
  const whole = run.rows('ping_pong').flatMap(({ lane, returns, ...row }) =>
    CLASSES.map(({ most }, i): Row => {
      const before = CLASSES[i - 1]?.most ?? 0
      const times = Math.max(0, Math.min(returns as number, most) - before)
      return { lane: lane!, returns: before + 1, ...Object.fromEntries(counted.map((name) => [name, times * ((row[name] as number | null) ?? 0)])) }
    }),
  )
  return withErrors(run, rows.some((row) => row['time'] !== undefined) ? rows : whole, 'pages', whole)
}

function returns(run: RunTables) {
  const rows = run.rows('ping_pong')
  return {
    title: 'Pages that came back',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'base pages', align: 'right' as const },
      { heading: 'returns', align: 'right' as const },
      { heading: 'of all moves', align: 'right' as const },
      { heading: 'most for one page', align: 'right' as const },
      { heading: 'which', align: 'left' as const },
    ],
    rows: run.rows('summary').flatMap((summary) => {
      const { lane, migrated } = summary
      const mine = rows.filter((row) => row['lane'] === lane)
      const worst = mine.at(-1)
      if (worst === undefined) return []
      const returned = (column: string) => mine.reduce((sum, row) => sum + ((row[column] as number | null | undefined) ?? 0) * (row['returns'] as number), 0)
      const times = returned('pages')
      const share = (migrated as number) > 0 ? formatPercent(times / (migrated as number)) : '—'
      return [
        [
          lane as string,
          formatMetric('pingPong', summary),
          withError(times, returned('pages_ci95'), formatCount),
          share,
          formatCount(worst['returns'] as number),
          `${worst['address']} of ${worst['pid']}`,
        ],
      ]
    }),
    sampling: 'Of returns it is an upper limit. Counts of pages are expanded; the page that is named is a kept one, as it was seen, without error.',
    notes: rows.length === 0 ? ['No page came back to a node it had been moved away from.'] : [],
  }
}
