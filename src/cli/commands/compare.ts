/** `numareplay compare`: statistics over run folders of several traces, machines and seeds, and over sweep stores. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { VERSION } from '../../package.ts'
import {
  bindComparison,
  chartFile,
  comparisonCharts,
  comparisonTables,
  csv,
  drawSvg,
  markdownTable,
  renderTable,
  svgToPng,
  terminalOptions,
  writeWhole,
} from '../../report/index.ts'
import { CORRECTIONS, type Correction, compareRuns, MEASURES, type Measure, method, openRun, type PolicyComparison, type Run } from '../../results/index.ts'
import { openStore } from '../../sweep/index.ts'
import { defineCommand, once, printJson } from '../command.ts'

const output = (name: string, describe: string) => ({ type: 'string', requiresArg: true, describe, coerce: once(name) }) as const

export default defineCommand({
  command: 'compare <run..>',
  describe: 'Statistics over several traces, machines and seeds: which policy is better, and is it more than chance',
  builder: (args) =>
    args
      .positional('run', { type: 'string', array: true, describe: 'run folders and sweep stores' })
      .option('baseline', { alias: 'b', ...output('baseline', 'policy that the others are compared with (default: of the first run)') })
      .option('of', {
        choices: Object.keys(MEASURES),
        default: 'cost',
        requiresArg: true,
        describe: 'cost: everything a policy costs; latency: of accesses alone',
      })
      .option('correction', { choices: CORRECTIONS, default: 'holm', requiresArg: true, describe: 'for many comparisons: Holm, Benjamini-Hochberg or none' })
      .option('svg', output('svg', 'write each chart as SVG into a folder'))
      .option('png', output('png', 'write each chart as PNG into a folder'))
      .option('spec', output('spec', 'write each chart as Vega-Lite, with its data, into a folder'))
      .option('csv', output('csv', 'write the figures as CSV into a folder'))
      .option('markdown', output('markdown', 'write a Markdown file'))
      .option('json', { type: 'boolean', describe: 'one JSON document on stdout' })
      .example('$0 compare runs/*', 'every policy against the baseline, over all traces')
      .example('$0 compare store -b tpp --correction bh', 'the points of a sweep, against tpp'),
  async handler(args) {
    const comparison = compareRuns(await openAll(args['run'] as string[]), {
      baseline: args['baseline'] as string | undefined,
      measure: args['of'] as Measure,
      correction: args['correction'] as Correction,
    })
    const written = await writeAll(comparison, args as Outputs)
    if (args['json']) printJson({ schema: 'numareplay/compare/1', version: VERSION, ...comparison, method: method(comparison) })
    else if (written.length > 0) process.stdout.write(`${written.map((file) => `wrote ${file}`).join('\n')}\n`)
    else
      process.stdout.write(
        `${comparisonTables(comparison)
          .map((table) => renderTable(table, terminalOptions()))
          .join('\n\n')}\n`,
      )
    return undefined
  },
})

async function openAll(inputs: readonly string[]): Promise<Run[]> {
  const runs: Run[] = []
  for (const input of inputs) {
    if (!existsSync(join(input, 'store.json'))) {
      runs.push(await openRun(input))
      continue
    }
    const store = openStore(input)
    for (const plan of store.plans) {
      for (const scenario of store.scenarios(plan.name)) {
        const run = await store.run(scenario)
        if (run !== undefined) runs.push(run)
      }
    }
  }
  return runs
}

type Outputs = Partial<Record<'svg' | 'png' | 'spec' | 'csv' | 'markdown', string>>

async function writeAll(comparison: PolicyComparison, { svg, png, spec, csv: csvFolder, markdown }: Outputs): Promise<string[]> {
  const written: string[] = []
  const write = (file: string, content: string | Uint8Array): void => {
    writeWhole(file, content)
    written.push(file)
  }
  for (const chart of (svg ?? png ?? spec) ? comparisonCharts(comparison) : []) {
    const bound = bindComparison(chart, comparison, 'light')
    const file = (folder: string, extension: string): string => chartFile(folder, 'compare', chart.name, extension)
    if (spec !== undefined) write(file(spec, 'vl.json'), `${JSON.stringify(bound, null, 2)}\n`)
    if (svg === undefined && png === undefined) continue
    const picture = await drawSvg(bound)
    if (svg !== undefined) write(file(svg, 'svg'), picture)
    if (png !== undefined) write(file(png, 'png'), await svgToPng(picture))
  }
  if (csvFolder !== undefined) {
    const { ratios, means, matrix } = comparison
    const flat = ({ interval, ...rest }: { interval: [number, number] | null }) => ({ ...rest, low: interval?.[0] ?? null, high: interval?.[1] ?? null })
    const meanRows = means.flatMap(({ policy, machine, traces, these, others }) => [
      { policy, machine, traces, interval_for: 'these traces', ...flat(these) },
      { policy, machine, traces, interval_for: 'traces like these', ...flat(others) },
    ])
    for (const [name, rows] of Object.entries({ ratios: ratios.map(flat), means: meanRows, matrix })) {
      if (rows.length > 0) write(join(csvFolder, `${name}.csv`), csv(Object.keys(rows[0]!), rows))
    }
  }
  if (markdown !== undefined) write(markdown, ['# Policies compared', '', ...comparisonTables(comparison).flatMap(markdownTable)].join('\n'))
  return written
}
