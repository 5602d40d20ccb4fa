import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { fromShared, importTrace, openTrace, type PreparedTrace, regroup, shareTrace, type TickBlock } from '../../src/trace/index.ts'
import { pack, unpack } from '../../src/trace/packed.ts'
import { listTicks } from './naive-fold.ts'

const SAMPLES = join(import.meta.dirname, '../../traces/samples')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

/** A recording with several blocks: 300,000 rows over many pages, processes and 300 cpus. */
function writeLargeCsv(path: string): void {
  const random = new Random(1)
  const rows = ['time_ns,pid,tid,cpu,op,addr,size,weight']
  for (let i = 0; i < 300_000; i++) {
    const pid = 1 + random.below(3)
    rows.push(`${i * 1000},${pid},${10 * pid + random.below(4)},${random.below(300)},${'RWM'[random.below(3)]},0x${random.below(2 ** 31).toString(16)}000,8,1`)
  }
  writeFileSync(path, `${rows.join('\n')}\n`)
}

/** sha256 over all columns. */
function bytesOf(block: TickBlock): string {
  const hash = createHash('sha256').update(`${block.firstTick} ${block.ticks}`)
  for (const column of Object.values(block)) if (ArrayBuffer.isView(column)) hash.update(column as Uint8Array)
  return hash.digest('hex')
}

/** sha256 of each tick, however they are spread over blocks. */
function ticksOf({ blocks, block }: PreparedTrace): string[] {
  const ticks: string[] = []
  for (let b = 0; b < blocks; b++) {
    const { firstTick, startNs, pairStart, touchStart, ...columns } = block(b)
    for (let i = 0; i + 1 < startNs.length; i++) {
      const hash = createHash('sha256').update(`${firstTick + i} ${startNs[i]} ${startNs[i + 1]}`)
      for (const [name, column] of Object.entries(columns)) {
        if (!ArrayBuffer.isView(column)) continue
        const starts = name.startsWith('pair') ? pairStart : touchStart
        hash.update((column as Uint32Array).slice(starts[i], starts[i + 1]))
      }
      ticks.push(hash.digest('hex'))
    }
  }
  return ticks
}

describe('the native file', () => {
  it('holds exactly what folding in memory gives', async () => {
    for (const sample of ['bfs-powerlaw.csv.gz', 'sqlite.lackey.gz']) {
      const path = join(SAMPLES, sample)
      await importTrace(path, at('a.nrt'))
      const [memory, native] = [await openTrace(path), await openTrace(at('a.nrt'))]
      expect(native.meta).toEqual({ ...memory.meta, file: at('a.nrt'), format: 'native', origin: { file: sample, format: memory.meta.format } })
      expect(listTicks(native)).toEqual(listTicks(memory))
      const tables = ({ processes, tasks, cpus, events, actorTask, actorCpu, pageProcess, pageVpage, tickStartNs }: typeof native) => [
        processes,
        tasks,
        cpus,
        events,
        actorTask,
        actorCpu,
        pageProcess,
        pageVpage,
        tickStartNs,
      ]
      expect(tables(native)).toEqual(tables(memory))
    }
  })

  it('imports again to the same bytes, and forgets the compression of the recording', async () => {
    await importTrace(join(SAMPLES, 'master-first-touch-pinned.csv.gz'), at('b.nrt'))
    await importTrace(at('b.nrt'), at('c.nrt'))
    expect(readFileSync(at('c.nrt')).equals(readFileSync(at('b.nrt')))).toBe(true)
    const { gunzipSync } = await import('node:zlib')
    writeFileSync(at('plain.csv'), gunzipSync(readFileSync(join(SAMPLES, 'master-first-touch-pinned.csv.gz'))))
    expect((await openTrace(at('plain.csv'))).meta.digest).toBe((await openTrace(at('b.nrt'))).meta.digest)
  })

  it('works beyond 64 cpus, over many blocks, in any order, and from another thread', async () => {
    writeLargeCsv(at('large.csv'))
    await importTrace(at('large.csv'), at('large.nrt'))
    expect(readdirSync(folder).filter((name) => /tmp|spill/.test(name))).toEqual([])
    const [memory, native] = [await openTrace(at('large.csv')), await openTrace(at('large.nrt'))]
    expect(native.blocks).toBeGreaterThan(2)
    expect(native.cpus).toHaveLength(300)
    const there = fromShared(structuredClone(shareTrace(native)))
    for (let b = memory.blocks - 1; b >= 0; b--) {
      expect(bytesOf(native.block(b))).toBe(bytesOf(memory.block(b)))
      expect(bytesOf(there.block(b))).toBe(bytesOf(memory.block(b)))
    }
    for (const factor of [4, 1000]) {
      const epoch = factor * native.meta.tickNs
      const [inMemory, inFile] = [regroup(memory, epoch), regroup(native, epoch)]
      expect(ticksOf(inFile)).toEqual(ticksOf(inMemory))
      expect(ticksOf(fromShared(structuredClone(shareTrace(inFile))))).toEqual(ticksOf(inMemory))
      expect(ticksOf(regroup(inFile, 4000 * native.meta.tickNs))).toEqual(ticksOf(regroup(memory, 4000 * native.meta.tickNs)))
    }
  })

  it('refuses what cannot be decided any more', async () => {
    await importTrace('zipf:accesses=1000', at('z.nrt'))
    await expect(openTrace(at('z.nrt'), { pageSize: 65536 })).rejects.toThrow(/folded already/)
    await expect(openTrace(at('z.nrt'), { tickNs: 12345 })).rejects.toThrow(/whole number of ticks/)
    await expect(importTrace(at('z.nrt'), at('z.nrt'))).rejects.toThrow(/replace the recording/)
  })
})

