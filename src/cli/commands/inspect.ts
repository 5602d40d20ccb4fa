import { CacheEstimate, type CacheGeometry } from '../../cache/index.ts'
import { machine } from '../../machine/index.ts'
import { VERSION } from '../../package.ts'
import { lintTrace, openTrace, type PageSampleFacts, type PreparedTrace } from '../../trace/index.ts'
import { formatCount, formatDuration, formatList, formatPercent, formatSize } from '../../units.ts'
import { defineCommand, printJson } from '../command.ts'
import { importOptions, machineOption, readOptions } from '../trace-options.ts'

/** Longer lists are cut in the human form; --json has them all. */
const LISTED_TASKS = 16

/** Of the recording machine, if it is known; else of a server of the middle. */
const likelyCache = (name: string | undefined): CacheGeometry =>
  (name === undefined ? undefined : machine(name).llc) ?? { bytes: 32 * 2 ** 20, ways: 16, lineBytes: 64, replacement: 'lru' }

export default defineCommand({
  command: 'inspect <trace>',
  describe: 'What a trace holds: format, accesses, pages, tasks, cpus, time, and what is doubtful about it',
  builder: (args) =>
    machineOption(
      importOptions(args.positional('trace', { type: 'string', demandOption: true, describe: 'a recording in any known format, or a workload' })),
    ).option('json', {
      type: 'boolean',
      describe: 'one JSON document on stdout',
    }),
  async handler(args) {
    const name = args['machine'] as string | undefined
    const estimate = new CacheEstimate(likelyCache(name))
    const trace = await openTrace(args['trace'] as string, { ...(await readOptions(args)), watch: (writer) => estimate.before(writer) })
    const cpus = name === undefined ? undefined : new Set(machine(name).nodes.flatMap((node) => node.cpus))
    trace.meta.lint = [...trace.meta.lint, ...lintTrace(trace, cpus), ...[estimate.verdict(trace.meta) ?? []].flat()]
    if (args['json']) printJson(inspectDocument(trace))
    else process.stdout.write(`${describe(trace)}\n`)
    return undefined
  },
})

/** Field names that scripts read: additive changes only. */
export function inspectDocument({ meta, tasks, cpus, stored }: PreparedTrace): { schema: string } & Record<string, unknown> {
  const { schema: _, ...facts } = meta
  return {
    schema: 'numareplay/inspect/1',
    version: VERSION,
    ...facts,
    keepsAccesses: stored?.accesses !== undefined,
    tasks: tasks.map(({ pid, tid, accesses }) => ({ pid, tid, accesses })),
    cpus,
  }
}

function describe(trace: PreparedTrace): string {
  const { meta, tasks, cpus } = trace
  const spanNs = meta.timeLastNs - meta.timeFirstNs
  const share = (part: number) => (meta.accesses === 0 ? '' : ` (${formatPercent(part / meta.accesses)})`)
  const rows: [string, string][] = [
    ['file', meta.file],
    [
      'format',
      `${meta.format}${meta.origin ? ` (from ${meta.origin.format}: ${meta.origin.file})` : ''}; ${meta.fidelity}${meta.filtered === false ? '' : `, filtered by ${meta.filtered}`}`,
    ],
    ['carries', meta.carries.join(', ')],
    ['digest', meta.digest],
    ['accesses', `${formatCount(meta.accesses)}${meta.records === meta.accesses ? '' : ` in ${formatCount(meta.records)} records`}`],
    ...(trace.stored?.accesses ? [['kept', 'every access, beside the fold'] as [string, string]] : []),
    ['reads', `${formatCount(meta.reads)}${share(meta.reads)}`],
    ['writes', `${formatCount(meta.writes)}${share(meta.writes)}`],
    ['bytes', `${formatSize(meta.bytes)} moved by these`],
    [
      'pages',
      `${formatCount(meta.pages)} of ${formatSize(meta.pageSize)} = ${formatSize(meta.pages * meta.pageSize)}; ${formatCount(meta.pagesWritten)} written`,
    ],
    ...(meta.sample === undefined ? [] : [['sample', sampleText(meta.sample)] as [string, string]]),
    ['time', `${formatDuration(spanNs)}, from ${formatDuration(meta.timeFirstNs)} to ${formatDuration(meta.timeLastNs)}`],
    ['ticks', `${formatCount(trace.ticks)} of ${formatDuration(meta.tickNs)}`],
    ['processes', formatCount(trace.processes.length)],
    ['tasks', formatCount(tasks.length)],
    ['cpus', cpus.length === 0 ? 'not recorded' : `${formatList(cpus.map(({ cpu }) => cpu))}`],
    [
      'events',
      Object.entries(meta.events)
        .map(([kind, count]) => `${kind} ${formatCount(count)}`)
        .join(', ') || 'none',
    ],
    ...Object.entries(meta.formatFacts).map(([name, value]): [string, string] => [name, typeof value === 'number' ? formatCount(value) : String(value)]),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  const perTask = tasks.slice(0, LISTED_TASKS).map(({ pid, tid, accesses }) => [`${pid}/${tid}`, formatCount(accesses), share(accesses).trim()])
  if (tasks.length > 1) lines.push('', ...aligned([['pid/tid', 'accesses', ''], ...perTask]))
  if (tasks.length > LISTED_TASKS) lines.push(`… and ${formatCount(tasks.length - LISTED_TASKS)} more tasks (--json lists all)`)
  for (const { severity, code, message, advice } of meta.lint) lines.push('', `${severity} ${code}: ${message}.`, `  ${advice}.`)
  return lines.join('\n')
}

function sampleText({ oneIn, exactPages, sampledPages, sampledAccesses, leftOutAccesses }: PageSampleFacts): string {
  const standIn = sampledPages === 0 ? '' : `; ${formatCount(sampledPages)} stand for ${formatCount(oneIn)} each (some ${formatCount(sampledPages * oneIn)})`
  const share = leftOutAccesses === 0 ? '' : `, their ${formatCount(sampledAccesses)} accesses for ${formatCount(sampledAccesses + leftOutAccesses)}`
  return `1/${oneIn} of the pages: ${formatCount(exactPages)} with many accesses are all kept${standIn}${share}`
}

/** First column left, the others right. */
function aligned(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}
