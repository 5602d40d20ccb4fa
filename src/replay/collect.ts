/** From lane results to the tables of a run: the only place where figures are compared with the baseline and the bound. */
import { type Row, Table } from '../columns/index.ts'
import { EPOCHS, FAILURES, LATENCY, MOVES, NODES, STACK, SUMMARY, TRAFFIC, VMSTAT } from '../results/index.ts'
import type { Bound } from './bound.ts'
import type { ReplayContext } from './context.ts'
import { type LaneResult, latencyClasses } from './lane-result.ts'
import { toNs } from './ledger.ts'

const TABLE_OF = { epochs: EPOCHS, nodes: NODES, vmstat: VMSTAT, failures: FAILURES, traffic: TRAFFIC, latency: LATENCY, stack: STACK, moves: MOVES } as const

export function collect(context: ReplayContext, lanes: LaneResult[], bound: Bound): Table[] {
  const summary = new Table(SUMMARY)
  for (const lane of lanes) summary.add(summaryRow(context, lane, lanes[0]!, bound))
  const tables = (Object.keys(TABLE_OF) as (keyof typeof TABLE_OF)[]).map((name) => {
    const table = new Table(TABLE_OF[name])
    for (const lane of lanes) for (const row of lane.rows[name]) table.add(row)
    return table
  })
  return [summary, ...tables]
}

function summaryRow(context: ReplayContext, lane: LaneResult, baseline: LaneResult, bound: Bound): Row {
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
    p50_latency_ns: percentileNs(context, lane, 0.5),
    p99_latency_ns: percentileNs(context, lane, 0.99),
    stall_ns: toNs(sum(totals.taskStallPs)),
    memory_stall_ns: toNs(totals.memoryPs),
    estimated_run_ns: isWhole ? meta.timeLastNs - meta.timeFirstNs + toNs(totals.criticalStallPs - baseline.totals.criticalStallPs) : null,
    migrated: totals.migrated,
    migration_failed: totals.failed,
    hint_faults: totals.hintFaults,
    page_faults: totals.pageFaults,
    migration_ns: toNs(totals.migrationPs),
    hint_fault_ns: toNs(totals.hintFaultPs),
    observation_ns: toNs(totals.observationPs),
    total_cost_ns: toNs(total),
    bound_ns: lane.status === 'ok' ? toNs(bound.ps) : null,
    share_of_possible_gain: isWhole && possible > 0 ? (totalCostPs(baseline) - total) / possible : null,
    ping_pong_pages: lane.pingPongPages,
  }
}

/** Memory stall and everything that placement costs on top: what the bound bounds. Page faults are the same for all and left out. */
const totalCostPs = ({ totals }: LaneResult): number => totals.memoryPs + totals.migrationPs + totals.hintFaultPs + totals.observationPs

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)

function percentileNs(context: ReplayContext, { totals }: LaneResult, share: number): number | null {
  const classes = latencyClasses(context, totals)
  const needed = share * (totals.local + totals.remote)
  let below = 0
  for (const { latencyPs, accesses } of classes) {
    below += accesses
    if (below >= needed) return Math.round(latencyPs / 1000)
  }
  return null
}
