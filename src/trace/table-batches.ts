/**
 * Rows of typed columns (Arrow, Parquet) into the writer. Each column of a batch becomes one array of plain numbers, addresses
 * become two; then rows are pushed. 64-bit integers are read as pairs of words, without a BigInt per row.
 */
import { UserError } from '../errors.ts'
import { Address } from './address.ts'
import { type AccessKind, type Carried, READ, type TraceWriter } from './format.ts'
import type { Role, TableLayout } from './table-columns.ts'
import { KINDS } from './table-rows.ts'

/** What Arrow and Parquet hand out: typed arrays, or lists with strings, bigints and nulls. */
export type ColumnValues = ArrayLike<unknown>

const BATCH = 1 << 15
const WORD = 2 ** 32

export class TableBatches {
  rows = 0
  readonly #trace: TraceWriter
  readonly #layout: TableLayout
  readonly #file: string
  /** Role -> index of its column, -1 where there is none. */
  readonly #column: Record<Role, number>
  readonly #numbers: Record<'time' | 'pid' | 'tid' | 'cpu' | 'size' | 'weight', Float64Array>
  readonly #high = new Uint32Array(BATCH)
  readonly #low = new Uint32Array(BATCH)
  readonly #kinds = new Uint8Array(BATCH)
  readonly #kindOf = new Map<unknown, AccessKind>()
  readonly #tasks = new Map<number, Map<number, number>>()
  readonly #address = new Address()
  /** Origin of times beyond 2^53 ns, as words, in units of the column. */
  #originHigh = 0
  #originLow = 0
  #weighted = false

