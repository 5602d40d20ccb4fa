import { defineReport, formatCount, formatMetric, formatSize, LANE_TOOLTIP, type ReportChart, type RunTables, TimeGrid } from '../src/report/index.ts'

export default defineReport({
  title: 'Latency against effort',
  section: 'overview',
  question: 'Which policies buy their latency at the lowest price?',
  tables: ['summary', 'epochs'],
  text: (run) => [front(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const epochs = grid.sum(run.rows('epochs'), ['lane'], ['local', 'remote', 'memory_stall_ns', 'migrated', 'migration_ns', 'hint_fault_ns', 'observation_ns'])
    const place = { x: { field: 'effort', type: 'quantitative' }, y: { field: 'latency', type: 'quantitative', scale: { zero: false, padding: 18 } } }
    return [
      {
        name: 'pareto',
        title: 'Mean latency against the cost of the policy',
        caption: 'Lower left is better. The line joins the policies that no other beats in both; every point above it is a worse bargain.',
        description:
          'Scatter plot: mean access latency against time per access spent on migration, faults and observation, one point per policy, with the Pareto front',
        width: 'full',
        data: { epochs },
        spec: {
          data: { name: 'epochs' },
          transform: [
            {
              aggregate: [
                { op: 'sum', field: 'local', as: 'local' },
                { op: 'sum', field: 'remote', as: 'remote' },
                { op: 'sum', field: 'memory_stall_ns', as: 'stall' },
                { op: 'sum', field: 'migrated', as: 'migrated' },
                { op: 'sum', field: 'migration_ns', as: 'migration' },
                { op: 'sum', field: 'hint_fault_ns', as: 'faults' },
                { op: 'sum', field: 'observation_ns', as: 'observation' },
              ],
              groupby: ['lane'],
            },
            { calculate: 'datum.stall / (datum.local + datum.remote)', as: 'latency' },
            { calculate: '(datum.migration + datum.faults + datum.observation) / (datum.local + datum.remote)', as: 'effort' },
            // A policy is on the front when none of less or equal effort has a lower latency
            {
              window: [{ op: 'min', field: 'latency', as: 'best' }],
              sort: [{ field: 'effort' }, { field: 'latency' }],
              frame: [null, 0],
            },
          ],
          height: 300,
          encoding: {
            x: { ...place.x, title: 'ns per access spent on migration, hint faults and observation', axis: { tickCount: 8 } },
            y: { ...place.y, title: 'mean latency (ns)', axis: { tickCount: 6 } },
          },
          layer: [
            {
              transform: [{ filter: 'datum.latency <= datum.best' }],
              mark: { type: 'line', interpolate: 'step-after', color: 'theme:soft', strokeWidth: 1.2, strokeDash: [4, 3] },
            },
            {
              mark: { type: 'point', filled: true, size: 110 },
              encoding: {
                color: { field: 'lane', type: 'nominal' },
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'latency', type: 'quantitative', title: 'mean latency (ns)', format: '.2f' },
                  { field: 'effort', type: 'quantitative', title: 'spent (ns per access)', format: '.3f' },
                  { field: 'migrated', type: 'quantitative', title: 'pages moved', format: ',' },
                ],
              },
            },
          ],
        },
      },
    ]
  },
})

function front(run: RunTables) {
  const rows = run.rows('summary').map((row) => {
    const accesses = (row['accesses'] as number) || 1
    const effort = ((row['migration_ns'] as number) + (row['hint_fault_ns'] as number) + (row['observation_ns'] as number)) / accesses
    return { row, effort, latency: (row['mean_latency_ns'] as number | null) ?? Number.POSITIVE_INFINITY }
  })
  const isBeaten = (one: (typeof rows)[number]): boolean =>
    rows.some((other) => other.effort <= one.effort && other.latency <= one.latency && (other.effort < one.effort || other.latency < one.latency))
  return {
    title: 'Latency against effort',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'mean ns', align: 'right' as const },
      { heading: 'spent, ns per access', align: 'right' as const },
      { heading: 'pages moved', align: 'right' as const },
      { heading: 'memory moved', align: 'right' as const },
      { heading: 'on the front', align: 'left' as const },
    ],
    rows: rows.map((one) => [
      one.row['lane'] as string,
      formatMetric('meanLatency', one.row),
      one.effort.toFixed(3),
      formatCount(one.row['migrated'] as number),
      formatSize((one.row['migrated'] as number) * run.record.trace.pageSize),
      isBeaten(one) ? 'no' : 'yes',
    ]),
  }
}
