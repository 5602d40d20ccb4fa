import { logAverage, mean, median } from 'simple-statistics'
import {
  type Cell,
  CHANGE_AXIS,
  type Change,
  changeEnds,
  changeLines,
  changesAlong,
  changeTooltip,
  defineReport,
  EQUAL,
  errorsOfMean,
  formatDuration,
  formatPercent,
  groupBy,
  inOrder,
  isSampledStudy,
  LANE_TOOLTIP,
  LINES,
  type ReportChart,
  type ReportTable,
  type RunTables,
  STUDY_LIMIT,
  type StudyPoint,
  studyPoints,
  toldChange,
  withError,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Sensitivity',
  section: 'study',
  question: 'Which axis of the study changes the result, and how should the parameters be set?',
  of: 'study',
  tables: ['points'],
  text: (run) => [importance(run), ...tuned(run).map(tuningTable)],
  charts(run) {
    const points = studyPoints(run.rows('points'), run.study!, run.record.baseline)
    const along = run.study!.varying.map(({ axis, values }) => axisChart(run, points, axis, values))
    return [...tuned(run).map((tuning) => tuningChart(run, tuning)), ...along]
  },
})

const label = (axis: string): string => axis.replace(/^param_|_ns$/g, '').replaceAll('_', '-')

/** Half the width of the interval of dearest over cheapest, as a share of it: the errors of both add up. */
const spreadError = ({ points }: Change): number => {
  const sorted = [...points].sort((a, b) => a.ratio - b.ratio)
  return sorted[0]!.errors.ratio + sorted.at(-1)!.errors.ratio
}
const toldSpread = (change: Change): string => withError(change.spread, (1 + change.spread) * spreadError(change), formatPercent)
const least = (points: readonly StudyPoint[]): StudyPoint => points.reduce((best, one) => (one.ratio < best.ratio ? one : best))
const most = (points: readonly StudyPoint[]): StudyPoint => points.reduce((worst, one) => (one.ratio > worst.ratio ? one : worst))
const toldPoint = ({ ratio, errors }: StudyPoint): string => toldChange(ratio, errors.ratio)
const errorOf = (points: readonly StudyPoint[]): number => errorsOfMean(points.map(({ errors }) => errors)).ratio

/** Every axis with more than one value: how far results lie apart that differ in it alone. */
function importance(run: RunTables): ReportTable {
  const points = studyPoints(run.rows('points'), run.study!, run.record.baseline)
  const axes = [...run.study!.varying.map(({ axis }) => axis), ...run.study!.params]
  const rows = axes.flatMap((axis) => {
    const changes = changesAlong(axis, points, run.study!, run.record.baseline)
    if (changes.length === 0) return []
    const spreads = changes.map(({ spread }) => spread)
    const sorted = [...changes].sort((a, b) => a.spread - b.spread)
    const widest = sorted.at(-1)!
    // the one in the middle, or those two that the median is the mean of
    const middle = [sorted[(sorted.length - 1) >> 1]!, sorted[sorted.length >> 1]!]
    const typicalError = mean(middle.map((change) => (1 + change.spread) * spreadError(change)))
    return [{ axis, changes, typical: median(spreads), typicalError, largest: widest.spread, widest }]
  })
  rows.sort((a, b) => b.typical - a.typical || b.largest - a.largest)
  return {
    title: 'How much each axis matters',
    columns: [
      { heading: 'axis', align: 'left' },
      { heading: 'values', align: 'right' },
      { heading: 'compared', align: 'right' },
      { heading: 'typical change', align: 'right' },
      { heading: 'largest change', align: 'right' },
      { heading: 'where', align: 'left' },
    ],
    rows: rows.map(({ axis, changes, typical, typicalError, widest }) => [
      label(axis),
      String(new Set(changes.flatMap(({ points: group }) => group.map(({ row }) => row[axis]))).size),
      String(changes.length),
      withError(typical, typicalError, formatPercent),
      toldSpread(widest),
      whereOf(widest),
    ]),
    sampling: STUDY_LIMIT,
    notes: ['Change: dearest over cheapest of points that differ in this axis alone, each against the baseline of its own comparison; typical is the median.'],
  }
}

