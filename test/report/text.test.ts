import { describe, expect, test } from 'vitest'
import { comparisonTable, type ReportTable, renderTable, terminalOptions } from '../../src/report/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

const plain = (width: number) => ({ width, colour: false })
const table: ReportTable = {
  title: 'Things',
  columns: [
    { heading: 'name', align: 'left' },
    { heading: 'count', align: 'right' },
    { heading: 'share', align: 'right' },
  ],
  rows: [
    ['a-rather-long-name:with=parameters,and=more', '1,000', '50.0%'],
    ['b', '7', '0.1%'],
  ],
  notes: ['A note of several words that is longer than the terminal is wide.'],
}

describe('text tables', () => {
  test('figures stand right, names left', () => {
    expect(renderTable(table, plain(80))).toBe(
      [
        'Things',
        'name                                         count  share',
        'a-rather-long-name:with=parameters,and=more  1,000  50.0%',
        'b                                                7   0.1%',
        'A note of several words that is longer than the terminal is wide.',
      ].join('\n'),
    )
  })

  test('in a narrow terminal names are cut in the middle, then the table is split, and notes wrap', () => {
    expect(renderTable(table, plain(40))).toBe(
      [
        'Things',
        'name                        count  share',
        'a-rather-lon…eters,and=more  1,000  50.0%'.replace('a-rather-lon…eters,and=more  ', 'a-rather-long…ers,and=more  '),
        'b                               7   0.1%',
        'A note of several words that is longer',
        '  than the terminal is wide.',
      ].join('\n'),
    )
    const narrow = renderTable(table, plain(28)).split('\n')
    expect(narrow.filter((line) => line.startsWith('name'))).toHaveLength(2)
  })

  test('control characters and colour codes in names never reach the terminal', () => {
    const hostile = renderTable({ ...table, rows: [['\x1b[31mred\x1b[0m\x07bell\r\nline', '1', '2']], notes: ['\x1b]0;title\x07x'] }, plain(80))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(hostile.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f]/)
    expect(hostile.split('\n')).toHaveLength(4)
  })

  test('colour only where it is wanted', () => {
    const stream = (isTTY: boolean) => ({ isTTY, columns: 90 }) as NodeJS.WriteStream
    const saved = { ...process.env }
    try {
      for (const name of ['NO_COLOR', 'FORCE_COLOR', 'TERM']) delete process.env[name]
      expect(terminalOptions(stream(true))).toEqual({ width: 90, colour: true })
      expect(terminalOptions(stream(false)).colour).toBe(false)
      process.env['FORCE_COLOR'] = '1'
      expect(terminalOptions(stream(false)).colour).toBe(true)
      process.env['NO_COLOR'] = '1'
      expect(terminalOptions(stream(true)).colour).toBe(false)
      process.env = { ...saved, TERM: 'dumb' }
      for (const name of ['NO_COLOR', 'FORCE_COLOR']) delete process.env[name]
      expect(terminalOptions(stream(true)).colour).toBe(false)
    } finally {
      process.env = saved
    }
  })
})

describe('the comparison of replay', () => {
  const text = comparisonTable(sampleRun({ oom: 'interleave' }), plain(160))

  test('says what was replayed, where, and with which seed and version', () => {
    expect(text).toContain('traces/samples/init-by-one.csv.gz  sha256:6b1f0c2a9d1e')
    expect(text).toMatch(/[\d,]+ accesses, 40,000 pages of 4KiB, every access, unfiltered, 30s/)
    expect(text).toContain('machine  2-socket, latencies inferred from SLIT')
    expect(text).toContain('seed 7, baseline first-touch, numareplay 0.1.0')
    expect(text).toContain('note: Latencies of machine 2-socket are inferred from SLIT distances')
  })

  test('has a row per policy, the change against the baseline, and failures by errno below', () => {
    const line = (start: string) => text.split('\n').find((one) => one.startsWith(start))!
    expect(line('policy')).toMatch(/mean ns +change +p50 ns +p99 ns +local +stall +run time +change +migrated +failed +hint faults +migrating +above opt\./)
    expect(line('numa-balancing')).toMatch(/^numa-balancing +93\.\d +-15\.\d% +82 +142 +8\d\.\d%/)
    expect(line('first-touch').split(/ +/)).toHaveLength(12)
    expect(line('interleave ended early')).toBe('interleave ended early: oom, no free page on nodes 0-1 at 7.5s')
    expect(line('failed in hot-page-daemon')).toMatch(/: EBUSY [\d,]+, ENOMEM [\d,]+ pages$/)
  })
})
