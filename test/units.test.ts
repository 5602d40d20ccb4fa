import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatCount } from '../src/units.ts'

test('counts are grouped as the language does it', () => {
  const numbers = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -2000, max: 2000 }), fc.double({ min: -1e25, max: 1e25, noNaN: true }))
  fc.assert(
    fc.property(numbers, (n) => {
      // a zero has no sign
      expect(formatCount(n)).toBe((Math.round(n) || 0).toLocaleString('en-US'))
    }),
    { numRuns: 1000 },
  )
})
