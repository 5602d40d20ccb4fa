/** What a lane hands back, as plain data that crosses threads: exact sums and table rows. */
import type { Row } from '../columns/index.ts'
import type { LaneKernel } from '../kernel/index.ts'
import type { LanePolicy } from '../policy/index.ts'
import {
  EPOCHS,
  FAILURES,
  LATENCY,
  MOVES,
  NODES,
  NUMA_MAPS,
  PING_PONG,
  PLACEMENT,
  RESIDENCY,
  SAMPLE_GROUPS,
  STACK,
  STAGES,
  TRAFFIC,
  VMSTAT,
} from '../results/index.ts'
import type { ReplayContext } from './context.ts'
import { toNs } from './cost-stack.ts'
import type { Ledger, LedgerTotals } from './ledger.ts'
import { residencyRows } from './recorded-placement.ts'
import { sampleOf } from './sample.ts'
import type { SampledTotals } from './sampled-counts.ts'
import type { Columns } from './stretches.ts'

/** Tables of a lane, beside those over time. */
export const LANE_TABLES = {
  epochs: EPOCHS,
  nodes: NODES,
  vmstat: VMSTAT,
  failures: FAILURES,
  traffic: TRAFFIC,
  latency: LATENCY,
  stack: STACK,
  moves: MOVES,
  placement: PLACEMENT,
  ping_pong: PING_PONG,
  numa_maps: NUMA_MAPS,
  stages: STAGES,
  sample_groups: SAMPLE_GROUPS,
  residency: RESIDENCY,
} as const

/** Of a half of a sample; a lane that did not reach its end has none. */
export type HalfResult = Pick<LaneResult, 'totals' | 'pingPongPages'>

export interface LaneResult {
  label: string
  policy: string
  params: Record<string, string>
  status: 'ok' | 'oom' | 'error'
  message: string
  isIdeal: boolean
  totals: LedgerTotals
  /** In a sample of pages, where halves of it were replayed too. */
  halves?: (HalfResult | undefined)[]
  p50LatencyNs: number | null
  p99LatencyNs: number | null
  pingPongPages: number
  /** In a sample of pages: half the width of its 95 % interval. */
  pingPongWidth?: number
  pagesPerNode: number[]
  /** Copies of pages: ever made, and frames of each node that hold some at the end. */
  copiesMade: number
  copiesPerNode: number[]
  vmstat: Record<string, number>
  rows: Record<keyof typeof LANE_TABLES, Row[]>
  /** Tables that are handed over by column, in place of their rows (hand-over.ts). */
  columns?: Partial<Record<keyof typeof LANE_TABLES, Columns>>
  /** By table: what grew in each stretch of time; absent where nobody will look at single lanes. */
  overTime?: Record<string, Columns>
}

export interface LaneParts {
  policy: LanePolicy
  context: ReplayContext
  kernel: LaneKernel
  ledger: Ledger
  totals: LedgerTotals
  status: LaneResult['status']
  message: string
  placementRows: Row[]
  numaMapsRows: Row[]
  stageRows: Row[]
  overTime?: Record<string, Columns>
  isIdeal: boolean
}

export function laneResult(parts: LaneParts): LaneResult {
  const { policy, context, kernel, ledger, totals, status, message, isIdeal } = parts
  const { groups, errors } = ledger
  const sample = sampleOf(context.trace)
  const rows = {
    vmstat: vmstatRows(policy.label, context, kernel),
    failures: ledger.moves.failureRows(),
    traffic: ledger.trafficRows(),
    latency: latencyRows(policy.label, ledger),
    stack: ledger.stackRows(),
    ping_pong: pingPongRows(policy.label, context, ledger),
    residency: residencyOf(policy.label, context, kernel, sample?.standsFor),
  }
  if (groups && errors) {
    for (const name of ['vmstat', 'failures', 'traffic', 'latency', 'stack'] as const) errors[name](rows[name], groups.run)
    errors.residency(rows.residency, (standsFor) => residencyOf(policy.label, context, kernel, standsFor), sample!)
  }
  const pingPongWidth = errors?.pingPong(rows.ping_pong, ledger.pingPong, sample!)
  return {
    label: policy.label,
    policy: policy.name,
    params: policy.params,
    status,
    message,
    isIdeal,
    totals,
    p50LatencyNs: ledger.traffic.latency.percentile(0.5),
    p99LatencyNs: ledger.traffic.latency.percentile(0.99),
    pingPongPages: ledger.pingPong.pages,
    pingPongWidth,
    pagesPerNode: Array.from(ledger.resident),
    copiesMade: ledger.copiesMade,
    copiesPerNode: Array.from(ledger.copiesOn),
    vmstat: kernel.vmstat,
    rows: {
      ...rows,
      epochs: ledger.epochRows,
      nodes: ledger.nodeRows,
      moves: ledger.moves.rows,
      placement: parts.placementRows,
      numa_maps: parts.numaMapsRows,
      stages: parts.stageRows,
      sample_groups: totals.groups ? groupRows(policy.label, totals.groups) : [],
    },
    overTime: parts.overTime,
  }
}

const residencyOf = (lane: string, { residency, machine }: ReplayContext, { placement }: LaneKernel, standsFor?: ArrayLike<number>): Row[] =>
  residency === undefined ? [] : residencyRows(lane, residency, placement, machine, standsFor)

export function vmstatRows(lane: string, { machine }: ReplayContext, kernel: LaneKernel): Row[] {
  const rows: Row[] = []
  const add = (node: number, counters: Record<string, number>) => {
    for (const counter in counters) rows.push({ lane, node, counter, value: counters[counter]! })
  }
  add(-1, kernel.vmstat)
  for (const [index, counters] of kernel.nodeStat.entries()) add(machine.nodes[index]!.id, counters)
  return rows
}

const groupRows = (lane: string, { sums }: SampledTotals): Row[] =>
  Array.from(sums.pages, (pages, group) => ({
    lane,
    group,
    pages,
    accesses: sums.accesses[group]!,
    local: sums.local[group]!,
    memory_stall_ns: toNs(sums.memoryPs[group]!),
    migrated: sums.migrated[group]!,
    hint_faults: sums.hintFaults[group]!,
    page_faults: sums.pageFaults[group]!,
  }))

const latencyRows = (lane: string, { traffic }: Ledger): Row[] =>
  traffic.latency.classes().map(({ upper, count }) => ({ lane, latency_ns: upper, accesses: count }))

const pingPongRows = (lane: string, { trace }: ReplayContext, { pingPong }: Ledger): Row[] =>
  pingPong.byReturns().map(({ returns, pages, first }) => ({
    lane,
    returns,
    pages,
    pid: trace.processes[trace.pageProcess[first]!]!,
    address: `0x${(trace.pageVpage[first]! * trace.meta.pageSize).toString(16)}`,
  }))
