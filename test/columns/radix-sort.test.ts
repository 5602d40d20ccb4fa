import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RadixSort } from '../../src/columns/index.ts'

it('orders rows by two keys, and leaves equal ones as they were', () => {
  const key = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(key, key), { maxLength: 60 }), fc.constantFrom('own' as const, 'shared' as const), (rows, memory) => {
      const sort = new RadixSort(rows.length, memory)
      sort.by(Uint32Array.from(rows, ([, second]) => second))
      sort.by(Uint32Array.from(sort.order, (row) => rows[row]![0]))
      const wanted = rows.map((_, row) => row).sort((a, b) => rows[a]![0] - rows[b]![0] || rows[a]![1] - rows[b]![1] || a - b)
      expect([...sort.order]).toEqual(wanted)
    }),
  )
})
