import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import { UserError } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { dryRun, gather, parsePart, pointName, runOnSlurm, type SweepPlan, statusOf, sweep, type WorkResult, workOn } from '../../sweep/index.ts'
import { formatCount, formatDuration, formatSize, parseCount } from '../../units.ts'
import { defineCommand, EXIT, once, printJson } from '../command.ts'
import { interruptible } from '../interrupt.ts'
import { type ProgressKind, sweepProgress } from '../sweep-progress.ts'
import { twoColumns } from '../two-columns.ts'

const text = (describe: string, name: string) => ({ type: 'string', requiresArg: true, coerce: once(name), describe }) as const
const list = (describe: string) => ({ type: 'string', array: true, requiresArg: true, default: [] as string[], describe }) as const

const workOptions = (args: Argv): Argv =>
  args
    .option('jobs', { alias: 'j', ...text('worker threads (default: all cpus; same result for any number)', 'jobs') })
    .option('progress', { choices: ['auto', 'json', 'none'], default: 'auto', describe: 'on stderr: for people, one JSON object a line, or none' })
    .option('json', { type: 'boolean', describe: 'one JSON document on stdout' })

export default defineCommand({
  command: 'sweep [plan]',
  describe: 'Batches: traces × machines × policies × parameters × faults × seeds, each point computed once',
  builder: (args, run) =>
    workOptions(args)
      .positional('plan', { type: 'string', describe: 'plan file (docs/sweep.md)' })
      .option('output', { alias: 'o', ...text('the store: a folder that keeps every finished point', 'output') })
      .option('resume', { type: 'boolean', describe: 'go on in a store that must be there' })
      .option('dry-run', { type: 'boolean', describe: 'only say how many points, imports, time and disk' })
      .option('allow', list('another folder that the plan may read from; repeat it'))
      .option('gather', text('when done, write the Parquet data set here', 'gather'))
      .option('engine', { choices: ['local', 'slurm'], default: 'local', describe: 'where to compute' })
      .option('tasks', text('slurm: tasks of the job array (default: by the number of points)', 'tasks'))
      .option('sbatch', list('slurm: option passed to sbatch, such as --sbatch=--partition=short; repeat it'))
      .command(
        'status <store>',
        'What is done, failed, running and missing in a store',
        (sub) => sub.positional('store', { type: 'string', demandOption: true }).option('json', { type: 'boolean', describe: 'one JSON document on stdout' }),
        run((given) => status(given['store'] as string, given['json'] === true)),
      )
      .command(
        'gather <store>',
        'Merge a store into one Parquet data set',
        (sub) =>
          sub
            .positional('store', { type: 'string', demandOption: true })
            .option('output', { alias: 'o', ...text('folder of the data set', 'output'), demandOption: true })
            .option('plan', text('which plan, when the store has several', 'plan'))
            .option('json', { type: 'boolean', describe: 'one JSON document on stdout' }),
        run((given) => gatherStore(given['store'] as string, given['output'] as string, given['plan'] as string | undefined, given['json'] === true)),
      )
      .command(
        'work <store>',
        'Compute missing points of a plan that lies in a store: what a task of a job array runs',
        (sub) =>
          workOptions(sub.positional('store', { type: 'string', demandOption: true }))
            .option('plan', text('which plan, when the store has several', 'plan'))
            .option('part', text('only part K of N of the points, such as 3/16', 'part')),
        run(workInStore),
      )
      .example('numareplay sweep plan.yaml -o store', 'compute everything that is missing')
      .example('numareplay sweep plan.yaml -o store --engine slurm --sbatch=--partition=short', 'the same as a job array')
      .example('numareplay sweep gather store -o dataset', 'one Parquet data set'),
  async handler(args) {
    const plan = args['plan'] as string | undefined
    const output = args['output'] as string | undefined
    if (plan === undefined) throw new UserError('no plan given', { expected: 'numareplay sweep PLAN.yaml -o STORE, or sweep status|gather|work STORE' })
    const allowed = (args['allow'] as string[]).map((path) => resolve(path))
    const store = output === undefined ? undefined : resolve(output)
    const dataset = args['gather'] === undefined ? undefined : resolve(args['gather'] as string)
    const options = { plan: resolve(plan), allowed, jobs: jobsOf(args) }
    // policies and their parameters name files relative to the plan
    inFolderOf(options.plan)
    if (args['dry-run']) return explain(await dryRun({ ...options, store }), args['json'] === true)
    if (store === undefined) throw new UserError('where to?', { field: '--output', expected: 'a folder for the store: -o STORE' })

    const progress = sweepProgress(args['progress'] as ProgressKind)
    const common = { ...options, store, resume: args['resume'] === true, onEvent: progress.event, onTrace: progress.trace }
    const result = await interruptible((signal) => {
      if (args['engine'] === 'local') return sweep({ ...common, signal })
      return runOnSlurm({
        ...common,
        signal,
        tasks: count(args, 'tasks'),
        sbatch: args['sbatch'] as string[],
        onNote: (note) => process.stderr.write(`${note}\n`),
      })
    }).finally(progress.stop)
    if (dataset !== undefined && !result.interrupted) await gather(store, dataset, result.plan.name)
    return finish(result, store, args['json'] === true)
  },
})

