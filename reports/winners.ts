import {
  type Cost,
  changeTooltip,
  corrected,
  costsBySetting,
  defineReport,
  EQUAL,
  formatPercent,
  groupBy,
  isSampledStudy,
  LANE_TOOLTIP,
  type ReportTable,
  type Row,
  type RunTables,
  STUDY_LIMIT,
  studyPoints,
  withError,
} from '../src/report/index.ts'

/** More rows than this help nobody; the table `points` has them all. */
const MOST_SETTINGS = 60

export default defineReport({
  title: 'Who wins where',
  section: 'study',
  question: 'Does the best policy depend on the trace and the machine?',
  of: 'study',
  tables: ['points'],
  text: (run) => [table(run)],
  charts(run) {
    const all = winners(run)
    const [rows, columns] = split(run)
    const data = all.slice(0, MOST_SETTINGS * MOST_SETTINGS).map(({ best, row, verdict }) => ({
      lane: best.lane,
      setting: best.setting,
      saved: 1 - best.ratio,
      ...(isSampledStudy(run) ? { half: best.lane === run.record.baseline ? 0 : best.ratio * best.errors.ratio } : {}),
      text: best.lane === run.record.baseline ? 'none cheaper' : formatPercent(1 - best.ratio),
      verdict,
      clear: verdict === 'yes',
      across: words(columns, row),
      down: words(rows, row),
    }))
    const across = new Set(data.map((row) => row.across)).size
    const down = new Set(data.map((row) => row.down)).size
    return [
      {
        name: 'winners',
        title: 'Cheapest policy of each setting',
        caption: `The figure is what it saves against ${run.record.baseline}, its own costs counted; pale: its lead on the next may be chance, or is not known.`,
        description: 'Grid: the cheapest policy for every trace and machine of the study, with what it saves against the baseline',
        width: 'full',
        sampling: 'the tooltip of a cell tells half of the 95% interval of sampling; whether a lead is more than chance allows for it.',
        data: { winners: data },
        spec: {
          data: { name: 'winners' },
          height: Math.max(60, 30 * down),
          encoding: {
            y: { field: 'down', type: 'nominal', title: null, sort: null, scale: { padding: 0.08 } },
            x: {
              field: 'across',
              type: 'nominal',
              title: null,
              sort: null,
              axis: { orient: 'top', labelAngle: across > 6 ? -30 : 0 },
              scale: { padding: 0.04 },
            },
          },
          layer: [
            {
              mark: { type: 'rect', cornerRadius: 3 },
              encoding: {
                fillOpacity: { condition: { test: 'datum.clear', value: 0.9 }, value: 0.3 },
                fill: { field: 'lane', type: 'nominal' },
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'setting', title: 'setting' },
                  { field: 'saved', type: 'quantitative', title: 'saved', format: '.2%' },
                  ...changeTooltip(run),
                  { field: 'verdict', title: 'more than chance' },
                ],
              },
            },
            {
              mark: { type: 'text', fontWeight: 600 },
              encoding: { text: TEXT, color: { condition: { test: 'datum.clear', value: 'theme:surface' }, value: 'theme:ink' } },
            },
          ],
        },
      },
    ]
  },
})

/** As much as the cell holds, however narrow the page. */
const TEXT = {
  condition: [
    { test: "bandwidth('x') < 38", value: '' },
    { test: "bandwidth('x') < 92 && datum.text === 'none cheaper'", value: 'none' },
  ],
  field: 'text',
}

/** Axes of the rows, and of the columns: traces down, all others across. */
function split({ study }: RunTables): [string[], string[]] {
  const axes = study!.varying.map(({ axis }) => axis).filter((axis) => axis !== 'seed')
  return axes.includes('trace') ? [['trace'], axes.filter((axis) => axis !== 'trace')] : [axes.slice(0, 1), axes.slice(1)]
}

const words = (axes: string[], row: Record<string, unknown>): string =>
  axes.map((axis) => (axis === 'trace' || axis === 'machine' ? String(row[axis]) : `${axis} ${row[axis] ?? 'default'}`)).join(', ') || 'all'

