/** What accesses wait that meet a page under migration by a background core. */
import { expect, test } from 'vitest'
import { type Machine, machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { traceFromAccesses } from '../../src/trace/index.ts'

const EPOCH_NS = 100_000

/** Ten pages initialised on node 0, then used by cpu 2 on node 1, a hundred times each per epoch. */
async function lane(spec: string) {
  const list = []
  for (let epoch = 0; epoch < 5; epoch++) {
    for (let i = 0; i < 1000; i++)
      list.push({ t: epoch * EPOCH_NS + i * 100, page: i % 10, pid: 1, tid: epoch === 0 ? 1 : 2, cpu: epoch === 0 ? 0 : 2, op: 'R' as const })
  }
  const policies = await parsePolicySpec(spec)
  const trace = traceFromAccesses(list, { tickNs: EPOCH_NS })
  const { context } = planReplay(trace, machine('skx-cl-2s'), policies, { seed: 1, pace: 1, cpus: '0:0,2:1', contention: false })
  return { machine: context.machine, result: replayLanes(context, policies)[0]! }
}

/** By hand: fixed and copy cost of the pages and one flush, without the cost of the call. */
const batchPs = ({ costs }: Machine, pages: number) => pages * (costs.migratePageFixedPs + 4 * costs.copyPsPerKiB) + costs.tlbFlushPs

test('a task that touches the batch all the time waits for half of it, once', async () => {
  const { machine: box, result } = await lane('manual:calls=200us migrate_pages pid=1 from=0 to=1')
  expect(result.totals.migrated).toBe(10)
  expect(Math.abs(result.totals.blockedPs - batchPs(box, 10) / 2)).toBeLessThanOrEqual(5)
})

test('a single access waits for half a batch if it falls into the batch', async () => {
  const policies = await parsePolicySpec('manual:calls=200us migrate_pages pid=1 from=0 to=1')
  const list = [0, 200_000].map((t) => ({ t, page: 7, pid: 1, tid: 1, cpu: 0, op: 'R' as const }))
  const { context } = planReplay(traceFromAccesses(list, { tickNs: EPOCH_NS }), machine('skx-cl-2s'), policies, { seed: 1, pace: 1, cpus: '0:0' })
  const { totals } = replayLanes(context, policies)[0]!
  const batch = batchPs(context.machine, 1)
  const epochPs = (context.trace.tickStartNs.at(-1)! - 200_000) * 1000
  expect(Math.abs(totals.blockedPs - (Math.min(1, batch / epochPs) * batch) / 2)).toBeLessThanOrEqual(1)
  expect(totals.blockedPs).toBeGreaterThan(0)
})

test('only the epoch of the migration pays, and only the tasks that touch the pages', async () => {
  const { result } = await lane('manual:calls=200us migrate_pages pid=1 from=0 to=1')
  const paying = result.rows.epochs.filter((row) => Number(row['blocked_ns']) > 0)
  expect(paying.map((row) => row['time_ns'])).toEqual([3 * EPOCH_NS])
  const stack = result.rows.stack.find((row) => row['component'] === 'blocked by migration')!
  expect(stack['in_stall']).toBe(true)
  expect(stack['ns']).toBe(Math.round(result.totals.blockedPs / 1000))
})

test('a migration that fails blocks as well: the pages were unmapped', async () => {
  const policies = await parsePolicySpec('manual:calls=200us migrate_pages pid=1 from=0 to=1')
  const list = Array.from({ length: 4000 }, (_, i) => ({ t: i * 100, page: i % 10, pid: 1, tid: 1, cpu: 0, op: 'R' as const }))
  const faultPlan = { states: [{ state: 'referenced' as const, fraction: 1, fromNs: 0, mappings: 2 }] }
  const { context } = planReplay(traceFromAccesses(list, { tickNs: EPOCH_NS }), machine('skx-cl-2s'), policies, { seed: 1, pace: 1, cpus: '0:0', faultPlan })
  const { totals } = replayLanes(context, policies)[0]!
  expect([totals.migrated, totals.failed]).toEqual([0, 10])
  expect(totals.blockedPs).toBeGreaterThan(0)
})

test('nobody waits for promotions: the faulting task pays for those itself', async () => {
  const { result } = await lane('numa-balancing:scan-delay=50us,scan-period-min=50us')
  expect(result.totals.migrated).toBeGreaterThan(0)
  expect(result.totals.blockedPs).toBe(0)
})
