import { expect, test } from 'vitest'
import { findings } from '../../src/report/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

const sentences = (shape: Parameters<typeof sampleRun>[0]): string[] => findings(sampleRun(shape)).map(({ lane, text }) => (lane ? `${lane} ${text}` : text))

test('the best policy comes first, then each against the baseline', () => {
  const [first, ...others] = sentences({})
  expect(first).toMatch(/^hot-page-daemon:period=2s is best overall: 19\.\d% less memory time than first-touch, its own costs counted, 8\d\.\d% of what/)
  expect(others).toHaveLength(5)
  expect(others[1]).toMatch(/^manual cuts mean latency by 9\.\d% to 100\.\d ns, local accesses 51\.\d% → 69\.\d%; moves [\d,]+ pages in [\d.]+ms\.$/)
  expect(others.at(-1)).toMatch(/1\.0% of those tried failed, [\d,]+ hint faults/)
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
