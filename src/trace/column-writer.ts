/** Accesses gathered into columns, a batch at a time: what the writers of column files share. */
import type { TraceEvent } from './events.ts'
import { type AccessKind, MODIFY, READ, type TraceWriter } from './format.ts'
import { OutputFile } from './output-file.ts'

export const ROWS_IN_BATCH = 1 << 17

/** What `op` of a row stands for. */
export const OPERATIONS = ['R', 'W', 'M'] as const

export abstract class ColumnWriter implements TraceWriter {
  line = 0
  readonly pageSize: number
  /** Rows have no place for them. */
  eventsLeftOut = 0
  protected readonly out: OutputFile
  readonly #processes: number[] = []
  readonly #tasks: { pid: number; tid: number }[] = []
  readonly #taskOf = new Map<string, number>()
  #rows = 0
  /** 64-bit integers, filled by words, low first: no BigInt per row. */
  readonly #time = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #address = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #size = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #weight = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #pid = new Int32Array(ROWS_IN_BATCH)
  readonly #tid = new Int32Array(ROWS_IN_BATCH)
  readonly #cpu = new Int32Array(ROWS_IN_BATCH)
  /** Index into OPERATIONS. */
  readonly #op = new Uint8Array(ROWS_IN_BATCH)

  constructor(path: string, pageSize = 4096) {
    this.out = new OutputFile(path)
    this.pageSize = pageSize
  }

  process(pid: number): number {
    const known = this.#processes.indexOf(pid)
    return known >= 0 ? known : this.#processes.push(pid) - 1
  }

  task(pid: number, tid: number): number {
    const key = `${pid}/${tid}`
    let task = this.#taskOf.get(key)
    if (task === undefined) {
      task = this.#tasks.push({ pid, tid }) - 1
      this.#taskOf.set(key, task)
    }
    return task
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    const row = this.#rows++
    const { pid, tid } = this.#tasks[task]!
    setWords(this.#time, row, timeNs)
    this.#pid[row] = pid
    this.#tid[row] = tid
    this.#cpu[row] = cpu
    this.#op[row] = kind === READ ? 0 : kind === MODIFY ? 2 : 1
    this.#address[2 * row] = addressLow
    this.#address[2 * row + 1] = addressHigh
    setWords(this.#size, row, bytes)
    setWords(this.#weight, row, weight)
    if (this.#rows === ROWS_IN_BATCH) this.#flush()
  }

  event(_event: TraceEvent): void {
    this.eventsLeftOut++
  }

  fact(): void {}
  lint(): void {}
  describe(): void {}

  #flush(): void {
    const rows = this.#rows
    const wide = (words: Uint32Array) => new BigInt64Array(words.buffer, 0, rows)
    this.write(
      {
        time_ns: wide(this.#time),
        pid: this.#pid.subarray(0, rows),
        tid: this.#tid.subarray(0, rows),
        cpu: this.#cpu.subarray(0, rows),
        op: this.#op.subarray(0, rows),
        addr: new BigUint64Array(this.#address.buffer, 0, rows),
        size: wide(this.#size),
        weight: wide(this.#weight),
      },
      rows,
    )
    this.#rows = 0
  }

  /** Appends a batch; the columns are used again afterwards. */
  protected abstract write(columns: Columns, rows: number): void
  /** Ends the file's structure. */
  protected abstract end(): void

  finish(): void {
    if (this.#rows > 0) this.#flush()
    this.end()
    this.out.commit()
  }

  abort(): void {
    this.out.abort()
  }
}

export interface Columns {
  time_ns: BigInt64Array
  pid: Int32Array
  tid: Int32Array
  cpu: Int32Array
  op: Uint8Array
  addr: BigUint64Array
  size: BigInt64Array
  weight: BigInt64Array
}

function setWords(words: Uint32Array, row: number, value: number): void {
  words[2 * row] = value
  words[2 * row + 1] = value / 2 ** 32
}
