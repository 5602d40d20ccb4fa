/** The bounds against brute force over all placements of a few pages, and against each other. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Machine, machine } from '../../src/machine/index.ts'
import { boundOf } from '../../src/replay/bound.ts'
import { withCopiesPs } from '../../src/replay/bound-copies.ts'
import { flowPs } from '../../src/replay/bound-flow.ts'
import { historiesOf } from '../../src/replay/bound-histories.ts'
import { joined, OptimumCounter, optimumIn, pageOptimum } from '../../src/replay/bound-pages.ts'
import { pricedBound } from '../../src/replay/bound-prices.ts'
import { type BoundProblem, boundProblem } from '../../src/replay/bound-problem.ts'
import type { ReplayContext } from '../../src/replay/context.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { withBlocks } from '../../src/replay/window.ts'
import { type ListedAccess, type TraceEvent, traceFromAccesses } from '../../src/trace/index.ts'
import { plainWorkspace, withWorkspace } from '../../src/wasm/index.ts'

const TICK_NS = 100

const perPage = (problem: BoundProblem): number => pageOptimum(problem).ps

/** As a replay counts it while its lanes pass over the trace. */
const onTheWayPs = (problem: BoundProblem): number =>
  withBlocks(problem.trace, (space, blockAt) => {
    const optimum = new OptimumCounter(problem, space, 'in the space')
    for (let b = 0; b < problem.trace.blocks; b++) for (let i = 0; i < blockAt(b).ticks; i++) optimum.tick(blockAt(b), i)
    return optimum.ps
  })

/** Few pages, few ticks, one to five hundred accesses at a time, so that moving sometimes pays and sometimes not. */
const smallTrace = (pages: number, ticks: number) =>
  fc
    .array(
      fc.record({
        tick: fc.integer({ min: 0, max: ticks - 1 }),
        page: fc.integer({ min: 0, max: pages - 1 }),
        cpu: fc.integer({ min: 0, max: 3 }),
        op: fc.constantFrom('R' as const, 'W' as const),
        weight: fc.constantFrom(1, 5, 20, 60, 500),
      }),
      { minLength: 1, maxLength: pages * ticks },
    )
    .map((steps) =>
      steps
        .sort((a, b) => a.tick - b.tick)
        .map(({ tick, page, cpu, op, weight }, i): ListedAccess => ({ t: tick * TICK_NS + (i % TICK_NS), page, cpu, pid: 1, tid: 1 + cpu, op, weight }))
        .sort((a, b) => a.t - b.t),
    )

function contextOf(list: ListedAccess[], machineName: string, frames?: number[], events?: TraceEvent[]): ReplayContext {
  const trace = traceFromAccesses(list, { tickNs: TICK_NS, events })
  const policy = { name: 'none', label: 'none', params: {} } as never
  return planReplay(trace, frames ? withFrames(machineName, frames) : machine(machineName), [policy], { seed: 1, pace: 1, cpus: 'spread' }).context
}

function withFrames(name: string, frames: number[]): Machine {
  const base = machine(name)
  return { ...base, nodes: base.nodes.map((node, i) => ({ ...node, bytes: frames[i]! * 4096 })) }
}

/** Least cost by a dynamic program over all joint placements: obviously right, and exponential in the pages. */
function bruteForcePs(problem: BoundProblem, capacity: number[]): number {
  const { pages, ticks, memory, movePs } = problem
  const width = memory.length
  const { start, tick, cost, until, enters } = historiesOf(problem, 0, pages)
  const touchAt = (page: number, now: number) => {
    for (let i = start[page]!; i < start[page + 1]!; i++) if (tick[i] === now) return i
    return -1
  }
  const isPresent = (page: number, now: number) => {
    for (let i = start[page]!; i < start[page + 1]!; i++) if (tick[i]! <= now && now < until[i]!) return true
    return false
  }
  const placements = Array.from({ length: width ** pages }, (_, code) => Array.from({ length: pages }, (_, page) => Math.floor(code / width ** page) % width))
  let best = placements.map(() => 0)
  for (let now = 0; now < ticks; now++) {
    best = placements.map((to) => {
      const used = memory.map((_, m) => to.filter((node, page) => node === m && isPresent(page, now)).length)
      if (used.some((count, m) => count > capacity[m]!)) return Number.POSITIVE_INFINITY
      let least = Number.POSITIVE_INFINITY
      placements.forEach((from, code) => {
        let ps = best[code]!
        for (let page = 0; page < pages; page++) {
          const touch = touchAt(page, now)
          const staysInMemory = isPresent(page, now) && !(touch >= 0 && enters[touch] === 1)
          if (staysInMemory && from[page] !== to[page]) ps += movePs
        }
        least = Math.min(least, ps)
      })
      for (let page = 0; page < pages; page++) {
        const touch = touchAt(page, now)
        if (touch >= 0) least += cost[touch * width + to[page]!]!
      }
      return least
    })
  }
  return Math.min(...best)
}

