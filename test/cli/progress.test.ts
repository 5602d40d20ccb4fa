import { expect, it } from 'vitest'
import { paceSince } from '../../src/cli/progress.ts'

it('says accesses a second and the time left at the pace since the start', () => {
  let now = 1000
  const pace = paceSince(now, () => now)
  expect(pace(0, 0)).toBe('')
  now += 4000
  expect(pace(0.25, 8_000_000)).toBe('2,000,000 accesses/s, 12s left')
  expect(pace(0.5)).toBe('4s left')
})
