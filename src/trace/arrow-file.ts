/** Arrow IPC read record batch by record batch. */
import { type FileHandle, open } from 'node:fs/promises'
import type { RecordBatch } from 'apache-arrow'
import { UserError } from '../errors.ts'
import { undecodable } from './damage.ts'
import type { FormatContext, TraceWriter } from './format.ts'
import { unlz4Frame } from './lz4.ts'
import { type ColumnValues, TableBatches } from './table-batches.ts'
import { layoutOf, type TableLayout } from './table-columns.ts'

/** pyarrow's default is 64 Ki rows in a batch; a batch is in memory as a whole. */
const MOST_ROWS_IN_BATCH = 2 ** 24
const FILE_MAGIC = 'ARROW1'
/** ns per unit of Arrow's TimeUnit: second, millisecond, microsecond, nanosecond. */
const UNIT_NS = [1e9, 1e6, 1e3, 1]

/** A file has its schema at the end and is read by position; a stream as it comes. */
export async function readArrow(bytes: AsyncIterable<Uint8Array>, trace: TraceWriter, context: FormatContext): Promise<void> {
  const input = bytes[Symbol.asyncIterator]()
  const first = await input.next()
  const isFile = !first.done && startsWithMagic(first.value)
  if (!isFile) {
    await readBatches(joined(first, input), trace, context)
    return
  }
  await input.return?.()
  const file = await open(context.file)
  try {
    const { buffer } = await file.read(new Uint8Array(FILE_MAGIC.length), 0, FILE_MAGIC.length, 0)
    if (!startsWithMagic(buffer)) throw new UserError('an Arrow file is read in place', { file: context.file, hint: 'Decompress it, or write an Arrow stream' })
    await readBatches(file, trace, context)
  } finally {
    await file.close()
  }
}

async function readBatches(source: AsyncIterable<Uint8Array> | FileHandle, trace: TraceWriter, context: FormatContext): Promise<void> {
  const arrow = await import('apache-arrow')
  const { decompress } = await import('fzstd')
  arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, { decode: (data) => unlz4Frame(data, context.file) })
  arrow.compressionRegistry.set(arrow.CompressionType.ZSTD, { decode: (data) => decompress(data) })
  let batches: TableBatches | undefined
  let layout: TableLayout | undefined
  try {
    const reader = await arrow.RecordBatchReader.from(source as FileHandle)
    for await (const batch of reader as AsyncIterable<RecordBatch>) {
      if (batch.numRows > MOST_ROWS_IN_BATCH) throw tooLarge(batch, context)
      layout ??= layoutOfSchema(batch, context)
      batches ??= new TableBatches(trace, layout, context.file)
      batches.push(columnsOf(batch, layout), batch.numRows)
    }
  } catch (error) {
    if (error instanceof UserError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error
    throw undecodable('Arrow', context.file, error as Error)
  }
  batches?.describe()
}

const startsWithMagic = (bytes: Uint8Array): boolean => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').startsWith(FILE_MAGIC)

async function* joined(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value
}

function tooLarge({ numRows }: RecordBatch, { file }: FormatContext): UserError {
  const hint = 'Write it with max_chunksize=1000000'
  return new UserError('a record batch too large for memory', { file, expected: `at most ${MOST_ROWS_IN_BATCH} rows`, got: String(numRows), hint })
}

function layoutOfSchema(batch: RecordBatch, { file, options }: FormatContext): TableLayout {
  const names = batch.schema.fields.map(({ name }) => name)
  const rows = Math.min(100, batch.numRows)
  const sample = Array.from({ length: rows }, (_, row) => names.map((_, column) => String(batch.getChildAt(column)?.get(row) ?? '')))
  const layout = layoutOf(names, sample, options, { file, line: 1 })
  const type = batch.schema.fields[layout.roles.indexOf('time')]?.type as { unit?: number; typeId: number } | undefined
  // Timestamp (10) and Time (9) say their unit
  if (type?.unit === undefined || (type.typeId !== 10 && type.typeId !== 9) || layout.timeUnitSource === 'option') return layout
  return { ...layout, timeFactor: UNIT_NS[type.unit]! }
}

function columnsOf(batch: RecordBatch, layout: TableLayout): ColumnValues[] {
  return layout.roles.map((role, i) => {
    const vector = batch.getChildAt(i)
    if (role === undefined || vector === null) return []
    if (!holdsRows(vector.data[0] as unknown as StoredColumn, batch.numRows)) throw new TypeError('a column shorter than its batch')
    const values = vector.data[0]?.values as ColumnValues | undefined
    const isPlain = vector.nullCount === 0 && vector.data.length === 1 && ArrayBuffer.isView(values) && !hasDictionary(vector.type)
    // integers and floats are as they lie; text, dictionaries, booleans and columns with nulls go value by value
    if (isPlain && values.length === batch.numRows) return values
    return Array.from({ length: batch.numRows }, (_, row) => vector.get(row) as unknown)
  })
}

const hasDictionary = (type: { typeId: number }): boolean => type.typeId === -1

interface StoredColumn {
  typeId: number
  values?: ArrayLike<unknown>
  valueOffsets?: ArrayLike<unknown>
}

/** The buffers are as long as the batch claims: a number of rows that is not there would be worked through all the same. */
function holdsRows({ typeId, values, valueOffsets }: StoredColumn, rows: number): boolean {
  const BOOL = 6
  if (typeId === BOOL) return (values?.length ?? 0) * 8 >= rows
  return valueOffsets === undefined ? (values?.length ?? 0) >= rows : valueOffsets.length > rows
}
