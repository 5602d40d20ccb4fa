/** WebAssembly kernels and their TypeScript twins do the same on random inputs. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BitSet } from '../../src/columns/index.ts'
import { Arena, type Cells, cellsFor, plainWorkspace, twins, type Workspace, workspaceOn } from '../../src/wasm/index.ts'

const arena = new Arena()
const wasm = workspaceOn(arena)!

/** The same arrays for both, filled alike. */
function both<T>(work: (space: Workspace) => T): [T, T] {
  const mark = arena.mark()
  const results: [T, T] = [work(wasm), work(plainWorkspace)]
  arena.release(mark)
  return results
}

const filled = <A extends Uint8Array | Uint16Array | Uint32Array>(array: A, values: ArrayLike<number>): A => {
  array.set(values)
  return array
}

/** Both banks together. */
function sumsOf({ words, bank }: Cells): number[] {
  return Array.from({ length: bank / 4 }, (_, i) => words[i]! + words[bank / 4 + i]!)
}

it('WebAssembly is there: the package was built', () => {
  expect(wasm?.kind).toBe('wasm')
})

it('account', () => {
  const PAGES = 40
  const pair = fc.tuple(fc.nat(PAGES - 1), fc.nat(8), fc.nat(1 << 24), fc.nat(1 << 24))
  const list = fc.array(pair, { maxLength: 60 })
  const nodes = fc.uint8Array({ minLength: PAGES, maxLength: PAGES, max: 3 })
  fc.assert(
    fc.property(list, nodes, fc.nat(60), (pairs, placement, from) => {
      const first = Math.min(from, pairs.length)
      const [found, wanted] = both((space) => {
        const cells = cellsFor(9, 2, space)
        space.kernels.account(filled(space.u32(4 * pairs.length), pairs.flat()), first, pairs.length, filled(space.u8(PAGES), placement), cells, 2)
        return sumsOf(cells)
      })
      expect(found).toEqual(wanted)
      expect(found.reduce((sum, count) => sum + count, 0)).toBe(pairs.slice(first).reduce((sum, [, , reads, writes]) => sum + reads + writes, 0))
    }),
  )
})

it('packPairs and accountPacked', () => {
  const PAGES = 2000
  const ACTORS = 256
  const count = fc.oneof(fc.nat(3), fc.constantFrom(254, 255, 256, 510, 511), fc.nat(70_000))
  const pair = fc.tuple(fc.nat(PAGES - 1), fc.nat(ACTORS - 1), count, count)
  const list = fc.uniqueArray(pair, { maxLength: 60, selector: ([page, actor]) => page * ACTORS + actor })
  const nodes = fc.array(fc.oneof(fc.nat(3), fc.constant(255)), { minLength: PAGES, maxLength: PAGES })
  fc.assert(
    fc.property(list, nodes, fc.nat(60), fc.nat(200), fc.nat(5), (unsorted, placement, from, room, at) => {
      const pairs = unsorted.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      const first = Math.min(from, pairs.length)
      for (const [page] of pairs) if (placement[page] === 255) placement[page] = 1
      const [found, wanted] = both((space) => {
        const array = filled(space.u32(4 * pairs.length + 4), pairs.flat())
        const records = space.u32(at + room)
        const end = space.kernels.packPairs(array, first, pairs.length, records, at)
        const cells = cellsFor(ACTORS, 2, space)
        if (end !== undefined) space.kernels.accountPacked(records, at, end, array[4 * first]!, filled(space.u8(PAGES), placement), cells, 2)
        return { end, records: end === undefined ? [] : [...records], cells: sumsOf(cells), left: cells.sums.some((sum) => sum !== 0) }
      })
      expect(found).toEqual(wanted)
      expect(found.left).toBe(false)
      if (found.end === undefined) return
      const cells = cellsFor(ACTORS, 2, plainWorkspace)
      plainWorkspace.kernels.account(Uint32Array.from(pairs.flat()), first, pairs.length, Uint8Array.from(placement), cells, 2)
      expect(found.cells).toEqual(sumsOf(cells))
    }),
  )
})

