import {
  COUNT_AXIS,
  defineReport,
  formatCount,
  formatPercent,
  LANE_BAR,
  LANE_ROWS,
  LANE_TOOLTIP,
  laneHeight,
  type ReportChart,
  type RunTables,
} from '../src/report/index.ts'

/** Pages are coloured by how often they came back: once is a correction, often is a quarrel. */
const CLASSES = [
  { name: 'once', most: 1, colour: 'theme:heat-3' },
  { name: '2 to 3 times', most: 3, colour: 'theme:heat-4' },
  { name: '4 to 7 times', most: 7, colour: 'theme:heat-5' },
  { name: '8 times or more', most: Number.POSITIVE_INFINITY, colour: 'theme:heat-6' },
]

export default defineReport({
  title: 'Ping-pong pages',
  section: 'migration',
  question: 'Which pages were moved away and came back, and how often?',
  tables: ['summary', 'ping_pong'],
  text: (run) => [returns(run)],
  charts(run): ReportChart[] {
    const rows = run.rows('ping_pong').map((row) => {
      const rank = CLASSES.findIndex(({ most }) => (row['returns'] as number) <= most)
      return { ...row, rank, often: CLASSES[rank]!.name }
    })
    return [
      {
        name: 'ping-pong-pages',
        title: 'Pages that came back',
        caption: 'Base pages that returned to the node they had been moved away from. Once may follow the program; often is a quarrel about who owns the page.',
        description: 'Stacked bar chart: base pages that came back in each policy, by how often they did',
        data: { pages: rows },
        spec: {
          data: { name: 'pages' },
          height: laneHeight(run.record.lanes.length),
          mark: LANE_BAR,
          encoding: {
            y: LANE_ROWS,
            x: { field: 'pages', type: 'quantitative', aggregate: 'sum', title: 'base pages', axis: COUNT_AXIS },
            color: {
              field: 'often',
              type: 'nominal',
              title: null,
              scale: { domain: CLASSES.map(({ name }) => name), range: CLASSES.map(({ colour }) => colour) },
            },
            order: { field: 'rank', type: 'quantitative' },
            tooltip: [LANE_TOOLTIP, { field: 'often', title: 'came back' }, { field: 'pages', aggregate: 'sum', title: 'pages', format: ',' }],
          },
        },
      },
    ]
  },
})

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
