/** Single accesses: WebAssembly and TypeScript expand the same runs into the same words, and count the same. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type AccessRuns, BITS_PAD, cellsOf, RUN_PAD, type WordLayout, type Workspace, wordLayout, wordsOf } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

function filled<A extends Uint8Array | Uint32Array>(array: A, values: ArrayLike<number>): A {
  array.set(values)
  return array
}

const PAGES = 50
const ACTORS = 9
const run = fc.record({ page: fc.nat(PAGES - 1), actor: fc.nat(ACTORS - 1), writes: fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }) })
const runs = fc.array(run, { maxLength: 40 })
/** One of each kernel: for few actors, for any number, and for two words. */
const layout = fc.constantFrom<WordLayout>(wordLayout(PAGES, ACTORS), wordLayout(PAGES, 40), { shift: 8, isWide: true })

interface Expanded {
  isFine: boolean
  words: Uint32Array
}

function expand(
  { kernels, u8, u32 }: Workspace,
  list: readonly { page: number; actor: number; writes: boolean[] }[],
  shape: WordLayout,
  limits = [PAGES, ACTORS],
): Expanded {
  const bits = list.flatMap(({ writes }) => writes)
  const n = bits.length
  const given: AccessRuns = {
    count: list.length,
    page: filled(
      u32(list.length),
      list.map(({ page }) => page),
    ),
    actor: filled(
      u32(list.length),
      list.map(({ actor }) => actor),
    ),
    more: filled(
      u32(list.length),
      list.map(({ writes }) => writes.length - 1),
    ),
  }
  const packed = u8(Math.ceil(n / 8) + BITS_PAD)
  bits.forEach((isWrite, i) => {
    if (isWrite) packed[i >> 3]! |= 1 << (i & 7)
  })
  const words = u32(wordsOf(shape) * n + RUN_PAD)
  const isFine = kernels.expandRuns(given, packed, n, shape, limits[0]! - 1, limits[1]! - 1, words)
  return { isFine, words: words.subarray(0, wordsOf(shape) * n) }
}

it('runs become words', () => {
  fc.assert(
    fc.property(runs, layout, (list, shape) => {
      const [isFine, ...words] = onBoth((workspace) => {
        const { isFine, words } = expand(workspace, list, shape)
        return [isFine, ...words]
      })
      expect(isFine).toBe(true)
      const wanted = list.flatMap(({ page, actor, writes }) =>
        writes.flatMap((isWrite) => {
          const key = 8 * actor + 4 * Number(isWrite)
          return shape.isWide ? [page, key] : [page * 2 ** shape.shift + key]
        }),
      )
      expect(words).toEqual(wanted)
    }),
  )
})

it('words are counted by node, actor and write, as one would by hand', () => {
  const placed = fc
    .constantFrom(1, 4, 9, 40)
    .chain((nodes) => fc.tuple(fc.constant(nodes), fc.uint8Array({ minLength: PAGES, maxLength: PAGES, max: nodes - 1 })))
  fc.assert(
    fc.property(runs, layout, placed, (list, shape, [nodes, placement]) => {
      const counted = onBoth((workspace) => {
        const { words } = expand(workspace, list, shape)
        const cells = workspace.u32(cellsOf(shape, nodes))
        const n = words.length / wordsOf(shape)
        const at = filled(workspace.u8(PAGES), placement)
        workspace.kernels.countAccesses(words, n, shape, at, nodes, cells)
        workspace.kernels.countAccesses(words, n, shape, at, nodes, cells)
        return [...cells]
      })
      const wanted = counted.map(() => 0)
      for (const { page, actor, writes } of list)
        for (const isWrite of writes) wanted[placement[page]! * 2 ** (shape.shift - 2) + 2 * actor + Number(isWrite)]! += 2
      expect(counted).toEqual(wanted)
    }),
  )
})

it('runs that do not add up, or name what is not there, are refused', () => {
  fc.assert(
    fc.property(runs, layout, fc.integer({ min: 1, max: PAGES }), fc.integer({ min: 1, max: ACTORS }), (list, shape, pages, actors) => {
      const isFine = onBoth((workspace) => expand(workspace, list, shape, [pages, actors]).isFine)
      expect(isFine).toBe(list.every(({ page, actor }) => page < pages && actor < actors))
    }),
  )
  const broken = (change: (runs: AccessRuns) => void, n: number) =>
    onBoth(({ kernels, u8, u32 }) => {
      const given: AccessRuns = { count: 2, page: u32(2), actor: u32(2), more: filled(u32(2), [3, 4]) }
      change(given)
      return kernels.expandRuns(given, u8(16), n, wordLayout(1, 1), 0, 0, u32(64))
    })
  expect(broken(() => {}, 9)).toBe(true)
  expect(broken(() => {}, 8)).toBe(false)
  expect(broken(() => {}, 10)).toBe(false)
  expect(broken(({ more }) => more.set([8, 0xffff_ffff]), 9)).toBe(false)
  expect(broken(({ more }) => more.set([0xffff_ffff, 9]), 9)).toBe(false)
})

it('a word holds 32 bits, and two words the rest', () => {
  expect(wordLayout(2 ** 24, 32)).toEqual({ shift: 8, isWide: false })
  expect(wordLayout(2 ** 24 + 1, 32)).toEqual({ shift: 8, isWide: true })
  expect(wordLayout(2 ** 24 + 1, 16)).toEqual({ shift: 7, isWide: false })
  expect(wordLayout(2 ** 24, 33)).toEqual({ shift: 9, isWide: true })
  expect(wordLayout(2 ** 23, 33)).toEqual({ shift: 9, isWide: false })
  expect(wordLayout(2 ** 22, 128)).toEqual({ shift: 10, isWide: false })
  expect(wordLayout(2 ** 27, 4)).toEqual({ shift: 5, isWide: false })
  expect(wordLayout(2 ** 32, 2 ** 16)).toEqual({ shift: 19, isWide: true })
  expect(wordLayout(1, 1)).toEqual({ shift: 8, isWide: false })
})
