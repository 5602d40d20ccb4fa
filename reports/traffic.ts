import { defineReport, formatCount, formatPercent, lanesIn, nodeMatrices, type ReportChart, type Row, type RunTables, TimeGrid } from '../src/report/index.ts'

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
    const sides = { rows: { field: 'from_node', title: 'from node', nodes }, columns: { field: 'to_node', title: 'to node', nodes } }
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
        spec: nodeMatrices({
          data: 'traffic',
          transform: [
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
          lanes: run.record.lanes.length,
          ...sides,
          value: { field: 'share', title: 'share of accesses', of: 'share' },
          shades: ['theme:heat-0', 'theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
          tooltip: [
            { field: 'reads', type: 'quantitative', format: ',' },
            { field: 'writes', type: 'quantitative', format: ',' },
          ],
        }),
      },
      {
        name: 'migration-flow',
        title: 'Pages moved from node to node',
        caption: 'Base pages by source (row) and target (column); equal counts both ways are pages that travel in vain.',
        description: 'Heat map matrices: base pages migrated from each node to each other node, one matrix per policy that moved any',
        width: 'full',
        data: { flow: flows },
        spec: nodeMatrices({
          data: 'flow',
          transform: [{ aggregate: [{ op: 'sum', field: 'pages', as: 'pages' }], groupby: ['lane', 'from_node', 'to_node'] }],
          lanes: lanesIn(flows),
          ...sides,
          value: { field: 'pages', title: 'base pages', of: 'count' },
          shades: ['theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
        }),
      },
    ]
  },
})

/** Stretches of time are joined until the matrices of all policies are no more rows. */
const MOST_ROWS = 4000

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
