/** How a trace is to be read: the options that inspect and import share. */
import type { Argv } from 'yargs'
import { CacheFilter, parseGeometry } from '../cache/index.ts'
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
      describe: 'keep only what misses this last-level cache: size, ways, line[, lru|srrip], such as 32MiB,16way,64B',
    })
    .option('sample', {
      type: 'string',
      requiresArg: true,
      coerce: once('sample'),
      describe: 'keep one page in so many, such as 1/100, and all that get many accesses (docs/sampling.md)',
    })
    .option('lenient', { type: 'boolean', default: false, describe: 'keep what is complete of a damaged file' })
}

export function readOptions(args: Record<string, unknown>): OpenOptions {
  const pageSize = args['page-size'] as string | undefined
  const tick = args['tick'] as string | undefined
  const cache = args['cache'] === undefined ? undefined : parseGeometry(args['cache'] as string)
  const sample = args['sample'] as string | undefined
  return {
    format: args['format'] as string | undefined,
    formatOptions: Object.fromEntries((args['format-option'] as string[]).flatMap(keysAndValues)),
    pageSize: pageSize === undefined ? undefined : parseSize(pageSize, '--page-size'),
    tickNs: tick === undefined ? undefined : parseDuration(tick, '--tick'),
    events: args['events'] as string | undefined,
    sampleOneIn: sample === undefined ? undefined : parseSampleRate(sample),
    lenient: args['lenient'] === true,
    through: cache && ((writer) => new CacheFilter(writer, cache)),
  }
}

/** `time=ts,address=va`: a comma separates where another name= follows. */
const keysAndValues = (text: string): [string, string][] => text.split(/,(?=[\w-]+=)/).map(keyAndValue)

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UserError('not an option of a format', { field: '--format-option', expected: 'name=value', got: JSON.stringify(text) })
  return [text.slice(0, at), text.slice(at + 1)]
}
