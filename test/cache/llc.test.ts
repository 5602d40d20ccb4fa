/** `--cache llc`: the caches of the machine file, each access through the one that its cpu shares. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { numareplay, SAMPLES } from '../cli/run.ts'
import { writeTemporary } from '../formats/helpers.ts'

const box = (llc: string) => writeTemporary('box.yaml', `nodes: [{ id: 0, cpus: 0-1, memory: 1GiB }, { id: 1, cpus: 2-3, memory: 1GiB }]\n${llc}`)
/** Two cpus read the same line in turn, twice. */
const recording = (second: number) =>
  writeTemporary('x.csv', `time_ns,tid,cpu,op,addr,size\n${[0, second, 0, second].map((cpu, i) => `${i},${1 + cpu},${cpu},R,0x1000,8\n`).join('')}`)
const misses = (file: string, llc: string, cache = 'llc') => {
  const { code, stdout, stderr } = numareplay(['inspect', file, '-m', box(llc), '--cache', cache, '--json'])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const { formatFacts, filtered, lint } = JSON.parse(stdout)
  return { misses: formatFacts['cache.readMisses'], filtered, codes: lint.map((one: { code: string }) => one.code) }
}

test('cpus of one node share a cache, others do not; sharedBy says otherwise', () => {
  const llc = 'llc: { size: 64KiB, ways: 16 }'
  expect(misses(recording(1), llc).misses).toBe(1)
  expect(misses(recording(2), llc).misses).toBe(2)
  expect(misses(recording(2), 'llc: { size: 64KiB, ways: 16, sharedBy: [0-3] }').misses).toBe(1)
  expect(misses(recording(1), 'llc: { size: 64KiB, ways: 16, sharedBy: ["0", "1"] }').misses).toBe(2)
})

test('the header says which; the replacement can be chosen; strange cpus are said', () => {
  const llc = 'llc: { size: 64KiB, ways: 16 }'
  expect(misses(recording(1), llc).filtered).toMatch(/^64KiB, 16 ways, 64B lines, LRU \(2 of .*by the cpu of each access\)$/)
  expect(misses(recording(1), llc, 'llc,srrip').filtered).toMatch(/SRRIP/)
  expect(misses(recording(9), llc).codes).toContain('cpus-without-cache')
})

test('refused without a machine, or with one that does not say', () => {
  const refused = (...args: string[]) => numareplay(['inspect', recording(1), '--cache', 'llc', ...args])
  expect(refused()).toMatchObject({ code: 2, stderr: expect.stringMatching(/whose last-level cache\?.*-m MACHINE/) })
  expect(refused('-m', box(''))).toMatchObject({ code: 2, stderr: expect.stringMatching(/does not say its last-level cache/) })
})

test('a replay names the filter', () => {
  const folder = writeTemporary('x', '').replace(/x$/, 'llc-run')
  const args = ['replay', join(SAMPLES, 'mem-shift.full-access.csv.gz'), '--cache', 'llc', '--no-html', '-o', folder, '--json']
  const { stdout, stderr, code } = numareplay(args)
  rmSync(folder, { recursive: true, force: true })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(JSON.parse(stdout).trace.filtered).toMatch(/^35.8MiB, 11 ways, 64B lines, LRU \(2 of skx-cl-2s/)
})
