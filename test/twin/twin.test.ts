/** The engine and the obvious simulator agree exactly, for every shipped policy, on random traces and machines. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FaultPlan } from '../../src/kernel/index.ts'
import { type Machine, machine, withMemory } from '../../src/machine/index.ts'
import { listPolicies, parsePolicySpec } from '../../src/policy/index.ts'
import { boundOf, boundWithCopies } from '../../src/replay/bound.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type ListedAccess, traceFromAccesses } from '../../src/trace/index.ts'
import { type PlainAccess, simulate } from './simulator.ts'

/** Parameters that make a policy act within a trace of microseconds; the policy clock is the trace's. */
const QUICK: Record<string, string> = {
  arms: 'period=700ns,sample-period=2,stay=1s',
  autotiering: 'scan-delay=300ns,scan-period=600ns,scan-size=16KiB',
  'batch-scheduler': 'delay=500ns,check=400ns,trigger=0.4',
  carrefour: 'period=900ns,sample-period=2,min-rate=0,memory-use=1,reads=0.3,least-replicas=1',
  clairvoyant: 'period=900ns,horizon=2us,gain=0ns',
  'coin-flip': 'period=400ns',
  colloid: 'period=500ns,sample-period=2',
  'counter-based': 'period=400ns,factor=0.1',
  'damon-tiering': 'sample=50ns,aggregation=400ns,apply=800ns,min-regions=3,max-regions=12,quota=64GiB/s',
  demotion: 'tiering=on',
  hemem: 'period=500ns,sample-period=2,hot-reads=2,hot-writes=2,cool-at=6',
  'hot-page-daemon': 'period=700ns,sample-period=2,budget=20GiB/s',
  hybridtier: 'period=500ns,sample-period=2,frequency=2,momentum=1,frequency-half-life=3us',
  'lru-tiering': 'period=50ns',
  manual: 'calls=1us migrate_pages pid=1 from=0 to=1; 3us migrate_pages pid=2 from=1 to=0',
  memtis: 'period=700ns,sample-period=2,write-period=5,adapt-after=20,cool-after=60',
  'move-to-min': 'period=400ns',
  'multi-clock': 'period=300ns',
  nimble: 'period=400ns',
  nomad: 'scan-delay=300ns,scan-period=500ns,scan-size=16KiB,period=400ns',
  'numa-balancing': 'scan-delay=300ns,scan-period-min=500ns,scan-period-max=4us,scan-size=16KiB',
  tpp: 'scan-delay=300ns,scan-period=500ns,scan-size=16KiB,demote-scale=0.3',
  'work-function': 'period=400ns,factor=0.2',
}

/** Lanes beside one per policy: other modes, compositions, what profilers see swapped. */
const MORE = [
  'numa-balancing:mode=2,scan-delay=300ns,scan-period-min=500ns,scan-period-max=4us,scan-size=16KiB,hot-threshold=900ns+demotion:tiering=on',
  'numa-balancing:mode=3,scan-delay=300ns,scan-period-min=500ns,scan-period-max=4us,scan-size=16KiB,hot-threshold=900ns,rate-limit=20KiB/s+demotion',
  'hemem:period=500ns,sample-period=2,hot-reads=2,hot-writes=2,sees=exact',
  'hemem:period=500ns,sample-period=2,hot-reads=2,hot-writes=2,sees=future',
  'autotiering:mode=cpm,scan-delay=300ns,scan-period=600ns,scan-size=16KiB',
  'weighted-interleave:weights=3,1,2',
]

const specs = (): string[] => [...listPolicies().map((name) => (QUICK[name] ? `${name}:${QUICK[name]}` : name)), ...MORE]

const SMALL = 'small fast tier'
const MACHINES = ['skx-cl-2s', 'skx-cl-2s-snc2', '2s-plus-cxl', SMALL]

const accessList = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 0, max: 60 }),
      page: fc.integer({ min: 0, max: 11 }),
      cpu: fc.integer({ min: 0, max: 3 }),
      pid: fc.integer({ min: 1, max: 2 }),
      op: fc.constantFrom('R' as const, 'W' as const),
      weight: fc.constantFrom(1, 1, 1, 3),
    }),
    { minLength: 1, maxLength: 300, size: 'max' },
  )
  .map((steps) => {
    let t = 0
    return steps.map(({ gap, page, cpu, pid, op, weight }): ListedAccess => {
      t += gap
      // each thread stays with one process, cpus change now and then
      return { t, page: page + pid * 1000, cpu, pid, tid: pid * 10 + (cpu & 1), op, weight }
    })
  })

/** The calls of `manual` name two processes, and one that a trace lacks is refused. */
const hasBoth = (list: ListedAccess[]): boolean => new Set(list.map(({ pid }) => pid)).size === 2

const FAULTS: FaultPlan = {
  states: [
    { state: 'pinned', fraction: 0.3, fromNs: 500, untilNs: 4000, mappings: 2 },
    { state: 'shared', pid: 2, fraction: 0.3, fromNs: 0, mappings: 3 },
    { state: 'writeback', fraction: 0.5, fromNs: 1000, untilNs: 2000, mappings: 2 },
  ],
}

/** Half of the pages of process 1 are there from the start, on two nodes. */
const PLACED = {
  file: 'numa_maps',
  snapshot: {
    name: 'numa_maps',
    regions: [{ startBytes: 1000 * 4096, endBytes: 2000 * 4096, pages: [0, 1].map((node) => ({ node, bytes: 6 * 4096 })) }],
  },
}

