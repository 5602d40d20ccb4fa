/** Facts of the program that a trace records: what they do to a lane. */
import { expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type TraceEvent, traceFromAccesses } from '../../src/trace/index.ts'

async function replayed(spec: string, events: TraceEvent[]) {
  const list = Array.from({ length: 40 }, (_, i) => ({ t: i * 100, page: i % 8, pid: 1, tid: 1, cpu: 0, op: 'W' as const }))
  const policies = await parsePolicySpec(spec)
  const trace = traceFromAccesses(list, { tickNs: 500, events })
  const { context } = planReplay(trace, machine('skx-cl-2s'), policies, { seed: 1, pace: 1, cpus: '0:0' })
  return replayLanes(context, policies)[0]!
}

test('pages that are unmapped are given back, and faulted in again when touched again', async () => {
  const lane = await replayed('first-touch', [{ timeNs: 2000, kind: 'munmap', process: 0, startVpage: 0, pages: 4 }])
  expect(lane.totals.pageFaults).toBe(12)
  expect(lane.pagesPerNode).toEqual([8, 0])
})

test('a process that exits leaves nothing behind', async () => {
  const lane = await replayed('first-touch', [{ timeNs: 3950, kind: 'exit', process: 0 }])
  expect(lane.pagesPerNode).toEqual([0, 0])
})

test('recorded calls are decisions: as-recorded makes them, first-touch does not', async () => {
  const events: TraceEvent[] = [{ timeNs: 2000, kind: 'migrate_pages', process: 0, from: [0], to: [1] }]
  expect((await replayed('first-touch', events)).pagesPerNode).toEqual([8, 0])
  expect((await replayed('as-recorded', events)).pagesPerNode).toEqual([0, 8])
})

test('mbind is a fact of the program: every policy sees it', async () => {
  const events: TraceEvent[] = [{ timeNs: 0, kind: 'mbind', process: 0, startVpage: 0, pages: 8, mode: 'bind', nodes: [1], flags: [] }]
  expect((await replayed('first-touch', events)).pagesPerNode).toEqual([0, 8])
})

test('follow-cpuset moves the pages when the process joins a cpuset on the other node', async () => {
  const events: TraceEvent[] = [
    { timeNs: 1000, kind: 'cpuset_create', group: 'job', cpus: [], mems: [1] },
    { timeNs: 2000, kind: 'cpuset_attach', group: 'job', process: 0 },
  ]
  expect((await replayed('first-touch', events)).pagesPerNode).toEqual([8, 0])
  expect((await replayed('follow-cpuset', events)).pagesPerNode).toEqual([0, 8])
})
