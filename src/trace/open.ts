/** From a name on the command line to a trace: a native file, a recording in a foreign format, or a generated workload. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { UserError } from '../errors.ts'
import { formatSize } from '../units.ts'
import type { AccessRecorder } from './access-recorder.ts'
import { damaged } from './damage.ts'
import { type BlockStore, type FoldedTrace, type FormatFacts, inMemory } from './folded-trace.ts'
import type { FolderFile, FormatContext, StreamFormat, TraceWriter } from './format.ts'
import { loadFormat, recognise, recogniseFolder } from './formats.ts'
import { HotPageFinder } from './hot-pages.ts'
import { KeptAccesses } from './kept-accesses.ts'
import type { HotPages } from './page-sample.ts'
import type { PreparedTrace, TraceMeta } from './prepared.ts'
import { Refold } from './refold.ts'
import { regroup } from './regroup.ts'
import { parseScript } from './script.ts'
import { checkPids, schedule } from './scripted-events.ts'
import { openBytes } from './source.ts'
import { generateInto, listWorkloads, loadWorkload } from './workload.ts'
import { FoldingWriter } from './writer.ts'

/** A thread takes some 50 ms and 20 MB to start: below so many bytes that is longer than what it saves. */
const OWN_THREAD_FROM = 2 ** 22

export interface OpenOptions {
  /** Name of a format or path of a user's; default: recognised by content. */
  format?: string
  formatOptions?: Record<string, string>
  pageSize?: number
  /** Fixed tick in ns; default: chosen from span and number of accesses. */
  tickNs?: number
  /** Script of calls that take place in the trace (script.ts). */
  events?: string
  /** Keep one page in so many, and all that get many accesses (docs/sampling.md). */
  sampleOneIn?: number
  /** Keep the single accesses beside the fold, in a native file (kept-accesses.ts). */
  keepAccesses?: boolean
  /** Accesses between two states that an interrupted import can go on from. */
  checkpointEvery?: number
  /** Keep what is complete of a damaged file. */
  lenient?: boolean
  /** Compressed files from so many bytes on are decompressed in a thread of their own (default 4 MiB); the result is the same. */
  threadFrom?: number
  /** What stands between the recording and the fold, such as a cache (src/cache). */
  through?: (writer: TraceWriter) => TraceWriter & { finish(): void }
  /** Hears now and then which share of the recording was read, and when importing how many accesses that were. */
  progress?: (share: number, accesses?: number) => void
  /** Stands before all of it and passes everything on; nothing is to be seen of a file that is folded already. */
  watch?: (writer: TraceWriter) => TraceWriter
}

/** A recording about to be read, whatever it is stored as. */
export interface Recording {
  facts: FormatFacts
  /** Of accesses that a native file keeps: what the file says, where the user says nothing. */
  origin?: Required<Pick<TraceMeta, 'origin'>> & { pageSize: number; tickNs: number }
  /** Of such accesses, where nothing but the tick may change: the short way to another fold. */
  refold?(): Refold
  /** Pushes everything into the writer. */
  read(writer: TraceWriter): Promise<void>
}

/** A trace in memory, or a native file read by blocks. */
export async function openTrace(name: string, options: OpenOptions = {}): Promise<PreparedTrace> {
  const found = await findReady(name, options)
  if ('meta' in found) return found
  return found.refold?.().inMemory(options.progress) ?? inMemory(await fold(found, name, options))
}

/** Reads a recording through the writer, with the scripted events if there are any. */
export async function fold(
  recording: Recording,
  name: string,
  options: OpenOptions,
  store?: BlockStore,
  { recorder, prepare }: { recorder?: AccessRecorder; prepare?: (writer: FoldingWriter) => void } = {},
): Promise<FoldedTrace> {
  const { events, sampleOneIn } = options
  const { pageSize = recording.origin?.pageSize, tickNs = recording.origin?.tickNs } = options
  const script = events === undefined ? [] : parseScript(readScript(events), events)
  const sample = sampleOneIn === undefined || sampleOneIn === 1 ? undefined : { oneIn: sampleOneIn, hot: await hotPages(recording, name, pageSize, options) }
  const writer = new FoldingWriter({ file: name, pageSize, tickNs, sample, recorder }, store)
  schedule(writer, script, events ?? '')
  prepare?.(writer)
  await readThrough(sample === undefined ? recording : await findAccesses(name, options), writer, options)
  const folded = writer.finish(recording.facts)
  checkPids(script, folded.tables, events ?? '')
  if (recording.origin) Object.assign(folded.tables.meta, { format: 'native', origin: recording.origin.origin })
  return folded
}

