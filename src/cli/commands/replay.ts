import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../errors.ts'
import { readFaultPlan } from '../../kernel/index.ts'
import { type Machine, machine as machineOf, withMemory } from '../../machine/index.ts'
import { MOST_HALVES, replay } from '../../replay/index.ts'
import { comparisonTable, loadReports, renderHtml, reportsFor, terminalOptions, writeWhole } from '../../report/index.ts'
import { checkReplaceable, type Run, writeRun } from '../../results/index.ts'
import { openTrace, readResidency, snapshotOf } from '../../trace/index.ts'
import { parseCount, parseDuration, parseFraction } from '../../units.ts'
import { defineCommand, EXIT, once, printJson } from '../command.ts'
import { progressBar } from '../progress.ts'
import { replayDocument } from '../replay-json.ts'
import { replayViews } from '../replay-views.ts'
import { importOptions, readOptions } from '../trace-options.ts'

const option = (name: string, describe: string, more: { alias?: string; default?: string } = {}) =>
  ({ type: 'string', requiresArg: true, coerce: once(name), describe, ...more }) as const

export default defineCommand({
  command: 'replay <trace..>',
  describe: 'Replay a trace under policies, compare them, write a run folder with its report',
  builder: (args) =>
    importOptions(args)
      .positional('trace', { type: 'string', array: true, describe: 'a recording in any known format, or a workload such as zipf:pages=10000' })
      .option('machine', option('machine', 'preset or machine file', { alias: 'm', default: '2-socket' }))
      .option('policy', {
        alias: 'p',
        type: 'string',
        array: true,
        requiresArg: true,
        default: ['first-touch'],
        describe: 'policy[:k=v,…]; repeat it; the first is the baseline',
      })
      .option('seed', option('seed', 'seed of everything random', { default: '1' }))
      .option('epoch', option('epoch', 'grain of time, such as 10ms (default: adapts)'))
      .option('pace', option('pace', 'policy-clock seconds per trace second (default: adapts)'))
      .option('cpus', option('cpus', 'recorded cpus to nodes: auto, recorded, spread or 0-3:0,4-7:1', { default: 'auto' }))
      .option('memory', option('memory', 'memory of nodes, such as 0=2MiB,1=64GiB'))
      .option('no-contention', { type: 'boolean', describe: 'idle latencies only: no queueing at memory and links' })
      .option('quick-optimum', { type: 'boolean', describe: 'optimum without regard to what nodes hold: at once, where scarce memory would take minutes' })
      .option(
        'half-samples',
        option('half-samples', 'of a sample of pages: replay so many halves of it too, for intervals that hold where policies move pages'),
      )
      .option('placement', option('placement', 'recorded residency to start from: numa_maps or a table phase,page,node; FILE@SNAPSHOT (default: its first)'))
      .option('residency', option('residency', "recorded residency to compare each lane's end with (default: the last snapshot of --placement)"))
      .option('faults', option('faults', 'plan of page states that a trace cannot know: pinned, shared, … (docs/faults.md)'))
      .option('numa-maps', {
        type: 'string',
        array: true,
        requiresArg: true,
        default: [],
        describe: 'print /proc/PID/numa_maps of every lane at this time, such as 2.5s; repeat it',
      })
      .option('explain-migrations', option('explain-migrations', 'follow migrations stage by stage: of pages 0x7f…,0x7f…, or the first batch from a time on'))
      .option('jobs', option('jobs', 'threads (the result is the same for any number)', { alias: 'j' }))
      .option('output', option('output', 'run folder (default: runs/TRACE-MACHINE)', { alias: 'o' }))
      .option('html', option('html', 'where the HTML report goes (default: in the run folder)'))
      .option('no-html', { type: 'boolean', describe: 'no HTML report' })
      .option('no-progress', { type: 'boolean', describe: 'no progress bar' })
      .option('json', { type: 'boolean', describe: 'one JSON document on stdout' })
      .example('$0 replay rec.csv.gz -m spr-2s -p first-touch -p hot-page-daemon:period=2s', 'compare two policies')
      .example("$0 replay rec.csv.gz -p first-touch -p 'numa-balancing:scan-size=64MiB|256MiB'", 'a lane per value'),
  async handler(args) {
    const traces = args['trace'] as string[]
    const base = machineOf(args['machine'] as string)
    const machine = args['memory'] === undefined ? base : withMemory(base, args['memory'] as string)
    const folders = traces.map((trace) => folderOf(trace, args['output'] as string | undefined, traces.length, base.name))
    for (const folder of folders) checkReplaceable(folder)
    if (new Set(folders).size < folders.length)
      throw new UserError('two traces of the same name', { got: traces.join(', '), hint: 'Replay them one by one with -o' })

    if (traces.length > 1 && args['html'] !== undefined)
      throw new UserError('one HTML file for several traces', { field: '--html', hint: 'Each run folder has its own' })

    const documents: ReturnType<typeof replayDocument>[] = []
    let isWhole = true
    for (const [i, trace] of traces.entries()) {
      const run = await replayOne(trace, machine, args)
      const folder = folders[i]!
      await writeRun(
        folder,
        run.record,
        run.tables.map((name) => run.table(name)),
      )
      const html = args['no-html'] === true ? undefined : ((args['html'] as string | undefined) ?? join(folder, 'report.html'))
      if (html !== undefined) writeWhole(html, await renderHtml(run, reportsFor(run, await loadReports())))
      if (args['json']) documents.push(replayDocument(run, folder))
      else {
        const written = `run folder  ${folder}${html === undefined ? '' : `\nreport      ${html}`}`
        process.stdout.write(`${[comparisonTable(run, terminalOptions()), ...replayViews(run), written].join('\n\n')}\n`)
      }
      isWhole &&= run.record.lanes.every(({ status }) => status === 'ok')
    }
    if (args['json']) printJson(documents.length === 1 ? documents[0]! : { schema: 'numareplay/replay/1', runs: documents })
    return isWhole ? EXIT.done : EXIT.doneWithFindings
  },
})

