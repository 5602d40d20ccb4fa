/** SQL over what the commands leave behind: right rows, every input kind, closed doors, errors in one line. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { openRun, writeRun } from '../../src/results/index.ts'
import { SIX_LANES, sampleRun } from '../fixtures/sample-run.ts'
import { numareplay, temporaryFolder } from './run.ts'

const folder = temporaryFolder()
const A = join(folder, 'a')
const B = join(folder, "it's [b]")

beforeAll(async () => {
  for (const [target, seed] of [
    [A, 7],
    [B, 8],
  ] as const) {
    const run = sampleRun({ seed })
    await writeRun(
      target,
      run.record,
      run.tables.map((name) => run.table(name)),
    )
  }
})

const ask = (...args: string[]) => numareplay(['query', ...args])
const rows = (...args: string[]) => {
  const { code, stdout, stderr } = ask(...args, '--json')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout).rows
}

describe('run folders', () => {
  test('are stacked, each row with the folder it comes from', async () => {
    const found = rows(A, B, 'select run, lane, accesses from summary order by run, lane')
    expect(found).toHaveLength(2 * SIX_LANES.length)
    for (const input of [A, B]) {
      const expected = (await openRun(input)).rows('summary').map(({ lane, accesses }) => ({ run: input, lane, accesses }))
      expect(found.filter(({ run }: { run: string }) => run === input)).toEqual(expected.sort((x, y) => (String(x.lane) < String(y.lane) ? -1 : 1)))
    }
  })

  test('joins and sums agree with the tables', async () => {
    const [{ local }] = rows(A, "select sum(local) as local from epochs where lane = 'first-touch'")
    expect(local).toBe((await openRun(A)).rows('summary')[0]!['local'])
    expect(rows(A, B, 'select count(*) as n from runs join summary using (run)')).toEqual([{ n: 12 }])
  })

  test('a run that lacks a newer table is left out of it, and one that lacks a column has nulls', async () => {
    const old = join(folder, 'old')
    mkdirSync(old)
    for (const file of ['run.json', 'summary.parquet']) cpSync(join(A, file), join(old, file))
    expect(rows(A, old, 'select distinct run from epochs')).toEqual([{ run: A }])
    expect(rows(A, old, 'select distinct run from summary')).toHaveLength(2)
  })

  test('CSV and table', () => {
    const sql = "select lane, ideal, bound_ns is null as unknown from summary where lane in ('manual', 'interleave') order by lane"
    expect(ask(A, sql, '--format', 'csv').stdout).toBe('lane,ideal,unknown\ninterleave,false,false\nmanual,false,false\n')
    expect(ask(A, sql).stdout).toMatch(/^lane +ideal +unknown\ninterleave +false +false\nmanual/)
    expect(ask(A, 'select 1 as a, 2 as a').stdout).toMatch(/^a +a/)
    expect(ask(A, "select * from summary where lane = 'none'").stdout).toMatch(/No rows\./)
    expect(ask(A, 'show tables').stdout).toMatch(/epochs[\s\S]*heat[\s\S]*runs[\s\S]*summary/)
  })
})

test('sweep stores and gathered data sets answer alike', () => {
  const plan = join(folder, 'plan.yaml')
  writeFileSync(
    plan,
    'traces: ["uniform:table=256KiB,updates=5000,duration=1s,tasks=2"]\nmachines: [2-socket]\npolicies: [first-touch, interleave]\nseeds: [1, 2]\n',
  )
  const store = join(folder, 'store')
  const swept = numareplay(['sweep', plan, '-o', store])
  expect(swept.stderr + swept.stdout).not.toMatch(/error/)
  const points = rows(store, 'select lane, seed, local, remote from points order by lane, seed')
  expect(points).toHaveLength(4)
  const perRun = rows(store, 'select sum(local + remote) as accesses from epochs')
  expect(perRun[0].accesses).toBe(points.reduce((sum: number, { local, remote }: Record<string, number>) => sum + local! + remote!, 0))
  expect(rows(store, 'select count(distinct run) as runs from summary')).toEqual([{ runs: 2 }])
  const set = join(folder, 'set')
  numareplay(['sweep', 'gather', store, '-o', set])
  expect(existsSync(join(set, 'dataset.json'))).toBe(true)
  expect(rows(set, 'select lane, seed, local, remote from points order by lane, seed')).toEqual(points)
  expect(rows(set, 'select sum(local + remote) as accesses from epochs')).toEqual(perRun)
})

describe('closed doors: one line, exit code 2, nothing read or written', () => {
  const secret = join(folder, 'secret.csv')
  beforeAll(() => writeFileSync(secret, 'password\nhunter2\n'))

  test.each([
    ['reads no other file', `select * from read_csv('${secret}')`],
    ['not even a table of the run by path', `select * from '${join(A, 'summary.parquet')}'`],
    ['writes nothing', `copy (select 1) to '${join(folder, 'out.csv')}'`],
    ['attaches nothing', `attach '${join(folder, 'out.db')}'`],
    ['loads nothing', 'install httpfs'],
    ['cannot open the door again', 'set enable_external_access = true'],
    ['network', "select * from 'https://example.com/a.parquet'"],
  ])('%s', (_, sql) => {
    const { code, stdout, stderr } = ask(A, sql)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^error: sql: [^\n]+\n$/)
    expect(stderr).not.toMatch(/hunter2/)
    for (const file of ['out.csv', 'out.db']) expect(existsSync(join(folder, file))).toBe(false)
  })

  test.each([
    ['a wrong column', [A, 'select lan from summary'], /error: sql: .*lan.*lane/],
    ['a table that is not there', [A, 'select * from sumary'], /error: sql: .*sumary/],
    ['no SQL', [A], /Name run folders, then the SQL/],
    ['not a run folder', [folder, 'select 1'], /expected a run folder, a sweep store or a gathered data set/],
    ['nothing there', [join(folder, 'nope'), 'select 1'], /nothing of that name/],
  ])('%s', (_, args, message) => {
    const { code, stderr } = ask(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})
