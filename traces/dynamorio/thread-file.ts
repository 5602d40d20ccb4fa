/**
 * One file of a final drmemtrace: packed records `u16 type, u16 size, u64 address` (u32 on 32-bit targets), little endian
 * (DynamoRIO clients/drcachesim/common/trace_entry.h). Time and cpu are known only where a buffer was flushed, so the file falls
 * into stretches, each with one time; `runStretch` pushes one of them.
 */
import { UserError } from '../../src/errors.ts'
import { damaged, type FormatContext, READ, type TraceWriter, WRITE } from '../../src/trace/index.ts'

const TYPE_READ = 0
const TYPE_WRITE = 1
const TYPE_INSTR_BUNDLE = 17
const TYPE_THREAD = 22
const TYPE_PID = 24
export const TYPE_HEADER = 25
const TYPE_FOOTER = 26
export const TYPE_MARKER = 28
const TYPE_INSTR_NO_FETCH = 29

const MARKER_TIMESTAMP = 2
const MARKER_CPU_ID = 3
const MARKER_FILETYPE = 9
const MARKER_PHYSICAL_ADDRESS = 15

/** offline_file_type_t. */
const FILTERED = 0x1
const INSTRUCTIONS_ONLY = 0x4
const DATA_FILTERED = 0x100

/** Non-branch, branches, calls, returns, sysenter: types that count as an instruction fetched. */
const IS_INSTRUCTION = new Uint8Array(0x10000)
for (const type of [10, 11, 12, 13, 14, 15, 16, 31, 48, 49]) IS_INSTRUCTION[type] = 1

/** 1970-01-01 in microseconds since 1601-01-01, in halves: 11644473600000000. */
const UNIX_HIGH = 0x295e96
const UNIX_LOW = 0x48864000

/** Timestamps count microseconds since 1601, beyond 2^53; since 1970 they fit. */
export function unixMicroseconds(high: number, low: number): number {
  return (high - UNIX_HIGH) * 2 ** 32 + (low - UNIX_LOW)
}

/** Counted over all files of a recording. */
export class Counts {
  records = 0
  instructions = 0
  noFetchInstructions = 0
  markers = 0
  accesses = 0
  physicalPages = 0
  version = 0
  fileType = 0
  readonly threads = new Set<number>()

  get isFiltered(): boolean {
    return (this.fileType & (FILTERED | DATA_FILTERED)) !== 0
  }

  get hasNoData(): boolean {
    return (this.fileType & INSTRUCTIONS_ONLY) !== 0
  }
}

export class ThreadFile {
  /** Time of the next stretch, µs since 1970; infinite after the last. */
  nextUs = Number.NEGATIVE_INFINITY
  lastCpu = -1
  task = -1
  readonly #name: string
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #trace: TraceWriter
  readonly #context: FormatContext
  readonly #counts: Counts
  #view: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #recordBytes = 12
  #records = 0
  #tid = 0
  readonly #pidOf = new Map<number, number>()
  readonly #taskOf = new Map<number, number>()
  #ended = false
  #sawFooter = false

  constructor(name: string, bytes: AsyncIterable<Uint8Array>, trace: TraceWriter, context: FormatContext, counts: Counts) {
    this.#name = name
    this.#chunks = bytes[Symbol.asyncIterator]()
    this.#trace = trace
    this.#context = context
    this.#counts = counts
  }