async function workInStore(args: Record<string, unknown>): Promise<number> {
  const store = resolve(args['store'] as string)
  const part = args['part'] === undefined ? undefined : parsePart(args['part'] as string)
  const progress = sweepProgress(args['progress'] as ProgressKind)
  const result = await interruptible((signal) =>
    workOn(store, args['plan'] as string | undefined, {
      jobs: jobsOf(args),
      part,
      signal,
      onEvent: progress.event,
      enterFolder: (folder) => process.chdir(folder),
    }),
  ).finally(progress.stop)
  return finish(result, store, args['json'] === true)
}

function inFolderOf(plan: string): void {
  try {
    process.chdir(resolve(plan, '..'))
  } catch {
    throw new UserError('file not found', { file: plan })
  }
}

const count = (args: Record<string, unknown>, name: string): number | undefined =>
  args[name] === undefined ? undefined : Math.max(1, parseCount(args[name] as string, `--${name}`))

const jobsOf = (args: Record<string, unknown>): number | undefined => count(args, 'jobs')

function finish({ plan, points, computed, found, failures, interrupted }: WorkResult & { plan: SweepPlan }, store: string, asJson: boolean): number {
  const byKey = new Map(plan.points.map((point) => [point.key, pointName(plan, point)]))
  const failed = failures.map((failure) => ({ ...failure, name: byKey.get(failure.key)! }))
  if (asJson) printJson({ schema: 'numareplay/sweep/1', version: VERSION, store, plan: plan.name, points, computed, found, failed, interrupted })
  else {
    const missing = points - computed - found - failed.length
    process.stdout.write(
      `${formatCount(computed + found)} of ${formatCount(points)} points finished: ${formatCount(computed)} computed now, ${formatCount(found)} there before${failed.length > 0 ? `, ${failed.length} failed` : ''}\n`,
    )
    for (const { name, message } of failed.slice(0, 10)) process.stdout.write(`  failed: ${name}: ${message}\n`)
    if (failed.length > 10) process.stdout.write(`  … and ${failed.length - 10} more: numareplay sweep status ${store}\n`)
    if (interrupted) process.stdout.write(`interrupted, ${formatCount(missing)} points missing: the same command with --resume goes on\n`)
    process.stdout.write(`store: ${store}\n`)
  }
  if (interrupted) return EXIT.interrupted
  return failed.length > 0 ? EXIT.doneWithFindings : EXIT.done
}

function explain({ axes, points, estimate }: Awaited<ReturnType<typeof dryRun>>, asJson: boolean): number {
  const sizes = Object.entries({
    traces: axes.traces,
    machines: axes.machines,
    policies: axes.policies,
    faults: axes.faults,
    seeds: axes.seeds,
    epochs: axes.epochs,
    paces: axes.paces,
    cpus: axes.cpus,
  })
  if (asJson) {
    const names = Object.fromEntries(sizes.map(([axis, values]) => [axis, values.map((value) => nameOf(value))]))
    printJson({ schema: 'numareplay/sweep-plan/1', version: VERSION, plan: axes.name, points, axes: names, estimate })
    return EXIT.done
  }
  const rows = sizes.map(([axis, values]): [string, string] => [`${values.length} ${axis}`, shorten(values.map((value) => String(nameOf(value) ?? 'default')))])
  const { tracesToImport, tracesKnown, passes, seconds, bytes } = estimate
  process.stdout.write(`${twoColumns(['axis', 'values'], rows)}\n
${formatCount(points)} points after exclusions, in about ${formatCount(passes)} passes over traces
traces: ${tracesToImport} to import once, ${tracesKnown} imported already
roughly ${formatDuration(Math.ceil(seconds) * 1e9)} and ${formatSize(Math.round(bytes))} of disk on this machine\n`)
  return EXIT.done
}

const nameOf = (value: unknown): unknown => (value !== null && typeof value === 'object' && 'name' in value ? value.name : value)

const shorten = (names: string[]): string => (names.length > 8 ? `${names.slice(0, 7).join(', ')}, … ${names.at(-1)}` : names.join(', '))

function status(store: string, asJson: boolean): number {
  const { plans, unused } = statusOf(store)
  if (asJson) {
    printJson({ schema: 'numareplay/sweep-status/1', version: VERSION, store, plans, unused })
    return EXIT.done
  }
  const rows = plans.map(({ plan, points, done, running, failed, missing }): [string, string] => {
    const parts = [`${formatCount(done)} of ${formatCount(points)} done`]
    if (running > 0) parts.push(`${formatCount(running)} running`)
    if (failed.length > 0) parts.push(`${formatCount(failed.length)} failed`)
    if (missing > 0) parts.push(`${formatCount(missing)} missing`)
    return [plan, parts.join(', ')]
  })
  process.stdout.write(`${twoColumns(['plan', 'points'], rows)}\n`)
  for (const { failed } of plans) for (const { name, message } of failed) process.stdout.write(`failed: ${name}: ${message}\n`)
  if (unused > 0) process.stdout.write(`${formatCount(unused)} finished points belong to no plan any more\n`)
  return EXIT.done
}

async function gatherStore(store: string, output: string, plan: string | undefined, asJson: boolean): Promise<number> {
  const { points, missing, rows } = await gather(store, output, plan)
  if (asJson) printJson({ schema: 'numareplay/gather/1', version: VERSION, store, output, points, missing, rows })
  else process.stdout.write(`${formatCount(points)} points${missing > 0 ? ` (${formatCount(missing)} missing)` : ''} in ${output}\n`)
  return EXIT.done
}
