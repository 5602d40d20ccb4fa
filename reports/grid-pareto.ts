import { logAverage, mean } from 'simple-statistics'
import { costsBySetting, defineReport, groupBy, LANE_TOOLTIP, type ReportTable, type RunTables, studyPoints } from '../src/report/index.ts'

export default defineReport({
  title: 'Pareto front over the grid',
  section: 'study',
  question: 'Which variants are worth their effort, over all settings together?',
  of: 'study',
  tables: ['points'],
  text: (run) => [front(run)],
  charts(run) {
    const { variants } = bargains(run)
    return [
      {
        name: 'grid-pareto',
        title: 'Latency against the cost of the policy, over the whole grid',
        caption: 'Lower left is better. The line joins the variants that no other beats in both; every point above it is a worse bargain.',
        description:
          'Scatter plot: mean latency relative to the baseline against time per access spent on the policy, one point per variant, with the Pareto front',
        width: 'full',
        data: { variants: variants.map(({ lane, effort, latency, fronts, settings }) => ({ lane, effort, latency: latency - 1, fronts, settings })) },
        spec: {
          data: { name: 'variants' },
          // on the front when none of less or equal effort has a lower latency
          transform: [{ window: [{ op: 'min', field: 'latency', as: 'best' }], sort: [{ field: 'effort' }, { field: 'latency' }], frame: [null, 0] }],
          height: 300,
          encoding: {
            x: {
              field: 'effort',
              type: 'quantitative',
              title: 'ns per access spent on migration, hint faults and observation',
              axis: { tickCount: 8 },
            },
            y: {
              field: 'latency',
              type: 'quantitative',
              title: 'mean latency against the baseline',
              axis: { format: '+~%', tickCount: 6 },
              scale: { zero: false, padding: 18 },
            },
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
                  { field: 'latency', type: 'quantitative', title: 'mean latency against the baseline', format: '+.2%' },
                  { field: 'effort', type: 'quantitative', title: 'spent (ns per access)', format: '.3f' },
                  { field: 'fronts', type: 'quantitative', title: 'settings in which it is on the front' },
                  { field: 'settings', type: 'quantitative', title: 'of' },
                ],
              },
            },
          ],
        },
      },
    ]
  },
})

interface Bargain {
  lane: string
  effort: number
  latency: number
}

/** Those that no other beats in one without losing in the other. */
const onFront = <B extends Bargain>(all: readonly B[]): B[] =>
  all.filter((one) => !all.some((two) => two.effort <= one.effort && two.latency <= one.latency && (two.effort < one.effort || two.latency < one.latency)))

function bargains(run: RunTables) {
  const costs = costsBySetting(studyPoints(run.rows('points'), run.study!, run.record.baseline)).map((cost) => ({ ...cost, latency: cost.latencyRatio }))
  const fronts = [...groupBy(costs, ({ setting }) => setting).values()].flatMap(onFront)
  const variants = [...groupBy(costs, ({ lane }) => lane)].map(([lane, group]) => ({
    lane,
    settings: group.length,
    fronts: fronts.filter((one) => one.lane === lane).length,
    effort: mean(group.map(({ effort }) => effort)),
    latency: logAverage(group.map(({ latency }) => latency)),
  }))
  return { variants, front: new Set(onFront(variants)) }
}

function front(run: RunTables): ReportTable {
  const { variants, front: best } = bargains(run)
  return {
    title: 'Latency against effort, over all settings',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      { heading: 'mean latency', align: 'right' },
      { heading: 'spent, ns per access', align: 'right' },
      { heading: 'on the front', align: 'left' },
      { heading: 'of single settings', align: 'right' },
    ],
    rows: variants.map((one) => [
      one.lane,
      one.lane === run.record.baseline ? '=' : `${one.latency >= 1 ? '+' : '-'}${Math.abs(100 * (one.latency - 1)).toFixed(1)}%`,
      one.effort.toFixed(3),
      best.has(one) ? 'yes' : 'no',
      `${one.fronts} of ${one.settings}`,
    ]),
  }
}
