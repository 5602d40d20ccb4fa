import { join } from 'node:path'
import { UserError } from '../../errors.ts'
import { machine as machineOf, withMemory } from '../../machine/index.ts'
import { VERSION } from '../../package.ts'
import { replay } from '../../replay/index.ts'
import { comparisonTable } from '../../report/index.ts'
import { checkReplaceable, type Run, writeRun } from '../../results/index.ts'
import { openTrace } from '../../trace/index.ts'
import { parseCount, parseDuration, parseFraction } from '../../units.ts'
import { defineCommand, EXIT, once, printJson } from '../command.ts'
import { progressBar } from '../progress.ts'

export default defineCommand({
  command: 'replay <trace..>',
  describe: 'Replay a trace under policies, compare them, write a run folder',
  builder: (args) =>
    args
      .positional('trace', { type: 'string', array: true, describe: 'a recording in any known format, or a workload such as zipf:pages=10000' })
      .option('machine', { alias: 'm', type: 'string', requiresArg: true, coerce: once('machine'), default: '2-socket', describe: 'preset or machine file' })
      .option('policy', {
        alias: 'p',
        type: 'string',
        array: true,
        requiresArg: true,
        default: ['first-touch'],
        describe: 'policy[:k=v,…]; repeat it; the first is the baseline',
      })
      .option('seed', { type: 'string', requiresArg: true, coerce: once('seed'), default: '1', describe: 'seed of everything random' })
      .option('epoch', { type: 'string', requiresArg: true, coerce: once('epoch'), describe: 'grain of time, such as 10ms (default: adapts)' })
      .option('pace', { type: 'string', requiresArg: true, coerce: once('pace'), describe: 'policy-clock seconds per trace second (default: adapts)' })
      .option('cpus', {
        type: 'string',
        requiresArg: true,
        coerce: once('cpus'),
        default: 'auto',
        describe: 'recorded cpus to nodes: auto, recorded, spread or 0-3:0,4-7:1',
      })
      .option('memory', { type: 'string', requiresArg: true, coerce: once('memory'), describe: 'memory of nodes, such as 0=2MiB,1=64GiB' })
      .option('jobs', { alias: 'j', type: 'string', requiresArg: true, coerce: once('jobs'), describe: 'threads (same result for any number)' })
      .option('output', { alias: 'o', type: 'string', requiresArg: true, coerce: once('output'), describe: 'run folder (default: runs/NAME)' })
      .option('format', { type: 'string', requiresArg: true, coerce: once('format'), describe: 'trace format, when not recognised' })
      .option('html', { type: 'string', requiresArg: true, coerce: once('html'), describe: 'also write the report as one HTML file' })
      .option('progress', { type: 'boolean', default: true, describe: 'progress on a terminal' })
      .option('json', { type: 'boolean', describe: 'one JSON document on stdout' })
      .example('numareplay replay rec.csv.gz -m spr-2s -p first-touch -p hot-page-daemon:period=2s', 'compare two policies')
      .example('numareplay replay rec.csv.gz -p first-touch -p numa-balancing:scan-size=64MiB|256MiB', 'a lane per value'),
  async handler(args) {
    const traces = args['trace'] as string[]
    if (traces.length > 1) throw new UserError('one trace at a time', { got: `${traces.length} traces`, hint: 'numareplay sweep compares over many traces' })
    const text = (name: string) => args[name] as string | undefined
    const memory = text('memory')
    const preset = machineOf(text('machine')!)
    const epoch = text('epoch')
    const pace = text('pace')
    const jobs = text('jobs')
    const trace = await openTrace(traces[0]!, { format: text('format') })
    const folder = text('output') ?? join('runs', `${fileStem(traces[0]!)}-${preset.name}`)
    checkReplaceable(folder)
    const bar = progressBar('replaying', args['progress'] === true)
    const run = await replay({
      trace,
      machine: memory === undefined ? preset : withMemory(preset, memory),
      policies: args['policy'] as string[],
      seed: parseCount(text('seed')!, '--seed'),
      epochNs: epoch === undefined ? undefined : parseDuration(epoch, '--epoch'),
      pace: pace === undefined ? undefined : parseFraction(pace, '--pace'),
      cpus: text('cpus'),
      jobs: jobs === undefined ? undefined : parseCount(jobs, '--jobs'),
      command: ['numareplay', ...process.argv.slice(2)],
      progress: (share) => bar.update(share),
    }).finally(() => bar.stop())
    await writeRun(
      folder,
      run.record,
      run.tables.map((name) => run.table(name)),
    )
    if (args['json']) printJson(document(run, folder))
    else
      process.stdout.write(
        `${comparisonTable(run, { width: process.stdout.columns ?? 140, colour: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined })}\n\nrun folder: ${folder}\n`,
      )
    return run.record.lanes.some(({ status }) => status !== 'ok') ? EXIT.doneWithFindings : EXIT.done
  },
})

const fileStem = (path: string): string =>
  path
    .replace(/^.*[\\/]/, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/(\.(csv|lackey|txt|trace|nrt))?(\.(gz|zst))?$/, '')

/** docs/run-folder.md: field names that scripts read. */
function document(run: Run, runFolder: string): { schema: string } & Record<string, unknown> {
  const { record } = run
  const failures = run.rows('failures')
  const vmstat = run.rows('vmstat')
  const nodes = run.rows('nodes')
  return {
    schema: 'numareplay/replay/1',
    version: VERSION,
    trace: record.trace,
    machine: record.machine,
    seed: record.seed,
    epochNs: record.epochNs,
    pace: record.pace,
    cpuMap: record.cpuMap,
    baseline: record.baseline,
    runFolder,
    warnings: record.warnings,
    lanes: run.rows('summary').map((row, i) => {
      const mine = <R extends Record<string, unknown>>(rows: R[]) => rows.filter(({ lane }) => lane === row['lane'])
      const failedByErrno: Record<string, number> = {}
      for (const { errno, pages } of mine(failures)) failedByErrno[String(errno)] = (failedByErrno[String(errno)] ?? 0) + Number(pages)
      const mineNodes = mine(nodes)
      return {
        policy: row['policy'],
        label: row['lane'],
        params: record.lanes[i]!.params,
        status: row['status'],
        message: row['error'],
        accesses: row['accesses'],
        local: row['local'],
        remote: row['remote'],
        meanLatencyNs: row['mean_latency_ns'],
        p50LatencyNs: row['p50_latency_ns'],
        p99LatencyNs: row['p99_latency_ns'],
        stallNs: row['stall_ns'],
        memoryStallNs: row['memory_stall_ns'],
        estimatedRunNs: row['estimated_run_ns'],
        migrated: row['migrated'],
        migrationFailed: row['migration_failed'],
        failedByErrno,
        hintFaults: row['hint_faults'],
        migrationNs: row['migration_ns'],
        totalCostNs: row['total_cost_ns'],
        boundNs: row['bound_ns'],
        shareOfPossibleGain: row['share_of_possible_gain'],
        pingPongPages: row['ping_pong_pages'],
        pagesPerNode: record.machine.nodes.map(({ id }) => Number(mineNodes.findLast(({ node }) => node === id)?.['pages'] ?? 0)),
        vmstat: Object.fromEntries(mine(vmstat).flatMap(({ node, counter, value }) => (node === -1 ? [[String(counter), value]] : []))),
      }
    }),
  }
}
