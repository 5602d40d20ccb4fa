import { mean } from 'simple-statistics'
import {
  averageToOptimum,
  type Cost,
  costsBySetting,
  defineReport,
  ERROR_LINE,
  errorsOfMean,
  formatCount,
  groupBy,
  HIGHEST_STEM,
  isSampledStudy,
  LANE_TOOLTIP,
  LINES,
  type ReportChart,
  type ReportTable,
  type RunTables,
  type SamplingErrors,
  STUDY_LIMIT,
  studyPoints,
  withError,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Pareto front over the grid',
  section: 'study',
  question: 'Which variants buy their latency with the least migration, over all settings together?',
  of: 'study',
  tables: ['points'],
  text: (run) => [front(run)],
  charts(run): ReportChart[] {
    const { variants } = bargains(run)
    const color = { field: 'lane', type: 'nominal' }
    return [
      {
        name: 'grid-pareto',
        title: 'Mean latency against memory moved, over the whole grid',
        caption:
          'Lower left is better; the dashed steps join the variants that no other beats in both. Latency is in multiples of the optimum of its own trace and machine (geometric mean over settings), memory moved in multiples of what the program touches (mean). A stem is what the variant itself costs on top (▲: more than fits); none ends below the optimum.',
        description:
          'Scatter plot: mean latency relative to the optimum against memory moved relative to the memory of the program, one point per variant with its own costs as a stem, the Pareto front and the optimum as lines',
        width: 'full',
        sampling: `${LINES} of memory moved and mean latency, upper limits as they are of means; the optimum is taken as known.`,
        data: {
          variants: variants.map(({ lane, moved, latency, cost, fronts, settings, errors }) => ({
            lane,
            moved,
            latency,
            cost,
            fronts,
            settings,
            ...(isSampledStudy(run) && {
              low: latency * (1 - errors.latency),
              high: latency * (1 + errors.latency),
              left: Math.max(0, moved - errors.moved),
              right: moved + errors.moved,
            }),
          })),
        },
        spec: {
          data: { name: 'variants' },
          transform: [
            { joinaggregate: [{ op: 'max', field: 'latency', as: 'highest' }] },
            // over the optimum: the scale begins there
            { calculate: `min(datum.cost, 1 + ${HIGHEST_STEM} * max(0.01, datum.highest - 1))`, as: 'end' },
            // on the front when none that moves as much or less has a lower latency
            { window: [{ op: 'min', field: 'latency', as: 'best' }], sort: [{ field: 'moved' }, { field: 'latency' }], frame: [null, 0] },
          ],
          height: 320,
          encoding: {
            x: {
              field: 'moved',
              type: 'quantitative',
              title: 'memory moved / memory of the program',
              axis: { tickCount: 8, labelExpr: "datum.value < 0 ? '' : format(datum.value, '~r') + '×'" },
              scale: { padding: 12, nice: false },
            },
            y: {
              field: 'latency',
              type: 'quantitative',
              title: 'mean latency / optimum',
              axis: { format: '.2f', tickCount: 6 },
              scale: { zero: false, padding: 18 },
            },
          },
          layer: [
            { mark: { type: 'rule', color: 'theme:ink', strokeWidth: 1.5 }, encoding: { x: { value: 0 }, x2: { value: 'width' }, y: { datum: 1 } } },
            {
              transform: [{ aggregate: [{ op: 'count', as: 'optimum' }] }, { calculate: '1', as: 'optimum' }],
              mark: { type: 'text', baseline: 'top', dy: 5, color: 'theme:soft' },
              encoding: {
                x: { value: { expr: 'width / 2' } },
                y: { field: 'optimum', type: 'quantitative' },
                text: { value: 'optimum, own costs counted' },
              },
            },
            {
              transform: [{ filter: 'datum.latency <= datum.best' }],
              mark: { type: 'line', interpolate: 'step-after', color: 'theme:soft', strokeWidth: 1.2, strokeDash: [4, 3] },
            },
            { mark: { type: 'rule', strokeWidth: 2 }, encoding: { y2: { field: 'end' }, color } },
            {
              transform: [{ filter: 'datum.cost > datum.end' }],
              mark: { type: 'point', shape: 'triangle-up', size: 60, filled: true },
              encoding: { y: { field: 'end', type: 'quantitative' }, color },
            },
            ...(isSampledStudy(run)
              ? [
                  { mark: { ...ERROR_LINE }, encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } } },
                  { mark: { ...ERROR_LINE }, encoding: { x: { field: 'left', type: 'quantitative' }, x2: { field: 'right' } } },
                ]
              : []),
            {
              mark: { type: 'point', filled: true, size: 110 },
              encoding: {
                color,
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'latency', type: 'quantitative', title: 'mean latency / optimum', format: '.3f' },
                  { field: 'cost', type: 'quantitative', title: 'with its own costs / optimum', format: '.3f' },
                  { field: 'moved', type: 'quantitative', title: 'memory moved / memory of the program', format: '.3f' },
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
  /** Memory moved over the memory of the program. */
  moved: number
  /** Access latency alone, and with the policy's own costs, over the optimum. */
  latency: number
  cost: number
  errors: SamplingErrors
}

/** Those that no other beats in one without losing in the other. */
const onFront = <B extends Bargain>(all: readonly B[]): B[] =>
  all.filter((one) => !all.some((two) => two.moved <= one.moved && two.latency <= one.latency && (two.moved < one.moved || two.latency < one.latency)))

const asBargain = ({ lane, moved, toOptimum, errors }: Pick<Cost, 'lane' | 'moved' | 'toOptimum' | 'errors'>): Bargain[] =>
  toOptimum === null ? [] : [{ lane, moved, ...toOptimum, errors }]

/** Variants are held against each other over the same settings: those that lack one would have another average. */
function bargains(run: RunTables) {
  const costs = costsBySetting(studyPoints(run.rows('points'), run.study!, run.record.baseline))
  const bySetting = groupBy(costs, ({ setting }) => setting)
  const fronts = [...bySetting.values()].flatMap((group) => onFront(group.flatMap(asBargain)))
  const all = [...groupBy(costs, ({ lane }) => lane)].map(([lane, group]) => ({
    lane,
    settings: group.length,
    fronts: fronts.filter((one) => one.lane === lane).length,
    bargain:
      group.length === bySetting.size
        ? asBargain({
            lane,
            moved: mean(group.map(({ moved }) => moved)),
            toOptimum: averageToOptimum(group),
            errors: errorsOfMean(group.map(({ errors }) => errors)),
          })
        : [],
  }))
  const variants = all.flatMap(({ bargain, ...rest }) => bargain.map((one) => ({ ...rest, ...one })))
  const left = run.record.lanes.map(({ label }) => label).filter((label) => !variants.some(({ lane }) => lane === label))
  return { variants, front: new Set(onFront(variants)), left, settings: bySetting.size }
}

const toThousandths = (value: number): string => value.toFixed(3)

function front(run: RunTables): ReportTable {
  const { variants, front: best, left, settings } = bargains(run)
  return {
    title: `Latency against memory moved, over ${formatCount(settings)} ${settings === 1 ? 'setting' : 'settings'}`,
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' },
      { heading: 'memory moved', align: 'right' },
      { heading: 'latency / optimum', align: 'right' },
      { heading: 'with own costs', align: 'right' },
      { heading: 'on the front', align: 'left' },
      { heading: 'of single settings', align: 'right' },
    ],
    rows: variants.map((one) => [
      one.lane,
      withError(one.moved, one.errors.moved, (multiple, beside) => `${multiple.toFixed(2)}${beside === undefined ? '×' : ''}`),
      withError(one.latency, one.latency * one.errors.latency, toThousandths),
      withError(one.cost, one.cost * one.errors.cost, toThousandths),
      best.has(one) ? 'yes' : 'no',
      `${one.fronts} of ${one.settings}`,
    ]),
    sampling: `${STUDY_LIMIT} The optimum is taken as known.`,
    notes: [
      'Moved: in multiples of the memory that the program touches, mean over settings. Latency and cost: over the optimum of the same trace and machine (1 = no placement costs less, own costs counted), geometric mean.',
      ...(left.length > 0 ? [`Left out, as they have not a result and an optimum in every setting: ${left.join(', ')}.`] : []),
    ],
  }
}