/** A first reading of the recording, for the pages that get many accesses. */
async function hotPages(recording: Recording, name: string, pageSize: number | undefined, options: OpenOptions): Promise<HotPages> {
  if (existsSync(name) && !statSync(name).isFile() && !statSync(name).isDirectory())
    throw new UserError('a recording is read twice for a sample of its pages', { file: name, field: '--sample', expected: 'a file', got: 'a pipe' })
  const finder = new HotPageFinder(pageSize ?? 4096)
  await readThrough(recording, finder, options)
  return finder.finish()
}

/** What a name stands for, ready to be used: a folded trace, or a recording that is to be folded. */
export async function findReady(name: string, options: OpenOptions): Promise<Recording | PreparedTrace> {
  const found = await find(name, options)
  if (!('open' in found)) return found
  const trace = found.open()
  return isFoldedSo(trace, options) ? trace : (keptIn(trace, options) ?? asFolded(trace, options))
}

/** What a name stands for as single accesses: a recording, a workload, or a native file that keeps them. */
export async function findAccesses(name: string, options: OpenOptions): Promise<Recording> {
  const found = await find(name, options)
  const recording = 'open' in found ? keptIn(found.open(), options) : found
  if (recording === undefined)
    throw new UserError('a folded trace does not hold single accesses', {
      file: name,
      expected: 'a recording, a workload, or a file imported with --keep-accesses',
    })
  return recording
}

/** The accesses that a native file keeps, if it does. */
function keptIn(trace: PreparedTrace, options: OpenOptions): Recording | undefined {
  const { pageSize, tickNs = trace.meta.tickNs, progress } = options
  const kept = KeptAccesses.of(trace)
  if (kept === undefined) return undefined
  const { meta, events } = trace
  if (pageSize !== undefined && pageSize !== meta.pageSize) {
    const refuse = (why: string) => new UserError(why, { file: meta.file, field: '--page-size', hint: 'Import the recording itself with this page size' })
    if (meta.fidelity === 'regions') throw refuse('a recording of regions was read in pages of another size')
    if (pageSize < meta.pageSize && events.some((event) => 'startVpage' in event || 'vpages' in event))
      throw refuse(`the events of the file count in pages of ${formatSize(meta.pageSize)}`)
  }
  const origin = meta.origin!
  return {
    facts: { format: origin.format, fidelity: meta.fidelity, carries: meta.carries },
    origin: { origin, pageSize: meta.pageSize, tickNs: meta.tickNs },
    refold: isFoldedSo(trace, { ...options, tickNs: undefined }) && !options.watch ? () => new Refold(trace, kept, tickNs) : undefined,
    read: (writer) => kept.push(writer, progress),
  }
}

/** Pushes a recording into a writer, through what the user put in between. */
export async function readThrough(recording: Recording, writer: TraceWriter, { through, watch }: OpenOptions): Promise<void> {
  const stage = through?.(writer)
  const first = stage ?? writer
  try {
    await recording.read(watch?.(first) ?? first)
  } catch (error) {
    // what was pushed before comes first, and so does what is wrong with it
    writer.drain?.()
    throw error
  }
  stage?.finish()
}

function readScript(file: string): string {
  if (!existsSync(file) || !statSync(file).isFile()) throw new UserError('no such script', { file, field: '--events', expected: 'a text file of calls' })
  return readFileSync(file, 'utf8')
}

/** Nothing is asked for but what the fold is. */
function isFoldedSo({ meta }: PreparedTrace, { events, pageSize, tickNs, through, sampleOneIn = 1 }: OpenOptions): boolean {
  return (
    events === undefined &&
    through === undefined &&
    sampleOneIn === 1 &&
    (pageSize ?? meta.pageSize) === meta.pageSize &&
    (tickNs ?? meta.tickNs) === meta.tickNs
  )
}

