/** Blocks of a heap: zeroed, apart from each other, and given back ones are used again. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Heap } from '../../src/wasm/index.ts'

describe.each([
  ['wasm', Heap.open],
  ['typescript', Heap.plain],
])('%s', (kind, open) => {
  it('random taking and giving: every block is zeroed, aligned, and nobody else writes to it', () => {
    const step = fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 300_000 }) }), fc.record({ give: fc.nat() }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = open()
        expect(heap.kind).toBe(kind)
        const blocks: { at: number; bytes: number; mark: number }[] = []
        const bytesOf = ({ at, bytes }: { at: number; bytes: number }) => heap.u8.subarray(at, at + bytes)
        for (const [i, one] of steps.entries()) {
          if ('take' in one) {
            const block = { at: heap.take(one.take), bytes: one.take, mark: 1 + (i % 255) }
            expect(block.at % 64).toBe(0)
            expect(bytesOf(block).every((byte) => byte === 0)).toBe(true)
            bytesOf(block).fill(block.mark)
            blocks.push(block)
          } else if (blocks.length > 0) {
            const [block] = blocks.splice(one.give % blocks.length, 1)
            heap.give(block!.at, block!.bytes)
          }
          for (const block of blocks) expect(bytesOf(block).every((byte) => byte === block.mark)).toBe(true)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('neighbours that were given back are one block, in whatever order', () => {
    const heap = open()
    const [a, b, c, d] = [heap.take(1000), heap.take(1000), heap.take(1000), heap.take(1000)]
    heap.give(c!, 1000)
    heap.give(a!, 1000)
    heap.give(b!, 1000)
    expect(heap.take(3 * 1024)).toBe(a)
    heap.give(d!, 1000)
    expect(heap.take(3000)).toBe(d) // the last block grows where it is
  })

  it('a table that grows by half again and again stays where it is', () => {
    const heap = open()
    const first = heap.take(4096)
    let bytes = 4096
    for (let i = 0; i < 12; i++) {
      heap.give(first, bytes)
      bytes = Math.ceil(bytes * 1.5)
      expect(heap.take(bytes)).toBe(first)
    }
    expect(heap.most).toBeLessThan(bytes + 64)
  })
})
