import { statSync } from 'node:fs'
import { exportTable, importTrace, isTableName, type LintVerdict, nativeFacts } from '../../trace/index.ts'
import { formatCount, formatDuration, formatSize, parseCount } from '../../units.ts'
import { defineCommand, once } from '../command.ts'
import { progressBar } from '../progress.ts'
import { importOptions, machineOption, readOptions } from '../trace-options.ts'

export default defineCommand({
  command: 'import <trace>',
  describe: 'Fold a recording once into the native file, which replays at the speed of memory',
  builder: (args) =>
    machineOption(importOptions(args.positional('trace', { type: 'string', demandOption: true, describe: 'a recording in any known format' })))
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        demandOption: true,
        coerce: once('output'),
        describe: 'native file to write (.nrt), or a table of accesses (.parquet, .arrow, .csv, .csv.gz)',
      })
      .option('keep-accesses', { type: 'boolean', default: false, describe: 'keep every access beside the fold, to fold it otherwise or verify it later' })
      .option('checkpoint', {
        type: 'string',
        requiresArg: true,
        coerce: once('checkpoint'),
        describe: 'accesses after which an interrupted import can go on (default 16M)',
      })
      .option('progress', { type: 'boolean', default: true, describe: 'progress on a terminal' })
      .example('numareplay import rec.csv.gz -o rec.nrt', 'then: numareplay replay rec.nrt')
      .example('numareplay import kept.nrt --tick 1ms -o fine.nrt', 'from a file imported with --keep-accesses')
      .example('numareplay import perf.txt -o perf.parquet', 'single accesses, for pandas and DuckDB'),
  async handler(args) {
    const out = args['output'] as string
    const bar = progressBar('importing', args['progress'] === true)
    const checkpoint = args['checkpoint'] as string | undefined
    const options = {
      ...(await readOptions(args)),
      keepAccesses: args['keep-accesses'] === true,
      progress: bar.update,
      checkpointEvery: checkpoint === undefined ? undefined : parseCount(checkpoint, '--checkpoint'),
    }
    if (isTableName(out)) {
      const verdicts: LintVerdict[] = []
      const eventsLeftOut = await exportTable(args['trace'] as string, out, options, (verdict) => verdicts.push(verdict)).finally(bar.stop)
      if (eventsLeftOut > 0) process.stderr.write(`note: ${formatCount(eventsLeftOut)} events have no place in a table; a .nrt file keeps them\n`)
      process.stdout.write(`${out}${dropped(verdicts)}\n`)
      return undefined
    }
    await importTrace(args['trace'] as string, out, options).finally(bar.stop)
    process.stdout.write(`${describeNative(out)}\n`)
    return undefined
  },
})

/** What --lenient left out of a damaged recording, and where. */
const dropped = (verdicts: readonly LintVerdict[]): string => verdicts.flatMap(({ code, message }) => (code === 'damaged' ? [`; ${message}`] : [])).join('')

/** One line about a native file just written. */
export function describeNative(file: string): string {
  const { meta, ticks } = nativeFacts(file)
  const size = formatSize(statSync(file).size)
  return `${file}: ${formatCount(meta.accesses)} accesses to ${formatCount(meta.pages)} pages in ${formatCount(ticks)} ticks of ${formatDuration(meta.tickNs)}, ${size}${dropped(meta.lint)}`
}