interface Winner {
  best: Cost
  second: Cost | undefined
  close: Cost[]
  row: Row
  /** Is it cheaper than the next by more than chance? */
  verdict: string
}

const known = new WeakMap<RunTables, Winner[]>()

/** The baseline where no policy is cheaper than it by more than EQUAL. */
function winners(run: RunTables): Winner[] {
  const found = known.get(run)
  if (found !== undefined) return found
  const { baseline } = run.record
  const points = studyPoints(run.rows('points'), run.study!, baseline)
  const rowOf = new Map(points.map(({ setting, row }) => [setting, row]))
  const all = [...groupBy(costsBySetting(points), ({ setting }) => setting)].map(([setting, group]) => {
    const [cheapest, ...others] = [...group].sort((a, b) => a.ratio - b.ratio) as [Cost, ...Cost[]]
    const reference = group.find(({ lane }) => lane === baseline)
    const best = cheapest.ratio > 1 - EQUAL && reference !== undefined ? reference : cheapest
    const close = group.filter(({ lane, ratio }) => lane !== best.lane && ratio <= best.ratio * (1 + EQUAL))
    return { best, second: best === cheapest ? others[0] : cheapest, close, row: rowOf.get(setting)! }
  })
  const verdicts = moreThanChance(run, all.slice(0, MOST_SETTINGS))
  const judged = all.map((one, i) => ({ ...one, verdict: verdicts[i] ?? 'not tested' }))
  known.set(run, judged)
  return judged
}

function moreThanChance({ study }: RunTables, all: Omit<Winner, 'verdict'>[]): string[] {
  const tested = all.map(({ best, second }) => {
    if (second === undefined || study!.compare === undefined) return null
    return study!.compare(second.lane, best.setting).ratios.find(({ policy }) => policy === best.lane)?.p ?? null
  })
  const adjusted = corrected(
    tested.filter((p) => p !== null),
    'holm',
  ).values()
  return tested.map((p, i) => {
    if (p === null) return 'not enough epochs'
    if (adjusted.next().value! > 0.05) return 'no significant difference'
    // the baseline stands before what is cheaper by next to nothing
    return all[i]!.best.ratio < all[i]!.second!.ratio ? 'yes' : 'too small to count'
  })
}

/** What the next costs more; the errors of both add up, as how far they have the same pages' is not known here. */
function lead(best: Cost, second: Cost): string {
  const ratio = second.ratio / best.ratio
  return withError(Math.max(0, ratio - 1), ratio * (second.errors.ratio + best.errors.ratio), formatPercent)
}

function table(run: RunTables): ReportTable {
  const all = winners(run)
  const baseline = run.record.baseline
  return {
    title: 'Cheapest policy of each setting',
    columns: [
      { heading: 'setting', align: 'left' },
      { heading: 'cheapest', align: 'left' },
      { heading: `saves against ${baseline}`, align: 'right' },
      { heading: 'seeds apart', align: 'right' },
      { heading: 'next', align: 'left' },
      { heading: 'costs more', align: 'right' },
      { heading: 'more than chance', align: 'left' },
      { heading: 'as good', align: 'left' },
    ],
    rows: all
      .slice(0, MOST_SETTINGS)
      .map(({ best, second, close, verdict }) => [
        best.setting,
        best.lane,
        best.lane === baseline ? '' : withError(1 - best.ratio, best.ratio * best.errors.ratio, formatPercent),
        best.seeds > 1 ? formatPercent(best.high - best.low) : '',
        second?.lane ?? '',
        second === undefined ? '' : lead(best, second),
        second === undefined ? '' : verdict,
        [...close.slice(0, 3).map(({ lane }) => lane), ...(close.length > 3 ? [`${close.length - 3} more`] : [])].join(', '),
      ]),
    sampling: `${STUDY_LIMIT} Verdicts allow for it.`,
    notes: [
      'More than chance: cheapest against the next, 5%, corrected for all settings of the table (Holm).',
      ...(all.length > MOST_SETTINGS ? [`${all.length - MOST_SETTINGS} more settings: numareplay query STORE 'select * from points'`] : []),
    ],
  }
}
