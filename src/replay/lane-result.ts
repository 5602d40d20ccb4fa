/** What a lane hands back, as plain data that crosses threads: exact sums and table rows. */
import type { Row } from '../columns/index.ts'
import type { LaneKernel } from '../kernel/index.ts'
import type { LanePolicy } from '../policy/index.ts'
import type { ReplayContext } from './context.ts'
import type { Ledger, LedgerTotals } from './ledger.ts'

export interface LaneResult {
  label: string
  policy: string
  params: Record<string, string>
  status: 'ok' | 'oom' | 'error'
  message: string
  isIdeal: boolean
  totals: LedgerTotals
  p50LatencyNs: number | null
  p99LatencyNs: number | null
  pingPongPages: number
  pagesPerNode: number[]
  vmstat: Record<string, number>
  rows: {
    epochs: Row[]
    nodes: Row[]
    vmstat: Row[]
    failures: Row[]
    traffic: Row[]
    latency: Row[]
    stack: Row[]
    moves: Row[]
    placement: Row[]
    ping_pong: Row[]
    numa_maps: Row[]
    stages: Row[]
  }
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
  isIdeal: boolean
}

export function laneResult(parts: LaneParts): LaneResult {
  const { policy, context, kernel, ledger, totals, status, message, isIdeal } = parts
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
    pagesPerNode: Array.from(ledger.resident),
    vmstat: { ...kernel.vmstat },
    rows: {
      epochs: ledger.epochRows,
      nodes: ledger.nodeRows,
      vmstat: vmstatRows(policy.label, context, kernel),
      failures: ledger.failureRows(),
      traffic: ledger.trafficRows(),
      latency: latencyRows(policy.label, ledger),
      stack: ledger.stackRows(),
      moves: ledger.moveRows,
      placement: parts.placementRows,
      ping_pong: pingPongRows(policy.label, context, ledger),
      numa_maps: parts.numaMapsRows,
      stages: parts.stageRows,
    },
  }
}

function vmstatRows(lane: string, { machine }: ReplayContext, kernel: LaneKernel): Row[] {
  const rows = (node: number, counters: Record<string, number>) => Object.entries(counters).map(([counter, value]): Row => ({ lane, node, counter, value }))
  return [...rows(-1, kernel.vmstat), ...machine.nodes.flatMap(({ id }, index) => rows(id, kernel.nodeStat[index]!))]
}

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
