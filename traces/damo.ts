/**
 * damo's records (`damon.data`): JSON, or the same in a zlib stream (json_compressed, damo's default). An array of records,
 * one per target, each with its snapshots in order. Snapshots are taken out of the stream one by one, so the file may be
 * larger than memory; numbers come as strings, with thousands separators in addresses, or plain from older versions.
 */
import { UserError } from '../src/errors.ts'
import { Address, damaged, defineFormat, type FormatContext, type TraceWriter } from '../src/trace/index.ts'
import { Regions, RegionsOfManyTargets } from './linux/regions.ts'

/** Ten thousand regions take about 5 MB. */
const LARGEST_SNAPSHOT = 1 << 26
/** The keys of a record beside its snapshots. */
const LARGEST_HEAD = 1 << 20

export default defineFormat({
  about: "damo's records: json and json_compressed (damon.data)",
  extensions: ['.damo.json', '.damon.data'],
  carries: ['accesses', 'time'],
  fidelity: 'regions',
  recognise: ({ text }) => (/^\s*\[\s*\{/.test(text) && text.includes('"snapshots"') && text.includes('"target_id"') ? 1 : 0),
  async read(bytes, trace, context) {
    const snapshots = new SnapshotReader(trace, context)
    const splitter = new RecordSplitter(context.file, (head, snapshot) => snapshots.take(head, snapshot))
    for await (const chunk of bytes) splitter.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1'))
    if (!splitter.complete) damaged(trace, context, { problem: 'the JSON ends before its last bracket', line: splitter.line })
    snapshots.finish()
  },
})

/** Finds the objects in each record's array `snapshots`, by counting brackets outside strings. */
class RecordSplitter {
  complete = false
  line = 1
  readonly #file: string
  readonly #onSnapshot: (head: string, snapshot: string) => void
  #depth = 0
  #inString = false
  #escaped = false
  #inSnapshots = false
  /** Text of the record outside nested arrays and objects, such as `"target_id": 0, "snapshots": `. */
  #head = ''
  /** Its last characters, where the key of an array stands: looking at the whole of a growing text each time would be quadratic. */
  #headEnd = ''
  #snapshot = ''

  constructor(file: string, onSnapshot: (head: string, snapshot: string) => void) {
    this.#file = file
    this.#onSnapshot = onSnapshot
  }

  push(text: string): void {
    /** Where the text at hand begins that still has to be kept. */
    let from = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0x0a) this.line++
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (code === 0x5c) this.#escaped = true
        else if (code === 0x22) this.#inString = false
      } else if (code === 0x22) this.#inString = true
      else if (code === 0x7b || code === 0x5b) {
        this.#keep(text, from, i)
        from = i
        this.#open(code === 0x5b)
      } else if (code === 0x7d || code === 0x5d) {
        this.#keep(text, from, i + 1)
        from = i + 1
        this.#close()
      }
    }
    this.#keep(text, from, text.length)
  }

  #open(isArray: boolean): void {
    this.#depth++
    if (this.#depth === 2) this.#head = this.#headEnd = ''
    if (this.#depth === 3 && isArray) this.#inSnapshots = /"snapshots"\s*:\s*$/.test(this.#headEnd)
    if (this.#depth === 4) this.#snapshot = ''
  }

  #close(): void {
    if (this.#depth === 0) throw this.#error('a closing bracket too many')
    if (this.#depth === 4 && this.#inSnapshots) this.#onSnapshot(this.#head, this.#snapshot)
    if (this.#depth === 3) this.#inSnapshots = false
    this.#depth--
    if (this.#depth === 0) this.complete = true
  }

  #keep(text: string, from: number, to: number): void {
    if (this.#depth === 2) {
      this.#head += text.slice(from, to)
      this.#headEnd = (this.#headEnd + text.slice(Math.max(from, to - 64), to)).slice(-64)
    } else if (this.#depth >= 4 && this.#inSnapshots) this.#snapshot += text.slice(from, to)
    if (this.#head.length > LARGEST_HEAD || this.#snapshot.length > LARGEST_SNAPSHOT) throw this.#error('a record too large for damo')
  }

  #error(problem: string): UserError {
    return new UserError(problem, { file: this.#file, line: this.line, expected: "damo's json" })
  }
}

class SnapshotReader {
  readonly #trace: TraceWriter
  readonly #file: string
  readonly #regions: Regions
  readonly #sorted: RegionsOfManyTargets
  readonly #start = new Address()
  readonly #end = new Address()
  /** Whole seconds subtracted from wall-clock times. */
  #originNs: bigint | undefined
  #snapshots = 0

  constructor(trace: TraceWriter, { file }: FormatContext) {
    this.#trace = trace
    this.#file = file
    this.#regions = new Regions(trace, file)
    this.#sorted = new RegionsOfManyTargets(this.#regions)
  }

  take(head: string, text: string): void {
    this.#trace.line = ++this.#snapshots
    const snapshot = this.#parse(text)
    const timeNs = this.#time(snapshot['end_time'])
    const target = this.#regions.target(/"target_id"\s*:\s*"?([\w.+-]{1,30})/.exec(head)?.[1] ?? '0')
    if (!Array.isArray(snapshot['regions'])) throw this.#error('no regions in the snapshot', 'an array', snapshot['regions'])
    this.#regions.snapshot()
    for (const region of snapshot['regions']) this.#region(timeNs, target, region)
  }

  #region(timeNs: number, target: number, region: Record<string, unknown> | null): void {
    if (typeof region !== 'object' || region === null) throw this.#error('not a region', 'start, end, nr_accesses', region)
    const { start, end, nr_accesses: accesses } = region
    const startText = digits(start)
    const endText = digits(end)
    if (!this.#start.decimal(startText) || !this.#end.decimal(endText)) throw this.#error('not an address', 'a decimal number', `${start}-${end}`)
    const samples = typeof accesses === 'object' && accesses !== null ? (accesses as Record<string, unknown>)['samples'] : accesses
    const count = Number(digits(samples))
    if (!Number.isInteger(count) || count < -1 || count > 0xffff_ffff) throw this.#error('not a number of accesses', 'a whole number', samples)
    // one empty region with -1 accesses ends a recording of a single snapshot, to keep its length
    if (count >= 0) this.#sorted.push(timeNs, target, this.#start, this.#end, count)
  }

  #parse(text: string): Record<string, unknown> {
    try {
      return JSON.parse(text)
    } catch {
      throw this.#error('not JSON', "a snapshot of damo's", text.slice(0, 60))
    }
  }

  #time(value: unknown): number {
    const text = digits(value)
    if (!/^\d{1,20}$/.test(text)) throw this.#error('not a time', 'nanoseconds', value)
    const ns = BigInt(text)
    this.#originNs ??= ns > Number.MAX_SAFE_INTEGER / 2 ? ns - (ns % 1_000_000_000n) : 0n
    return Number(ns - this.#originNs)
  }

  finish(): void {
    if (this.#originNs !== undefined && this.#originNs > 0n) this.#trace.fact('timeOriginSeconds', Number(this.#originNs / 1_000_000_000n))
    this.#sorted.finish()
  }

  #error(problem: string, expected: string, got: unknown): UserError {
    const shown = JSON.stringify(got) ?? 'nothing'
    return new UserError(`snapshot ${this.#snapshots}: ${problem}`, { file: this.#file, expected, got: shown.slice(0, 80) })
  }
}

/** `"94,280,203,776,000"`, `"3"` or `3` as digits without separators. */
function digits(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value).replaceAll(',', '') : ''
}
