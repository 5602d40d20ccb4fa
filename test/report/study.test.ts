/** Reports of whole studies: the figures by hand, the sentences, and a page with hostile names in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Row } from '../../src/columns/index.ts'
import { findings, loadReport, loadReports, renderHtml, renderMarkdown } from '../../src/report/index.ts'
import { changesAlong, costsBySetting, inOrder, type Study, studyPoints } from '../../src/results/index.ts'
import { sampleStudy } from '../fixtures/sample-study.ts'
import { browserTest, launch, openQuietly, wordsOf } from './browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'study-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const study: Study = {
  facts: [],
  points: 12,
  comparisons: 4,
  axes: ['trace', 'seed'],
  varying: [
    { axis: 'trace', values: ['x', 'y'] },
    { axis: 'seed', values: [1, 2] },
  ],
  params: ['param_period'],
}
const point = (trace: string, seed: number, lane: string, cost: number, period: string | null = null): Row => ({
  trace,
  seed,
  lane,
  policy: lane.split(':')[0]!,
  param_period: period,
  status: 'ok',
  accesses: 100,
  total_cost_ns: cost,
  memory_stall_ns: 0.9 * cost,
  bound_ns: 400,
  migrated: lane === 'base' ? 0 : 4 * seed,
  page_faults: 8,
})
const ROWS = [
  ...[1, 2].flatMap((seed) => [point('x', seed, 'base', 1000), point('x', seed, 'd:1s', seed === 1 ? 500 : 2000, '1s'), point('x', seed, 'd:2s', 800, '2s')]),
  ...[1, 2].flatMap((seed) => [point('y', seed, 'base', 10), point('y', seed, 'd:1s', 20, '1s'), point('y', seed, 'd:2s', 10, '2s')]),
]

describe('figures of a study', () => {
  const points = studyPoints(ROWS, study, 'base')

  test('are ratios to the baseline of the same trace and seed; seeds are averaged within a setting', () => {
    const costs = costsBySetting(points).map(({ lane, setting, ratio, low, high }) => [lane, setting, Number(ratio.toFixed(9)), low, high])
    expect(costs).toEqual([
      ['base', 'trace=x', 1, 1, 1],
      ['d:1s', 'trace=x', 1, 0.5, 2],
      ['d:2s', 'trace=x', 0.8, 0.8, 0.8],
      ['base', 'trace=y', 1, 1, 1],
      ['d:1s', 'trace=y', 2, 2, 2],
      ['d:2s', 'trace=y', 1, 1, 1],
    ])
    // moved over what is touched: the mean of the seeds; cost over the optimum: their geometric mean
    const { moved, toOptimum } = costsBySetting(points)[1]!
    expect(moved).toBe((4 / 8 + 8 / 8) / 2)
    expect(toOptimum!.cost).toBeCloseTo(Math.sqrt((500 / 400) * (2000 / 400)))
    expect(toOptimum!.latency).toBeCloseTo(0.9 * toOptimum!.cost)
    const unknown = studyPoints(ROWS.map((row) => ({ ...row, bound_ns: row['seed'] === 1 ? null : row['bound_ns']! })), study, 'base') // biome-ignore format: one thought
    expect(costsBySetting(unknown)[1]!.toOptimum).toBeNull()
  })

  test('change along one axis while all else is equal', () => {
    const spreads = (axis: string) => changesAlong(axis, points, study, 'base').map(({ spread }) => Number(spread.toFixed(9)))
    expect(spreads('param_period')).toEqual([0.6, 1.5, 1, 1])
    expect(spreads('trace')).toEqual([3, 0.25, 0, 0.25])
    expect(spreads('seed')).toEqual([3, 0, 0, 0])
  })

  test('leave out what failed, and comparisons whose baseline did', () => {
    const broken = ROWS.map((row) => (row['trace'] === 'x' && row['seed'] === 1 && row['lane'] === 'base' ? { ...row, status: 'oom' } : row))
    expect(studyPoints(broken, study, 'base')).toHaveLength(9)
    expect(studyPoints(broken.map((row) => (row['lane'] === 'd:2s' ? { ...row, status: 'error' } : row)), study, 'base')).toHaveLength(6) // biome-ignore format: one thought
  })

  test('values of parameters go from small to large', () => {
    expect(inOrder(['5s', '500ms', '1s', '1s'])).toEqual(['500ms', '1s', '5s'])
    expect(inOrder(['1GiB', '64MiB', '2KiB'])).toEqual(['2KiB', '64MiB', '1GiB'])
    expect(inOrder(['10', '9'])).toEqual(['9', '10'])
    expect(inOrder(['50%', '0.1'])).toEqual(['0.1', '50%'])
    expect(inOrder(['on', '10'])).toEqual(['on', '10'])
  })

  test('in sentences', () => {
    const record = { ...sampleStudy().record, baseline: 'base' }
    const said = findings({ record, study, tables: ['points'], rows: (table) => (table === 'points' ? ROWS : []) }).map(
      ({ lane = '', text }) => `${lane} ${text}`,
    )
    expect(said[0]).toMatch(/^d:2s comes out best over 2 settings together: 10\.6% less memory time than base .* too little to tell/)
    expect(said[1]).toMatch(/^d:2s is the cheapest, or as cheap as any, in every one of them/)
    expect(said[2]).toMatch(/trace \(typically 25\.0%\)|period \(typically 100\.0%\)/)
  })
})

describe('what is more than chance', () => {
  // Two policies that differ by chance alone, both a little cheaper than the baseline, over six traces
  const lanes = ['interleave', 'first-touch', 'follow-cpuset']
  const shape = { lanes, traces: ['a', 'b', 'c', 'd', 'e', 'f'], machines: ['spr-2s'], seeds: [1, 2], compare: true }

  test('no policy is called best that others equal', () => {
    const [first, second] = findings(sampleStudy(shape)).map(({ lane = '', text }) => `${lane} ${text}`)
    expect(first).toMatch(
      /^(first-touch|follow-cpuset) is among the best over 6 settings together: 1\.\d% less .*\(95% interval -\d\.\d% to -\d\.\d%, traces like these\)\.$/,
    )
    expect(second).toMatch(/^(first-touch|follow-cpuset) shows no significant difference from (follow-cpuset|first-touch) over all of them\.$/)
  })

  test('nor the winner of a setting', async () => {
    const { report } = await loadReport('winners')
    const column = (study: ReturnType<typeof sampleStudy>) => {
      const [table] = report.text(study)
      return table!.rows.map((row) => row[table!.columns.findIndex(({ heading }) => heading === 'more than chance')])
    }
    expect(column(sampleStudy(shape))).toContain('no significant difference')
    expect(column(sampleStudy(shape))).not.toContain('yes')
    expect(column(sampleStudy({ ...shape, lanes: lanes.slice(0, 2) }))).toContain('yes')
    expect(column(sampleStudy({ ...shape, compare: false }))[0]).toBe('not enough epochs')
  })
})

const HOSTILE = ['</script><script>alert(1)</script>', '"><img src=x onerror=alert(2)>.csv', '{{datum}}`x`']
const hostile = sampleStudy({ traces: HOSTILE, machines: ['<b>m</b>', "it's"], lanes: ['first-touch', '<svg/onload=alert(3)>:period=1s', 'x:period=2s'] })
const reports = await loadReports(undefined, 'study')

test('Markdown keeps hostile names as text', () => {
  const [text] = renderMarkdown(hostile, reports, () => undefined).split('```sh')
  expect(text).not.toMatch(/(?<!\\)<(script|img|svg|b)\b/)
})

browserTest('a page of a study shows hostile names and runs none; charts follow the choice of policies', async () => {
  const file = join(folder, 'hostile.html')
  writeFileSync(file, await renderHtml(hostile, reports))
  const browser = await launch()
  try {
    const { page, noise } = await openQuietly(browser, file)
    await page.waitForSelector('html[data-ready]')
    const charts = await page.$$eval('.mount', (mounts) => mounts.map((mount) => [mount.id, mount.getAttribute('data-live')]))
    expect(charts.map(([, live]) => live)).toEqual(charts.map(() => 'true'))
    expect(charts.length).toBeGreaterThanOrEqual(6)
    expect(await page.locator('#provenance').textContent()).toContain(HOSTILE[0])
    const dots = () => page.locator('#study-cost-by-setting .mark-symbol path').count()
    const before = await dots()
    await page.getByRole('button', { name: 'x:period=2s' }).click()
    await expect.poll(() => page.locator('html').getAttribute('data-updates')).toBe('1')
    expect(await dots()).toBe(before / 2)
    expect(noise).toEqual([])
  } finally {
    await browser.close()
  }
})

describe('a study of long names', () => {
  const traces = [
    'phase-shift:slab=128KiB,accesses=200000,phases=8,duration=10s',
    'stream:array=512KiB,iterations=6',
    '/data/traces/2024-11-03/production-database-replica.csv.gz',
  ]
  const lanes = ['first-touch', 'interleave', 'hot-page-daemon:period=500ms', 'hot-page-daemon:period=2s', 'numa-balancing']
  const pages = {
    wide: { traces, lanes, machines: ['spr-2s', 'bdw-2s', 'amd-milan-8-nodes'], seeds: [1, 2], compare: true },
    narrow: { traces, lanes, machines: ['spr-2s'], seeds: [1], sampled: true },
  }

  for (const [name, shape] of Object.entries(pages)) {
    browserTest(`${name}: no word of a chart is cut or lies on another, and marks have room`, async () => {
      const file = join(folder, `${name}.html`)
      writeFileSync(file, await renderHtml(sampleStudy(shape), reports))
      const browser = await launch()
      try {
        for (const width of [390, 1366]) {
          const { page } = await openQuietly(browser, file, { viewport: { width, height: 844 } })
          await page.waitForSelector('html[data-ready]')
          const { words, unreadable } = await wordsOf(page)
          expect(words).toBeGreaterThan(40)
          expect(unreadable, `${width} pixels`).toEqual([])
          const plots = await page.$$eval('.mount', (mounts) =>
            mounts.map((mount) => ({
              id: mount.id,
              share: mount.querySelector('.stage .root > g > path.background')!.getBoundingClientRect().width / mount.clientWidth,
            })),
          )
          expect(plots.length).toBeGreaterThanOrEqual(4)
          for (const { id, share } of plots) expect(share, `${id} at ${width} pixels`).toBeGreaterThan(0.55)
          await page.close()
        }
      } finally {
        await browser.close()
      }
    })
  }
})

test('legends list the policies that a chart draws, in the colours of all charts', async () => {
  const page = await renderHtml(sampleStudy({ machines: ['spr-2s'] }), reports)
  const colours = new Map(
    [...page.matchAll(/<button[^>]*class="chip"[^>]*style="--lane:var\((--lane-\d)\)"><span>([^<]+)</g)].map(([, colour, lane]) => [lane!, colour!]),
  )
  const lanes = [...colours.keys()]
  expect(lanes.length).toBeGreaterThan(5)
  const legends = [...page.matchAll(/<h4><span>([^<]+)<.*?<\/figcaption>/gs)].flatMap(([caption, title]) => {
    const items = [...caption.matchAll(/<li data-lane="([^"]+)"[^>]*style="--lane:var\((--lane-\d)\)"/g)].map(([, lane, colour]) => [lane!, colour!] as const)
    return items.length > 0 ? [{ title, items }] : []
  })
  expect(legends.length).toBeGreaterThanOrEqual(4)
  for (const { items } of legends) for (const [lane, colour] of items) expect(colour).toBe(colours.get(lane))
  const listed = (title: string) => legends.find((legend) => legend.title === title)!.items.map(([lane]) => lane)
  expect(listed('Mean latency against memory moved, over the whole grid')).toEqual(lanes)
  expect(listed('Cost by trace')).toEqual(lanes.slice(1))
  const cheapest = new Set((await loadReport('winners')).report.charts(sampleStudy({ machines: ['spr-2s'] }))[0]!.data['winners']!.map(({ lane }) => lane))
  expect(listed('Cheapest policy of each setting')).toEqual(lanes.filter((lane) => cheapest.has(lane)))
})
