import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Table, type TableSchema } from '../../src/columns/index.ts'
import { openRun, RUN_SCHEMA, type RunRecord, TRAFFIC, writeRun } from '../../src/results/index.ts'

const scratch = mkdtempSync(join(tmpdir(), 'run-folder-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const record: RunRecord = {
  schema: RUN_SCHEMA,
  version: '0.0.0',
  createdAt: '2026-01-01T00:00:00.000Z',
  command: ['replay', 'a.csv'],
  trace: {
    file: 'a.csv',
    digest: 'sha256:0',
    format: 'csv',
    accesses: 10,
    pages: 2,
    tasks: 1,
    fidelity: 'every access',
    filtered: false,
    pageSize: 4096,
    timeFirstNs: 0,
    timeLastNs: 9,
  },
  machine: { name: 'toy', nodes: [{ id: 0, cpus: 1, bytes: 1 << 20, tier: 0, kind: 'DRAM' }], latencySource: 'measured', definition: {} },
  seed: 1,
  epochNs: 10,
  pace: 1,
  cpuMap: [],
  baseline: 'first-touch',
  warnings: [],
  lanes: [{ label: 'first-touch', policy: 'first-touch', params: {}, status: 'ok' }],
}

const FAILURES: TableSchema = {
  name: 'failures',
  about: 'A table of texts and counts',
  columns: [
    ...['lane', 'reason', 'errno', 'stage'].map((name) => ({ name, type: 'string' as const, unit: '', about: `the ${name}` })),
    { name: 'pages', type: 'int', unit: 'pages', about: 'base pages' },
  ],
}

function failures(rows: [string, string, string, string, number | null][]): Table {
  const table = new Table(FAILURES)
  for (const [lane, reason, errno, stage, pages] of rows) table.add({ lane, reason, errno, stage, pages })
  return table
}

const files = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file)).toString('hex')]))

describe('run folder', () => {
  test('gives back what was written: values, nulls, order, units', async () => {
    const folder = join(scratch, 'round-trip')
    const rows: [string, string, string, string, number | null][] = [
      ['b', 'syscall', 'EBUSY', 'unmap', 2 ** 53 - 1],
      ['a "quoted", ünï\n', 'compaction', 'ENOMEM', 'allocate', null],
    ]
    await writeRun(folder, record, [failures(rows), new Table(TRAFFIC)])
    const run = await openRun(folder)
    expect(run.record).toEqual(record)
    expect(run.tables).toEqual(['failures', 'traffic'])
    expect(run.rows('failures').map((row) => Object.values(row))).toEqual(rows)
    expect(run.table('failures').schema).toEqual(FAILURES)
    expect(run.rows('traffic')).toEqual([])
  })

  test('is byte-identical for identical content', async () => {
    const tables = () => [failures([['a', 'syscall', 'EBUSY', 'unmap', 3]])]
    await writeRun(join(scratch, 'one'), record, tables())
    await writeRun(join(scratch, 'two'), record, tables())
    expect(files(join(scratch, 'one'))).toEqual(files(join(scratch, 'two')))
  })

  test('replaces an older run whole and leaves nothing beside it', async () => {
    const parent = mkdtempSync(join(scratch, 'replace-'))
    const folder = join(parent, 'run')
    await writeRun(folder, record, [failures([]), new Table(TRAFFIC)])
    await writeRun(folder, record, [failures([])])
    expect((await openRun(folder)).tables).toEqual(['failures'])
    expect(readdirSync(parent)).toEqual(['run'])
  })

  test('refuses to replace what is not a run folder', async () => {
    const folder = join(scratch, 'thesis')
    mkdirSync(folder)
    writeFileSync(join(folder, 'chapter.tex'), 'precious')
    await expect(writeRun(folder, record, [])).rejects.toThrow(/not a run folder.*chapter\.tex/)
    expect(readFileSync(join(folder, 'chapter.tex'), 'utf8')).toBe('precious')
    await expect(writeRun(join(folder, 'chapter.tex'), record, [])).rejects.toThrow(/a file/)
    await expect(writeRun(join(folder, 'chapter.tex', 'run'), record, [])).rejects.toMatchObject({ name: 'UserError' })
  })

  test('a run that cannot be written whole is not written', async () => {
    const parent = mkdtempSync(join(scratch, 'partial-'))
    const folder = join(parent, 'run')
    await writeRun(folder, record, [failures([])])
    const before = files(folder)
    await expect(writeRun(folder, record, [failures([]), failures([['a', 'r', 'e', 's', 0.5]])])).rejects.toThrow('0.5 is not a int')
    expect(files(folder)).toEqual(before)
    expect(readdirSync(parent)).toEqual(['run'])
  })

  test.each([
    ['no folder', undefined, /nothing of that name/],
    ['no run.json', {}, /no run\.json/],
    ['not JSON', { 'run.json': '{' }, /run\.json: not JSON/],
    ['another version', { 'run.json': '{"schema":"numareplay/run/9"}' }, /schema: a run folder of another version.*numareplay\/run\/9/],
    ['a wrong field', { 'run.json': JSON.stringify({ ...record, seed: 'x' }) }, /run\.json: seed: /],
    ['a damaged table', { 'run.json': JSON.stringify(record), 'epochs.parquet': 'PAR1' }, /epochs\.parquet: not a table/],
  ])('says what is wrong: %s', async (name, content, message) => {
    const folder = join(scratch, `bad ${name}`)
    if (content) mkdirSync(folder)
    for (const [file, text] of Object.entries<string>((content ?? {}) as Record<string, string>)) writeFileSync(join(folder, file), text)
    await expect(openRun(folder)).rejects.toThrow(message)
    await expect(openRun(folder)).rejects.toMatchObject({ name: 'UserError' })
  })

  test('an unknown table is an error that names those there are', async () => {
    const folder = join(scratch, 'tables')
    await writeRun(folder, record, [failures([])])
    const run = await openRun(folder)
    expect(() => run.rows('epochs')).toThrow(/no table "epochs".*failures/)
  })
})
