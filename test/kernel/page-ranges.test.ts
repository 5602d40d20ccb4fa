/** Ranges of page tables that are marked word by word, against a set of pages. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { knownRange, setBits } from '../../src/kernel/page-ranges.ts'

const PAGES = 90
const ENTRIES = 40

test('a range is known from the second time on, and marks the pages that were not', () => {
  const visit = fc.record({
    from: fc.nat(3),
    length: fc.integer({ min: 1, max: ENTRIES - 3 }),
    unmarked: fc.array(fc.nat(PAGES - 1), { maxLength: 20 }),
    end: fc.oneof(fc.nat(PAGES), fc.constant(PAGES)),
  })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(PAGES - 1), fc.constant(-1)), { minLength: ENTRIES, maxLength: ENTRIES }),
      fc.array(visit, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (entries, visits, rounds) => {
        const ptes = Int32Array.from(entries)
        const words = new Uint32Array(Math.ceil(PAGES / 32))
        const marked = new Set<number>()
        const last = new Map<number, number>()
        for (let round = 0; round < rounds; round++) {
          for (const { from, length, unmarked, end } of visits) {
            for (const page of unmarked) {
              words[page >>> 5]! &= ~(1 << (page & 31))
              marked.delete(page)
            }
            const range = knownRange(ptes, from, from + length)
            if (last.get(from) === from + length) expect(range === undefined && visits.length === 1).toBe(false)
            last.set(from, from + length)
            if (range === undefined) continue
            const fresh = new Set(entries.slice(from, from + length).filter((page) => page >= 0 && page < end && !marked.has(page)))
            expect(setBits(words, range, end)).toBe(fresh.size)
            for (const page of fresh) marked.add(page)
            const found = Array.from({ length: PAGES }, (_, page) => page).filter((page) => (words[page >>> 5]! >>> (page & 31)) & 1)
            expect(found).toEqual([...marked].sort((a, b) => a - b))
          }
        }
      },
    ),
  )
})

test('ranges that are never the same leave nothing behind but where they ended', () => {
  const ptes = Int32Array.from({ length: 100 }, (_, i) => i)
  for (let from = 0; from < 100; from++) for (let to = from + 1; to <= 100; to++) expect(knownRange(ptes, from, to)).toBeUndefined()
  expect(knownRange(ptes, 0, 100)?.words).toEqual(Uint32Array.of(0, 1, 2, 3))
})
