import {
  type Cost,
  corrected,
  costsBySetting,
  defineReport,
  EQUAL,
  formatPercent,
  groupBy,
  LANE_TOOLTIP,
  type ReportTable,
  type RunTables,
  studyPoints,
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
    const data = all.slice(0, MOST_SETTINGS * MOST_SETTINGS).map(({ best, row }) => ({
      lane: best.lane,
      setting: best.setting,
      saved: 1 - best.ratio,
      across: words(columns, row),
      down: words(rows, row),
    }))
    const across = new Set(data.map((row) => row.across)).size
    const down = new Set(data.map((row) => row.down)).size
    return [
      {
        name: 'winners',
        title: 'Cheapest policy of each setting',
        caption: `The figure is what it saves against ${run.record.baseline}, its own costs counted.`,
        description: 'Grid: the cheapest policy for every trace and machine of the study, with what it saves against the baseline',
        width: 'full',
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
              mark: { type: 'rect', opacity: 0.85, cornerRadius: 3 },
              encoding: {
                fill: { field: 'lane', type: 'nominal' },
                tooltip: [LANE_TOOLTIP, { field: 'setting', title: 'setting' }, { field: 'saved', type: 'quantitative', title: 'saved', format: '.2%' }],
              },
            },
            { mark: { type: 'text', color: 'theme:surface', fontWeight: 600 }, encoding: { text: { field: 'saved', type: 'quantitative', format: '.1%' } } },
          ],
        },
      },
    ]
  },
})

/** Axes of the rows, and of the columns: traces down, all others across. */
function split({ study }: RunTables): [string[], string[]] {
  const axes = study!.varying.map(({ axis }) => axis).filter((axis) => axis !== 'seed')
  return axes.includes('trace') ? [['trace'], axes.filter((axis) => axis !== 'trace')] : [axes.slice(0, 1), axes.slice(1)]
}

const words = (axes: string[], row: Record<string, unknown>): string =>
  axes.map((axis) => (axis === 'trace' || axis === 'machine' ? String(row[axis]) : `${axis} ${row[axis] ?? 'default'}`)).join(', ') || 'all'

function winners(run: RunTables) {
  const points = studyPoints(run.rows('points'), run.study!, run.record.baseline)
  const rowOf = new Map(points.map(({ setting, row }) => [setting, row]))
  return [...groupBy(costsBySetting(points), ({ setting }) => setting)].map(([setting, group]) => {
    const [best, second] = [...group].sort((a, b) => a.ratio - b.ratio) as [Cost, Cost | undefined]
    const close = group.filter(({ lane, ratio }) => lane !== best.lane && ratio <= best.ratio * (1 + EQUAL))
    return { best, second, close, row: rowOf.get(setting)! }
  })
}

/** Is the cheapest policy of each setting cheaper than the next by more than chance? */
function moreThanChance({ study }: RunTables, all: ReturnType<typeof winners>): string[] {
  const tested = all.map(({ best, second }) => {
    if (second === undefined || study!.compare === undefined) return null
    return study!.compare(second.lane, best.setting).ratios.find(({ policy }) => policy === best.lane)?.p ?? null
  })
  const known = tested.filter((p) => p !== null)
  const adjusted = corrected(known, 'holm').values()
  return tested.map((p) => (p === null ? 'not enough blocks' : adjusted.next().value! <= 0.05 ? 'yes' : 'no significant difference'))
}

function table(run: RunTables): ReportTable {
  const all = winners(run)
  const baseline = run.record.baseline
  const verdicts = moreThanChance(run, all.slice(0, MOST_SETTINGS))
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
      .map(({ best, second, close }, i) => [
        best.setting,
        best.lane,
        best.lane === baseline ? '' : formatPercent(1 - best.ratio),
        best.seeds > 1 ? formatPercent(best.high - best.low) : '',
        second?.lane ?? '',
        second === undefined ? '' : formatPercent(second.ratio / best.ratio - 1),
        second === undefined ? '' : verdicts[i]!,
        [...close.slice(0, 3).map(({ lane }) => lane), ...(close.length > 3 ? [`${close.length - 3} more`] : [])].join(', '),
      ]),
    notes: [
      'More than chance: cheapest against the next, 5 %, corrected for all settings of the table (Holm).',
      ...(all.length > MOST_SETTINGS ? [`${all.length - MOST_SETTINGS} more settings: numareplay query STORE 'select * from points'`] : []),
    ],
  }
}
