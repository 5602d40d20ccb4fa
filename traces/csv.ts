/** Tables of accesses as text: any separator, column names in use, quoting; plain numeric ones go through a byte scanner. */
import { parse } from 'csv-parse'
import { UserError } from '../src/errors.ts'
import {
  type Carried,
  damaged,
  defineFormat,
  type FileHead,
  type FormatContext,
  inLastLine,
  isBinary,
  LONGEST_LINE,
  layoutOf,
  type Role,
  TABLE_OPTIONS,
  type TableLayout,
  TableRows,
  TableScanner,
  type TraceWriter,
  understood,
} from '../src/trace/index.ts'
import { parseCount } from '../src/units.ts'

const SEPARATORS = [',', ';', '\t', '|']
const NEWLINE = 10
/** Rows from which unit and radix are guessed. */
const SAMPLE_ROWS = 1000

interface Dialect {
  separator: string
  names: string[]
  /** 1-based line of the header; 0 when the user named the columns. */
  headerLine: number
  /** Lines up to and with the header, and their length in bytes. */
  skipLines: number
  skipBytes: number
  sample: string[][]
}

export default defineFormat({
  about: 'Table of accesses as text: time, pid, tid, cpu, op, address, size, weight under their usual names',
  extensions: ['.csv', '.tsv'],
  carries: ['accesses', 'tasks', 'cpus', 'time'],
  fidelity: 'every access',
  options: {
    ...TABLE_OPTIONS,
    separator: 'one character, or tab (default: found)',
    columns: 'names of the columns, separated by blanks, for files without a header line',
    period: 'accesses that each row stands for, for recordings of every n-th access',
  },

  recognise(head: FileHead): number {
    if (isBinary(head.bytes)) return 0
    const dialect = dialectOf(head.text, {})
    if (!dialect) return 0
    const { place, others } = understood(dialect.names)
    if (place && others > 0) return 0.9
    // a table all the same: reading it says which column is missing
    return dialect.names.length > 1 && dialect.sample.length > 0 && dialect.sample.every((row) => row.length === dialect.names.length) ? 0.1 : 0
  },

  async read(bytes, trace, context) {
    const end = { isOpen: false }
    if (!context.lenient) bytes.borrow?.()
    const input = (context.lenient ? wholeLines(bytes, end) : bytes)[Symbol.asyncIterator]()
    const head = await readHead(input)
    const dialect = dialectOf(Buffer.from(head).toString('utf8'), context.options)
    if (!dialect)
      throw new UserError('no header line', { file: context.file, line: 1, hint: 'Name the columns with --format-option columns="time tid op addr"' })
    const layout = layoutOf(dialect.names, dialect.sample, context.options, { file: context.file, line: Math.max(1, dialect.headerLine) })
    const weight = periodOf(context)
    const rows = new TableRows(trace, layout, context.file, weight)
    const slow = (text: string, line: number) => {
      if (text.includes('"')) throw new QuoteMet()
      if (!/^ *(#|\r?$)/.test(text)) rows.row(split(text, dialect.separator), line)
    }
    const scanner = new TableScanner(trace, { layout, separator: dialect.separator, weight, rows, slow, line: dialect.skipLines + 1, file: context.file })
    if (!context.lenient && scanner.room) bytes.borrow?.(scanner.room)
    const rest = await scanLines(head.subarray(dialect.skipBytes), input, scanner)
    if (rest) await readQuoted(rest, input, dialect.separator, rows, scanner.line - 1, context.file)
    if (end.isOpen) damaged(trace, context, { problem: 'the last line has no end', line: scanner.line, dropped: 1 })
    describe(trace, layout, rows.weighted)
  },
})

/** Everything up to the last end of a line; says whether something came after it. */
async function* wholeLines(bytes: AsyncIterable<Uint8Array>, end: { isOpen: boolean }): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of bytes) {
    const ends = chunk.lastIndexOf(NEWLINE) + 1
    if (rest.length > LONGEST_LINE) yield rest
    else if (ends === 0) rest = Buffer.concat([rest, chunk])
    if (ends === 0) continue
    yield Buffer.concat([rest, chunk.subarray(0, ends)])
    rest = chunk.subarray(ends)
  }
  end.isOpen = rest.length > 0
}

/** A quoted field: from here on csv-parse reads. */
class QuoteMet extends Error {}

/** Accesses that each row without a weight stands for. */
function periodOf({ options }: FormatContext): number {
  const period = options['period'] === undefined ? 1 : parseCount(options['period'], 'period')
  if (period === 0) throw new UserError('not a period', { field: 'period', expected: '1 or more', got: '0' })
  return period
}

/** Says what this very table lacks and where its times come from. */
function describe(trace: TraceWriter, { roles, timeFactor, timeUnitSource }: TableLayout, isSampled: boolean): void {
  const has = (role: Role) => roles.includes(role)
  const given: [Carried, boolean][] = [
    ['accesses', true],
    ['tasks', has('pid') || has('tid')],
    ['cpus', has('cpu')],
    ['time', has('time')],
  ]
  trace.describe({ carries: given.filter(([, isGiven]) => isGiven).map(([what]) => what), fidelity: isSampled ? 'samples' : 'every access' })
  trace.fact('timeSource', has('time') ? `column in units of ${timeFactor} ns, by ${timeUnitSource}` : 'row number, 1 ns apart')
  if (!has('op'))
    trace.lint({
      code: 'no-operation',
      severity: 'warning',
      message: 'no column says read or write',
      advice: 'All count as reads; name the column with --format-option op=NAME',
    })
}

