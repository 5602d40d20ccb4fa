/**
 * The tables of a lane that hold the whole run (stack, traffic, latency, failures, vmstat, ping_pong), stretch by stretch: what
 * their running totals grew by. A stretch is some whole bins, so that a time window of a report can add stretches up.
 */
import { type Cell, type Row, Table } from '../columns/index.ts'
import { OVER_TIME, STRETCHES, unknownErrors } from '../results/index.ts'

export type RowKey = number | string

export interface RunningTable {
  name: string
  /** Columns that are running totals, one or two; the others say what is counted. */
  counts: readonly string[]
  /** Tells the totals of each row as they stand now, by a key that it keeps. */
  totals(tell: (key: RowKey, first: number, second?: number) => void): void
  /** The other columns of a row just told. */
  row(key: RowKey): Row
  /** In a sample of pages: adds the sampling error to rows of the stretch that ends. */
  errors?(rows: Row[]): void
}

/** What is counted, with its totals at the last change. */
interface Line {
  first: number
  second: number
  /** By column of the table; time and counts are another in each row. */
  cells: Cell[]
}

/** By name: columns, equally long. Plain data, of which a thread hands over much less than of rows. */
export type Columns = Record<string, Cell[]>

export class Stretches {
  readonly #ticks: number
  readonly #growing: readonly GrowingTable[]
  readonly #ended: () => void
  #left: number

  /** `ended`: called when the rows of a stretch are made. */
  constructor(bins: number, ticksPerBin: number, running: readonly RunningTable[], ended = () => {}) {
    this.#ended = ended
    this.#ticks = ticksPerBin * Math.max(1, Math.ceil(bins / STRETCHES))
    this.#left = this.#ticks
    this.#growing = running.map((table) => new GrowingTable(table))
  }

  tickEnded(endNs: number): void {
    if (--this.#left === 0) this.close(endNs)
  }

  /** Also ends the last stretch, however short. */
  close(endNs: number): void {
    this.#left = this.#ticks
    for (const table of this.#growing) table.close(endNs)
    this.#ended()
  }

  /** By table. */
  get columns(): Record<string, Columns> {
    return Object.fromEntries(this.#growing.map(({ table }) => [table.schema.name, Object.fromEntries(table.columns)]))
  }
}

/** A lane has thousands of rows: each one's cells but the counts are found once, and nothing is made for totals that stay. */
class GrowingTable {
  readonly table: Table
  readonly #running: RunningTable
  readonly #columns: Cell[][]
  readonly #lines = new Map<RowKey, Line>()
  readonly #unknown: Row
  readonly #timeAt: number
  readonly #firstAt: number
  /** -1: there is one count. */
  readonly #secondAt: number

  constructor(running: RunningTable) {
    const schema = OVER_TIME.find(({ name }) => name === running.name)!
    const at = (column: string | undefined) => schema.columns.findIndex(({ name }) => name === column)
    this.table = new Table(schema)
    this.#running = running
    this.#columns = schema.columns.map(({ name }) => this.table.column(name))
    this.#unknown = unknownErrors(schema)
    this.#timeAt = at('time_ns')
    this.#firstAt = at(running.counts[0])
    this.#secondAt = at(running.counts[1])
  }

  /** Appends a row for each total that changed since the stretch before, with what it grew by. */
  close(endNs: number): void {
    const { errors } = this.#running
    const from = this.table.length
    this.#running.totals((key, first, second = 0) => {
      const line = this.#lines.get(key) ?? this.#newLine(key)
      if (first === line.first && second === line.second) return
      line.cells[this.#timeAt] = endNs
      line.cells[this.#firstAt] = first - line.first
      if (this.#secondAt >= 0) line.cells[this.#secondAt] = second - line.second
      line.first = first
      line.second = second
      for (let c = 0; c < this.#columns.length; c++) this.#columns[c]!.push(line.cells[c]!)
    })
    if (errors) this.#setErrors(errors, from)
  }

  #newLine(key: RowKey): Line {
    const { name, columns } = this.table.schema
    const row = this.#running.row(key)
    const cells = columns.map((column, at) => {
      if (at === this.#timeAt || at === this.#firstAt || at === this.#secondAt) return 0
      const cell = column.name in row ? row[column.name] : this.#unknown[column.name]
      if (cell === undefined) throw new Error(`table ${name}: row lacks ${column.name}`)
      return cell
    })
    const line = { first: 0, second: 0, cells }
    this.#lines.set(key, line)
    return line
  }

  #setErrors(errors: (rows: Row[]) => void, from: number): void {
    const rows = Array.from({ length: this.table.length - from }, (_, i) => this.table.row(from + i))
    errors(rows)
    for (const [name, values] of this.table.columns) for (let i = from; i < values.length; i++) values[i] = rows[i - from]![name]!
  }
}
