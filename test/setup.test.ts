/** The limit that test/setup.ts sets is there, and does what it is for. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'

/** Spends `ms` without waiting, as most random tests do. */
function spend(ms: number): void {
  for (const start = performance.now(); performance.now() - start < ms; );
}

test('a random test ends before its time-out', ({ task }) => {
  expect(fc.readConfigureGlobal()!.interruptAfterTimeLimit).toBeLessThanOrEqual(task.timeout / 2)
})

test('slow inputs are fewer inputs, which is said', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  fc.assert(
    fc.property(fc.nat(), () => spend(100)),
    { interruptAfterTimeLimit: 500 },
  )
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^only \d of 100 random inputs in 0.5 s$/))
  warn.mockRestore()
})

test('a failure that is slow to shrink is told all the same', async () => {
  const long = fc.array(fc.nat(1000), { minLength: 500, maxLength: 500, size: 'max' })
  const isSmall = (list: number[]) => {
    spend(50)
    expect(list.reduce((sum, value) => sum + value, 0)).toBeLessThan(50_000)
  }
  // the seed: an input that fails comes first
  const settings = { seed: 1, interruptAfterTimeLimit: 1000 }
  expect(() => fc.assert(fc.property(long, isSmall), settings)).toThrow(/Counterexample: \[\[\d+,/)
  await expect(
    fc.assert(
      fc.asyncProperty(long, async (list) => isSmall(list)),
      settings,
    ),
  ).rejects.toThrow(/Counterexample: \[\[\d+,/)
})
