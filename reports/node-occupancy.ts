import {
  BANDS,
  COUNT_AXIS,
  defineReport,
  errorColumn,
  formatCount,
  formatPercent,
  formatSize,
  gridColumns,
  gridWidth,
  isSampled,
  LANE_TOOLTIP,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  timeAxis,
  timeTooltip,
  wholeBins,
  withError,
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
    const nodes = grid.last(run.rows('nodes'), ['lane', 'node'], ['pages', 'capacity', ...errorColumn(run, 'pages')])
    return [
      {
        name: 'pages-per-node',
        title: 'Pages on each node over time',
        caption: 'Base pages of the program, stacked by node: what moves from one colour to another was migrated.',
        description: 'Small multiples over time: base pages on each node, stacked, one picture per policy',
        width: 'full',
        sampling: `grey ${BANDS} along the upper edge of each node, of that node’s pages.`,
        data: { nodes },
        spec: {
          data: { name: 'nodes' },
          facet: { field: 'lane', type: 'nominal', title: null },
          columns,
          spacing: { row: 22, column: 18 },
          spec: {
            width: gridWidth(columns),
            height: 120,
            ...(isSampled(run) ? { layer: [stackedPages(grid, true), EDGES] } : stackedPages(grid, false)),
          },
        },
      },
    ]
  },
})

function stackedPages(grid: TimeGrid, hasErrors: boolean): Record<string, unknown> {
  const pages = { field: 'pages', type: 'quantitative', format: ',' }
  const error = { field: 'pages_ci95', type: 'quantitative', title: '±', format: ',.0f' }
  return {
    transform: wholeBins(),
    mark: { type: 'area', clip: true },
    encoding: {
      x: { ...timeAxis(grid), field: 'moment', axis: { tickCount: 5 } },
      y: { field: 'pages', type: 'quantitative', title: 'pages', axis: { ...COUNT_AXIS, tickCount: 4 } },
      color: { field: 'node', type: 'nominal', title: 'node' },
      order: { field: 'node', type: 'quantitative' },
      tooltip: [LANE_TOOLTIP, timeTooltip(grid), { field: 'node' }, pages, ...(hasErrors ? [error] : [])],
    },
  }
}

/** Bands of sampling on the upper edges of the nodes, stacked as their areas are. */
const EDGES = {
  transform: [
    { stack: 'pages', as: ['below', 'upper'], groupby: ['lane', 'time'], sort: [{ field: 'node', order: 'ascending' }] },
    { calculate: 'datum.upper - datum.pages_ci95', as: 'low' },
    { calculate: 'datum.upper + datum.pages_ci95', as: 'high' },
    ...wholeBins(),
  ],
  mark: { type: 'area', clip: true, color: 'theme:ink', opacity: 0.35, tooltip: null },
  encoding: {
    x: { field: 'moment', type: 'quantitative' },
    y: { field: 'low', type: 'quantitative' },
    y2: { field: 'high' },
    detail: { field: 'node', type: 'nominal' },
  },
}

function occupancy(run: RunTables) {
  const ends = new Map<string, { lane: string; node: number; first: Row; last: Row; most: Row; capacity: number }>()
  const pagesOf = (row: Row): number => row['pages'] as number
  for (const row of run.rows('nodes')) {
    const key = JSON.stringify([row['lane'], row['node']])
    const seen = ends.get(key)
    if (seen) {
      seen.last = row
      if (pagesOf(row) > pagesOf(seen.most)) seen.most = row
    } else ends.set(key, { lane: row['lane'] as string, node: row['node'] as number, first: row, last: row, most: row, capacity: row['capacity'] as number })
  }
  const text = (row: Row): string => withError(pagesOf(row), row['pages_ci95'] as number | null | undefined, formatCount)
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
      text(first),
      text(last),
      text(most),
      formatSize(pagesOf(most) * run.record.trace.pageSize),
      capacity > 0 ? formatPercent(pagesOf(most) / capacity) : '—',
    ]),
    sampling: 'Memory and share are the most pages in other units.',
  }
}
