/** Figures that reports work out of others have the error of those: against finite differences. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/columns/index.ts'
import { loadReport, type RunTables } from '../../src/report/index.ts'
import { formatPercent } from '../../src/units.ts'
import { sampleRun } from '../fixtures/sample-run.ts'
import { sampleStudy } from '../fixtures/sample-study.ts'

const run = sampleRun({ sampled: true, lanes: ['first-touch', 'hot-page-daemon', 'numa-balancing'], bins: 40 })
const { report: migrations } = await loadReport('migrations')
const { report: latencyStack } = await loadReport('latency-stack')

const halfOf = (cell: string): string | undefined => / ±(.+)$/.exec(cell)?.[1]
const column = (tables: RunTables, report: typeof migrations, heading: string): string[] => {
  const [table] = report.text(tables)
  const at = table!.columns.findIndex((one) => one.heading === heading)
  return table!.rows.map((row) => row[at]!)
}
const withRows = (rows: Record<string, Row[]>): RunTables => ({ ...run, rows: (table) => rows[table] ?? run.rows(table) })

test('shares of the stack have the error of the table, and those of unknown error none', () => {
  const rows = run.rows('stack')
  const shares = column(run, latencyStack, 'share')
  expect(rows.filter((row) => row['share_ci95'] === null).length).toBeGreaterThan(0)
  rows.forEach((row, i) => {
    expect(halfOf(shares[i]!)).toBe(row['share_ci95'] ? formatPercent(row['share_ci95'] as number) : undefined)
  })
})

test('success is off as far as both of its counts, each to the worse side, may put it', () => {
  const count = fc.integer({ min: 0, max: 100_000 })
  const share = fc.double({ min: 0, max: 0.2, noNaN: true })
  fc.assert(
    fc.property(count, count, count, share, share, (onePart, other, failed, ofMoved, ofFailed) => {
      const moved = onePart + other
      const move = (pages: number, reason = 'damon') => ({
        ...run.rows('moves')[0]!,
        lane: 'hot-page-daemon',
        reason,
        pages,
        failed: 0,
        pages_ci95: pages * ofMoved,
      })
      const failure = { ...run.rows('failures')[0]!, lane: 'hot-page-daemon', reason: 'damon', pages: failed, pages_ci95: failed * ofFailed }
      // of several reasons, so that the sum of its bins is what is known of this one
      const tables = withRows({ moves: [move(onePart), move(other), move(500_000, 'demotion')], failures: [failure] })
      const [cell] = column(tables, migrations, 'success')
      if (moved + failed === 0) return expect(cell).toBe('—')
      const worse = (step: number) =>
        Math.abs((moved - step * moved * ofMoved) / (moved - step * moved * ofMoved + failed + step * failed * ofFailed) - moved / (moved + failed))
      const step = 1e-6
      const wanted = worse(step) / step
      const told = halfOf(cell!)
      if (wanted > 1e-9)
        expect([formatPercent(wanted * 0.999), formatPercent(wanted * 1.001)].map((text) => (/[1-9]/.test(text) ? text : '<0.1%'))).toContain(told)
      else expect(told ?? '<0.1%').toBe('<0.1%')
    }),
  )
})

test('success has no error where that of the failures is not known', () => {
  const rows = column(run, migrations, 'failed').map((failed, i) => [failed, column(run, migrations, 'success')[i]!] as const)
  expect(rows.some(([failed]) => failed !== '0')).toBe(true)
  for (const [, success] of rows) expect(halfOf(success)).toBeUndefined()
  expect(migrations.text(run)[0]!.sampling).toContain('of failures no error is known')
})

describe('a study of samples', () => {
  const study = sampleStudy({ sampled: true })
  const points = study.rows('points')
  const baselineOf = (row: Row) =>
    points.find((one) => one['lane'] === study.record.baseline && ['trace', 'machine', 'seed'].every((axis) => one[axis] === row[axis]))!
  /** Costs against the baseline, all of them by `step` half widths dearer. */
  const ratioOf = (row: Row, step: number): number =>
    (row['total_cost_ns'] as number) / (baselineOf(row)['total_cost_ns'] as number) + step * (row['total_cost_change_ci95'] as number)
  const geometric = (ratios: number[]): number => Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)

  test('means over settings move as far as all points together do', async () => {
    const { report } = await loadReport('study')
    const [table] = report.text(study)
    const told = table!.rows.filter(([lane]) => lane !== study.record.baseline)
    expect(told.length).toBeGreaterThan(3)
    for (const [lane, cost] of told) {
      const own = points.filter((row) => row['lane'] === lane)
      const step = 1e-6
      const wanted = (geometric(own.map((row) => ratioOf(row, step))) - geometric(own.map((row) => ratioOf(row, 0)))) / step
      const change = geometric(own.map((row) => ratioOf(row, 0))) - 1
      expect(cost).toBe(`${change < 0 ? '-' : '+'}${formatPercent(Math.abs(change))} ±${formatPercent(wanted)}`)
    }
  })

  test('charts draw what the tables say, and none does of all pages', async () => {
    const { report } = await loadReport('study')
    const rowsOf = (tables: RunTables) => report.charts(tables)[0]!.data['means'] as Row[]
    for (const { lane, change, from, to } of rowsOf(study)) {
      const own = points.filter((row) => row['lane'] === lane)
      const relative = own.reduce((sum, row) => sum + (row['total_cost_change_ci95'] as number) / ratioOf(row, 0), 0) / own.length
      expect((to as number) - (change as number)).toBeCloseTo(((change as number) + 1) * relative, 9)
      expect((change as number) - (from as number)).toBeCloseTo(((change as number) + 1) * relative, 9)
    }
    for (const row of rowsOf(sampleStudy())) expect(Object.keys(row)).toEqual(['lane', 'change'])
  })

  test('every table has ±, says that of means it is an upper limit, and of policies that move pages the least', async () => {
    for (const name of ['study', 'winners', 'sensitivity', 'grid-pareto']) {
      const { report } = await loadReport(name)
      for (const { title, rows, notes = [] } of report.text(study)) {
        expect(
          rows.some((row) => row.some((cell) => cell.includes(' ±'))),
          title,
        ).toBe(true)
        expect(notes.join(' '), title).toMatch(/± is half .* Too short for policies that move pages: replay with --half-samples 8\. .*upper limit/)
      }
      for (const { rows } of report.text(sampleStudy())) expect(JSON.stringify(rows)).not.toContain('±')
    }
  })
})
