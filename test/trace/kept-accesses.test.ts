/** Files that keep their accesses: what comes out of them is what a recording gives, byte for byte. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CacheFilter, parseGeometry } from '../../src/cache/index.ts'
import { ACCESS_COLUMNS, AccessColumns, decodeAccesses, decodeWords, encodeAccesses } from '../../src/trace/access-codec.ts'
import { exportTable, importTrace, type OpenOptions, openTrace } from '../../src/trace/index.ts'

import { decodeSection, Malformed } from '../../src/trace/sections.ts'
import { plainWorkspace, withWorkspace, wordsOf } from '../../src/wasm/index.ts'

const SAMPLES = join(import.meta.dirname, '../../traces/samples')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-kept-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

async function imported(name: string, out: string, options: OpenOptions = {}): Promise<Buffer> {
  await importTrace(name, at(out), options)
  return readFileSync(at(out))
}

const rows = fc
  .array(
    fc.record({
      gap: fc.oneof({ weight: 9, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.constant(2 ** 33) }),
      pid: fc.integer({ min: 1, max: 2 }),
      tid: fc.integer({ min: 10, max: 12 }),
      cpu: fc.integer({ min: 0, max: 3 }),
      op: fc.constantFrom('R', 'W', 'M'),
      page: fc.oneof(fc.nat(6), fc.integer({ min: 0, max: 2 ** 40 })),
      offset: fc.nat(4095),
      size: fc.constantFrom(8, 8, 64, 5_000_000_000),
      weight: fc.constantFrom(1, 1, 1, 17),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((list) => {
    let time = 0
    const lines = list.map(({ gap, pid, tid, cpu, op, page, offset, size, weight }) => {
      time += gap
      return [time, pid, 100 * pid + tid, cpu, op, `0x${(BigInt(page) * 4096n + BigInt(offset)).toString(16)}`, size, weight].join(',')
    })
    return ['time_ns,pid,tid,cpu,op,addr,size,weight', ...lines].join('\n')
  })

describe('a file that keeps its accesses', () => {
  it('is folded again on any tick, or in larger pages, as the recording would be', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom(undefined, 50_000_000),
        fc.constantFrom(100_000_000, 2_000_000_000),
        fc.boolean(),
        async (csv, tickNs, other, isScripted) => {
          writeFileSync(at('rec.csv'), csv)
          const [, first] = csv.split('\n')
          writeFileSync(at('script'), `100ns migrate_pages pid=${first!.split(',')[1]} from=0 to=1\n150ns mlock pid=${first!.split(',')[1]} range=0x0-0x5000\n`)
          const events = isScripted ? at('script') : undefined
          const keepAccesses = true
          const kept = await imported(at('rec.csv'), 'kept.nrt', { tickNs, events, keepAccesses })
          const lean = await imported(at('rec.csv'), 'lean.nrt', { tickNs, events })
          expect((await imported(at('kept.nrt'), 'again.nrt')).equals(lean)).toBe(true)
          expect((await imported(at('kept.nrt'), 'again.nrt', { keepAccesses })).equals(kept)).toBe(true)
          for (const change of [{ tickNs: other }, { tickNs: other, pageSize: 65_536 }]) {
            const wanted = await imported(at('rec.csv'), 'wanted.nrt', { events, ...change })
            expect((await imported(at('kept.nrt'), 'again.nrt', change)).equals(wanted)).toBe(true)
          }
        },
      ),
      { numRuns: 12 },
    )
  })

  it('goes through a cache, into a sample, and back into tables as the recording does', async () => {
    const sample = join(SAMPLES, 'bfs-powerlaw.csv.gz')
    await importTrace(sample, at('kept.nrt'), { keepAccesses: true })
    const tickNs = (await openTrace(at('kept.nrt'))).meta.tickNs
    const geometry = parseGeometry('64KiB,4way,64B')
    for (const options of [{ through: (writer) => new CacheFilter(writer, geometry) }, { sampleOneIn: 4 }] as OpenOptions[]) {
      const wanted = await imported(sample, 'wanted.nrt', { ...options, tickNs })
      expect((await imported(at('kept.nrt'), 'again.nrt', options)).equals(wanted)).toBe(true)
    }
    await exportTable(sample, at('wanted.csv'))
    await exportTable(at('kept.nrt'), at('again.csv'))
    expect(readFileSync(at('again.csv')).equals(readFileSync(at('wanted.csv')))).toBe(true)
  })

  it('formats that name no cpu, and modifying accesses', async () => {
    const sample = join(SAMPLES, 'sqlite.lackey.gz')
    await importTrace(sample, at('kept.nrt'), { keepAccesses: true })
    const wanted = await imported(sample, 'wanted.nrt', { tickNs: 7000 })
    expect((await imported(at('kept.nrt'), 'again.nrt', { tickNs: 7000 })).equals(wanted)).toBe(true)
    expect((await openTrace(at('kept.nrt'), { tickNs: 7000 })).meta).toEqual({ ...(await openTrace(at('wanted.nrt'))).meta, file: at('kept.nrt') })
  })

  it('refuses what it cannot give', async () => {
    await importTrace('zipf:accesses=1000', at('lean.nrt'))
    await expect(importTrace(at('lean.nrt'), at('x.nrt'), { keepAccesses: true })).rejects.toThrow(/does not hold single accesses/)
    await expect(exportTable(at('lean.nrt'), at('x.csv'))).rejects.toThrow(/imported with --keep-accesses/)
    await expect(importTrace('zipf:accesses=1000', at('x.nrt'), { keepAccesses: true, sampleOneIn: 10 })).rejects.toThrow(/all pages or not at all/)
    writeFileSync(at('rec.csv'), 'time_ns,pid,addr\n0,1,0x1000\n10,1,0x3000\n')
    writeFileSync(at('script'), '5ns mlock pid=1 range=0x1000-0x2000\n')
    await importTrace(at('rec.csv'), at('kept.nrt'), { keepAccesses: true, events: at('script'), pageSize: 65_536 })
    await expect(importTrace(at('kept.nrt'), at('x.nrt'), { pageSize: 4096 })).rejects.toThrow(/events of the file count in pages of 64KiB/)
  })

  it('names the block of accesses that is damaged', async () => {
    const bytes = await imported('zipf:accesses=149500,pages=500', 'kept.nrt', { keepAccesses: true })
    bytes[40_000]! ^= 1
    writeFileSync(at('kept.nrt'), bytes)
    // the fold is whole
    expect((await openTrace(at('kept.nrt'))).meta.accesses).toBe(150_000)
    await expect(exportTable(at('kept.nrt'), at('x.csv'))).rejects.toThrow(/block 1 of 3 of accesses \(bytes 8 to \d+\) of the trace file is damaged/)
  })
})

describe('a block of accesses', () => {
  const large = fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 2 ** 52 }))
  const access = fc.record({
    gap: large,
    page: fc.oneof(fc.nat(3), fc.nat(2 ** 25 - 1)),
    actor: fc.oneof(fc.nat(2), fc.nat(2 ** 16 - 1)),
    kind: fc.constantFrom(1, 1, 2, 3),
    isCpuGuessed: fc.constantFrom(0, 0, 1),
    offset: fc.nat(4095),
    bytes: large,
    weight: large,
  })

  function columnsOf(list: readonly Record<keyof (typeof access extends fc.Arbitrary<infer T> ? T : never), number>[]): AccessColumns {
    const columns = new AccessColumns()
    let timeNs = 0
    for (const { gap, ...values } of list) {
      timeNs = Math.min(timeNs + gap, Number.MAX_SAFE_INTEGER)
      const i = columns.count++
      columns.timeNs[i] = timeNs
      for (const [name, value] of Object.entries(values)) columns[name as 'page'][i] = value
    }
    return columns
  }

  const listed = ({ count, ...arrays }: AccessColumns) => Object.entries(arrays).map(([name, array]) => [name, [...array.subarray(0, count)]])

  it('comes out as it went in, from both kinds of kernels, also as words', () => {
    const limits = { pages: 2 ** 25, actors: 2 ** 16, pageSize: 4096 }
    const found = new AccessColumns()
    fc.assert(
      fc.property(fc.array(access, { minLength: 1, maxLength: 400, size: 'max' }), (list) => {
        const given = columnsOf(list)
        const { bytes, shape } = encodeAccesses(given)
        const columns = decodeSection(bytes, { offset: 0, bytes: bytes.length, crc32: crc32(bytes) }, ACCESS_COLUMNS)
        decodeAccesses(columns, shape, limits, found)
        expect(listed(found)).toEqual(listed(given))
        for (const small of [limits, { ...limits, pages: 2 ** 24, actors: 32 }]) {
          const fits = list.every(({ page, actor }) => page < small.pages && actor < small.actors)
          const [fast, plain] = [withWorkspace, <T>(work: (workspace: typeof plainWorkspace) => T) => work(plainWorkspace)].map((within) =>
            within((workspace) => {
              try {
                const { layout, words, isPlain } = decodeWords(columns, shape, small, workspace)
                return { layout, words: [...words.subarray(0, list.length * wordsOf(layout))], isPlain }
              } catch {
                return 'refused'
              }
            }),
          )
          expect(fast).toEqual(plain)
          if (!fits) expect(fast).toBe('refused')
          else
            expect(fast).toEqual({
              layout: { shift: small.actors === 32 ? 8 : 19, isWide: small.actors > 32 },
              words: list.flatMap(({ page, actor, kind }) => {
                const key = 8 * actor + (kind > 1 ? 4 : 0)
                return small.actors === 32 ? [page * 256 + key] : [page, key]
              }),
              isPlain: list.every(({ kind, weight }) => kind < 3 && weight === 1),
            })
        }
      }),
      { numRuns: 60 },
    )
  })

  it('damaged behind a right checksum, gives accesses of known pages or is refused, by both kinds of kernels', () => {
    const limits = { pages: 2 ** 25, actors: 2 ** 16, pageSize: 4096 }
    const list = Array.from({ length: 3000 }, (_, i) => ({
      gap: i % 7,
      page: (i % 100) ** 2,
      actor: i % 3,
      kind: 1 + (i % 2),
      isCpuGuessed: 0,
      offset: i % 4096,
      bytes: 8,
      weight: 1,
    }))
    const { bytes, shape } = encodeAccesses(columnsOf(list))
    const found = new AccessColumns()
    const refusedOr = (work: () => boolean) => {
      try {
        return work()
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
        return true
      }
    }
    fc.assert(
      fc.property(fc.integer({ min: 4 + 4 * ACCESS_COLUMNS, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, xor) => {
        const damaged = Buffer.from(bytes)
        damaged[at]! ^= xor
        const columns = decodeSection(damaged, { offset: 0, bytes: damaged.length, crc32: crc32(damaged) }, ACCESS_COLUMNS)
        const isFine = refusedOr(() => {
          decodeAccesses(columns, shape, limits, found)
          return found.page.every((page) => page < limits.pages) && found.count === list.length
        })
        const isFineAsWords = refusedOr(() => withWorkspace((workspace) => decodeWords(columns, shape, limits, workspace).words.length >= list.length))
        expect([isFine, isFineAsWords]).toEqual([true, true])
      }),
      { numRuns: 150 },
    )
  })

  it('is coded as suits it: what is the same everywhere takes hardly any room, what comes again little', () => {
    const size = (access: (i: number) => { page: number; kind: number }) => {
      const list = Array.from({ length: 60_000 }, (_, i) => ({ gap: 10, actor: 3, isCpuGuessed: 0, offset: 0, bytes: 8, weight: 1, ...access(i) }))
      return encodeAccesses(columnsOf(list)).bytes.length
    }
    expect(size(() => ({ page: 7, kind: 1 }))).toBeLessThan(800)
    // 64 accesses a page, one after the other
    expect(size((i) => ({ page: i >> 6, kind: 1 }))).toBeLessThan(1200)
    // a loop over the same pages
    expect(size((i) => ({ page: (i % 100) ** 2, kind: 1 + (i & 1) }))).toBeLessThan(10_000)
  })
})
