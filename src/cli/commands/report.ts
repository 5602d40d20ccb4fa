/** `numareplay report`: draws from run folders, without replaying. */
import { dirname, join, relative } from 'node:path'
import { VERSION } from '../../package.ts'
import {
  bindChart,
  chartContext,
  chartFile,
  combineRuns,
  csv,
  drawSvg,
  findings,
  loadReports,
  type NamedReport,
  type RunTables,
  renderHtml,
  renderMarkdown,
  renderTable,
  svgToPng,
  terminalOptions,
  writeWhole,
} from '../../report/index.ts'
import { openRun, type Run } from '../../results/index.ts'
import { defineCommand, once, printJson } from '../command.ts'

const output = (name: string, describe: string) => ({ type: 'string', requiresArg: true, describe, coerce: once(name) }) as const

export default defineCommand({
  command: 'report <run..>',
  describe: 'Draw reports from run folders, without replaying',
  builder: (args) =>
    args
      .positional('run', { type: 'string', array: true, describe: 'Run folders of one trace' })
      .option('report', { alias: 'r', type: 'string', array: true, requiresArg: true, describe: 'Report to draw: a name or ./mine.ts; all when left out' })
      .option('html', output('html', 'Write one self-contained HTML file'))
      .option('svg', output('svg', 'Write each chart as SVG into a folder'))
      .option('png', output('png', 'Write each chart as PNG into a folder'))
      .option('spec', output('spec', 'Write each chart as Vega-Lite, with its data, into a folder'))
      .option('csv', output('csv', 'Write the tables of the runs as CSV into a folder'))
      .option('markdown', output('markdown', 'Write a Markdown file'))
      .option('json', { type: 'boolean', describe: 'Print the reports as JSON' })
      .example('$0 report run', 'All reports as text')
      .example('$0 report run -r migrations --svg charts', 'The charts of one report')
      .example('$0 report a b --html both.html', 'Two runs of one trace side by side'),
  async handler(args) {
    const { html, svg, png, spec, csv: csvFolder, markdown, json } = args as Outputs
    const runs: Run[] = []
    for (const folder of args['run'] as string[]) runs.push(await openRun(folder))
    const run = combineRuns(runs)
    const reports = await chosenReports(args['report'] as string[] | undefined, runs)
    const written: string[] = []
    const write = (file: string, content: string | Uint8Array): void => {
      writeWhole(file, content)
      written.push(file)
    }
    if (spec !== undefined || svg !== undefined || png !== undefined) await writeCharts(run, reports, { spec, svg, png }, write)
    if (csvFolder !== undefined) {
      for (const name of runs[0]!.tables) {
        const names = runs[0]!.table(name).schema.columns.map((column) => column.name)
        write(join(csvFolder, `${name}.csv`), csv(names, run.rows(name)))
      }
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

/** Named reports must be drawable; of all reports, those that are. */
async function chosenReports(names: string[] | undefined, runs: Run[]): Promise<NamedReport[]> {
  const reports = await loadReports(names)
  const missing = ({ report }: NamedReport): string | undefined => report.tables.find((table) => runs.some((run) => !run.tables.includes(table)))
  return reports.filter((named) => {
    const table = missing(named)
    if (table === undefined) return true
    if (names !== undefined) runs.find((run) => !run.tables.includes(table))!.table(table)
    process.stderr.write(`note: report ${named.name} is left out: a run has no table ${table}\n`)
    return false
  })
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
  const sentences = findings(run).map(({ lane, text }) => (lane === undefined ? text : `${lane} ${text}`))
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
