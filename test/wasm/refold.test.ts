/** Kernels that fold kept accesses by runs: WebAssembly, TypeScript, and the fold of the same accesses row by row. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AccessBatch } from '../../src/trace/access-batch.ts'
import { TickFold } from '../../src/trace/fold.ts'
import { type AccessRuns, BITS_PAD, FOLD, FOLD_WORDS, Heap, HeapSpace, HISTOGRAM_BYTES, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const [PAGES, ACTORS] = [70, 9]
const run = fc.record({
  page: fc.nat(PAGES - 1),
  actor: fc.nat(ACTORS - 1),
  accesses: fc.array(fc.record({ gap: fc.nat(9), isWrite: fc.boolean(), modifies: fc.boolean(), weight: fc.constantFrom(1, 3, 1e6) }), {
    minLength: 1,
    maxLength: 130,
  }),
})
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never

const filled = <A extends { set(values: ArrayLike<number>): void }>(array: A, values: ArrayLike<number>): A => {
  array.set(values)
  return array
}

function runsIn({ u32 }: Pick<Workspace, 'u32'>, list: readonly Run[]): AccessRuns {
  const column = (of: (run: Run) => number) => filled(u32(list.length), list.map(of))
  return { count: list.length, page: column(({ page }) => page), actor: column(({ actor }) => actor), more: column(({ accesses }) => accesses.length - 1) }
}

const columnsOf = (fold: TickFold) => {
  let found: unknown
  fold.end((columns) => {
    found = Object.entries(columns).map(([name, column]) => [name, [...column]])
  })
  return found
}

it('runs, or any stretch of them, are folded as their accesses one by one', () => {
  fc.assert(
    fc.property(
      fc.array(run, { minLength: 1, maxLength: 150 }),
      fc.nat(),
      fc.nat(),
      fc.constantFrom('plain', 'weighted', 'modifying', 'weighted from the middle on'),
      fc.boolean(),
      fc.nat(40),
      (list, cutA, cutB, kind, isWide, most) => {
        const rows = list.flatMap(({ page, actor, accesses }) => accesses.map((access) => ({ page, actor, ...access })))
        const [from, to] = [cutA % rows.length, (cutB % rows.length) + 1].sort((a, b) => a - b) as [number, number]
        const middle = kind === 'weighted from the middle on' ? (from + to) >> 1 : from
        let timeNs = 1000
        const times = rows.map(({ gap }) => {
          timeNs += gap
          return timeNs
        })
        const startNs = times[from]! - 3
        const [wasm, plain] = [Heap.open(), Heap.plain()].map((heap) => {
          const space = new HeapSpace(heap)
          const fold = new TickFold(heap)
          const runs = runsIn(space, list)
          const starts = space.u32(list.length + 1)
          expect(heap.kernels.runStarts(runs, rows.length, PAGES - 1, ACTORS - 1, starts)).toBe(true)
          const writes = space.u8(Math.ceil(rows.length / 8) + BITS_PAD)
          rows.forEach(({ isWrite }, i) => {
            if (isWrite) writes[i >> 3]! |= 1 << (i & 7)
          })
          const since = filled(
            isWide ? space.f64(rows.length) : space.u32(rows.length),
            times.map((time) => time - 700),
          )
          const flags =
            kind === 'modifying'
              ? filled(
                  space.u32(rows.length),
                  rows.map(({ modifies }) => Number(modifies)),
                )
              : undefined
          const weight =
            kind === 'plain'
              ? undefined
              : filled(
                  space.f64(rows.length),
                  rows.map((row) => row.weight),
                )
          const folded = (weight: Float64Array | undefined, from: number, to: number) => {
            const first = starts.findLastIndex((start) => start <= from)
            fold.runs({ ...runs, starts, writes, fromNs: 700, since, flags, weight }, first, from, to, startNs, PAGES, ACTORS)
          }
          if (middle > from) folded(undefined, from, middle)
          // a look does not change what comes out, and is exact at the end
          fold.isBeyond(most)
          if (to > middle) folded(weight, middle, to)
          const isBeyond = fold.isBeyond(most, true)
          return [isBeyond, columnsOf(fold)]
        })
        const heap = Heap.open()
        const fold = new TickFold(heap)
        const batch = new AccessBatch(heap, (_, n) => fold.access(batch, 0, n, startNs, PAGES, ACTORS))
        for (let i = from; i < to; i++) {
          const { page, actor, isWrite, modifies, weight } = rows[i]!
          batch.page[batch.rows] = page
          batch.actor[batch.rows] = actor
          const isBoth = kind === 'modifying' && modifies && isWrite
          batch.add(times[i]!, 0, 0, 0, 0, 8, isBoth ? 3 : isWrite ? 2 : 1, kind === 'plain' || i < middle ? 1 : weight, 0)
        }
        batch.flush()
        const wanted = [new Set(rows.slice(from, to).map(({ page, actor }) => `${page} ${actor}`)).size > most, columnsOf(fold)]
        expect(wasm).toEqual(wanted)
        expect(plain).toEqual(wanted)
      },
    ),
    { numRuns: 150 },
  )
})

it('counts of a pair that pass 32 bits together are refused', () => {
  for (const heap of [Heap.open(), Heap.plain()]) {
    const [at, run, other, histogram] = [heap.take(4 * FOLD_WORDS), heap.take(64), heap.take(64), heap.take(HISTOGRAM_BYTES)]
    const sorts = (writes: number) => {
      heap.u32.set([5, 1, 0, 2 ** 31, 3, 0, 1, 1, 5, 1, 7, writes], run >>> 2)
      heap.u32[(at >>> 2) + FOLD.runs] = 3
      heap.u32[(at >>> 2) + FOLD.run] = run
      return heap.kernels.sortRuns(heap, at, other, histogram)
    }
    expect(sorts(2 ** 31)).toBe(false)
    expect(sorts(2 ** 31 - 1)).toBe(true)
    expect(heap.u32[(at >>> 2) + FOLD.runs]).toBe(2)
    expect([...heap.u32.subarray(run >>> 2, (run >>> 2) + 8)]).toEqual([3, 0, 1, 1, 5, 1, 7, 2 ** 32 - 1])
  }
})

it('starts of runs, refused where they do not add up or name what is not there', () => {
  fc.assert(
    fc.property(
      fc.array(run, { maxLength: 20 }),
      fc.nat(2),
      fc.integer({ min: 1, max: PAGES }),
      fc.integer({ min: 1, max: ACTORS }),
      (list, off, pages, actors) => {
        const n = list.reduce((sum, { accesses }) => sum + accesses.length, 0)
        const starts = onBoth(({ kernels, u32 }) => {
          const found = u32(list.length + 1)
          return kernels.runStarts(runsIn({ u32 }, list), n + off, pages - 1, actors - 1, found) ? [...found] : undefined
        })
        let sum = 0
        const wanted = [0, ...list.map(({ accesses }) => (sum += accesses.length))]
        expect(starts).toEqual(off === 0 && list.every(({ page, actor }) => page < pages && actor < actors) ? wanted : undefined)
      },
    ),
  )
  const isFine = (more: number[], n: number) =>
    onBoth(({ kernels, u32 }) => kernels.runStarts({ count: 2, page: u32(2), actor: u32(2), more: filled(u32(2), more) }, n, 0, 0, u32(3)))
  expect([isFine([3, 4], 9), isFine([3, 4], 8), isFine([0xffff_ffff, 8], 9), isFine([8, 0xffff_ffff], 9)]).toEqual([true, false, false, false])
})

it('sums in place, and whether they pass 32 bits', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(99), fc.integer({ min: 0, max: 2 ** 32 - 1 })), { maxLength: 40 }), (list) => {
      const [isFine, found] = onBoth(({ kernels, u32 }) => {
        const values = filled(u32(list.length), list)
        return [kernels.sumUp(values, list.length), [...values]] as const
      })
      let sum = 0
      const wanted = list.map((value) => (sum += value))
      expect([isFine, found]).toEqual([sum < 2 ** 32, wanted.map((value) => value % 2 ** 32)])
    }),
  )
})

it('zigzag differences', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 40 }), (list) => {
      const found = onBoth(({ kernels, u32 }) => {
        const values = filled(u32(list.length), list)
        kernels.undoZigzag(values, list.length)
        return [...values]
      })
      let sum = 0
      expect(found).toEqual(list.map((word) => (sum = (sum + (word % 2 === 0 ? word / 2 : -(word + 1) / 2)) >>> 0)))
    }),
  )
})