it('accountPacked sums more records than a bank of sums takes', () => {
  const records = Uint32Array.from({ length: 400_001 }, (_, k) => (255 | ((k % 3) << 16) | (255 << 24)) >>> 0)
  const [found, wanted] = both((space) => {
    const cells = cellsFor(3, 1, space)
    space.kernels.accountPacked(filled(space.u32(records.length), records), 0, records.length, 0, filled(space.u8(1), [1]), cells, 1)
    return sumsOf(cells)
  })
  expect(found).toEqual(wanted)
  expect(found.reduce((sum, count) => sum + count, 0)).toBe(records.length * 2 * 255)
})

it('findNew and placeNew', () => {
  const touch = fc.tuple(fc.nat(99), fc.nat(19))
  const touches = fc.uniqueArray(touch, { maxLength: 60, selector: ([page]) => page })
  fc.assert(
    fc.property(touches, fc.nat(60), fc.nat(60), fc.nat(100), fc.nat(99), fc.constantFrom(3, 16, 17, 20), (list, one, other, seen, most, actors) => {
      const [from, to] = [Math.min(one, other, list.length), Math.min(Math.max(one, other), list.length)]
      const n = Math.min(most, 100 - seen)
      const [found, wanted] = both((space) => {
        const touchPage = filled(
          space.u32(60),
          list.map(([page]) => page),
        )
        const touchActor = filled(
          space.u16(60),
          list.map(([, actor]) => actor % actors),
        )
        const actor = space.u8(n + 1)
        const counts = space.u32(actors + 1)
        const pages = space.kernels.findNew({ touchPage, touchActor }, from, to, seen, actor, counts)
        const placement = space.u8(100).fill(255)
        const target = filled(
          space.u8(actors),
          Array.from({ length: actors }, (_, a) => (7 * a) % 5),
        )
        space.kernels.placeNew(actor.subarray(0, n), seen, placement, target)
        return { pages, actor: [...actor.subarray(0, n)], counts: [...counts], placement: [...placement] }
      })
      expect(found).toEqual(wanted)
      const fresh = list.slice(from, to).filter(([page]) => page >= seen && page < seen + n)
      expect(found.pages).toBe(fresh.every(([page], k) => page === seen + k) ? fresh.length : 0)
      for (const [page, actor] of fresh) expect(found.placement[page]).toBe((7 * (actor % actors)) % 5)
      expect(found.placement.every((node, page) => (node === 255) === (page < seen || page >= seen + n))).toBe(true)
    }),
  )
})

it('countNodes', () => {
  const groups = fc.array(fc.array(fc.nat(49), { maxLength: 20 }), { maxLength: 8 })
  const nodes = fc.array(fc.oneof(fc.nat(3), fc.constant(255)), { minLength: 50, maxLength: 50 })
  fc.assert(
    fc.property(groups, nodes, (lists, placement) => {
      const pages = lists.flat()
      const start = [0]
      for (const list of lists) start.push(start.at(-1)! + list.length)
      const [found, wanted] = both((space) => {
        const counts = space.u32(5 * lists.length).fill(7)
        space.kernels.countNodes(filled(space.u32(pages.length), pages), filled(space.u32(start.length), start), filled(space.u8(50), placement), 4, counts)
        return [...counts]
      })
      expect(found).toEqual(wanted)
      for (const [g, list] of lists.entries()) expect(found[5 * g + 4]).toBe(list.filter((page) => placement[page] === 255).length)
    }),
  )
})

it('joinNodes', () => {
  const bytes = fc.uint8Array({ minLength: 70, maxLength: 70 })
  fc.assert(
    fc.property(bytes, bytes, fc.nat(70), fc.nat(70), fc.nat(7), (joint, placement, from, to, shift) => {
      const [found, wanted] = both((space) => {
        const target = filled(space.u8(70), joint)
        space.kernels.joinNodes(target, filled(space.u8(70), placement), from, Math.max(from, to), shift)
        return [...target]
      })
      expect(found).toEqual(wanted)
    }),
  )
})

it('accesses add up beyond 2^32', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 40 }), (counts) => {
      const pairs = counts.flatMap((count, i) => [i, 0, count, counts.at(-1 - i)!])
      const [found, wanted] = both((space) => space.kernels.accesses(filled(space.u32(pairs.length), pairs), 0, counts.length))
      expect(found).toBe(wanted)
    }),
  )
})

