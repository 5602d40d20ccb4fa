/** Faults told in sums and faults told one by one come to the same, be they taken in turn or in order of pages. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { type LanePolicy, parsePolicySpec, type Rule, rulesOf } from '../../src/policy/index.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type ListedAccess, traceFromAccesses } from '../../src/trace/index.ts'

/** The same policy, whose reaction gets every fault. */
function untold(policy: LanePolicy): LanePolicy {
  const [member] = policy.members
  const rules: typeof member.definition.rules = (world) =>
    rulesOf(policy, world).map((rule): Rule => (rule.kind === 'hint fault' ? { ...rule, tally: undefined } : rule))
  return { ...policy, members: [{ ...member!, definition: { ...member!.definition, rules } }] }
}

const accesses = (pages: number) =>
  fc
    .array(
      fc.record({ gap: fc.nat(30), page: fc.nat(pages), cpu: fc.nat(5), pid: fc.constantFrom(1, 1, 1, 2), op: fc.constantFrom('R' as const, 'W' as const) }),
      {
        minLength: 200,
        maxLength: 1500,
        size: 'max',
      },
    )
    .map((steps) => {
      let t = 0
      return steps.map(({ gap, page, cpu, pid, op }): ListedAccess => {
        t += gap
        return { t, page: page + pid * 1000, cpu, pid, tid: pid * 10 + (cpu % 4), op, weight: 1 }
      })
    })

/** Ticks of a few touches, and of some hundreds. */
const lists = fc.oneof(
  accesses(30).map((list) => ({ list, tickNs: 100 })),
  accesses(300).map((list) => ({ list, tickNs: 4000 })),
)

test('numa-balancing', async () => {
  const specs = ['', ',young-scans=0', ',mode=1,young-scans=1'].map(
    (more) => `numa-balancing:scan-delay=300ns,scan-period-min=400ns,scan-period-max=3us,scan-size=64KiB${more}`,
  )
  const policies = (await Promise.all(specs.map(parsePolicySpec))).flat()
  let promotions = 0
  fc.assert(
    // with few frames some pages find no room on the node to which they are asked for
    fc.property(lists, fc.constantFrom('2-socket', 'skx-cl-2s-snc2'), fc.constantFrom(0, 12, 24, 40), ({ list, tickNs }, name, frames) => {
      const trace = traceFromAccesses(list, { tickNs })
      const whole = machine(name)
      const on = frames === 0 ? whole : { ...whole, nodes: whole.nodes.map((node) => (node.bytes > 0 ? { ...node, bytes: frames * 4096 } : node)) }
      const results = (lanes: LanePolicy[]) => replayLanes(planReplay(trace, on, lanes, { seed: 1, cpus: 'auto', pace: 1 }).context, lanes)
      const told = results(policies)
      promotions += told[0]!.totals.migrated
      // from the second replay on the blocks stay in memory, and the order of their pages is known
      expect(results(policies)).toEqual(told)
      expect(results(policies.map(untold))).toEqual(told)
    }),
    { numRuns: 40 },
  )
  expect(promotions).toBeGreaterThan(0)
})
