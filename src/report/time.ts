/**
 * Tables over time, made small enough to draw: neighbouring bins are added up until at most some 200 remain, and times are
 * given in one unit for the whole run, so that one time window means the same in every chart.
 */
import type { Row } from '../columns/index.ts'
import type { RunTables } from './define.ts'

/** As many as a full-width chart can show apart. */
const MOST_BINS = 200

const UNITS: [name: string, ns: number][] = [
  ['h', 3600e9],
  ['min', 60e9],
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
  ['ns', 1],
]

export class TimeGrid {
  /** 's', 'ms', … */
  readonly unit: string
  /** Ends of the bins, ascending, in that unit. */
  readonly ends: number[]
  readonly #unitNs: number
  readonly #binOf: Map<number, number>

  constructor(run: RunTables) {
    const times = [...new Set(run.rows('epochs').map((row) => row['time_ns'] as number))].sort((a, b) => a - b)
    const last = times.at(-1) ?? 0
    const [unit, unitNs] = UNITS.find(([, ns]) => last >= 3 * ns) ?? ['ns', 1]
    this.unit = unit
    this.#unitNs = unitNs
    const merged = Math.max(1, Math.ceil(times.length / MOST_BINS))
    const ends = times.filter((_, i) => (i + 1) % merged === 0 || i === times.length - 1)
    this.ends = ends.map((time) => this.inUnit(time))
    this.#binOf = new Map(times.map((time, i) => [time, Math.floor(i / merged)]))
  }

  /** Axis title. */
  get title(): string {
    return `time (${this.unit})`
  }

  /** A time of the tables in the run's unit. */
  inUnit(ns: number): number {
    return Number((ns / this.#unitNs).toPrecision(9))
  }

  /** `columns` added up per `keys` and bin: rows with the keys, `start` and `time` (end of the bin), and the sums. */
  sum(rows: Row[], keys: readonly string[], columns: readonly string[]): Row[] {
    return this.#merge(rows, keys, columns, (old, added) => old + added)
  }

  /** The state at the end of each bin. */
  last(rows: Row[], keys: readonly string[], columns: readonly string[]): Row[] {
    return this.#merge(rows, keys, columns, (_, newer) => newer)
  }

  #merge(rows: Row[], keys: readonly string[], columns: readonly string[], join: (old: number, added: number) => number): Row[] {
    const merged = new Map<string, Row>()
    for (const row of rows) {
      const bin = this.#binOf.get(row['time_ns'] as number) ?? this.#nearest(row['time_ns'] as number)
      const id = JSON.stringify([bin, ...keys.map((key) => row[key])])
      const old = merged.get(id)
      if (old) for (const column of columns) old[column] = join(old[column] as number, (row[column] as number | null) ?? 0)
      else merged.set(id, { ...pick(row, keys), start: bin === 0 ? 0 : this.ends[bin - 1]!, time: this.ends[bin]!, ...numbers(row, columns) })
    }
    return [...merged.values()]
  }

  /** Tables may have rows between the bins of `epochs`; they belong to the bin that ends next. */
  #nearest(timeNs: number): number {
    const time = this.inUnit(timeNs)
    const index = this.ends.findIndex((end) => end >= time)
    return index === -1 ? this.ends.length - 1 : index
  }
}

/** Older runs lack newer columns: nothing of it was counted. */
const numbers = (row: Row, names: readonly string[]): Row => Object.fromEntries(names.map((name) => [name, row[name] ?? 0]))

const pick = (row: Row, names: readonly string[]): Row => Object.fromEntries(names.map((name) => [name, row[name]!]))

const BARS = '▁▂▃▄▅▆▇█'

/** Eighths of a line high, one letter per value; values outside [low, high] are cut. Missing values leave a gap. */
export function sparkline(values: readonly (number | null)[], low: number, high: number): string {
  const span = high - low || 1
  return values
    .map((value) => (value === null ? ' ' : BARS[Math.min(BARS.length - 1, Math.max(0, Math.floor(((value - low) / span) * BARS.length)))]!))
    .join('')
}

/** Averages of `length` equal stretches of `values`. */
export function shrink(values: readonly number[], length: number): (number | null)[] {
  if (values.length <= length) return [...values]
  return Array.from({ length }, (_, i) => {
    const stretch = values.slice(Math.floor((i * values.length) / length), Math.floor(((i + 1) * values.length) / length))
    return stretch.reduce((a, b) => a + b, 0) / stretch.length
  })
}
