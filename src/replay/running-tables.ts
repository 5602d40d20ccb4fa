/** The tables that are kept by stretch of time, as they stand now. */
import type { Row } from '../columns/index.ts'
import type { LaneKernel } from '../kernel/index.ts'
import type { ReplayContext } from './context.ts'
import { vmstatRows } from './lane-result.ts'
import type { Ledger } from './ledger.ts'
import type { RowKey, RunningTable } from './stretches.ts'

export function runningTables(lane: string, context: ReplayContext, kernel: LaneKernel, ledger: Ledger): RunningTable[] {
  const { groups, errors, traffic } = ledger
  const nodes = context.machine.nodes
  let counters: Row[] | undefined
  const rowsOfVmstat = () => {
    counters ??= vmstatRows(lane, context, kernel)
    return counters
  }
  const told = (name: 'stack' | 'traffic' | 'latency' | 'failures' | 'vmstat' | 'returns') =>
    groups && errors && { errors: (rows: Row[]) => errors[name](rows, groups.stretch) }
  return [
    {
      ...ofRows(
        'stack_over_time',
        'ns',
        () => ledger.stackRows(),
        ({ component }) => component as string,
      ),
      ...told('stack'),
    },
    {
      name: 'traffic_over_time',
      counts: ['reads', 'writes'],
      totals(tell) {
        for (let route = 0; route < nodes.length ** 2; route++) tell(route, traffic.reads[route]!, traffic.writes[route]!)
      },
      row: (route) => ({ lane, from_node: nodes[Math.floor(Number(route) / nodes.length)]!.id, to_node: nodes[Number(route) % nodes.length]!.id }),
      ...told('traffic'),
    },
    {
      name: 'latency_over_time',
      counts: ['accesses'],
      totals: (tell) => traffic.latency.forEachClass(tell),
      row: (upper) => ({ lane, latency_ns: upper }),
      ...told('latency'),
    },
    {
      ...ofRows(
        'failures_over_time',
        'pages',
        () => ledger.moves.failureRows(),
        ({ reason, errno, stage }) => `${reason} ${errno} ${stage}`,
      ),
      ...told('failures'),
    },
    {
      name: 'vmstat_over_time',
      counts: ['value'],
      // always the same counters in the same order
      totals(tell) {
        let key = 0
        for (const values of [kernel.vmstat, ...kernel.nodeStat]) for (const counter in values) tell(key++, values[counter]!)
      },
      row: (key) => rowsOfVmstat()[Number(key)]!,
      ...told('vmstat'),
    },
    {
      ...ofRows(
        'ping_pong_over_time',
        'pages',
        () => ledger.pingPong.byOrdinal().map((row) => ({ lane, ...row })),
        ({ returns }) => returns as number,
      ),
      ...told('returns'),
    },
  ]
}

/** Of a table of few rows: `rows` with their totals, and the key of each. */
function ofRows(name: string, count: string, rows: () => Row[], keyOf: (row: Row, i: number) => RowKey): RunningTable {
  const now = new Map<RowKey, Row>()
  return {
    name,
    counts: [count],
    totals(tell) {
      for (const [i, row] of rows().entries()) {
        const key = keyOf(row, i)
        now.set(key, row)
        tell(key, row[count] as number)
      }
    },
    row: (key) => now.get(key)!,
  }
}
