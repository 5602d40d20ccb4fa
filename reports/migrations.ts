import {
  COUNT_AXIS,
  defineReport,
  errorBars,
  formatCount,
  formatPercent,
  formatSize,
  LANE_BAR,
  LANE_COLOUR,
  LANE_ROWS,
  LANE_TOOLTIP,
  laneHeight,
  lanesIn,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  timeAxis,
  timeTooltip,
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
    const moves = grid.sum(run.rows('moves'), ['lane', 'reason'], ['pages', 'failed'])
    const epochs = grid.sum(run.rows('epochs'), ['lane'], ['migrated', 'migration_failed'])
    const movingLanes = new Set(moves.map((row) => row['lane'])).size
    const reasons = REASONS.filter(([reason]) => moves.some((row) => row['reason'] === reason))
    const when = timeTooltip(grid)
    const failed = grid
      .stretches(run, 'failures', ['lane', 'errno', 'stage', 'retried'], ['pages'])
      .map((row): Row => ({ ...row, cause: `${row['errno']} (${row['stage']}${row['retried'] === true ? ', retried' : ''})` }))
    const errors = errorBars(run, 'migrated')
    return [
      {
        name: 'migrated-over-time',
        title: 'Pages moved over time, all told',
        caption: 'Base pages moved since the start: steep is a burst, flat is rest. A line that never flattens moves pages back and forth.',
        description: 'Step chart: cumulative number of base pages migrated over time, one line per policy',
        width: 'full',
        data: { epochs },
        spec: {
          data: { name: 'epochs' },
          transform: [{ window: [{ op: 'sum', field: 'migrated', as: 'moved' }], groupby: ['lane'], sort: [{ field: 'time' }] }],
          height: 220,
          mark: { type: 'line', interpolate: 'step-before', clip: true },
          encoding: {
            x: timeAxis(grid),
            y: { field: 'moved', type: 'quantitative', title: 'pages moved', axis: COUNT_AXIS },
            color: LANE_COLOUR,
            tooltip: [LANE_TOOLTIP, when, { field: 'moved', title: 'pages moved', format: ',' }],
          },
        },
      },
      {
        name: 'migrations-by-reason',
        title: 'Pages moved by reason',
        caption: 'One strip per policy that moved anything, each on a scale of its own; reasons as the tracepoint mm_migrate_pages prints them.',
        description: 'Bar charts over time: base pages migrated per time bin, one strip per policy, coloured by reason',
        width: 'full',
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
              tooltip: [LANE_TOOLTIP, { field: 'reason' }, when, { field: 'pages', format: ',' }, { field: 'failed', format: ',' }],
            },
          },
        },
      },
      {
        name: 'failures',
        title: 'Pages that could not be moved',
        caption: 'By error number and the stage of migrate_pages() that gave up; retried = transient, tried until the passes ran out.',
        description: 'Stacked bar chart: base pages that failed to migrate in each policy, by errno and stage',
        data: { failures: failed },
        spec: {
          data: { name: 'failures' },
          height: laneHeight(lanesIn(failed)),
          mark: LANE_BAR,
          encoding: {
            y: LANE_ROWS,
            x: { field: 'pages', type: 'quantitative', aggregate: 'sum', title: 'base pages', axis: COUNT_AXIS },
            color: { field: 'cause', type: 'nominal', title: null, scale: { range: CAUSE_COLOURS }, legend: { columns: 3 } },
            tooltip: [LANE_TOOLTIP, { field: 'errno' }, { field: 'stage' }, { field: 'pages', aggregate: 'sum', title: 'pages', format: ',' }],
          },
        },
      },
      {
        name: 'migration-outcome',
        title: 'Tried and moved',
        caption: 'Every base page that a policy tried to move, by outcome.',
        description: 'Stacked bar chart: base pages moved and failed in each policy',
        data: { epochs, ...errors.data },
        spec: {
          data: { name: 'epochs' },
          transform: [
            {
              aggregate: [
                { op: 'sum', field: 'migrated', as: 'moved' },
                { op: 'sum', field: 'migration_failed', as: 'failed' },
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
                x: { field: 'pages', type: 'quantitative', title: 'base pages', axis: COUNT_AXIS },
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
          ],
        },
      },
    ]
  },
})

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
  const reasons = new Map<string, { moved: number; failed: number }>()
  const count = ({ lane, reason }: Row, moved: number, failed: number): void => {
    const key = JSON.stringify([lane, reason])
    const sum = reasons.get(key) ?? { moved: 0, failed: 0 }
    reasons.set(key, { moved: sum.moved + moved, failed: sum.failed + failed })
  }
  for (const row of run.rows('moves')) count(row, row['pages'] as number, 0)
  // Those that a system call refused never were in a batch
  for (const row of run.rows('failures')) count(row, 0, row['pages'] as number)
  const pingPong = new Map(run.rows('summary').map((row) => [row['lane'], row['ping_pong_pages'] as number]))
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
    rows: [...reasons].map(([key, { moved, failed }]) => {
      const [lane, reason] = JSON.parse(key) as [string, string]
      const success = moved + failed === 0 ? '—' : formatPercent(moved / (moved + failed))
      const memory = formatSize(moved * run.record.trace.pageSize)
      return [lane, reason, formatCount(moved), memory, formatCount(failed), success, formatCount(pingPong.get(lane) ?? 0)]
    }),
    notes: reasons.size === 0 ? ['No policy moved a page.'] : ['Ping-pong: pages moved away and back again, over all reasons of the policy.'],
  }
}

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
          formatCount(row['pages'] as number),
        ] as string[],
    ),
    notes: rows.length === 0 ? ['No migration failed.'] : [],
  }
}
