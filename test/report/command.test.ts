import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import command from '../../src/cli/commands/report.ts'
import { runOf, SUMMARY, writeRun } from '../../src/results/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

const folder = mkdtempSync(join(tmpdir(), 'report-command-'))
const at = (...parts: string[]) => join(folder, ...parts)
const run = sampleRun({ bins: 40 })

beforeAll(async () => {
  await writeRun(
    at('run'),
    run.record,
    run.tables.map((name) => run.table(name)),
  )
  await writeRun(
    at('old'),
    run.record,
    run.tables.filter((name) => name !== 'stack').map((name) => run.table(name)),
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function report(args: Record<string, unknown>): Promise<{ out: string; err: string }> {
  const said = { out: '', err: '' }
  const listen = (stream: NodeJS.WriteStream, into: 'out' | 'err') =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      said[into] += String(text)
      return true
    })
  const out = listen(process.stdout, 'out')
  const err = listen(process.stderr, 'err')
  try {
    await command.handler({ run: [at('run')], ...args })
  } finally {
    out.mockRestore()
    err.mockRestore()
  }
  return said
}

describe('numareplay report', () => {
  test('prints findings and the tables of all reports', async () => {
    const { out } = await report({})
    expect(out).toMatch(/^hot-page-daemon:period=2s is best overall/)
    for (const title of ['Comparison', 'Share of local accesses over time', 'Migrations that failed', 'Increase of the counters of /proc/vmstat']) {
      expect(out).toContain(`\n${title}\n`)
    }
  })

  test('one report is as quick to ask for', async () => {
    const { out } = await report({ report: ['latency-distribution'] })
    expect(out).toContain('Access latency (ns)')
    expect(out).not.toContain('Comparison')
  })

  test('writes every form, whole files only', async () => {
    const { out } = await report({
      report: ['summary', 'migrations'],
      html: at('out/all.html'),
      svg: at('out/svg'),
      png: at('out/png'),
      spec: at('out/spec'),
      csv: at('out/csv'),
      markdown: at('out/all.md'),
    })
    const svg = readdirSync(at('out/svg'))
    expect(svg).toEqual([
      'migrations-failures.svg',
      'migrations-migrated-over-time.svg',
      'migrations-migration-outcome.svg',
      'migrations-migrations-by-reason.svg',
      'summary-local-share.svg',
      'summary-mean-latency.svg',
      'summary-overhead.svg',
    ])
    expect(readFileSync(at('out/png/summary-overhead.png')).subarray(1, 4).toString()).toBe('PNG')
    const spec = JSON.parse(readFileSync(at('out/spec/summary-overhead.vl.json'), 'utf8'))
    expect(spec).toMatchObject({ $schema: 'https://vega.github.io/schema/vega-lite/v6.json', datasets: { epochs: expect.any(Array) } })
    const markdown = readFileSync(at('out/all.md'), 'utf8')
    expect(markdown).toContain('](svg/summary-overhead.svg)')
    expect(markdown).toMatch(/\n\| numa-balancing \| 9\d\.\d \|/)
    const csv = readFileSync(at('out/csv/summary.csv'), 'utf8').split('\n')
    expect(csv[0]).toBe(SUMMARY.columns.map(({ name }) => name).join(','))
    expect(csv).toHaveLength(run.record.lanes.length + 2)
    expect(readFileSync(at('out/all.html'), 'utf8')).toContain('<h3>Migrations</h3>')
    expect(out.split('\n').filter((line) => line.startsWith('wrote '))).toHaveLength(7 * 3 + run.tables.length + 2)
    expect(readdirSync(at('out')).filter((file) => file.includes('tmp'))).toEqual([])
  })

  test('--json is one document', async () => {
    const { out } = await report({ json: true })
    const document = JSON.parse(out)
    expect(document).toMatchObject({ schema: 'numareplay/report/1', run: { seed: 7 } })
    expect(document.reports.map(({ name }: { name: string }) => name)[0]).toBe('summary')
    expect(document.reports[0].tables[0].rows).toHaveLength(6)
  })

  test('an old run without a table still draws what it can, and says what is left out', async () => {
    const { out, err } = await report({ run: [at('old')] })
    expect(out).toContain('Comparison')
    expect(err).toBe('note: report latency-stack is left out: a run has no table stack\n')
    await expect(report({ run: [at('old')], report: ['latency-stack'] })).rejects.toThrow(/no table "stack"/)
  })

  test('a report of the user’s own is a file', async () => {
    await expect(report({ report: ['sumary'] })).rejects.toThrow(/unknown report "sumary".*Did you mean summary/)
    await expect(report({ report: ['./none.ts'] })).rejects.toThrow(/none\.ts: report file not found/)
  })

  test('what cannot be written is a message, and nothing is left behind', async () => {
    await expect(report({ markdown: join(at('run'), 'run.json', 'x.md') })).rejects.toMatchObject({ name: 'UserError' })
    expect(existsSync(join(at('run'), 'run.json'))).toBe(true)
  })

  test('runs of different traces are refused', async () => {
    const { record } = run
    await writeRun(at('other'), { ...record, trace: { ...record.trace, digest: 'sha256:1' } }, [])
    await expect(report({ run: [at('run'), at('other')] })).rejects.toThrow(/trace\.digest: runs of different traces cannot be compared/)
  })

  test('Markdown keeps hostile names as text', async () => {
    const hostile = sampleRun({ lanes: ['first-touch', '|<script>`*_[x](y)'], traceFile: 'a\n# b.csv' })
    expect(runOf(hostile.record, []).tables).toEqual([])
    await writeRun(
      at('hostile'),
      hostile.record,
      hostile.tables.map((name) => hostile.table(name)),
    )
    await report({ run: [at('hostile')], markdown: at('hostile.md') })
    const text = readFileSync(at('hostile.md'), 'utf8').split('```sh')[0]!
    expect(text).not.toMatch(/[^\\]<script/)
    expect(text).not.toContain('\n# b')
    expect(text).toContain('\\|\\<script\\>\\`\\*\\_\\[x\\](y)')
  })
})
