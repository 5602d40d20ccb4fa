/** `numareplay report`: draws from run folders and sweep stores, without replaying. */
import { dirname, join, relative } from 'node:path'
import { UserError } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import {
  bindChart,
  chartContext,
  chartFile,
  combineRuns,
  csv,
  drawSvg,
  findings,
  kindOf,
  loadReports,
  type NamedReport,
  type RunTables,
  renderHtml,
  renderMarkdown,
  renderTable,
  reportsFor,
  svgToPng,
  terminalOptions,
  wrapped,
  writeWhole,
} from '../../report/index.ts'
import { openRun, type Run } from '../../results/index.ts'
import { isStore, openStudy } from '../../sweep/index.ts'
import { defineCommand, once, printJson } from '../command.ts'

const output = (name: string, describe: string) => ({ type: 'string', requiresArg: true, describe, coerce: once(name) }) as const

export default defineCommand({
  command: 'report <run..>',
  describe: 'Draw reports from run folders and sweep stores, without replaying',
  builder: (args) =>
    args
      .positional('run', { type: 'string', array: true, describe: 'Run folders of one trace, or a sweep store' })
      .option('report', { alias: 'r', type: 'string', array: true, requiresArg: true, describe: 'Report to draw: a name or ./mine.ts; all when left out' })
      .option('where', { type: 'string', array: true, requiresArg: true, describe: 'of a store: points with AXIS=PATTERN; repeat it' })
      .option('plan', output('plan', 'Which plan, when the store has several'))
      .option('html', output('html', 'Write one self-contained HTML file'))
      .option('svg', output('svg', 'Write each chart as SVG into a folder'))
      .option('png', output('png', 'Write each chart as PNG into a folder'))
      .option('spec', output('spec', 'Write each chart as Vega-Lite, with its data, into a folder'))
      .option('csv', output('csv', 'Write the tables of the runs as CSV into a folder'))
      .option('markdown', output('markdown', 'Write a Markdown file'))
      .option('json', { type: 'boolean', describe: 'Print the reports as JSON' })
      .example('$0 report run', 'All reports as text')
      .example('$0 report run -r migrations --svg charts', 'The charts of one report')
      .example('$0 report a b --html both.html', 'Two runs of one trace side by side')
      .example('$0 report store', 'A sweep: who wins where, sensitivity, Pareto front')
      .example('$0 report store --where machine=spr-2s --where seed=1', 'Part of it; of a single comparison all reports'),
  async handler(args) {
    const { html, svg, png, spec, csv: csvFolder, markdown, json } = args as Outputs
    const { run, tables, reports } = await opened(args['run'] as string[], args as unknown as Choice)
    const written: string[] = []
    const write = (file: string, content: string | Uint8Array): void => {
      writeWhole(file, content)
      written.push(file)
    }
    if (spec !== undefined || svg !== undefined || png !== undefined) await writeCharts(run, reports, { spec, svg, png }, write)
    if (csvFolder !== undefined) {
      for (const { name, columns } of tables) write(join(csvFolder, `${name}.csv`), csv(columns, run.rows(name)))
    }
    if (markdown !== undefined) {
      const [folder, extension] = svg !== undefined ? [svg, 'svg'] : [png, 'png']
      const picture = (report: string, chart: string): string | undefined =>
        folder === undefined ? undefined : relative(dirname(markdown), chartFile(folder, report, chart, extension!))
      write(markdown, renderMarkdown(run, reports, picture))
    }
    if (html !== undefined) write(html, await renderHtml(run, reports))
    if (json) printJson(asJson(run, reports))
    else if (written.length > 0) process.stdout.write(`${written.map((file) => `wrote ${file}`).join('\n')}\n`)
    else printText(run, reports)
    return undefined
  },
})

interface Outputs {
  html?: string
  svg?: string
  png?: string
  spec?: string
  csv?: string
  markdown?: string
  json?: boolean
}

interface Choice {
  report?: string[]
  where?: string[]
  plan?: string
}

interface Opened {
  run: RunTables
  tables: { name: string; columns: string[] }[]
  reports: NamedReport[]
}

