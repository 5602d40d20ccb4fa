/** Accesses as an Arrow IPC file with the canonical columns, for pandas, Polars and DuckDB; the format `arrow` reads it back. */
import type { RecordBatchFileWriter } from 'apache-arrow'
import { type Columns, ColumnWriter } from './column-writer.ts'
import { OPERATIONS } from './table-writer.ts'

const NO_ROWS: Columns = {
  time_ns: new BigInt64Array(0),
  pid: new BigInt64Array(0),
  tid: new BigInt64Array(0),
  cpu: new Int32Array(0),
  op: new Uint8Array(0),
  addr: new BigUint64Array(0),
  size: new BigInt64Array(0),
  weight: new BigInt64Array(0),
}

type Arrow = typeof import('apache-arrow')

export class ArrowTableWriter extends ColumnWriter {
  readonly #arrow: Arrow
  readonly #file: RecordBatchFileWriter
  #hasRows = false
  readonly #operations: ReturnType<typeof operationsOf>

  static async create(path: string, pageSize?: number): Promise<ArrowTableWriter> {
    return new ArrowTableWriter(await import('apache-arrow'), path, pageSize)
  }

  private constructor(arrow: Arrow, path: string, pageSize?: number) {
    super(path, pageSize)
    this.#arrow = arrow
    this.#operations = operationsOf(arrow)
    // the library queues bytes for a stream; here they go to the file at once
    const sink = new arrow.AsyncByteQueue()
    sink.write = (bytes) => this.out.write(bytes as Uint8Array)
    this.#file = new arrow.RecordBatchFileWriter()
    this.#file.reset(sink)
  }

  protected write({ op, ...numbers }: Columns): void {
    this.#hasRows = true
    const { makeData, makeVector, Table } = this.#arrow
    const vectors = Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, makeVector(values)]))
    const coded = makeVector(makeData({ ...this.#operations, data: op }))
    // `writeAll` would end the file after each
    for (const batch of new Table({ ...vectors, op: coded }).batches) this.#file.write(batch)
  }

  protected end(): void {
    // a file without a batch would lack its schema
    if (!this.#hasRows) this.write(NO_ROWS)
    this.#file.finish()
  }
}

/** R, W and M as a dictionary, so that a row is one byte. */
function operationsOf({ Dictionary, Uint8, Utf8, vectorFromArray }: Arrow) {
  return { type: new Dictionary(new Utf8(), new Uint8(), 0), dictionary: vectorFromArray([...OPERATIONS], new Utf8()) }
}
