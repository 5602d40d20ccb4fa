/** What every file in reports/ promises, checked on runs small and large. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import {
  bindChart,
  chartContext,
  compileChart,
  drawSvg,
  kindOf,
  listReports,
  loadReports,
  type ReportChart,
  type RunTables,
  renderTable,
} from '../../src/report/index.ts'
import { TABLES } from '../../src/results/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'
import { sampleStudy } from '../fixtures/sample-study.ts'

const RUNS: Record<string, RunTables> = {
  'six policies on two nodes': sampleRun({ residency: true }),
  'fourteen lanes on eight nodes, many bins': sampleRun({
    lanes: ['first-touch', ...Array.from({ length: 13 }, (_, i) => `numa-balancing:scan-period=${i + 1}s`)],
    nodes: [0, 1, 2, 3, 4, 5, 6, 7],
    bins: 450,
    residency: true,
  }),
  'a sample of pages': sampleRun({ sampled: true, residency: true, lanes: ['first-touch', 'interleave', 'numa-balancing'], bins: 40 }),
  'one policy that moves nothing': sampleRun({ lanes: ['first-touch'] }),
  'a lane out of memory, no optimum, one bin, node numbers with holes': sampleRun({ oom: 'interleave', bound: false, bins: 1, nodes: [0, 4] }),
}

const STUDIES: Record<string, RunTables> = {
  'three traces, two machines, two seeds': sampleStudy(),
  'samples of pages': sampleStudy({ sampled: true }),
  'one comparison': sampleStudy({ traces: ['a.csv.gz'], machines: ['spr-2s'], seeds: [1] }),
  'fourteen variants on many traces': sampleStudy({
    traces: Array.from({ length: 12 }, (_, i) => `recordings/of-some-length/${i}.csv.gz`),
    lanes: ['first-touch', ...Array.from({ length: 13 }, (_, i) => `hot-page-daemon:period=${i + 1}s`)],
    seeds: [1],
  }),
  'a policy that is out of memory everywhere': sampleStudy({ oom: 'interleave' }),
}

const reports = [...(await loadReports()), ...(await loadReports(undefined, 'study'))]

/** The JSON schema that vega-lite ships. */
const schema = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('vega-lite/vega-lite-schema.json'), 'utf8'))
const isVegaLite = new Ajv({ strict: false, allErrors: false, validateFormats: false }).compile(schema)

test('every file in the folder is a report', () => {
  expect(reports.map(({ name }) => name).sort()).toEqual(listReports())
})

