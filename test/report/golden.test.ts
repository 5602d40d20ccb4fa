/**
 * Each report's text and Vega-Lite, held against a file in test/fixtures/golden: runs as the built package replays a small
 * workload, studies on the sample study. After a wanted change: the command below, then read the difference.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bindChart, type ChartContext, chartContext, kindOf, listReports, loadReport, type RunTables, renderTable } from '../../src/report/index.ts'
import { openRun } from '../../src/results/index.ts'
import { numareplay, ROOT, temporaryFolder } from '../cli/run.ts'
import { sampleStudy } from '../fixtures/sample-study.ts'

const FOLDER = join(ROOT, 'test/fixtures/golden')
const UPDATE = 'npx vitest run test/report/golden.test.ts -u'

const WORKLOAD = 'phase-shift:slab=64KiB,accesses=60000,phases=20,duration=4s,tasks=4'
const FAULTS = 'states:\n  - { state: pinned, fraction: 25%, until: 2s }\n  - { state: movable, fraction: 10% }\n'

/** As move_pages(2) would tell it: the first pages of the workload, alternately on both nodes. */
const RESIDENCY = `phase,page,node\n${Array.from({ length: 32 }, (_, i) => `done,0x${(0x700000000000 + 4096 * i).toString(16)},${i % 2}`).join('\n')}\n`

async function smallRun(): Promise<RunTables> {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'plan.yaml'), FAULTS)
  writeFileSync(join(folder, 'residency.csv'), RESIDENCY)
  const policies = ['first-touch', 'hot-page-daemon', 'numa-balancing'].flatMap((policy) => ['-p', policy])
  const memory = ['--memory', '0=256KiB,1=192KiB', '--faults', join(folder, 'plan.yaml'), '--residency', join(folder, 'residency.csv')]
  const { code, stderr } = numareplay(['replay', WORKLOAD, '--epoch', '10ms', ...memory, ...policies, '-o', join(folder, 'run'), '--no-html', '--no-progress'])
  expect(code, stderr).toBe(0)
  return openRun(join(folder, 'run'))
}

const run = await smallRun()
const study = sampleStudy({ machines: ['spr-2s'], compare: true })

/** JSON with what fits on a line on a line. */
function json(value: unknown, indent = ''): string {
  const flat = JSON.stringify(value)
  if (value === null || typeof value !== 'object' || indent.length + flat.length <= 140) return flat
  const inner = `${indent}  `
  const items = Array.isArray(value)
    ? value.map((item) => json(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${json(item, inner)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return `${open}\n${items.map((item) => inner + item).join(',\n')}\n${indent}${close}`
}

/** The first rows of a data set to read, and the digest of all of them. */
function dataset(name: string, rows: unknown[]): string {
  const digest = createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16)
  return [`${name}: ${rows.length} rows, sha256 ${digest}`, ...rows.slice(0, 4).map((row) => `  ${JSON.stringify(row)}`)].join('\n')
}

async function golden(name: string, tables: RunTables, context: ChartContext): Promise<string> {
  const { report } = await loadReport(name)
  const texts = report.text(tables).map((table) => renderTable(table, { width: 100, colour: false }))
  const charts = report.charts(tables).map((chart) => {
    // All charts have the one theme, which has a file of its own
    const { datasets, config, ...spec } = bindChart(chart, context, { scheme: 'light', framed: true })
    return `== chart ${chart.name}\n${json(spec)}\n${Object.entries(datasets as Record<string, unknown[]>).map(([key, rows]) => dataset(key, rows)).join('\n')}` // biome-ignore format: one thought
  })
  return `${[...texts, ...charts].join('\n\n')}\n`
}

const THEME = 'theme'

async function expectGolden(name: string, text: string): Promise<void> {
  const file = join(FOLDER, `${name}.txt`)
  const isUpdate = expect.getState().snapshotState.snapshotUpdateState === 'all'
  if (!isUpdate && !existsSync(file)) throw new Error(`${name} has no golden file. Write it, and read it: ${UPDATE}`)
  await expect(text).toMatchFileSnapshot(file)
}

test.each(listReports())('%s', async (name) => {
  const tables = kindOf((await loadReport(name)).report) === 'study' ? study : run
  await expectGolden(name, await golden(name, tables, chartContext(tables)))
})

test('the theme of all charts', async () => {
  const { config } = bindChart((await loadReport('summary')).report.charts(run)[0]!, chartContext(run), { scheme: 'light', framed: true })
  await expectGolden(THEME, `${json(config)}\n`)
})

test('there is no golden file without a report', () => {
  const files = readdirSync(FOLDER).map((file) => file.replace(/\.txt$/, ''))
  expect([...listReports(), THEME]).toEqual(expect.arrayContaining(files))
})
