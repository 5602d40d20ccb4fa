import {
  ASK_HALVES,
  BANDS,
  COUNT_AXIS,
  COUNT_SCALE,
  chosenErrors,
  defineReport,
  errorBand,
  errorBars,
  errorColumn,
  errorLines,
  errorSum,
  errorTooltip,
  formatCount,
  formatMetric,
  formatPercent,
  formatSize,
  isSampled,
  LANE_BAR,
  LANE_COLOUR,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  laneHeight,
  lanesIn,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  timeAxis,
  timeTooltip,
  told,
  wholeBins,
  windowLines,
  withError,
  withErrors,
} from '../src/report/index.ts'

export default defineReport({
  title: 'Migrations',
  section: 'migration',
  question: 'What moved, when, why, and what could not be moved?',
  tables: ['summary', 'epochs', 'moves', 'failures'],
  optional: ['failures_over_time'],
  text: (run) => [outcomes(run), failures(run)],
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const moves = grid.sum(run.rows('moves'), ['lane', 'reason'], ['pages', 'failed', ...errorColumn(run, 'pages')])
    const epochs = grid.sum(run.rows('epochs'), ['lane'], ['migrated', 'migration_failed', ...errorColumn(run, 'migrated')])
    const soFar = isSampled(run) ? grid.last(run.rows('epochs'), ['lane'], ['migrated_so_far_ci95']) : []
    const movingLanes = new Set(moves.map((row) => row['lane'])).size
    const reasons = REASONS.filter(([reason]) => moves.some((row) => row['reason'] === reason))
    const when = timeTooltip(grid)
    const causes = (rows: Row[]) =>
      rows.map((row): Row => ({ ...row, cause: `${row['errno']} (${row['stage']}${row['retried'] === true ? ', retried' : ''})` }))
    const counted = ['pages', ...errorColumn(run, 'pages')]
    const keys = ['lane', 'errno', 'stage', 'retried']
    const failed = withErrors(
      run,
      causes(grid.stretches(run, 'failures', keys, counted)),
      'pages',
      causes(run.rows('failures').map((row) => Object.fromEntries([...keys, ...counted].map((name) => [name, row[name]!])))),
    )
    const hasFailureErrors = failed.some((row) => (row['error'] as number) > 0)
    const errors = errorBars(run, 'migrated')
    return [
      {
        name: 'migrated-over-time',
        title: 'Pages moved over time, all told',
        caption: 'Base pages moved since the start: steep is a burst, flat is rest. A line that never flattens moves pages back and forth.',
        description: 'Step chart: cumulative number of base pages migrated over time, one line per policy',
        width: 'full',
        sampling: `${BANDS}; of a time window their upper limit.`,
        data: { epochs: isSampled(run) ? epochs.map((row, i) => ({ ...row, soFar: soFar[i]!['migrated_so_far_ci95'] ?? 0 })) : epochs },
        spec: {
          data: { name: 'epochs' },
          transform: [
            {
              window: [{ op: 'sum', field: 'migrated', as: 'moved' }, ...(isSampled(run) ? [{ op: 'sum', field: 'migrated_ci95', as: 'inWindow' }] : [])],
              groupby: ['lane'],
              sort: [{ field: 'time' }],
            },
            ...(isSampled(run) ? [{ calculate: 'windowFrom <= 0 ? datum.soFar : datum.inWindow', as: 'error' }] : []),
            ...wholeBins(),
          ],
          height: 220,
          layer: [...(isSampled(run) ? [errorBand('moved', 'error', {}, { low: 0 })] : []), { mark: { type: 'line', clip: true } }],
          encoding: {
            x: { ...timeAxis(grid), field: 'moment' },
            y: { field: 'moved', type: 'quantitative', title: 'pages moved', axis: COUNT_AXIS, ...(isSampled(run) ? {} : { scale: COUNT_SCALE }) },
            color: LANE_COLOUR,
            tooltip: [LANE_TOOLTIP, when, { field: 'moved', title: 'pages moved', format: ',' }, ...errorTooltip(run, ',.0f')],
          },
        },
      },
      {
        name: 'migrations-by-reason',
        title: 'Pages moved by reason',
        caption: 'One strip per policy that moved anything, each on a scale of its own; reasons as the tracepoint mm_migrate_pages prints them.',
        description: 'Bar charts over time: base pages migrated per time bin, one strip per policy, coloured by reason',
        width: 'full',
        sampling: `thin lines over the bars of a policy are the 95% intervals of sampling, of all reasons together (an upper limit).`,
        data: { moves },
        spec: {
          data: { name: 'moves' },
          transform: [{ filter: 'datum.pages > 0' }],
          facet: { row: { field: 'lane', type: 'nominal', title: null, header: { labelAngle: 0, labelAlign: 'left', labelOrient: 'top' } } },
          spacing: 18,
          resolve: { scale: { y: 'independent' } },
          spec: {
            width: 1010,
            height: movingLanes > 4 ? 60 : 90,
            ...(isSampled(run) ? { layer: [moveBars(grid, reasons, true), MOVE_ERRORS] } : moveBars(grid, reasons, false)),
          },
        },
      },
      {
        name: 'failures',
        title: 'Pages that could not be moved',
        caption: 'By error number and the stage of migrate_pages() that gave up; retried = transient, tried until the passes ran out.',
        description: 'Stacked bar chart: base pages that failed to migrate in each policy, by errno and stage',
        sampling: hasFailureErrors ? `${LINES}, each at the end of its part.` : `no page says that it failed, so there is no interval: ${ASK_HALVES}.`,
        data: { failures: failed },
        spec: {
          data: { name: 'failures' },
          height: laneHeight(lanesIn(failed)),
          ...(isSampled(run) ? { transform: failureSums(run), layer: [failureBars(run), errorLines('end', 'error')] } : failureBars(run)),
        },
      },
      {
        name: 'migration-outcome',
        title: 'Tried and moved',
        caption: 'Every base page that a policy tried to move, by outcome.',
        description: 'Stacked bar chart: base pages moved and failed in each policy',
        sampling: `${LINES} of the pages moved (in a time window an upper limit); failures have theirs in their own chart, where known.`,
        data: { epochs, ...errors.data },
        spec: {
          data: { name: 'epochs' },
          transform: [
            {
              aggregate: [
                { op: 'sum', field: 'migrated', as: 'moved' },
                { op: 'sum', field: 'migration_failed', as: 'failed' },
                ...(isSampled(run) ? [{ op: 'sum', field: 'migrated_ci95', as: 'inWindow' }] : []),
              ],
              groupby: ['lane'],
            },
            { fold: ['moved', 'failed'], as: ['outcome', 'pages'] },
          ],
          height: laneHeight(run.record.lanes.length),
          layer: [
            {
              mark: LANE_BAR,
              encoding: {
                y: LANE_ROWS,
                x: { field: 'pages', type: 'quantitative', title: 'base pages', axis: COUNT_AXIS, scale: COUNT_SCALE },
                color: {
                  field: 'outcome',
                  type: 'nominal',
                  title: null,
                  scale: { domain: ['moved', 'failed'], range: ['theme:local', 'theme:migrate'] },
                },
                order: { field: 'outcome', sort: 'descending' },
                tooltip: [LANE_TOOLTIP, { field: 'outcome' }, { field: 'pages', type: 'quantitative', format: ',' }],
              },
            },
            ...errors.layers,
            ...windowLines(run, 'pages', 'inWindow', "datum.outcome === 'moved'"),
          ],
        },
      },
    ]
  },
})