async function replayOne(name: string, machine: Machine, args: Record<string, unknown>): Promise<Run> {
  const text = (option: string) => args[option] as string | undefined
  const parsed = <T>(option: string, parse: (value: string, field: string) => T): T | undefined =>
    text(option) === undefined ? undefined : parse(text(option)!, `--${option}`)
  const epochNs = parsed('epoch', parseDuration)
  const settings = {
    epochNs,
    seed: parsed('seed', parseCount),
    pace: parsed('pace', parseFraction),
    jobs: parsed('jobs', parseCount),
    halfSamples: parsed('half-samples', parseHalves),
    numaMapsAtNs: (args['numa-maps'] as string[]).map((time) => parseDuration(time, '--numa-maps')),
    followed: parsed('explain-migrations', followed),
  }
  const reading = await readOptions(args)
  const trace = await openTrace(name, { ...reading, tickNs: reading.tickNs ?? epochNs })
  const recorded = await recordedResidency(text('placement'), text('residency'))
  const faultPlan = parsed('faults', (file) => readFaultPlan(file, trace.meta.pageSize))
  const bar = progressBar(`replaying ${name}`, args['no-progress'] !== true)
  return replay({
    ...settings,
    ...recorded,
    faultPlan,
    trace,
    machine,
    policies: args['policy'] as string[],
    cpus: text('cpus'),
    contention: args['no-contention'] !== true,
    quickOptimum: args['quick-optimum'] === true,
    command: commandOf(name, args),
    progress: (share) => bar.update(share),
  }).finally(() => bar.stop())
}

/** One half has no spread. */
function parseHalves(value: string, field: string): number {
  const halves = parseCount(value, field)
  if (halves >= 2 && halves <= MOST_HALVES) return halves
  throw new UserError('not a number of halves', { field, expected: `2 to ${MOST_HALVES}, such as 8`, got: value })
}

/** `FILE` or `FILE@SNAPSHOT`: the first snapshot to start from, the last to compare with. */
async function recordedResidency(placement: string | undefined, residency: string | undefined) {
  const start = placement === undefined ? undefined : await namedSnapshot(placement)
  const end = residency === undefined ? undefined : await namedSnapshot(residency)
  const hasMore = start !== undefined && start.all.length > 1
  return {
    ...(start ? { placement: { file: start.file, snapshot: start.named ?? start.all[0]! } } : {}),
    ...(end
      ? { residency: { file: end.file, snapshot: end.named ?? end.all.at(-1)! } }
      : hasMore
        ? { residency: { file: start.file, snapshot: start.all.at(-1)! } }
        : {}),
  }
}

async function namedSnapshot(text: string) {
  const at = text.lastIndexOf('@')
  const [file, wanted] = at > 0 && !existsSync(text) ? [text.slice(0, at), text.slice(at + 1)] : [text, undefined]
  const residency = await readResidency(file)
  return { file, all: residency.snapshots, named: wanted === undefined ? undefined : snapshotOf(residency, wanted) }
}

/** `0x7f00,0x7f10` = these pages; `80ms` = the first batch from then on. */
function followed(value: string, field: string): { addresses: number[]; batchAtNs?: number } {
  if (!value.startsWith('0x')) return { addresses: [], batchAtNs: parseDuration(value, field) }
  return { addresses: value.split(',').map((address) => parseCount(address, field)) }
}

/** Options that change what comes out, in the order of the help; where things are written and how fast changes nothing. */
export const DECISIVE = [
  'machine',
  'policy',
  'seed',
  'epoch',
  'pace',
  'cpus',
  'memory',
  'no-contention',
  'quick-optimum',
  'half-samples',
  'placement',
  'residency',
  'faults',
  'numa-maps',
  'explain-migrations',
  'format',
  'format-option',
  'page-size',
  'tick',
  'events',
  'cache',
  'sample',
  'lenient',
]
const DEFAULTS: Record<string, string> = { seed: '1', cpus: 'auto' }

/** The command that gives this run again. */
function commandOf(trace: string, args: Record<string, unknown>): string[] {
  const options = DECISIVE.flatMap((name) => {
    const value = args[name]
    if (value === undefined || value === false || value === DEFAULTS[name]) return []
    if (value === true) return [`--${name}`]
    return (Array.isArray(value) ? value : [value]).flatMap((one) => [`--${name}`, String(one)])
  })
  return ['numareplay', 'replay', trace, ...options]
}

function folderOf(trace: string, output: string | undefined, traces: number, machine: string): string {
  const stem = trace
    .replace(/[\\/]+$/, '')
    .replace(/^.*[\\/]/, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/(\.(csv|lackey|txt|trace|numatrace))?(\.(gz|zst))?$/, '')
  if (output !== undefined) return traces === 1 ? output : join(output, stem)
  return join('runs', `${stem}-${machine}`)
}
