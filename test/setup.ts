/**
 * Before every test file: how long `fc.assert` may take. On a slow machine a random test then tries fewer inputs, and says so, where it
 * would have run into the time-out of its test; and a failure that is long to shrink is told with the smallest input found until then.
 */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

/** A quarter of the time-out of a test, in milliseconds: what else a test does takes its time as well. */
const MOST_MS = 30_000

// fast-check takes 50 ms to load, and most files do without
if (/ from 'fast-check'/.test(readFileSync(expect.getState().testPath!, 'utf8'))) {
  const { default: fc } = await import('fast-check')
  fc.configureGlobal({ interruptAfterTimeLimit: MOST_MS })
  fc.installGlobalPlugin(() => ({
    onAllRunsComplete: ({ failed, interrupted, numRuns, runConfiguration }) => {
      const { numRuns: wanted, interruptAfterTimeLimit: ms } = runConfiguration
      if (interrupted && !failed) console.warn(`only ${numRuns} of ${wanted} random inputs in ${ms! / 1000} s`)
    },
  }))
}
