import {
  CHANGE_AXIS,
  chance,
  defineReport,
  LANE_ROWS,
  LANE_TOOLTIP,
  laneHeight,
  MEASURES,
  type ReportChart,
  type ReportTable,
  type Row,
  type RunTables,
  ratioTable,
  roomForWords,
  TimeGrid,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Significant or not',
  section: 'overview',
  question: 'Which differences from the baseline are more than the ups and downs of the trace?',
  tables: ['summary', 'epochs'],
  text: (run) => [differences(run)],
  charts(run): ReportChart[] {
    const rows = (chance(run)?.ratios ?? []).map(({ policy, ratio, interval, verdict }) => ({
      lane: policy,
      low: interval === null ? null : interval[0] - 1,
      high: interval === null ? null : interval[1] - 1,
      // words stand clear of the bar, and of zero
      end: Math.max(0, (interval?.[1] ?? ratio) - 1),
      verdict,
      short: SHORT[verdict] ?? verdict,
    }))
    const change = {
      field: 'change',
      type: 'quantitative',
      title: 'cost against the baseline',
      axis: CHANGE_AXIS,
      scale: { zero: true, ...roomForWords(WORDS) },
    }
    return [
      {
        name: 'differences',
        title: 'Cost against the baseline, with 95% intervals',
        caption:
          'Left of zero is cheaper. The dot is the cost in the time that is shown; bar and words judge the whole run, and a bar that reaches zero may be chance.',
        description: 'Interval plot: total cost of each policy relative to the baseline with its 95 percent confidence interval',
        width: 'full',
        sampling: 'bars and verdicts allow for the sampling error too; a dot in a time window has none of its own.',
        data: { differences: rows, costs: costs(run, new Set(rows.map(({ lane }) => lane))) },
        spec: {
          data: { name: 'differences' },
          height: laneHeight(run.record.lanes.length - 1),
          layer: [
            { mark: { type: 'rule', color: 'theme:soft', strokeDash: [4, 3] }, encoding: { x: { datum: 0 } } },
            {
              transform: [{ filter: 'datum.low !== null' }],
              mark: { type: 'rule', strokeWidth: 3, strokeCap: 'round', color: 'theme:soft' },
              encoding: { y: LANE_ROWS, x: { ...change, field: 'low' }, x2: { field: 'high' } },
            },
            {
              data: { name: 'costs' },
              transform: [
                {
                  aggregate: [
                    { op: 'sum', field: 'cost', as: 'cost' },
                    { op: 'sum', field: 'base', as: 'base' },
                  ],
                  groupby: ['lane'],
                },
                { filter: 'datum.base > 0' },
                { calculate: 'datum.cost / datum.base - 1', as: 'change' },
              ],
              mark: { type: 'point', filled: true, size: 80 },
              encoding: {
                y: LANE_ROWS,
                x: change,
                color: { field: 'lane', type: 'nominal', legend: null },
                tooltip: [LANE_TOOLTIP, { field: 'change', type: 'quantitative', title: 'cost against the baseline', format: '+.2%' }],
              },
            },
            {
              transform: [{ calculate: `width < ${NARROW} ? datum.short : datum.verdict`, as: 'words' }],
              mark: { type: 'text', align: 'left', dx: 11, color: 'theme:soft' },
              encoding: { y: LANE_ROWS, x: { field: 'end', type: 'quantitative' }, text: { field: 'words' } },
            },
          ],
        },
      },
    ]
  },
})

/** On a plot of fewer pixels, such as on a phone, verdicts are short; they stand right of the bars. */
const NARROW = 400
const WORDS = `(width < ${NARROW} ? 102 : 165)`
const SHORT: Record<string, string> = { 'no significant difference': 'not significant', 'not enough epochs': 'few epochs', 'not enough traces': 'few traces' }

/** Total cost per time bin of each of the lanes, with the baseline's in the same bin. */
function costs(run: RunTables, lanes: ReadonlySet<string>): Row[] {
  const rows = new TimeGrid(run).sum(run.rows('epochs'), ['lane'], MEASURES.cost.columns).map((row) => ({
    lane: row['lane'] as string,
    start: row['start']!,
    time: row['time']!,
    cost: MEASURES.cost.columns.reduce((sum, name) => sum + (row[name] as number), 0),
  }))
  const base = new Map(rows.filter(({ lane }) => lane === run.record.baseline).map(({ time, cost }) => [time, cost]))
  return rows.filter(({ lane }) => lanes.has(lane)).map((row) => ({ ...row, base: base.get(row.time) ?? 0 }))
}

function differences(run: RunTables): ReportTable {
  const comparison = chance(run)
  if (comparison !== undefined) return { ...ratioTable(comparison), sampling: 'Intervals and verdicts allow for its error.' }
  return { title: 'Total cost against the baseline', columns: [], rows: [], notes: [`${run.record.baseline} ended early: there is nothing to compare with.`] }
}
