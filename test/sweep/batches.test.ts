/** Points over one trace share one pass over it, and one prepared trace. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { replaySolo } from '../../src/replay/index.ts'
import { batchesOf, partOf } from '../../src/sweep/batches.ts'
import type { SweepPlan, SweepPoint } from '../../src/sweep/plan.ts'
import { traceFromAccesses } from '../../src/trace/index.ts'
import { planFolder, run } from './helpers.ts'

const point = (i: number, trace: number, epochNs: number | null): SweepPoint => ({ key: String(i), trace, machine: 0, policy: i, faults: 0, seed: 1, epochNs, pace: null, cpus: 'auto' }) // biome-ignore format: one thought
const PLANS = fc.record({
  points: fc.array(fc.tuple(fc.nat(3), fc.constantFrom(null, 1000, 2000)), { minLength: 1, maxLength: 200 }),
  pages: fc.array(fc.constantFrom(10, 1_000_000, 30_000_000), { minLength: 4, maxLength: 4 }),
  jobs: fc.integer({ min: 1, max: 8 }),
})

test('a batch is of one trace and epoch, batches are as few as memory and an even share allow, and every point is in one', () => {
  fc.assert(
    fc.property(PLANS, ({ points: list, pages, jobs }) => {
      const points = list.map(([trace, epochNs], i) => point(i, trace, epochNs))
      const plan = { traces: pages.map((count) => ({ pages: count })) } as SweepPlan
      const batches = batchesOf(plan, points, jobs)
      expect(batches.flatMap((batch) => batch.points.map(({ key }) => Number(key))).sort((a, b) => a - b)).toEqual(points.map((_, i) => i))
      const groups = new Map<string, number[]>()
      for (const batch of batches) {
        for (const one of batch.points) expect([one.trace, one.epochNs]).toEqual([batch.trace, batch.epochNs])
        const key = `${batch.trace}|${batch.epochNs}`
        groups.set(key, [...(groups.get(key) ?? []), batch.points.length])
      }
      for (const [key, sizes] of groups) {
        const total = sizes.reduce((sum, size) => sum + size, 0)
        const fitting = Math.floor(2 ** 30 / (pages[Number(key.split('|')[0])]! * 64 + 1))
        const most = Math.max(1, Math.min(32, fitting, Math.ceil(total / (jobs * 4))))
        expect(sizes).toHaveLength(Math.ceil(total / most))
      }
    }),
  )
})

test('parts make the whole', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 40 }), (count, parts) => {
      const points = Array.from({ length: count }, (_, i) => point(i, 0, null))
      expect(Array.from({ length: parts }, (_, i) => partOf(points, { index: i + 1, count: parts })).flat()).toEqual(points)
    }),
  )
})

test('however many lanes: the trace is passed over once, and not again where it stays in memory', async () => {
  const accesses = Array.from({ length: 20_000 }, (_, i) => ({ t: i * 1000, page: (i * 7919) % 300, cpu: i % 4, tid: 1 + (i % 4) }))
  /** Reads of the one block in each of three replays with two lanes a policy, beside the one of each lane for the time it starts at. */
  const reads = async (...specs: string[]) => {
    const trace = traceFromAccesses(accesses)
    const block = vi.spyOn(trace, 'block')
    const counts: number[] = []
    for (let replay = 0; replay < 3; replay++) {
      block.mockClear()
      const lanes = await Promise.all(
        specs.flatMap((spec) =>
          [1, 2].map(async (seed) => ({ machine: machine('spr-2s'), policy: (await parsePolicySpec(spec))[0]!, options: { seed, cpus: 'spread' } })),
        ),
      )
      for (const result of replaySolo(trace, lanes)) expect(result).not.toBeInstanceOf(Error)
      counts.push(block.mock.calls.length - lanes.length)
    }
    return counts
  }
  const one = await reads('first-touch')
  // to see that it is small enough to stay
  expect(one.at(-1)).toBe(1)
  expect(Math.max(...one)).toBeLessThan(5)
  expect(await reads('first-touch', 'interleave', 'numa-balancing', 'hot-page-daemon', 'hot-page-daemon:period=2s')).toEqual(one)
})

test('a recording under two names, two epochs and two formats of asking is prepared once', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => `${i * 1000},1,1,${i % 2},R,0x${(65536 + (i % 16) * 4096).toString(16)},8`)
  const text = `time_ns,pid,tid,cpu,op,addr,size\n${rows.join('\n')}\n`
  const plan = "traces: ['*.csv', { trace: a.csv, name: again }]\nmachines: [2-socket, spr-2s]\npolicies: [first-touch, interleave]\nepochs: [20us, 40us]\n"
  const folder = planFolder(plan, { 'a.csv': text, 'b.csv': text })
  const { code, stderr, stdout } = await run(['sweep', 'plan.yaml', '-o', 'store', '--json'], folder)
  expect(code, stderr).toBe(0)
  expect(readdirSync(join(folder, 'store/traces')).filter((name) => name.endsWith('.nrt'))).toHaveLength(1)
  expect(JSON.parse(stdout)).toMatchObject({ points: 8, computed: 8 })
})
