/**
 * The tables of a run folder. Long form: one fact per row. Reports, notebooks and DuckDB read these and nothing else.
 * Additive changes only; renaming or removing a column raises RUN_SCHEMA.
 */
import type { Column, Row, TableSchema } from '../columns/index.ts'
import { LATENCY_ERROR } from './histogram.ts'

export const RUN_SCHEMA = 'numareplay/run/1'

const text = (name: string, about: string): Column => ({ name, type: 'string', unit: '', about })
const int = (name: string, unit: string, about: string): Column => ({ name, type: 'int', unit, about })
const float = (name: string, unit: string, about: string): Column => ({ name, type: 'float', unit, about })
/** Half the width of a 95 % interval: how far sampling of pages may have moved the figure. */
const ci = (of: string, unit: string, what = `\`${of}\``): Column =>
  float(`${of}_ci95`, unit, `half the width of the 95% interval of ${what}; null unless the trace is a sample of pages and it is known`)
/** What has no pages of its own: known by halves of the sample alone, or where nothing was counted. */
const halves = (of: string, unit: string): Column => float(`${of}_ci95`, unit, `likewise of \`${of}\`; above zero known with --half-samples only`)
/** The columns of a table that tell sampling errors. */
export const isError = (column: string): boolean => column.endsWith('_ci95')
/** These columns, as rows have them that say nothing of errors. */
export const unknownErrors = ({ columns }: TableSchema): Row => Object.fromEntries(columns.filter(({ name }) => isError(name)).map(({ name }) => [name, null]))
const lane = text('lane', 'label of the policy lane')

/** One row per lane. Counts of accesses are weighted (a sample stands for its period). */
export const SUMMARY: TableSchema = {
  name: 'summary',
  about: 'One row per lane',
  columns: [
    lane,
    text('policy', 'policy name'),
    text('params', 'parameters that differ from the default, k=v,…'),
    text('status', 'ok, oom or error'),
    text('error', 'message when status is error, else empty'),
    { name: 'ideal', type: 'bool', unit: '', about: 'the policy observes what no hardware gives for free' },
    int('accesses', 'accesses', 'all accesses replayed'),
    int('local', 'accesses', 'served by memory of the accessing node'),
    int('remote', 'accesses', 'served by memory of another node'),
    float('mean_latency_ns', 'ns', 'mean access latency, hint faults and migration not included'),
    int('p50_latency_ns', 'ns', `median access latency: ${LATENCY_ERROR.percentile}`),
    int('p99_latency_ns', 'ns', `99th percentile of access latency: ${LATENCY_ERROR.percentile}`),
    int('stall_ns', 'ns', 'sum over tasks of access latency, faults and synchronous migration'),
    int('memory_stall_ns', 'ns', 'the part of stall spent on accesses'),
    int('queueing_ns', 'ns', 'the part of memory_stall_ns above idle latency: waiting at memory controllers and links'),
    int('stretched_ns', 'ns', 'time that the recording would last longer because memory or a link was asked for more than it carries'),
    int('estimated_run_ns', 'ns', 'recorded time + sum over epochs of (stall of the most stalled task - the same in the baseline lane)'),
    int('migrated', 'pages', 'base pages moved'),
    int('migration_failed', 'pages', 'base pages that could not be moved'),
    int('hint_faults', 'faults', 'NUMA hint faults taken'),
    int('page_faults', 'faults', 'first-touch faults'),
    int('migration_ns', 'ns', 'time spent in the migration engine'),
    int('hint_fault_ns', 'ns', 'time spent in hint faults, migration not included'),
    int('observation_ns', 'ns', 'time spent on scanning and sampling'),
    int('blocked_ns', 'ns', 'time accesses waited for pages under migration by a background core'),
    int('total_cost_ns', 'ns', 'memory stall + migration + hint faults + observation + blocked: what the optimum bounds'),
    int('bound_ns', 'ns', 'no placement of the pages has less total_cost_ns; null where unknown'),
    text(
      'bound_kind',
      'how the bound was found: per-page optimum, two-tier optimum or Lagrangian lower bound; with copies for lanes that made copies of pages',
    ),
    float('bound_gap', 'share', 'how far the true optimum may lie above bound_ns; 0 = the bound is exact (idle latency), null where unknown'),
    float('regret', 'share', 'total_cost_ns / bound_ns - 1; null where unknown'),
    float('share_of_possible_gain', 'share', '(baseline - this) / (baseline - bound) of total_cost_ns; null where unknown'),
    text('verdict', 'against doing nothing (first-touch where it is a lane, else the baseline), with the reason when it loses'),
    int('ping_pong_pages', 'pages', 'pages moved away and back again'),
    ci('mean_latency_ns', 'ns'),
    ci('local_share', 'share', 'local / accesses'),
    int('p50_latency_ns_low95', 'ns', 'low end of the 95% interval of p50_latency_ns; null unless the trace is a sample of pages'),
    int('p50_latency_ns_high95', 'ns', 'high end'),
    int('p99_latency_ns_low95', 'ns', 'low end of the 95% interval of p99_latency_ns; null unless the trace is a sample of pages'),
    int('p99_latency_ns_high95', 'ns', 'high end'),
    ci('memory_stall_ns', 'ns'),
    ci('migrated', 'pages'),
    ci('hint_faults', 'faults'),
    ci('page_faults', 'faults'),
    ci('total_cost_ns', 'ns'),
    ci('stall_ns', 'ns'),
    ci('migration_ns', 'ns'),
    ci('ping_pong_pages', 'pages'),
    halves('observation_ns', 'ns'),
    halves('estimated_run_ns', 'ns'),
    halves('migration_failed', 'pages'),
    ci('share_of_possible_gain', 'share'),
    ci('total_cost_change', 'share', 'total_cost_ns / the same of the baseline - 1: both lanes replay the same pages, and the optimum has no part in it'),
    ci('mean_latency_change', 'share', 'mean_latency_ns / the same of the baseline - 1: both lanes replay the same pages'),
  ],
}