/** A store is a study of all its comparisons; it is like run folders where reports of single comparisons are asked for. */
async function opened(folders: string[], { report: names, where = [], plan }: Choice): Promise<Opened> {
  const stores = folders.filter(isStore)
  if (stores.length === 0 && (where.length > 0 || plan !== undefined)) throw new UserError('only a sweep store has points to choose from', { field: where.length > 0 ? '--where' : '--plan', got: folders[0] }) // biome-ignore format: one thought
  const reports = names === undefined ? undefined : await loadReports(names)
  const ofStudy = reports?.filter(({ report }) => kindOf(report) === 'study') ?? []
  if (folders.length === 1 && stores.length === 1 && (reports === undefined || ofStudy.length > 0)) return study(stores[0]!, { where, plan }, reports)

  const only = ofStudy[0]
  if (only !== undefined) throw new UserError(`report ${only.name} is of a sweep store, alone`, { got: folders.join(' ') })
  const runs: Run[] = []
  for (const folder of folders) runs.push(...(isStore(folder) ? (await openStudy(folder, { where, plan })).runs : [await openRun(folder)]))
  const drawable = (reports ?? (await loadReports())).filter((named) => isDrawable(named, runs, names !== undefined))
  const run = combineRuns(runs)
  return { run, tables: tablesOf(runs[0]!), reports: names === undefined ? reportsFor(run, drawable) : drawable }
}

async function study(folder: string, choice: { where: string[]; plan: string | undefined }, named: NamedReport[] | undefined): Promise<Opened> {
  const run = await openStudy(folder, choice)
  const single = run.runs.length === 1 ? run.runs[0] : undefined
  const ofRun = named?.find(({ report }) => kindOf(report) === 'run')
  if (ofRun !== undefined && single === undefined) {
    throw new UserError(`report ${ofRun.name} is of one comparison`, { file: folder, expected: 'one chosen with --where, such as --where trace=NAME --where machine=NAME --where seed=1' }) // biome-ignore format: one thought
  }
  const reports = named ?? [...(await loadReports(undefined, 'study')), ...(single === undefined ? [] : reportsFor(single, await loadReports()))]
  const points = { name: 'points', columns: Object.keys(run.rows('points')[0]!) }
  return {
    run,
    tables: [points, ...(single === undefined ? [] : tablesOf(single))],
    reports: reports.filter((one) => kindOf(one.report) === 'study' || isDrawable(one, [single!], named !== undefined)),
  }
}

const tablesOf = (run: Run): Opened['tables'] => run.tables.map((name) => ({ name, columns: run.table(name).schema.columns.map((column) => column.name) }))

/** A report that is asked for by name must be drawable; of all reports, those that are. */
function isDrawable({ name, report }: NamedReport, runs: Run[], isNamed: boolean): boolean {
  const table = report.tables.find((one) => runs.some((run) => !run.tables.includes(one)))
  if (table === undefined) return true
  if (isNamed) runs.find((run) => !run.tables.includes(table))!.table(table)
  process.stderr.write(`note: report ${name} is left out: a run has no table ${table}\n`)
  return false
}

type ChartFolders = Pick<Outputs, 'spec' | 'svg' | 'png'>

async function writeCharts(
  run: RunTables,
  reports: NamedReport[],
  { spec, svg, png }: ChartFolders,
  write: (file: string, content: string | Uint8Array) => void,
): Promise<void> {
  const context = chartContext(run)
  for (const { name, report } of reports) {
    for (const chart of report.charts(run)) {
      const bound = bindChart(chart, context, { scheme: 'light', framed: true })
      if (spec !== undefined) write(chartFile(spec, name, chart.name, 'vl.json'), `${JSON.stringify(bound, null, 2)}\n`)
      if (svg === undefined && png === undefined) continue
      const picture = await drawSvg(bound)
      if (svg !== undefined) write(chartFile(svg, name, chart.name, 'svg'), picture)
      if (png !== undefined) write(chartFile(png, name, chart.name, 'png'), await svgToPng(picture))
    }
  }
}

function printText(run: RunTables, reports: NamedReport[]): void {
  const options = terminalOptions()
  // in a pipe a sentence stays on its line
  const width = process.stdout.columns ?? Number.POSITIVE_INFINITY
  const sentences = findings(run).map(({ lane, text }) => wrapped(lane === undefined ? text : `${lane} ${text}`, width))
  const tables = reports.flatMap(({ report }) => report.text(run).map((table) => renderTable(table, options)))
  process.stdout.write(`${[sentences.join('\n'), ...tables].join('\n\n')}\n`)
}

function asJson(run: RunTables, reports: NamedReport[]) {
  return {
    schema: 'numareplay/report/1',
    version: VERSION,
    run: run.record,
    findings: findings(run),
    reports: reports.map(({ name, report }) => ({
      name,
      title: report.title,
      section: report.section,
      question: report.question,
      tables: report.text(run),
      charts: report.charts(run).map(({ name: chart, title, description, caption }) => ({ name: chart, title, description, caption })),
    })),
  }
}
