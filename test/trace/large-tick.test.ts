/** Ticks too large for memory: put together on disk they have the same bytes, and importing them takes no more memory than others. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { type EncodedBlock, encodeBlock, shapeOf } from '../../src/trace/block-codec.ts'
import { BLOCK_ROWS, BlockBuilder } from '../../src/trace/blocks.ts'
import { MOST_PAIRS } from '../../src/trace/fold.ts'
import { PAIR_WORDS, type PreparedTrace, regroup, type TickBlock, traceFromAccesses } from '../../src/trace/index.ts'
import { encodeTicks } from '../../src/trace/merge-ticks.ts'
import { Scratch } from '../../src/trace/scratch.ts'
import { SpillFile } from '../../src/trace/spill.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'
import { Heap } from '../../src/wasm/index.ts'
import { temporaryFolder } from '../cli/run.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true }))

function* blocksOf(trace: PreparedTrace): Iterable<TickBlock> {
  for (let b = 0; b < trace.blocks; b++) yield trace.block(b)
}

const taken = (blocks: Iterable<EncodedBlock>) => Array.from(blocks, ({ shape, bytes }) => ({ shape, bytes: Buffer.concat([...bytes]) }))

/** The ticks of a trace in memory, those with more pairs each in a block of its own. */
function wanted(trace: PreparedTrace, mostPairs: number): ReturnType<typeof taken> {
  const found: ReturnType<typeof taken> = []
  const builder = new BlockBuilder((block) => found.push({ shape: shapeOf(block), bytes: Buffer.concat([encodeBlock(block)]) }))
  for (const block of blocksOf(trace)) {
    for (let i = 0; i < block.ticks; i++) {
      const [p, pEnd] = [block.pairStart[i]!, block.pairStart[i + 1]!]
      const isLarge = pEnd - p > mostPairs
      if (isLarge) builder.finish(block.startNs[i]!)
      const touches = <A>(column: { subarray(from: number, to: number): A }) => column.subarray(block.touchStart[i]!, block.touchStart[i + 1]!)
      builder.tick(block.startNs[i]!, {
        pairs: block.pairs.subarray(p * PAIR_WORDS, pEnd * PAIR_WORDS),
        touchPage: touches(block.touchPage),
        touchActor: touches(block.touchActor),
        touchIsWrite: touches(block.touchIsWrite),
        touchOffsetNs: touches(block.touchOffsetNs),
      })
      if (isLarge) builder.finish(block.startNs[i + 1]!)
    }
  }
  builder.finish(0)
  return found
}

const access = fc.record({
  gap: fc.constantFrom(0, 0, 1, 3, 40),
  cpu: fc.nat(3),
  page: fc.oneof(fc.nat(5), fc.nat(200)),
  op: fc.constantFrom<'R' | 'W' | 'M'>('R', 'W', 'M'),
})

it('have the bytes that they would have in memory, however many parts are merged at one time', () => {
  const sizes = fc.record({ parts: fc.integer({ min: 2, max: 4 }), pairs: fc.integer({ min: 1, max: 5 }) })
  fc.assert(
    fc.property(
      fc.array(access, { minLength: 1, maxLength: 400 }),
      fc.constantFrom(50, 200, 100_000),
      fc.integer({ min: 1, max: 30 }),
      sizes,
      (list, tickNs, mostPairs, sizes) => {
        let t = 0
        const fine = traceFromAccesses(
          list.map(({ gap, ...rest }) => {
            t += gap
            return { ...rest, t }
          }),
          { tickNs: 10 },
        )
        const coarse = regroup(fine, tickNs)
        for (const heap of [Heap.open(), Heap.plain()]) {
          const scratch = new Scratch(join(folder, 'large'))
          const found = taken(encodeTicks(blocksOf(fine), coarse.tickStartNs, { scratch, pages: fine.meta.pages, mostPairs, sizes }, heap))
          scratch.remove()
          expect(found).toEqual(wanted(coarse, mostPairs))
        }
      },
    ),
    { numRuns: 60 },
  )
})

it('an import takes no more memory where all accesses are in one tick, but for a word per page', () => {
  const memory = (pairs: number) => {
    const heap = Heap.open()
    const spill = new SpillFile(join(folder, 'ticks'))
    let mostRows = 0
    const store = {
      put(block: TickBlock) {
        mostRows = Math.max(mostRows, block.touchPage.length + block.pairs.length / PAIR_WORDS)
        spill.put(block)
      },
      take: () => spill.take(),
    }
    const writer = new FoldingWriter({ file: 'x', tickNs: 1e9 }, store, heap)
    const cpus = 64
    const tasks = Array.from({ length: cpus }, (_, cpu) => writer.task(1, cpu + 1))
    // each of the pages once from each cpu
    for (let i = 0; i < pairs; i++) {
      const cpu = Math.floor(i / (pairs / cpus))
      writer.access(i, tasks[cpu]!, cpu, 0, (i % (pairs / cpus)) * 4096, 8, 1, 1)
    }
    const scratch = new Scratch(join(folder, 'large'))
    const blocks = taken(writer.finish({ format: 'list', fidelity: 'every access', carries: [] }).encodedBlocks(scratch))
    spill.remove()
    scratch.remove()
    expect(blocks.map(({ shape }) => shape)).toEqual([{ firstTick: 0, ticks: 1, pairs, touches: pairs / cpus }])
    expect(mostRows).toBeLessThan(BLOCK_ROWS + 2 * MOST_PAIRS + 2 * 2048)
    return heap.most
  }
  const few = memory(4 * MOST_PAIRS)
  const many = memory(16 * MOST_PAIRS)
  const morePages = (12 * MOST_PAIRS) / 64
  expect(many - few).toBeLessThan(24 * morePages)
  // a pair that stays takes 32 bytes and more
  expect(many).toBeLessThan(32 * 16 * MOST_PAIRS)
})
