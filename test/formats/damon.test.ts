/** DAMON's observations in five forms of one recording, and ftrace text. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PAIR_WORDS } from '../../src/trace/index.ts'
import { countsByPage, FIXTURES, groundTruth, openSample, openText } from './helpers.ts'

const FORMS = ['ftrace.txt.gz', 'perf-script.txt.gz', 'damo.json.gz', 'damo.json_compressed', 'damo-report-raw.txt.gz']
const truth = groundTruth['damon/phases-vaddr.ftrace.txt.gz']

test.each(FORMS)('%s: snapshots and regions', async (form) => {
  const { meta } = await openSample(`damon/phases-vaddr.${form}`)
  expect(meta.fidelity).toBe('regions')
  expect(meta.formatFacts).toMatchObject({
    snapshots: truth.snapshots,
    regions: truth.region_lines,
    regionsAccessed: truth.regions_with_accesses,
    mostAccessesOfRegion: truth.max_nr_accesses,
  })
})

test('all forms give the same counts of every page', async () => {
  const [first, ...others] = await Promise.all(FORMS.map((form) => openSample(`damon/phases-vaddr.${form}`)))
  const expected = countsByPage(first!)
  for (const other of others) expect(countsByPage(other)).toEqual(expected)
})

test('the phases of the program show: in each, its region is the one accessed most', async () => {
  const log = readFileSync(join(FIXTURES, 'damon/phases-vaddr.program-log.txt'), 'utf8')
  const regions = [...log.matchAll(/^region \d (0x\w+) (0x\w+)/gm)].map(([, from, to]) => [Number(from) / 4096, Number(to) / 4096])
  const phases = [...log.matchAll(/^phase \d region (\d) t=([\d.]+)/gm)].map(([, region, t]) => ({ region: Number(region), startNs: Number(t) * 1e9 }))
  const trace = await openSample('damon/phases-vaddr.ftrace.txt.gz', { tickNs: 50_000_000 })
  phases.forEach(({ region, startNs }, i) => {
    const endNs = phases[i + 1]?.startNs ?? 37.55e9
    const found = regions.map(() => 0)
    for (let b = 0; b < trace.blocks; b++) {
      const { startNs: ticks, pairStart, pairs } = trace.block(b)
      for (let t = 0; t + 1 < ticks.length; t++) {
        // a snapshot is dated at its end: leave out those that reach into the phase before
        if (ticks[t]! < startNs + 0.4e9 || ticks[t]! >= endNs) continue
        for (let p = pairStart[t]!; p < pairStart[t + 1]!; p++) {
          const vpage = trace.pageVpage[pairs[p * PAIR_WORDS]!]!
          regions.forEach(([from, to], r) => {
            if (vpage >= from! && vpage < to!) found[r]! += pairs[p * PAIR_WORDS + 2]!
          })
        }
      }
    }
    expect(found.indexOf(Math.max(...found)), `${found}`).toBe(region)
  })
})

describe('details', () => {
  const line = (time: string, rest: string) => `       kdamond.0-228     [001] .....    ${time}: damon_aggregated: ${rest}\n`

  test('old kernels: no age, a pointer as target', async () => {
    const { meta } = await openText(line('1.000000', 'target_id=18446623435582458880 nr_regions=1 4096-12288: 3'))
    expect(meta).toMatchObject({ accesses: 6, records: 2 })
    expect(meta.formatFacts['target.0']).toBe('18446623435582458880')
  })

  test('a region that is not aligned counts every page it touches; larger pages count once', async () => {
    const text = line('1.000000', 'target_id=0 nr_regions=1 4000-8200: 2 0')
    expect((await openText(text)).meta).toMatchObject({ records: 3, accesses: 6 })
    expect((await openText(text, { pageSize: 65536 })).meta).toMatchObject({ records: 1, accesses: 2 })
  })

  test('a snapshot cut off is refused, or dropped with --lenient', async () => {
    const text = line('1.000000', 'target_id=0 nr_regions=1 0-4096: 1 0') + line('2.000000', 'target_id=0 nr_regions=2 0-4096: 1 0')
    await expect(openText(text)).rejects.toThrow(/:2: a snapshot has 1 of its 2 regions/)
    const { meta } = await openText(text, { lenient: true })
    expect(meta.records).toBe(1)
    expect(meta.lint).toContainEqual(expect.objectContaining({ code: 'damaged' }))
  })

  test('a region as large as the address space is refused, not expanded', async () => {
    await expect(openText(line('1.000000', 'target_id=0 nr_regions=1 0-18446744073709551615: 1 0'))).rejects.toThrow(/more than 2\^24 pages/)
  })

  test('damo: targets one after the other are sorted by time; plain numbers; the dummy at the end is dropped', async () => {
    const snapshot = (end: number, start: number, accesses: unknown) => ({
      start_time: 0,
      end_time: end,
      regions: [{ start, end: start + 4096, nr_accesses: accesses }],
    })
    const records = [
      { target_id: 5, scheme_filters: [{ type: 'anon' }], snapshots: [snapshot(100, 0, 1), snapshot(300, 0, { samples: 2 })] },
      {
        target_id: 6,
        snapshots: [snapshot(200, 4096, '3'), { start_time: 200, end_time: 300, regions: [{ start: 0, end: 0, nr_accesses: { samples: -1 } }] }],
      },
    ]
    const trace = await openText(JSON.stringify(records))
    expect(trace.meta).toMatchObject({ records: 3, accesses: 6, timeFirstNs: 100, timeLastNs: 300 })
    expect(trace.processes).toHaveLength(2)
    await expect(openText(JSON.stringify(records).slice(0, -20))).rejects.toThrow(/ends before its last bracket/)
  })
})

describe('ftrace', () => {
  test('the recording: events, faults as accesses, moves', async () => {
    const { meta } = await openSample('perf/numa-events.ftrace.txt.gz')
    expect(meta.format).toBe('ftrace')
    for (const [event, count] of Object.entries(groundTruth['perf/numa-events.ftrace.txt.gz'].events)) {
      if (event !== 'other') expect(meta.formatFacts[`events.${event}`]).toBe(count)
    }
    expect(meta).toMatchObject({ records: 1399, events: { kernel_migrated: 31 } })
  })

  test('trace-cmd report, four flags, and lost events', async () => {
    const text = `cpus=4
          my-app-347   [001]    23.829156: page_fault_user: address=0x7f1391c39000 ip=0x1 error_code=0x7
CPU:2 [LOST 123 EVENTS]
          my-app-347   [002] d..3    23.829160: page_fault_user: address=0x7f1391c39000 ip=0x1 error_code=0x4
`
    const { meta, cpus } = await openText(text)
    expect(meta).toMatchObject({ format: 'ftrace', reads: 1, writes: 1, pages: 1, events: { lost: 1, task_runs_on: 1 } })
    expect(cpus.map(({ cpu }) => cpu)).toEqual([1, 2])
    expect(meta.lint).toContainEqual(expect.objectContaining({ code: 'lost-samples', message: expect.stringContaining('123') }))
  })
})
