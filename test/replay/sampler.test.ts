/** Sampled accesses, with kernels and without, against a draw of distances access by access. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { Sampler } from '../../src/replay/observe/sampler.ts'
import { onBoth } from '../wasm/both.ts'

const WORD = 3

/** Samples of each pair. */
function slowly(rate: number, random: Random, counts: number[]): number[] {
  const gap = () => (rate === 0 ? Number.POSITIVE_INFINITY : rate === 1 ? 0 : Math.floor(Math.log1p(-random.float()) / Math.log1p(-rate)))
  let toPass = gap()
  return counts.map((count) => {
    let samples = 0
    for (let access = 0; access < count; access++) {
      if (toPass-- > 0) continue
      samples++
      toPass = gap()
    }
    return samples
  })
}

/** Counts of up to thousands: more samples than distances are drawn at a time. */
const count = fc.oneof({ weight: 3, arbitrary: fc.nat(20) }, fc.nat(3000))

test('every access is sampled or not as if it were looked at alone, wherever ticks end', () => {
  fc.assert(
    fc.property(
      fc.array(count, { maxLength: 40 }),
      fc.constantFrom(0, 1e-300, 1e-3, 0.01, 0.3, 0.9, 1),
      fc.nat(1000),
      fc.nat(40),
      (counts, rate, seed, cut) => {
        const found = onBoth((space) => {
          const pairs = space.u32(4 * counts.length)
          for (const [k, some] of counts.entries()) pairs.set([k, 0, 7, some], 4 * k)
          const sampler = new Sampler(rate, new Random(seed, 'reads'), space)
          const samples = counts.map(() => 0)
          for (const [from, to] of [
            [0, Math.min(cut, counts.length)],
            [Math.min(cut, counts.length), counts.length],
          ] as const) {
            for (let k = from; k < to; ) {
              k = sampler.sample(pairs, WORD, k, to)
              for (let f = 0; f < 2 * sampler.count; f += 2) samples[sampler.found[f]!]! += sampler.found[f + 1]!
            }
          }
          return samples
        })
        expect(found).toEqual(slowly(rate, new Random(seed, 'reads'), counts))
      },
    ),
  )
})
