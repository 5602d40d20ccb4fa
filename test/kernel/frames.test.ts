/** Frames of a node that are taken and given in any order come to the same, as far as `mayTrade` says so. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Frames, type Zone } from '../../src/kernel/frames.ts'
import { Vmstat } from '../../src/kernel/vmstat.ts'

/** Node 0 has two zones, as below and above 4 GiB. */
function frames(used: number): Frames {
  const zone = (managed: number): Zone => ({ node: 0, managed, free: managed, min: 1, low: 2, high: 3, promo: 4, reserve: 0 })
  const made = new Frames(1, [zone(30), zone(20)], [Uint8Array.of(0)], new Vmstat(1))
  for (let i = 0; i < used; i++) made.take(0, 'min', 1)
  return made
}

/** What can be seen of the zones: how much is free in all, and in the one that has most above its mark. */
function seen(of: Frames): number[] {
  let most = -1
  while (of.isAbove(0, 'high', most + 1)) most++
  return [of.freeOn(0), most, of.inUse[0]!]
}

it('single frames and many', () => {
  let trades = 0
  fc.assert(
    fc.property(fc.nat(45), fc.oneof(fc.constant(0), fc.nat(20)), fc.nat(40), fc.infiniteStream(fc.boolean()), (used, taken, given, order) => {
      fc.pre(given <= used)
      const [singly, together] = [frames(used), frames(used)]
      if (!together.mayTrade(0, taken, given)) return
      trades++
      together.trade(0, taken)
      together.trade(0, -given)
      for (let [takes, gives] = [taken, given]; takes + gives > 0; ) {
        const isTake = gives === 0 || (takes > 0 && order.next().value!)
        if (isTake) takes--
        else gives--
        if (!isTake) singly.give(0, 1)
        else {
          expect(singly.isAbove(0, 'high', 1)).toBe(true)
          expect(singly.take(0, 'low', 1)).toBe(true)
        }
      }
      expect(seen(singly)).toEqual(seen(together))
    }),
    { numRuns: 1000 },
  )
  expect(trades).toBeGreaterThan(100)
})