/** Touches of distinct pages by a few actors, and what is known of the pages, whose marks take three words. */
const PAGES = 70
const ACTORS = 3
const pageId = fc.oneof(fc.nat(PAGES - 1), fc.constantFrom(0, 31, 32, 63, 64, PAGES - 1))
const touched = fc
  .uniqueArray(pageId)
  .chain((pages) => fc.tuple(fc.constant(pages), fc.array(fc.nat(ACTORS - 1), { minLength: pages.length, maxLength: pages.length })))
const byPage = (...values: number[]) => fc.array(fc.constantFrom(...values), { minLength: PAGES, maxLength: PAGES })

function markedIn(space: Workspace, marks: number[]): BitSet {
  const set = new BitSet(PAGES, space.u32)
  for (const [page, mark] of marks.entries()) if (mark === 1) set.add(page)
  return set
}

it('findFaults, and findMarked where no page is absent', () => {
  fc.assert(
    fc.property(fc.array(pageId), byPage(0, 1, 1, 1, 255), byPage(0, 0, 0, 1), fc.nat(20), (touches, placement, marks, from) => {
      const first = Math.min(from, touches.length)
      const [found, wanted] = both((space) => {
        const { kernels } = space
        const room = space.u32(touches.length + 1)
        const pages = filled(space.u32(touches.length), touches)
        const { words } = markedIn(space, marks)
        const faults = [...room.subarray(0, kernels.findFaults(pages, first, touches.length, filled(space.u8(PAGES), placement), words, room))]
        return { faults, marked: [...room.subarray(0, kernels.findMarked(pages, first, touches.length, words, room))] }
      })
      expect(found).toEqual(wanted)
      expect(found.faults).toEqual(touches.flatMap((page, k) => (k >= first && (placement[page] === 255 || marks[page] === 1) ? [k] : [])))
      expect(found.marked).toEqual(touches.flatMap((page, k) => (k >= first && marks[page] === 1 ? [k] : [])))
    }),
  )
})

it('placeAbsent', () => {
  fc.assert(
    fc.property(touched, byPage(0, 1, 255), fc.nat(PAGES), ([pages, actors], placement, from) => {
      const first = Math.min(from, pages.length)
      const [found, wanted] = both((space) => {
        const touches = { touchPage: filled(space.u32(pages.length), pages), touchActor: filled(space.u16(pages.length), actors) }
        const [at, placed] = [filled(space.u8(PAGES), placement), space.u32(ACTORS)]
        space.kernels.placeAbsent(touches, first, pages.length, at, filled(space.u8(ACTORS), [2, 3, 2]), placed)
        return { at: [...at], placed: [...placed] }
      })
      expect(found).toEqual(wanted)
      expect(found.at).toEqual(placement.map((node, page) => (node === 255 && pages.indexOf(page) >= first ? [2, 3, 2][actors[pages.indexOf(page)]!] : node)))
    }),
  )
})

it('markPages: entries in any order, some without a page', () => {
  const entries = fc.array(fc.integer({ min: -1, max: PAGES - 1 }), { maxLength: 300 })
  fc.assert(
    fc.property(
      entries,
      byPage(0, 1, 2, 255),
      byPage(0, 1, 1, 1),
      fc.constantFrom(1, 255),
      fc.boolean(),
      fc.nat(9),
      (list, placement, marks, except, areAll, stale) => {
        const [found, wanted] = both((space) => {
          const { buffer, byteOffset } = space.u32(list.length + stale)
          const room = new Int32Array(buffer, byteOffset, list.length + stale)
          room.set(list)
          const marked = markedIn(space, marks)
          const fresh = space.kernels.markPages(room, list.length, filled(space.u8(PAGES), placement), marked.words, except, areAll)
          return { fresh, marked: [...marked.members()] }
        })
        expect(found).toEqual(wanted)
        const may = list.filter((page) => page >= 0 && (areAll || (placement[page] !== 255 && placement[page] !== except)))
        const before = marks.flatMap((mark, page) => (mark === 1 ? [page] : []))
        expect(found.marked).toEqual([...new Set([...before, ...may])].sort((a, b) => a - b))
        expect(found.fresh).toBe(found.marked.length - before.length)
      },
    ),
  )
})

