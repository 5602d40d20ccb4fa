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
  readonly #before = new Map<string, number[]>()
  readonly #ended: () => void
  #left: number

  /** `ended`: called when the rows of a stretch are made. */
  constructor(bins: number, ticksPerBin: number, running: readonly RunningTable[], ended = () => {}) {
    this.#ended = ended
    this.#ticks = ticksPerBin * Math.max(1, Math.ceil(bins / STRETCHES))
    this.#left = this.#ticks
    this.#running = running
    this.rows = Object.fromEntries(running.map(({ name }) => [name, []]))
  }

  tickEnded(endNs: number): void {
    if (--this.#left === 0) this.close(endNs)
  }

  /** Also ends the last stretch, however short. */
  close(endNs: number): void {
    this.#left = this.#ticks
    for (const { name, counts, rows, errors } of this.#running) {
      const made: Row[] = []
      for (const row of rows()) {
        const { lane, ...what } = row
        const totals = counts.map((count) => what[count] as number)
        for (const count of counts) delete what[count]
        const key = `${name} ${Object.values(what).join(' ')}`
        const before = this.#before.get(key)
        const grown = totals.map((total, i) => total - (before?.[i] ?? 0))
        if (grown.every((value) => value === 0)) continue
        this.#before.set(key, totals)
        made.push({ lane: lane!, time_ns: endNs, ...what, ...Object.fromEntries(counts.map((count, i) => [count, grown[i]!])) })
      }
      errors?.(made)
      for (const row of made) this.rows[name]!.push(row)
    }
    this.#ended()
  }
}
