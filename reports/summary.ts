import { comparison, defineReport, type ErrorBars, errorBars, LANE_BAR, LANE_ROWS, LANE_TOOLTIP, laneHeight, TimeGrid } from '../src/report/index.ts'

export default defineReport({
  title: 'Comparison',
  section: 'overview',
  question: 'Which policy is best, and what does it cost?',
  tables: ['summary', 'epochs', 'failures'],
  text: (run) => [comparison(run)],
  charts(run) {
    const grid = new TimeGrid(run)
    const epochs = grid.sum(run.rows('epochs'), ['lane'], ['local', 'remote', 'memory_stall_ns', 'migration_ns', 'hint_fault_ns', 'observation_ns'])
    const perAccess = { aggregate: TOTALS, groupby: ['lane'] }
    const [latencyErrors, shareErrors] = [errorBars(run, 'meanLatency'), errorBars(run, 'localShare')]
    return [
      {
        name: 'mean-latency',
        title: 'Mean access latency',
        caption: 'Shorter is better. Hint faults and migration are not in it.',
        description: 'Bar chart: mean access latency in nanoseconds of each policy',
        data: { epochs, ...latencyErrors.data },
        spec: bars(run.record.lanes.length, 'datum.stall / (datum.local + datum.remote)', 'ns per access', '.1f', perAccess, latencyErrors),
      },
      {
        name: 'local-share',
        title: 'Accesses served by local memory',
        caption: 'Longer is better: the share of accesses answered by the node of the accessing cpu.',
        description: 'Bar chart: share of local accesses of each policy',
        data: { epochs, ...shareErrors.data },
        spec: bars(run.record.lanes.length, 'datum.local / (datum.local + datum.remote)', 'share of accesses', '.1%', perAccess, shareErrors, true),
      },
      {
        name: 'overhead',
        title: 'What the policy itself costs',
        caption: 'Time spent migrating, in hint faults and on observing, per access: what a policy pays for a shorter latency.',
        description: 'Stacked bar chart: nanoseconds per access spent on migration, hint faults and observation by each policy',
        width: 'full',
        data: { epochs },
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
          mark: LANE_BAR,
          encoding: {
            y: LANE_ROWS,
            x: { field: 'cost', type: 'quantitative', title: 'ns per access', axis: { tickCount: 6 } },
            color: {
              field: 'part',
              type: 'nominal',
              title: null,
              scale: { domain: ['migration', 'hint fault', 'observation'], range: ['theme:migrate', 'theme:fault', 'theme:observe'] },
            },
            order: { field: 'part', sort: 'descending' },
            tooltip: [LANE_TOOLTIP, { field: 'part', title: 'spent on' }, { field: 'cost', title: 'ns per access', format: '.2f' }],
          },
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

/** One bar per lane with its figure written at the end; the unseen point keeps room for it. */
function bars(
  lanes: number,
  calculate: string,
  title: string,
  format: string,
  perAccess: object,
  { layers }: ErrorBars,
  isShare = false,
): Record<string, unknown> {
  const value = { field: 'value', type: 'quantitative' }
  const axis = isShare ? { values: [0, 0.25, 0.5, 0.75, 1], format: '.0%' } : { tickCount: 5, format: '~s' }
  return {
    data: { name: 'epochs' },
    transform: [perAccess, { calculate, as: 'value' }, { calculate: isShare ? '1.16' : 'datum.value * 1.14', as: 'room' }],
    height: laneHeight(lanes),
    encoding: {
      y: LANE_ROWS,
      x: { ...value, title, scale: isShare ? { domain: [0, 1.16] } : {}, axis },
      tooltip: [LANE_TOOLTIP, { ...value, title, format }],
    },
    layer: [
      { mark: LANE_BAR, encoding: { color: { field: 'lane', type: 'nominal', legend: null } } },
      ...layers,
      // clear of the end of an interval
      { mark: { type: 'text', align: 'left', dx: layers.length > 0 ? 14 : 5, fontWeight: 600 }, encoding: { text: { ...value, format } } },
      { mark: { type: 'point', opacity: 0, tooltip: null }, encoding: { x: { field: 'room', type: 'quantitative' } } },
    ],
  }
}
