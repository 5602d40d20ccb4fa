import {
  ASK_HALVES,
  COUNT_AXIS,
  chosenErrors,
  defineReport,
  errorColumn,
  errorLines,
  errorSum,
  errorTooltip,
  formatCount,
  isSampled,
  LANE_ROWS,
  LANE_TOOLTIP,
  LINES,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
  withError,
  withErrors,
} from '../src/report/index.ts'

/** Counters that tell policies apart, in the order of a migration: asked for, found out, moved. */
const DRAWN = [
  'numa_pte_updates',
  'numa_hint_faults',
  'numa_hint_faults_local',
  'numa_pages_migrated',
  'pgmigrate_success',
  'pgmigrate_fail',
  'thp_migration_success',
  'thp_migration_fail',
  'thp_migration_split',
  'pgpromote_success',
  'pgpromote_candidate',
  'pgdemote_kswapd',
  'pgdemote_direct',
]
/** Counters of a node as numastat calls them, by their name in /sys/devices/system/node/node0/vmstat. */
const NUMASTAT: Record<string, string> = {
  numa_hit: 'numa_hit',
  numa_miss: 'numa_miss',
  numa_foreign: 'numa_foreign',
  numa_interleave: 'interleave_hit',
  numa_local: 'local_node',
  numa_other: 'other_node',
}
const ofNode = (row: Row): Row => ({ ...row, counter: NUMASTAT[row['counter'] as string] ?? row['counter']! })
/** Stretches of time are joined until no more rows than these remain. */
const MOST_ROWS = 5000

export default defineReport({
  title: 'Kernel counters',
  section: 'counters',
  question: 'What would /proc/vmstat and numastat have counted?',
  tables: ['vmstat', 'epochs'],
  optional: ['vmstat_over_time'],
  text(run) {
    const rows = run.rows('vmstat')
    const nodes = [...new Set(rows.map((row) => row['node'] as number))].filter((node) => node >= 0).sort((a, b) => a - b)
    return [
      counters(
        run,
        'Increase of the counters of /proc/vmstat',
        rows.filter((row) => row['node'] === -1),
      ),
      ...nodes.map((node) => counters(run, `numastat of node ${node}`, rows.filter((row) => row['node'] === node).map(ofNode))),
    ]
  },
  charts(run): ReportChart[] {
    const grid = new TimeGrid(run)
    const keys = ['lane', 'node', 'counter']
    const columns = ['value', ...errorColumn(run, 'value')]
    const rows = withErrors(
      run,
      grid.stretches(run, 'vmstat', keys, columns, MOST_ROWS),
      'value',
      run.rows('vmstat').map((row) => Object.fromEntries([...keys, ...columns].map((name) => [name, row[name]!]))),
    ).map((row) => (row['node'] === -1 ? row : ofNode(row)))
    const sampling = isWhollyTold(run)
      ? `${LINES}, each at the end of its bar.`
      : `${LINES}; a counter without one counts what no page owns, so its error is not known: ${ASK_HALVES}.`
    const counted = (counters: readonly string[], isNode: (node: number) => boolean): Row[] => {
      const own = rows.filter(
        (row) =>
          isNode(row['node'] as number) &&
          counters.includes(row['counter'] as string) &&
          (row['value'] !== 0 || ((row['error'] as number | undefined) ?? 0) > 0),
      )
      // A picture keeps its place and its policies whatever is chosen: zeros that stand in every window
      const nothing: Row = {
        ...(own.length > 0 && own[0]!['time'] !== undefined ? { start: null, time: null } : {}),
        ...(isSampled(run) ? { error: 0, isWhole: true } : {}),
      }
      const pictures = [...new Set(own.map((row) => row['counter'] as string))]
      return [
        ...pictures.flatMap((counter) => run.record.lanes.map(({ label }): Row => ({ lane: label, node: own[0]!['node']!, counter, ...nothing, value: 0 }))),
        ...own,
      ]
    }
    return [
      {
        name: 'vmstat-counters',
        title: 'Counters of page placement and migration',
        caption: 'What /proc/vmstat would have counted; bars of one counter have one scale.',
        description: 'Bar charts: increase of the vmstat counters about placement and migration in each policy, one picture per counter',
        width: 'full',
        sampling,
        data: { vmstat: counted(DRAWN, (node) => node === -1) },
        spec: small('vmstat', 'counter', DRAWN, run, LANE_ROWS, { field: 'lane', type: 'nominal', legend: null }),
      },
      {
        name: 'numastat',
        title: 'numastat, by node',
        caption: 'numa_hit: allocated on the node that was wanted; local_node: by a process running on it. Stacked by node.',
        description: 'Stacked bar charts: the counters of numastat in each policy, one picture per counter, coloured by node',
        width: 'full',
        sampling,
        data: { numastat: counted(Object.values(NUMASTAT), (node) => node !== -1) },
        spec: small('numastat', 'counter', Object.values(NUMASTAT), run, LANE_ROWS, { field: 'node', type: 'nominal', title: 'node' }),
      },
    ]
  },
})

