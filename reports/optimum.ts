import {
  defineReport,
  type ErrorBars,
  errorBars,
  formatDuration,
  formatMetric,
  formatPercent,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  METRICS,
  type MetricName,
  type ReportChart,
  type Row,
  type RunTables,
  roomForWords,
  samplingInterval,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Against the optimum',
  section: 'overview',
  question: 'How much better could any policy be?',
  tables: ['summary', 'epochs'],
  text: (run) => [regret(run), ...knowledge(run)],
  charts(run): ReportChart[] {
    const rows = run.rows('summary').map((row) => ({
      lane: row['lane']!,
      above: METRICS.aboveOptimum.of(row),
      gain: METRICS.possibleGain.of(row),
      aboveEnd: endOf('aboveOptimum', row),
      gainEnd: endOf('possibleGain', row),
    }))
    const [errors, gainErrors] = [errorBars(run, 'aboveOptimum'), errorBars(run, 'possibleGain')]
    const sampling = `${LINES}, of the policies’ costs: the optimum of the sample is taken as that of all pages.`
    return [
      {
        name: 'above-optimum',
        title: 'Cost above the optimum',
        caption: `Shorter is better: total memory time above that of the best placement page by page, which no policy can undercut. ${WHY_WHOLE}`,
        description: 'Bar chart: total cost of each policy above the per-page optimum, in percent',
        sampling,
        data: { summary: rows.filter(({ above }) => above !== null), ...errors.data },
        spec: bars(run.record.lanes.length, 'above', 'above the optimum', errors),
      },
      {
        name: 'possible-gain',
        title: 'Share of the possible gain',
        caption: `Longer is better: how far from the baseline (0%) towards the optimum (100%). Below zero the policy costs more than it saves. ${WHY_WHOLE}`,
        description: 'Bar chart: share of the possible gain that each policy reaches, from the baseline to the optimum',
        sampling,
        data: {
          summary: rows.filter(({ gain, lane }) => gain !== null && lane !== run.record.baseline),
          ...Object.fromEntries(Object.entries(gainErrors.data).map(([name, all]) => [name, all.filter(({ lane }) => lane !== run.record.baseline)])),
        },
        spec: bars(run.record.lanes.length - 1, 'gain', 'of the possible gain', gainErrors),
      },
    ]
  },
})

/** Right end of the bar of a metric, or of its interval. */
const endOf = (name: MetricName, row: Row): number | null => samplingInterval(name, row)?.[1] ?? METRICS[name].of(row)

/** Why these charts do not follow a time window. */
const WHY_WHOLE = 'Known for the whole run only: where a page lies best depends on all that uses it.'

function bars(lanes: number, field: 'above' | 'gain', title: string, errors: ErrorBars): Record<string, unknown> {
  const value = { field, type: 'quantitative' }
  // nothing is gained beyond all of it: the room for figures has no ticks
  const axis = { tickCount: 5, labelExpr: field === 'gain' ? "datum.value > 1 ? '' : format(datum.value, ',~%')" : "format(datum.value, ',~%')" }
  return {
    data: { name: 'summary' },
    // The figure stands right of its bar and its interval, or of zero where the bar points left
    transform: [
      { calculate: `max(0, datum.${field}End)`, as: 'end' },
      { calculate: `format(datum.${field}, abs(datum.${field}) >= 10 ? ',.0%' : '.1%')`, as: 'label' },
    ],
    height: laneHeight(lanes),
    encoding: {
      y: LANE_ROWS,
      x: { ...value, title, scale: roomForWords(64), axis },
      tooltip: [LANE_TOOLTIP, { ...value, title, format: '.1%' }],
    },
    layer: [
      { mark: { type: 'bar', height: 17 }, encoding: { color: { field: 'lane', type: 'nominal', legend: null } } },
      ...errors.layers,
      {
        mark: { type: 'text', align: 'left', dx: 5, fontWeight: 600 },
        encoding: { x: { field: 'end', type: 'quantitative' }, text: { field: 'label' } },
      },
    ],
  }
}

