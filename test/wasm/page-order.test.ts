/** Hint faults in order of pages: kernels and twins do the same, and the same as in order of touches. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BitSet } from '../../src/columns/index.ts'
import { plainWorkspace, RUN_WORDS, type TouchedPages, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const PAGES = 150
const ACTORS = 5
const NODES = 4
const KEYS = ACTORS * (ACTORS + 1) * NODES

const filled = <A extends Uint8Array | Uint16Array | Uint32Array>(array: A, values: ArrayLike<number>): A => {
  array.set(values)
  return array
}

/** Touches of a tick, and how many pairs each of their pages has. */
const touches = fc.uniqueArray(fc.record({ page: fc.nat(PAGES - 1), actor: fc.nat(ACTORS - 1), pairs: fc.integer({ min: 1, max: 3 }) }), {
  maxLength: 100,
  selector: ({ page }) => page,
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

function ordered(list: Touch[], space: Workspace): TouchedPages {
  const { touchPage, touchActor, pairs } = arraysOf(list, space)
  const out = { runs: space.u32(RUN_WORDS * list.length), actor: space.u8(list.length) }
  const n = space.kernels.orderTouches({ touchPage, touchActor }, 0, list.length, pairs, 0, pairs.length / 4, space.u8(PAGES), out)
  return { runs: out.runs.subarray(0, n * RUN_WORDS), actor: out.actor }
}

it('orderTouches: every touch once, ascending; nothing where pairs have other pages', () => {
  fc.assert(
    fc.property(touches, fc.nat(3), (list, missing) => {
      const { pages, n } = onBoth((space) => {
        const { runs, actor } = ordered(list, space)
        const pages: [page: number, actor: number][] = []
        for (let r = 0; r < runs.length; r += RUN_WORDS)
          for (let bit = 0; bit < 32; bit++) if (((runs[r + 1]! >>> bit) & 1) === 1) pages.push([32 * runs[r]! + bit, actor[pages.length]!])
        // the last touches are of another tick
        const arrays = arraysOf(list, space)
        const to = Math.max(0, list.length - missing)
        const out = { runs: space.u32(RUN_WORDS * list.length), actor: space.u8(list.length) }
        const n = space.kernels.orderTouches(arrays, 0, to, arrays.pairs, 0, arrays.pairs.length / 4, space.u8(PAGES), out)
        return { pages, n }
      })
      expect(pages).toEqual(list.map(({ page, actor }) => [page, actor]).sort((a, b) => a[0]! - b[0]!))
      expect(n > 0).toBe(list.length > 0 && missing === 0)
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
      byPage(0, 1, 1),
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
          const tally = { actors: ACTORS, shift: 2, last, verdicts: filled(space.u8(KEYS), known), ...lists, ...byActor }
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
          const n = space.kernels.countTouched(touched, placement, marked.words, tally, faults)
          expect({ ...after(state, []) }).toEqual(after(stateOf(plainWorkspace), []))
          const moved = space.kernels.settleTouched(faults, n, placement, tally, from)
          space.kernels.unmarkTouched(touched, marked.words)
          const keys = [...tally.keys.subarray(0, tally.lengths[1])]
          return { ...after(state, pairsOf(faults, from, moved)), n, keys, counts: [...tally.counts] }
        })
        const state = stateOf(plainWorkspace)
        const { marked, tally, placement, faults, from } = state
        const { kernels } = plainWorkspace
        const arrays = arraysOf(list, plainWorkspace)
        const n = kernels.findMarked(arrays.touchPage, 0, list.length, marked.words, faults)
        expect(kernels.tallyFaults(arrays, 0, n, placement, marked.words, tally, faults)).toBe(n)
        const left = tally.lengths[0]!
        kernels.moveFaults(arrays, left, placement, marked.words, tally, faults, from)
        const { keys, counts, n: counted, ...inOrder } = together
        expect(inOrder).toEqual(after(state, pairsOf(faults, from, left)))
        expect(counted).toBe(n)
        expect(counts).toEqual([...tally.counts].map((count, key) => count + tally.moves[key]!))
        expect(keys.sort((a, b) => a - b)).toEqual(counts.flatMap((count, key) => (count > 0 ? [key] : [])))
      },
    ),
  )
})
