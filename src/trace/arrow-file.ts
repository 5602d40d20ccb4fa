/**
 * Arrow IPC read message by message, file or stream alike: a file is its first 8 bytes, a stream, and a footer that repeats the
 * schema and says where the batches lie. What is in memory is one record batch and the dictionaries.
 */
import { UserError } from '../errors.ts'
import { ArrowColumns, type Dictionaries } from './arrow-columns.ts'
import { blocksOf, FILE_MAGIC, footerOf, LARGEST_BODY, LARGEST_METADATA } from './arrow-footer.ts'
import { ArrowDamage, type ArrowField, type ArrowMessage, readMessage } from './arrow-messages.ts'
import { ByteQueue } from './byte-queue.ts'
import { damaged, LENIENT, undecodable } from './damage.ts'
import type { FormatContext, TraceWriter } from './format.ts'
import { TableBatches } from './table-batches.ts'
import { layoutOf, type TableLayout } from './table-columns.ts'

/** pyarrow's default is 64 Ki rows in a batch; a batch is in memory as a whole. */
const MOST_ROWS_IN_BATCH = 2 ** 24
/** A table of no fields and what points to it. */
const SMALLEST_METADATA = 16
const PIECE = 1 << 20
const CONTINUES = 0xffff_ffff
const SAMPLE_ROWS = 100

export async function readArrow(bytes: AsyncIterable<Uint8Array>, trace: TraceWriter, context: FormatContext): Promise<void> {
  const { file } = context
  const cutOff = new UserError('the Arrow data is cut off', { file, hint: `Copy or write it again. ${LENIENT}` })
  const queue = new ByteQueue(bytes, () => cutOff)
  const table = new ArrowTable(trace, context)
  const lost: { rows?: number } = {}
  try {
    for await (const { message, body } of messages(queue, file, cutOff, lost)) table.take(message, body)
  } catch (error) {
    if (error === cutOff && context.lenient) {
      const problem = `the Arrow data ends within a ${lost.rows === undefined ? 'message' : 'record batch'}`
      damaged(trace, context, { problem, line: table.rows + 1, dropped: lost.rows, orMore: true })
    } else if (error instanceof ArrowDamage) throw undecodable('Arrow', file, error)
    else throw error
  } finally {
    await queue.close()
  }
  table.describe()
}

/** Schema, dictionaries and batches in their order. A file must reach its end mark; a stream may just end. `lost`: what is being read. */
async function* messages(
  queue: ByteQueue,
  file: string,
  cutOff: UserError,
  lost: { rows?: number },
): AsyncGenerator<{ message: ArrowMessage; body: Uint8Array }> {
  let prefix = await queue.take(4)
  const isFile = prefix?.toString('latin1') === FILE_MAGIC.slice(0, 4)
  if (isFile) {
    await queue.need(4)
    prefix = await queue.take(4)
    // Polars (1.44) puts the schema there without its length, which readers of the footer do not miss: on to the first message
    if (prefix !== undefined && prefix.readUInt32LE() < SMALLEST_METADATA)
      while (prefix !== undefined && prefix.readUInt32LE() !== CONTINUES) prefix = await queue.take(4)
  }
  for (; prefix !== undefined; prefix = await queue.take(4)) {
    // before Arrow 0.15 there was no continuation mark
    const length = prefix.readUInt32LE() === CONTINUES ? (await queue.need(4)).readUInt32LE() : prefix.readUInt32LE()
    if (length === 0) return
    if (length > LARGEST_METADATA) throw new ArrowDamage('a message too long')
    const message = readMessage(await queue.need(length))
    if (message.bodyLength > LARGEST_BODY) throw tooLarge(file, `${message.bodyLength} bytes`)
    if (message.kind === 'batch') lost.rows = message.batch.rows
    const body = await bodyOf(queue, message.bodyLength)
    delete lost.rows
    yield { message, body }
  }
  if (isFile) throw cutOff
}

/** Taken as it comes: a length that is not there costs nothing. */
async function bodyOf(queue: ByteQueue, length: number): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  for (let left = length; left > 0; left -= PIECE) pieces.push(await queue.need(Math.min(left, PIECE)))
  const body = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    body.set(piece, at)
    at += piece.length
  }
  return body
}

const tooLarge = (file: string, got: string): UserError =>
  new UserError('a record batch too large for memory', {
    file,
    expected: `at most ${MOST_ROWS_IN_BATCH} rows and 2 GiB`,
    got,
    hint: 'Write it with max_chunksize=1000000',
  })

type ArrowDictionary = Extract<ArrowMessage, { kind: 'dictionary' }>