function regret(run: RunTables) {
  const rows = run.rows('summary')
  // lanes that make copies of pages are measured by an optimum of their own
  const known = new Map(rows.filter((row) => row['bound_ns'] !== null && row['bound_ns'] !== undefined).map((row) => [row['bound_kind'], row]))
  return {
    title: 'Total cost against the optimum',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'total cost', align: 'right' as const },
      { heading: 'above optimum', align: 'right' as const },
      { heading: 'of possible gain', align: 'right' as const },
    ],
    rows: rows.map((row) => [row['lane'] as string, formatMetric('totalCost', row), formatMetric('aboveOptimum', row), formatMetric('possibleGain', row)]),
    sampling: 'It is that of the costs: the optimum of the sample is taken as that of all pages.',
    notes: [
      METRICS.totalCost.about.replace(/^./, (letter) => letter.toUpperCase()) + '.',
      known.size === 0
        ? 'The optimum is not known for this run.'
        : `Optimum: ${[...known.values()].map((row) => `${formatDuration(row['bound_ns'] as number)} (${boundKind(row)})`).join('; ')}.`,
    ],
  }
}

type Sees = 'samples' | 'exact' | 'future'

/** Lanes that differ in nothing but what they see, by that. */
function sameButForKnowledge(run: RunTables): { policy: string; lanes: Map<Sees, Row> }[] {
  const groups = new Map<string, Row[]>()
  for (const row of run.rows('summary')) {
    const others = paramsOf(row).filter((param) => !param.startsWith('sees='))
    const policy = [row['policy'] as string, ...others].join(' ').trimEnd()
    groups.set(policy, [...(groups.get(policy) ?? []), row])
  }
  return [...groups].flatMap(([policy, rows]) => {
    const lanes = new Map<Sees, Row>()
    const given = rows.map(
      (row) =>
        paramsOf(row)
          .find((param) => param.startsWith('sees='))
          ?.slice(5) as Sees | undefined,
    )
    // a policy as it is sees samples, those of the theory everything
    const usual: Sees = given.includes('samples') ? 'exact' : 'samples'
    rows.forEach((row, i) => {
      if (row['regret'] !== null && row['regret'] !== undefined) lanes.set(given[i] ?? usual, row)
    })
    return lanes.size > 1 ? [{ policy, lanes }] : []
  })
}

const paramsOf = (row: Row): string[] => ((row['params'] as string | null) ?? '').split(',')

/** What a policy loses to the optimum, parted: by what its profiler does not see, by looking back only, by deciding badly. */
function knowledge(run: RunTables) {
  const groups = sameButForKnowledge(run)
  if (groups.length === 0) return []
  const regretOf = (lanes: Map<Sees, Row>, sees: Sees): number | null => (lanes.get(sees)?.['regret'] as number | undefined) ?? null
  const part = (from: number | null, to: number | null): string => (from === null || to === null ? '–' : formatPercent(from - to))
  return [
    {
      title: 'Algorithm or profiler?',
      columns: [
        { heading: 'policy', align: 'left' as const },
        { heading: 'above optimum', align: 'right' as const },
        { heading: 'profiler', align: 'right' as const },
        { heading: 'hindsight', align: 'right' as const },
        { heading: 'algorithm', align: 'right' as const },
      ],
      rows: groups.map(({ policy, lanes }) => {
        const [samples, exact, future] = (['samples', 'exact', 'future'] as const).map((sees) => regretOf(lanes, sees)) as [
          number | null,
          number | null,
          number | null,
        ]
        return [policy, part(samples ?? exact, 0), part(samples, exact), part(exact, future), part(future ?? exact, 0)]
      }),
      sampling: 'Differences of costs that replay the same pages; of them no error is kept, that of the costs stands in the table above.',
      notes: [
        'Parts of the cost above the optimum: profiler = what goes when the policy sees every access of the period before (sees=exact), hindsight = what goes when it sees the period to come (sees=future), algorithm = what is left. A negative part: it did worse for knowing more.',
      ],
    },
  ]
}

function boundKind(row: Row): string {
  const kind = (row['bound_kind'] as string | null | undefined) ?? 'per-page optimum without capacity limits'
  const gap = row['bound_gap'] as number | null | undefined
  return gap ? `${kind}; the true optimum lies at most ${formatPercent(gap)} above it` : kind
}
