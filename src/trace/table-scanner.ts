/**
 * Plain numeric tables straight from bytes into batches, by a kernel (src/wasm/scan.ts says what is plain). Any other row goes as
 * text to the slow reader, which decides; so both always agree.
 */
import { UserError } from '../errors.ts'
import { CODE, DONE, GROUP, MISSING, NEW_TASK, SLOW, TABLE, TABLE_BYTES } from '../wasm/index.ts'
import { AccessBatch } from './access-batch.ts'
import { MODIFY, READ, type TraceWriter, WRITE } from './format.ts'
import type { Role, TableLayout } from './table-columns.ts'
import type { TableRows } from './table-rows.ts'

const NEWLINE = 10
/** Bytes that are looked at together, and the longest line. */
const CHUNK = 1 << 18
export const LONGEST_LINE = 1 << 20
/** One-letter operations. */
const KINDS = [
  ['rRlL0', READ],
  ['wWsS1', WRITE],
  ['mM2', MODIFY],
] as const
const TASK_BYTES = 16

export interface ScanOptions {
  layout: TableLayout
  separator: string
  /** Accesses that a row without a weight stands for. */
  weight: number
  /** Where rows end up that are not plain: `slow` hands their cells to it. */
  rows: TableRows
  slow: (text: string, line: number) => void
  /** Of the first row. */
  line: number
  file: string
}

export class TableScanner {
  /** 1-based number of the line being read. */
  line: number
  readonly #trace: TraceWriter
  readonly #rows: TableRows
  readonly #slow: (text: string, line: number) => void
  readonly #file: string
  readonly #batch: AccessBatch
  /** Addresses: the table's block, and the bytes. */
  readonly #table: number
  readonly #bytes: number
  /** Bytes there are, and where the line being read starts. */
  #length = 0
  #start = 0
  /** What of a chunk did not fit yet. */
  #rest: Uint8Array = new Uint8Array(0)
  #tasks = 0
  /** Where the next bytes were to be read to. */
  #room: Uint8Array | undefined

  constructor(trace: TraceWriter, { layout, separator, weight, rows, slow, line, file }: ScanOptions) {
    this.line = line
    this.#trace = trace
    this.#rows = rows
    this.#slow = slow
    this.#file = file
    this.#batch = AccessBatch.into(trace)
    const { heap } = this.#batch
    this.#bytes = heap.take(LONGEST_LINE + CHUNK)
    this.#table = heap.take(TABLE_BYTES)
    const codes = heap.take(layout.roles.length)
    heap.u8.set(
      layout.roles.map((role) => (role === undefined ? 0 : CODE[role])),
      codes,
    )
    const kinds = this.#table + TABLE.kinds
    for (const [letters, kind] of KINDS) for (const letter of letters) heap.u8[kinds + letter.charCodeAt(0)] = kind
    this.#set('ends', heap.take(4 * (GROUP * (layout.roles.length + 1) + 1)))
    this.#setDefault('pid', 1n)
    this.#setDefault('tid', MISSING)
    this.#setDefault('cpu', MISSING)
    this.#setDefault('op', BigInt(READ))
    this.#setDefault('size', 8n)
    this.#setDefault('weight', BigInt(weight))
    this.#setFloat('factor', layout.timeFactor)
    this.#setFloat('latest', Math.floor(Number.MAX_SAFE_INTEGER / layout.timeFactor) - 1)
    this.#setFloat('each', weight)
    this.#set('columns', layout.roles.length)
    this.#set('separator', separator.charCodeAt(0))
    this.#set('isHex', Number(layout.hexAddress))
    this.#set('pageShift', Math.log2(trace.pageSize))
    this.#set('hasTime', Number(layout.roles.includes('time')))
    this.#set('codes', codes)
    this.#makeTasks(256)
  }

  /** Where the next bytes can be read to, so that `push` need not copy them. Undefined where the kernels' memory cannot be read into. */
  get room(): (() => Uint8Array) | undefined {
    const { heap } = this.#batch
    if (heap.kind !== 'wasm') return undefined
    return () => {
      const at = this.#bytes + this.#length
      this.#room = heap.u8.subarray(at, at + CHUNK)
      return this.#room
    }
  }

