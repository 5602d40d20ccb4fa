/**
 * Tables as Parquet files: typed columns, the table's description (units, meaning, schema version) in the key-value metadata,
 * so that a file explains itself in DuckDB (`select * from parquet_kv_metadata('summary.parquet')`), pandas and Arrow.
 */
import type { ColumnSource } from 'hyparquet-writer'
import { type Cell, type Column, type ColumnType, Table, type TableSchema } from '../columns/index.ts'
import { RUN_SCHEMA } from './schema.ts'

const SCHEMA_KEY = 'numareplay.schema'
const TABLE_KEY = 'numareplay.table'

const PARQUET_TYPE: Record<ColumnType, 'STRING' | 'INT64' | 'DOUBLE' | 'BOOLEAN'> = { string: 'STRING', int: 'INT64', float: 'DOUBLE', bool: 'BOOLEAN' }

/** Equal tables give equal bytes: no time stamps, no versions of libraries. */
export async function tableToParquet(table: Table): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('../parquet.ts')
  const { schema } = table
  const columnData: ColumnSource[] = schema.columns.map((column) => ({
    name: column.name,
    type: PARQUET_TYPE[column.type],
    data: table.column(column.name).map((value) => encode(value, column, schema)),
  }))
  return new Uint8Array(
    parquetWriteBuffer({
      columnData,
      createdBy: 'numareplay',
      rowGroupSize: 100_000,
      kvMetadata: [
        { key: SCHEMA_KEY, value: RUN_SCHEMA },
        { key: TABLE_KEY, value: JSON.stringify({ name: schema.name, about: schema.about, columns: schema.columns }) },
      ],
    }),
  )
}

function encode(value: Cell, { name, type }: Column, schema: TableSchema): unknown {
  if (value === null) return null
  const isRight =
    type === 'int' ? Number.isSafeInteger(value) : type === 'float' ? Number.isFinite(value) : typeof value === (type === 'bool' ? 'boolean' : 'string')
  if (!isRight) throw new Error(`table ${schema.name}, column ${name}: ${String(value)} is not a ${type}`)
  return type === 'int' ? BigInt(value as number) : value
}

/** Throws when the bytes are not a table of a run folder. */
export async function parquetToTable(bytes: Uint8Array): Promise<Table> {
  const { parquetMetadata, parquetReadObjects } = await import('../parquet.ts')
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const metadata = parquetMetadata(file)
  const described = metadata.key_value_metadata?.find(({ key }) => key === TABLE_KEY)?.value
  if (described === undefined) throw new Error(`no ${TABLE_KEY} in the metadata`)
  const schema = JSON.parse(described) as TableSchema
  const objects = await parquetReadObjects({ file, metadata })
  const columns = schema.columns.map(({ name, type }): [string, Cell[]] => [name, objects.map((row) => decode(row[name], type))])
  return new Table(schema, new Map(columns))
}

function decode(value: unknown, type: ColumnType): Cell {
  if (value === null || value === undefined) return null
  return type === 'int' ? Number(value) : (value as Cell)
}
