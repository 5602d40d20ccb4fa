import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { machine } from '../../src/machine/index.ts'
import { replay } from '../../src/replay/index.ts'
import { ofPolicy95 } from '../../src/replay/sample-error.ts'
import { HotPageFinder } from '../../src/trace/hot-pages.ts'
import { importTrace, type ListedAccess, openTrace, parseSampleRate, READ, samplePart, traceFromAccesses } from '../../src/trace/index.ts'
import { EXACT, type HotPages, kindOf, LEFT_OUT } from '../../src/trace/page-sample.ts'
import { listTicks } from './naive-fold.ts'

const access = fc.record({
  t: fc.integer({ min: 0, max: 40 }),
  pid: fc.integer({ min: 1, max: 2 }),
  cpu: fc.integer({ min: 0, max: 3 }),
  page: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 2 ** 40 })),
  op: fc.constantFrom<'R' | 'W' | 'M'>('R', 'W', 'M'),
})

/** Every seventh page is said to have many accesses. */
const hot: HotPages = { count: 0, has: (_pid, _high, low) => low % 7 === 0 }
const kindOfName = (name: string, oneIn: number) => {
  const [pid, vpage] = name.split(':').map(Number) as [number, number]
  return kindOf({ oneIn, hot }, pid, Math.floor(vpage / 2 ** 32), vpage >>> 0)
}

