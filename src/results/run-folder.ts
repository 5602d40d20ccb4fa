/**
 * A run folder: run.json (what was run) and one Parquet file per table (what came out). It appears complete or not at all:
 * everything is written to a folder beside it, which is then renamed.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Row, Table } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import * as z from '../schema.ts'
import { parquetToTable, tableToParquet } from './parquet.ts'
import { RUN_SCHEMA, type RunRecord } from './schema.ts'

const RECORD_FILE = 'run.json'
const TABLE_FILE = /^[a-z][a-z0-9_-]*\.parquet$/
/** What a run folder may hold; a folder with anything else in it is never replaced. */
const isRunFile = (file: string): boolean => file === RECORD_FILE || file === 'report.html' || TABLE_FILE.test(file)

/** A run, opened for reading. Reports and notebooks see nothing else of it. */
export interface Run {
  /** Where it lies; undefined for a run that was not written. */
  readonly folder?: string
  readonly record: RunRecord
  /** Names of its tables, ascending. */
  readonly tables: readonly string[]
  /** Columns, with their units and meanings. */
  table(name: string): Table
  /** The same, row by row in stored order. */
  rows(name: string): Row[]
}

/** A run in memory, as the engine hands it over or as `openRun` read it. */
export function runOf(record: RunRecord, tables: Iterable<Table>, folder?: string): Run {
  const byName = new Map([...tables].map((table) => [table.schema.name, table]))
  const table = (name: string): Table => {
    const found = byName.get(name)
    if (!found) throw new UserError(`the run has no table ${JSON.stringify(name)}`, { file: folder, expected: [...byName.keys()].sort().join(', ') })
    return found
  }
  return { folder, record, tables: [...byName.keys()].sort(), table, rows: (name) => table(name).rows() }
}

/** Writes a run folder, replacing an older run of the same name and nothing else. */
export async function writeRun(folder: string, record: RunRecord, tables: Iterable<Table>): Promise<void> {
  checkReplaceable(folder)
  const target = resolve(folder)
  const temporary = join(dirname(target), `.${basename(target)}.tmp-${process.pid}`)
  const older = join(dirname(target), `.${basename(target)}.old-${process.pid}`)
  try {
    mkdirSync(temporary, { recursive: true })
    try {
      for (const table of tables) writeFileSync(join(temporary, `${table.schema.name}.parquet`), await tableToParquet(table))
      writeFileSync(join(temporary, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`)
      checkReplaceable(folder)
      if (existsSync(target)) renameSync(target, older)
      renameSync(temporary, target)
    } finally {
      for (const leftover of [temporary, older]) rmSync(leftover, { recursive: true, force: true })
    }
  } catch (error) {
    // No space, no permission, a file in the way; a table that breaks its schema is a bug and stays one
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw new UserError(`cannot be written: ${(error as Error).message}`, { file: folder })
  }
}

/** Throws unless a run may be written here: nothing there yet, an empty folder, or an older run. */
export function checkReplaceable(folder: string): void {
  if (!existsSync(folder)) return
  const isFolder = lstatSync(folder).isDirectory()
  const files = isFolder ? readdirSync(folder) : []
  const foreign = files.find((file) => !isRunFile(file))
  if (isFolder && (files.length === 0 || (files.includes(RECORD_FILE) && foreign === undefined))) return
  throw new UserError('exists and is not a run folder: it is left as it is', {
    file: folder,
    expected: 'a new name, an empty folder or an older run folder',
    got: isFolder ? `a folder ${foreign === undefined ? `without ${RECORD_FILE}` : `with ${foreign}`}` : 'a file',
  })
}

export async function openRun(folder: string): Promise<Run> {
  const record = readRecord(folder)
  const tables: Table[] = []
  for (const file of readdirSync(folder).sort()) {
    if (!TABLE_FILE.test(file)) continue
    try {
      tables.push(await parquetToTable(readFileSync(join(folder, file))))
    } catch (error) {
      throw new UserError(`not a table of a run folder: ${(error as Error).message}`, {
        file: join(folder, file),
        hint: 'The file is damaged or was written by another program; replay again to get a whole run folder',
      })
    }
  }
  return runOf(record, tables, folder)
}

/** What reports rely on; further fields pass through. */
const RECORD = z.looseObject({
  schema: z.literal(RUN_SCHEMA),
  version: z.string(),
  createdAt: z.string(),
  command: z.array(z.string()),
  trace: z.looseObject({
    file: z.string(),
    digest: z.string(),
    accesses: z.number(),
    pages: z.number(),
    fidelity: z.string(),
    filtered: z.union([z.literal(false), z.string()]),
    pageSize: z.number(),
    timeFirstNs: z.number(),
    timeLastNs: z.number(),
  }),
  machine: z.looseObject({ name: z.string(), nodes: z.array(z.looseObject({ id: z.number(), tier: z.number() })), latencySource: z.string() }),
  seed: z.number(),
  epochNs: z.number(),
  baseline: z.string(),
  warnings: z.array(z.string()),
  lanes: z.array(z.looseObject({ label: z.string(), policy: z.string(), status: z.string() })),
})

function readRecord(folder: string): RunRecord {
  const file = join(folder, RECORD_FILE)
  if (!existsSync(file)) {
    const got = existsSync(folder) ? `no ${RECORD_FILE} in it` : 'nothing of that name'
    throw new UserError('not a run folder', { file: folder, expected: 'a folder that numareplay replay -o wrote', got })
  }
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UserError(`not JSON: ${(error as Error).message}`, { file })
  }
  const checked = RECORD.safeParse(content)
  if (checked.success) return checked.data as unknown as RunRecord
  const { path, message } = checked.error.issues[0]!
  if (path.join('.') === 'schema') {
    const got = JSON.stringify((content as { schema?: unknown } | null)?.schema)
    throw new UserError('a run folder of another version', { file, field: 'schema', expected: JSON.stringify(RUN_SCHEMA), got, hint: 'Replay the trace again' })
  }
  throw new UserError(message, { file, field: path.join('.') })
}
