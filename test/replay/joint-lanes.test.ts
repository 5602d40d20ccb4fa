/** Lanes that are counted together, until they move pages, and lanes that are counted alone, give the same. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { JointLanes } from '../../src/replay/joint-lanes.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type ListedAccess, traceFromAccesses } from '../../src/trace/index.ts'

const TICK_NS = 1000
const POLICIES = [
  'first-touch',
  'interleave',
  'preferred',
  'local',
  'numa-balancing:scan-delay=1us,scan-period-min=2us,scan-period-max=8us,scan-size=128KiB',
  'manual:calls=3us migrate_pages pid=1 from=0 to=1',
  'hot-page-daemon:period=2us,sample-period=2',
  'bind',
  'weighted-interleave',
]

/** Some thousand accesses a tick, from four cpus; new pages in every tick. */
const trace = fc
  .array(fc.record({ page: fc.nat(400), cpu: fc.nat(3), isWrite: fc.boolean(), weight: fc.integer({ min: 1, max: 50 }) }), {
    minLength: 5000,
    maxLength: 9000,
    size: 'max',
  })
  .map((list) =>
    list.map(
      ({ page, cpu, isWrite, weight }, i): ListedAccess => ({
        t: i,
        page: page + Math.floor(i / 50),
        cpu,
        pid: 1 + (cpu & 1),
        tid: 10 + cpu,
        op: isWrite ? 'W' : 'R',
        weight,
      }),
    ),
  )

for (const name of ['2-socket', '2s-plus-cxl', 'opteron-8node']) {
  test(`on ${name}`, async () => {
    const policies = (await Promise.all(POLICIES.map(parsePolicySpec))).flat()
    const together = vi.spyOn(JointLanes.prototype, 'count')
    fc.assert(
      fc.property(trace, (list) => {
        const { context } = planReplay(traceFromAccesses(list, { tickNs: TICK_NS }), machine(name), policies, { seed: 1, cpus: 'spread', pace: 1 })
        const results = replayLanes(context, policies)
        for (const [i, policy] of policies.entries()) expect(results[i]).toEqual(replayLanes(context, [policy])[0])
      }),
      { numRuns: 5, seed: 3, endOnFailure: true },
    )
    expect(together.mock.calls.length).toBeGreaterThan(5)
    together.mockRestore()
  })
}
