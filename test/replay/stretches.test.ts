/** Stretches of time against the tables of the whole run: nothing is lost, and windows of a report can add them up. */
import { expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { replay } from '../../src/replay/index.ts'
import { OVER_TIME } from '../../src/results/index.ts'
import { openTrace } from '../../src/trace/index.ts'

const run = await replay({
  trace: await openTrace('traces/samples/phase-shift-autonuma.csv.gz'),
  machine: machine('2-socket'),
  policies: ['first-touch', 'numa-balancing', 'coin-flip'],
})

/** Sums by everything that is not counted, zeros left out. */
function sums(table: string, counts: readonly string[], keys: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const row of run.rows(table)) {
    for (const count of counts) {
      const key = [...keys.map((name) => row[name]), count].join(' ')
      found[key] = (found[key] ?? 0) + (row[count] as number)
    }
  }
  return Object.fromEntries(Object.entries(found).filter(([, sum]) => sum !== 0))
}

test.each([
  ['stack', ['ns'], ['lane', 'component', 'in_stall']],
  ['traffic', ['reads', 'writes'], ['lane', 'from_node', 'to_node']],
  ['latency', ['accesses'], ['lane', 'latency_ns']],
  ['failures', ['pages'], ['lane', 'reason', 'errno', 'stage', 'retried']],
  ['vmstat', ['value'], ['lane', 'node', 'counter']],
])('%s: stretches add up to the whole run', (name, counts, keys) => {
  const whole = sums(name, counts, keys)
  expect(sums(`${name}_over_time`, counts, keys)).toEqual(whole)
  if (name !== 'failures') expect(Object.keys(whole).length).toBeGreaterThan(5)
})

test('ping-pong: first returns are the pages, all returns are all of them', () => {
  const pages = run.rows('ping_pong')
  expect(pages.length).toBeGreaterThan(1)
  for (const lane of new Set(pages.map((row) => row['lane']))) {
    const total = (table: string, of: (row: Record<string, unknown>) => number) =>
      run
        .rows(table)
        .filter((row) => row['lane'] === lane)
        .reduce((sum, row) => sum + of(row), 0)
    expect(total('ping_pong_over_time', ({ returns, pages }) => (returns === 1 ? (pages as number) : 0))).toBe(
      total('ping_pong', ({ pages }) => pages as number),
    )
    expect(total('ping_pong_over_time', ({ pages }) => pages as number)).toBe(
      total('ping_pong', ({ returns, pages }) => (returns as number) * (pages as number)),
    )
  }
})

test('they end where bins end, and are few', () => {
  const ends = new Set(run.rows('epochs').map((row) => row['time_ns']))
  const times = new Set(OVER_TIME.flatMap(({ name }) => run.rows(name).map((row) => row['time_ns'])))
  expect(times.size).toBeGreaterThan(30)
  expect(times.size).toBeLessThanOrEqual(50)
  for (const time of times) expect(ends.has(time)).toBe(true)
})
