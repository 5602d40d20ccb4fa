/** Hint faults in order of pages: kernels and twins do the same, and the same as in order of touches. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BitSet } from '../../src/columns/index.ts'
import { type KeySums, plainWorkspace, RUN_WORDS, type Tally, type TouchedPages, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const PAGES = 150
const ACTORS = 5
const NODES = 4
const KEYS = ACTORS * (ACTORS + 1) * NODES

const filled = <A extends Uint8Array | Uint16Array | Uint32Array>(array: A, values: ArrayLike<number>): A => {
  array.set(values)
  return array
}

/** Touches of a tick, and how many pairs each of their pages has: single ones, and whole runs of 32 pages. */
const touches = fc
  .tuple(
    fc.uniqueArray(fc.record({ page: fc.nat(PAGES - 1), actor: fc.nat(ACTORS - 1), pairs: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 100,
      selector: ({ page }) => page,
    }),
    fc.subarray([0, 1, 2, 3]),
    fc.nat(1000),
  )
  .map(([single, runs, seed]) => {
    const whole = runs.flatMap((run) => Array.from({ length: 32 }, (_, bit) => ({ page: 32 * run + bit, actor: (seed ^ (bit * bit)) % ACTORS, pairs: 1 })))
    return [...whole, ...single.filter(({ page }) => !runs.includes(page >> 5))]
  })
type Touch = { page: number; actor: number; pairs: number }

function arraysOf(list: Touch[], space: Workspace) {
  const pages = list.flatMap(({ page, pairs }) => Array<number>(pairs).fill(page)).sort((a, b) => a - b)
  return {
    touchPage: filled(
      space.u32(list.length),
      list.map(({ page }) => page),
    ),
    touchActor: filled(
      space.u16(list.length),
      list.map(({ actor }) => actor),
    ),
    pairs: filled(
      space.u32(4 * pages.length),
      pages.flatMap((page, k) => [page, k % ACTORS, 1, 1]),
    ),
  }
}

const actorOfKeys = (space: Workspace): Uint16Array =>
  filled(
    space.u16(KEYS / NODES),
    Array.from({ length: KEYS / NODES }, (_, pair) => Math.floor(pair / (ACTORS + 1))),
  )

/** `missing`: so many touches at the end are of another tick. */
function ordered(list: Touch[], space: Workspace, missing = 0): TouchedPages {
  const { touchPage, touchActor, pairs } = arraysOf(list, space)
  const to = Math.max(0, list.length - missing)
  const out = { words: space.u32(2 * to), actor: space.u8(to), lengths: space.u32(2).fill(9) }
  space.kernels.orderTouches({ touchPage, touchActor }, 0, to, pairs, 0, pairs.length / 4, space.u8(PAGES), out)
  const [runs, pages] = [out.lengths[0]! * RUN_WORDS, out.lengths[1]!]
  const { words, actor } = out
  return { runs: words.subarray(0, runs), actor, pages: words.subarray(words.length - pages), pageActor: actor.subarray(actor.length - pages) }
}

it('orderTouches: every touch once; runs with more than four; nothing where pairs have other pages', () => {
  fc.assert(
    fc.property(touches, fc.integer({ min: 1, max: 3 }), (list, missing) => {
      const { runs, single, none } = onBoth((space) => {
        const { runs, actor, pages, pageActor } = ordered(list, space)
        const inRuns: [page: number, actor: number][] = []
        for (let r = 0; r < runs.length; r += RUN_WORDS)
          for (let bit = 0; bit < 32; bit++) if (((runs[r + 1]! >>> bit) & 1) === 1) inRuns.push([32 * runs[r]! + bit, actor[inRuns.length]!])
        const single = Array.from(pages, (page, k): [number, number] => [page, pageActor[k]!])
        const { runs: otherRuns, pages: otherPages } = ordered(list, space, missing)
        return { runs: inRuns, single, none: otherRuns.length + otherPages.length }
      })
      const wanted = list.map(({ page, actor }) => [page, actor]).sort((a, b) => a[0]! - b[0]!)
      const inRunOf = (page: number) => list.filter((touch) => touch.page >> 5 === page >> 5).length
      expect(runs).toEqual(wanted.filter(([page]) => inRunOf(page!) > 4))
      expect(single.sort((a, b) => a[0] - b[0])).toEqual(wanted.filter(([page]) => inRunOf(page!) <= 4))
      expect(none).toBe(0)
    }),
  )
})

it('countTouched, settleTouched and unmarkTouched: as tallyFaults and moveFaults', () => {
  const byPage = (...values: number[]) => fc.array(fc.constantFrom(...values), { minLength: PAGES, maxLength: PAGES })
  const verdicts = fc.array(fc.constantFrom(1, 2, 3), { minLength: KEYS, maxLength: KEYS })
  fc.assert(
    fc.property(
      touches,
      byPage(0, 1, 2, 3),
      fc.oneof(byPage(0, 1, 1), byPage(1)),
      byPage(0, 1, 2, 3, 4, 0xffff),
      verdicts,
      fc.boolean(),
      (list, nodes, marks, lasts, known, isNarrow) => {
        const stateOf = (space: Workspace) => {
          const marked = new BitSet(PAGES, (length) => space.u32(length))
          for (const [page, mark] of marks.entries()) if (mark === 1) marked.add(page)
          const lists = { counts: space.u32(KEYS), keys: space.u32(KEYS + 1), moves: space.u32(KEYS), moveKeys: space.u32(KEYS + 1), lengths: space.u32(3) }
          const byActor = {
            ready: space.u8(ACTORS).fill(1),
            target: filled(
              space.u8(ACTORS),
              Array.from({ length: ACTORS }, (_, a) => a % NODES),
            ),
          }
          const last = filled(isNarrow ? space.u8(PAGES) : space.u16(PAGES), lasts)
          const tally: Tally = { actors: ACTORS, shift: 2, last, verdicts: filled(space.u8(KEYS), known), actorOf: actorOfKeys(space), ...lists, ...byActor }
          return { marked, tally, placement: filled(space.u8(PAGES), nodes), faults: space.u32(2 * list.length + 2), from: space.u8(list.length + 1) }
        }
        const after = ({ marked, tally, placement }: ReturnType<typeof stateOf>, moved: [page: number, from: number][]) => ({
          marked: [...marked.words],
          last: [...tally.last],
          placement: [...placement],
          moved: moved.sort((a, b) => a[0] - b[0]),
        })
        const pairsOf = (pages: Uint32Array, from: Uint8Array, n: number) => Array.from({ length: n }, (_, m): [number, number] => [pages[m]!, from[m]!])
        const together = onBoth((space) => {
          const touched = ordered(list, space)
          const state = stateOf(space)
          const { marked, tally, placement, faults, from } = state
          const listed = space.kernels.countTouched(touched, placement, marked.words, tally, faults)
          expect(listed).toBe(Array.from(tally.keys.subarray(0, tally.lengths[1])).reduce((sum, key) => sum + (known[key] === 1 ? 0 : tally.counts[key]!), 0))
          expect({ ...after(state, []) }).toEqual(after(stateOf(plainWorkspace), []))
          const moved = space.kernels.settleTouched(faults, listed, placement, tally, from)
          space.kernels.unmarkTouched(touched, marked.words)
          const keys = [...tally.keys.subarray(0, tally.lengths[1])]
          return { ...after(state, pairsOf(faults, from, moved)), keys: keys.sort((a, b) => a - b), counts: [...tally.counts] }
        })
        const state = stateOf(plainWorkspace)
        const { marked, tally, placement, faults, from } = state
        const { kernels } = plainWorkspace
        const arrays = arraysOf(list, plainWorkspace)
        const n = kernels.findMarked(arrays.touchPage, 0, list.length, marked.words, faults)
        expect(kernels.tallyFaults(arrays, 0, n, placement, marked.words, tally, faults)).toBe(n)
        const left = tally.lengths[0]!
        kernels.moveFaults(arrays, left, placement, marked.words, tally, faults, from)
        const { keys, counts, ...inOrder } = together
        expect(inOrder).toEqual(after(state, pairsOf(faults, from, left)))
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(n)
        expect(counts).toEqual([...tally.counts].map((count, key) => count + tally.moves[key]!))
        expect(keys).toEqual(counts.flatMap((count, key) => (count > 0 ? [key] : [])))
      },
    ),
  )
})

it('keysToAsk and sumKeys: what is known of each key decides', () => {
  const byKey = (most: number) => fc.array(fc.nat(most), { minLength: KEYS, maxLength: KEYS })
  const byActor = fc.array(fc.nat(1), { minLength: ACTORS, maxLength: ACTORS })
  fc.assert(
    fc.property(byKey(4), byActor, byKey(1000), fc.subarray([...Array(KEYS).keys()]), (verdicts, ready, counted, keys) => {
      const pairs = KEYS / NODES
      const { asked, sums, moves, left } = onBoth((space) => {
        const tally: Tally = {
          ...{ actors: ACTORS, shift: 2, last: space.u8(0), ready: filled(space.u8(ACTORS), ready), target: space.u8(0), moves: space.u32(0) },
          ...{ verdicts: filled(space.u8(KEYS), verdicts), actorOf: actorOfKeys(space), moveKeys: space.u32(0), lengths: space.u32(3) },
          ...{ counts: space.u32(KEYS), keys: filled(space.u32(KEYS + 1), keys) },
        }
        for (const key of keys) tally.counts[key] = 1 + counted[key]!
        const room = space.u32(KEYS + 1)
        const asked = [...room.subarray(0, space.kernels.keysToAsk(tally, keys.length, room))]
        const sumsOf = (): KeySums => ({
          // two of each actor that are alike
          alike: filled(
            space.u32(pairs),
            Array.from({ length: pairs }, (_, pair) => pair - (pair % 2)),
          ),
          ...{ faults: space.u32(KEYS), listed: space.u32(KEYS), length: space.u32(1) },
        })
        const [sums, moves] = [sumsOf(), sumsOf()]
        space.kernels.sumKeys(tally, keys.length, sums, moves)
        const told = ({ faults, listed, length }: KeySums) => Array.from(listed.subarray(0, length[0]), (key): [number, number] => [key, faults[key]!])
        return { asked, sums: told(sums), moves: told(moves), left: tally.counts.some((count) => count > 0) }
      })
      expect(asked).toEqual(keys.filter((key) => verdicts[key] === 0 || verdicts[key] === 4 || ready[Math.floor(key / NODES / (ACTORS + 1))] === 0))
      const wanted = (isMove: boolean) => {
        const sum = new Map<number, number>()
        for (const key of keys.filter((key) => (verdicts[key] === 3) === isMove)) {
          const together = key - (Math.floor(key / NODES) % 2) * NODES
          sum.set(together, (sum.get(together) ?? 0) + 1 + counted[key]!)
        }
        return [...sum]
      }
      expect(sums).toEqual(wanted(false))
      expect(moves).toEqual(wanted(true))
      expect(left).toBe(false)
    }),
  )
})

it('countTouched: whole runs, with keys up to 2^16 and beyond', () => {
  const page = (most: number) => fc.array(fc.nat(most), { minLength: 64, maxLength: 64 })
  fc.assert(
    // 16 bits hold the keys of 90 actors on eight nodes, but not those of 91
    fc.property(fc.constantFrom(1, 89, 90, 91, 200, 254), page(254), page(255), page(7), page(4), (actors, by, lasts, nodes, known) => {
      const keys = actors * (actors + 1) * 8
      onBoth((space) => {
        const tally: Tally = {
          ...{ actors, shift: 3, ready: space.u8(0), target: space.u8(0), moves: space.u32(0), moveKeys: space.u32(0), actorOf: space.u16(0) },
          ...{ verdicts: space.u8(keys), counts: space.u32(keys), keys: space.u32(keys + 1), lengths: space.u32(3), last: filled(space.u8(64), lasts) },
        }
        tally.verdicts.forEach((_, key) => {
          tally.verdicts[key] = known[key % 64]!
        })
        const actor = filled(
          space.u8(64),
          by.map((one) => one % actors),
        )
        const touched = { runs: filled(space.u32(4), [0, 0xffff_ffff, 1, 0xffff_ffff]), actor, pages: space.u32(0), pageActor: space.u8(0) }
        const list = space.u32(130)
        const listed = space.kernels.countTouched(touched, filled(space.u8(64), nodes), space.u32(2).fill(0xffff_ffff), tally, list)
        const counted = [...tally.keys.subarray(0, tally.lengths[1])].map((key) => [key, tally.counts[key]])
        expect(counted.reduce((sum, [, count]) => sum + count!, 0)).toBe(64)
        return { counted, list: [...list.subarray(0, 2 * listed)] }
      })
    }),
  )
})
