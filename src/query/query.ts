/**
 * SQL over run folders, sweep stores and gathered data sets, on the embedded DuckDB. Tables of all inputs are stacked, with a
 * column `run` that says which input a row comes from. They are copied into memory first and the door is then closed: the
 * statement itself can reach no file and no network.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type Cell, Table } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { openRun, type RunRecord, TABLES, tableToParquet } from '../results/index.ts'
import { openStore } from '../sweep/index.ts'

export interface QueryResult {
  columns: { name: string; type: string }[]
  rows: Cell[][]
}

/** A Parquet file, or files by pattern, whose rows belong to a table. */
interface Source {
  table: string
  run: string
  files: string
}

export async function query(inputs: readonly string[], sql: string): Promise<QueryResult> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const database = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' })
  const connection = await database.connect()
  const scratch = mkdtempSync(join(tmpdir(), 'numareplay-query-'))
  try {
    await load(connection, await sourcesOf(inputs, scratch, sql))
    await connection.run('set enable_external_access = false; set lock_configuration = true')
    return await ask(connection, sql)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    connection.closeSync()
    database.closeSync()
  }
}

async function ask(connection: DuckDBConnection, sql: string): Promise<QueryResult> {
  try {
    const reader = await connection.runAndReadAll(sql)
    const types = reader.columnTypes()
    const columns = reader.deduplicatedColumnNames().map((name, i) => ({ name, type: String(types[i]) }))
    return { columns, rows: reader.getRowsJson().map((row) => row.map((value, i) => cellOf(value, columns[i]!.type))) }
  } catch (error) {
    throw new UserError(oneLine((error as Error).message), { field: 'sql' })
  }
}

/** DuckDB hands integers of 64 bits and more over as text; sums of counts are below 2^53. */
function cellOf(value: unknown, type: string): Cell {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value !== 'string') return JSON.stringify(value)
  const isInteger = /^U?(BIG|HUGE)INT$/.test(type)
  return isInteger && Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** The sentences of DuckDB's message; the drawing of the place below them is left out. */
const oneLine = (message: string): string => message.split(/\n\s*LINE \d+:/)[0]!.split('\n').map((line) => line.trim()).filter(Boolean).join(' ') // biome-ignore format: one thought

async function load(connection: DuckDBConnection, sources: Source[]): Promise<void> {
  for (const table of new Set(sources.map((source) => source.table))) {
    const parts = sources
      .filter((source) => source.table === table)
      .map(({ run, files }) => `select ${quoted(run)} as run, * from read_parquet(${quoted(files)})`)
    try {
      await connection.run(`create table "${table}" as ${parts.join(' union all by name ')}`)
    } catch (error) {
      throw new UserError(`table ${table} cannot be read: ${oneLine((error as Error).message)}`)
    }
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Only tables that the statement names are read; all of them when it names none (`show tables`). */
async function sourcesOf(inputs: readonly string[], scratch: string, sql: string): Promise<Source[]> {
  const known = ['runs', 'points', ...TABLES.map(({ name }) => name)]
  const words = new Set(sql.toLowerCase().match(/\w+/g))
  const named = known.filter((table) => words.has(table))
  const wanted = new Set(named.length > 0 ? named : known)
  const scratchFile = async (table: Table): Promise<string> => {
    const file = join(scratch, `${readdirSync(scratch).length}.parquet`)
    writeFileSync(file, await tableToParquet(table))
    return file
  }
  const all: Source[] = []
  for (const input of inputs) {
    const kind = kindOf(input)
    if (kind === 'run') all.push(...(await runSources(input, wanted, scratchFile)))
    else if (kind === 'store') all.push(...(await storeSources(input, wanted, scratchFile)))
    else all.push(...dataSetSources(input, wanted))
  }
  return all
}

function kindOf(input: string): 'run' | 'store' | 'data set' {
  if (existsSync(join(input, 'run.json'))) return 'run'
  if (existsSync(join(input, 'store.json'))) return 'store'
  if (existsSync(join(input, 'dataset.json'))) return 'data set'
  throw new UserError('nothing to query', {
    file: input,
    expected: 'a run folder, a sweep store or a gathered data set',
    got: existsSync(input) ? 'something else' : 'nothing of that name',
  })
}

type ToFile = (table: Table) => Promise<string>

async function runSources(folder: string, wanted: Set<string>, toFile: ToFile): Promise<Source[]> {
  const sources: Source[] = []
  if (wanted.has('runs')) sources.push({ table: 'runs', run: folder, files: await toFile(runsTable((await openRun(folder)).record)) })
  for (const table of wanted) {
    const files = join(folder, `${table}.parquet`)
    if (existsSync(files)) sources.push({ table, run: folder, files: literal(files) })
  }
  return sources
}

/** Points of a store are read comparison by comparison; `run` names the store and what the comparison is of. */
async function storeSources(folder: string, wanted: Set<string>, toFile: ToFile): Promise<Source[]> {
  const opened = openStore(folder)
  const sources: Source[] = []
  const ofLanes = [...wanted].filter((table) => table !== 'points')
  for (const plan of opened.plans) {
    if (wanted.has('points')) sources.push({ table: 'points', run: folder, files: await toFile(await opened.points(plan.name)) })
    if (ofLanes.length === 0) continue
    for (const scenario of opened.scenarios(plan.name)) {
      const run = await opened.run(scenario)
      if (run === undefined) continue
      const name = `${folder} ${plan.name} ${scenario.label}`
      if (wanted.has('runs')) sources.push({ table: 'runs', run: name, files: await toFile(runsTable(run.record)) })
      for (const table of ofLanes.filter((one) => run.tables.includes(one))) sources.push({ table, run: name, files: await toFile(run.table(table)) })
    }
  }
  return sources
}

function dataSetSources(folder: string, wanted: Set<string>): Source[] {
  const { rows } = JSON.parse(readFileSync(join(folder, 'dataset.json'), 'utf8')) as { rows: Record<string, number> }
  const tables = ['points', ...Object.keys(rows)].filter((table) => wanted.has(table))
  return tables.map((table) => ({ table, run: folder, files: literal(join(folder, table)) + (table === 'points' ? '.parquet' : '/*.parquet') }))
}

/** A path in which nothing is a pattern. */
const literal = (path: string): string => path.replaceAll(/[*?[\]]/g, (letter) => `[${letter}]`)

const text = (name: string) => ({ name, type: 'string', unit: '', about: '' }) as const

/** What was run, one row a run. */
function runsTable({ trace, machine, seed, epochNs, pace, baseline, command, version }: RunRecord): Table {
  const columns = [
    text('trace'),
    text('trace_digest'),
    text('machine'),
    { name: 'seed', type: 'int', unit: '', about: '' } as const,
    { name: 'epoch_ns', type: 'int', unit: 'ns', about: '' } as const,
    { name: 'pace', type: 'float', unit: '', about: '' } as const,
    text('baseline'),
    text('command'),
    text('version'),
  ]
  const table = new Table({ name: 'runs', about: 'One row per run', columns })
  table.add({
    trace: trace.file,
    trace_digest: trace.digest,
    machine: machine.name,
    seed,
    epoch_ns: epochNs,
    pace,
    baseline,
    command: command.join(' '),
    version,
  })
  return table
}
