import {
  COUNT_AXIS,
  defineReport,
  formatCount,
  formatPercent,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  laneHeight,
  lanesIn,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
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
        data: { pages: rows },
        spec: {
          data: { name: 'pages' },
          height: laneHeight(lanesIn(rows)),
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
            tooltip: [LANE_TOOLTIP, { field: 'often', title: 'of these' }, { field: 'pages', aggregate: 'sum', title: 'returns', format: ',' }],
          },
        },
      },
    ]
  },
})

/** Returns by their number for their page, by stretch of time; of a run without stretches reckoned from its pages. */
function returnRows(run: RunTables): Row[] {
  const rows = new TimeGrid(run).stretches(run, 'ping_pong', ['lane', 'returns'], ['pages'])
  if (rows.some((row) => row['time'] !== undefined)) return rows
  return rows.flatMap(({ lane, returns, pages }) =>
    CLASSES.map(({ most }, i): Row => {
      const before = CLASSES[i - 1]?.most ?? 0
      return { lane: lane!, returns: before + 1, pages: (pages as number) * Math.max(0, Math.min(returns as number, most) - before) }
    }),
  )
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
    rows: run.rows('summary').flatMap(({ lane, migrated }) => {
      const mine = rows.filter((row) => row['lane'] === lane)
      const worst = mine.at(-1)
      if (worst === undefined) return []
      const pages = mine.reduce((sum, row) => sum + (row['pages'] as number), 0)
      const times = mine.reduce((sum, row) => sum + (row['pages'] as number) * (row['returns'] as number), 0)
      const share = (migrated as number) > 0 ? formatPercent(times / (migrated as number)) : '—'
      return [
        [lane as string, formatCount(pages), formatCount(times), share, formatCount(worst['returns'] as number), `${worst['address']} of ${worst['pid']}`],
      ]
    }),
    notes: rows.length === 0 ? ['No page came back to a node it had been moved away from.'] : [],
  }
}