/** lane × time bin. Bins are whole epochs; at most some 1,000 per lane. */
export const EPOCHS: TableSchema = {
  name: 'epochs',
  about: 'Each lane over time',
  columns: [
    lane,
    int('time_ns', 'ns', 'end of the bin since the start of the trace'),
    int('local', 'accesses', ''),
    int('remote', 'accesses', ''),
    int('memory_stall_ns', 'ns', ''),
    int('queueing_ns', 'ns', 'the part of memory_stall_ns above idle latency'),
    float('dilation', 'factor', 'stretched over recorded time: above 1 memory or a link was asked for more than it carries'),
    int('migrated', 'pages', ''),
    int('migration_failed', 'pages', ''),
    int('hint_faults', 'faults', ''),
    int('page_faults', 'faults', ''),
    int('migration_ns', 'ns', ''),
    int('hint_fault_ns', 'ns', ''),
    int('observation_ns', 'ns', ''),
    int('blocked_ns', 'ns', ''),
    ci('local', 'accesses'),
    ci('remote', 'accesses'),
    ci('local_share', 'share', 'local / (local + remote)'),
    ci('memory_stall_ns', 'ns'),
    ci('mean_latency_ns', 'ns', 'memory_stall_ns / (local + remote)'),
    halves('queueing_ns', 'ns'),
    halves('dilation', 'factor'),
    ci('migrated', 'pages'),
    ci('migrated_so_far', 'pages', 'the sum of `migrated` up to the end of the bin'),
    halves('migration_failed', 'pages'),
    ci('hint_faults', 'faults'),
    ci('page_faults', 'faults'),
    ci('migration_ns', 'ns'),
    ci('hint_fault_ns', 'ns'),
    halves('observation_ns', 'ns'),
    ci('blocked_ns', 'ns'),
  ],
}

/** lane × time bin × node. */
export const NODES: TableSchema = {
  name: 'nodes',
  about: 'Each node over time',
  columns: [
    lane,
    int('time_ns', 'ns', ''),
    int('node', '', 'node id of the operating system'),
    int('pages', 'pages', 'base pages of the workload on the node, copies of pages included'),
    int('capacity', 'pages', 'base pages the node can hold'),
    int('accesses_in', 'accesses', 'accesses served by this node in the bin'),
    int('accesses_out', 'accesses', 'accesses made by cpus of this node in the bin'),
    float('latency_ns', 'ns', 'mean latency of the accesses it served; null when none'),
    int('bytes', 'bytes', 'read and written at its memory controller, page copies included; null without contention'),
    float('utilisation', 'share', 'bandwidth asked of its memory over what it carries; null without contention'),
    ci('pages', 'pages'),
    ci('accesses_in', 'accesses'),
    ci('accesses_out', 'accesses'),
    ci('latency_ns', 'ns'),
    ci('bytes', 'bytes', '`bytes`, without --half-samples of bins in which no page moved to or from the node'),
    ci('utilisation', 'share', '`utilisation`, likewise'),
  ],
}