/** Bars over time, stacked by reason. */
function moveBars(grid: TimeGrid, reasons: (typeof REASONS)[number][], hasErrors: boolean): Record<string, unknown> {
  const pages = { field: 'pages', type: 'quantitative', format: ',' }
  return {
    mark: { type: 'bar', cornerRadiusEnd: 0, binSpacing: 0 },
    encoding: {
      x: { ...timeAxis(grid), field: 'start', bin: { binned: true } },
      x2: { field: 'time' },
      y: { field: 'pages', type: 'quantitative', title: 'pages', axis: { ...COUNT_AXIS, tickCount: 3 } },
      color: {
        field: 'reason',
        type: 'nominal',
        title: null,
        scale: { domain: reasons.map(([reason]) => reason), range: reasons.map(([, colour]) => colour) },
      },
      tooltip: [
        LANE_TOOLTIP,
        { field: 'reason' },
        timeTooltip(grid),
        hasErrors ? pages : { field: 'pages', format: ',' },
        ...(hasErrors ? [{ field: 'pages_ci95', type: 'quantitative', title: '±', format: ',.0f' }] : []),
        { field: 'failed', format: ',' },
      ],
    },
  }
}

/** On top of each bar, of all its reasons. */
const MOVE_ERRORS = {
  transform: [
    {
      aggregate: [
        { op: 'sum', field: 'pages', as: 'all' },
        { op: 'sum', field: 'pages_ci95', as: 'error' },
      ],
      groupby: ['lane', 'start', 'time'],
    },
    { calculate: '(datum.start + datum.time) / 2', as: 'middle' },
    { calculate: 'max(0, datum.all - datum.error)', as: 'low' },
    { calculate: 'datum.all + datum.error', as: 'high' },
  ],
  mark: { type: 'rule', color: 'theme:ink', strokeWidth: 0.8, opacity: 0.7, clip: true, tooltip: null },
  encoding: { x: { field: 'middle', type: 'quantitative' }, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
}

/** In a sample: parts of the bars, with their ends, so that each can have its interval there. */
const failureSums = (run: RunTables): object[] => [
  ...chosenErrors(run),
  { aggregate: [{ op: 'sum', field: 'pages', as: 'pages' }, ...errorSum(run)], groupby: ['lane', 'cause', 'errno', 'stage'] },
  { stack: 'pages', as: ['begin', 'end'], groupby: ['lane'], sort: [{ field: 'cause', order: 'ascending' }] },
]

function failureBars(run: RunTables): Record<string, unknown> {
  const isTold = isSampled(run)
  return {
    mark: LANE_BAR,
    encoding: {
      y: LANE_ROWS,
      x: { field: 'pages', type: 'quantitative', aggregate: 'sum', title: 'base pages', axis: COUNT_AXIS },
      color: { field: 'cause', type: 'nominal', title: null, scale: { range: CAUSE_COLOURS }, legend: { columns: 3 } },
      tooltip: [
        LANE_TOOLTIP,
        { field: 'errno' },
        { field: 'stage' },
        { field: 'pages', aggregate: 'sum', title: 'pages', format: ',' },
        ...(isTold ? [{ field: 'error', aggregate: 'sum', title: '±', format: ',.0f' }] : []),
      ],
    },
  }
}

/** enum migrate_reason (include/linux/migrate_mode.h): always in the same colours. */
const REASONS = [
  ['syscall_or_cpuset', 'theme:lane-1'],
  ['mempolicy_mbind', 'theme:lane-6'],
  ['numa_misplaced', 'theme:fault'],
  ['demotion', 'theme:remote'],
  ['damon', 'theme:lane-3'],
  ['compaction', 'theme:observe'],
  ['memory_hotplug', 'theme:lane-7'],
] as const
const CAUSE_COLOURS = ['theme:migrate', 'theme:remote', 'theme:fault', 'theme:local', 'theme:lane-3', 'theme:lane-7', 'theme:observe']

function outcomes(run: RunTables) {
  const reasons = new Map<string, Outcome>()
  const outcomeOf = ({ lane, reason }: Row): Outcome => {
    const key = JSON.stringify([lane, reason])
    const outcome = reasons.get(key) ?? { moved: 0, failed: 0, movedError: 0, failedError: 0 }
    reasons.set(key, outcome)
    return outcome
  }
  const errorOf = (row: Row): number | null => (row['pages_ci95'] as number | null | undefined) ?? null
  const sumOf = (one: number | null, two: number | null): number | null => (one === null || two === null ? null : one + two)
  for (const row of run.rows('moves')) {
    const outcome = outcomeOf(row)
    outcome.moved += row['pages'] as number
    outcome.movedError = sumOf(outcome.movedError, errorOf(row))
  }
  // Those that a system call refused never were in a batch
  for (const row of run.rows('failures')) {
    const outcome = outcomeOf(row)
    outcome.failed += row['pages'] as number
    outcome.failedError = sumOf(outcome.failedError, errorOf(row))
  }
  const summaries = new Map(run.rows('summary').map((row) => [row['lane'], row]))
  return {
    title: 'Pages moved, by reason',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'reason', align: 'left' as const },
      { heading: 'moved', align: 'right' as const },
      { heading: 'memory', align: 'right' as const },
      { heading: 'failed', align: 'right' as const },
      { heading: 'success', align: 'right' as const },
      { heading: 'ping-pong pages', align: 'right' as const },
    ],
    rows: [...reasons].map(([key, outcome]) => {
      const [lane, reason] = JSON.parse(key) as [string, string]
      const summary = summaries.get(lane)!
      // of a policy with one reason to move the error is that of all its moves
      const isAll = summary['migrated'] === outcome.moved
      const movedError = isAll ? ((summary['migrated_ci95'] as number | null | undefined) ?? null) : outcome.movedError
      const { moved, failed, failedError } = outcome
      return [
        lane,
        reason,
        withError(moved, movedError, formatCount),
        formatSize(moved * run.record.trace.pageSize),
        withError(failed, failedError, formatCount),
        success({ ...outcome, movedError }),
        formatMetric('pingPong', summary),
      ]
    }),
    sampling: `Memory goes with the pages; of one reason among several, and of success, ± is an upper limit${isTold(run) || run.rows('failures').length === 0 ? '' : `; of failures no error is known, so of success neither: ${ASK_HALVES}`}.`,
    notes: reasons.size === 0 ? ['No policy moved a page.'] : ['Ping-pong: pages moved away and back again, over all reasons of the policy.'],
  }
}

