/** `replay --json`: field names that scripts read (docs/run-folder.md). Additive changes only. */
import type { Row } from '../columns/index.ts'
import { VERSION } from '../package.ts'
import type { Run } from '../results/index.ts'

/** Half the widths of the 95 % intervals that a sample of pages has; intervals where they are not even. */
const errorsOf = (row: Row) => ({
  meanLatencyNs: row['mean_latency_ns_ci95'],
  localShare: row['local_share_ci95'],
  p50LatencyNs: [row['p50_latency_ns_low95'], row['p50_latency_ns_high95']],
  p99LatencyNs: [row['p99_latency_ns_low95'], row['p99_latency_ns_high95']],
  stallNs: row['stall_ns_ci95'],
  memoryStallNs: row['memory_stall_ns_ci95'],
  estimatedRunNs: row['estimated_run_ns_ci95'],
  migrated: row['migrated_ci95'],
  migrationFailed: row['migration_failed_ci95'],
  hintFaults: row['hint_faults_ci95'],
  pageFaults: row['page_faults_ci95'],
  migrationNs: row['migration_ns_ci95'],
  totalCostNs: row['total_cost_ns_ci95'],
  shareOfPossibleGain: row['share_of_possible_gain_ci95'],
  pingPongPages: row['ping_pong_pages_ci95'],
  totalCostChange: row['total_cost_change_ci95'],
  meanLatencyChange: row['mean_latency_change_ci95'],
})

export function replayDocument(run: Run, runFolder: string): { schema: string } & Record<string, unknown> {
  const { record } = run
  const failures = run.rows('failures')
  const vmstat = run.rows('vmstat')
  const nodes = run.rows('nodes')
  const residency = run.rows('residency')
  return {
    schema: 'numareplay/replay/1',
    version: VERSION,
    trace: record.trace,
    machine: record.machine,
    seed: record.seed,
    epochNs: record.epochNs,
    pace: record.pace,
    cpuMap: record.cpuMap,
    baseline: record.baseline,
    runFolder,
    ...(record.placement ? { placement: record.placement } : {}),
    ...(record.residency ? { residency: record.residency } : {}),
    warnings: record.warnings,
    lanes: run.rows('summary').map((row, i) => {
      const mine = <R extends Record<string, unknown>>(rows: R[]) => rows.filter(({ lane }) => lane === row['lane'])
      const failedByErrno: Record<string, number> = {}
      for (const { errno, pages } of mine(failures)) failedByErrno[String(errno)] = (failedByErrno[String(errno)] ?? 0) + Number(pages)
      const mineNodes = mine(nodes)
      return {
        policy: row['policy'],
        label: row['lane'],
        params: record.lanes[i]!.params,
        status: row['status'],
        message: row['error'],
        accesses: row['accesses'],
        local: row['local'],
        remote: row['remote'],
        meanLatencyNs: row['mean_latency_ns'],
        p50LatencyNs: row['p50_latency_ns'],
        p99LatencyNs: row['p99_latency_ns'],
        stallNs: row['stall_ns'],
        memoryStallNs: row['memory_stall_ns'],
        queueingNs: row['queueing_ns'],
        stretchedNs: row['stretched_ns'],
        estimatedRunNs: row['estimated_run_ns'],
        migrated: row['migrated'],
        migrationFailed: row['migration_failed'],
        failedByErrno,
        hintFaults: row['hint_faults'],
        migrationNs: row['migration_ns'],
        totalCostNs: row['total_cost_ns'],
        boundNs: row['bound_ns'],
        boundKind: row['bound_kind'],
        boundGap: row['bound_gap'],
        regret: row['regret'],
        verdict: row['verdict'],
        shareOfPossibleGain: row['share_of_possible_gain'],
        pingPongPages: row['ping_pong_pages'],
        ...(record.residency ? { residency: mine(residency).map(({ recorded_node, node, pages }) => ({ recordedNode: recorded_node, node, pages })) } : {}),
        pagesPerNode: record.machine.nodes.map(({ id }) => Number(mineNodes.findLast(({ node }) => node === id)?.['pages'] ?? 0)),
        ...(record.trace.sample && { ci95: errorsOf(row) }),
        vmstat: Object.fromEntries(mine(vmstat).flatMap(({ node, counter, value }) => (node === -1 ? [[String(counter), value]] : []))),
      }
    }),
  }
}
