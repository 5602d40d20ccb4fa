/** The benchmark still runs: yardsticks compile, product and yardsticks agree, results are written. Nothing here asserts a speed. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

test('a tiny run counts the same as C and writes its results', () => {
  const out = mkdtempSync(join(tmpdir(), 'numareplay-bench-test-'))
  const bench = () =>
    execFileSync(process.execPath, [join(ROOT, 'bench/run.mjs'), '--tiny', '--only', 'P4,P3,P10,P12', '--out', out], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  bench()
  const { schema, rows, failures } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))
  expect(schema).toBe('numareplay/bench/1')
  expect(failures).toEqual([])
  expect(new Set(rows.map(({ id }: { id: string }) => id))).toEqual(new Set(['P1', 'P3', 'P4', 'P10', 'P11', 'P12', 'user policy']))
  for (const { ours } of rows) expect(ours).toBeGreaterThan(0)
  expect(readFileSync(join(out, 'RESULTS.md'), 'utf8')).toContain('| P12 | optimum, 10,000 pages')
  rmSync(out, { recursive: true })
}, 240_000)

test('differences beyond noise are told from noise', async () => {
  const { difference } = await import(join(ROOT, 'bench/lib/statistics.mjs'))
  const before = [1.0, 1.02, 0.99, 1.01, 0.98]
  expect(difference(before, [0.5, 0.52, 0.51, 0.49, 0.5]).verdict).toBe('slower')
  expect(difference(before, [2.0, 2.1, 1.9, 2.0, 2.05]).verdict).toBe('faster')
  expect(difference(before, [1.01, 0.97, 1.0, 1.03, 0.99]).verdict).toBe('same')
  // one round in five that the neighbours disturbed
  expect(difference(before, [1.0, 0.3, 1.01, 0.99, 1.02]).verdict).toBe('same')
})
