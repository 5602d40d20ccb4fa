/** Damaged files of every kind, a few thousand here; `npm run fuzz -- --inputs 1000000` is the long mode. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { damage, damagedBy } from './mutate.ts'
import { fuzzTargets, survives } from './targets.ts'

const RUNS = 100
const SEED = 20_261_124
/** Of processor time, so that what else the machine does plays no part; most inputs take a millisecond. */
const MOST_CPU_US = 10_000_000

const targets = await fuzzTargets()

describe('a clean error or a result that holds together', { timeout: 120_000 }, () => {
  test.each(targets)('$name', async (target) => {
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(29), async (how, choice) => {
        const before = process.cpuUsage()
        await survives(target, damagedBy(target.samples, how), choice)
        const { user, system } = process.cpuUsage(before)
        expect(user + system).toBeLessThan(MOST_CPU_US)
      }),
      // the same inputs every time: new ones are the long mode's business
      { numRuns: RUNS, seed: SEED },
    )
  })

  test('the samples themselves are read', async () => {
    // the others start from parts that were cut anywhere
    for (const target of targets.filter(({ name }) => name !== 'recognition' && name !== 'no half-written file')) {
      for (const [i, sample] of target.samples.entries()) {
        const complaint = await target.run(sample, 0).catch((error: Error) => error.message)
        // some parts hold events only; archives of several files and dumps without nodes are not for reading alone
        if (!/holds no accesses|no known trace format|a table of places|no dump lists|none of the dumps|several/.test(complaint ?? ''))
          expect(complaint, `${target.name} ${i}`).toBeUndefined()
      }
    }
  })
})