/** Of the axis that changes itself, nothing: it has all its values. */
function whereOf({ axis, points: [point], policy }: Change): string {
  const setting = point!.setting.split(' ').filter((word) => !word.startsWith(`${axis}=`)).join(' ') // biome-ignore format: one thought
  return [axis.startsWith('param_') ? policy : point!.lane, setting].filter(Boolean).join(', ')
}

interface Tuning {
  policy: string
  param: string
  changes: Change[]
}

const tuned = (run: RunTables): Tuning[] => {
  const points = studyPoints(run.rows('points'), run.study!, run.record.baseline)
  return run.study!.params.flatMap((param) =>
    [...groupBy(changesAlong(param, points, run.study!, run.record.baseline), ({ policy }) => policy)].map(([policy, changes]) => ({ policy, param, changes })),
  )
}

function tuningTable({ policy, param, changes }: Tuning): ReportTable {
  const points = changes.flatMap((change) => change.points)
  const cheapest = new Map(changes.flatMap((change) => change.points.map((point) => [point, least(change.points)] as const)))
  const above = (point: StudyPoint): number => point.ratio / cheapest.get(point)!.ratio - 1
  /** The errors of both add up; that of the cheapest against itself is none. */
  const aboveError = (point: StudyPoint): number => (cheapest.get(point) === point ? 0 : point.errors.ratio + cheapest.get(point)!.errors.ratio)
  const groups = groupBy(points, ({ row }) => String(row[param]))
  return {
    title: `${label(param)} of ${policy}`,
    columns: [
      { heading: label(param), align: 'left' },
      { heading: 'cost against the baseline', align: 'right' },
      { heading: 'at best', align: 'right' },
      { heading: 'at worst', align: 'right' },
      { heading: 'best in', align: 'right' },
      { heading: 'above the best value', align: 'right' },
      { heading: 'at most', align: 'right' },
    ],
    rows: inOrder([...groups.keys()]).map((value) => {
      const group = groups.get(String(value))!
      const furthest = group.reduce((worst, one) => (above(one) > above(worst) ? one : worst))
      const average = logAverage(group.map((point) => 1 + above(point)))
      return [
        String(value),
        toldChange(logAverage(group.map(({ ratio }) => ratio)), errorOf(group)),
        toldPoint(least(group)),
        toldPoint(most(group)),
        `${group.filter((point) => above(point) <= EQUAL).length} of ${group.length}`,
        withError(average - 1, average * mean(group.map(aboveError)), formatPercent),
        withError(above(furthest), (1 + above(furthest)) * aboveError(furthest), formatPercent),
      ]
    }),
    sampling: STUDY_LIMIT,
    notes: [`Best: within ${formatPercent(EQUAL)} of the cheapest value of the parameter, everything else equal.`],
  }
}

/** Geometric means, so that seeds (and what else varies) become one dot. */
const averaged = (points: readonly StudyPoint[], keyOf: (point: StudyPoint) => string) =>
  [...groupBy(points, keyOf).values()].map((group) => ({ first: group[0]!, ratio: logAverage(group.map(({ ratio }) => ratio)), error: errorOf(group) }))

