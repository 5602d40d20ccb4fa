/** Policies compared over several traces, machines and seeds, as tables and charts: what `numareplay compare` prints and draws. */
import { type Judged, LEAST_BLOCKS, LEAST_TRACES, MEAN_NOTES, method, type PolicyComparison } from '../results/index.ts'
import { formatCount, formatPercent } from '../units.ts'
import { bindChart, type ChartContext, type VegaLiteSpec } from './bind.ts'
import type { ReportChart, ReportTable } from './define.ts'
import { CHANGE_AXIS, gridColumns, LANE_ROWS, LANE_TOOLTIP, laneHeight } from './pieces.ts'
import { shortened } from './text.ts'
import type { Scheme } from './theme.ts'

/** `+12.3%`: a ratio as a change. */
export const formatRatio = (ratio: number): string => `${ratio < 1 ? '-' : '+'}${formatPercent(Math.abs(ratio - 1))}`
export const formatInterval = (interval: [number, number] | null): string =>
  interval === null ? '—' : `${formatRatio(interval[0])} to ${formatRatio(interval[1])}`
/** Probabilities as journals print them. */
export const formatP = (p: number | null): string => (p === null ? '—' : p < 0.001 ? '<0.001' : p.toFixed(3))

const left = (heading: string): ReportTable['columns'][number] => ({ heading, align: 'left' })
const right = (heading: string): ReportTable['columns'][number] => ({ heading, align: 'right' })

/** Policy against baseline, case by case: the rows of `ratios`. */
export function ratioTable(comparison: PolicyComparison): ReportTable {
  const { ratios, cases, baseline } = comparison
  const byName = new Map(cases.map((one) => [one.name, one]))
  const [isOne, hasSeeds] = [cases.length === 1, cases.some(({ seeds }) => seeds.length > 1)]
  return {
    title: `${comparison.measure === 'cost' ? 'Total cost' : 'Access latency'} against ${baseline}`,
    laneColumn: 0,
    columns: [
      left('policy'),
      ...(isOne ? [] : [left('trace')]),
      right('cost'),
      right('95% interval'),
      right('p'),
      ...(hasSeeds ? [right('seeds')] : []),
      right('stretches'),
      left('verdict'),
    ],
    rows: ratios.map(({ policy, case: name, ratio, interval, corrected, verdict, independent }) => [
      policy,
      ...(isOne ? [] : [name]),
      formatRatio(ratio),
      formatInterval(interval),
      formatP(corrected),
      ...(hasSeeds ? [String(byName.get(name)!.seeds.length)] : []),
      independent === null ? '—' : formatCount(Math.round(independent)),
      verdict,
    ]),
    notes: method(comparison),
  }
}

export function comparisonTables(comparison: PolicyComparison): ReportTable[] {
  return [...(comparison.cases.length > 1 ? [meanTable(comparison), matrixTable(comparison)] : []), ratioTable(comparison), ...leftOut(comparison)]
}

function meanTable({ means, baseline }: PolicyComparison): ReportTable {
  const byMachine = means.some(({ machine }) => machine !== null)
  const words = ({ verdict }: Judged): string => (verdict.startsWith('not enough') ? '—' : verdict)
  return {
    title: `Geometric mean over traces, against ${baseline}`,
    laneColumn: 0,
    columns: [
      left('policy'),
      ...(byMachine ? [left('machine')] : []),
      right('traces'),
      right('cost'),
      right('95% interval, these traces'),
      left('verdict'),
      right('95% interval, traces like these'),
      left('verdict'),
    ],
    rows: means.map(({ policy, machine, traces, these, others }) => [
      policy,
      ...(byMachine ? [machine ?? 'all'] : []),
      String(traces),
      formatRatio(these.ratio),
      formatInterval(these.interval),
      words(these),
      formatInterval(others.interval),
      words(others),
    ]),
    notes: [MEAN_NOTES],
  }
}

