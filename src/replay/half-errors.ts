/**
 * What halves of a sample (half-samples.ts) tell of the rows of a lane: rows of the same keys are the same figure, and what the halves
 * differ by beyond sampling is the policy's doing. Of a figure whose pages nobody knows, all that they differ by counts. A row
 * that a half lacks counts as 0 there. Of the halves sums are kept, not rows: two numbers per figure, however many there are.
 */
import { type Cell, type Row, Table, type TableSchema } from '../columns/index.ts'
import {
  EPOCHS,
  FAILURES,
  isError,
  LATENCY,
  LATENCY_OVER_TIME,
  MOVES,
  NODES,
  OVER_TIME,
  PING_PONG,
  RESIDENCY,
  STACK,
  STACK_OVER_TIME,
  TRAFFIC,
  TRAFFIC_OVER_TIME,
  VMSTAT,
} from '../results/index.ts'
import type { LaneResult } from './lane-result.ts'
import { policyWidth95 } from './sample-error.ts'
import type { Columns } from './stretches.ts'

/** Tables of a lane, with the columns that say what is counted. */
const KEYS: Record<string, readonly string[]> = {
  epochs: ['time_ns'],
  nodes: ['time_ns', 'node'],
  vmstat: ['node', 'counter'],
  failures: ['reason', 'errno', 'stage'],
  traffic: ['from_node', 'to_node'],
  latency: ['latency_ns'],
  stack: ['component'],
  moves: ['time_ns', 'reason', 'from_node', 'to_node'],
  ping_pong: ['returns'],
  residency: ['recorded_node', 'node'],
}
const TABLES = { epochs: EPOCHS, nodes: NODES, vmstat: VMSTAT, failures: FAILURES, traffic: TRAFFIC, latency: LATENCY, stack: STACK, moves: MOVES, ping_pong: PING_PONG, residency: RESIDENCY } // biome-ignore format: one thought
const keysOf = ({ name }: TableSchema): readonly string[] => (name in KEYS ? KEYS[name]! : ['time_ns', ...KEYS[name.replace('_over_time', '')]!])

/** Of one lane, over all halves. */
export class HalfErrors {
  readonly #spreads: { of: (lane: LaneResult) => Row[]; spread: Spread; errors: Errors }[]

  constructor(lane: LaneResult) {
    const tables = Object.entries(TABLES).map(([name, schema]) => {
      const of = (one: LaneResult) => one.rows[name as keyof typeof TABLES]
      return { of, spread: new Spread(schema, of(lane)), errors: ofRows(of(lane)) }
    })
    const overTime = OVER_TIME.map((schema: TableSchema) => {
      const of = ({ overTime }: LaneResult) => (overTime ? new Table(schema, new Map(Object.entries(overTime[schema.name]!))).rows() : [])
      return { of, spread: new Spread(schema, of(lane)), errors: ofColumns(lane.overTime?.[schema.name] ?? {}) }
    })
    this.#spreads = [...tables, ...overTime]
  }

