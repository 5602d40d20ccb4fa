/**
 * Tables over time, made small enough to draw: neighbouring bins are added up until at most some 200 remain, and times are
 * given in one unit for the whole run, so that one time window means the same in every chart.
 */
import type { Row } from '../columns/index.ts'
import { STRETCHES } from '../results/index.ts'
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
  /** Ends of the stretches of the tables `…_over_time`, in the unit. */
  readonly #stretchEnds: number[]

  constructor(run: RunTables) {
    const times = [...new Set(run.rows('epochs').map((row) => row['time_ns'] as number))].sort((a, b) => a - b)
    const last = times.at(-1) ?? 0
    const [unit, unitNs] = UNITS.find(([, ns]) => last >= 3 * ns) ?? ['ns', 1]
    this.unit = unit
    this.#unitNs = unitNs
    const merged = Math.max(1, Math.ceil(times.length / MOST_BINS))
    const ends = times.filter((_, i) => (i + 1) % merged === 0 || i === times.length - 1)
    this.ends = ends.map((time) => this.inUnit(time))
    const perStretch = Math.ceil(times.length / STRETCHES)
    this.#stretchEnds = times.filter((_, i) => (i + 1) % perStretch === 0 || i === times.length - 1).map((time) => this.inUnit(time))
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
    return this.#merge(rows, keys, columns, this.ends, add)
  }

  /** The state at the end of each bin. */
  last(rows: Row[], keys: readonly string[], columns: readonly string[]): Row[] {
    return this.#merge(rows, keys, columns, this.ends, (_, newer) => newer)
  }

  /**
   * A table of the whole run by stretches of time (`NAME_over_time`), so that a time window can add them up; neighbours are
   * joined until at most `most` rows remain. Of a run that has no such table: the whole run, without times.
   */
  stretches(run: RunTables, name: string, keys: readonly string[], columns: readonly string[], most = Number.POSITIVE_INFINITY): Row[] {
    const table = `${name}_over_time`
    if (!run.tables.includes(table)) return this.#merge(run.rows(name), keys, columns, null, add)
    return this.inStretches(run.rows(table), keys, columns, most)
  }

  /** Rows over time by the same stretches. */
  inStretches(rows: Row[], keys: readonly string[], columns: readonly string[], most = Number.POSITIVE_INFINITY): Row[] {
    for (let ends = this.#stretchEnds; ; ends = ends.filter((_, i) => i % 2 === 1 || i === ends.length - 1)) {
      const merged = this.#merge(rows, keys, columns, ends, add)
      if (merged.length <= most || ends.length <= 1) return merged
    }
  }

  /** Per `keys` and the part of time that ends at one of `ends`; null = all of it, without times. */
  #merge(
    rows: Row[],
    keys: readonly string[],
    columns: readonly string[],
    ends: readonly number[] | null,
    join: (old: number, newer: number) => number,
  ): Row[] {
    const merged = new Map<string, Row>()
    const partOf = ends === null ? () => null : partFinder(ends, (ns) => this.inUnit(ns))
    for (const row of rows) {
      const part = partOf(row['time_ns'] as number)
      const id = JSON.stringify([part, ...keys.map((key) => row[key])])
      const old = merged.get(id)
      if (old) for (const column of columns) old[column] = join(old[column] as number, (row[column] as number | null) ?? 0)
      else {
        const when: Row = part === null ? {} : { start: part === 0 ? 0 : ends![part - 1]!, time: ends![part]! }
        merged.set(id, { ...pick(row, keys), ...when, ...numbers(row, columns) })
      }
    }
    return [...merged.values()]
  }
}

const add = (old: number, added: number): number => old + added

/** The part that a time lies in: the first that ends then or later, the last one for what comes after it. */
function partFinder(ends: readonly number[], inUnit: (ns: number) => number): (timeNs: number) => number {
  const known = new Map<number, number>()
  return (timeNs) => {
    let part = known.get(timeNs)
    if (part === undefined) {
      const time = inUnit(timeNs)
      const found = ends.findIndex((end) => end >= time)
      part = found === -1 ? ends.length - 1 : found
      known.set(timeNs, part)
    }
    return part
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
