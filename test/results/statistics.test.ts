import { describe, expect, test } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { LEAST_BLOCKS, LEAST_TRACES } from '../../src/results/index.ts'
import { benjaminiHochberg, blockLengthOf, corrected, holm, overTraces, PairedTotals, studentTail, tQuantile } from '../../src/results/statistics.ts'

/** Box-Muller. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float())

/** AR(1) of variance one: each value remembers `memory` of the one before. */
function series(random: Random, length: number, memory: number): number[] {
  let value = normal(random)
  return Array.from({ length }, () => {
    const now = value
    value = memory * value + Math.sqrt(1 - memory ** 2) * normal(random)
    return now
  })
}

interface World {
  bins: number
  seeds: number
  /** How much of a bin's deviation the next one repeats. */
  memory: number
  /** Standard deviations of the ratio: of bins alike for all seeds, of a seed as a whole, of a bin of one seed. */
  bin: number
  seed: number
  cell: number
  /** Relative standard error that sampling of pages leaves in either total. */
  sampling?: number
}

const TRUTH = 0.9

/** Share of experiments whose interval holds the true ratio. */
function coverage(name: string, experiments: number, { bins, seeds, memory, bin, seed, cell, sampling = 0 }: World): number {
  const random = new Random(11, name)
  let covered = 0
  for (let experiment = 0; experiment < experiments; experiment++) {
    // Traffic that comes and goes: its ups and downs are far larger than the difference
    const reference = series(random, bins, 0.8).map((level) => 1000 * Math.exp(0.4 * level))
    const drawn = sampling === 0 ? 1 : Math.exp(sampling * normal(random)) / Math.exp(sampling * normal(random))
    const common = series(random, bins, memory)
    const cost = Array.from({ length: seeds }, () => {
      const own = seed * normal(random)
      const cells = series(random, bins, memory)
      return reference.map((value, j) => value * TRUTH * drawn * (1 + own + bin * common[j]! + cell * cells[j]!))
    })
    const costs = new Map([
      ['policy', cost],
      ['baseline', cost.map(() => reference)],
    ])
    const errors = new Map(sampling === 0 ? [] : [...costs.keys()].map((policy) => [policy, sampling]))
    // Always claimed: an interval that is left out where chance looks like memory would leave the others wrong
    const [low, high] = new PairedTotals(costs, new Random(experiment, 'coverage'), errors).ratio('policy', 'baseline').interval!
    if (low <= TRUTH && TRUTH <= high) covered++
  }
  return covered / experiments
}

describe('nominal 95 % intervals cover the true ratio in 93 to 97 % of experiments', () => {
  test.each<[string, World]>([
    ['independent bins', { bins: 80, seeds: 1, memory: 0, bin: 0.15, seed: 0, cell: 0 }],
    ['bins that remember a little', { bins: 150, seeds: 1, memory: 0.3, bin: 0.15, seed: 0, cell: 0 }],
    ['bins that remember for long', { bins: 400, seeds: 1, memory: 0.6, bin: 0.15, seed: 0, cell: 0 }],
    ['bins that remember for longer than a block', { bins: 300, seeds: 1, memory: 0.9, bin: 0.15, seed: 0, cell: 0 }],
    ['bins that remember for far longer than a block', { bins: 300, seeds: 1, memory: 0.98, bin: 0.05, seed: 0, cell: 0 }],
    ['a short recording', { bins: 40, seeds: 1, memory: 0.3, bin: 0.15, seed: 0, cell: 0 }],
    ['five seeds that differ as a whole', { bins: 60, seeds: 5, memory: 0, bin: 0.05, seed: 0.02, cell: 0.05 }],
    ['three seeds, bins that remember', { bins: 150, seeds: 3, memory: 0.3, bin: 0.1, seed: 0.01, cell: 0.1 }],
    ['a sample of pages', { bins: 80, seeds: 1, memory: 0, bin: 0.15, seed: 0, cell: 0, sampling: 0.015 }],
  ])('%s', (name, world) => {
    const share = coverage(name, 500, world)
    expect(share).toBeGreaterThanOrEqual(0.93)
    expect(share).toBeLessThanOrEqual(0.97)
  })

  test('traces like these, from eight of them', () => {
    const random = new Random(4, 'traces')
    let covered = 0
    for (let experiment = 0; experiment < 1000; experiment++) {
      const cases = Array.from({ length: 8 }, () => [{ ratio: TRUTH * Math.exp(0.2 * normal(random)), draws: null }])
      const [low, high] = overTraces(cases, new Random(experiment)).others.interval!
      if (low <= TRUTH && TRUTH <= high) covered++
    }
    expect(covered / 1000).toBeGreaterThan(0.93)
    expect(covered / 1000).toBeLessThan(0.97)
  })
})

