/** The recipes of docs/capturing-traces.md that need nothing but Debian's clang, valgrind and perf, run as they stand there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTrace } from '../../src/trace/index.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOC = readFileSync(join(ROOT, 'docs/capturing-traces.md'), 'utf8')
const section = (title: string) => DOC.slice(DOC.indexOf(`## ${title}`)).split(/\n## /, 2)[0]!
const blocks = (text: string, language: string) => [...text.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, code]) => code!)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-recipes-'))
  for (const code of blocks(section('clang'), 'c')) writeFileSync(join(folder, /^\/\/ (\w+\.c)/.exec(code)![1]!), code)
})
afterAll(() => rmSync(folder, { recursive: true }))

function run(title: string, recipe = 0): string {
  const main = `numareplay() { '${process.execPath}' '${join(ROOT, 'dist/src/cli/main.js')}' "$@"; }`
  return execFileSync('bash', ['-ec', `${main}\n${blocks(section(title), 'sh')[recipe]}`], { cwd: folder, encoding: 'utf8' })
}

test('clang: loads and stores with threads, cpus and time', { timeout: 120_000 }, async () => {
  expect(run('clang')).toContain('cache-would-absorb')
  const { meta, tasks, cpus } = await openTrace(join(folder, 'program.csv'))
  // 4096 stores, then each of two threads loads a half
  expect(tasks.map(({ accesses }) => Math.floor(accesses / 1024))).toEqual([4, 2, 2])
  expect(meta).toMatchObject({ format: 'csv', fidelity: 'every access', timeSorted: true })
  expect(meta.pages).toBeGreaterThanOrEqual(128)
  expect(cpus.length).toBeGreaterThan(0)
})

test('lackey: the same program, through a cache', { timeout: 120_000 }, async () => {
  run('Valgrind lackey')
  const { meta } = await openTrace(join(folder, 'program.nrt'))
  expect(meta).toMatchObject({ origin: { format: 'lackey' }, filtered: expect.stringContaining('1MiB, 16 ways') })
  // every second line of the data is read in once
  expect(meta.reads).toBeGreaterThan(4096)
})

// containers may forbid perf_event_open
const perf = spawnSync('perf', ['record', '-e', 'page-faults', '-c', '1', '-d', '-o', '/dev/null', '--', 'true']).status === 0
test.skipIf(!perf)('perf: page faults of the same program', { timeout: 120_000 }, async () => {
  execFileSync('clang', ['-O1', 'program.c', '-pthread', '-o', 'program'], { cwd: folder })
  expect(run('perf', 1)).toContain('warning sampled: ')
  const { meta, cpus, tasks } = await openTrace(join(folder, 'faults.perf.txt'))
  expect(meta).toMatchObject({ format: 'perf-script', fidelity: 'samples', timeSorted: true })
  // the data alone has 128 pages, each touched first by the thread that writes it
  expect(meta.pages).toBeGreaterThanOrEqual(128)
  expect(tasks[0]!.accesses).toBeGreaterThanOrEqual(128)
  expect(cpus.length).toBeGreaterThan(0)
})
