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
  pingPongPages: number
  pagesPerNode: number[]
  vmstat: Record<string, number>
  rows: { epochs: Row[]; nodes: Row[]; vmstat: Row[]; failures: Row[]; traffic: Row[]; latency: Row[]; stack: Row[]; moves: Row[] }
}

export interface LaneParts {
  policy: LanePolicy
  context: ReplayContext
  kernel: LaneKernel
  ledger: Ledger
  totals: LedgerTotals
  status: LaneResult['status']
  message: string
  pingPongPages: number
  isIdeal: boolean
}

export function laneResult({ policy, context, kernel, ledger, totals, status, message, pingPongPages, isIdeal }: LaneParts): LaneResult {
  return {
    label: policy.label,
    policy: policy.name,
    params: policy.params,
    status,
    message,
    isIdeal,
    totals,
    pingPongPages,
    pagesPerNode: Array.from(ledger.resident),
    vmstat: { ...kernel.vmstat },
    rows: {
      epochs: ledger.epochRows,
      nodes: ledger.nodeRows,
      vmstat: vmstatRows(policy.label, context, kernel),
      failures: ledger.failureRows(),
      traffic: ledger.trafficRows(),
      latency: latencyRows(policy.label, context, totals),
      stack: ledger.stackRows(),
      moves: ledger.moveRows,
    },
  }
}

function vmstatRows(lane: string, { machine }: ReplayContext, kernel: LaneKernel): Row[] {
  const rows = (node: number, counters: Record<string, number>) => Object.entries(counters).map(([counter, value]): Row => ({ lane, node, counter, value }))
  return [...rows(-1, kernel.vmstat), ...machine.nodes.flatMap(({ id }, index) => rows(id, kernel.nodeStat[index]!))]
}

/** Idle latencies are few distinct values: the distribution is exact. */
function latencyRows(lane: string, context: ReplayContext, totals: LedgerTotals): Row[] {
  return latencyClasses(context, totals).map(({ latencyPs, accesses }) => ({ lane, latency_ns: Math.round(latencyPs / 1000), accesses }))
}

/** Distinct access latencies, ascending, with how many accesses had them. */
export function latencyClasses({ machine }: Pick<ReplayContext, 'machine'>, totals: Pick<LedgerTotals, 'reads' | 'writes'>) {
  const nodes = machine.nodes.length
  const classes = new Map<number, number>()
  const add = (latencyPs: number, accesses: number) => {
    if (accesses > 0) classes.set(latencyPs, (classes.get(latencyPs) ?? 0) + accesses)
  }
  for (let from = 0; from < nodes; from++) {
    for (let to = 0; to < nodes; to++) {
      add(machine.readLatencyPs[from]![to]!, totals.reads[from * nodes + to]!)
      add(machine.writeLatencyPs[from]![to]!, totals.writes[from * nodes + to]!)
    }
  }
  return [...classes].sort(([a], [b]) => a - b).map(([latencyPs, accesses]) => ({ latencyPs, accesses }))
}
