import {
  defineReport,
  formatCount,
  formatPercent,
  gridColumns,
  LANE_TOOLTIP,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Traffic between nodes',
  section: 'locality',
  question: 'Who reaches for which memory, and where do pages flow?',
  tables: ['traffic', 'moves', 'epochs'],
  optional: ['traffic_over_time'],
  text: (run) => [accesses(run), flow(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const rows = grid.stretches(run, 'traffic', ['lane', 'from_node', 'to_node'], ['reads', 'writes'], MOST_ROWS)
    const nodes = run.record.machine.nodes.map(({ id }) => id)
    const cell = Math.max(16, Math.min(46, Math.floor(260 / nodes.length)))
    const moves = run.rows('moves').filter((row) => (row['pages'] as number) > 0)
    const flows = grid.inStretches(moves, ['lane', 'from_node', 'to_node'], ['pages'], MOST_ROWS)
    return [
      {
        name: 'traffic-matrix',
        title: 'Accesses from node to node',
        caption: 'Share of each policy’s accesses per route; the diagonal is local. Rows are the cpus’ nodes, columns the memory’s.',
        description: 'Heat map matrices: share of accesses from each cpu node to each memory node, one matrix per policy',
        width: 'full',
        data: { traffic: rows },
        spec: matrix(
          'traffic',
          [
            {
              aggregate: [
                { op: 'sum', field: 'reads', as: 'reads' },
                { op: 'sum', field: 'writes', as: 'writes' },
              ],
              groupby: ['lane', 'from_node', 'to_node'],
            },
            { calculate: 'datum.reads + datum.writes', as: 'accesses' },
            { joinaggregate: [{ op: 'sum', field: 'accesses', as: 'total' }], groupby: ['lane'] },
            { filter: 'datum.total > 0' },
            { calculate: 'datum.accesses / datum.total', as: 'share' },
          ],
          run.record.lanes.length,
          cell,
          nodes,
          'share',
          'share of accesses',
          '.1%',
          ['theme:heat-0', 'theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
          [
            { field: 'reads', type: 'quantitative', format: ',' },
            { field: 'writes', type: 'quantitative', format: ',' },
          ],
        ),
      },
      {
        name: 'migration-flow',
        title: 'Pages moved from node to node',
        caption: 'Base pages by source (row) and target (column); equal counts both ways are pages that travel in vain.',
        description: 'Heat map matrices: base pages migrated from each node to each other node, one matrix per policy that moved any',
        width: 'full',
        data: { flow: flows },
        spec: matrix(
          'flow',
          [{ aggregate: [{ op: 'sum', field: 'pages', as: 'pages' }], groupby: ['lane', 'from_node', 'to_node'] }],
          new Set(flows.map((row) => row['lane'])).size,
          cell,
          nodes,
          'pages',
          'base pages',
          ',',
          ['theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
          [],
        ),
      },
    ]
  },
})

/** Stretches of time are joined until the matrices of all policies are no more rows. */
const MOST_ROWS = 4000

/** Cells of one hue in classes of equal width, with their figure written in when they are large enough. */
function matrix(
  name: string,
  transform: object[],
  lanes: number,
  cell: number,
  nodes: number[],
  field: string,
  title: string,
  format: string,
  range: string[],
  more: object[],
): Record<string, unknown> {
  const columns = gridColumns(lanes, Math.floor(1000 / (Math.max(cell * nodes.length * 1.3, 150) + 60)))
  const tooltip = [
    LANE_TOOLTIP,
    { field: 'from_node', title: 'from node' },
    { field: 'to_node', title: 'to node' },
    { field, type: 'quantitative', title, format },
    ...more,
  ]
  const axis = { labelAngle: 0, domain: false, ticks: false, grid: false }
  const scale = { domain: nodes }
  return {
    data: { name },
    transform,
    facet: { field: 'lane', type: 'nominal', title: null },
    columns,
    spacing: { row: 26, column: 26 },
    spec: {
      width: Math.max(cell * nodes.length * 1.3, 150),
      height: cell * nodes.length,
      encoding: {
        x: { field: 'to_node', type: 'ordinal', title: 'to node', axis, scale },
        y: { field: 'from_node', type: 'ordinal', title: 'from node', axis, scale },
        tooltip,
      },
      layer: [
        {
          mark: { type: 'rect', stroke: 'theme:surface', strokeWidth: 2 },
          encoding: { color: { field, type: 'quantitative', title, legend: null, scale: { type: 'quantize', range, zero: true } } },
        },
        ...(cell >= 26 ? [{ mark: { type: 'text' }, encoding: { text: { field, type: 'quantitative', format: format === ',' ? '.3~s' : '.0%' } } }] : []),
      ],
    },
  }
}

function shares(run: RunTables): Row[] {
  const rows = run.rows('traffic')
  const totals = new Map<unknown, number>()
  for (const { lane, reads, writes } of rows) totals.set(lane, (totals.get(lane) ?? 0) + (reads as number) + (writes as number))
  return rows.map((row) => ({ ...row, share: ((row['reads'] as number) + (row['writes'] as number)) / (totals.get(row['lane']) || 1) }))
}

function accesses(run: RunTables) {
  return {
    title: 'Accesses from node to node',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'from', align: 'right' as const },
      { heading: 'to', align: 'right' as const },
      { heading: 'reads', align: 'right' as const },
      { heading: 'writes', align: 'right' as const },
      { heading: 'share', align: 'right' as const },
    ],
    rows: shares(run)
      .filter((row) => (row['share'] as number) > 0)
      .map((row) => [
        row['lane'] as string,
        String(row['from_node']),
        String(row['to_node']),
        formatCount(row['reads'] as number),
        formatCount(row['writes'] as number),
        formatPercent(row['share'] as number),
      ]),
  }
}

function flow(run: RunTables) {
  const rows = run.rows('traffic').filter((row) => (row['migrated'] as number) > 0)
  return {
    title: 'Pages moved from node to node',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'from', align: 'right' as const },
      { heading: 'to', align: 'right' as const },
      { heading: 'base pages', align: 'right' as const },
    ],
    rows: rows.map((row) => [row['lane'] as string, String(row['from_node']), String(row['to_node']), formatCount(row['migrated'] as number)]),
    notes: rows.length === 0 ? ['No policy moved a page.'] : [],
  }
}