  constructor(trace: TraceWriter, layout: TableLayout, file: string) {
    this.#trace = trace
    this.#layout = layout
    this.#file = file
    const index = (role: Role) => layout.roles.indexOf(role)
    this.#column = {
      time: index('time'),
      pid: index('pid'),
      tid: index('tid'),
      cpu: index('cpu'),
      op: index('op'),
      address: index('address'),
      page: index('page'),
      size: index('size'),
      weight: index('weight'),
    }
    const numbers = () => new Float64Array(BATCH)
    this.#numbers = { time: numbers(), pid: numbers(), tid: numbers(), cpu: numbers(), size: numbers(), weight: numbers() }
  }

  /** Columns in the order of the layout, all of `rows` values. */
  push(columns: readonly ColumnValues[], rows: number): void {
    for (let from = 0; from < rows; from += BATCH) this.#batch(columns, from, Math.min(rows, from + BATCH))
  }

  #batch(columns: readonly ColumnValues[], from: number, to: number): void {
    const { time, pid, tid, cpu, size, weight } = this.#numbers
    this.#times(columns, from, to)
    // perf prints -1 for a process that is gone
    this.#read(columns, 'pid', from, to, 1, -1, Number.MAX_SAFE_INTEGER)
    this.#read(columns, 'tid', from, to, Number.NaN, -1, Number.MAX_SAFE_INTEGER)
    this.#read(columns, 'cpu', from, to, -1, -1, 0xffff)
    this.#read(columns, 'size', from, to, 8, 0, WORD)
    this.#read(columns, 'weight', from, to, 1, 1, Number.MAX_SAFE_INTEGER)
    this.#operations(columns, from, to)
    this.#places(columns, from, to)
    const trace = this.#trace
    const count = to - from
    for (let i = 0; i < count; i++) {
      trace.line = this.rows + 1
      const task = this.#task(pid[i]!, Number.isNaN(tid[i]!) ? pid[i]! : tid[i]!)
      trace.access(time[i]!, task, cpu[i]!, this.#high[i]!, this.#low[i]!, size[i]!, this.#kinds[i]! as AccessKind, weight[i]!)
      if (weight[i]! !== 1) this.#weighted = true
      this.rows++
    }
  }

  #task(pid: number, tid: number): number {
    let ofProcess = this.#tasks.get(pid)
    if (!ofProcess) {
      ofProcess = new Map()
      this.#tasks.set(pid, ofProcess)
    }
    let task = ofProcess.get(tid)
    if (task === undefined) {
      task = this.#trace.task(pid, tid)
      ofProcess.set(tid, task)
    }
    return task
  }

  /** A column of whole numbers; `missing` stands for null and for a column that is not there. */
  #read(
    columns: readonly ColumnValues[],
    role: 'pid' | 'tid' | 'cpu' | 'size' | 'weight',
    from: number,
    to: number,
    missing: number,
    least: number,
    most: number,
  ): void {
    const out = this.#numbers[role]
    const index = this.#column[role]
    if (index < 0) {
      out.fill(missing, 0, to - from)
      return
    }
    const values = columns[index]!
    for (let i = from; i < to; i++) {
      const value = values[i]
      const number = value === null || value === undefined ? missing : Number(value)
      if (!Number.isNaN(number) && !(Number.isSafeInteger(number) && number >= least && number <= most)) throw this.#error(role, i - from, value)
      if (Number.isNaN(number) && value !== null && value !== undefined) throw this.#error(role, i - from, value)
      out[i - from] = number
    }
  }

  /** Times may lie beyond 2^53 (ns since 1970): then they count from the first. */
  #times(columns: readonly ColumnValues[], from: number, to: number): void {
    const out = this.#numbers.time
    const index = this.#column.time
    const factor = this.#layout.timeFactor
    if (index < 0) {
      for (let i = 0; i < to - from; i++) out[i] = this.rows + i
      return
    }
    const values = columns[index]!
    const words = wordsOf(values)
    for (let i = from; i < to; i++) {
      let units: number
      if (words) {
        const high = words[2 * i + 1]! | 0
        if (this.rows === 0 && i === from && high >= 0x20_0000 / factor) this.#startAt(high, words[2 * i]!)
        units = (high - this.#originHigh) * WORD + (words[2 * i]! - this.#originLow)
      } else units = Number(values[i] ?? Number.NaN)
      // a float column in seconds keeps its fractions; whole units are exact
      const ns = Number.isInteger(units) ? units * factor : Math.round(units * factor)
      if (!Number.isFinite(ns)) throw this.#error('time', i - from, values[i])
      out[i - from] = ns
    }
  }

  #startAt(high: number, low: number): void {
    this.#originHigh = high
    this.#originLow = low
    this.#trace.fact('timeOriginNs', String((BigInt(high) * BigInt(WORD) + BigInt(low)) * BigInt(this.#layout.timeFactor)))
  }

  #operations(columns: readonly ColumnValues[], from: number, to: number): void {
    const index = this.#column.op
    if (index < 0) {
      this.#kinds.fill(READ, 0, to - from)
      return
    }
    const values = columns[index]!
    for (let i = from; i < to; i++) {
      const value = values[i]
      let kind = this.#kindOf.get(value)
      if (kind === undefined) {
        kind = KINDS[String(value).trim().toLowerCase()]
        if (kind === undefined) throw this.#error('op', i - from, value)
        this.#kindOf.set(value, kind)
      }
      this.#kinds[i - from] = kind
    }
  }

  #places(columns: readonly ColumnValues[], from: number, to: number): void {
    const isPage = this.#column.address < 0
    const role = isPage ? 'page' : 'address'
    const values = columns[this.#column[role]]!
    const words = wordsOf(values)
    const shift = isPage ? Math.log2(this.#trace.pageSize) : 0
    for (let i = from; i < to; i++) {
      let high: number
      let low: number
      if (words) {
        low = words[2 * i]!
        high = words[2 * i + 1]!
      } else if (this.#place(values[i])) {
        high = this.#address.high
        low = this.#address.low
      } else throw this.#error(role, i - from, values[i])
      if (shift > 0) {
        if (high >>> (32 - shift) !== 0) throw this.#error(role, i - from, values[i])
        high = ((high << shift) | (low >>> (32 - shift))) >>> 0
        low = (low << shift) >>> 0
      }
      this.#high[i - from] = high
      this.#low[i - from] = low
    }
  }

  /** An address that is not in a column of 64-bit integers: a number, a bigint, or text. */
  #place(value: unknown): boolean {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || value < 0) return false
      this.#address.high = Math.floor(value / WORD)
      this.#address.low = value >>> 0
      return true
    }
    if (typeof value === 'bigint') return this.#address.decimal(String(BigInt.asUintN(64, value)))
    if (typeof value !== 'string') return false
    const text = value.trim()
    return this.#layout.hexAddress || /^0x/i.test(text) ? this.#address.hex(text) : this.#address.decimal(text)
  }

  /** What this table carries, for `inspect`. */
  describe(): void {
    const given: [Carried, boolean][] = [
      ['accesses', true],
      ['tasks', this.#column.pid >= 0 || this.#column.tid >= 0],
      ['cpus', this.#column.cpu >= 0],
      ['time', this.#column.time >= 0],
    ]
    this.#trace.describe({ carries: given.filter(([, isGiven]) => isGiven).map(([what]) => what), fidelity: this.#weighted ? 'samples' : 'every access' })
    this.#trace.fact('rows', this.rows)
    this.#trace.fact('timeSource', this.#column.time >= 0 ? `column in units of ${this.#layout.timeFactor} ns` : 'row number, 1 ns apart')
  }

  #error(role: Role, row: number, value: unknown): UserError {
    const expected: Record<Role, string> = {
      time: 'a number of time units',
      pid: 'a whole number',
      tid: 'a whole number',
      cpu: 'a cpu number, or null',
      op: 'R or W, read or write, load or store, 0 or 1',
      address: 'an address of 64 bits',
      page: 'a page number within the 64-bit address space',
      size: 'a number of bytes',
      weight: 'a whole number from 1 on',
    }
    return new UserError(`row ${this.rows + row + 1}: value out of place`, {
      file: this.#file,
      field: this.#layout.names[this.#column[role]],
      expected: expected[role],
      got: value === null || value === undefined || Number.isNaN(value) ? 'nothing' : String(value).slice(0, 60),
    })
  }
}

/** The words of a column of 64-bit integers, low first; undefined for other columns. */
function wordsOf(values: ColumnValues): Uint32Array | undefined {
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array)) return undefined
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
}
