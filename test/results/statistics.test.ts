import { describe, expect, test } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { holm, LEAST_BLOCKS, pairedRatio } from '../../src/results/index.ts'
import { blockLengthOf, tQuantile975 } from '../../src/results/statistics.ts'

/** Box-Muller. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float())

describe('paired ratio', () => {
  test('nominal 95 % intervals cover the true ratio in 93 to 97 % of experiments', () => {
    const random = new Random(11, 'coverage')
    const truth = Math.log(0.9)
    let covered = 0
    let intervals = 0
    for (let experiment = 0; experiment < 400; experiment++) {
      const reference = Array.from({ length: 60 }, () => 1000 * Math.exp(0.4 * normal(random)))
      const cost = reference.map((value) => value * Math.exp(truth + 0.15 * normal(random)))
      const { interval } = pairedRatio(cost, reference, experiment, 'coverage')
      // In a few experiments chance looks like memory: blocks grow, and no interval is claimed
      if (interval === null) continue
      intervals++
      if (interval[0] <= 0.9 && 0.9 <= interval[1]) covered++
    }
    expect(intervals).toBeGreaterThan(360)
    expect(covered / intervals).toBeGreaterThan(0.93)
    expect(covered / intervals).toBeLessThan(0.97)
  }, 120_000)

  test('pairing sees a small difference under large ups and downs', () => {
    const random = new Random(3, 'paired')
    const reference = Array.from({ length: 200 }, () => 1e6 * Math.exp(2 * normal(random)))
    const { ratio, interval, p } = pairedRatio(
      reference.map((value) => value * (0.97 + 0.01 * random.float())),
      reference,
      1,
      'x',
    )
    expect(ratio).toBeCloseTo(0.975, 2)
    expect(interval![1]).toBeLessThan(1)
    expect(p).toBeLessThan(0.001)
  })

  test('equal policies differ by nothing', () => {
    const series = Array.from({ length: 100 }, (_, i) => 10 + (i % 7))
    expect(pairedRatio(series, series, 1, 'x')).toMatchObject({ ratio: 1, interval: [1, 1], p: 1 })
  })

  test('too few blocks give a ratio and no interval', () => {
    const series = Array.from({ length: LEAST_BLOCKS - 1 }, (_, i) => 1 + i)
    expect(pairedRatio(series, series, 1, 'x')).toMatchObject({ ratio: 1, interval: null, p: null, blocks: LEAST_BLOCKS - 1 })
    expect(pairedRatio([1, 1, 4], [2, 2, 2], 1, 'x')).toMatchObject({ ratio: 1, interval: null })
    expect(pairedRatio([], [], 1, 'x')).toMatchObject({ blocks: 0, interval: null })
  })

  test('the same seed gives the same interval', () => {
    const random = new Random(5, 'seed')
    const a = Array.from({ length: 50 }, () => 1 + random.float())
    const b = Array.from({ length: 50 }, () => 1 + random.float())
    expect(pairedRatio(a, b, 7, 'x')).toEqual(pairedRatio(a, b, 7, 'x'))
    expect(pairedRatio(a, b, 8, 'x').interval).not.toEqual(pairedRatio(a, b, 7, 'x').interval)
  })
})

test('blocks are long where the series remembers', () => {
  const random = new Random(9, 'blocks')
  const white = Array.from({ length: 500 }, () => normal(random))
  expect(blockLengthOf(white)).toBe(1)
  let value = 0
  const slow = white.map((shock) => {
    value = 0.8 * value + shock
    return value
  })
  expect(blockLengthOf(slow)).toBeGreaterThanOrEqual(60)
})

test('t quantiles agree with the printed table (Abramowitz and Stegun, table 26.10)', () => {
  for (const [degrees, quantile] of [
    [19, 2.093],
    [29, 2.045],
    [60, 2.0],
    [120, 1.98],
  ] as const) {
    expect(tQuantile975(degrees)).toBeCloseTo(quantile, 3)
  }
})

test('Holm stops at the first hypothesis that stands (Holm 1979)', () => {
  expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([true, false, false, true])
  expect(holm([0.01, 0.02, 0.03])).toEqual([true, true, true])
  expect(holm([])).toEqual([])
})
