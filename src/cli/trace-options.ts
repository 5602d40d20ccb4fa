/** How a trace is to be read: the options that inspect and import share. */
import type { Argv } from 'yargs'
import { type CacheDomains, CacheFilter, type CacheGeometry, checkGeometry, parseGeometry } from '../cache/index.ts'
import { UserError } from '../errors.ts'
import { type OpenOptions, parseSampleRate } from '../trace/index.ts'
import { parseDuration, parseSize } from '../units.ts'
import { once } from './command.ts'

export function importOptions(args: Argv): Argv {
  return args
    .option('format', { type: 'string', requiresArg: true, coerce: once('format'), describe: 'trace format or ./mine.ts (default: by content)' })
    .option('format-option', { type: 'string', array: true, requiresArg: true, default: [], describe: 'options of the format, such as time=ts,address=va' })
    .option('page-size', { type: 'string', requiresArg: true, coerce: once('page-size'), describe: 'size of a page (default 4KiB)' })
    .option('tick', { type: 'string', requiresArg: true, coerce: once('tick'), describe: 'finest grain of time kept (default: adapts)' })
    .option('events', { type: 'string', requiresArg: true, coerce: once('events'), describe: 'script of calls that take place in the trace (docs/format.md)' })
    .option('cache', {
      type: 'string',
      requiresArg: true,
      coerce: once('cache'),
      describe: 'keep only what misses this last-level cache: size, ways, line[, lru|srrip], such as 32MiB,16way,64B; or llc: those of the machine (-m)',
    })
    .option('sample', {
      type: 'string',
      requiresArg: true,
      coerce: once('sample'),
      describe: 'keep one page in so many, such as 1/100, and all that get many accesses (docs/sampling.md)',
    })
    .option('lenient', { type: 'boolean', default: false, describe: 'keep what is complete of a damaged file' })
}

/** For commands that have no machine otherwise. */
export function machineOption(args: Argv): Argv {
  return args.option('machine', {
    alias: 'm',
    type: 'string',
    requiresArg: true,
    coerce: once('machine'),
    describe: 'recording machine: for --cache llc, and to check cpus',
  })
}

export async function readOptions(args: Record<string, unknown>): Promise<OpenOptions> {
  const pageSize = args['page-size'] as string | undefined
  const tick = args['tick'] as string | undefined
  const cache = args['cache'] === undefined ? undefined : await cacheOf(args['cache'] as string, args['machine'] as string | undefined)
  const sample = args['sample'] as string | undefined
  return {
    format: args['format'] as string | undefined,
    formatOptions: Object.fromEntries((args['format-option'] as string[]).flatMap(keysAndValues)),
    pageSize: pageSize === undefined ? undefined : parseSize(pageSize, '--page-size'),
    tickNs: tick === undefined ? undefined : parseDuration(tick, '--tick'),
    events: args['events'] as string | undefined,
    sampleOneIn: sample === undefined ? undefined : parseSampleRate(sample),
    lenient: args['lenient'] === true,
    through: cache && ((writer) => new CacheFilter(writer, cache.geometry, cache.domains)),
  }
}

/** A geometry, or `llc`: the last-level caches of the machine, of which a cpu uses the one that it shares. */
async function cacheOf(text: string, machineName: string | undefined): Promise<{ geometry: CacheGeometry; domains?: CacheDomains }> {
  const [llc, replacement, ...rest] = text.split(',')
  if (llc !== 'llc') return { geometry: parseGeometry(text) }
  if (machineName === undefined) throw new UserError('whose last-level cache?', { field: '--cache', expected: '-m MACHINE', got: text })
  const { machine } = await import('../machine/index.ts')
  const { name, llc: found } = machine(machineName)
  if (found === undefined)
    throw new UserError(`machine ${name} does not say its last-level cache`, {
      field: '--cache',
      hint: 'Add llc: { size: 32MiB, ways: 16 } to its file, or give a geometry such as --cache 32MiB,16way,64B',
    })
  if (rest.length > 0 || !(replacement === undefined || replacement === 'lru' || replacement === 'srrip'))
    throw new UserError('not a cache', { field: '--cache', expected: 'llc, llc,lru or llc,srrip', got: JSON.stringify(text) })
  const { sharedBy, ...geometry } = found
  const domainOfCpu = new Map(sharedBy.flatMap((cpus, domain) => cpus.map((cpu): [number, number] => [cpu, domain])))
  const about = `${sharedBy.length} of ${name}, by the cpu of each access`
  return { geometry: checkGeometry({ ...geometry, replacement: replacement ?? geometry.replacement }), domains: { domainOfCpu, about } }
}

/** `time=ts,address=va`: a comma separates where another name= follows. */
const keysAndValues = (text: string): [string, string][] => text.split(/,(?=[\w-]+=)/).map(keyAndValue)

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UserError('not an option of a format', { field: '--format-option', expected: 'name=value', got: JSON.stringify(text) })
  return [text.slice(0, at), text.slice(at + 1)]
}
