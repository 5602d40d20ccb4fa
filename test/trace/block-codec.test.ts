/** Sections of blocks: packed one column behind the other in one room, they have the bytes of columns packed singly. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AS_THEY_ARE, encodeBlock, encoded, ZIGZAG } from '../../src/trace/block-codec.ts'
import { PAIR_WORDS, type TickBlock, traceFromAccesses } from '../../src/trace/index.ts'
import { pack, zigzag } from '../../src/trace/packed.ts'
import { encodeSection } from '../../src/trace/sections.ts'

/** The same, column by column. */
function sectionOf({ ticks, pairs, pairStart, touchStart, touchPage, touchActor, touchIsWrite, touchOffsetNs }: TickBlock): Buffer {
  const counts = (starts: Uint32Array) => Array.from({ length: ticks }, (_, i) => starts[i + 1]! - starts[i]!)
  const pages: number[] = []
  const index: number[] = []
  const differences: number[] = []
  const offsets: number[] = []
  for (let tick = 0; tick < ticks; tick++) {
    const places = new Map<string, number>()
    for (let k = pairStart[tick]!, before = 0; k < pairStart[tick + 1]!; k++) {
      const [page, actor] = pairs.subarray(k * PAIR_WORDS)
      places.set(`${page} ${actor}`, places.size)
      pages.push(page! - before)
      before = page!
    }
    let [indexBefore, offsetBefore] = [0, 0]
    for (let k = touchStart[tick]!; k < touchStart[tick + 1]!; k++) {
      const place = places.get(`${touchPage[k]} ${touchActor[k]}`)!
      index.push(place)
      differences.push(zigzag(place, indexBefore))
      offsets.push(touchOffsetNs[k]! - offsetBefore)
      indexBefore = place
      offsetBefore = touchOffsetNs[k]!
    }
  }
  const words = [1, 2, 3].map((word) => pack(pairs.filter((_, i) => i % PAIR_WORDS === word)))
  const [plain, delta] = [pack(index), pack(differences)]
  const touches = delta.length < plain.length ? [Buffer.of(ZIGZAG), delta] : [Buffer.of(AS_THEY_ARE), plain]
  return encodeSection([pack(counts(pairStart)), pack(counts(touchStart)), pack(pages), ...words, Buffer.concat(touches), pack(touchIsWrite), pack(offsets)])
}

const access = fc.record({
  gap: fc.constantFrom(0, 1, 3, 40),
  cpu: fc.nat(3),
  page: fc.oneof(fc.nat(5), fc.nat(2000)),
  op: fc.constantFrom<'R' | 'W' | 'M'>('R', 'W', 'M'),
})

function blockOf(list: { gap: number; cpu: number; page: number; op: 'R' | 'W' | 'M' }[]): TickBlock {
  let t = 0
  const timed = list.map(({ gap, ...rest }) => {
    t += gap
    return { ...rest, t }
  })
  return traceFromAccesses(timed, { tickNs: 50 }).block(0)
}

const blocks = fc.array(access, { minLength: 1, maxLength: 600 }).map(blockOf)

it('have the bytes of columns that are packed one by one', () => {
  fc.assert(
    fc.property(blocks, (block) => {
      expect(encodeBlock(block)).toEqual(sectionOf(block))
    }),
  )
})

it('wait in rooms of their own until they are taken, which are used again then', () => {
  fc.assert(
    fc.property(fc.array(fc.array(blocks, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), (groups) => {
      const free: Buffer[] = []
      for (const group of groups) {
        const waiting = group.map((block) => encoded(block, free))
        const taken = waiting.map(({ bytes }) => Buffer.concat([...bytes]))
        expect(taken).toEqual(group.map((block) => encodeBlock(block)))
      }
      expect(free.length).toBe(Math.max(0, ...groups.map((group) => group.length)))
    }),
    { numRuns: 30 },
  )
})
