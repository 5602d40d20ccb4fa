/** Lanes on threads that share the decoding of blocks: the same results, and no waiting for a thread that failed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import interleave from '../../policies/interleave.ts'
import { machine } from '../../src/machine/index.ts'
import type { Policy } from '../../src/policy/index.ts'
import { replay } from '../../src/replay/replay.ts'
import { importTrace, openTrace, type PreparedTrace } from '../../src/trace/index.ts'
import { numareplay } from '../cli/run.ts'

const folder = mkdtempSync(join(tmpdir(), 'numareplay-threads-'))
const file = join(folder, 'many-blocks.nrt')
const POLICIES = ['first-touch', 'numa-balancing', 'interleave']

beforeAll(() => importTrace('uniform:updates=900000,table=512MiB', file, { tickNs: 20_000_000 }))
afterAll(() => rmSync(folder, { recursive: true }))

const tablesOf = async (jobs: number, path = file, policies: (string | Policy)[] = POLICIES) => {
  const run = await replay({ trace: await openTrace(path), machine: machine('skx-cl-2s'), policies, jobs })
  return JSON.stringify(['summary', 'epochs', 'nodes', 'vmstat', 'stack'].map((table) => run.rows(table)))
}

test('one, two and three threads give the same tables', async () => {
  expect((await openTrace(file)).blocks).toBeGreaterThan(5)
  const alone = await tablesOf(1)
  expect(await tablesOf(2)).toBe(alone)
  expect(await tablesOf(3)).toBe(alone)
})

test('threads beyond the lanes decode for them, also for lanes that cannot leave their thread', async () => {
  for (const policies of [['numa-balancing'], [interleave()]]) {
    const alone = await tablesOf(1, file, policies)
    expect(await tablesOf(2, file, policies)).toBe(alone)
    expect(await tablesOf(64, file, policies)).toBe(alone)
  }
})

test('threads that have a trace from before give the same tables, and so after another trace', async () => {
  const trace = await openTrace(file)
  const other = await openTrace('zipf:pages=300,accesses=30000')
  const summary = async (of: PreparedTrace, jobs: number) =>
    JSON.stringify((await replay({ trace: of, machine: machine('skx-cl-2s'), policies: POLICIES, jobs })).rows('epochs'))
  const alone = await summary(trace, 1)
  for (let round = 0; round < 3; round++) expect(await summary(trace, 2)).toBe(alone)
  expect(await summary(other, 2)).toBe(await summary(other, 1))
  expect(await summary(trace, 2)).toBe(alone)
})

test('a policy that calls process.exit() in its thread fails alone', () => {
  const policy = join(folder, 'leaves.ts')
  writeFileSync(
    policy,
    "import { definePolicy, every } from 'numareplay/policy'\nexport default definePolicy({ about: 'x', rules: () => [every('1ms', () => process.exit(3))] })",
  )
  const { code, stdout } = numareplay([
    'replay',
    file,
    '-m',
    'skx-cl-2s',
    '-p',
    'first-touch',
    '-p',
    policy,
    '--jobs',
    '2',
    '--json',
    '-o',
    join(folder, 'run'),
  ])
  const { lanes } = JSON.parse(stdout) as { lanes: { status: string; message: string }[] }
  expect(lanes.map(({ status }) => status)).toEqual(['ok', 'error'])
  expect(lanes[1]!.message).toBe('the code of a policy called process.exit()')
  expect(code).toBe(3)
})

test('a damaged block ends all threads with the message of the one that met it', async () => {
  const bytes = readFileSync(file)
  const { stored } = await openTrace(file)
  const { offset, bytes: length } = stored!.blocks[3]!
  bytes[offset + (length >>> 1)]! ^= 255
  const damaged = join(folder, 'damaged.nrt')
  writeFileSync(damaged, bytes)
  await expect(tablesOf(2, damaged)).rejects.toThrow(/block 4 of .* is damaged/)
  await expect(tablesOf(2, damaged, ['first-touch'])).rejects.toThrow(/block 4 of .* is damaged/)
})
