import {
  COUNT_AXIS,
  defineReport,
  formatCount,
  formatPercent,
  formatSize,
  gridColumns,
  gridWidth,
  LANE_TOOLTIP,
  type ReportChart,
  type RunTables,
  TimeGrid,
  timeAxis,
  timeTooltip,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Node occupancy',
  section: 'locality',
  question: 'Where does the memory of the program lie, and how full are the nodes?',
  tables: ['nodes', 'epochs'],
  text: (run) => [occupancy(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const columns = gridColumns(run.record.lanes.length, 3)
    const nodes = grid.last(run.rows('nodes'), ['lane', 'node'], ['pages', 'capacity'])
    return [
      {
        name: 'pages-per-node',
        title: 'Pages on each node over time',
        caption: 'Base pages of the program, stacked by node: what moves from one colour to another was migrated.',
        description: 'Small multiples over time: base pages on each node, stacked, one picture per policy',
        width: 'full',
        data: { nodes },
        spec: {
          data: { name: 'nodes' },
          facet: { field: 'lane', type: 'nominal', title: null },
          columns,
          spacing: { row: 22, column: 18 },
          spec: {
            width: gridWidth(columns),
            height: 120,
            mark: { type: 'area', interpolate: 'step-before', clip: true },
            encoding: {
              x: { ...timeAxis(grid), axis: { tickCount: 5 } },
              y: { field: 'pages', type: 'quantitative', title: 'pages', axis: { ...COUNT_AXIS, tickCount: 4 } },
              color: { field: 'node', type: 'nominal', title: 'node' },
              order: { field: 'node', type: 'quantitative' },
              tooltip: [LANE_TOOLTIP, timeTooltip(grid), { field: 'node' }, { field: 'pages', type: 'quantitative', format: ',' }],
            },
          },
        },
      },
    ]
  },
})

function occupancy(run: RunTables) {
  const ends = new Map<string, { lane: string; node: number; first: number; last: number; most: number; capacity: number }>()
  for (const row of run.rows('nodes')) {
    const key = JSON.stringify([row['lane'], row['node']])
    const pages = row['pages'] as number
    const seen = ends.get(key)
    if (seen) {
      seen.last = pages
      seen.most = Math.max(seen.most, pages)
    } else
      ends.set(key, { lane: row['lane'] as string, node: row['node'] as number, first: pages, last: pages, most: pages, capacity: row['capacity'] as number })
  }
  return {
    title: 'Base pages per node',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'node', align: 'right' as const },
      { heading: 'first', align: 'right' as const },
      { heading: 'last', align: 'right' as const },
      { heading: 'most', align: 'right' as const },
      { heading: 'memory at most', align: 'right' as const },
      { heading: 'of capacity', align: 'right' as const },
    ],
    rows: [...ends.values()].map(({ lane, node, first, last, most, capacity }) => [
      lane,
      String(node),
      formatCount(first),
      formatCount(last),
      formatCount(most),
      formatSize(most * run.record.trace.pageSize),
      capacity > 0 ? formatPercent(most / capacity) : '—',
    ]),
  }
}
