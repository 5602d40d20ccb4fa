/** Beyond 2^24 pages and 2^31: ids, sorting and packing stay exact. */
import { crc32 } from 'node:zlib'
import { expect, it } from 'vitest'
import { BLOCK_COLUMNS, decodeBlock, encodeBlock, shapeOf } from '../../src/trace/block-codec.ts'
import { BlockBuilder, kept } from '../../src/trace/blocks.ts'
import { TickFold } from '../../src/trace/fold.ts'
import { PageTable } from '../../src/trace/pages.ts'
import { PAIR_WORDS, type TickBlock } from '../../src/trace/prepared.ts'
import { decodeSection } from '../../src/trace/sections.ts'
import { Heap } from '../../src/wasm/index.ts'

it('more than 2^24 pages get dense ids in order of first touch', () => {
  const pages = new PageTable(Heap.open())
  const many = 2 ** 24 + 1000
  const spaces = [pages.space(0, 7), pages.space(1, 7)]
  // steps of 3 from the end of one leaf into the next
  const key = (i: number) => 3 * i + 5
  for (let i = 0; i < many; i++) pages.id(spaces[i & 1]!, key(i))
  pages.settle()
  expect(pages.count).toBe(many)
  for (let i = 0; i < many; i += 100_003) expect(pages.id(spaces[i & 1]!, key(i))).toBe(i)
  const [vpage, process] = [new Float64Array(2), new Uint16Array(2)]
  pages.read(many - 2, vpage, process)
  expect([...vpage, ...process]).toEqual([7 * 2 ** 32 + key(many - 2), 7 * 2 ** 32 + key(many - 1), 0, 1])
})

it('scattered pages move from leaves into a table and keep their ids', () => {
  const pages = new PageTable(Heap.open())
  const spaces = [pages.space(0, 0), pages.space(0, 1), pages.space(9, 0)]
  // an odd multiplier visits every 32-bit key once
  const key = (i: number) => Math.imul(i, 2_654_435_769) >>> 0
  const many = 100_000
  for (let i = 0; i < many; i++) {
    expect(pages.id(spaces[i % 3]!, key(i))).toBe(i)
    if (i % 1000 === 0) pages.settle()
  }
  expect(pages.isScattered).toBe(true)
  for (let i = 0; i < many; i += 7) expect(pages.id(spaces[i % 3]!, key(i))).toBe(i)
  expect(pages.count).toBe(many)
  const [vpage, process] = [new Float64Array(3), new Uint16Array(3)]
  pages.read(many - 3, vpage, process)
  expect([...vpage, ...process]).toEqual(
    [many - 3, many - 2, many - 1].map((i) => key(i) + (i % 3 === 1 ? 2 ** 32 : 0)).concat([many - 3, many - 2, many - 1].map((i) => (i % 3 === 2 ? 9 : 0))),
  )
})

it('a tick with page ids around 2^24 and actors around 2^11 and 2^16 comes out sorted, and survives packing', () => {
  const fold = new TickFold(Heap.open())
  const ids = [0, 1, 2047, 2048, 2 ** 22 - 1, 2 ** 22, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1]
  const actors = [0, 1, 2047, 2048, 65_535]
  const wanted = ids.flatMap((page) => actors.map((actor) => [page, actor, page % 5, 1]))
  const first = [...ids].reverse()
  const finer: TickBlock = {
    firstTick: 0,
    ticks: 1,
    startNs: Float64Array.of(100, 200),
    pairStart: Uint32Array.of(0, wanted.length),
    pairs: Uint32Array.from([...wanted].reverse().flat()),
    touchStart: Uint32Array.of(0, ids.length),
    touchPage: Uint32Array.from(first),
    touchActor: new Uint16Array(ids.length).fill(65_535),
    touchIsWrite: new Uint8Array(ids.length).fill(1),
    touchOffsetNs: new Uint32Array(ids.length).fill(3),
  }
  fold.add(finer, 0, 0)
  const blocks: TickBlock[] = []
  const builder = new BlockBuilder((block) => blocks.push(kept(block)))
  fold.flush(builder, 100)
  builder.finish(200)
  const block = blocks[0]!
  const bytes = encodeBlock(block)
  const columns = decodeSection(bytes, { offset: 0, bytes: bytes.length, crc32: crc32(bytes) }, BLOCK_COLUMNS)
  const again = decodeBlock(columns, shapeOf(block), { pages: 2 ** 24 + 2, actors: 65_536 }, block.startNs)
  for (const { pairs, touchPage } of [block, again]) {
    expect(wanted.map((_, i) => [...pairs.subarray(i * PAIR_WORDS, (i + 1) * PAIR_WORDS)])).toEqual(wanted)
    expect([...touchPage]).toEqual(first)
  }
})
