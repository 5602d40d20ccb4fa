import {
  defineReport,
  formatPercent,
  holm,
  LANE_ROWS,
  LANE_TOOLTIP,
  LEAST_BLOCKS,
  laneHeight,
  pairedRatio,
  type RatioEstimate,
  type ReportChart,
  type RunTables,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Significant or not',
  section: 'overview',
  question: 'Which differences from the baseline are more than the ups and downs of the trace?',
  tables: ['epochs'],
  text: (run) => [differences(run)],
  charts(run): ReportChart[] {
    const rows = compare(run).map(({ lane, ratio, interval, verdict: words }) => ({
      lane,
      change: ratio - 1,
      low: interval === null ? null : interval[0] - 1,
      high: interval === null ? null : interval[1] - 1,
      end: (interval?.[1] ?? ratio) - 1,
      verdict: words,
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

interface Difference extends RatioEstimate {
  lane: string
  verdict: string
}

/** Total cost per time bin of every lane that ran to the end, against the baseline's; corrected for their number (Holm). */
function compare(run: RunTables): Difference[] {
  const costs = new Map<string, number[]>()
  for (const row of run.rows('epochs')) {
    const cost = ['memory_stall_ns', 'migration_ns', 'hint_fault_ns', 'observation_ns', 'blocked_ns'].reduce(
      (sum, name) => sum + ((row[name] as number | null) ?? 0),
      0,
    )
    const lane = row['lane'] as string
    if (!costs.has(lane)) costs.set(lane, [])
    costs.get(lane)!.push(cost)
  }
  const reference = costs.get(run.record.baseline) ?? []
  const estimates = run.record.lanes
    .filter(({ label, status }) => label !== run.record.baseline && status === 'ok' && costs.get(label)?.length === reference.length)
    .map(({ label }) => ({ lane: label, ...pairedRatio(costs.get(label)!, reference, run.record.seed, label) }))
  const tested = estimates.filter(({ p }) => p !== null)
  const significant = holm(tested.map(({ p }) => p!))
  return estimates.map((estimate) => ({ ...estimate, verdict: verdict(estimate, significant[tested.indexOf(estimate)]) }))
}

function verdict({ ratio, interval }: RatioEstimate, isSignificant: boolean | undefined): string {
  if (interval === null) return 'not enough blocks'
  if (!isSignificant) return 'no significant difference'
  return ratio < 1 ? 'cheaper' : 'dearer'
}

const signed = (share: number): string => `${share >= 0 ? '+' : '-'}${formatPercent(Math.abs(share))}`

function differences(run: RunTables) {
  const rows = compare(run)
  return {
    title: `Total cost against ${run.record.baseline}`,
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'cost', align: 'right' as const },
      { heading: '95% interval', align: 'right' as const },
      { heading: 'blocks', align: 'right' as const },
      { heading: 'verdict', align: 'left' as const },
    ],
    rows: rows.map(({ lane, ratio, interval, blocks, verdict: words }) => [
      lane,
      signed(ratio - 1),
      interval === null ? '—' : `${signed(interval[0] - 1)} to ${signed(interval[1] - 1)}`,
      String(blocks),
      words,
    ]),
    notes: [
      'Geometric mean over blocks of the trace of cost / cost of the baseline; paired block bootstrap, corrected for the number of policies (Holm).',
      `A block is ten times as long as the series remembers; fewer than ${LEAST_BLOCKS} blocks give no interval, and the cost is that of the totals.`,
    ],
  }
}
