/** From lane results to the tables of a run: the only place where figures are compared with the baseline and the bound. */
import { type Row, Table, type TableSchema } from '../columns/index.ts'
import type { Machine } from '../machine/index.ts'
import { OVER_TIME, SUMMARY, unknownErrors } from '../results/index.ts'
import type { Bound } from './bound.ts'
import { toNs } from './cost-stack.ts'
import { LANE_TABLES, type LaneResult } from './lane-result.ts'
import { errorColumns, type SampleShape } from './sample-error.ts'
import type { Columns } from './stretches.ts'
import { totalCostPs, verdictOf } from './verdict.ts'

/** What figures are derived from, besides the lanes. */
export interface CollectContext {
  machine: Machine
  trace: { meta: { timeFirstNs: number; timeLastNs: number; sample?: SampleShape } }
}

/** `bounds`: of each lane, as lanes that make copies of pages have another one. */
export function collect(context: CollectContext, lanes: LaneResult[], bounds: Bound[]): Table[] {
  const summary = new Table(SUMMARY)
  const nothing = lanes.find(({ policy }) => policy === 'first-touch') ?? lanes[0]!
  for (const [i, lane] of lanes.entries()) {
    const bound = bounds[i]!
    const alike = lanes.filter((_, j) => bounds[j]!.kind === bound.kind)
    const gap = lane.status === 'ok' ? boundGap(bound, alike) : null
    summary.add({ ...summaryRow(context, lane, lanes[0]!, bound), bound_gap: gap, verdict: verdictOf(lane, nothing) })
  }
  const tables = (Object.keys(LANE_TABLES) as (keyof typeof LANE_TABLES)[]).map((name) => {
    const schema = LANE_TABLES[name]
    const table = new Table(schema)
    const unknown = unknownErrors(schema)
    for (const { rows, columns } of lanes) {
      if (columns?.[name]) table.append(tableOf(schema, columns[name]))
      for (const row of rows[name]) table.add(row, unknown)
    }
    return table
  })
  return [summary, ...tables, ...overTimeTables(lanes)]
}

function overTimeTables(lanes: LaneResult[]): Table[] {
  if (lanes.some(({ overTime }) => overTime === undefined)) return []
  return OVER_TIME.map((schema) => {
    const table = new Table(schema)
    for (const { overTime } of lanes) table.append(tableOf(schema, overTime![schema.name]!))
    return table
  })
}

const tableOf = (schema: TableSchema, columns: Columns): Table => new Table(schema, new Map(Object.entries(columns)))

function summaryRow(context: CollectContext, lane: LaneResult, baseline: LaneResult, bound: Bound): Row {
  const { totals } = lane
  const accesses = totals.local + totals.remote
  const { meta } = context.trace
  const total = totalCostPs(lane)
  const possible = totalCostPs(baseline) - bound.ps
  // An unfinished lane has no comparable totals
  const isWhole = lane.status === 'ok' && baseline.status === 'ok'
  return {
    lane: lane.label,
    policy: lane.policy,
    params: Object.entries(lane.params)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    status: lane.status,
    error: lane.message,
    ideal: lane.isIdeal,
    accesses,
    local: totals.local,
    remote: totals.remote,
    mean_latency_ns: accesses > 0 ? totals.memoryPs / accesses / 1000 : null,
    p50_latency_ns: lane.p50LatencyNs,
    p99_latency_ns: lane.p99LatencyNs,
    stall_ns: toNs(sum(totals.taskStallPs)),
    memory_stall_ns: toNs(totals.memoryPs),
    queueing_ns: toNs(totals.queueingPs),
    stretched_ns: totals.stretchNs,
    estimated_run_ns: isWhole ? meta.timeLastNs - meta.timeFirstNs + toNs(totals.criticalStallPs - baseline.totals.criticalStallPs) : null,
    migrated: totals.migrated,
    migration_failed: totals.failed,
    hint_faults: totals.hintFaults,
    page_faults: totals.pageFaults,
    migration_ns: toNs(totals.migrationPs),
    hint_fault_ns: toNs(totals.hintFaultPs),
    observation_ns: toNs(totals.observationPs),
    blocked_ns: toNs(totals.blockedPs),
    total_cost_ns: toNs(total),
    bound_ns: lane.status === 'ok' ? toNs(bound.ps) : null,
    bound_kind: bound.kind,
    regret: lane.status === 'ok' && bound.ps > 0 ? total / bound.ps - 1 : null,
    share_of_possible_gain: isWhole && possible > 0 ? (totalCostPs(baseline) - total) / possible : null,
    ping_pong_pages: lane.pingPongPages,
    ...errorColumns(lane, baseline, bound, meta.sample),
  }
}

/** How far the optimum may lie above the bound: up to the cheaper of the plan that was found and the best lane. */
function boundGap({ ps, feasiblePs }: Bound, lanes: LaneResult[]): number | null {
  const found = lanes.filter(({ status }) => status === 'ok').map(totalCostPs)
  if (feasiblePs !== null) found.push(feasiblePs)
  return found.length > 0 && ps > 0 ? Math.max(0, Math.min(...found) / ps - 1) : null
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
