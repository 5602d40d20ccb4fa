/** Whatever the order in which threads are done: every lane is replayed by one of them. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dealOf, lanesFor } from '../../src/replay/deal.ts'

const sizes = fc.integer({ min: 1, max: 5 }).chain((threads) => fc.tuple(fc.integer({ min: threads, max: 70 }), fc.constant(threads)))

it('each lane goes to one thread, and each thread begins with some', () => {
  fc.assert(
    fc.property(sizes, fc.boolean(), fc.infiniteStream(fc.nat()), ([lanes, threads], mayDivide, order) => {
      const deal = dealOf(lanes, threads, mayDivide)
      const left = Array.from({ length: threads + 1 }, (_, me) => lanesFor(deal, me))
      const firsts = left.map((turns) => turns.next().value ?? [])
      expect(firsts.map((taken) => taken.length > 0)).toEqual(firsts.map((_, me) => me < threads))
      const taken = firsts.flat()
      while (left.length > 0) {
        const at = order.next().value! % left.length
        const { value, done } = left[at]!.next()
        if (done) left.splice(at, 1)
        else taken.push(...value)
      }
      expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: lanes }, (_, i) => i))
    }),
  )
})

it('of a trace that is read once, all lanes are dealt out to and fro', () => {
  const deal = dealOf(7, 2, false)
  expect([[...lanesFor(deal, 0)], [...lanesFor(deal, 1)]]).toEqual([[[0, 3, 4]], [[1, 2, 5, 6]]])
})
