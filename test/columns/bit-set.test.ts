/** Bit sets against sets of the language. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BitSet } from '../../src/columns/index.ts'

test('members are what was added and not deleted, ascending', () => {
  const places = fc.integer({ min: 1, max: 200 })
  fc.assert(
    fc.property(places, fc.array(fc.tuple(fc.boolean(), fc.nat(199))), (size, changes) => {
      const bits = new BitSet(size)
      const slow = new Set<number>()
      for (const [isAdded, at] of changes) {
        const i = at % size
        bits[isAdded ? 'add' : 'delete'](i)
        slow[isAdded ? 'add' : 'delete'](i)
      }
      expect(Array.from(bits.members())).toEqual([...slow].sort((a, b) => a - b))
      expect(Array.from({ length: size }, (_, i) => bits.has(i))).toEqual(Array.from({ length: size }, (_, i) => slow.has(i)))
    }),
  )
})
