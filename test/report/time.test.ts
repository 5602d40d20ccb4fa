import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Row } from '../../src/columns/index.ts'
import { shrink, sparkline, TimeGrid } from '../../src/report/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

const total = (rows: Row[], name: string): number => rows.reduce((sum, row) => sum + (row[name] as number), 0)

test('adding bins up loses nothing and leaves at most 200', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 900 }), (bins) => {
      const run = sampleRun({ bins, lanes: ['first-touch', 'numa-balancing'] })
      const grid = new TimeGrid(run)
      const rows = grid.sum(run.rows('epochs'), ['lane'], ['local', 'migrated'])
      expect(grid.ends.length).toBeLessThanOrEqual(200)
      for (const name of ['local', 'migrated']) expect(total(rows, name)).toBe(total(run.rows('epochs'), name))
      const moves = grid.sum(run.rows('moves'), ['lane', 'reason'], ['pages'])
      expect(total(moves, 'pages')).toBe(total(run.rows('moves'), 'pages'))
    }),
    { numRuns: 12 },
  )
})

test('bins follow each other without holes, in one unit for the whole run', () => {
  const grid = new TimeGrid(sampleRun({ bins: 500 }))
  expect(grid.unit).toBe('s')
  const rows = grid.sum(sampleRun({ bins: 500 }).rows('epochs'), ['lane'], ['local']).filter((row) => row['lane'] === 'manual')
  rows.forEach((row, i) => {
    expect(row['start']).toBe(i === 0 ? 0 : rows[i - 1]!['time'])
  })
  expect(rows.at(-1)!['time']).toBe(125)
})

test('the state at the end of a bin is the last one', () => {
  const run = sampleRun({ bins: 450 })
  const nodes = run.rows('nodes').filter((row) => row['lane'] === 'numa-balancing' && row['node'] === 1)
  const grid = new TimeGrid(run)
  const rows = grid.last(nodes, ['lane', 'node'], ['pages'])
  expect(rows.at(-1)!['pages']).toBe(nodes.at(-1)!['pages'])
})

test('columns that an older run lacks count as nothing', () => {
  const run = sampleRun({ bins: 3, lanes: ['first-touch'] })
  const rows = new TimeGrid(run).sum(run.rows('epochs'), ['lane'], ['of_a_later_version'])
  expect(rows.map((row) => row['of_a_later_version'])).toEqual([0, 0, 0])
})

test('sparklines', () => {
  expect(sparkline([0, 0.5, 1, null, 2], 0, 1)).toBe('▁▅█ █')
  expect(sparkline([], 0, 1)).toBe('')
  expect(shrink([1, 3, 5, 7], 2)).toEqual([2, 6])
  expect(shrink([1], 5)).toEqual([1])
})
