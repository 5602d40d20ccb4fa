import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import command from '../../src/cli/commands/compare.ts'
import { bindComparison, comparisonCharts, comparisonTables, compileChart, drawSvg, renderTable } from '../../src/report/index.ts'
import { compareRuns, openRun, writeRun } from '../../src/results/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

const folder = mkdtempSync(join(tmpdir(), 'compare-'))
const runs = ['a', 'b', 'c'].map((name) => join(folder, name))
const LANES = ['first-touch', 'interleave', 'manual']

beforeAll(async () => {
  for (const [i, path] of runs.entries()) {
    const { record, tables, table } = sampleRun({ lanes: LANES, bins: 120, seed: i })
    const trace = { ...record.trace, file: `${'abc'[i]}.csv`, digest: `sha256:${i}` }
    await writeRun(path, { ...record, seed: 1, trace }, tables.map(table))
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function compare(args: Record<string, unknown> = {}): Promise<string> {
  let said = ''
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
  try {
    await command.handler({ run: runs, of: 'cost', correction: 'holm', ...args })
  } finally {
    out.mockRestore()
  }
  return said
}

describe('numareplay compare', () => {
  test('prints means, the matrix and every trace', async () => {
    const out = await compare()
    expect(out).toContain('Geometric mean over traces, against first-touch')
    expect(out).toContain('Wins / ties / losses in 3 cases, row against column')
    expect(out).toMatch(/^manual +[abc]\.csv +-\d+\.\d% +-\d+\.\d% to -\d+\.\d% +<0\.001 +\d+ +cheaper$/m)
    expect(out).toContain('no significant difference')
  })

  test('--json is one document with the method in it', async () => {
    const document = JSON.parse(await compare({ json: true, correction: 'bh', of: 'latency' }))
    expect(document).toMatchObject({ schema: 'numareplay/compare/1', baseline: 'first-touch', measure: 'latency', correction: 'bh' })
    expect(document.ratios).toHaveLength(6)
    expect(document.method.join(' ')).toMatch(/access latency alone.*Benjamini-Hochberg/)
  })

  test('writes every form', async () => {
    const at = (name: string) => join(folder, 'out', name)
    await compare({ svg: at('svg'), png: at('png'), spec: at('spec'), csv: at('csv'), markdown: at('all.md') })
    expect(readdirSync(at('svg'))).toEqual(['compare-differences.svg', 'compare-wins.svg'])
    expect(readdirSync(at('png'))).toHaveLength(2)
    expect(JSON.parse(readFileSync(join(at('spec'), 'compare-wins.vl.json'), 'utf8')).datasets.wins).toHaveLength(6)
    expect(readFileSync(join(at('csv'), 'ratios.csv'), 'utf8').split('\n')[0]).toBe(
      'policy,case,ratio,p,corrected,verdict,blocks,blockLength,independent,low,high',
    )
    expect(readFileSync(at('all.md'), 'utf8')).toMatch(/\| manual \| 3 \| -\d/)
  })

  test('fits narrow terminals, and its charts compile in light and dark', async () => {
    const comparison = compareRuns(await Promise.all(runs.map(openRun)))
    for (const table of comparisonTables(comparison)) {
      for (const line of renderTable(table, { width: 70, colour: false }).split('\n')) expect(line.length).toBeLessThanOrEqual(70)
    }
    for (const chart of comparisonCharts(comparison)) {
      for (const scheme of ['light', 'dark'] as const) {
        const bound = bindComparison(chart, comparison, scheme)
        expect((await compileChart(bound)).warnings).toEqual([])
        expect(await drawSvg(bound)).not.toMatch(/NaN|undefined|theme:/)
      }
    }
  })
})
