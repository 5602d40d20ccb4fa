/**
 * A store as one Parquet data set: `points.parquet` (one row per point, with all axes) and a folder per table of a run with
 * part files, whose rows carry the point's key. Read it with `read_parquet('DATASET/epochs/*.parquet')`, pandas or Arrow.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type Row, Table } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { OVER_TIME, TABLES, tableToParquet, unknownErrors } from '../results/index.ts'
import { openStore } from './scenario.ts'
import { diskError } from './store.ts'

/** Rows of one part file: what has to be in memory at one time. */
const ROWS_PER_PART = 200_000
const DATASET = 'dataset.json'
export const DATASET_SCHEMA = 'numareplay/dataset/1'

/** What points hold beside their summary: tables of lanes that every point has. */
const GATHERED = TABLES.filter(
  ({ name, columns }) => name !== 'summary' && !OVER_TIME.some((table) => table.name === name) && columns.some((column) => column.name === 'lane'),
)

export interface Gathered {
  folder: string
  points: number
  missing: number
  rows: Record<string, number>
}

/** Writes `output` whole or not at all; replaces an older data set and nothing else. */
export async function gather(storeFolder: string, output: string, planName?: string): Promise<Gathered> {
  checkReplaceable(output)
  const opened = openStore(storeFolder)
  const plan = opened.store.plan(planName)
  const target = resolve(output)
  const temporary = join(dirname(target), `.${basename(target)}.tmp-${process.pid}`)
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  try {
    const rows: Record<string, number> = {}
    const points = await opened.points(plan.name)
    writeFileSync(join(temporary, 'points.parquet'), await tableToParquet(points))
    const parts = GATHERED.map((schema) => new PartWriter(temporary, schema))
    for (const { key } of plan.points) {
      if (!opened.store.has(key)) continue
      const { lane } = await opened.store.point(key)
      for (const part of parts) await part.add(key, lane.rows[part.name as keyof typeof lane.rows])
    }
    for (const part of parts) rows[part.name] = await part.finish()
    const document = { schema: DATASET_SCHEMA, plan: plan.name, points: points.length, missing: plan.points.length - points.length, rows }
    writeFileSync(join(temporary, DATASET), `${JSON.stringify(document, null, 2)}\n`)
    rmSync(target, { recursive: true, force: true })
    renameSync(temporary, target)
    return { folder: output, points: points.length, missing: document.missing, rows }
  } catch (error) {
    throw diskError(error, output)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

class PartWriter {
  readonly name: string
  readonly #folder: string
  readonly #schema: Table['schema']
  readonly #unknown: Row
  #table: Table
  #parts = 0
  #rows = 0

  constructor(folder: string, { name, about, columns }: Table['schema']) {
    this.name = name
    this.#folder = join(folder, name)
    const point = { name: 'point', type: 'string', unit: '', about: 'key of the point: join with points.parquet' } as const
    this.#schema = { name, about, columns: [point, ...columns.filter((column) => column.name !== 'lane')] }
    this.#unknown = unknownErrors(this.#schema)
    this.#table = new Table(this.#schema)
  }

  async add(point: string, rows: Row[]): Promise<void> {
    for (const { lane: _, ...row } of rows) this.#table.add({ point, ...row }, this.#unknown)
    if (this.#table.length >= ROWS_PER_PART) await this.#flush()
  }

  /** At least one part, so that every table is there with its columns. */
  async finish(): Promise<number> {
    if (this.#table.length > 0 || this.#parts === 0) await this.#flush()
    return this.#rows
  }

  async #flush(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true })
    writeFileSync(join(this.#folder, `part-${String(this.#parts++).padStart(5, '0')}.parquet`), await tableToParquet(this.#table))
    this.#rows += this.#table.length
    this.#table = new Table(this.#schema)
  }
}

function checkReplaceable(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, DATASET)) || readdirSync(folder).length === 0) return
  throw new UserError('exists and is not a data set: it is left as it is', { file: folder, expected: 'a new name, an empty folder or an older data set' })
}
