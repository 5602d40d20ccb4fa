import { expect, test } from 'vitest'
import type { Row } from '../../src/columns/index.ts'
import { findings } from '../../src/report/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

const sentences = (shape: Parameters<typeof sampleRun>[0]): string[] => findings(sampleRun(shape)).map(({ lane, text }) => (lane ? `${lane} ${text}` : text))

test('the best policy comes first, then each against the baseline', () => {
  const [first, equals, ...others] = sentences({})
  expect(equals).toMatch(/ shows no significant difference from /)
  expect(first).toMatch(
    /^hot-page-daemon:period=2s is among the best: 19\.\d% less memory time than first-touch, its own costs counted \(95% interval .*\), 8\d\.\d% of what/,
  )
  expect(sentences({ bins: 20 })[0]).toMatch(/^hot-page-daemon:period=2s comes out best: .* too few epochs to tell/)
  expect(others).toHaveLength(5)
  expect(others[1]).toMatch(/^manual cuts mean latency by 9\.\d% to 100\.\d ns, local accesses 51\.\d% → 69\.\d%; moves [\d,]+ pages in [\d.]+ms\.$/)
  expect(others.at(-1)).toMatch(/1\.0% of those tried failed, [\d,]+ hint faults/)
})

test('the best is called so as far as it is more than chance', () => {
  const [first, second] = sentences({ lanes: ['interleave', 'first-touch', 'follow-cpuset'] })
  expect(first).toMatch(/^(first-touch|follow-cpuset) is among the best: 1\.\d% less memory time than interleave, its own costs counted \(95% interval -\d/)
  expect(second).toMatch(/^(first-touch|follow-cpuset) shows no significant difference from (follow-cpuset|first-touch)\.$/)
  expect(sentences({ lanes: ['interleave', 'first-touch'] })[0]).toMatch(/^first-touch is best overall: 1\.\d% less/)
})

test('chance is not called best', () => {
  const run = sampleRun({ lanes: ['first-touch', 'interleave'], bins: 40 })
  // Half as dear and half as dear again by turns: 1 % cheaper in all
  const epochs = run.rows('epochs').map((row, i) => ({ ...row, memory_stall_ns: row['lane'] === 'first-touch' ? 1000 : i % 2 === 0 ? 480 : 1500 }))
  const summary = run.rows('summary').map((row) => ({ ...row, total_cost_ns: row['lane'] === 'first-touch' ? 40_000 : 39_600 }))
  const tables: Record<string, Row[]> = { epochs, summary }
  const [first] = findings({ record: run.record, tables: run.tables, rows: (table) => tables[table] ?? run.rows(table) })
  expect(first!.text).toMatch(/^comes out best, 1\.0% less .*, but that is no significant difference \(95% interval -\d+\.\d% to \+\d+\.\d%\)\.$/)
})

test('no winner is called where there is none', () => {
  expect(sentences({ lanes: ['hot-page-daemon', 'first-touch'] })[0]).toBe('No policy beats hot-page-daemon by more than 0.5% once its own costs are counted.')
})

test('a lane that ended early is not compared, and the optimum is not claimed where it is unknown', () => {
  const all = sentences({ oom: 'interleave', bound: false })
  expect(all.filter((text) => text.startsWith('interleave'))).toEqual(['interleave ended early (oom: no free page on nodes 0-1 at 7.5s) and is not compared.'])
  expect(all[0]).not.toContain('possible')
})

test('policies that do the very same share a sentence', () => {
  // Rows of the baseline under other names
  const run = sampleRun({ lanes: ['first-touch'] })
  const rows = (table: string) => {
    const own = run.rows(table)
    return table === 'summary' ? [...own, ...['a', 'b', 'c'].map((lane) => ({ ...own[0]!, lane }))] : own
  }
  expect(findings({ record: run.record, tables: run.tables, rows }).map(({ lane, text }) => `${lane ?? ''} ${text}`)[1]).toBe(
    'a as well as b and c do exactly what first-touch does on this trace.',
  )
})