describe('damage is named', () => {
  let whole: Buffer
  beforeAll(async () => {
    await importTrace('zipf:accesses=20000,pages=500', at('whole.nrt'))
    whole = readFileSync(at('whole.nrt'))
  })
  async function readAll(bytes: Uint8Array): Promise<string> {
    writeFileSync(at('damaged.nrt'), bytes)
    try {
      listTicks(await openTrace(at('damaged.nrt')))
      return 'fine'
    } catch (error) {
      if ((error as Error).name !== 'UserError') throw error
      return (error as Error).message
    }
  }

  it('a flipped bit in a block, a table, the footer', async () => {
    const flipped = (byte: number) => Buffer.from(whole.map((value, i) => (i === byte ? value ^ 4 : value)))
    expect(await readAll(flipped(100))).toMatch(/block 1 of 1 \(bytes 8 to \d+\) of the trace file is damaged/)
    expect(await readAll(flipped(whole.length - 100))).toMatch(/the footer of the trace file is damaged/)
    expect(await readAll(flipped(whole.length - 3))).toMatch(/cut off/)
  })

  it('cut off anywhere, or changed anywhere: a message, never a wrong trace', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        expect(await readAll(whole.subarray(0, length))).toMatch(length === 0 ? /empty/ : /cut off|damaged|no known/)
      }),
      { numRuns: 100 },
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (byte, xor) => {
        const bytes = Buffer.from(whole)
        bytes[byte]! ^= xor
        expect(await readAll(bytes)).not.toBe('fine')
      }),
      { numRuns: 300 },
    )
  })
})

describe('packed columns', () => {
  it('give back what was packed', () => {
    const value = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 400 }), fc.constantFrom('plain', 'zigzag'), (list, packing) => {
        expect([...unpack(pack(list, packing), list.length, packing)]).toEqual(list)
      }),
    )
  })

  it('take no more than the bits of the largest of 128', () => {
    expect(pack(new Array(256).fill(5))).toHaveLength(2 * (1 + 3 * 16))
    expect(pack(new Array(256).fill(5), 'zigzag')).toHaveLength(2 + 4 * 16)
    expect(pack([])).toHaveLength(0)
  })
})
