import { type ConformReport, conform, type Difference, predict, readCaseFile, type SeriesResult } from '../../conform/index.ts'
import { VERSION } from '../../package.ts'
import { defineCommand, EXIT, printJson } from '../command.ts'

export default defineCommand({
  command: 'conform <case..>',
  describe: 'Run recorded kernel cases against the kernel model',
  builder: (args) =>
    args
      .positional('case', { type: 'string', array: true, demandOption: true, describe: 'case file, .json or .json.gz' })
      .option('predict', { type: 'boolean', default: false, describe: "print the case file with the model's own results" })
      .option('json', { type: 'boolean', default: false, describe: 'print one JSON document' })
      .example('$0 conform test/fixtures/kernel-oracle/*.json.gz', 'which recorded cases the model gets right'),
  handler(args) {
    const files = (args['case'] as string[]).map((name) => ({ name, content: readCaseFile(name) }))
    if (args['predict']) {
      for (const { content } of files) process.stdout.write(`${JSON.stringify(predict(content))}\n`)
      return EXIT.done
    }
    const report = conform(files)
    if (args['json']) printJson({ schema: 'numareplay/conform/1', version: VERSION, ...report })
    else process.stdout.write(describe(report))
    return report.differences.length > 0 ? EXIT.doneWithFindings : EXIT.done
  },
})

function describe({ files, differences, outside, series }: ConformReport): string {
  const lines = files.map(({ file, cases, matched, statistical }) => {
    const varying = statistical.series === 0 ? '' : `, ${statistical.within} of ${statistical.series} varying ones within what was recorded`
    return `${file}: ${matched} of ${cases} exact cases match${varying}`
  })
  lines.push(...describeSeries(series))
  for (const difference of differences) lines.push(`  differs: ${explain(difference)}`)
  for (const difference of outside) lines.push(`  outside: ${explain(difference)}`)
  return `${lines.join('\n')}\n`
}

/** Per group and series: in how many cases it lies within the recorded spread; then where one does not. */
function describeSeries(series: readonly SeriesResult[]): string[] {
  const groups = new Map<string, SeriesResult[]>()
  for (const result of series) {
    const kind = `${result.group}: ${result.series.includes(' ') ? 'pages per node' : result.series}`
    groups.set(kind, [...(groups.get(kind) ?? []), result])
  }
  const counts = [...groups].map(([kind, results]) => `  ${kind}: ${results.filter(({ within }) => within).length} of ${results.length} series within`)
  const outside = series.flatMap(({ case: id, series: name, within, inside, points, worst }) =>
    within || worst === undefined
      ? []
      : [
          `  outside: ${id} ${name}, ${inside} of ${points} points inside; at ${worst.at} recorded ${Math.round(worst.low)} to ${Math.round(worst.high)}, model ${Math.round(worst.value)}`,
        ],
  )
  return [...counts, ...outside]
}

function explain({ case: id, step, field, index, expected, got }: Difference): string {
  return `${id} step ${step} ${field}${index < 0 ? '' : `[${index}]`}: recorded ${JSON.stringify(expected)}, model ${JSON.stringify(got)}`
}