/** `3/1/2`: wins, ties and losses of the row against the column. */
function matrixTable({ policies, matrix, cases }: PolicyComparison): ReportTable {
  const cell = (policy: string, other: string): string => {
    const found = matrix.find((one) => one.policy === policy && one.other === other)
    return found === undefined ? '·' : `${found.wins}/${found.ties}/${found.losses}`
  }
  const total = (policy: string, of: 'wins' | 'ties' | 'losses'): number => matrix.filter((one) => one.policy === policy).reduce((sum, one) => sum + one[of], 0)
  const unknown = matrix.reduce((sum, one) => sum + one.unknown, 0) / 2
  return {
    title: `Wins / ties / losses in ${cases.length} cases, row against column`,
    laneColumn: 0,
    columns: [left('policy'), right('wins'), right('ties'), right('losses'), ...policies.map(right)],
    rows: policies.map((policy) => [
      policy,
      ...(['wins', 'ties', 'losses'] as const).map((of) => String(total(policy, of))),
      ...policies.map((other) => cell(policy, other)),
    ]),
    notes: [
      'A tie is no significant difference at 5%, all pairs and cases of the table corrected together.',
      ...(unknown > 0 ? [`${formatCount(unknown)} comparisons had fewer than ${LEAST_BLOCKS} epochs and are in none of the three.`] : []),
    ],
  }
}

const leftOut = ({ notes }: PolicyComparison): ReportTable[] => (notes.length === 0 ? [] : [{ title: 'Left out', columns: [left('')], rows: [], notes }])

/** Interval of each policy, one picture per case and one for the geometric mean. */
export function comparisonCharts(comparison: PolicyComparison): ReportChart[] {
  const { ratios, means, cases, policies, measure } = comparison
  const what = measure === 'cost' ? 'cost' : 'latency'
  const overall = means.filter(({ machine, traces }) => machine === null && traces > 1)
  const rows = (judged: Judged): { change: number; low: number | null; high: number | null; verdict: string } => ({
    change: judged.ratio - 1,
    low: judged.interval === null ? null : judged.interval[0] - 1,
    high: judged.interval === null ? null : judged.interval[1] - 1,
    verdict: judged.verdict,
  })
  const mean = cases.length > 1 ? overall.map((one) => ({ lane: one.policy, case: ALL, ...rows(one.others.interval === null ? one.these : one.others) })) : []
  // An interval that reaches far would flatten all others: bars end at twice the largest change of their picture
  const drawn = <R extends { case: string; change: number; low: number | null; high: number | null }>(
    all: R[],
  ): (R & { from: number | null; to: number | null })[] =>
    all.map((row) => {
      const reach = 0.01 + 2 * Math.max(...all.filter((one) => one.case === row.case).map(({ change }) => Math.abs(change)))
      return { ...row, from: row.low === null ? null : Math.max(-reach, row.low), to: row.high === null ? null : Math.min(reach, row.high) }
    })
  const short = shortNames(cases.map(({ name }) => name))
  const y = LANE_ROWS
  const caption =
    cases.length > 1
      ? `Left of zero is cheaper; hollow is no significant difference; every picture has its own scale. The mean is over traces${overall.some(({ others }) => others.interval !== null) ? '; its interval is for traces like these' : `; its interval is for these very traces, as there are fewer than ${LEAST_TRACES}`}.`
      : 'Left of zero is cheaper; hollow is no significant difference.'
  return [
    {
      name: 'differences',
      title: `Change of ${what} against ${comparison.baseline}, with 95% intervals`,
      caption,
      description: `Interval plots: ${what} of each policy relative to the baseline with its 95 percent confidence interval, one picture per trace`,
      width: 'full',
      data: { ratios: drawn([...mean, ...ratios.map((one) => ({ lane: one.policy, case: short.get(one.case)!, ...rows(one) }))]) },
      spec: {
        data: { name: 'ratios' },
        facet: { field: 'case', type: 'nominal', title: null, sort: [ALL, ...short.values()] },
        columns: gridColumns(cases.length === 1 ? 1 : cases.length + 1, 3),
        resolve: { scale: { x: 'independent' } },
        spacing: { row: 24, column: 24 },
        spec: {
          width: cases.length === 1 ? 760 : 235,
          height: laneHeight(policies.length - 1),
          layer: [
            { mark: { type: 'rule', color: 'theme:soft', strokeDash: [4, 3] }, encoding: { x: { datum: 0 } } },
            {
              transform: [{ filter: 'datum.from !== null' }],
              mark: { type: 'rule', strokeWidth: 3, strokeCap: 'round' },
              encoding: {
                y,
                x: { field: 'from', type: 'quantitative', title: `change of ${what}`, axis: { ...CHANGE_AXIS, tickCount: 4 } },
                x2: { field: 'to' },
              },
            },
            {
              mark: { type: 'point', filled: false, size: 70, strokeWidth: 2 },
              encoding: {
                y,
                x: { field: 'change', type: 'quantitative' },
                stroke: { field: 'lane', type: 'nominal', legend: null },
                fill: {
                  condition: { test: "datum.verdict !== 'cheaper' && datum.verdict !== 'dearer'", value: 'theme:surface' },
                  field: 'lane',
                  type: 'nominal',
                  legend: null,
                },
                tooltip: [
                  LANE_TOOLTIP,
                  { field: 'case', title: 'trace' },
                  { field: 'change', type: 'quantitative', title: `change of ${what}`, format: '+.2%' },
                  { field: 'low', type: 'quantitative', title: 'from', format: '+.2%' },
                  { field: 'high', type: 'quantitative', title: 'to', format: '+.2%' },
                  { field: 'verdict' },
                ],
              },
            },
          ],
        },
      },
    },
    ...(cases.length > 1 ? [matrixChart(comparison)] : []),
  ]
}

