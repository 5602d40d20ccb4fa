/** First touches placed a tick at once and placed page by page come to the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Machine, machine, withMemory } from '../../src/machine/index.ts'
import { at, definePolicy, type LanePolicy, lanePolicy, onAllocation, onHintFault, parsePolicySpec, type Rule, rulesOf } from '../../src/policy/index.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type ListedAccess, traceFromAccesses } from '../../src/trace/index.ts'

/** The same policy with a scanner that never wakes: a lane that must take its faults one by one. */
function oneByOne(policy: LanePolicy): LanePolicy {
  const [member] = policy.members
  const never: Rule = onHintFault({ delay: 1e15, period: 1e15, size: 4096 }, () => {})
  const rules: typeof member.definition.rules = (world) => [...rulesOf(policy, world), never]
  return { ...policy, members: [{ ...member!, definition: { ...member!.definition, rules } }] }
}

/** Policies of each task, changed on the way, with a cpuset around them; and rules that look at what they did. */
const MIXED = definePolicy({
  about: 'each task under another mempolicy, and then under the next',
  rules({ kernel, tasks, machine: { nodes } }) {
    const all = nodes.filter(({ bytes }) => bytes > 0).map(({ index }) => index)
    const modes = [
      { mode: 'interleave', nodes: all },
      { mode: 'preferred_many', nodes: all.slice(-1) },
      { mode: 'weighted_interleave', nodes: all },
      { mode: 'bind', nodes: all.slice(0, 1), homeNode: all.at(-1)! },
      { mode: 'preferred', nodes: all.slice(-1) },
      { mode: 'local', nodes: [] },
      { mode: 'default', nodes: [] },
    ] as const
    const set = (round: number) => () => {
      for (const task of tasks.keys())
        kernel.setMempolicy(task, { ...modes[(task + round) % modes.length]!, nodes: [...modes[(task + round) % modes.length]!.nodes] })
    }
    return [at(300, set(0)), at(900, set(1)), at(1500, () => kernel.setCpuset('half', { mems: all.slice(0, 1), attach: [0] })), at(2100, set(2))]
  },
})

const MAPPED = definePolicy({
  about: 'a mapping gets a policy of its own while its pages are touched',
  rules({ kernel, tasks, machine: { nodes } }) {
    const all = nodes.filter(({ bytes }) => bytes > 0).map(({ index }) => index)
    return [
      at(0, () => {
        for (const task of tasks.keys()) kernel.setMempolicy(task, { mode: 'interleave', nodes: all })
      }),
      at(300, () => kernel.mbind(kernel.ranges(0)[0]!, { mode: 'bind', nodes: all.slice(-1) }, { move: true })),
    ]
  },
})

const CURIOUS = definePolicy({
  about: 'where most memory is free, some pages anywhere, the rest by the mempolicy of the task',
  rules(world) {
    const { kernel } = world
    const all = world.machine.nodes.filter(({ bytes }) => bytes > 0).map(({ index }) => index)
    const spread = at(700, () => {
      for (const task of world.tasks.keys()) kernel.setMempolicy(task, { mode: 'interleave', nodes: all })
    })
    const choose = onAllocation(({ page, vpage, node }) => {
      if (vpage % 3 === 0) return undefined
      if (vpage % 3 === 1) return all[Math.floor(world.random() * all.length)]
      expect(kernel.nodeOf(page)).toBe(255)
      return all.reduce((best, other) => (kernel.freePages(other) > kernel.freePages(best) ? other : best), node)
    })
    return [spread, choose]
  },
})

const THROWS = definePolicy({
  about: 'a mistake in the middle of a tick',
  rules: () => [
    onAllocation(({ page }) => {
      if (page === 20) throw new Error('a mistake')
      return undefined
    }),
  ],
})

const accesses = fc
  .array(fc.record({ gap: fc.nat(30), page: fc.nat(60), cpu: fc.nat(5), pid: fc.constantFrom(1, 1, 2), op: fc.constantFrom('R' as const, 'W' as const) }), {
    minLength: 100,
    maxLength: 800,
    size: 'max',
  })
  .map((steps) => {
    let t = 0
    return steps.map(({ gap, page, cpu, pid, op }): ListedAccess => {
      t += gap
      return { t, page: page + pid * 1000, cpu, pid, tid: pid * 10 + (cpu % 2), op, weight: 1 }
    })
  })

/** Plenty, or so little that watermarks have their say before the end. */
const MACHINES: Record<string, () => Machine> = {
  '2-socket': () => machine('2-socket'),
  'with a node of memory alone': () => machine('2s-plus-cxl'),
  small: () => withMemory(machine('2-socket'), '0=192KiB,1=384KiB'),
  'small, three nodes': () => withMemory(machine('2s-plus-cxl'), '0=256KiB,1=256KiB,2=1MiB'),
}

const SPECS = [
  'first-touch',
  'interleave',
  'bind:nodes=0-1',
  'bind:nodes=1',
  'preferred:nodes=1',
  'preferred:nodes=0-1',
  'local',
  'weighted-interleave:weights=3,1,2',
]

describe('a tick at once = page by page', async () => {
  const named = (await Promise.all(SPECS.map(parsePolicySpec))).flat()
  const own = Object.entries({ MIXED, MAPPED, CURIOUS, THROWS }).map(([name, policy]) => lanePolicy(policy(), name))
  test.each([...named, ...own].map((policy) => [policy.label, policy] as const))('%s', (_, policy) => {
    const ends = new Set<string>()
    fc.assert(
      fc.property(accesses, fc.constantFrom(...Object.keys(MACHINES)), fc.constantFrom(50, 400), (list, name, tickNs) => {
        const trace = traceFromAccesses(list, { tickNs })
        const run = (lane: LanePolicy) => replayLanes(planReplay(trace, MACHINES[name]!(), [lane], { seed: 1, cpus: 'auto', pace: 1 }).context, [lane])
        const atOnce = run(policy)
        ends.add(atOnce[0]!.status)
        expect(atOnce).toEqual(run(oneByOne(policy)))
      }),
      { numRuns: 30 },
    )
    expect(ends).toContain(policy.label === 'THROWS' ? 'error' : 'ok')
  })
})
