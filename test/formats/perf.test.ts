/** perf script and perf mem dumps against the facts counted from the same files by another program. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Address } from '../../src/trace/index.ts'
import { servedBy } from '../../traces/linux/data-src.ts'
import { countsByPage, FIXTURES, openSample, openText } from './helpers.ts'

/** README of the samples: what the data words say. */
const LOADS = { 'load.l1Hit': 3849, 'load.localDram': 968, 'load.remoteDram1Hop': 961, 'load.remoteDram2Hops': 1932 }
const STORES = { 'store.l1Hit': 3855, 'store.l1Miss': 963 }

test.each(['default', 'fields'])('memory samples in the layout %s: levels, periods, tasks, cpus and pages', async (layout) => {
  const trace = await openSample(`perf/mem-shift.${layout}.perf-script.txt.gz`)
  expect(trace.meta.formatFacts).toMatchObject({ ...LOADS, ...STORES, periodMin: 17, periodMax: 17 })
  expect(trace.meta).toMatchObject({ records: 12528, reads: 7710 * 17, writes: 4818 * 17, pages: 256, fidelity: 'samples' })
  expect(trace.tasks.map(({ tid }) => tid).sort()).toEqual([314, 315, 316, 317, 318, 319, 320, 321])
  expect(trace.cpus.map(({ cpu }) => cpu)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(trace.processes).toHaveLength(1)
})

test('both layouts give the same counts of every page', async () => {
  const [a, b] = await Promise.all(['default', 'fields'].map((layout) => openSample(`perf/mem-shift.${layout}.perf-script.txt.gz`)))
  expect(countsByPage(a!)).toEqual(countsByPage(b!))
})

test('perf mem -D: the same loads, without time', async () => {
  const { meta } = await openSample('perf/mem-shift-loads.perf-mem-dump.txt.gz')
  expect(meta.formatFacts).toMatchObject(LOADS)
  expect(meta).toMatchObject({ format: 'perf-mem', reads: 7710, writes: 0, pages: 256 })
})

test('the instruction pointer of a page fault is no data address', async () => {
  const { meta } = await openSample('perf/page-faults.default.perf-script.txt.gz')
  expect(meta.accesses).toBe(0)
  expect(meta.lint).toContainEqual(expect.objectContaining({ code: 'no-data-address', severity: 'error' }))
})

test('page faults of one recording in three layouts', async () => {
  const [full, narrow, ns] = await Promise.all(['full', 'narrow', 'ns'].map((layout) => openSample(`perf/page-faults.${layout}.perf-script.txt.gz`)))
  expect(full!.meta.records).toBe(1584)
  expect(countsByPage(narrow!)).toEqual(countsByPage(full!))
  expect(countsByPage(ns!)).toEqual(countsByPage(full!))
  expect(full!.processes).toEqual([312])
})

test('tracepoints: migrations, task moves, write faults', async () => {
  const { meta, events } = await openSample('perf/master-first-touch-autonuma.perf-script.txt.gz')
  expect(meta.events.kernel_migrated).toBe(614)
  expect(meta).toMatchObject({ accesses: 4710, reads: 1137, writes: 3573 })
  expect(events.find(({ kind }) => kind === 'kernel_migrated')).toMatchObject({ succeeded: 1, failed: 0, reason: 'numa_misplaced' })
})

test('physical addresses on request', async () => {
  const trace = await openSample('perf/mem-shift.default.perf-script.txt.gz', { formatOptions: { address: 'physical' } })
  expect(trace.meta.pages).toBe(256)
  // 1 GiB and more: node 3 of a machine with 512 MiB a node
  expect(Math.max(...trace.pageVpage) * 4096).toBeGreaterThan(2 ** 30)
})

describe('data_src', () => {
  const rows = readFileSync(join(FIXTURES, 'perf/data_src-decode.tsv'), 'utf8').trim().split('\n').slice(1)
  /** The class by the text that perf prints, independently of the bits. */
  const classOf = (text: string): string => {
    const level = /LVL ([^|]*)/.exec(text)![1]!
    const outcome = / miss$/.test(level) ? 'Miss' : / hit$/.test(level) ? 'Hit' : ''
    const rules: [RegExp, string][] = [
      [/Remote PMEM/, 'remotePmem'],
      [/PMEM/, 'pmem'],
      [/CXL/, 'cxl'],
      [/Remote RAM \(2 hops\)|board RAM/, 'remoteDram2Hops'],
      [/Remote RAM \(1 hop\)/, 'remoteDram1Hop'],
      [/core, same node/, 'otherCoreCache'],
      [/Remote Cache|Any cache/, 'remoteCache'],
      [/RAM/, 'localDram'],
      [/I\/O/, 'io'],
      [/Uncached/, 'uncached'],
      [/L3/, `l3${outcome}`],
      [/L2/, `l2${outcome}`],
      [/LFB/, `fillBuffer${outcome}`],
      [/L4/, `l4${outcome}`],
      [/L1/, `l1${outcome}`],
    ]
    return rules.find(([pattern]) => pattern.test(level))?.[1] ?? 'unknown'
  }
  test.each(rows.map((row) => row.split('\t')))('%s %s', (word, text) => {
    const address = new Address()
    expect(address.hex(word!)).toBe(true)
    expect(servedBy(address.high, address.low)).toBe(classOf(text!))
  })
})

describe('lines as people have them', () => {
  const sample = (head: string, rest = '7f0000001000') => `${head} 1.000001: ${'1'.padStart(10)} cpu/mem-loads/P: ${rest.padStart(16)}               0\n`

  test('blanks, slashes and brackets in command names; pid/tid; callchains; comments', async () => {
    const text = `# perf script --header\n${sample('Web [x] 1/2: Content  100/101 [003]')}\t    55659353b840 main+0x10\n\n${sample('kworker/0:1-ev 200 [001]')}`
    const trace = await openText(text)
    expect(trace.tasks.map(({ pid, tid }) => [pid, tid])).toEqual([
      [100, 101],
      [200, 200],
    ])
    expect(trace.cpus.map(({ cpu }) => cpu)).toEqual([1, 3])
  })

  test('one SPE sample is printed once per event it stands for', async () => {
    const line = (event: string) => `   cmd   7 [000]  2.000000: 1 ${event}:     7f0000001000      1026a100142 |OP LOAD|LVL L1 hit\n`
    const { meta } = await openText(line('l1d-access') + line('tlb-access') + line('memory'))
    expect(meta.records).toBe(1)
    expect(meta.formatFacts['repeatedSamples']).toBe(2)
  })

  test('wall-clock times are counted from their first second', async () => {
    const { meta } = await openText('  cmd 7 [000] 1764000000.123456789: 1 page-faults:     7f0000001000\n')
    expect(meta.timeFirstNs).toBe(123456789)
    expect(meta.formatFacts['timeOriginSeconds']).toBe(1764000000)
  })

  test.each([
    ['  cmd 7 [000] 2.0000000001: 1 page-faults:     7f0000001000\n', /trace\.txt:1: .*not a time/],
    ['  cmd 7 [000] 2.000000: 1 page-faults:     7f0000001000\n  cmd 7 [000] 1.000000: 1 page-faults:     7f0000001000\n', /trace\.txt:2: .*time goes back/],
    ['  cmd 7 [000] 2.000000: migrate:mm_migrate_pages: nothing\n', /trace\.txt:1: mm_migrate_pages without its fields/],
  ])('%j is refused', async (text, message) => {
    await expect(openText(text)).rejects.toThrow(message)
  })
})
