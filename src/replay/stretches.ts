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

/** Totals at the last change of what is counted. */
interface Before {
  first: number
  second: number
}

/** By name: columns, equally long. Plain data, of which a thread hands over much less than of rows. */
export type Columns = Record<string, Cell[]>

export class Stretches {
  readonly #ticks: number
  readonly #running: readonly RunningTable[]
  readonly #tables: Record<string, Table>
  readonly #unknown: Record<string, Row>
  /** By table and key. */
  readonly #before: Record<string, Map<RowKey, Before>>
  readonly #ended: () => void
  #left: number

  /** `ended`: called when the rows of a stretch are made. */
  constructor(bins: number, ticksPerBin: number, running: readonly RunningTable[], ended = () => {}) {
    this.#ended = ended
    this.#ticks = ticksPerBin * Math.max(1, Math.ceil(bins / STRETCHES))
    this.#left = this.#ticks
    this.#running = running
    this.#tables = Object.fromEntries(OVER_TIME.map((schema) => [schema.name, new Table(schema)]))
    this.#unknown = Object.fromEntries(OVER_TIME.map((schema) => [schema.name, unknownErrors(schema)]))
    this.#before = Object.fromEntries(running.map(({ name }) => [name, new Map()]))
  }

  tickEnded(endNs: number): void {
    if (--this.#left === 0) this.close(endNs)
  }

  /** Also ends the last stretch, however short. */
  close(endNs: number): void {
    this.#left = this.#ticks
    for (const table of this.#running) {
      const made = this.#grownRows(table, endNs)
      table.errors?.(made)
      for (const row of made) this.#tables[table.name]!.add(row, this.#unknown[table.name])
    }
    this.#ended()
  }

  /** By table. */
  get columns(): Record<string, Columns> {
    return Object.fromEntries(Object.entries(this.#tables).map(([name, { columns }]) => [name, Object.fromEntries(columns)]))
  }

  /** Rows whose totals changed since the stretch before, with what they grew by. A lane has thousands of them: nothing is made for the others. */
  #grownRows(table: RunningTable, endNs: number): Row[] {
    const made: Row[] = []
    const beforeOf = this.#before[table.name]!
    const [one, other] = table.counts
    table.totals((key, first, second = 0) => {
      const before = beforeOf.get(key)
      if (first === (before?.first ?? 0) && second === (before?.second ?? 0)) return
      const row: Row = { ...table.row(key), time_ns: endNs, [one!]: first - (before?.first ?? 0) }
      if (other !== undefined) row[other] = second - (before?.second ?? 0)
      beforeOf.set(key, { first, second })
      made.push(row)
    })
    return made
  }
}
