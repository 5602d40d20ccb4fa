import { logAverage, min } from 'simple-statistics'
import {
  CHANGE_AXIS,
  type Cost,
  changeEnds,
  changeLines,
  changeTooltip,
  costsBySetting,
  defineReport,
  EQUAL,
  errorsOfMean,
  formatPercent,
  groupBy,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  type ReportTable,
  type RunTables,
  STUDY_LIMIT,
  studyPoints,
  toldChange,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Over the whole study',
  section: 'study',
  question: 'Which policy is best across traces, machines and seeds, and where does it fail?',
  of: 'study',
  tables: ['points'],
  text: (run) => [overview(run)],
  charts(run) {
    const costs = settings(run).filter(({ lane }) => lane !== run.record.baseline)
    const change = { field: 'change', type: 'quantitative', title: 'cost against the baseline', axis: CHANGE_AXIS, scale: { zero: true } }
    return [
      {
        name: 'cost-by-setting',
        title: `Cost against ${run.record.baseline}`,
        caption: 'Left of zero is cheaper. A dot is one setting, its seeds averaged; the tick is the geometric mean over all settings.',
        description: 'Strip plot: total cost of each policy relative to the baseline in every setting of the study, with the geometric mean',
        width: 'full',
        sampling: `${LINES}, of dots and ticks (those of ticks an upper limit).`,
        data: {
          costs: costs.map(({ lane, setting, ratio, low, high, errors }) => ({
            lane,
            setting,
            change: ratio - 1,
            low: low - 1,
            high: high - 1,
            ...changeEnds(run, ratio, errors.ratio),
          })),
          means: averages(costs).map(({ lane, average, error }) => ({ lane, change: average - 1, ...changeEnds(run, average, error) })),
        },
        spec: {
          height: laneHeight(run.record.lanes.length - 1),
          layer: [
            { mark: { type: 'rule', color: 'theme:soft', strokeDash: [4, 3] }, data: { name: 'means' }, encoding: { x: { datum: 0 } } },
            {
              data: { name: 'costs' },
              mark: { type: 'point', filled: true, size: 46, opacity: 0.55 },
              encoding: {
                y: LANE_ROWS,
                x: change,
                color: { field: 'lane', type: 'nominal', legend: null },
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'setting', title: 'setting' },
                  { field: 'change', type: 'quantitative', title: 'cost against the baseline', format: '+.2%' },
                  ...changeTooltip(run),
                  { field: 'low', type: 'quantitative', title: 'least of the seeds', format: '+.2%' },
                  { field: 'high', type: 'quantitative', title: 'most of the seeds', format: '+.2%' },
                ],
              },
            },
            ...changeLines(run, 'x', { y: LANE_ROWS, color: { field: 'lane', type: 'nominal', legend: null } }).map((lines) => ({
              data: { name: 'costs' },
              ...lines,
            })),
            ...changeLines(run, 'x', { y: LANE_ROWS, color: { value: 'theme:ink' } }).map((lines) => ({ data: { name: 'means' }, ...lines })),
            {
              data: { name: 'means' },
              mark: { type: 'tick', thickness: 3, height: 20, color: 'theme:ink' },
              encoding: {
                y: LANE_ROWS,
                x: { field: 'change', type: 'quantitative' },
                tooltip: [LANE_TOOLTIP, { field: 'change', type: 'quantitative', title: 'geometric mean', format: '+.2%' }, ...changeTooltip(run)],
              },
            },
          ],
        },
      },
    ]
  },
})

const settings = (run: RunTables): Cost[] => costsBySetting(studyPoints(run.rows('points'), run.study!, run.record.baseline))

/** Geometric mean of each policy over its settings, with half the width of its interval of sampling as a share of it. */
const averages = (costs: readonly Cost[]) =>
  [...groupBy(costs, ({ lane }) => lane)].map(([lane, group]) => ({
    lane,
    group,
    average: logAverage(group.map(({ ratio }) => ratio)),
    error: errorsOfMean(group.map(({ errors }) => errors)).ratio,
  }))

const told = ({ ratio, errors }: Cost): string => toldChange(ratio, errors.ratio)

function overview(run: RunTables): ReportTable {
  const costs = settings(run)
  const least = new Map([...groupBy(costs, ({ setting }) => setting)].map(([setting, group]) => [setting, min(group.map(({ ratio }) => ratio))]))
  return {
    title: `Cost against ${run.record.baseline}, over ${least.size} settings`,
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      ...['cost', 'cheaper', 'equal', 'dearer', 'best in', 'at best', 'at worst'].map((heading) => ({ heading, align: 'right' as const })),
      { heading: 'where it is worst', align: 'left' },
    ],
    rows: averages(costs).map(({ lane, group, average, error }) => {
      const isBaseline = lane === run.record.baseline
      const sorted = [...group].sort((a, b) => a.ratio - b.ratio)
      const count = (test: (ratio: number) => boolean): string => (isBaseline ? '' : String(group.filter(({ ratio }) => test(ratio)).length))
      const best = group.filter(({ setting, ratio }) => ratio <= least.get(setting)! * (1 + EQUAL)).length
      return [
        lane,
        isBaseline ? '' : toldChange(average, error),
        count((ratio) => ratio < 1 - EQUAL),
        count((ratio) => Math.abs(ratio - 1) <= EQUAL),
        count((ratio) => ratio > 1 + EQUAL),
        String(best),
        isBaseline ? '' : told(sorted[0]!),
        isBaseline ? '' : told(sorted.at(-1)!),
        isBaseline ? '' : sorted.at(-1)!.setting,
      ]
    }),
    sampling: STUDY_LIMIT,
    notes: [
      'Cost counts memory stall, migration, hint faults, observation and waiting; geometric mean over settings, seeds averaged within each.',
      `Equal: within ${formatPercent(EQUAL)} of the baseline; best: within that of the cheapest policy of the setting.`,
      'Which differences are more than chance: numareplay compare STORE.',
    ],
  }
}
