import {
  compareRuns,
  defineReport,
  LANE_ROWS,
  LANE_TOOLTIP,
  laneHeight,
  type PolicyComparison,
  type ReportChart,
  type ReportTable,
  type RunTables,
  ratioTable,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Significant or not',
  section: 'overview',
  question: 'Which differences from the baseline are more than the ups and downs of the trace?',
  tables: ['epochs'],
  text: (run) => [differences(run)],
  charts(run): ReportChart[] {
    const rows = (compare(run)?.ratios ?? []).map(({ policy, ratio, interval, verdict }) => ({
      lane: policy,
      change: ratio - 1,
      low: interval === null ? null : interval[0] - 1,
      high: interval === null ? null : interval[1] - 1,
      end: (interval?.[1] ?? ratio) - 1,
      verdict,
    }))
    return [
      {
        name: 'differences',
        title: 'Cost against the baseline, with 95 % intervals',
        caption: 'Left of zero is cheaper. A bar that reaches zero may be chance; without a bar the trace is too short to tell.',
        description: 'Interval plot: total cost of each policy relative to the baseline with its 95 percent confidence interval',
        width: 'full',
        data: { differences: rows },
        spec: {
          data: { name: 'differences' },
          height: laneHeight(run.record.lanes.length - 1),
          encoding: { y: LANE_ROWS },
          layer: [
            { mark: { type: 'rule', color: 'theme:soft', strokeDash: [4, 3] }, encoding: { y: null, x: { datum: 0 } } },
            {
              transform: [{ filter: 'datum.low !== null' }],
              mark: { type: 'rule', strokeWidth: 3, strokeCap: 'round' },
              encoding: {
                x: { field: 'low', type: 'quantitative', title: 'cost against the baseline', axis: { format: '+~%', tickCount: 8 }, scale: { zero: true } },
                x2: { field: 'high' },
                color: { field: 'lane', type: 'nominal', legend: null },
              },
            },
            {
              mark: { type: 'point', filled: true, size: 80 },
              encoding: {
                x: { field: 'change', type: 'quantitative' },
                color: { field: 'lane', type: 'nominal', legend: null },
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'change', type: 'quantitative', title: 'cost against the baseline', format: '+.2%' },
                  { field: 'low', type: 'quantitative', title: 'from', format: '+.2%' },
                  { field: 'high', type: 'quantitative', title: 'to', format: '+.2%' },
                ],
              },
            },
            {
              mark: { type: 'text', align: 'left', dx: 11, color: 'theme:soft' },
              encoding: { x: { field: 'end', type: 'quantitative' }, text: { field: 'verdict' } },
            },
            // Unseen: room for the words
            {
              transform: [
                {
                  joinaggregate: [
                    { op: 'min', field: 'change', as: 'least' },
                    { op: 'max', field: 'end', as: 'most' },
                  ],
                },
                { calculate: 'max(0, datum.most) + 0.25 * max(0.01, max(0, datum.most) - min(0, datum.least))', as: 'room' },
              ],
              mark: { type: 'point', opacity: 0, tooltip: null },
              encoding: { x: { field: 'room', type: 'quantitative' } },
            },
          ],
        },
      },
    ]
  },
})

/** Every lane that ran to the end against the baseline; the run is the only case. */
function compare(run: RunTables): PolicyComparison | undefined {
  return run.record.lanes.some(({ label, status }) => label === run.record.baseline && status === 'ok') ? compareRuns([run]) : undefined
}

function differences(run: RunTables): ReportTable {
  const comparison = compare(run)
  if (comparison !== undefined) return ratioTable(comparison)
  return { title: 'Total cost against the baseline', columns: [], rows: [], notes: [`${run.record.baseline} ended early: there is nothing to compare with.`] }
}