const ALL = 'geometric mean'
/** Letters over a picture. */
const HEADER = 34

/** Long names cut in the middle, as far as they stay distinct. */
function shortNames(names: string[]): Map<string, string> {
  const short = names.map((name) => shortened(name, HEADER))
  return new Map(names.map((name, i) => [name, short.filter((other) => other === short[i]).length === 1 ? short[i]! : name]))
}

function matrixChart({ matrix, policies, cases }: PolicyComparison): ReportChart {
  const axis = { domain: false, ticks: false, grid: false, labelLimit: 220, labelFlush: false }
  return {
    name: 'wins',
    title: 'Who beats whom, in how many cases',
    caption: `Row against column: wins / ties / losses of ${cases.length} cases (those with too few epochs are in none of the three); strong is winning more often than losing.`,
    description: 'Matrix: in how many cases each policy is significantly cheaper than each other, ties, and in how many it is dearer',
    width: 'full',
    data: {
      wins: matrix.map(({ policy, other, wins, ties, losses }) => ({
        lane: policy,
        other,
        wins,
        ties,
        losses,
        net: wins - losses,
        text: `${wins}/${ties}/${losses}`,
      })),
    },
    spec: {
      data: { name: 'wins' },
      height: laneHeight(policies.length),
      encoding: {
        x: {
          field: 'other',
          type: 'nominal',
          title: 'against',
          sort: policies,
          axis: { ...axis, labelAngle: policies.length * Math.max(...policies.map(({ length }) => length)) > 130 ? -30 : 0, labelOverlap: false },
        },
        y: { ...LANE_ROWS, axis },
        tooltip: [LANE_TOOLTIP, { field: 'other', title: 'against' }, { field: 'wins' }, { field: 'ties' }, { field: 'losses' }],
      },
      layer: [
        {
          mark: { type: 'rect', stroke: 'theme:surface', strokeWidth: 2 },
          encoding: {
            color: {
              field: 'net',
              type: 'quantitative',
              legend: null,
              scale: { type: 'threshold', domain: [0.5, cases.length / 2], range: ['theme:heat-0', 'theme:heat-2', 'theme:heat-3'] },
            },
          },
        },
        { mark: { type: 'text' }, encoding: { text: { field: 'text' } } },
      ],
    },
  }
}

/** Charts of a comparison, complete: the colours of its policies are those of a run with the same policies. */
export function bindComparison(chart: ReportChart, { policies }: PolicyComparison, scheme: Scheme): VegaLiteSpec {
  const context: ChartContext = { lanes: policies, nodes: [], edges: [0, 1], unit: 's', dashes: policies.map(() => []) }
  return bindChart(chart, context, { scheme, framed: true })
}