describe('a sample of pages', () => {
  it('is the whole trace with the other pages taken out', () => {
    fc.assert(
      fc.property(fc.array(access, { minLength: 1, maxLength: 150 }), fc.integer({ min: 2, max: 4 }), (gaps, oneIn) => {
        let t = 0
        const list: ListedAccess[] = [{ t: 0, page: 7 }]
        for (const entry of gaps) {
          t += entry.t
          list.push({ ...entry, t })
        }
        const full = traceFromAccesses(list, { tickNs: 100 })
        const kept = (name: string) => kindOfName(name, oneIn) !== LEFT_OUT
        const expected = listTicks(full).map((tick) => ({
          ...tick,
          pairs: tick.pairs.filter(([page]) => kept(page)),
          touches: tick.touches.filter(([page]) => kept(page)),
        }))
        const counts = { exact: 0, sampled: 0, leftOut: 0 }
        for (const { pairs } of listTicks(full))
          for (const [page, , reads, writes] of pairs) {
            const kind = kindOfName(page, oneIn)
            counts[kind === EXACT ? 'exact' : kind === LEFT_OUT ? 'leftOut' : 'sampled'] += reads + writes
          }
        if (counts.sampled === 0 && counts.leftOut > 0) {
          expect(() => traceFromAccesses(list, { tickNs: 100, sample: { oneIn, hot } })).toThrow(/nothing can stand for them/)
          return
        }
        const trace = traceFromAccesses(list, { tickNs: 100, sample: { oneIn, hot } })
        expect(listTicks(trace)).toEqual(expected)
        expect(trace.meta).toMatchObject({ accesses: full.meta.accesses, bytes: full.meta.bytes, timeLastNs: full.meta.timeLastNs })
        expect(trace.tasks).toEqual(full.tasks)
        expect(trace.meta.sample).toMatchObject({ oneIn, sampledAccesses: counts.sampled, leftOutAccesses: counts.leftOut })
        expect(trace.meta.digest).not.toBe(full.meta.digest)
        for (let page = 0; page < trace.meta.pages; page++) {
          const isExact = kindOfName(`${trace.processes[trace.pageProcess[page]!]}:${trace.pageVpage[page]}`, oneIn) === EXACT
          expect(trace.exactPages!.includes(page)).toBe(isExact)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('has parts, each a sample of its own', () => {
    fc.assert(
      fc.property(fc.array(access, { minLength: 1, maxLength: 150 }), fc.integer({ min: 2, max: 5 }), (gaps, parts) => {
        let t = 0
        // page 1 is sampled, page 7 exact
        const list: ListedAccess[] = [
          { t: 0, page: 1 },
          { t: 0, page: 7 },
        ]
        for (const entry of gaps) {
          t += entry.t
          list.push({ ...entry, t })
        }
        const whole = traceFromAccesses(list, { tickNs: 100, sample: { oneIn: 1, hot } })
        let sampled = 0
        for (let p = 0; p < parts; p++) {
          const isInPart = (page: number) => whole.pageVpage[page]! % parts === p
          const kept = (name: string) => kindOfName(name, 1) === EXACT || Number(name.split(':')[1]) % parts === p
          const part = samplePart(whole, parts, isInPart)
          const expected = listTicks(whole).map((tick) => ({
            ...tick,
            pairs: tick.pairs.filter(([page]) => kept(page)),
            touches: tick.touches.filter(([page]) => kept(page)),
          }))
          expect(listTicks(part)).toEqual(expected)
          const namesOf = ({ pageVpage, exactPages }: typeof whole) => Array.from(exactPages!, (page) => pageVpage[page]!)
          expect(namesOf(part)).toEqual(namesOf(whole))
          expect(part.meta.sample).toMatchObject({ oneIn: parts, exactPages: whole.exactPages!.length })
          expect(part.meta.sample!.sampledAccesses + part.meta.sample!.leftOutAccesses).toBe(whole.meta.sample!.sampledAccesses)
          sampled += part.meta.sample!.sampledAccesses
        }
        expect(sampled).toBe(whole.meta.sample!.sampledAccesses)
      }),
      { numRuns: 100 },
    )
  })

  it('keeps about one page in so many', () => {
    let kept = 0
    for (let page = 0; page < 100_000; page++) if (kindOf({ oneIn: 50, hot: { count: 0, has: () => false } }, 1, 0x7000, page * 4) !== LEFT_OUT) kept++
    expect(kept).toBeGreaterThan(1800)
    expect(kept).toBeLessThan(2200)
  })

  it('finds every page with many accesses in bounded memory, however many others there are', () => {
    const finder = new HotPageFinder(4096)
    const task = finder.task(1, 1)
    const touch = (page: number, weight: number) => finder.access(0, task, 0, Math.floor(page / 2 ** 20), (page * 4096) >>> 0, 8, READ, weight)
    // 400,000 pages with one access each, and among them ten with 100 each
    for (let i = 0; i < 400_000; i++) {
      touch(1000 + i, 1)
      if (i % 400 === 0) touch(i % 4000 === 0 ? (i / 4000) % 10 : 2_000_000 + i, 1)
    }
    const found = finder.finish(50_000)
    expect(found.count).toBeGreaterThanOrEqual(10)
    expect(found.count).toBeLessThan(200)
  })

  it('rates are whole', () => {
    expect([parseSampleRate('1/100'), parseSampleRate('1%'), parseSampleRate('0.01'), parseSampleRate('1')]).toEqual([100, 100, 100, 1])
    for (const text of ['0', '2', '3/100', '0.03', 'x', '1/0']) expect(() => parseSampleRate(text)).toThrow(/not a share of pages/)
  })

  it('travels in the native file; all pages are no sample', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sample-'))
    const workload = 'uniform:table=128MiB,updates=20000'
    const file = (name: string) => join(folder, `${name}.nrt`)
    await importTrace(workload, file('none'))
    await importTrace(workload, file('one'), { sampleOneIn: 1 })
    expect(readFileSync(file('one')).equals(readFileSync(file('none')))).toBe(true)
    await importTrace(workload, file('sample'), { sampleOneIn: 10 })
    const stored = await openTrace(file('sample'))
    const direct = await openTrace(workload, { sampleOneIn: 10 })
    expect(stored.meta.sample).toEqual(direct.meta.sample)
    expect([...stored.exactPages!]).toEqual([...direct.exactPages!])
    expect(listTicks(stored)).toEqual(listTicks(direct))
    await expect(openTrace(file('none'), { sampleOneIn: 10 })).rejects.toThrow(/folded already/)
    await expect(openTrace('uniform:table=128MiB,updates=1000,load=off', { sampleOneIn: 1_000_000 })).resolves.toMatchObject({
      meta: { sample: { leftOutAccesses: 0 } },
    })
  })
})

describe('what a policy makes of small differences', () => {
  /** Deviations of sampling in the whole sample, and of the policy; how often the interval of an estimate holds the figure of all pages. */
  function held(ofSampling: number, ofPolicy: number): number {
    const random = new Random(1, 'coverage')
    const normal = () => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float())
    const runs = 4000
    let count = 0
    for (let run = 0; run < runs; run++) {
      const figures = Array.from({ length: 8 }, () => ofSampling * normal() + ofPolicy * normal())
      const half = 1.998 * ofSampling // known well, as by the jackknife over 64 groups
      const off = ofSampling * normal() + ofPolicy * normal() - ofPolicy * normal()
      if (Math.abs(off) <= Math.hypot(half, ofPolicy95(figures, half))) count++
    }
    return count / runs
  }

  it('is in the interval of 95 % about that often, and adds nothing where there is nothing', () => {
    expect(held(1, 0)).toBeGreaterThan(0.95)
    // nearly: the smaller of two deviations of one size is known badly from eight halves
    expect(held(1, 1)).toBeGreaterThan(0.9)
    expect(held(1, 5)).toBeGreaterThan(0.93)
    expect(held(0, 1)).toBeGreaterThan(0.94)
    expect(ofPolicy95([5, 5, 5, 5], 1)).toBe(0)
    expect(ofPolicy95([5], 1)).toBe(0)
  })
})

describe('replay of a sample', () => {
  const policies = ['first-touch', 'interleave', 'hot-page-daemon', 'numa-balancing']
  const summary = async (name: string, sampleOneIn?: number) =>
    (await replay({ trace: await openTrace(name, { sampleOneIn }), machine: machine('2-socket'), policies, jobs: 1 })).rows('summary')

  it('counts pages that kept ones stand for in every counter of allocation', async () => {
    const trace = await openTrace('uniform:table=128MiB,updates=150000', { sampleOneIn: 20 })
    const run = await replay({ trace, machine: machine('2-socket'), policies: ['interleave'], jobs: 1, heat: false })
    const of = (name: string) => run.rows('vmstat').find((row) => row['counter'] === name)!['value'] as number
    expect(of('numa_hit')).toBeGreaterThan(20_000)
    expect(of('numa_interleave')).toBe(of('numa_hit'))
  })

  it('replays halves of it for wider intervals, the same each time', async () => {
    const trace = await openTrace('zipf:pages=20000,accesses=200000', { sampleOneIn: 10 })
    const rows = async (halfSamples?: number) => (await replay({ trace, machine: machine('2-socket'), policies, jobs: 1, halfSamples })).rows('summary')
    const [without, some, again] = [await rows(), await rows(4), await rows(4)]
    expect(some).toEqual(again)
    const widths = Object.keys(some[0]!).filter((name) => name.endsWith('_ci95'))
    for (const [i, row] of some.entries()) {
      for (const [name, value] of Object.entries(row)) {
        if (widths.includes(name)) expect(value as number, name).toBeGreaterThanOrEqual((without[i]![name] as number | null) ?? 0)
        else expect(value, name).toEqual(without[i]![name])
      }
    }
    expect(widths.some((name) => (some[3]![name] as number) > (without[3]![name] as number))).toBe(true)
  })

  it('of a trace whose pages are all kept is that of the trace, without error', async () => {
    const workload = 'zipf:pages=2000,accesses=10000'
    const [full, sampled] = [await summary(workload), await summary(workload, 100)]
    for (const [i, row] of sampled.entries()) {
      const names = Object.keys(row).filter((name) => !name.endsWith('95'))
      expect(Object.fromEntries(names.map((name) => [name, row[name]]))).toEqual(Object.fromEntries(names.map((name) => [name, full[i]![name]])))
      expect(row['mean_latency_ns_ci95']).toBe(0)
      expect(full[i]!['mean_latency_ns_ci95']).toBeNull()
    }
  })

  it('is as near to that of all pages as it says', async () => {
    const workload = 'uniform:table=128MiB,updates=150000'
    const [full, sampled] = [await summary(workload), await summary(workload, 20)]
    for (const [i, row] of sampled.entries()) {
      const figure = (of: (row: Record<string, unknown>) => number, width: string) => {
        // one draw, the same each time: within five deviations
        expect(Math.abs(of(row) - of(full[i]!)), `${row['lane']} ${width}`).toBeLessThanOrEqual(2.5 * (row[width] as number) + 1e-9)
      }
      expect(row['accesses'] as number).toBeCloseTo(full[i]!['accesses'] as number, -2)
      expect(row['local_share_ci95'] as number).toBeGreaterThan(0)
      figure((r) => r['mean_latency_ns'] as number, 'mean_latency_ns_ci95')
      figure((r) => (r['local'] as number) / (r['accesses'] as number), 'local_share_ci95')
      figure((r) => r['page_faults'] as number, 'page_faults_ci95')
      figure((r) => r['migrated'] as number, 'migrated_ci95')
      expect(row['total_cost_ns'] as number).toBeGreaterThanOrEqual(row['bound_ns'] as number)
    }
  })
})