/** Pages of one policy and reason, with half the widths of their 95 % intervals where those are known: sums over bins and causes, so upper limits. */
interface Outcome {
  moved: number
  failed: number
  movedError: number | null
  failedError: number | null
}

/** Moved of moved and failed; its error to first order, both counts off to the worse side. */
function success({ moved, failed, movedError, failedError }: Outcome): string {
  const tried = moved + failed
  if (tried === 0) return '—'
  const error = movedError === null || failedError === null ? null : (failed * movedError + moved * failedError) / tried ** 2
  return withError(moved / tried, error, formatPercent)
}

/** Are errors of failures known? */
const isTold = (run: RunTables): boolean => run.rows('failures').some((row) => ((row['pages_ci95'] as number | null | undefined) ?? 0) > 0)

function failures(run: RunTables) {
  const rows = run.rows('failures')
  return {
    title: 'Migrations that failed',
    laneColumn: 0,
    columns: [
      { heading: 'policy', align: 'left' as const },
      { heading: 'reason', align: 'left' as const },
      { heading: 'errno', align: 'left' as const },
      { heading: 'stage', align: 'left' as const },
      { heading: 'kind', align: 'left' as const },
      { heading: 'base pages', align: 'right' as const },
    ],
    rows: rows.map(
      (row) =>
        [
          row['lane'],
          row['reason'],
          row['errno'],
          row['stage'],
          row['retried'] === true ? 'transient, retried' : 'permanent',
          told(row, 'pages', formatCount),
        ] as string[],
    ),
    sampling:
      rows.length === 0
        ? 'None did of the kept pages.'
        : isTold(run)
          ? 'Known from halves of the sample alone.'
          : `No page says that it failed, so no error is known: ${ASK_HALVES}.`,
    notes: rows.length === 0 ? ['No migration failed.'] : [],
  }
}