/** Enough of the file to find header, separator, units and radix. */
async function readHead(input: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let length = 0; length < 1 << 16; ) {
    const next = await input.next()
    if (next.done) break
    parts.push(Buffer.from(next.value))
    length += next.value.length
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** Separator, header and first rows; undefined when there is no header. */
function dialectOf(text: string, options: Record<string, string>): Dialect | undefined {
  const lines = text.slice(0, 1 << 16).split('\n')
  if (lines.length > 1) lines.pop()
  let header = lines.findIndex((line) => line.trim() !== '' && !line.trim().startsWith('#'))
  if (header < 0) return undefined
  const given = options['columns']?.trim().split(/\s+/)
  // numpy.savetxt and others write the header as a comment
  const commented = lines.slice(0, header).findLastIndex((line) => understood(split(line.replace(/^[\uFEFF\s]*#+/, ''), separatorOf(line, options))).place)
  let line = lines[header]!
  if (!given && isNumeric(line) && commented >= 0) {
    header = commented
    line = lines[header]!.replace(/^[\uFEFF\s]*#+/, '')
  } else if (!given && isNumeric(line)) return undefined
  const separator = separatorOf(line, options)
  const skip = given ? header : header + 1
  const sample = lines
    .slice(skip, skip + SAMPLE_ROWS)
    .filter((row) => row.trim() !== '' && !row.trim().startsWith('#'))
    .map((row) => split(row, separator))
  const names = given ?? split(line.replace(/^\uFEFF/, '').trim(), separator)
  return {
    separator,
    names,
    headerLine: given ? 0 : header + 1,
    skipLines: skip,
    skipBytes: Buffer.byteLength(
      lines
        .slice(0, skip)
        .map((row) => `${row}\n`)
        .join(''),
    ),
    sample,
  }
}

/** A first row of values is no header. */
const isNumeric = (line: string): boolean => /^[\uFEFF\s]*[-+]?(0x[0-9a-f]|\d)/i.test(line)

function separatorOf(line: string, options: Record<string, string>): string {
  const given = options['separator']
  if (given !== undefined) {
    const separator = given === 'tab' ? '\t' : given
    if (separator.length !== 1 || /[\w"#.\r\n]/.test(separator))
      throw new UserError('not a separator', { field: 'separator', expected: 'one character, or tab', got: JSON.stringify(given) })
    return separator
  }
  const counts = SEPARATORS.map((separator) => line.split(separator).length)
  return SEPARATORS[counts.indexOf(Math.max(...counts))]!
}

/** Cells of a line; quotes around cells only (quoted separators are left to csv-parse). */
const split = (line: string, separator: string): string[] => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))

/** Scans all lines; answers the bytes from a line with a quote on, if there is one. */
async function scanLines(first: Uint8Array, input: AsyncIterator<Uint8Array>, scanner: TableScanner): Promise<Uint8Array | undefined> {
  let isLast = false
  try {
    scanner.push(first)
    for (let next = await input.next(); !next.done; next = await input.next()) scanner.push(next.value)
    isLast = true
    scanner.end()
    return undefined
  } catch (error) {
    if (!(error instanceof QuoteMet)) throw isLast ? inLastLine(error) : error
    // without the end that the scanner gave the last line
    return isLast ? scanner.unread().subarray(0, -1) : scanner.unread()
  }
}

function newlines(bytes: Uint8Array): number {
  let count = 0
  for (const byte of bytes) if (byte === NEWLINE) count++
  return count
}

/** csv-parse in its fastest form: the 'readable' event and a read() loop. */
async function readQuoted(
  first: Uint8Array,
  input: AsyncIterator<Uint8Array>,
  separator: string,
  rows: TableRows,
  linesBefore: number,
  file: string,
): Promise<void> {
  const parser = parse({
    delimiter: separator,
    comment: '#',
    comment_no_infix: true,
    skip_empty_lines: true,
    trim: true,
    relax_column_count: true,
    info: true,
    max_record_size: LONGEST_LINE,
  })
  const finished = new Promise<void>((resolve, reject) => {
    parser.on('readable', () => {
      try {
        for (let entry = parser.read(); entry !== null; entry = parser.read()) rows.row(entry.record, linesBefore + entry.info.lines)
      } catch (error) {
        parser.destroy(error as Error)
      }
    })
    parser.on('end', resolve)
    parser.on('error', (error: Error & { lines?: number }) => {
      const known = error instanceof UserError || error.lines === undefined
      reject(known ? error : new UserError(error.message.replace(/ at line \d+.*/, ''), { file, line: linesBefore + error.lines! }))
    })
  })
  let ends = newlines(first)
  let isRead = false
  /** The next bytes, counted. */
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await input.next()
    isRead = done === true
    ends += done ? 0 : newlines(value)
    return done ? undefined : value
  }
  const feed = async () => {
    parser.write(first)
    for (let chunk = await next(); chunk !== undefined && !parser.destroyed; chunk = await next()) {
      if (!parser.write(Buffer.from(chunk))) await new Promise((resolve) => parser.once('drain', resolve).once('close', resolve))
    }
    if (!parser.destroyed) parser.end()
  }
  const fed = feed()
  try {
    await Promise.all([finished, fed])
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    await fed.catch(() => {})
    const isOfLast = (): boolean => (error.parts.line ?? 0) > linesBefore + ends
    while (isOfLast() && !isRead) await next()
    throw isOfLast() ? inLastLine(error) : error
  }
}
