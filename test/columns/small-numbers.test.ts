/** Numbers packed into bits, and bits of a set, against plain arrays. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BitSet, SmallCounts, SmallNumbers } from '../../src/columns/index.ts'

test('SmallNumbers of any width', () => {
  const change = (length: number, largest: number) => fc.tuple(fc.nat(length - 1), fc.nat(largest))
  fc.assert(
    fc.property(
      fc
        .tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 3, 4, 9, 15, 16, 250, 255))
        .chain(([length, largest]) => fc.record({ length: fc.constant(length), largest: fc.constant(largest), changes: fc.array(change(length, largest)) })),
      ({ length, largest, changes }) => {
        const numbers = new SmallNumbers(length, largest)
        const plain = new Array(length).fill(0)
        for (const [i, value] of changes) {
          if (value % 2 === 0) numbers.set(i, value)
          else expect(numbers.swap(i, value)).toBe(plain[i])
          plain[i] = value
          expect(Array.from(plain, (_, k) => numbers.get(k))).toEqual(plain)
        }
      },
    ),
  )
})

test('SmallCounts, also of what happened often', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 20 })), { maxLength: 12 }), (length, list) => {
      const counts = new SmallCounts(length)
      const plain = new Map<number, number>()
      for (const [place, times] of list) {
        for (let k = 0; k < times; k++) {
          const i = place % length
          plain.set(i, (plain.get(i) ?? 0) + 1)
          expect(counts.increment(i)).toBe(plain.get(i))
        }
      }
      const found: [number, number][] = []
      expect(counts.some((i, count) => found.push([i, count]) < 0)).toBe(false)
      const all = [...plain].sort((a, b) => a[0] - b[0])
      expect(found).toEqual(all)
      expect(counts.some((_, count) => count === all[0]?.[1])).toBe(all.length > 0)
    }),
  )
})

test('BitSet, over words of somebody else too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.array(fc.tuple(fc.nat(99), fc.boolean())), (size, changes) => {
      const words = new Uint32Array(4)
      const set = new BitSet(size, (length) => words.subarray(0, length))
      const plain = new Set<number>()
      for (const [at, isAdded] of changes) {
        const i = at % size
        set[isAdded ? 'add' : 'delete'](i)
        plain[isAdded ? 'add' : 'delete'](i)
      }
      const places = Array.from({ length: size }, (_, i) => i)
      expect(places.filter((i) => set.has(i))).toEqual(places.filter((i) => plain.has(i)))
      expect(places.filter((i) => ((words[i >>> 5]! >>> (i & 31)) & 1) === 1)).toEqual([...plain].sort((a, b) => a - b))
    }),
  )
})
