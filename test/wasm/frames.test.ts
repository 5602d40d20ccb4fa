/** Packed columns: WebAssembly and TypeScript write the same bytes and read the same rows, and refuse the same damage. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { columnBytes, packedBytes, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const value = fc.oneof(fc.nat(3), fc.nat(1000), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
const list = fc.array(value, { maxLength: 300, size: 'max' })

function words({ u32 }: Workspace, values: readonly number[], room = values.length): Uint32Array {
  const array = u32(room)
  array.set(values)
  return array
}

function packed(workspace: Workspace, values: readonly number[]): Uint8Array {
  const out = workspace.u8(columnBytes(values.length) + 16)
  return out.subarray(0, workspace.kernels.packColumn(words(workspace, values), values.length, out))
}

/** Ticks of [page difference, actor, reads, writes] and of touches of them. */
const ticks = fc.array(
  fc.tuple(
    fc.array(fc.tuple(fc.nat(5), fc.nat(20), value, value), { maxLength: 150, size: 'max' }),
    fc.array(fc.tuple(fc.nat(), fc.nat(1), fc.nat(1e6)), { maxLength: 150 }),
  ),
  { maxLength: 6 },
)

describe('packed columns', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(list, (values) => {
        const bytes = onBoth((workspace) => [...packed(workspace, values)])
        expect(packedBytes(Uint8Array.from(bytes), values.length)).toBe(bytes.length)
        const again = onBoth((workspace) => {
          const out = workspace.u32(Math.ceil(values.length / 128) * 128)
          workspace.kernels.unpackColumn(packed(workspace, values), values.length, out)
          return [...out.subarray(0, values.length)]
        })
        expect(again).toEqual(values)
      }),
    )
  })

  it('pairs and touches of ticks', () => {
    fc.assert(
      fc.property(ticks, fc.boolean(), fc.nat(60), fc.boolean(), (near, isDelta, lastPage, isWide) => {
        // what takes more than 24 and 8 bits
        const [farPage, farActor] = isWide ? [2 ** 26, 700] : [0, 0]
        const given = near.map(
          ([rows, some]) => [rows.map(([page, actor, ...counts], i) => [page + (i === 0 ? farPage : 0), actor + farActor, ...counts] as const), some] as const,
        )
        const starts = (rows: readonly (readonly unknown[])[]) => rows.map((_, i) => rows.slice(0, i).flat(1).length).concat(rows.flat(1).length)
        const pairs = given.flatMap(([rows]) => rows)
        const touches = given.flatMap(([rows, some]) =>
          some.map(([index, isWrite, offset]) => [rows.length > 0 ? index % rows.length : index % 3, isWrite, offset]),
        )
        const result = onBoth((workspace) => {
          const { kernels, u32, u16, u8 } = workspace
          const column = (of: readonly (readonly number[])[], c: number) =>
            packed(
              workspace,
              of.map((row) => row[c]!),
            )
          const pairStart = words(workspace, starts(given.map(([rows]) => rows)))
          const touchStart = words(workspace, starts(given.map(([, some]) => some)))
          const out = u32(4 * pairs.length)
          const pairColumns = { page: column(pairs, 0), actor: column(pairs, 1), reads: column(pairs, 2), writes: column(pairs, 3) }
          const fine = kernels.unpackPairs(pairColumns, pairs.length, pairStart, farPage + lastPage * 10, farActor + 19, out)
          if (!fine) return 'out of range'
          const found = { page: u32(touches.length), actor: u16(touches.length), isWrite: u8(touches.length), offset: u32(touches.length) }
          const touchColumns = { index: column(touches, 0), isWrite: column(touches, 1), offset: column(touches, 2), isDelta, isWide }
          if (!kernels.unpackTouches(touchColumns, touches.length, touchStart, pairStart, out, u32(2 * pairs.length), found)) return 'touch out of range'
          return [[...out], [...found.page], [...found.actor], [...found.isWrite], [...found.offset]]
        })
        // the slowest way: one value after the other
        if (pairs.some(([, actor]) => actor! > farActor + 19)) expect(result).toBe('out of range')
        if (typeof result === 'string' || isDelta) return
        let k = 0
        for (const [rows, some] of given) {
          let page = 0
          const pages = rows.map(([difference]) => (page += difference))
          for (const [index] of some) expect(result[1]![k++]).toBe(pages[index % rows.length])
        }
      }),
      { numRuns: 300 },
    )
  })

  it('find the pair of each touch', () => {
    const pages = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(pages, fc.array(fc.nat(), { maxLength: 50 }), (some, picks) => {
        const sorted = some.sort((a, b) => a - b).flatMap((page, i) => [0, 1, 65535].slice(0, 1 + (i % 3)).map((actor) => [page, actor, 1, 1]))
        const chosen = picks.map((pick) => pick % sorted.length)
        const found = onBoth((workspace) => {
          const touches = {
            page: words(
              workspace,
              chosen.map((i) => sorted[i]![0]!),
            ),
            actor: workspace.u16(chosen.length),
            isWrite: workspace.u8(chosen.length),
            offset: workspace.u32(chosen.length),
          }
          touches.actor.set(chosen.map((i) => sorted[i]![1]!))
          const out = workspace.u32(chosen.length)
          workspace.kernels.rankTouches(
            touches,
            words(workspace, [0, chosen.length]),
            words(workspace, [0, sorted.length]),
            words(workspace, sorted.flat()),
            out,
          )
          return [...out]
        })
        expect(found).toEqual(chosen)
      }),
    )
  })
})
