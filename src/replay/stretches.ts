/**
 * The tables of a lane that hold the whole run (stack, traffic, latency, failures, vmstat, ping_pong), stretch by stretch: what
 * their running totals grew by. A stretch is some whole bins, so that a time window of a report can add stretches up.
 */
import type { Row } from '../columns/index.ts'
import { STRETCHES } from '../results/index.ts'

export interface RunningTable {
  name: string
  /** Columns that are running totals; the others say what is counted. */
  counts: readonly string[]
  /** Its rows as they stand now. */
  rows(): Row[]
  /** In a sample of pages: adds the sampling error to rows of the stretch that ends. */
  errors?(rows: Row[]): void
}

export class Stretches {
  readonly rows: Record<string, Row[]>
  readonly #ticks: number
  readonly #running: readonly RunningTable[]
  /** By table: totals at the last change of what is counted. */
  readonly #before: Record<string, Map<string, number[]>>
  readonly #ended: () => void
  #left: number

  /** `ended`: called when the rows of a stretch are made. */
  constructor(bins: number, ticksPerBin: number, running: readonly RunningTable[], ended = () => {}) {
    this.#ended = ended
    this.#ticks = ticksPerBin * Math.max(1, Math.ceil(bins / STRETCHES))
    this.#left = this.#ticks
    this.#running = running
    this.rows = Object.fromEntries(running.map(({ name }) => [name, []]))
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
      for (const row of made) this.rows[table.name]!.push(row)
    }
    this.#ended()
  }
  /** Rows whose totals changed since the stretch before, with what they grew by. A lane has thousands of them: nothing is made for the others. */
  #grownRows({ name, counts, rows }: RunningTable, endNs: number): Row[] {
    const made: Row[] = []
    const beforeOf = this.#before[name]!
    for (const row of rows()) {
      let key = ''
      for (const column in row) if (!counts.includes(column)) key += `${row[column]} `
      const before = beforeOf.get(key)
      if (counts.every((count, i) => row[count] === (before?.[i] ?? 0))) continue
      const grown: Row = { lane: row.lane!, time_ns: endNs }
      for (const column in row) if (!counts.includes(column)) grown[column] = row[column]!
      const totals = counts.map((count) => row[count] as number)
      counts.forEach((count, i) => {
        grown[count] = totals[i]! - (before?.[i] ?? 0)
      })
      beforeOf.set(key, totals)
      made.push(grown)
    }
    return made
  }
}
