import { describe, expect, test } from 'vitest'
import { combineRuns, commandLine, loadReports } from '../../src/report/index.ts'
import { type Run, type RunRecord, runOf } from '../../src/results/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

function at(folder: string, shape: Parameters<typeof sampleRun>[0], change: Partial<RunRecord> = {}): Run {
  const run = sampleRun({ bins: 20, ...shape })
  return runOf(
    { ...run.record, ...change },
    run.tables.map((name) => run.table(name)),
    folder,
  )
}
const labels = (runs: Run[]): string[] => combineRuns(runs).record.lanes.map(({ label }) => label)

describe('several runs', () => {
  test('one run stays itself', () => {
    const run = at('a', {})
    expect(combineRuns([run])).toBe(run)
  })

  test('lanes that only one run has keep their labels, others say what differs', () => {
    const one = at('runs/one', { lanes: ['first-touch', 'manual'], seed: 1 })
    const two = at('runs/two', { lanes: ['first-touch', 'numa-balancing'], seed: 2 })
    expect(labels([one, two])).toEqual(['first-touch @ seed 1', 'manual', 'first-touch @ seed 2', 'numa-balancing'])
    const other = at('runs/three', { lanes: ['first-touch'], seed: 1 }, { machine: { ...one.record.machine, name: 'epyc' } })
    expect(labels([one, other])).toEqual(['first-touch @ 2-socket', 'manual', 'first-touch @ epyc'])
  })

  test('the folder tells runs apart that nothing else does', () => {
    expect(labels([at('runs/one', { lanes: ['first-touch'] }), at('runs/two', { lanes: ['first-touch'] })])).toEqual(['first-touch @ one', 'first-touch @ two'])
  })

  test('rows carry the new labels, and every report draws the combination', async () => {
    const run = combineRuns([at('one', { seed: 1 }), at('two', { seed: 2 })])
    expect(run.record.baseline).toBe('first-touch @ seed 1')
    const known = new Set(run.record.lanes.map(({ label }) => label))
    for (const row of run.rows('epochs')) expect(known.has(row['lane'] as string)).toBe(true)
    for (const { report } of await loadReports()) for (const table of report.text(run)) expect(JSON.stringify(table)).not.toMatch(/undefined|NaN/)
    expect(commandLine(run.record.command)).toMatch(/^numareplay replay .* && numareplay replay /)
  })

  test.each([
    ['trace.digest', { digest: 'sha256:other' }],
    ['trace.pageSize', { pageSize: 65536 }],
    ['trace.filtered', { filtered: 'llc' }],
  ])('runs that differ in %s are refused by name', (field, change) => {
    const one = at('one', {})
    const two = at('two', {})
    const other = runOf({ ...two.record, trace: { ...two.record.trace, ...change } }, [], 'two')
    expect(() => combineRuns([one, other])).toThrow(new RegExp(`^two: ${field.replace('.', '\\.')}: runs `))
  })

  test('the same folder twice is refused', () => {
    expect(() => combineRuns([at('runs/../one', {}), at('./one', {})])).toThrow(/given twice/)
  })
})