const ratio = (cost: number[], reference: number[], seed = 1) =>
  new PairedTotals(
    new Map([
      ['a', [cost]],
      ['b', [reference]],
    ]),
    new Random(seed, 'x'),
  ).ratio('a', 'b')

describe('paired totals', () => {
  test('the ratio is that of the totals', () => {
    const random = new Random(2, 'totals')
    const [a, b] = [0, 1].map(() => Array.from({ length: 97 }, () => 1 + random.float()))
    const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0)
    expect(ratio(a!, b!).ratio).toBeCloseTo(total(a!) / total(b!), 12)
  })

  test('pairing sees a small difference under large ups and downs', () => {
    const random = new Random(3, 'paired')
    const reference = Array.from({ length: 200 }, () => 1e6 * Math.exp(2 * normal(random)))
    const { interval, p } = ratio(
      reference.map((value) => value * (0.97 + 0.01 * random.float())),
      reference,
    )
    expect(interval![0]).toBeGreaterThan(0.97)
    expect(interval![1]).toBeLessThan(0.98)
    expect(p).toBeLessThan(1e-6)
  })

  test('equal policies differ by nothing', () => {
    const flat = Array.from({ length: 100 }, (_, i) => 10 + (i % 7))
    expect(ratio(flat, flat)).toMatchObject({ ratio: 1, interval: [1, 1], p: 1 })
  })

  test('too few bins give a ratio and no interval', () => {
    const few = Array.from({ length: LEAST_BLOCKS - 1 }, (_, i) => 1 + i)
    expect(ratio(few, few)).toMatchObject({ ratio: 1, interval: null, p: null, draws: null, independent: null })
    expect(ratio([...few, 1], [...few, 1]).interval).not.toBeNull()
    expect(ratio([1, 1, 4], [2, 2, 2])).toMatchObject({ ratio: 1, interval: null })
  })

  test('bins without any cost are no evidence: three accesses in 400 bins tell as little as three bins', () => {
    const busy = (count: number, cost: number) =>
      Array.from({ length: 400 }, (_, i) => (i % Math.floor(400 / count) === 0 && i < 400 - (400 % count) ? cost : 0))
    expect(ratio(busy(3, 144), busy(3, 78))).toMatchObject({ interval: null, p: null, draws: null })
    expect(ratio(busy(400, 10), busy(3, 78)).interval).toBeNull()
    expect(ratio(busy(LEAST_BLOCKS, 144), busy(LEAST_BLOCKS, 78)).interval!.every(Number.isFinite)).toBe(true)
  })

  test('a policy that remembers for long leaves the others their short blocks', () => {
    const random = new Random(12, 'many')
    const [b, quick] = [0, 1].map(() => Array.from({ length: 300 }, () => 10 + random.float()))
    const slow = series(random, 300, 0.97).map((value) => 10 + value)
    const over = (costs: Record<string, number[]>, policy: string) =>
      new PairedTotals(new Map(Object.entries(costs).map(([name, own]) => [name, [own]])), new Random(1, 'x')).ratio(policy, 'b')
    const all = { b: b!, quick: quick!, slow }
    expect(over(all, 'quick')).toMatchObject({ blockLength: 1, blocks: 300 })
    expect(over(all, 'quick').interval).toEqual(over({ b: b!, quick: quick! }, 'quick').interval)
    const long = over(all, 'slow')
    expect(long).toMatchObject({ blockLength: Math.floor(300 / LEAST_BLOCKS) })
    expect(long.independent!).toBeLessThan(long.blocks / 2)
  })

  test('seeds that all say the same add nothing; seeds that disagree widen the interval', () => {
    const random = new Random(8, 'seeds')
    const reference = Array.from({ length: 100 }, () => 100 + normal(random))
    const cost = reference.map((value) => 0.9 * value + normal(random))
    const over = (seeds: number[][]) => {
      const costs = new Map([
        ['a', seeds],
        ['b', seeds.map(() => reference)],
      ])
      const [low, high] = new PairedTotals(costs, new Random(1, 'x')).ratio('a', 'b').interval!
      return high - low
    }
    expect(over([cost, cost, cost])).toBeCloseTo(over([cost]), 4)
    expect(over([cost, cost.map((value) => value * 1.01), cost.map((value) => value * 0.99)])).toBeGreaterThan(5 * over([cost]))
  })

  test('the same seed gives the same interval', () => {
    const random = new Random(5, 'seed')
    const [a, b] = [0, 1].map(() => Array.from({ length: 50 }, () => 1 + random.float()))
    expect(ratio(a!, b!, 7)).toEqual(ratio(a!, b!, 7))
    expect(ratio(a!, b!, 8).interval).not.toEqual(ratio(a!, b!, 7).interval)
  })
})

