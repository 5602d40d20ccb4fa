/** Kernels that fold kept accesses by runs: WebAssembly, TypeScript, and the fold of the same accesses row by row. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AccessBatch } from '../../src/trace/access-batch.ts'
import { TickFold } from '../../src/trace/fold.ts'
import { type AccessRuns, BITS_PAD, Heap, HeapSpace, RUN_HISTOGRAM_BYTES, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const [PAGES, ACTORS] = [70, 9]
const run = fc.record({
  page: fc.nat(PAGES - 1),
  actor: fc.nat(ACTORS - 1),
  accesses: fc.array(fc.record({ gap: fc.nat(9), isWrite: fc.boolean(), modifies: fc.boolean(), weight: fc.constantFrom(1, 3, 1e6) }), {
    minLength: 1,
    maxLength: 300,
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

/** Keys and pairs put together, as lists of [page, actor, reads, writes]; undefined where they are refused. */
function mergedOn(heap: Heap, keys: readonly (readonly [number, number, number, number])[], before: readonly number[][], pageBits: number, actorBits: number) {
  const take = (bytes: number) => heap.take(Math.max(bytes, 8))
  const room = {
    keys: take(8 * keys.length),
    other: take(8 * keys.length),
    histogram: take(RUN_HISTOGRAM_BYTES),
    pairs: take(16 * before.length),
    out: take(16 * (before.length + keys.length)),
  }
  keys.forEach(([page, actor, reads, writes], k) => {
    const word = (((BigInt(page) << BigInt(actorBits)) | BigInt(actor)) << 16n) | BigInt((reads << 8) | writes)
    heap.u32.set([Number(word & 0xffff_ffffn), Number(word >> 32n)], (room.keys >>> 2) + 2 * k)
  })
  heap.u32.set(before.flat(), room.pairs >>> 2)
  const pairs = heap.kernels.mergeRuns(heap, room, keys.length, before.length, pageBits, actorBits)
  return pairs === undefined
    ? undefined
    : Array.from({ length: pairs }, (_, k) => [...heap.u32.subarray((room.out >>> 2) + 4 * k, (room.out >>> 2) + 4 * (k + 1))])
}

it('keys of runs are put together with pairs that were there, whatever their pages and actors', () => {
  const byte = fc.nat(255)
  fc.assert(
    fc.property(
      fc.nat(32).chain((pageBits) => fc.nat(16).map((actorBits) => ({ pageBits, actorBits }))),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(3), byte, byte), { maxLength: 120 }),
      fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.nat(2 ** 31), fc.nat(2 ** 31)), { maxLength: 12 }),
      ({ pageBits, actorBits }, drawn, earlier) => {
        const [pages, actors] = [2 ** pageBits, 2 ** actorBits]
        const keys = drawn.map(([at, actor, reads, writes]) => [Math.floor(at * pages), actors - 1 - (actor % actors), reads, writes] as const)
        const sums = new Map<string, number[]>()
        const add = ([page, actor, reads, writes]: readonly number[]) => {
          const [, , r, w] = sums.get(`${page} ${actor}`) ?? [0, 0, 0, 0]
          sums.set(`${page} ${actor}`, [page!, actor!, r! + reads!, w! + writes!])
        }
        const inOrder = () => [...sums.values()].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!)
        for (const [page, actor, reads, writes] of earlier) {
          const last = keys[page]
          add([last?.[0] ?? page % pages, last?.[1] ?? actor % actors, reads >>> 4, writes >>> 4])
        }
        const before = inOrder()
        keys.forEach(add)
        const wanted = inOrder()
        for (const heap of [Heap.open(), Heap.plain()]) expect(mergedOn(heap, keys, before, pageBits, actorBits) ?? []).toEqual(wanted)
      },
    ),
  )
})

it('counts of a pair that pass 32 bits together are refused', () => {
  for (const heap of [Heap.open(), Heap.plain()]) {
    const merged = (writes: number) =>
      mergedOn(
        heap,
        [
          [3, 0, 1, 1],
          [5, 1, 0, writes],
        ],
        [[5, 1, 7, 2 ** 32 - 3]],
        3,
        1,
      )
    expect(merged(3)).toBeUndefined()
    expect(merged(2)).toEqual([
      [3, 0, 1, 1],
      [5, 1, 7, 2 ** 32 - 1],
    ])
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
