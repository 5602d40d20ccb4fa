/** Accesses as a Parquet table with the canonical columns, for pandas, DuckDB and Arrow; the format `parquet` reads it back. */
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { TraceEvent } from './events.ts'
import { type AccessKind, MODIFY, READ, type TraceWriter } from './format.ts'
import { OutputFile } from './output-file.ts'

const ROWS_IN_GROUP = 1 << 17

export class ParquetTableWriter implements TraceWriter {
  line = 0
  readonly pageSize: number
  /** Rows have no place for them. */
  eventsLeftOut = 0
  readonly #out: OutputFile
  readonly #bytes: ByteWriter
  readonly #parquet: ParquetWriter
  readonly #processes: number[] = []
  readonly #tasks: { pid: number; tid: number }[] = []
  readonly #taskOf = new Map<string, number>()
  #rows = 0
  /** 64-bit integers, filled by words, low first: no BigInt per row. */
  readonly #time = new Uint32Array(2 * ROWS_IN_GROUP)
  readonly #address = new Uint32Array(2 * ROWS_IN_GROUP)
  readonly #size = new Uint32Array(2 * ROWS_IN_GROUP)
  readonly #weight = new Uint32Array(2 * ROWS_IN_GROUP)
  readonly #pid = new Int32Array(ROWS_IN_GROUP)
  readonly #tid = new Int32Array(ROWS_IN_GROUP)
  readonly #cpu = new Int32Array(ROWS_IN_GROUP)
  readonly #op: string[] = []

  static async create(path: string, pageSize?: number): Promise<ParquetTableWriter> {
    const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
    const bytes = new ByteWriter(1 << 20)
    const column = (name: string, type: 'INT64' | 'INT32') => ({ name, type, repetition_type: 'REQUIRED' as const })
    const parquet = new ParquetWriter({
      writer: bytes,
      createdBy: 'numareplay',
      schema: [
        { name: 'root', num_children: 8 },
        column('time_ns', 'INT64'),
        column('pid', 'INT32'),
        column('tid', 'INT32'),
        column('cpu', 'INT32'),
        { name: 'op', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
        { ...column('addr', 'INT64'), converted_type: 'UINT_64' },
        column('size', 'INT64'),
        column('weight', 'INT64'),
      ],
    })
    return new ParquetTableWriter(new OutputFile(path), bytes, parquet, pageSize)
  }

  private constructor(out: OutputFile, bytes: ByteWriter, parquet: ParquetWriter, pageSize = 4096) {
    this.#out = out
    this.#bytes = bytes
    this.#parquet = parquet
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
    this.#op[row] = kind === READ ? 'R' : kind === MODIFY ? 'M' : 'W'
    this.#address[2 * row] = addressLow
    this.#address[2 * row + 1] = addressHigh
    setWords(this.#size, row, bytes)
    setWords(this.#weight, row, weight)
    if (this.#rows === ROWS_IN_GROUP) this.#flush()
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
    this.#parquet.write({
      rowGroupSize: rows,
      columnData: [
        { name: 'time_ns', data: wide(this.#time) },
        { name: 'pid', data: this.#pid.subarray(0, rows) },
        { name: 'tid', data: this.#tid.subarray(0, rows) },
        { name: 'cpu', data: this.#cpu.subarray(0, rows) },
        { name: 'op', data: this.#op.slice(0, rows) },
        { name: 'addr', data: new BigUint64Array(this.#address.buffer, 0, rows) },
        { name: 'size', data: wide(this.#size) },
        { name: 'weight', data: wide(this.#weight) },
      ],
    })
    this.#rows = 0
    this.#take()
  }

  /** Moves what was encoded so far into the file. */
  #take(): void {
    this.#out.write(this.#bytes.getBytes())
    this.#bytes.index = 0
  }

  finish(): void {
    if (this.#rows > 0) this.#flush()
    this.#parquet.finish()
    this.#take()
    this.#out.commit()
  }

  abort(): void {
    this.#out.abort()
  }
}

function setWords(words: Uint32Array, row: number, value: number): void {
  words[2 * row] = value
  words[2 * row + 1] = value / 2 ** 32
}