const cases = fc.record({
  list: accessList,
  machine: fc.constantFrom(...MACHINES),
  tickNs: fc.constantFrom(50, 200, 1000),
  pace: fc.constantFrom(1, 3),
  seed: fc.integer({ min: 0, max: 1000 }),
  /** Narrow memory: these few accesses saturate it now and then. */
  narrow: fc.constantFrom(1, 30, 1000),
  /** States that stop migrations for a while, or make them refused. */
  faultPlan: fc.constantFrom(undefined, undefined, FAULTS),
  placement: fc.constantFrom(undefined, undefined, PLACED),
})

function machineOf({ machine: name, narrow }: { machine: string; narrow: number }): Machine {
  const made = name === SMALL ? withMemory(machine('2s-plus-cxl'), '0=32KiB,1=32KiB,2=512KiB') : machine(name)
  const divided = (bytes: number) => bytes / narrow
  const { load } = made
  if (!load) return made
  const narrowed = { nodeBytesPerSecond: load.nodeBytesPerSecond.map(divided), linkBytesPerSecond: load.linkBytesPerSecond.map((row) => row.map(divided)) }
  return { ...made, load: { ...load, ...narrowed } }
}

describe('engine = per-access simulator', () => {
  for (const spec of specs()) {
    test(spec, async () => {
      const [policy] = await parsePolicySpec(spec)
      let migrated = 0
      let copies = 0
      fc.assert(
        fc.property(cases, ({ list, tickNs, pace, seed, faultPlan, placement, ...box }) => {
          fc.pre(!spec.startsWith('manual') || hasBoth(list))
          const trace = traceFromAccesses(list, { tickNs })
          const { context } = planReplay(trace, machineOf(box), [policy!], { seed, pace, cpus: 'spread', faultPlan, placement })
          const [lane] = replayLanes(context, [policy!])
          const twin = simulate(context, policy!, plain(context.trace, list))
          const { totals } = lane!
          migrated += totals.migrated
          copies += lane!.copiesMade
          expect(`${lane!.status} ${lane!.message}`).toMatch(twin.status === 'ok' ? /^ok $/ : /^oom no memory left/)
          if (twin.status === 'oom') return
          expect({
            local: totals.local,
            remote: totals.remote,
            memoryPs: totals.memoryPs,
            queueingPs: totals.queueingPs,
            stretchNs: totals.stretchNs,
            hintFaults: totals.hintFaults,
            pageFaults: totals.pageFaults,
            migrated: totals.migrated,
            failed: totals.failed,
            copies: lane!.copiesMade - lane!.copiesPerNode.reduce((sum, frames) => sum + frames, 0),
            writeFaultNs: lane!.rows.stack.find(({ component }) => component === 'write to copied page')?.['ns'] ?? 0,
            vmstat: lane!.vmstat,
          }).toEqual({
            local: twin.local,
            remote: twin.remote,
            memoryPs: twin.memoryPs,
            queueingPs: twin.queueingPs,
            stretchNs: twin.stretchNs,
            hintFaults: twin.hintFaults,
            pageFaults: twin.pageFaults,
            migrated: twin.migrated,
            failed: twin.failed,
            copies: twin.copiesGone,
            writeFaultNs: Math.round((twin.writeFaults * (machineOf(box).costs.pageFaultPs + machineOf(box).costs.tlbFlushPs)) / 1000),
            vmstat: twin.vmstat,
          })
          const cost = totals.memoryPs + totals.migrationPs + totals.hintFaultPs + totals.observationPs
          expect((lane!.copiesMade > 0 ? boundWithCopies : boundOf)(context).ps).toBeLessThanOrEqual(cost)
        }),
        { numRuns: 60, seed: 42 },
      )
      // A policy whose parameters are listed above has something to decide in these traces
      if (spec.includes(':') && !spec.startsWith('weighted')) expect(migrated).toBeGreaterThan(0)
      if (/^(nomad|carrefour)/.test(spec)) expect(copies).toBeGreaterThan(0)
    })
  }

  test('a lane alone = the same lane among all others', async () => {
    const policies = (await Promise.all(specs().map(parsePolicySpec))).flat()
    fc.assert(
      fc.property(cases, ({ list, tickNs, pace, seed, faultPlan, ...box }) => {
        fc.pre(hasBoth(list))
        const { context } = planReplay(traceFromAccesses(list, { tickNs }), machineOf(box), policies, { seed, pace, cpus: 'spread', faultPlan })
        const together = replayLanes(context, policies)
        policies.forEach((policy, i) => {
          expect(replayLanes(context, [policy])[0]).toEqual(together[i])
        })
      }),
      { numRuns: 15, seed: 7 },
    )
  })
})

/** The same accesses with the ids the prepared trace gave to pages and actors. */
function plain(trace: ReturnType<typeof traceFromAccesses>, list: ListedAccess[]): PlainAccess[] {
  const pageId = new Map(Array.from(trace.pageVpage, (vpage, page) => [`${trace.processes[trace.pageProcess[page]!]} ${vpage}`, page]))
  const actorId = new Map(Array.from(trace.actorTask, (task, actor) => [`${trace.tasks[task]!.pid} ${trace.tasks[task]!.tid} ${trace.actorCpu[actor]}`, actor]))
  return list.map(({ t, page, pid, tid, cpu, op, weight }) => ({
    timeNs: t,
    page: pageId.get(`${pid} ${page}`)!,
    actor: actorId.get(`${pid} ${tid} ${cpu}`)!,
    isWrite: op === 'W',
    weight: weight!,
  }))
}
