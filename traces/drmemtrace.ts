/**
 * DynamoRIO's drmemtrace, the final form after raw2trace: one file per thread (or core) in a folder, zip, gzip, snappy or plain,
 * or a single file. Threads are merged by time; within one time, in order of their files. Instructions are counted, not kept.
 */
import { UserError } from '../src/errors.ts'
import { defineFormat, type FileHead, type FolderFile, type FormatContext, type TraceWriter } from '../src/trace/index.ts'
import { readSchedule } from './dynamorio/schedule.ts'
import { Counts, ThreadFile, TYPE_HEADER } from './dynamorio/thread-file.ts'

const TRACE_FILE = /(^|\/)[^/]*\.trace(\.(zip|gz|sz))?$|\.memtrace(\.(zip|gz|sz))?$/
const RAW_FILE = /\.raw(\.(lz4|zip|gz|sz))?$/
const SERIAL_SCHEDULE = /(^|\/)serial_schedule\.bin(\.(gz|zip|sz))?$/

export default defineFormat({
  about: 'DynamoRIO drmemtrace: a trace folder (or its parent) or a single file, after raw2trace',
  extensions: ['.trace', '.trace.zip', '.trace.gz', '.memtrace.sz'],
  carries: ['accesses', 'tasks', 'cpus', 'time'],
  fidelity: 'every access',
  recognise: (head) => (isHeader(head) ? 1 : RAW_FILE.test(head.fileName) && /drmemtrace|\.raw$/.test(head.fileName) ? 0.3 : 0),
  async read(bytes, trace, context) {
    if (RAW_FILE.test(context.file)) throw rawRecording(context.file)
    const counts = new Counts()
    await merge([new ThreadFile(context.file, bytes, trace, context, counts)], trace, counts)
  },
  recogniseFolder: (names) => (names.some((name) => /drmemtrace\./.test(name) && TRACE_FILE.test(name)) ? 1 : names.some(isRaw) ? 0.9 : 0),
  async readFolder(files, trace, context) {
    const traces = files.filter(({ name }) => TRACE_FILE.test(name))
    if (traces.length === 0) throw rawRecording(context.file)
    const counts = new Counts()
    await merge(
      traces.map((file) => new ThreadFile(`${context.file}/${file.name}`, file.open(), trace, context, counts)),
      trace,
      counts,
    )
    await compareSchedule(files, trace, context, counts)
  },
})

const isRaw = (name: string): boolean => RAW_FILE.test(name)

/** A header record: type 25, size 0, then the version. */
function isHeader({ bytes }: FileHead): boolean {
  const starts = bytes[0] === TYPE_HEADER && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0
  return starts && bytes[4]! >= 1 && bytes[4]! < 64 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0
}

/** K-way merge by time. Files are few (one per thread), so the next one is found by looking at all of them. */
async function merge(files: ThreadFile[], trace: TraceWriter, counts: Counts): Promise<void> {
  try {
    for (const file of files) await file.start()
    const originUs = Math.min(...files.map(({ nextUs }) => nextUs))
    let lastUs = originUs
    for (;;) {
      let earliest = files[0]!
      for (const file of files) if (file.nextUs < earliest.nextUs) earliest = file
      if (earliest.nextUs === Number.POSITIVE_INFINITY) break
      lastUs = Math.max(lastUs, earliest.nextUs)
      await earliest.runStretch(originUs)
    }
    const timeNs = Number.isFinite(lastUs) ? (lastUs - originUs) * 1000 : 0
    // a recording without accesses still tells where its threads ran
    if (counts.accesses === 0) for (const file of files) trace.event({ timeNs, kind: 'task_runs_on', task: file.idleTask(), cpu: Math.max(file.lastCpu, 0) })
    if (Number.isFinite(originUs)) trace.fact('timeOriginUnixUs', originUs)
  } finally {
    for (const file of files) await file.close()
  }
  describe(trace, counts)
}

function describe(trace: TraceWriter, counts: Counts): void {
  const { version, fileType, records, instructions, noFetchInstructions, markers, physicalPages } = counts
  const facts = { version, fileType, records, instructions, noFetchInstructions, markers, threads: counts.threads.size }
  for (const [name, value] of Object.entries(facts)) trace.fact(name, value)
  if (physicalPages > 0) trace.fact('physicalPages', physicalPages)
  if (counts.isFiltered) trace.describe({ filtered: 'by the cache filter of DynamoRIO while recording' })
  if (counts.accesses === 0)
    trace.lint({
      code: 'no-accesses',
      severity: 'error',
      message: counts.hasNoData ? 'the recording has instructions only' : 'the recording has no loads and stores',
      advice: 'Record data accesses too: drrun -t drmemtrace -offline, without -instr_only_trace',
    })
}

/** The schedule names all threads of the recording: a missing file shows. */
async function compareSchedule(files: readonly FolderFile[], trace: TraceWriter, context: FormatContext, counts: Counts): Promise<void> {
  const file = files.find(({ name }) => SERIAL_SCHEDULE.test(name))
  if (!file) return
  const { tid, records } = await readSchedule(file.open(), trace, { ...context, file: `${context.file}/${file.name}` })
  trace.fact('scheduleRecords', records)
  const missing = new Set(tid.filter((thread) => !counts.threads.has(thread)))
  if (missing.size > 0)
    trace.lint({
      code: 'threads-missing',
      severity: 'warning',
      message: `the schedule names ${missing.size} threads that have no file here: ${[...missing].slice(0, 5).join(', ')}`,
      advice: 'Copy all files of the folder trace/',
    })
}

function rawRecording(file: string): UserError {
  return new UserError('this is a raw recording of DynamoRIO, which needs the program itself to become accesses', {
    file,
    expected: 'the folder trace/ with *.trace.zip files',
    hint: 'Convert it where it was recorded: drrun -t drmemtrace -indir DIR',
  })
}