/** A picture per counter, a bar per policy. */
function small(data: string, field: string, order: string[], run: RunTables, y: object, color: object): Record<string, unknown> {
  return {
    data: { name: data },
    transform: [...chosenErrors(run), { aggregate: [{ op: 'sum', field: 'value', as: 'value' }, ...errorSum(run)], groupby: ['lane', 'node', 'counter'] }],
    facet: { field, type: 'nominal', title: null, sort: order },
    columns: 3,
    spacing: { row: 20, column: 22 },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 235,
      height: Math.max(60, 17 * run.record.lanes.length),
      ...(isSampled(run) ? { layer: [counterBars(run, y, color), COUNTER_ERRORS] } : counterBars(run, y, color)),
    },
  }
}

const counterBars = (run: RunTables, y: object, color: object): Record<string, unknown> => ({
  mark: { type: 'bar', height: 11 },
  encoding: {
    y,
    x: { field: 'value', type: 'quantitative', title: null, axis: { ...COUNT_AXIS, tickCount: 3 } },
    color,
    tooltip: [LANE_TOOLTIP, { field: 'counter' }, { field: 'node' }, { field: 'value', type: 'quantitative', format: ',' }, ...errorTooltip(run, ',.0f')],
  },
})

/** At the ends of the bars, or of the parts by node, stacked as they are. */
const COUNTER_ERRORS = (() => {
  const lines = errorLines('end', 'error') as { transform: object[] }
  return { ...lines, transform: [{ stack: 'value', as: ['begin', 'end'], groupby: ['lane', 'counter'], sort: [{ field: 'node', order: 'ascending' }] }, ...lines.transform] } // biome-ignore format: one thought
})()

/** Is the error of every counter known? */
const isWhollyTold = (run: RunTables): boolean => run.rows('vmstat').every((row) => row['value_ci95'] !== null)

/** A row per counter and a column per policy, as diffs of two snapshots are printed. Counters that stayed zero everywhere are left out. */
function counters(run: RunTables, title: string, rows: Row[]) {
  const lanes = run.record.lanes.map(({ label }) => label)
  const values = new Map<string, Map<string, { value: number; error: number | null | undefined }>>()
  for (const { lane, counter, value, value_ci95 } of rows) {
    if (!values.has(counter as string)) values.set(counter as string, new Map())
    values.get(counter as string)!.set(lane as string, { value: value as number, error: value_ci95 as number | null | undefined })
  }
  const text = ({ value, error }: { value: number; error: number | null | undefined }): string => withError(value, error, formatCount)
  const shown = [...values].filter(([, byLane]) => [...byLane.values()].some(({ value }) => value !== 0))
  return {
    title,
    columns: [{ heading: 'counter', align: 'left' as const }, ...lanes.map((lane) => ({ heading: lane, align: 'right' as const }))],
    rows: shown.map(([counter, byLane]) => [counter, ...lanes.map((lane) => (byLane.has(lane) ? text(byLane.get(lane)!) : '—'))]),
    sampling: isWhollyTold(run) ? 'All counters have one.' : `Counters without it count what no page owns, so their error is not known: ${ASK_HALVES}.`,
    notes: shown.length === 0 ? ['All counters stayed zero.'] : [],
  }
}
