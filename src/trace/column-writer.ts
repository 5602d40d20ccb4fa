/** Accesses gathered into columns, a batch at a time: what the writers of column files share. */
import type { AccessKind } from './format.ts'
import { TableWriter } from './table-writer.ts'

const ROWS_IN_BATCH = 1 << 17

export abstract class ColumnWriter extends TableWriter {
  #rows = 0
  /** 64-bit integers, filled by words, low first: no BigInt per row. */
  readonly #time = new Uint32Array(2 * ROWS_IN_BATCH)
  /** Beyond 32 bits where a recorder says so: DAMON names targets by numbers of its own. */
  readonly #pid = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #tid = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #address = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #size = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #weight = new Uint32Array(2 * ROWS_IN_BATCH)
  readonly #cpu = new Int32Array(ROWS_IN_BATCH)
  /** Index into OPERATIONS. */
  readonly #op = new Uint8Array(ROWS_IN_BATCH)

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    this.inOrder(timeNs)
    const row = this.#rows++
    const { pid, tid } = this.tasks[task]!
    setWords(this.#time, row, timeNs)
    setWords(this.#pid, row, pid)
    setWords(this.#tid, row, tid)
    this.#cpu[row] = cpu
    this.#op[row] = kind - 1
    this.#address[2 * row] = addressLow
    this.#address[2 * row + 1] = addressHigh
    setWords(this.#size, row, bytes)
    setWords(this.#weight, row, weight)
    if (this.#rows === ROWS_IN_BATCH) this.#flush()
  }

  #flush(): void {
    const rows = this.#rows
    const wide = (words: Uint32Array) => new BigInt64Array(words.buffer, 0, rows)
    this.write(
      {
        time_ns: wide(this.#time),
        pid: wide(this.#pid),
        tid: wide(this.#tid),
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
}

export interface Columns {
  time_ns: BigInt64Array
  pid: BigInt64Array
  tid: BigInt64Array
  cpu: Int32Array
  op: Uint8Array
  addr: BigUint64Array
  size: BigInt64Array
  weight: BigInt64Array
}

/** A pid may be -1: gone, or nobody's. */
function setWords(words: Uint32Array, row: number, value: number): void {
  words[2 * row] = value
  words[2 * row + 1] = Math.floor(value / 2 ** 32)
}