describe('over traces', () => {
  const one = (value: number) => ({ ratio: value, draws: null })

  test('the mean is geometric: half the cost here and twice the cost there is no difference', () => {
    expect(overTraces([[one(0.5)], [one(2)]], new Random(1)).these).toEqual({ ratio: 1, interval: null, p: null })
  })

  test('two machines are not two traces', () => {
    const traces = [0.5, 0.6, 0.7, 0.8, 0.9]
    const once = overTraces(
      traces.map((value) => [one(value)]),
      new Random(1),
    )
    const twice = overTraces(
      traces.map((value) => [one(value), one(value)]),
      new Random(1),
    )
    expect(twice).toEqual(once)
    expect(
      overTraces(
        traces.slice(0, LEAST_TRACES - 1).map((value) => [one(value)]),
        new Random(1),
      ).others.interval,
    ).toBeNull()
  })

  test('the interval for these traces is that of the mean of independent estimates', () => {
    const random = new Random(6, 'these')
    const draws = () => Float64Array.from({ length: 2000 }, () => -0.1 + 0.04 * normal(random))
    const four = Array.from({ length: 4 }, () => [{ ratio: Math.exp(-0.1), draws: draws() }])
    const [low, high] = overTraces(four, new Random(1)).these.interval!.map(Math.log) as [number, number]
    // 1.96 * 0.04 / sqrt(4) on both sides
    expect(low).toBeCloseTo(-0.139, 2)
    expect(high).toBeCloseTo(-0.061, 2)
  })
})

test('blocks are long where the series remembers', () => {
  const random = new Random(9, 'blocks')
  expect(blockLengthOf(series(random, 500, 0))).toBe(1)
  const [short, long] = [0.5, 0.9].map((memory) => blockLengthOf(series(random, 2000, memory)))
  expect(short).toBeGreaterThanOrEqual(9)
  expect(long).toBeGreaterThan(2 * short!)
})

test('t quantiles agree with the printed table (Abramowitz and Stegun, table 26.10)', () => {
  for (const [degrees, quantile] of [
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [5, 2.571],
    [10, 2.228],
    [19, 2.093],
    [29, 2.045],
    [60, 2.0],
    [120, 1.98],
    [Number.POSITIVE_INFINITY, 1.96],
  ] as const) {
    expect(tQuantile(degrees)).toBeCloseTo(quantile, 3)
  }
})

test('tails of t agree with the printed table (Abramowitz and Stegun, tables 26.10 and 26.1)', () => {
  for (const [t, degrees, tail] of [
    [3.169, 10, 0.01],
    [4.587, 10, 0.001],
    [2.845, 20, 0.01],
    [3.85, 20, 0.001],
    [1.98, 120, 0.05],
    [3.891, Number.POSITIVE_INFINITY, 1e-4],
    [5.327, Number.POSITIVE_INFINITY, 1e-7],
  ] as const) {
    expect(studentTail(t, degrees) / tail).toBeGreaterThan(0.97)
    expect(studentTail(t, degrees) / tail).toBeLessThan(1.03)
    expect(studentTail(-t, degrees)).toBe(studentTail(t, degrees))
  }
})

/** The fifteen p-values of Benjamini and Hochberg 1995, section 3.2: Holm rejects three at 0.05, their procedure four. */
const PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1]

describe('many comparisons', () => {
  const rejected = (adjusted: number[]): number => adjusted.filter((p) => p <= 0.05).length

  test('the published example', () => {
    expect(rejected(holm(PUBLISHED))).toBe(3)
    expect(rejected(benjaminiHochberg(PUBLISHED))).toBe(4)
    expect(rejected(corrected(PUBLISHED, 'none'))).toBe(9)
    expect(benjaminiHochberg(PUBLISHED)[3]).toBeCloseTo((0.0095 * 15) / 4, 12)
  })

  test('adjusted values keep the order given, and never cross', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02])
    expect(benjaminiHochberg([0.01, 0.04, 0.03, 0.005])).toEqual([0.02, 0.04, 0.04, 0.02])
    expect([holm([]), benjaminiHochberg([])]).toEqual([[], []])
  })
})