it('tallyFaults and moveFaults', () => {
  const NODES = 2
  const KEYS = ACTORS * (ACTORS + 1) * NODES
  const verdicts = fc.array(fc.constantFrom(1, 2, 3, 1, 2, 3, 0, 4), { minLength: KEYS, maxLength: KEYS })
  const ready = fc.array(fc.constantFrom(1, 1, 1, 0), { minLength: ACTORS, maxLength: ACTORS })
  fc.assert(
    fc.property(
      touched,
      byPage(0, 1, 1, 255),
      byPage(0, 1, 1),
      byPage(0, 1, 2, 0xffff),
      verdicts,
      ready,
      fc.boolean(),
      ([pages, actors], placement, marks, lasts, known, due, isNarrow) => {
        const [found, wanted] = both((space) => {
          const touches = { touchPage: filled(space.u32(pages.length), pages), touchActor: filled(space.u16(pages.length), actors) }
          const [at, marked] = [filled(space.u8(PAGES), placement), markedIn(space, marks)]
          const last = isNarrow ? filled(space.u8(PAGES), lasts) : filled(space.u16(PAGES), lasts)
          const moved = {
            moves: space.u32(KEYS),
            moveKeys: space.u32(KEYS + 1),
            target: filled(
              space.u8(ACTORS),
              [...Array(ACTORS).keys()].map((actor) => actor % NODES),
            ),
          }
          const lists = { counts: space.u32(KEYS), keys: space.u32(KEYS + 1), lengths: space.u32(3), ...moved }
          const byKey = { actorOf: space.u16(KEYS / 2), verdicts: filled(space.u8(KEYS), known) }
          const tally = { actors: ACTORS, shift: 1, last, ready: filled(space.u8(ACTORS), due), ...byKey, ...lists }
          const from = space.u8(pages.length)
          let moves = 0
          const list = space.u32(pages.length + 1)
          const faults = space.kernels.findFaults(touches.touchPage, 0, pages.length, at, marked.words, list)
          const steps: unknown[] = []
          // goes on behind each fault at which it stops, as the lane does
          for (let f = 0; f <= faults; f++) {
            f = space.kernels.tallyFaults(touches, f, faults, at, marked.words, tally, list)
            const left = lists.lengths[0]!
            steps.push([f, ...list.subarray(0, left), ...lists.lengths, ...lists.moveKeys.subarray(0, lists.lengths[2])])
            space.kernels.moveFaults(touches, left, at, marked.words, tally, list, from)
            steps.push([...list.subarray(0, left), ...from.subarray(0, left)])
            moves += left
          }
          return {
            steps,
            marked: marks.map((_, page) => (marked.has(page) ? 1 : 0)),
            last: [...last],
            counts: [...lists.counts],
            keys: [...lists.keys.subarray(0, lists.lengths[1])],
            moveCounts: [...lists.moves],
            placement: [...at],
            moves,
          }
        })
        expect(found).toEqual(wanted)
        const counted = found.counts.reduce((sum, count) => sum + count, 0)
        expect(counted + found.moves).toBe(marks.reduce((sum: number, mark, page) => sum + mark - found.marked[page]!, 0))
        for (const [page, mark] of marks.entries()) if (mark === 0 || !pages.includes(page)) expect(found.marked[page]).toBe(mark)
      },
    ),
  )
})