  /** Scans the whole lines of what there is; the beginning of a line waits for the rest of it. */
  push(chunk: Uint8Array): void {
    const { u8 } = this.#batch.heap
    for (let from = 0; from < chunk.length; ) {
      const to = Math.min(chunk.length, from + CHUNK)
      if (chunk.buffer !== this.#room?.buffer || chunk.byteOffset !== this.#bytes + this.#length) u8.set(chunk.subarray(from, to), this.#bytes + this.#length)
      this.#length += to - from
      this.#rest = chunk.subarray(to)
      from = to
      this.#scan(u8.lastIndexOf(NEWLINE, this.#bytes + this.#length - 1) + 1 - this.#bytes)
      if (this.#length > LONGEST_LINE) throw new UserError('a line longer than 1 MiB', { file: this.#file, line: this.line, hint: 'Is this a text table?' })
    }
  }

  /** The last line may lack its end. */
  end(): void {
    if (this.#length === 0) return
    this.#batch.heap.u8[this.#bytes + this.#length++] = NEWLINE
    this.#scan(this.#length)
  }

  /** When `slow` has thrown: all bytes from the line on that it was given. */
  unread(): Uint8Array {
    const bytes = this.#batch.heap.u8.subarray(this.#bytes + this.#start, this.#bytes + this.#length)
    return Buffer.concat([bytes, this.#rest])
  }

  /** Lines up to `end`; what is behind them moves to the front. */
  #scan(end: number): void {
    const { u8 } = this.#batch.heap
    this.#start = 0
    while (this.#start < end) {
      const reason = this.#rows.originNs === 0n ? this.#plainRows(end) : SLOW
      if (reason === SLOW) this.#slowRow()
      else if (reason === NEW_TASK) this.#newTask()
    }
    if (end <= 0) return
    u8.copyWithin(this.#bytes, this.#bytes + end, this.#bytes + this.#length)
    this.#length -= end
  }

  /** Answers why it ended; the rows before are handed over. */
  #plainRows(end: number): number {
    const batch = this.#batch
    this.#setFloat('count', this.#rows.count)
    batch.firstLine = this.line
    batch.rows = batch.heap.kernels.scanTable(batch.heap, this.#table, this.#bytes, this.#start, end, batch.at, 0)
    this.line += batch.rows
    this.#start = this.#get('next')
    this.#rows.count += batch.rows
    if (this.#get('weighted') !== 0) this.#rows.weighted = true
    batch.flush()
    return this.#start < end ? this.#get('reason') : DONE
  }

  #slowRow(): void {
    const { u8 } = this.#batch.heap
    const start = this.#bytes + this.#start
    const end = u8.indexOf(NEWLINE, start)
    this.#slow(Buffer.from(u8.slice(start, end)).toString('utf8'), this.line)
    this.line++
    this.#start = end + 1 - this.#bytes
  }

  #newTask(): void {
    this.#trace.line = this.line
    const [pid, tid] = [this.#get('pid'), this.#get('tid')]
    this.#enterTask(pid, tid, this.#trace.task(pid, tid) + 1)
  }

  #makeTasks(slots: number): void {
    this.#set('tasks', this.#batch.heap.take(TASK_BYTES * slots))
    this.#set('taskMask', slots - 1)
  }

  #enterTask(pid: number, tid: number, task: number): void {
    if (++this.#tasks * 2 > this.#get('taskMask')) this.#moreTasks()
    const { u32 } = this.#batch.heap
    const [table, mask] = [this.#get('tasks') >>> 2, this.#get('taskMask')]
    let slot = (tid ^ Math.imul(pid, 0x85ebca6b)) & mask
    while (u32[table + 4 * slot + 2] !== 0) slot = (slot + 1) & mask
    u32.set([pid, tid, task], table + 4 * slot)
  }

  #moreTasks(): void {
    const { heap } = this.#batch
    const [old, slots] = [this.#get('tasks'), this.#get('taskMask') + 1]
    this.#makeTasks(2 * slots)
    this.#tasks = 1
    for (let at = old >>> 2, end = at + 4 * slots; at < end; at += 4) {
      const [pid, tid, task] = heap.u32.subarray(at, at + 3)
      if (task !== 0) this.#enterTask(pid!, tid!, task!)
    }
    heap.give(old, TASK_BYTES * slots)
  }

  #get(field: keyof typeof TABLE): number {
    return this.#batch.heap.u32[(this.#table + TABLE[field]) >>> 2]!
  }

  #set(field: keyof typeof TABLE, value: number): void {
    this.#batch.heap.u32[(this.#table + TABLE[field]) >>> 2] = value
  }

  /** Of a column that is not there. */
  #setDefault(role: Role, value: bigint): void {
    const from = (this.#table + TABLE.values) / 8 + CODE[role] * GROUP
    new BigUint64Array(this.#batch.heap.u8.buffer).fill(value, from, from + GROUP)
  }

  #setFloat(field: keyof typeof TABLE, value: number): void {
    this.#batch.heap.f64[(this.#table + TABLE[field]) >>> 3] = value
  }
}
