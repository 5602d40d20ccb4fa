/** Accesses as a Parquet table with the canonical columns, for pandas, DuckDB and Arrow; the format `parquet` reads it back. */
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { type Columns, ColumnWriter } from './column-writer.ts'
import { OPERATIONS } from './table-writer.ts'

export class ParquetTableWriter extends ColumnWriter {
  readonly #bytes: ByteWriter
  readonly #parquet: ParquetWriter

  static async create(path: string, pageSize?: number): Promise<ParquetTableWriter> {
    const { ByteWriter, ParquetWriter } = await import('../parquet.ts')
    const bytes = new ByteWriter(1 << 20)
    const column = (name: string, type: 'INT64' | 'INT32') => ({ name, type, repetition_type: 'REQUIRED' as const })
    const parquet = new ParquetWriter({
      writer: bytes,
      createdBy: 'numareplay',
      schema: [
        { name: 'root', num_children: 8 },
        column('time_ns', 'INT64'),
        column('pid', 'INT64'),
        column('tid', 'INT64'),
        column('cpu', 'INT32'),
        { name: 'op', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
        { ...column('addr', 'INT64'), converted_type: 'UINT_64' },
        column('size', 'INT64'),
        column('weight', 'INT64'),
      ],
    })
    return new ParquetTableWriter(path, bytes, parquet, pageSize)
  }

  private constructor(path: string, bytes: ByteWriter, parquet: ParquetWriter, pageSize?: number) {
    super(path, pageSize)
    this.#bytes = bytes
    this.#parquet = parquet
  }

  protected write(columns: Columns, rows: number): void {
    const columnData = Object.entries(columns).map(([name, data]) => ({ name, data: name === 'op' ? Array.from(columns.op, (op) => OPERATIONS[op]!) : data }))
    this.#parquet.write({ rowGroupSize: rows, columnData })
    this.#take()
  }

  protected end(): void {
    this.#parquet.finish()
    this.#take()
  }

  /** Moves what was encoded so far into the file. */
  #take(): void {
    this.out.write(this.#bytes.getBytes())
    this.#bytes.index = 0
  }
}