/** A native file that keeps no accesses: what only a recording allows was decided when it was imported. */
function asFolded(trace: PreparedTrace, { events, pageSize, tickNs, through, sampleOneIn }: OpenOptions): PreparedTrace {
  const refuse = (field: string, hint: string) => new UserError('the trace is folded already', { file: trace.meta.file, field, hint })
  if (events !== undefined) throw refuse('--events', 'Give the script when importing the recording')
  if (through !== undefined) throw refuse('--cache', 'Import the recording itself through the cache')
  if (sampleOneIn !== undefined && sampleOneIn !== (trace.meta.sample?.oneIn ?? 1)) throw refuse('--sample', 'Import the recording itself with this sample')
  if (pageSize !== undefined && pageSize !== trace.meta.pageSize) throw refuse('--page-size', 'Import the recording itself with this page size')
  return tickNs === undefined ? trace : regroup(trace, tickNs)
}

/** What a name stands for: a folder, a file, or the name of a workload where there is no such file. */
async function find(name: string, options: OpenOptions): Promise<Recording | { open(): PreparedTrace }> {
  if (!existsSync(name) && options.format === undefined && listWorkloads().includes(name.split(':')[0]!)) return workload(name, options)
  const isFolder = existsSync(name) && statSync(name).isDirectory()
  return isFolder ? findInFolder(name, options) : findInFile(name, options)
}

async function workload(name: string, { progress }: OpenOptions): Promise<Recording> {
  const named = await loadWorkload(name)
  const carries = ['accesses', 'tasks', 'cpus', 'time', 'events'] as const
  return { facts: { format: 'workload', fidelity: 'every access', carries }, read: (writer) => generateInto(named, writer, progress) }
}

async function findInFile(file: string, options: OpenOptions): Promise<Recording | { open(): PreparedTrace }> {
  const source = await openBytes(file, { threadFrom: OWN_THREAD_FROM, ...options })
  const { name, format } = options.format === undefined ? await recognise(source.head, file) : await loadFormat(options.format)
  if ('open' in format) {
    await source.close()
    if (source.compression !== 'none')
      throw new UserError('a native trace is read in place', {
        file,
        expected: 'the file itself',
        got: `${source.compression} around it`,
        hint: 'Decompress it',
      })
    return { open: () => format.open(file) }
  }
  const context = contextOf(name, format, file, options)
  return {
    facts: { format: name, fidelity: format.fidelity, carries: format.carries },
    async read(writer) {
      await format.read(source.bytes, writer, context)
      if (source.damage !== undefined) damaged(writer, context, { problem: source.damage })
    },
  }
}

async function findInFolder(folder: string, options: OpenOptions): Promise<Recording> {
  const files = filesBelow(folder, folder, options.lenient)
  const names = files.map(({ name }) => name)
  const { name, format } = options.format === undefined ? await recogniseFolder(names, folder) : await loadFormat(options.format)
  if (!('readFolder' in format) || format.readFolder === undefined)
    throw new UserError(`format ${name} does not read folders`, { file: folder, expected: 'a file' })
  const { readFolder } = format
  const context = contextOf(name, format, folder, options)
  return { facts: { format: name, fidelity: format.fidelity, carries: format.carries }, read: (writer) => readFolder(files, writer, context) }
}

function contextOf(name: string, format: StreamFormat, file: string, { formatOptions = {}, lenient }: OpenOptions): FormatContext {
  const known = Object.keys(format.options ?? {})
  const unknown = Object.keys(formatOptions).find((option) => !known.includes(option))
  if (unknown !== undefined)
    throw new UserError(`format ${name} has no option ${unknown}`, { field: '--format-option', expected: known.join(', ') || 'no options' })
  return { file, options: formatOptions, lenient }
}

/** All files of a recording's folder, by name; links are not followed. */
function filesBelow(folder: string, root: string, lenient?: boolean): FolderFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path, root, lenient)
      if (!entry.isFile()) return []
      return [{ name: relative(root, path).split(sep).join('/'), size: statSync(path).size, open: () => decompressed(path, lenient) }]
    })
}

async function* decompressed(path: string, lenient?: boolean): AsyncIterable<Uint8Array> {
  yield* (await openBytes(path, { lenient })).bytes
}
