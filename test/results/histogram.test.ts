import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LogLinearHistogram } from '../../src/results/index.ts'

const values = fc.array(fc.oneof(fc.nat(1000), fc.nat(2 ** 31 - 1), fc.constantFrom(2 ** 31 - 1, 2 ** 31), fc.maxSafeNat()), { minLength: 1, maxLength: 200 })
const filled = (all: number[], bits?: number) => {
  const histogram = new LogLinearHistogram(bits)
  for (const value of all) histogram.add(value)
  return histogram
}

test('percentiles lie within the stated error of the exact nearest-rank percentile', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 2, max: 10 }), fc.double({ min: 0, max: 1, noNaN: true }), (all, bits, share) => {
      const histogram = filled(all, bits)
      const sorted = [...all].sort((a, b) => a - b)
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
      expect(Math.abs(histogram.percentile(share)! - exact)).toBeLessThanOrEqual(exact * histogram.relativeError)
    }),
  )
})

test('classes are ascending, hold every count and contain their values', () => {
  fc.assert(
    fc.property(values, (all) => {
      const classes = filled(all).classes()
      expect(classes.reduce((sum, { count }) => sum + count, 0)).toBe(all.length)
      for (let i = 1; i < classes.length; i++) expect(classes[i]!.upper).toBeGreaterThan(classes[i - 1]!.upper)
      expect(classes.at(-1)!.upper).toBeGreaterThanOrEqual(Math.max(...all))
    }),
  )
})

test('merging equals counting together', () => {
  fc.assert(
    fc.property(values, values, (left, right) => {
      const merged = filled(left)
      merged.merge(filled(right))
      expect(merged.classes()).toEqual(filled([...left, ...right]).classes())
    }),
  )
})

test('small values are exact and an empty histogram has no percentile', () => {
  expect(filled([3, 3, 3, 255]).percentile(0.5)).toBe(3)
  expect(filled([3, 3, 3, 255]).percentile(1)).toBe(255)
  expect(new LogLinearHistogram().percentile(0.5)).toBeNull()
  expect(() => new LogLinearHistogram(5).merge(new LogLinearHistogram(6))).toThrow('cannot be merged')
})
