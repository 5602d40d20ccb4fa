/** Columns of single accesses: each kind of values in the coding that suits it, and back; damage is refused or harmless. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constantOf, decodeColumn, encodeColumn } from '../../src/trace/coded-column.ts'
import { Malformed } from '../../src/trace/sections.ts'
import type { Workspace } from '../../src/wasm/index.ts'
import { onBoth } from '../wasm/both.ts'

/** Numbers of the codings in docs/format.md. */
const [CONSTANT, FRAMES, DIFFERENCES, DEFLATED, PATCHED] = [0, 1, 2, 3, 4]

/** The bytes, after they gave the same numbers again; WebAssembly and the twins agree on both. */
function coded(numbers: number[]): Uint8Array {
  return onBoth((workspace) => {
    const values = workspace.u32(numbers.length)
    values.set(numbers)
    const column = Uint8Array.from(encodeColumn(workspace, values, numbers.length))
    expect(Array.from(decoded(workspace, column, numbers.length))).toEqual(numbers)
    return column
  })
}

const decoded = (workspace: Workspace, column: Uint8Array, n: number) => Uint32Array.from(decodeColumn(workspace, column, n).subarray(0, n))

const random = (n: number, below: number, seed = 1) => {
  let state = seed
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  })
}
const N = 20_000

describe('the coding', () => {
  it.each([
    ['all the same', Array.from({ length: N }, () => 0xfedcba98), CONSTANT],
    ['noise', random(N, 2 ** 20), FRAMES],
    ['a slow climb', random(N, 16).map((step, i) => i * 100 + step), DIFFERENCES],
    ['the same stretch again and again', Array.from({ length: 65_536 }, (_, i) => ((i % 100) * 40_503) % 65_521), DEFLATED],
    ['few large among small', random(N, 8).map((value, i) => (i % 40 === 7 ? 0xffff_fff0 + value : value)), PATCHED],
    ['a large first and last', random(N, 8).map((value, i) => (i % 1000 === 0 || i === N - 1 ? 2 ** 31 + i : value)), PATCHED],
  ])('of %s', (_, numbers, coding) => {
    expect(coded(numbers)[0]).toBe(coding)
  })

  it('with patches is a good deal smaller than frames alone', () => {
    const numbers = random(N, 8).map((value, i) => (i % 40 === 7 ? 0xffff_fff0 + value : value))
    // 3 bits a value, and for each of 500 patches 29 bits and a distance of 6; in frames 32 bits a value
    expect(coded(numbers).length).toBeLessThan((3 * N + 500 * 42) / 8)
  })

  it('of any numbers gives them again', () => {
    const number = fc.oneof({ weight: 8, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff_ffff }) })
    fc.assert(fc.property(fc.array(number, { minLength: 1, maxLength: 700 }), (numbers) => void coded(numbers)))
  })
})

it('damage of patches is refused, or gives that many numbers; both kernels see the same', () => {
  const numbers = random(1000, 8).map((value, i) => (i % 40 === 7 ? 2 ** 24 + value : value))
  const column = coded(numbers)
  expect(column[0]).toBe(PATCHED)
  let refused = 0
  fc.assert(
    fc.property(fc.nat(column.length - 1), fc.nat(255), fc.nat(column.length), (at, byte, cut) => {
      const damaged = Uint8Array.from(cut % 4 === 0 ? column.subarray(0, cut) : column)
      if (at < damaged.length) damaged[at] = byte
      onBoth((workspace) => {
        try {
          return decoded(workspace, damaged, numbers.length).length
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed)
          refused++
          return 'refused'
        }
      })
    }),
    { numRuns: 500 },
  )
  expect(refused).toBeGreaterThan(50)
})

it('a constant that is cut off is none', () => {
  expect(constantOf(Uint8Array.of(CONSTANT!, 1, 0, 0, 0))).toBe(1)
  expect(constantOf(Uint8Array.of(CONSTANT!, 1))).toBeUndefined()
})