it('optimumEpoch and optimumChoices: sums within 32 bits and beyond, any number of nodes, some of the pages', () => {
  const PAGES = 6
  const FIRST = 1000
  const ACTORS = 3
  const pair = fc.tuple(fc.integer({ min: FIRST, max: FIRST + PAGES - 1 }), fc.nat(ACTORS - 1), fc.constantFrom(0, 1, 300, 20_000, 0xffff_ffff), fc.nat(9000))
  const costs = fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 2 * ACTORS * 12, maxLength: 2 * ACTORS * 12 })
  fc.assert(
    fc.property(fc.array(fc.array(pair, { maxLength: 20 }), { maxLength: 4 }), costs, fc.constantFrom(4, 8, 12), fc.nat(2e6), (epochs, ps, width, move) => {
      const words = ps.slice(0, 2 * ACTORS * width)
      const mostAccesses = Math.floor((2 ** 32 - 1 - move) / Math.max(...words))
      const [found, wanted] = both((space) => {
        const beyond = space.u32(PAGES * width)
        const table = { words: filled(space.u32(words.length), words), width, move, mostAccesses, firstPage: FIRST }
        const epoch = epochs.map((pairs) => {
          const sorted = pairs.toSorted((a, b) => a[0] - b[0])
          const near = filled(space.u32(4 * sorted.length), sorted.flat())
          const sum = space.kernels.optimumEpoch(near, 0, sorted.length, beyond, table)
          const choices = space.u32(PAGES)
          const pages = space.kernels.optimumChoices(near, 0, sorted.length, beyond, width, table, choices)
          expect(pages).toBe(new Set(sorted.map(([page]) => page)).size)
          return [sum, ...choices.subarray(0, pages)]
        })
        return { epoch, beyond: Array.from(beyond) }
      })
      expect(found).toEqual(wanted)
    }),
  )
})

it('optimumEpochOfTwo is optimumEpoch over two nodes', () => {
  const PAGES = 6
  const ACTORS = 3
  const pair = fc.tuple(fc.nat(PAGES - 1), fc.nat(ACTORS - 1), fc.constantFrom(0, 1, 300, 20_000, 0xffff_ffff), fc.nat(9000))
  const costs = fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 4 * ACTORS, maxLength: 4 * ACTORS })
  fc.assert(
    fc.property(fc.array(fc.array(pair, { maxLength: 20 }), { maxLength: 4 }), costs, fc.nat(2e6), (epochs, words, move) => {
      const sortedBy = epochs.map((pairs) => pairs.toSorted((a, b) => a[0] - b[0]))
      const [found, wanted] = both((space) => {
        const apart = space.u32(PAGES)
        const table = { words: filled(space.u32(words.length), words), width: 2, move, mostAccesses: 0, firstPage: 0 }
        const choices: number[][] = []
        const sums = sortedBy.map((sorted) => {
          const near = filled(space.u32(4 * sorted.length), sorted.flat())
          const sum = space.kernels.optimumEpochOfTwo(near, 0, sorted.length, apart, table)
          const out = space.u32(PAGES)
          choices.push([...out.subarray(0, space.kernels.optimumChoices(near, 0, sorted.length, apart, 1, table, out))])
          return sum
        })
        return { sums, choices, apart: Array.from(apart, (word) => word | 0) }
      })
      expect(found).toEqual(wanted)
      const beyond = new Float64Array(2 * PAGES)
      const table = { words: Float64Array.from(words), width: 2, move, mostAccesses: 0, firstPage: 0 }
      const choices: number[][] = []
      const sums = sortedBy.map((sorted) => {
        const pairs = Uint32Array.from(sorted.flat())
        const sum = twins.optimumEpoch(pairs, 0, sorted.length, beyond, table)
        const out = new Uint32Array(PAGES)
        choices.push([...out.subarray(0, twins.optimumChoices(pairs, 0, sorted.length, beyond, 2, table, out))])
        return sum
      })
      expect(found.sums).toEqual(sums)
      expect(found.choices).toEqual(choices)
      expect(found.apart).toEqual(Array.from({ length: PAGES }, (_, page) => beyond[2 * page + 1]! - beyond[2 * page]!))
    }),
  )
})

it('views stay valid while the memory grows, and freed bytes come back zeroed', () => {
  const mark = arena.mark()
  const small = arena.u8(100).fill(7)
  const large = arena.u8(1 << 24)
  large.fill(9)
  expect(small.every((byte) => byte === 7)).toBe(true)
  arena.release(mark)
  expect(arena.u8(1 << 20).every((byte) => byte === 0)).toBe(true)
  arena.release(mark)
})

it('every kernel has a twin', () => {
  expect(Object.keys(wasm.kernels).sort()).toEqual(Object.keys(twins).sort())
})
