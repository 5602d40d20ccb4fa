/** State of lanes is zeroed wherever it lies, and leaves kernels their half of the memory. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ArrayType } from '../../src/columns/index.ts'
import { stateIn } from '../../src/replay/lane-state.ts'
import { Arena, plainWorkspace, workspaceOn } from '../../src/wasm/index.ts'

const arena = new Arena()
const space = workspaceOn(arena)!
// what they have in common
const TYPES = [Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array, Float64Array] as unknown as ArrayType<Uint8Array>[]

it('arrays in memory that others had before are as plain ones', () => {
  const wanted = fc.array(fc.tuple(fc.constantFrom(...TYPES), fc.nat(200)), { maxLength: 8 })
  fc.assert(
    fc.property(wanted, (list) => {
      const start = arena.mark()
      for (const [type, length] of list) {
        const [near, plain] = [stateIn(space)(type, length), stateIn(plainWorkspace)(type, length)]
        expect(near.buffer).toBe(arena.memory.buffer)
        expect(plain.buffer).not.toBe(arena.memory.buffer)
        expect([...near]).toEqual([...plain])
        near.fill(7)
      }
      arena.release(start)
    }),
  )
})

it('half of the memory is left to kernels', () => {
  const full = { ...space, free: 2 ** 31 + 99 }
  expect(stateIn(full)(Uint8Array, 99).buffer).toBe(arena.memory.buffer)
  expect(stateIn(full)(Uint8Array, 100).buffer).not.toBe(arena.memory.buffer)
})
