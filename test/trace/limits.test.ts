/** Beyond 2^24 pages and 2^31: ids, sorting and packing stay exact. */
import { crc32 } from 'node:zlib'
import { expect, it } from 'vitest'
import { BLOCK_COLUMNS, decodeBlock, encodeBlock, shapeOf } from '../../src/trace/block-codec.ts'
import { BlockBuilder } from '../../src/trace/blocks.ts'
import { TickFold } from '../../src/trace/fold.ts'
import { PageTable } from '../../src/trace/pages.ts'
import { PAIR_WORDS, type TickBlock } from '../../src/trace/prepared.ts'
import { decodeSection } from '../../src/trace/sections.ts'

it('more than 2^24 pages get dense ids in order of first touch', () => {
  const pages = new PageTable()
  const many = 2 ** 24 + 1000
  const space = pages.space(0, 7)
  // an odd multiplier visits every 32-bit key once
  const key = (i: number) => Math.imul(i, 2_654_435_769) >>> 0
  for (let i = 0; i < many; i++) pages.id(space, key(i))
  expect(pages.count).toBe(many)
  for (let i = 0; i < many; i += 100_003) expect(pages.id(space, key(i))).toBe(i)
  expect(pages.vpage[many - 1]).toBe(7 * 2 ** 32 + key(many - 1))
})

it('a tick with page ids around 2^24 and actors around 2^11 and 2^16 comes out sorted, and survives packing', () => {
  const fold = new TickFold()
  const ids = [0, 1, 2047, 2048, 2 ** 22 - 1, 2 ** 22, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1]
  const actors = [0, 1, 2047, 2048, 65_535]
  const wanted = ids.flatMap((page) => actors.map((actor) => [page, actor, page % 5, 1]))
  for (const [page, actor, reads, writes] of [...wanted].reverse()) {
    fold.touch(page!, actor!, 1, 3)
    fold.add(page!, actor!, reads!, writes!)
  }
  const blocks: TickBlock[] = []
  const builder = new BlockBuilder((block) => blocks.push(block))
  fold.flush(builder, 100)
  builder.finish(200)
  const block = blocks[0]!
  const bytes = encodeBlock(block)
  const columns = decodeSection(bytes, { offset: 0, bytes: bytes.length, crc32: crc32(bytes) }, BLOCK_COLUMNS)
  const again = decodeBlock(columns, shapeOf(block), { pages: 2 ** 24 + 2, actors: 65_536 }, block.startNs)
  for (const { pairs, touchPage } of [block, again]) {
    expect(wanted.map((_, i) => [...pairs.subarray(i * PAIR_WORDS, (i + 1) * PAIR_WORDS)])).toEqual(wanted)
    expect([...touchPage]).toEqual([...ids].reverse())
  }
})