function tuningChart(run: RunTables, { policy, param, changes }: Tuning): ReportChart {
  const points = changes.flatMap((change) => change.points)
  const others = run.study!.params.filter((other) => other !== param)
  const rest = ({ row }: StudyPoint): string => others.map((other) => row[other]).join()
  const data = averaged(points, (point) => JSON.stringify([point.setting, rest(point), point.row[param]])).map(({ first, ratio, error }) => ({
    lane: first.lane,
    value: String(first.row[param]),
    setting: first.setting,
    series: `${first.setting} ${rest(first)}`,
    change: ratio - 1,
    ...changeEnds(run, ratio, error),
  }))
  return {
    name: `${policy}-${label(param)}`,
    title: `${label(param)} of ${policy}`,
    caption: 'Cost against the baseline; a line joins points that differ in this parameter alone.',
    description: `Line chart: total cost relative to the baseline for each value of ${label(param)} of ${policy}, one line per setting`,
    sampling: `${LINES}${MEANS}.`,
    data: { points: data },
    spec: {
      data: { name: 'points' },
      height: 240,
      encoding: {
        x: { field: 'value', type: 'ordinal', title: label(param), sort: inOrder(data.map(({ value }) => value)), axis: { labelAngle: 0 } },
        y: { field: 'change', type: 'quantitative', title: 'cost against the baseline', axis: { ...CHANGE_AXIS, tickCount: 6 }, scale: { zero: false } },
      },
      layer: [
        { mark: { type: 'line', color: 'theme:soft', strokeWidth: 1, opacity: 0.5 }, encoding: { detail: { field: 'series' } } },
        ...changeLines(run, 'y', { color: { field: 'lane', type: 'nominal', legend: null } }),
        {
          mark: { type: 'point', filled: true, size: 55 },
          encoding: {
            color: { field: 'lane', type: 'nominal', legend: null },
            tooltip: [
              LANE_TOOLTIP,
              { field: 'setting', title: 'setting' },
              { field: 'change', type: 'quantitative', title: 'cost', format: '+.2%' },
              ...changeTooltip(run),
            ],
          },
        },
      ],
    },
  }
}

const MEANS = ', an upper limit where a dot is a mean'

/** Axes whose values have an order with distances: lines between them mean something. */
const ORDERED = ['epoch_ns', 'pace']

function axisChart(run: RunTables, points: readonly StudyPoint[], axis: string, values: Cell[]): ReportChart {
  const told = points.filter(({ lane }) => lane !== run.record.baseline)
  const name = label(axis)
  const word = (value: Cell | undefined): string => (value === null || value === undefined ? 'default' : axis === 'epoch_ns' ? formatDuration(value as number) : String(value)) // biome-ignore format: one thought
  const data = averaged(told, ({ lane, row }) => JSON.stringify([lane, row[axis]])).map(({ first, ratio, error }) => ({
    lane: first.lane,
    value: word(first.row[axis]),
    change: ratio - 1,
    ...changeEnds(run, ratio, error),
  }))
  const isOrdered = ORDERED.includes(axis)
  const mark = isOrdered ? { type: 'line', point: { size: 45 } } : { type: 'point', filled: true, size: 60, opacity: 0.8 }
  const change = { field: 'change', type: 'quantitative', title: 'cost against the baseline', axis: { ...CHANGE_AXIS, tickCount: 6 }, scale: { zero: false } }
  const value = { field: 'value', type: 'ordinal', title: isOrdered ? name : null, sort: values.map(word) }
  return {
    name: `along-${name}`,
    title: `Cost by ${name}`,
    caption: `Cost against ${run.record.baseline}, geometric mean over everything else.`,
    description: `${isOrdered ? 'Line chart' : 'Dot plot'}: total cost of each policy relative to the baseline for each ${name} of the study`,
    sampling: `${LINES}${MEANS}.`,
    data: { points: data },
    spec: {
      data: { name: 'points' },
      height: isOrdered ? 240 : Math.max(90, 34 * values.length),
      ...(isSampledStudy(run) ? { layer: [{ mark }, ...changeLines(run, isOrdered ? 'y' : 'x')] } : { mark }),
      encoding: {
        x: isOrdered ? { ...value, axis: { labelAngle: 0 } } : change,
        y: isOrdered ? change : { ...value, axis: { grid: true } },
        color: { field: 'lane', type: 'nominal' },
        tooltip: [
          LANE_TOOLTIP,
          { field: 'value', title: name },
          { field: 'change', type: 'quantitative', title: 'cost', format: '+.2%' },
          ...changeTooltip(run),
        ],
      },
    },
  }
}
