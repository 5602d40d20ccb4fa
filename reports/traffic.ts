import {
  chosenErrors,
  defineReport,
  errorColumn,
  errorSum,
  errorTooltip,
  formatCount,
  formatPercent,
  isSampled,
  lanesIn,
  nodeMatrices,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  told,
  withError,
  withErrors,
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
    const route = ['lane', 'from_node', 'to_node']
    const rows = withErrors(
      run,
      grid.stretches(withAccessErrors(run), 'traffic', route, ['reads', 'writes', ...errorColumn(run, 'accesses')], MOST_ROWS),
      'accesses',
      isSampled(run) ? withAccessErrors(run).rows('traffic').map(({ lane, from_node, to_node, accesses_ci95 }) => ({ lane: lane!, from_node: from_node!, to_node: to_node!, reads: 0, writes: 0, accesses_ci95: accesses_ci95! })) : [], // biome-ignore format: one thought
    ).map(({ accesses, ...row }) => row as Row)
    const nodes = run.record.machine.nodes.map(({ id }) => id)
    const sides = { rows: { field: 'from_node', title: 'from node', nodes }, columns: { field: 'to_node', title: 'to node', nodes } }
    const moves = run.rows('moves').filter((row) => (row['pages'] as number) > 0)
    const flows = withErrors(
      run,
      grid.inStretches(moves, route, ['pages', ...errorColumn(run, 'pages')], MOST_ROWS),
      'pages',
      run.rows('traffic').filter((row) => (row['migrated'] as number) > 0).map(({ lane, from_node, to_node, migrated_ci95 }) => ({ lane: lane!, from_node: from_node!, to_node: to_node!, pages_ci95: migrated_ci95! })), // biome-ignore format: one thought
    )
    return [
      {
        name: 'traffic-matrix',
        title: 'Accesses from node to node',
        caption: 'Share of each policy’s accesses per route; the diagonal is local. Rows are the cpus’ nodes, columns the memory’s.',
        description: 'Heat map matrices: share of accesses from each cpu node to each memory node, one matrix per policy',
        width: 'full',
        sampling: 'each cell tells half of its 95% interval of sampling in its tooltip, and the table below all of them.',
        data: { traffic: rows },
        spec: nodeMatrices({
          data: 'traffic',
          transform: [
            ...chosenErrors(run),
            {
              aggregate: [{ op: 'sum', field: 'reads', as: 'reads' }, { op: 'sum', field: 'writes', as: 'writes' }, ...errorSum(run)],
              groupby: ['lane', 'from_node', 'to_node'],
            },
            { calculate: 'datum.reads + datum.writes', as: 'accesses' },
            { joinaggregate: [{ op: 'sum', field: 'accesses', as: 'total' }], groupby: ['lane'] },
            { filter: 'datum.total > 0' },
            { calculate: 'datum.accesses / datum.total', as: 'share' },
            ...(isSampled(run) ? [{ calculate: 'datum.error / datum.total', as: 'shareError' }] : []),
          ],
          lanes: run.record.lanes.length,
          ...sides,
          value: { field: 'share', title: 'share of accesses', of: 'share' },
          shades: ['theme:heat-0', 'theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
          tooltip: [
            ...errorTooltip(run, '.2%', 'shareError'),
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
        sampling: 'each cell tells half of its 95% interval of sampling in its tooltip, and the table below all of them.',
        data: { flow: flows },
        spec: nodeMatrices({
          data: 'flow',
          transform: [
            ...chosenErrors(run),
            { aggregate: [{ op: 'sum', field: 'pages', as: 'pages' }, ...errorSum(run)], groupby: ['lane', 'from_node', 'to_node'] },
          ],
          lanes: lanesIn(flows),
          ...sides,
          value: { field: 'pages', title: 'base pages', of: 'count' },
          shades: ['theme:heat-1', 'theme:heat-2', 'theme:heat-3', 'theme:heat-4'],
          tooltip: errorTooltip(run, ',.0f'),
        }),
      },
    ]
  },
})

/** Stretches of time are joined until the matrices of all policies are no more rows. */
const MOST_ROWS = 4000

/** In a sample: errors of shares of routes, times the accesses of their lane and time, so that stretches can be added up. */
function withAccessErrors(run: RunTables): RunTables {
  if (!isSampled(run)) return run
  const scaled = (rows: Row[]): Row[] => {
    const keyOf = ({ lane, time_ns }: Row) => `${lane} ${time_ns ?? ''}`
    const totals = new Map<string, number>()
    for (const row of rows) totals.set(keyOf(row), (totals.get(keyOf(row)) ?? 0) + (row['reads'] as number) + (row['writes'] as number))
    return rows.map((row) => ({ ...row, accesses_ci95: totals.get(keyOf(row))! * ((row['share_ci95'] as number | null | undefined) ?? 0) }))
  }
  return { ...run, rows: (table) => (table.startsWith('traffic') ? scaled(run.rows(table)) : run.rows(table)) }
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
        told(row, 'reads', formatCount),
        told(row, 'writes', formatCount),
        withError(row['share'] as number, row['share_ci95'] as number | null | undefined, formatPercent),
      ]),
    sampling: 'All of these have one.',
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
    rows: rows.map((row) => [row['lane'] as string, String(row['from_node']), String(row['to_node']), told(row, 'migrated', formatCount)]),
    sampling: 'All of these have one.',
    notes: rows.length === 0 ? ['No policy moved a page.'] : [],
  }
}