  add(half: LaneResult): void {
    for (const { of, spread } of this.#spreads) spread.add(of(half))
  }

  /** Adds what the halves differ by to the columns of the lane's tables. */
  apply(): void {
    for (const { spread, errors } of this.#spreads) spread.apply(errors)
  }
}

/** The errors of a table, where they are kept: by row and column. */
interface Errors {
  get(row: number, name: string): Cell | undefined
  set(row: number, name: string, error: number): void
}

const ofRows = (rows: Row[]): Errors => ({
  get: (row, name) => rows[row]![name],
  set: (row, name, error) => {
    rows[row]![name] = error
  },
})

const ofColumns = (columns: Columns): Errors => ({
  get: (row, name) => columns[name]![row],
  set: (row, name, error) => {
    columns[name]![row] = error
  },
})

class Spread {
  readonly #schema: TableSchema
  readonly #rows: Row[]
  readonly #own: Figures
  /** Columns with an error. */
  readonly #names: string[]
  readonly #places = new Map<string, number>()
  /** By row and column: sum and squares of the halves' figures less the lane's, and how many there were. */
  readonly #sums: Float64Array
  readonly #squares: Float64Array
  readonly #counts: Uint8Array

  constructor(schema: TableSchema, rows: Row[]) {
    this.#schema = schema
    this.#rows = rows
    this.#own = figuresOf(schema, rows)
    this.#names = schema.columns.filter(({ name }) => isError(name)).map(({ name }) => name.replace(/_ci95$/, ''))
    for (const [i, row] of rows.entries()) this.#places.set(this.#key(row), i)
    const cells = rows.length * this.#names.length
    this.#sums = new Float64Array(cells)
    this.#squares = new Float64Array(cells)
    this.#counts = new Uint8Array(cells)
  }

  #key(row: Row): string {
    return keysOf(this.#schema)
      .map((name) => row[name])
      .join(' ')
  }

  add(rows: Row[]): void {
    const halfOf = new Array<number>(this.#rows.length).fill(-1)
    rows.forEach((row, i) => {
      const place = this.#places.get(this.#key(row))
      if (place !== undefined) halfOf[place] = i
    })
    const half = figuresOf(this.#schema, rows)
    for (let row = 0; row < this.#rows.length; row++) {
      this.#names.forEach((name, column) => {
        const own = this.#own(name, row)
        const other = halfOf[row] === -1 ? half.without(name, this.#rows[row]!) : half(name, halfOf[row]!)
        if (own === null || other === null) return
        const cell = row * this.#names.length + column
        this.#sums[cell]! += other - own
        this.#squares[cell]! += (other - own) ** 2
        this.#counts[cell]!++
      })
    }
  }

  apply(errors: Errors): void {
    this.#rows.forEach((_, i) => {
      this.#names.forEach((name, column) => {
        const cell = i * this.#names.length + column
        const n = this.#counts[cell]!
        if (n < 2) return
        const variance = Math.max(0, (this.#squares[cell]! - this.#sums[cell]! ** 2 / n) / (n - 1))
        const ofSampling = (errors.get(i, `${name}_ci95`) as number | null | undefined) ?? 0
        errors.set(i, `${name}_ci95`, Math.hypot(ofSampling, policyWidth95(variance, n, ofSampling)))
      })
    })
  }
}

/** The figure of a column in a row of the table; `without`: what it is for a row that the table lacks. */
interface Figures {
  (name: string, row: number): number | null
  without(name: string, row: Row): number | null
}

function figuresOf(schema: TableSchema, rows: Row[]): Figures {
  const isPlain = (name: string) => schema.columns.some((column) => column.name === name)
  const derived = DERIVED[schema.name]?.(rows)
  const figures = (name: string, row: number) => (isPlain(name) ? (rows[row]![name] as number | null) : derived!(name, rows[row]!))
  return Object.assign(figures, { without: (name: string, row: Row) => (isPlain(name) ? 0 : (derived!(name, row, true) ?? null)) })
}

type Derived = (name: string, row: Row, isMissing?: boolean) => number | null
const quotient = (value: unknown, over: number): number | null => (over > 0 ? (value as number) / over : null)

/** Figures that have an error but no column: quotients. */
const DERIVED: Record<string, (rows: Row[]) => Derived> = {
  [EPOCHS.name]: (rows) => {
    const soFar = new Map<Row, number>()
    let sum = 0
    for (const row of rows) {
      sum += row['migrated'] as number
      soFar.set(row, sum)
    }
    return (name, row, isMissing) => {
      if (isMissing) return null
      if (name === 'migrated_so_far') return soFar.get(row)!
      return quotient(row[name === 'local_share' ? 'local' : 'memory_stall_ns'], (row['local'] as number) + (row['remote'] as number))
    }
  },
  [TRAFFIC.name]: trafficShares,
  [TRAFFIC_OVER_TIME.name]: trafficShares,
  [RESIDENCY.name]: sharesOf('pages'),
  [STACK.name]: sharesOf('ns'),
  [STACK_OVER_TIME.name]: sharesOf('ns'),
  [LATENCY.name]: sharesUpTo,
  [LATENCY_OVER_TIME.name]: sharesUpTo,
}

const timeOf = (row: Row): unknown => row['time_ns'] ?? null

function trafficShares(rows: Row[]): Derived {
  const totals = new Map<unknown, number>()
  const accesses = (row: Row): number => (row['reads'] as number) + (row['writes'] as number)
  for (const row of rows) totals.set(timeOf(row), (totals.get(timeOf(row)) ?? 0) + accesses(row))
  return (_, row, isMissing) => (isMissing ? 0 : quotient(accesses(row), totals.get(timeOf(row))!))
}

/** Of the rows of the table, or of the same stretch. */
function sharesOf(column: string): (rows: Row[]) => Derived {
  return (rows) => {
    const totals = new Map<unknown, number>()
    for (const row of rows) totals.set(timeOf(row), (totals.get(timeOf(row)) ?? 0) + (row[column] as number))
    return (_, row, isMissing) => (isMissing ? 0 : quotient(row[column], totals.get(timeOf(row))!))
  }
}

/** Steps of the distribution: of a class that a half lacks it is that of the next lower one. */
function sharesUpTo(rows: Row[]): Derived {
  const byTime = new Map<unknown, { edges: number[]; below: number[] }>()
  for (const row of rows) {
    const steps = byTime.get(timeOf(row)) ?? { edges: [], below: [] }
    byTime.set(timeOf(row), steps)
    steps.edges.push(row['latency_ns'] as number)
    steps.below.push((steps.below.at(-1) ?? 0) + (row['accesses'] as number))
  }
  return (_, row) => {
    const steps = byTime.get(timeOf(row))
    if (steps === undefined) return null
    let at = -1
    for (let low = 0, high = steps.edges.length; low < high; ) {
      const middle = (low + high) >> 1
      if (steps.edges[middle]! <= (row['latency_ns'] as number)) {
        at = middle
        low = middle + 1
      } else high = middle
    }
    return quotient(at === -1 ? 0 : steps.below[at], steps.below.at(-1)!)
  }
}
