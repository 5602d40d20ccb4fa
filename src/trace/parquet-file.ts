/** Parquet files on disk, for the format and for import's way back: read row group by row group, written in row groups. */
import { type FileHandle, open } from 'node:fs/promises'
import { UserError } from '../errors.ts'
import { undecodable } from './damage.ts'
import type { FormatContext, TraceWriter } from './format.ts'
import { checkPages } from './parquet-pages.ts'
import { type ColumnValues, TableBatches } from './table-batches.ts'
import { layoutOf, type TableLayout } from './table-columns.ts'
import { unzstdWhole } from './zstd.ts'

/** Beyond this a row group does not fit in memory; pyarrow's default is 1 Mi rows. */
const MOST_ROWS_IN_GROUP = 2 ** 26
const LARGEST_FOOTER = 1 << 28
/** ns per unit of Parquet's TIMESTAMP. */
const UNIT_NS: Record<string, number> = { MILLIS: 1e6, MICROS: 1e3, NANOS: 1 }

export async function readParquet(path: string, trace: TraceWriter, context: FormatContext): Promise<void> {
  const file = await open(path)
  try {
    await readRowGroups(file, path, trace, context)
  } catch (error) {
    // hyparquet throws plain errors for whatever it cannot decode
    if (error instanceof UserError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error
    throw undecodable('Parquet', path, error as Error)
  } finally {
    await file.close()
  }
}

async function readRowGroups(file: FileHandle, path: string, trace: TraceWriter, context: FormatContext): Promise<void> {
  const { parquetMetadataAsync, parquetRead } = await import('../parquet.ts')
  const { compressors: others } = await import('hyparquet-compressors')
  const compressors = { ...others, ZSTD: (input: Uint8Array, length: number) => unzstdWhole(input, length, path) }
  const buffer = await asyncBuffer(file, path)
  const footer = new DataView(await buffer.slice(buffer.byteLength - 8))
  if (footer.getUint32(4, true) !== 0x31524150 || footer.getUint32(0, true) > Math.min(LARGEST_FOOTER, buffer.byteLength - 12))
    throw new UserError('the Parquet file is cut off: its footer is missing', { file: path, hint: 'Copy or write it again' })
  // timestamps stay whole numbers; hyparquet would make dates of milliseconds
  const whole = (value: bigint) => value
  const parsers = { timestampFromMilliseconds: whole, timestampFromMicroseconds: whole, timestampFromNanoseconds: whole }
  const metadata = await parquetMetadataAsync(buffer, { parsers, geoparquet: false })
  const leaves = metadata.schema.slice(1)
  const names = leaves.map(({ name }) => name)
  const sample = await sampleRows(names)
  const layout = withTimestampUnit(layoutOf(names, sample, context.options, { file: path, line: 1 }))
  const used = names.filter((_, i) => layout.roles[i] !== undefined)
  const batches = new TableBatches(trace, layout, path)
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows)
    if (!(rows >= 0 && rows <= MOST_ROWS_IN_GROUP))
      throw new UserError('a row group too large for memory', {
        file: path,
        expected: `at most ${MOST_ROWS_IN_GROUP} rows`,
        got: Number.isNaN(rows) ? 'nothing' : String(rows),
        hint: 'Write it with row_group_size=1000000',
      })
    await checkPages(buffer, group, MOST_ROWS_IN_GROUP)
    const columns = await readColumns(rowStart, rowStart + rows)
    // columns of no meaning here are not read
    if (columns.some((values, i) => layout.roles[i] !== undefined && values.length < rows)) throw new Error('a column shorter than its row group')
    batches.push(columns, rows)
    rowStart += rows
  }
  batches.describe()

  async function readColumns(from: number, to: number, wanted = used): Promise<ColumnValues[]> {
    const parts = new Map<string, ArrayLike<unknown>[]>(wanted.map((name) => [name, []]))
    await parquetRead({
      file: buffer,
      metadata,
      compressors,
      parsers,
      geoparquet: false,
      columns: wanted,
      rowStart: from,
      rowEnd: to,
      onChunk: ({ columnName, columnData }) => parts.get(columnName)?.push(columnData as ArrayLike<unknown>),
    })
    return names.map((name) => joined(parts.get(name) ?? []))
  }

  /** Text cells of the first rows, from which radix and unit are guessed. */
  async function sampleRows(all: string[]): Promise<string[][]> {
    const rows = Math.min(100, Number(metadata.row_groups[0]?.num_rows ?? 0))
    if (rows <= 0) return []
    await checkPages(buffer, metadata.row_groups[0]!, MOST_ROWS_IN_GROUP)
    const columns = await readColumns(0, rows, all)
    return Array.from({ length: rows }, (_, i) => columns.map((column) => String(column[i] ?? '')))
  }

  function withTimestampUnit(layout: TableLayout): TableLayout {
    const logical = leaves[layout.roles.indexOf('time')]?.logical_type
    const unit = logical?.type === 'TIMESTAMP' ? UNIT_NS[logical.unit] : undefined
    return unit === undefined || layout.timeUnitSource === 'option' ? layout : { ...layout, timeFactor: unit }
  }
}

/** Pages of one column in one piece; typed where all are of one type. */
function joined(parts: ArrayLike<unknown>[]): ColumnValues {
  if (parts.length === 1) return parts[0]!
  const all: unknown[] = []
  for (const part of parts) for (let i = 0; i < part.length; i++) all.push(part[i])
  return all
}

async function asyncBuffer(file: FileHandle, path: string) {
  const { size } = await file.stat()
  if (size < 12) throw new UserError('the Parquet file is cut off', { file: path })
  return {
    byteLength: size,
    slice(start: number, end = size): Promise<ArrayBuffer> {
      const bytes = read(start < 0 ? size + start : start, end)
      // hyparquet fetches ahead and may fail before it looks at all of them
      bytes.catch(() => {})
      return bytes
    },
  }

  async function read(from: number, end: number): Promise<ArrayBuffer> {
    if (!(from >= 0 && end <= size && from <= end)) throw new Error('an offset outside the file')
    const bytes = new ArrayBuffer(end - from)
    await file.read(new Uint8Array(bytes), 0, end - from, from)
    return bytes
  }
}