const unlimited = (problem: BoundProblem) => problem.memory.map(() => problem.pages)

describe('without capacity limits', () => {
  for (const name of ['skx-cl-2s', '2s-plus-cxl']) {
    test(`the dynamic program per page equals brute force on ${name}`, () => {
      fc.assert(
        fc.property(smallTrace(3, 5), (list) => {
          const problem = boundProblem(contextOf(list, name))
          expect(perPage(problem)).toBe(bruteForcePs(problem, unlimited(problem)))
        }),
        { numRuns: 100, seed: 1 },
      )
    })
  }

  test('kernels in WebAssembly and in TypeScript find the same, with pages that leave memory', () => {
    const drops = fc.array(fc.record({ tick: fc.integer({ min: 1, max: 9 }), pages: fc.array(fc.nat(7), { maxLength: 3 }) }), { maxLength: 3 })
    fc.assert(
      fc.property(smallTrace(8, 10), drops, fc.constantFrom('skx-cl-2s', '2s-plus-cxl', 'opteron-8node'), (list, left, name) => {
        const problem = boundProblem(contextOf(list, name))
        problem.drops = left.filter(({ pages }) => pages.every((page) => page < problem.pages)).sort((a, b) => a.tick - b.tick)
        expect(perPage(problem)).toBe(optimumIn(problem, plainWorkspace).ps)
        expect(onTheWayPs(problem)).toBe(perPage(problem))
        // costs of more than 32 bits are left to TypeScript
        const dear = { ...problem, readPs: problem.readPs.map((ps) => ps * 2 ** 16), writePs: problem.writePs.map((ps) => ps * 2 ** 16) }
        expect(perPage({ ...dear, movePs: problem.movePs * 2 ** 16 })).toBe(perPage(problem) * 2 ** 16)
      }),
      { numRuns: 50, seed: 6 },
    )
  })

  test('the placement that the choices tell of costs the optimum, and fits if it says so', () => {
    const drops = fc.array(fc.record({ tick: fc.integer({ min: 1, max: 9 }), pages: fc.array(fc.nat(7), { maxLength: 3 }) }), { maxLength: 3 })
    const frames = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 8, maxLength: 8 })
    let fitting = 0
    fc.assert(
      fc.property(smallTrace(8, 10), drops, frames, fc.constantFrom('skx-cl-2s', '2s-plus-cxl', 'opteron-8node'), (list, left, of, name) => {
        const problem = boundProblem(contextOf(list, name, of))
        problem.drops = left.filter(({ tick, pages }) => tick < problem.ticks && pages.every((page) => page < problem.pages)).sort((a, b) => a.tick - b.tick)
        const { start, tick, cost, until, enters } = historiesOf(problem, 0, problem.pages)
        for (const optimum of [withWorkspace((space) => optimumIn(problem, space)), optimumIn(problem, plainWorkspace)]) {
          expect(optimum.choices !== undefined).toBe(problem.asksForRoom)
          if (!optimum.choices) continue
          const stays: number[][] = Array.from({ length: problem.pages }, () => [])
          const held = problem.memory.map(() => new Array(problem.ticks).fill(0))
          optimum.choices.forEachStay((page, m, from, to) => {
            const touch = start[page + 1]! - 1 - stays[page]!.length
            expect([from, to]).toEqual([tick[touch], until[touch]])
            stays[page]!.unshift(m)
            for (let now = from; now < to; now++) held[m]![now]++
          })
          let ps = 0
          stays.forEach((nodes, page) => {
            expect(nodes).toHaveLength(start[page + 1]! - start[page]!)
            nodes.forEach((m, i) => {
              const touch = start[page]! + i
              ps += cost[touch * problem.memory.length + m]!
              if (enters[touch] === 0 && nodes[i - 1] !== m) ps += problem.movePs
            })
          })
          expect(ps).toBe(optimum.ps)
          const { fits } = joined(problem, [optimum.part])
          expect(fits).toBe(held.every((ofNode, m) => ofNode.every((pages) => pages <= problem.capacity[m]!)))
          if (fits) fitting++
        }
      }),
      { numRuns: 200, seed: 8 },
    )
    expect(fitting).toBeGreaterThan(20)
  })

  test('ranges of pages add up to all of them', () => {
    const cuts = fc.array(fc.nat(9), { maxLength: 3 })
    const frames = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(smallTrace(10, 8), cuts, frames, fc.constantFrom('skx-cl-2s', '2s-plus-cxl', 'opteron-8node'), (list, at, of, name) => {
        const problem = boundProblem(contextOf(list, name, of))
        const bounds = [0, ...at.filter((page) => page < problem.pages).sort((a, b) => a - b), problem.pages]
        problem.drops = [{ tick: problem.ticks - 1, pages: [problem.pages - 1] }]
        for (const space of [undefined, plainWorkspace]) {
          const part = (from: number, to: number) => {
            const work = (in_: typeof plainWorkspace) => optimumIn(problem, in_, { from, to }).part
            return space ? work(space) : withWorkspace(work)
          }
          expect(
            joined(
              problem,
              bounds.slice(1).map((to, i) => part(bounds[i]!, to)),
            ),
          ).toEqual(pageOptimum(problem))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('a page that is unmapped comes back on any node for free', () => {
    const from = (cpu: number, t: number): ListedAccess => ({ t, page: 0, cpu, pid: 1, tid: cpu, weight: 10 })
    const list = [from(0, 0), from(3, 250)]
    const stays = boundOf(contextOf(list, 'skx-cl-2s'))
    const dropped = boundOf(contextOf(list, 'skx-cl-2s', undefined, [{ timeNs: 200, kind: 'munmap', process: 0, startVpage: 0, pages: 1 }]))
    expect(stays.ps).toBe(10 * 78_000 + 10 * 143_000) // from either node
    expect(dropped.ps).toBe(20 * 78_000)
  })

  test('moves only when it pays: 18 accesses from a socket away (66 ns more each) do not repay 1.242 us, 19 do', () => {
    const near: ListedAccess = { t: 0, page: 0, cpu: 0, pid: 1, tid: 1, weight: 1000 }
    const far = (weight: number) => boundOf(contextOf([near, { t: 300, page: 0, cpu: 3, pid: 1, tid: 2, weight }], 'skx-cl-2s')).ps
    expect(far(18)).toBe(1000 * 78_000 + 18 * 144_000)
    expect(far(19)).toBe(1000 * 78_000 + 19 * 78_000 + 1_242_000)
  })
})

/** Least cost of one page over all sequences of sets of nodes, told by name: exponential, and obviously right. */
function bruteForceWithCopiesPs(problem: BoundProblem, list: ListedAccess[]): number {
  const { memory, readPs, writePs, movePs, trace } = problem
  const sets = Array.from({ length: 2 ** memory.length - 1 }, (_, code) => memory.flatMap((_, m) => (((code + 1) >> m) & 1 ? [m] : [])))
  const actorOf = (cpu: number) => trace.actorCpu.indexOf(cpu)
  let total = 0
  for (const page of new Set(list.map((access) => access.page))) {
    let costs = sets.map((set) => (set.length - 1) * movePs)
    for (let now = 0; now < problem.ticks; now++) {
      const accesses = list.filter((access) => access.page === page && Math.floor(access.t / TICK_NS) === Math.floor(trace.tickStartNs[now]! / TICK_NS))
      const isWritten = accesses.some(({ op }) => op === 'W')
      costs = sets.map((to) => {
        if (isWritten && to.length > 1) return Number.POSITIVE_INFINITY
        const reached = Math.min(...sets.map((from, i) => costs[i]! + movePs * to.filter((m) => !from.includes(m)).length))
        const served = accesses.map(({ cpu, op, weight }) => {
          const ps = (op === 'W' ? writePs : readPs).subarray(actorOf(cpu!) * memory.length)
          return weight! * Math.min(...to.map((m) => ps[m]!))
        })
        return reached + served.reduce((a, b) => a + b, 0)
      })
    }
    total += Math.min(...costs)
  }
  return total
}

describe('where pages may have copies', () => {
  test.each(['skx-cl-2s', '2s-plus-cxl'])('the dynamic program over sets equals brute force on %s, and is never above the one without copies', (name) => {
    let less = 0
    fc.assert(
      fc.property(smallTrace(2, 5), (list) => {
        const problem = boundProblem(contextOf(list, name))
        const ps = withCopiesPs(problem)
        expect(ps).toBe(bruteForceWithCopiesPs(problem, list))
        expect(ps).toBeLessThanOrEqual(perPage(problem))
        if (ps < perPage(problem)) less++
      }),
      { numRuns: 100, seed: 6 },
    )
    expect(less).toBeGreaterThan(0)
  })
})

describe('with capacities', () => {
  const capacities = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean()).map(([frames, isFirst]) => (isFirst ? [frames, 4] : [4, frames]))

  test('two nodes: the min-cost flow equals brute force', () => {
    fc.assert(
      fc.property(smallTrace(4, 5), capacities, (list, capacity) => {
        const problem = boundProblem(contextOf(list, 'skx-cl-2s', capacity))
        expect(flowPs(historiesOf(problem, 0, problem.pages), problem)).toBe(bruteForcePs(problem, capacity))
      }),
      { numRuns: 100, seed: 2 },
    )
  })

  test('two nodes with pages that are unmapped: the flow equals brute force', () => {
    fc.assert(
      fc.property(smallTrace(4, 5), capacities, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 4 }), (list, capacity, page, tick) => {
        const problem = boundProblem(
          contextOf(list, 'skx-cl-2s', capacity, [{ timeNs: tick * TICK_NS, kind: 'munmap', process: 0, startVpage: page, pages: 1 }]),
        )
        expect(flowPs(historiesOf(problem, 0, problem.pages), problem)).toBe(bruteForcePs(problem, capacity))
      }),
      { numRuns: 60, seed: 3 },
    )
  })

  test('three nodes: prices and plan enclose the brute-force optimum', () => {
    fc.assert(
      fc.property(
        smallTrace(4, 4),
        fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 4 })),
        (list, capacity) => {
          fc.pre(capacity.reduce((a, b) => a + b) >= 4)
          const problem = boundProblem(contextOf(list, '2s-plus-cxl', capacity))
          const optimum = bruteForcePs(problem, capacity)
          const { lowerPs, upperPs } = pricedBound(problem)
          expect(lowerPs).toBeLessThanOrEqual(optimum)
          if (upperPs !== null) expect(upperPs).toBeGreaterThanOrEqual(optimum)
        },
      ),
      { numRuns: 60, seed: 4 },
    )
  })

  test('prices close most of the gap that capacity opens', () => {
    const gaps: number[] = []
    fc.assert(
      fc.property(smallTrace(5, 6), (list) => {
        const problem = boundProblem(contextOf(list, 'skx-cl-2s', [2, 5]))
        const optimum = flowPs(historiesOf(problem, 0, problem.pages), problem)
        const { lowerPs, upperPs } = pricedBound(problem)
        expect(lowerPs).toBeLessThanOrEqual(optimum)
        expect(upperPs).toBeGreaterThanOrEqual(optimum)
        gaps.push(1 - lowerPs / optimum)
      }),
      { numRuns: 60, seed: 5 },
    )
    expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeLessThan(0.02)
  })

  test('the kind of bound follows from the footprint', () => {
    const list = Array.from({ length: 8 }, (_, page): ListedAccess => ({ t: page, page, cpu: 0, pid: 1, tid: 1 }))
    expect(boundOf(contextOf(list, 'skx-cl-2s', [8, 8])).kind).toBe('per-page optimum')
    expect(boundOf(contextOf(list, 'skx-cl-2s', [4, 8])).kind).toBe('two-tier optimum')
    const spread = Array.from({ length: 8 }, (_, page): ListedAccess => ({ t: page, page, cpu: page < 4 ? 0 : 3, pid: 1, tid: 1 + page }))
    const fitting = contextOf(spread, 'skx-cl-2s', [4, 4])
    const ps = 8 * 78_000
    expect(boundOf(fitting)).toEqual({ kind: 'per-page optimum', ps, feasiblePs: ps })
    expect(boundOf({ ...fitting, quickOptimum: true })).toEqual({ kind: 'per-page optimum', ps, feasiblePs: null })
    const scarce = contextOf(list, '2s-plus-cxl', [4, 8, 8])
    expect(boundOf(scarce).kind).toBe('Lagrangian lower bound')
    const quick = boundOf({ ...scarce, quickOptimum: true })
    expect(quick).toEqual({ kind: 'per-page optimum', ps: perPage(boundProblem(scarce)), feasiblePs: null })
    expect(quick.ps).toBeLessThanOrEqual(boundOf(scarce).ps)
  })
})
