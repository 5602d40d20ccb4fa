/** The notebooks run from their first cell to their last, and what they show is what their text says. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from 'vega-lite'
import { describe, expect, test } from 'vitest'
import { execute, hasDeno, hasJupyter, NOTEBOOKS, type Output } from './execute.ts'

const VEGA_LITE = 'application/vnd.vegalite.v5+json'

const percent = (text: string, pattern: RegExp): number => Number(pattern.exec(text)![1])

/** Titles of the charts in order, and what else must be true of the outputs. */
const EXPECTED: Record<string, { charts: string[]; check(text: string, outputs: Output[]): void }> = {
  '01-first-comparison': {
    charts: ['Share of local accesses over time', 'Accesses and placement of pages over time', 'Memory time per access, by cause'],
    check(text) {
      expect(text).toMatch(/Idle read latency, ns/)
      for (const policy of ['first-touch', 'interleave', 'hot-page-daemon', 'numa-balancing', 'clairvoyant']) expect(text).toContain(policy)
      expect(text).toMatch(/numa_misplaced +0 +1 +\d+/)
      expect(percent(text, /saves ([\d.]+)% against first-touch\n/)).toBeGreaterThan(1)
      // The greedy clairvoyant is near the bound on this recording, and can never be below it
      expect(percent(text, /regret of clairvoyant: ([\d.]+)%/)).toBeLessThan(5)
    },
  },
  '02-writing-a-policy': {
    charts: ['Mean latency against memory moved'],
    check(text) {
      expect(text).toMatch(/dominant-user:period=250ms,sample-period=5/)
      const best = percent(text, /regret ([\d.]+)%, first-touch/)
      expect(best).toBeLessThan(percent(text, /, first-touch ([\d.]+)%/))
    },
  },
  '03-tiered-memory-cxl': {
    charts: ['Pages on each node over time', 'Pages moved from node to node'],
    check(text) {
      for (const size of ['2MiB', '4MiB', '8MiB', '18MiB'])
        expect(text).toMatch(new RegExp(`${size} of DRAM: lowest latency [\\w-]+, lowest total cost [\\w-]+`))
      // With room for the whole program nothing has to be chosen: all policies but the reference line are alike
      const whole = ['clairvoyant', 'demotion', 'first-touch', 'memtis', 'tpp'].map(
        (lane) => new RegExp(`^${lane} +[\\d.]+ +[\\d.]+ +[\\d.]+ +([\\d.]+)$`, 'm').exec(text)![1],
      )
      expect(new Set(whole).size).toBe(1)
    },
  },
  '04-page-migration-step-by-step': {
    charts: ['Tried and moved'],
    check(text) {
      // Order of mm/migrate.c: isolate_folio_to_list, migrate_folio_unmap, migrate_folio_move
      expect(text).toContain(
        'isolate > allocate > lock source > writeback > lock target > unmap > refcount > copy > mapping > flags > putback > remap > unlock',
      )
      expect(text).toMatch(/0x[0-9a-f]+ +unmap +10 +7 +EAGAIN/)
      expect(text).toMatch(/: (\d+) of \1 exact cases match/)
    },
  },
  '05-the-library-in-typescript': {
    charts: ['Share of local accesses over time', 'Accesses and placement of pages over time'],
    check(text) {
      expect(text).toMatch(/Idle read latency, ns/)
      expect(text).toMatch(/numa-balancing +[\d.]+ +-\d/)
      expect(text).toMatch(/custom:period=4s +[\d.]+ +\d+ +saves [\d.]+% against first-touch/)
      expect(text).toMatch(/by node: \[\[0,\d+\],\[1,\d+\]\]/)
    },
  },
}

const names = readdirSync(NOTEBOOKS)
  .filter((file) => file.endsWith('.ipynb'))
  .map((file) => file.replace('.ipynb', ''))
const isDeno = (name: string): boolean => JSON.parse(readFileSync(join(NOTEBOOKS, `${name}.ipynb`), 'utf8')).metadata.kernelspec.name === 'deno'

test('every notebook is expected to show something, and is stored without its outputs', () => {
  expect(names.sort()).toEqual(Object.keys(EXPECTED).sort())
  for (const name of names) {
    const { cells } = JSON.parse(readFileSync(join(NOTEBOOKS, `${name}.ipynb`), 'utf8')) as { cells: { outputs?: unknown[]; execution_count?: unknown }[] }
    for (const { outputs = [], execution_count = null } of cells) expect([outputs, execution_count]).toEqual([[], null])
  }
})

describe.each(names)('%s', (name) => {
  test('runs head to tail, and shows what it says', { timeout: 400_000 }, async ({ skip }) => {
    skip(!hasJupyter && !process.env['CI'], 'no jupyter')
    skip(isDeno(name) && !hasDeno && !process.env['CI'], 'no deno kernel: npm ci in .ci/notebooks')
    const outputs = await execute(name)
    expect(outputs.filter(({ kind }) => kind === 'error').map(({ text }) => text)).toEqual([])
    const charts = outputs.filter(({ data }) => VEGA_LITE in data)
    expect(charts.map(({ text }) => text)).toEqual(EXPECTED[name]!.charts)
    for (const { data } of charts) {
      const spec = data[VEGA_LITE] as { $schema: string; datasets: Record<string, unknown[]> }
      expect(spec.$schema).toBe('https://vega.github.io/schema/vega-lite/v5.json')
      expect(Object.values(spec.datasets).some((rows) => rows.length > 0)).toBe(true)
      expect(compile(spec as never).spec.marks!.length).toBeGreaterThan(0)
      // a picture that exports show: nbconvert empties SVG
      expect(data['image/svg+xml']).toBeUndefined()
      const png = Buffer.from([data['image/png']].flat().join(''), 'base64')
      expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
      expect(png.readUInt32BE(16)).toBeGreaterThan(800)
    }
    EXPECTED[name]!.check(outputs.map(({ text }) => text).join('\n'), outputs)
  })
})