/** lane × counter, under the names of /proc/vmstat; node -1 = whole machine. */
export const VMSTAT: TableSchema = {
  name: 'vmstat',
  about: 'Counters under the names Linux prints',
  columns: [
    lane,
    int('node', '', 'node id, or -1 for the whole machine'),
    text('counter', 'name in /proc/vmstat or numastat'),
    int('value', '', ''),
    ci('value', '', '`value`, without --half-samples of counters of page faults, hint faults and moved pages'),
  ],
}

/** lane × reason × errno × stage. */
export const FAILURES: TableSchema = {
  name: 'failures',
  about: 'Migrations that failed',
  columns: [
    lane,
    text('reason', 'migrate_reason as the tracepoint prints it'),
    text('errno', 'EBUSY, ENOMEM, …'),
    text('stage', 'stage of the protocol that failed; refused: before it began'),
    { name: 'retried', type: 'bool', unit: '', about: 'transient: tried again until the passes ran out; else permanent' },
    int('pages', 'pages', 'base pages'),
    halves('pages', 'pages'),
  ],
}

/** lane × accessing node × memory node. */
export const TRAFFIC: TableSchema = {
  name: 'traffic',
  about: 'Who accessed which node, and what moved where',
  columns: [
    lane,
    int('from_node', '', 'accessing node; for migrated: source node'),
    int('to_node', '', 'memory node; for migrated: target node'),
    int('reads', 'accesses', ''),
    int('writes', 'accesses', ''),
    int('migrated', 'pages', 'base pages moved from from_node to to_node'),
    int('queueing_ns', 'ns', 'waiting of these accesses at memory controllers and links'),
    float('busiest', 'share', 'bandwidth asked of the link over what it carries, in its busiest epoch; null without contention'),
    ci('reads', 'accesses'),
    ci('writes', 'accesses'),
    ci('share', 'share', '(reads + writes) / all accesses of the lane'),
    ci('migrated', 'pages'),
    halves('queueing_ns', 'ns'),
    halves('busiest', 'share'),
  ],
}

/** lane × latency class. */
export const LATENCY: TableSchema = {
  name: 'latency',
  about: 'Distribution of access latency',
  columns: [
    lane,
    int('latency_ns', 'ns', `upper edge of the class: ${LATENCY_ERROR.edge}`),
    int('accesses', 'accesses', ''),
    ci('accesses', 'accesses'),
    ci('share_up_to', 'share', 'the share of all accesses that take at most latency_ns'),
  ],
}

/** lane × component: the latency stack. Sums to the lane's stall. */
export const STACK: TableSchema = {
  name: 'stack',
  about: 'Where the time went',
  columns: [
    lane,
    text(
      'component',
      'local access, remote access by distance (SLIT), queueing, page fault, hint fault, blocked by migration, stages of promotion and migration, scanning, sampling',
    ),
    int('ns', 'ns', ''),
    { name: 'in_stall', type: 'bool', unit: '', about: 'paid by the tasks of the program; else by a background core' },
    ci('ns', 'ns', '`ns`, without --half-samples of all but queueing, calls, replication, scanning and sampling'),
    ci('share', 'share', 'ns / the ns of all components of the lane, likewise'),
  ],
}

/** lane × time × batch: every migrate_pages() call, merged per epoch. */
export const MOVES: TableSchema = {
  name: 'moves',
  about: 'Migrations over time by reason',
  columns: [
    lane,
    int('time_ns', 'ns', ''),
    text('reason', ''),
    int('from_node', '', ''),
    int('to_node', '', ''),
    int('pages', 'pages', 'base pages moved'),
    int('failed', 'pages', 'base pages failed in the same calls (on the first row of the batch)'),
    ci('pages', 'pages'),
    halves('failed', 'pages'),
  ],
}