class ArrowTable {
  readonly #trace: TraceWriter
  readonly #context: FormatContext
  readonly #dictionaries: Dictionaries = new Map()
  #fields: ArrowField[] | undefined
  #layout: TableLayout | undefined
  #batches: TableBatches | undefined
  #hasAllDictionaries = false

  constructor(trace: TraceWriter, context: FormatContext) {
    this.#trace = trace
    this.#context = context
  }

  get rows(): number {
    return this.#batches?.rows ?? 0
  }

  describe(): void {
    this.#batches?.describe()
  }

  take(message: ArrowMessage, body: Uint8Array): void {
    if (message.kind === 'schema') this.#fields = message.fields
    if (message.kind !== 'batch' && message.kind !== 'dictionary') return
    // Arrow for JavaScript writes the schema of a file into its footer only
    this.#fields ??= footerOf(this.#context.file)?.fields
    if (this.#fields === undefined)
      throw new UserError('the Arrow data has no schema in front of its rows', {
        file: this.#context.file,
        expected: 'a schema first, or a plain file, whose footer has it too',
        hint: 'Unpack it first: Polars and Arrow for JavaScript write the schema of a file into its footer only; or write a stream',
      })
    const fields = this.#fields
    const { batch } = message
    if (batch.rows > MOST_ROWS_IN_BATCH) throw tooLarge(this.#context.file, `${batch.rows} rows`)
    if (message.kind === 'dictionary') {
      if (!this.#hasAllDictionaries) this.#takeDictionary(fields, message, body)
      return
    }
    const isMissing = ({ dictionary }: ArrowField) => dictionary !== undefined && !this.#dictionaries.has(dictionary.id)
    if (!this.#hasAllDictionaries && batch.rows > 0 && fields.some((field) => isReadable(field) && isMissing(field))) this.#takeDictionariesOfFile(fields)
    const columns = new ArrowColumns(fields, batch, body, this.#context.file)
    this.#layout ??= this.#layoutOf(fields, columns, batch.rows)
    this.#batches ??= new TableBatches(this.#trace, this.#layout, this.#context.file)
    this.#batches.push(
      this.#layout.roles.map((role, i) => (role === undefined ? [] : columns.column(i, this.#dictionaries))),
      batch.rows,
    )
  }

  #takeDictionary(fields: readonly ArrowField[], { id, isDelta, batch }: ArrowDictionary, body: Uint8Array): void {
    const field = dictionaryOf(fields, id)
    if (field === undefined || !isReadable(field)) return
    const entries = Array.from(new ArrowColumns([field], batch, body, this.#context.file).column(0, this.#dictionaries))
    const known = isDelta ? (this.#dictionaries.get(id) ?? []) : []
    for (const entry of entries) known.push(entry)
    this.#dictionaries.set(id, known)
  }

  /** Polars (1.44) writes the dictionaries of a file behind its batches: the footer says where. In a file none replaces another. */
  #takeDictionariesOfFile(fields: readonly ArrowField[]): void {
    const { file } = this.#context
    const footer = footerOf(file)
    if (footer === undefined)
      throw new UserError('the Arrow data has a dictionary behind the rows that use it', {
        file,
        expected: 'dictionaries first, or a plain file, whose footer says where they lie',
        hint: 'Unpack it first, or write a stream (polars: write_ipc_stream) or plain text columns instead of categories',
      })
    this.#hasAllDictionaries = true
    this.#dictionaries.clear()
    for (const { message, body } of blocksOf(file, footer.dictionaries)) if (message.kind === 'dictionary') this.#takeDictionary(fields, message, body)
  }

  /** Which column is what, from names and the first rows. */
  #layoutOf(fields: readonly ArrowField[], columns: ArrowColumns, rows: number): TableLayout {
    const { file, options } = this.#context
    const first = fields.map((field, i) => (isReadable(field) && rows > 0 ? columns.column(i, this.#dictionaries) : []))
    const sample = Array.from({ length: Math.min(SAMPLE_ROWS, rows) }, (_, row) => first.map((values) => String(values[row] ?? '')))
    const names = fields.map(({ name }) => name)
    const layout = layoutOf(names, sample, options, { file, line: 1 })
    const unitNs = fields[layout.roles.indexOf('time')]?.type.unitNs
    return unitNs === undefined || layout.timeUnitSource === 'option' ? layout : { ...layout, timeFactor: unitNs }
  }
}

const isReadable = ({ type, dictionary }: ArrowField): boolean => (dictionary?.type ?? type).kind !== 'other'

/** A column of the entries of a dictionary. */
function dictionaryOf(fields: readonly ArrowField[], id: string): ArrowField | undefined {
  for (const { name, dictionary, children } of fields) {
    if (dictionary?.id === id) return { name, type: dictionary.type, children: [] }
    const nested = dictionaryOf(children, id)
    if (nested !== undefined) return nested
  }
  return undefined
}
