import {
  COUNT_AXIS,
  defineReport,
  formatCount,
  formatMetric,
  LANE_ROWS,
  LANE_TOOLTIP,
  METRICS,
  type MetricName,
  type ReportChart,
  type Row,
  type RunTables,
  TimeGrid,
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
/** Counters that are figures of the summary too, whose sampling error is known. */
const SUMMED: Record<string, MetricName> = { pgmigrate_success: 'migrated', numa_hint_faults: 'hintFaults' }
/** Stretches of time are joined until no more rows than these remain. */
const MOST_ROWS = 5000

export default defineReport({
  title: 'Kernel counters',
  section: 'counters',
  question: 'What would /proc/vmstat and numastat have counted?',
  tables: ['summary', 'vmstat', 'epochs'],
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
    const rows = grid.stretches(run, 'vmstat', ['lane', 'node', 'counter'], ['value'], MOST_ROWS).map((row) => (row['node'] === -1 ? row : ofNode(row)))
    const counted = (counters: readonly string[], isNode: (node: number) => boolean): Row[] => {
      const own = rows.filter((row) => isNode(row['node'] as number) && counters.includes(row['counter'] as string) && row['value'] !== 0)
      // A picture keeps its place and its policies whatever is chosen: zeros that stand in every window
      const nothing: Row = own.length > 0 && own[0]!['time'] !== undefined ? { start: null, time: null } : {}
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
        data: { vmstat: counted(DRAWN, (node) => node === -1) },
        spec: small('vmstat', 'counter', DRAWN, run, LANE_ROWS, { field: 'lane', type: 'nominal', legend: null }),
      },
      {
        name: 'numastat',
        title: 'numastat, by node',
        caption: 'numa_hit: allocated on the node that was wanted; local_node: by a process running on it. Stacked by node.',
        description: 'Stacked bar charts: the counters of numastat in each policy, one picture per counter, coloured by node',
        width: 'full',
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
    transform: [{ aggregate: [{ op: 'sum', field: 'value', as: 'value' }], groupby: ['lane', 'node', 'counter'] }],
    facet: { field, type: 'nominal', title: null, sort: order },
    columns: 3,
    spacing: { row: 20, column: 22 },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 235,
      height: Math.max(60, 17 * run.record.lanes.length),
      mark: { type: 'bar', height: 11 },
      encoding: {
        y,
        x: { field: 'value', type: 'quantitative', title: null, axis: { ...COUNT_AXIS, tickCount: 3 } },
        color,
        tooltip: [LANE_TOOLTIP, { field: 'counter' }, { field: 'node' }, { field: 'value', type: 'quantitative', format: ',' }],
      },
    },
  }
}

/** A row per counter and a column per policy, as diffs of two snapshots are printed. Counters that stayed zero everywhere are left out. */
function counters(run: RunTables, title: string, rows: Row[]) {
  const lanes = run.record.lanes.map(({ label }) => label)
  const values = new Map<string, Map<string, number>>()
  for (const { lane, counter, value } of rows) {
    if (!values.has(counter as string)) values.set(counter as string, new Map())
    values.get(counter as string)!.set(lane as string, value as number)
  }
  const summaries = new Map(run.rows('summary').map((row) => [row['lane'] as string, row]))
  const text = (counter: string, lane: string, value: number): string => {
    const metric = rows[0]!['node'] === -1 ? SUMMED[counter] : undefined
    return metric !== undefined && METRICS[metric].of(summaries.get(lane)!) === value ? formatMetric(metric, summaries.get(lane)!) : formatCount(value)
  }
  const shown = [...values].filter(([, byLane]) => [...byLane.values()].some((value) => value !== 0))
  return {
    title,
    columns: [{ heading: 'counter', align: 'left' as const }, ...lanes.map((lane) => ({ heading: lane, align: 'right' as const }))],
    rows: shown.map(([counter, byLane]) => [counter, ...lanes.map((lane) => (byLane.has(lane) ? text(counter, lane, byLane.get(lane)!) : '—'))]),
    notes: shown.length === 0 ? ['All counters stayed zero.'] : [],
  }
}