/** time bin × address bin, the same for every lane; cells without accesses have no row, but every time bin has one. */
export const HEAT: TableSchema = {
  name: 'heat',
  about: 'How often the program accessed which part of its memory over time',
  columns: [
    int('time_ns', 'ns', 'end of the bin since the start of the trace'),
    int('bin', '', 'address bin: touched pages in order of process and address, cut into at most 200 bins of equally many'),
    int('pid', '', 'process of the first page of the bin'),
    text('address', 'of the first page of the bin, hexadecimal'),
    int('pages', 'pages', 'touched pages in the bin'),
    int('accesses', 'accesses', ''),
  ],
}

/** lane × address bin × change. */
export const PLACEMENT: TableSchema = {
  name: 'placement',
  about: 'Which node holds most pages of an address bin of the table heat, one row per change; empty in sweeps',
  columns: [
    lane,
    int('time_ns', 'ns', 'start of the first time bin that ends like this; it holds until the next row of the address bin'),
    int('bin', '', 'address bin of the table heat'),
    int('node', '', 'node id; null when none of its pages are in memory'),
    float('share', 'share', 'of its pages in memory that are on this node, in tenths; of 64 pages spread over the bin when it has more'),
  ],
}

/** lane × number of returns. */
export const PING_PONG: TableSchema = {
  name: 'ping_pong',
  about: 'Pages that came back to the node they had been moved away from, by how often',
  columns: [
    lane,
    int('returns', '', 'how often the page came back'),
    int('pages', 'pages', 'base pages that came back so often'),
    int('pid', '', 'process of the first of them'),
    text('address', 'of the first of them, hexadecimal'),
    ci('pages', 'pages'),
  ],
}

/** Stretches of time that a run is cut into, at most: whole bins of epochs, equally many in all but the last. */
export const STRETCHES = 50

/** A table of the whole run, by stretch of time: its counts are what was added in the stretch. Not kept in sweeps. */
const overTime = ({ name, columns }: TableSchema, about: string, left: readonly string[] = []): TableSchema => ({
  name: `${name}_over_time`,
  about: `${about}, by stretch of time (some whole bins of epochs); not kept in sweeps`,
  columns: [
    lane,
    int('time_ns', 'ns', 'end of the stretch since the start of the trace'),
    ...columns.filter((column) => column.name !== 'lane' && !left.includes(column.name)),
  ],
})

export const STACK_OVER_TIME = overTime(STACK, 'Where the time went')
export const TRAFFIC_OVER_TIME = overTime(TRAFFIC, 'Who accessed which node', [
  'migrated',
  'queueing_ns',
  'busiest',
  'migrated_ci95',
  'queueing_ns_ci95',
  'busiest_ci95',
])
export const LATENCY_OVER_TIME = overTime(LATENCY, 'Distribution of access latency')
export const FAILURES_OVER_TIME = overTime(FAILURES, 'Migrations that failed')
export const VMSTAT_OVER_TIME = overTime(VMSTAT, 'Counters under the names Linux prints')
export const PING_PONG_OVER_TIME: TableSchema = {
  name: 'ping_pong_over_time',
  about: 'Returns of pages to the node they had been moved away from, by stretch of time (some whole bins of epochs); not kept in sweeps',
  columns: [
    lane,
    int('time_ns', 'ns', 'end of the stretch since the start of the trace'),
    int('returns', '', 'for the how-manieth time the page came back'),
    int('pages', 'pages', 'base pages that came back for that time'),
    ci('pages', 'pages'),
  ],
}
export const OVER_TIME = [STACK_OVER_TIME, TRAFFIC_OVER_TIME, LATENCY_OVER_TIME, FAILURES_OVER_TIME, VMSTAT_OVER_TIME, PING_PONG_OVER_TIME] as const

/** lane × moment × process × mapping; empty unless asked for. */
export const NUMA_MAPS: TableSchema = {
  name: 'numa_maps',
  about: '/proc/PID/numa_maps and numastat at the moments asked for',
  columns: [
    lane,
    int('time_ns', 'ns', 'since the start of the trace'),
    text('view', 'numa_maps or numastat'),
    int('pid', '', 'null for numastat'),
    text('line', 'as Linux prints it'),
  ],
}

