import { UserError } from '../../errors.ts'
import { exportTable, importTrace, isTableName, loadWorkload } from '../../trace/index.ts'
import { formatCount } from '../../units.ts'
import { defineCommand, once } from '../command.ts'
import { progressBar } from '../progress.ts'
import { describeNative } from './import.ts'

export default defineCommand({
  command: 'generate <workload>',
  describe: 'Write a synthetic trace',
  builder: (args) =>
    args
      .positional('workload', { type: 'string', demandOption: true, describe: 'workload[:k=v,…]; `numareplay list workloads` shows them' })
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        demandOption: true,
        coerce: once('output'),
        describe: 'FILE.nrt, FILE.csv, FILE.csv.gz or FILE.parquet',
      })
      .example('numareplay generate zipf:pages=1000000,skew=0.8 -o zipf.nrt', 'a native file')
      .example('numareplay generate phase-shift:cpusets=on -o phases.nrt', 'with events for follow-cpuset'),
  async handler(args) {
    const workload = args['workload'] as string
    const out = args['output'] as string
    await loadWorkload(workload)
    const bar = progressBar('generating', true)
    const options = { progress: bar.update }
    if (isTableName(out)) {
      const eventsLeftOut = await exportTable(workload, out, options).finally(bar.stop)
      if (eventsLeftOut > 0) process.stderr.write(`note: ${formatCount(eventsLeftOut)} events have no place in a table; a .nrt file keeps them\n`)
      process.stdout.write(`${out}\n`)
    } else if (/\.nrt$/.test(out)) {
      await importTrace(workload, out, options).finally(bar.stop)
      process.stdout.write(`${describeNative(out)}\n`)
    } else throw new UserError('the ending of the output says its format', { field: '--output', expected: '.nrt, .csv, .csv.gz or .parquet', got: out })
    return undefined
  },
})