  /** Reads the head, up to the first time. */
  async start(): Promise<void> {
    await this.#fill(16)
    const { byteLength } = this.#view
    if (byteLength < 12 || this.#view.getUint16(0, true) !== TYPE_HEADER) throw this.#error('not a drmemtrace file: its first record is no header')
    // where addresses have 32 bits, the record after the header begins at byte 8
    if (this.#view.getUint16(8, true) !== 0) this.#recordBytes = 8
    await this.runStretch(0)
  }

  /** Pushes everything up to the next time. `originUs` is the time that counts as 0 ns. */
  async runStretch(originUs: number): Promise<void> {
    const timeNs = Number.isFinite(this.nextUs) ? (this.nextUs - originUs) * 1000 : 0
    while (!this.#runBuffer(timeNs)) {
      if (!(await this.#fill(this.#recordBytes))) {
        this.#end()
        return
      }
    }
  }

  /** Works through the bytes at hand; true when it came to a new time. */
  #runBuffer(timeNs: number): boolean {
    const view = this.#view
    const size = this.#recordBytes
    const wide = size === 12
    let at = this.#at
    for (; at + size <= view.byteLength; at += size) {
      const type = view.getUint16(at, true)
      this.#records++
      if (type <= TYPE_WRITE) {
        const low = view.getUint32(at + 4, true)
        const high = wide ? view.getUint32(at + 8, true) : 0
        if (this.task < 0) this.task = this.#currentTask()
        this.#counts.accesses++
        this.#trace.line = this.#records
        this.#trace.access(timeNs, this.task, this.lastCpu, high, low, view.getUint16(at + 2, true), type === TYPE_READ ? READ : WRITE, 1)
      } else if (IS_INSTRUCTION[type] === 1) this.#counts.instructions++
      else if (type === TYPE_MARKER) {
        this.#counts.markers++
        if (this.#marker(view.getUint16(at + 2, true), view.getUint32(at + 4, true), wide ? view.getUint32(at + 8, true) : 0)) {
          this.#at = at + size
          return true
        }
      } else this.#rare(type, view.getUint16(at + 2, true), view.getUint32(at + 4, true))
    }
    this.#at = at
    return false
  }

  /** True for a new time. */
  #marker(subtype: number, low: number, high: number): boolean {
    switch (subtype) {
      case MARKER_TIMESTAMP:
        this.nextUs = unixMicroseconds(high, low)
        if (this.nextUs < 0) throw this.#error('a time before 1970')
        return true
      case MARKER_CPU_ID:
        // the node or socket lies above the low 12 bits; all ones where the system does not say
        this.lastCpu = low === 0xffff_ffff ? -1 : low & 0xfff
        return false
      case MARKER_FILETYPE:
        this.#counts.fileType |= low
        return false
      case MARKER_PHYSICAL_ADDRESS:
        this.#counts.physicalPages++
        return false
      default:
        return false
    }
  }

  #rare(type: number, size: number, low: number): void {
    if (type === TYPE_THREAD) {
      this.#tid = low
      this.#counts.threads.add(low)
      this.task = -1
    } else if (type === TYPE_PID) {
      this.#pidOf.set(this.#tid, low)
      this.task = -1
    } else if (type === TYPE_INSTR_BUNDLE) this.#counts.instructions += size
    else if (type === TYPE_INSTR_NO_FETCH) this.#counts.noFetchInstructions++
    else if (type === TYPE_HEADER) this.#counts.version = Math.max(this.#counts.version, low)
    else if (type === TYPE_FOOTER) this.#sawFooter = true
  }

  #currentTask(): number {
    let task = this.#taskOf.get(this.#tid)
    if (task === undefined) {
      task = this.#trace.task(this.#pidOf.get(this.#tid) ?? this.#tid, this.#tid)
      this.#taskOf.set(this.#tid, task)
    }
    return task
  }

  /** The thread as a task, for recordings without a single access. */
  idleTask(): number {
    return this.task < 0 ? this.#currentTask() : this.task
  }

  /** At least `wanted` unread bytes in the view, unless the file ends; false when there is none left. */
  async #fill(wanted: number): Promise<boolean> {
    while (this.#view.byteLength - this.#at < wanted && !this.#ended) {
      const next = await this.#chunks.next()
      if (next.done) {
        this.#ended = true
        break
      }
      const kept = this.#view.byteLength - this.#at
      const rest = new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at, kept)
      const joined = kept === 0 ? next.value : Buffer.concat([rest, next.value])
      this.#view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength)
      this.#at = 0
    }
    return this.#view.byteLength - this.#at >= this.#recordBytes
  }

  #end(): void {
    this.nextUs = Number.POSITIVE_INFINITY
    this.#counts.records += this.#records
    const left = this.#view.byteLength - this.#at
    if (this.#sawFooter && left === 0) return
    const problem = left > 0 ? 'the file ends in the middle of a record' : 'the file has no footer: it is not complete'
    damaged(this.#trace, { ...this.#context, file: this.#name }, { problem, line: this.#records })
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  #error(problem: string): UserError {
    return new UserError(problem, { file: this.#name, line: this.#records || undefined })
  }
}