/** lane × recorded node × node; empty unless a recorded residency is given. */
export const RESIDENCY: TableSchema = {
  name: 'residency',
  about: 'Pages by the node on which the kernel had them in a recording and the node on which the lane ends with them',
  columns: [
    lane,
    int('recorded_node', '', 'node id in the recording'),
    int('node', '', 'node id at the end of the lane; null when not in memory'),
    int('pages', 'pages', 'base pages'),
    ci('pages', 'pages'),
    ci('share', 'share', 'pages / all recorded pages'),
  ],
}

/** lane × stage of a migration that was followed; empty unless asked for. */
export const STAGES: TableSchema = {
  name: 'stages',
  about: 'Stages of the migrations that were followed',
  columns: [
    lane,
    int('time_ns', 'ns', 'since the start of the trace'),
    int('call', '', 'number of the migrate_pages() call in the lane'),
    int('pid', '', ''),
    text('address', 'of the page, hexadecimal'),
    text('stage', 'stage of the protocol, in the order of mm/migrate.c'),
    int('round', '', 'pass over the batch, from 0'),
    text('mode', 'MIGRATE_ASYNC, MIGRATE_SYNC_LIGHT or MIGRATE_SYNC'),
    text('outcome', 'ok or errno'),
  ],
}

/** lane × hash group of a sample of pages; empty where the trace holds every page. */
export const SAMPLE_GROUPS: TableSchema = {
  name: 'sample_groups',
  about: 'What the kept pages of a sample did, by hash group: the spread of the groups is the error of every figure (docs/sampling.md)',
  columns: [
    lane,
    int('group', '', '0: pages that stand for themselves alone; 1 … 64: sampled pages, drawn into groups by their hash'),
    int('pages', 'pages', 'kept pages of the group'),
    int('accesses', 'accesses', 'accesses to them, not expanded; likewise all that follows'),
    int('local', 'accesses', 'served by memory of the accessing node'),
    int('memory_stall_ns', 'ns', 'time spent on these accesses'),
    int('migrated', 'pages', 'moves of these pages that went as far as unmapping them'),
    int('hint_faults', 'faults', ''),
    int('page_faults', 'faults', ''),
  ],
}

export const TABLES = [
  SUMMARY,
  EPOCHS,
  NODES,
  VMSTAT,
  FAILURES,
  TRAFFIC,
  LATENCY,
  STACK,
  MOVES,
  HEAT,
  PLACEMENT,
  PING_PONG,
  NUMA_MAPS,
  STAGES,
  RESIDENCY,
  ...OVER_TIME,
  SAMPLE_GROUPS,
] as const

/** run.json: everything needed to know what was run and to run it again. */
export interface RunRecord {
  schema: typeof RUN_SCHEMA
  version: string
  /** The only field that differs between two identical runs. */
  createdAt: string
  command: string[]
  trace: {
    file: string
    digest: string
    format: string
    accesses: number
    pages: number
    tasks: number
    fidelity: string
    filtered: false | string
    /** The trace holds some of its recording's pages only; `pages` above are those. Absent where it holds all. */
    sample?: { oneIn: number; exactPages: number; sampledPages: number; sampledAccesses: number; leftOutAccesses: number }
    pageSize: number
    timeFirstNs: number
    timeLastNs: number
  }
  machine: { name: string; nodes: { id: number; cpus: number; bytes: number; tier: number; kind: string }[]; latencySource: string; definition: unknown }
  seed: number
  epochNs: number
  /** Policy-clock seconds per trace second. */
  pace: number
  /** Loaded latency was modelled. Absent in runs made before it was. */
  contention?: boolean
  /** Recorded cpu -> node id. */
  cpuMap: { cpus: string; node: number }[]
  baseline: string
  warnings: string[]
  lanes: { label: string; policy: string; params: Record<string, string>; status: string }[]
  faults?: unknown
  /** Recorded residency that the replay started from, and that lanes are compared with: file, snapshot, pages of the trace in it. */
  placement?: { file: string; snapshot: string; pages: number }
  residency?: { file: string; snapshot: string; pages: number }
}