describe.each(reports)('report $name', ({ report }) => {
  const samples = kindOf(report) === 'study' ? STUDIES : RUNS

  test('asks a question, and needs tables that runs have', () => {
    expect(report.question).toMatch(/\?$/)
    expect(report.title.length).toBeGreaterThan(3)
    const known = kindOf(report) === 'study' ? ['points'] : TABLES.map(({ name }) => name as string)
    for (const table of [...report.tables, ...(report.optional ?? [])]) expect(known).toContain(table)
  })

  test('its charts have every scheme, and the same bytes every time', async () => {
    const run = Object.values(samples)[0]!
    for (const chart of report.charts(run)) {
      for (const scheme of ['light', 'dark', 'page'] as const) {
        const bind = () => bindChart(chart, chartContext(run), { scheme, framed: scheme !== 'page' })
        expect((await compileChart(bind())).warnings).toEqual([])
        const svg = await drawSvg(bind())
        expect(await drawSvg(bind())).toBe(svg)
      }
    }
  })

  describe.each(Object.entries(samples))('on %s', (_, run) => {
    const context = chartContext(run)

    test('reads only the tables it names', () => {
      const asked = new Set<string>()
      const spy = {
        ...run,
        rows: (table: string) => {
          asked.add(table)
          return run.rows(table)
        },
      }
      report.text(spy)
      report.charts(spy)
      expect([...asked].filter((table) => ![...report.tables, ...(report.optional ?? [])].includes(table))).toEqual([])
    })

    test('renders as text, each row as wide as its heading, within the terminal', () => {
      for (const table of report.text(run)) {
        for (const row of table.rows) expect(row).toHaveLength(table.columns.length)
        for (const width of [60, 100, 200]) {
          for (const line of renderTable(table, { width, colour: false }).split('\n')) expect(line.length).toBeLessThanOrEqual(width)
        }
        expect(JSON.stringify(table)).not.toMatch(/NaN|Infinity|undefined/)
      }
    })

    test('its charts compile without warnings and draw', async () => {
      const names = report.charts(run).map(({ name }) => name)
      expect(new Set(names).size).toBe(names.length)
      for (const chart of report.charts(run)) {
        expect(chart.description.length).toBeGreaterThan(20)
        const bound = bindChart(chart, context, { scheme: 'light', framed: true })
        expect(isVegaLite(bound), `${chart.name}: ${JSON.stringify(isVegaLite.errors?.slice(0, 3))}`).toBe(true)
        expect((await compileChart(bound)).warnings).toEqual([])
        const svg = await drawSvg(bound)
        expect(svg).not.toMatch(/NaN|undefined|theme:|var\(--/)
        const hasRows = Object.values(chart.data).some((rows) => rows.length > 0)
        if (hasRows) expect(svg).toMatch(/<(path|line|text)[^>]*aria-roledescription|class="mark-(rect|line|area|symbol|text)/)
      }
    }, 120_000)

    test('every table and chart tells the sampling error, and only where there is one', () => {
      const isSampled = run.record.trace.sample !== undefined
      for (const { notes = [] } of report.text(run)) expect(notes.filter((note) => note.includes('sample of pages'))).toHaveLength(isSampled ? 1 : 0)
      for (const { caption = '' } of report.charts(run)) expect(caption.includes('sample of pages')).toBe(isSampled)
    })

    test('every chart of a sample draws intervals or says in words why not, and none does of all pages', () => {
      for (const { name, caption = '', sampling, spec, data } of report.charts(run)) {
        const isDrawn = /"field":"(low|from)"/.test(JSON.stringify(spec)) || JSON.stringify(data).includes('"low"')
        if (run.record.trace.sample === undefined) {
          if (!['differences', 'page-heatmap', 'cost-by-setting'].includes(name)) expect(isDrawn, name).toBe(false)
          expect(JSON.stringify(data), name).not.toMatch(/"(error|isWhole|[a-zA-Z0-9_]+_ci95|shareError|latencyError)":/)
          continue
        }
        expect(sampling ?? '', name).toMatch(/\.$/)
        expect(caption, name).toContain(sampling)
        const says = /bands are|thin lines|intervals and verdicts|allow for/.test(sampling!)
        if (says) expect(isDrawn, name).toBe(true)
        else expect(sampling, name).toMatch(/no error|no interval|tooltip/)
      }
    })

    test('its charts refer to fields that exist', () => {
      for (const chart of report.charts(run)) expect(unknownFields(chart), chart.name).toEqual([])
    })

    test('rows that are meant to follow the choice of policies carry a lane of the run', () => {
      const lanes = new Set(context.lanes)
      for (const chart of report.charts(run)) {
        for (const rows of Object.values(chart.data)) for (const row of rows) expect(lanes.has(row['lane'] as string)).toBe(true)
      }
      for (const { laneColumn, rows } of report.text(run)) {
        if (laneColumn !== undefined) for (const row of rows) expect(lanes.has(row[laneColumn]!)).toBe(true)
      }
    })
  })
})

/** Fields that a spec uses and neither its rows have nor its transforms make. */
function unknownFields({ spec, data }: ReportChart): string[] {
  const rows = Object.values(data).flatMap((all) => all.slice(0, 1))
  if (rows.length === 0) return []
  const known = new Set(rows.flatMap((row) => Object.keys(row)))
  const used = new Set<string>()
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    for (const [key, item] of Object.entries(value)) {
      if (key === 'as') for (const name of [item].flat()) known.add(name as string)
      else if (key === 'field' && typeof item === 'string') used.add(item)
      else if (key === 'groupby' || key === 'fold') for (const name of item as string[]) used.add(name)
      else if ((key === 'calculate' || key === 'filter') && typeof item === 'string') {
        for (const [, name] of item.matchAll(/datum\.(\w+)/g)) used.add(name!)
        for (const [, name] of item.matchAll(/datum\['([^']+)'\]/g)) used.add(name!)
      }
      visit(item)
    }
  }
  visit(spec)
  return [...used].filter((name) => !known.has(name))
}
