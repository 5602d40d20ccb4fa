/** Kernels of whole columns: WebAssembly, TypeScript, and plain arithmetic. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { columnBytes, FRAME, FRAME_PAD, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

const WORD = 2 ** 32
const word = fc.oneof(fc.nat(99), fc.integer({ min: 0, max: WORD - 1 }))

function filled<A extends { set(values: ArrayLike<number>): void }>(array: A, values: ArrayLike<number>): A {
  array.set(values)
  return array
}

/** Sums up to and with each value. */
function running(list: readonly number[]): number[] {
  let sum = 0
  return list.map((value) => (sum += value))
}

it('sums in place, and whether they pass 32 bits', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (list) => {
      const [isFine, found] = onBoth(({ kernels, u32 }) => {
        const values = filled(u32(list.length), list)
        return [kernels.sumUp(values, list.length), [...values]] as const
      })
      const wanted = running(list)
      expect([isFine, found]).toEqual([(wanted.at(-1) ?? 0) < WORD, wanted.map((value) => value % WORD)])
    }),
  )
})

it('sums of a packed column, and of values whose differences it holds, whole frames of which may be zero', () => {
  const stretch = fc.record({ value: fc.oneof(fc.constant(0), fc.nat(9), word), times: fc.oneof(fc.nat(9), fc.nat(400)), jitter: fc.constantFrom(0, 0, 5) })
  const packed = ({ kernels, u32, u8 }: Workspace, list: readonly number[]) => {
    const column = u8(columnBytes(list.length) + FRAME_PAD)
    kernels.packColumn(filled(u32(list.length + FRAME), list), list.length, column)
    return column
  }
  fc.assert(
    fc.property(fc.array(stretch, { maxLength: 6 }), fc.boolean(), (stretches, isDelta) => {
      const list = stretches.flatMap(({ value, times, jitter }) =>
        Array.from({ length: times }, (_, i) => Math.min(WORD - 1, value + ((i * 7) % (jitter + 1)))),
      )
      const [isFine, found] = onBoth((workspace) => {
        const out = workspace.u32(Math.ceil(list.length / FRAME) * FRAME)
        return [workspace.kernels.unpackSums(packed(workspace, list), list.length, isDelta, out), [...out.subarray(0, list.length)]] as const
      })
      const values = isDelta ? running(list.map((z) => (z % 2 === 0 ? z / 2 : -(z + 1) / 2))).map((sum) => ((sum % WORD) + WORD) % WORD) : list
      const wanted = running(values)
      expect([isFine, found]).toEqual([(wanted.at(-1) ?? 0) < WORD, wanted.map((sum) => sum % WORD)])
    }),
  )
})

it('numbers of two words', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat(), { maxLength: 20 }), (list) => {
      const found = onBoth(({ kernels, u32, f64 }) => {
        const out = f64(list.length)
        const low = list.map((value) => value % WORD)
        const high = list.map((value) => Math.floor(value / WORD))
        kernels.joinWords(filled(u32(list.length), low), filled(u32(list.length), high), list.length, out)
        return [...out]
      })
      expect(found).toEqual(list)
    }),
  )
})

it('indexes in 16 bits, and whether all are below a limit', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(9), word), { maxLength: 20 }), fc.oneof(fc.nat(10), fc.constant(2 ** 16)), (list, limit) => {
      const [isFine, found] = onBoth(({ kernels, u32, u16 }) => {
        const out = u16(list.length)
        return [kernels.narrowWords(filled(u32(list.length), list), list.length, limit, out), [...out]] as const
      })
      expect([isFine, found]).toEqual([list.every((value) => value < limit), list.map((value) => value % 2 ** 16)])
    }),
  )
})
