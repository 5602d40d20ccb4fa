/** "Algorithm or profiler?": lanes that differ only in what they see part a policy's distance from the optimum. */
import { expect, test } from 'vitest'
import optimum from '../../reports/optimum.ts'
import type { RunTables } from '../../src/report/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

function tableOf(rows: { policy: string; params: string; regret: number | null }[]) {
  const summary = rows.map((row) => ({ ...sampleRun().rows('summary')[0]!, ...row }))
  const run = { ...sampleRun(), rows: () => summary } as unknown as RunTables
  return optimum.text(run).find(({ title }) => title === 'Algorithm or profiler?')
}

test('the parts add up to the distance; what was not run is left open', () => {
  const table = tableOf([
    { policy: 'first-touch', params: '', regret: 0.9 },
    { policy: 'hemem', params: 'period=1s', regret: 0.5 },
    { policy: 'hemem', params: 'period=1s,sees=exact', regret: 0.3 },
    { policy: 'hemem', params: 'period=1s,sees=future', regret: 0.1 },
    { policy: 'hemem', params: 'period=2s,sees=exact', regret: 0.7 },
    { policy: 'move-to-min', params: '', regret: 0.2 },
    { policy: 'move-to-min', params: 'sees=samples', regret: 0.25 },
  ])
  expect(table?.rows).toEqual([
    ['hemem period=1s', '50.0%', '20.0%', '20.0%', '10.0%'],
    ['move-to-min', '25.0%', '5.0%', '–', '20.0%'],
  ])
})

test('no table where no policy ran with two kinds of knowledge', () => {
  expect(tableOf([{ policy: 'hemem', params: 'sees=exact', regret: 0.3 }])).toBeUndefined()
  expect(
    tableOf([
      { policy: 'hemem', params: '', regret: null },
      { policy: 'hemem', params: 'sees=exact', regret: 0.3 },
    ]),
  ).toBeUndefined()
})
