/** Fault plans and following migrations, through the command line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openRun } from '../../src/results/index.ts'
import { numareplay, ROOT, SAMPLES, temporaryFolder } from './run.ts'

const MASTER = join(SAMPLES, 'master-first-touch-pinned.csv.gz')
const MANUAL = ['-p', `manual:script=${join(SAMPLES, 'master-first-touch-pinned.moves')}`]
const folder = temporaryFolder()

async function replay(name: string, plan: string, more: string[] = []) {
  writeFileSync(join(folder, `${name}.yaml`), plan)
  const finished = numareplay(['replay', MASTER, ...MANUAL, '--faults', join(folder, `${name}.yaml`), '-o', join(folder, name), '--no-html', ...more])
  expect(finished.stderr).toBe('')
  return { run: await openRun(join(folder, name)), stdout: finished.stdout }
}

describe('what a state does to mbind(2) with MPOL_MF_MOVE, a synchronous caller', () => {
  const failures = async (state: string, more = '') =>
    (await replay(state, `states: [{ state: ${state}, ${more} }]`)).run
      .rows('failures')
      .map(({ errno, stage, retried, pages }) => ({ errno, stage, retried, pages }))

  test('pinned pages are never unmapped', async () => {
    expect(await failures('pinned')).toEqual([{ errno: 'EAGAIN', stage: 'unmap', retried: true, pages: 576 }])
  })
  test('an extra reference is found after unmapping', async () => {
    expect(await failures('referenced')).toEqual([{ errno: 'EAGAIN', stage: 'refcount', retried: true, pages: 576 }])
  })
  test('memory errors show when the page is copied, and are permanent', async () => {
    expect(await failures('poisoned')).toEqual([{ errno: 'EHWPOISON', stage: 'copy', retried: false, pages: 576 }])
  })
  test('writeback is waited for, locks too, mlocked pages move', async () => {
    expect(await failures('writeback')).toEqual([])
    expect(await failures('locked')).toEqual([])
    expect(await failures('unevictable')).toEqual([])
  })
  test('a state ends at its time: pins until before the call hinder nothing', async () => {
    expect(await failures('pinned', 'until: 50ms')).toEqual([])
  })
})

test('a fraction means about this share of pages, the same for every lane and seed-dependent', async () => {
  const failed = async (seed: string) =>
    Number((await replay(`tenth-${seed}`, 'states: [{ state: pinned, fraction: 10% }]', ['--seed', seed])).run.rows('summary')[0]!['migration_failed'])
  const counts = [await failed('1'), await failed('2'), await failed('3')]
  for (const pages of counts) expect(Math.abs(pages - 57.6)).toBeLessThan(25)
  expect(new Set(counts).size).toBeGreaterThan(1)
})

test('pages shared by processes are refused by move_pages with EACCES', async () => {
  const plan = join(folder, 'shared.yaml')
  writeFileSync(plan, 'states: [{ state: shared, mappings: 2 }]')
  const finished = numareplay(['replay', MASTER, '-p', 'hot-page-daemon', '--faults', plan, '-o', join(folder, 'shared'), '--no-html', '--json'])
  const [lane] = JSON.parse(finished.stdout).lanes
  expect(lane.migrated).toBe(0)
  expect(Object.keys(lane.failedByErrno)).toEqual(['EACCES'])
})

test('a page is followed through the stages of the engine, pass after pass', async () => {
  const { run, stdout } = await replay('follow', 'states: [{ state: referenced, range: 0x7f3032b9a000+4KiB }]', [
    '--explain-migrations',
    '0x7f3032b9a000,0x7f3032b9b000',
  ])
  const stages = (address: string) => run.rows('stages').filter((row) => row['address'] === address)
  expect(stages('0x7f3032b9b000').map(({ stage }) => stage)).toEqual([
    'isolate',
    'allocate',
    'lock source',
    'writeback',
    'lock target',
    'unmap',
    'refcount',
    'copy',
    'mapping',
    'flags',
    'putback',
    'remap',
    'unlock',
  ])
  const refused = stages('0x7f3032b9a000').filter(({ outcome }) => outcome === 'EAGAIN')
  // 3 asynchronous passes, then 7 synchronous ones (mm/migrate.c: NR_MAX_MIGRATE_ASYNC_RETRY, NR_MAX_MIGRATE_SYNC_RETRY)
  expect(refused.map(({ stage, mode }) => `${stage} ${mode}`)).toEqual([...Array(3).fill('refcount MIGRATE_ASYNC'), ...Array(7).fill('refcount MIGRATE_SYNC')])
  expect(stdout).toMatch(/page 0x7f3032b9b000 of pid 232 at 80ms, migrate_pages\(\) call 1\n {2}pass 0 {2}isolate/)
})

test('numa_maps before and after the operator acted', async () => {
  const { run } = await replay('maps', 'states: [{ state: unevictable }]', ['--numa-maps', '79ms', '--numa-maps', '100ms'])
  const lines = (time: number) => run.rows('numa_maps').flatMap(({ time_ns, view, line }) => (view === 'numa_maps' && time_ns === time ? [String(line)] : []))
  expect(lines(79e6)).toEqual(['7f3032ada000 default anon=1152 active=0 N0=1152 kernelpagesize_kB=4'])
  expect(lines(100e6)).toContain('7f3032b9a000 bind:1 anon=192 active=0 N1=192 kernelpagesize_kB=4')
  const numastat = run.rows('numa_maps').filter(({ view, time_ns }) => view === 'numastat' && time_ns === 100e6)
  expect(numastat.map(({ line }) => String(line).trim().split(/\s+/))).toContainEqual(['numa_hit', '1152', '576'])
})

test('the plan of docs/faults.md is a plan', async () => {
  const plan = /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/faults.md'), 'utf8'))![1]!
  expect((await replay('docs', plan)).run.record.faults).toMatchObject({
    states: [{ state: 'pinned', fraction: 0.1 }, { state: 'shared' }, { state: 'writeback' }],
  })
})

describe('a wrong plan is said with file, line and column', () => {
  const cases: [string, RegExp][] = [
    ['states: [{ state: pined }]', /wrong\.yaml:1:\d+: states\[0\]\.state/],
    ['states:\n  - state: pinned\n    fraction: 120%', /wrong\.yaml:3:\d+: states\[0\]\.fraction/],
    ['states:\n  - state: pinned\n    from: 2s\n    until: 1s', /until is not after from/],
    ['states:\n  - state: pinned\n    mappings: 3', /mappings belongs to the state shared/],
    ['states:\n  - state: pinned\n    colour: red', /wrong\.yaml:3:\d+/],
    ['states: []', /wrong\.yaml:1:\d+: states/],
  ]
  test.each(cases)('%s', (plan, message) => {
    writeFileSync(join(folder, 'wrong.yaml'), plan)
    const { code, stderr } = numareplay(['replay', MASTER, '--faults', join(folder, 'wrong.yaml'), '-o', join(folder, 'wrong')])
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})
