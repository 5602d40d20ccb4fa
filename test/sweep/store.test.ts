/** What a sweep leaves: the same figures as `replay`, nothing computed twice, nothing read half-written. */
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { OVER_TIME, openRun, parquetToTable } from '../../src/results/index.ts'
import { openStore } from '../../src/sweep/index.ts'
import { contentOf, planFolder, run } from './helpers.ts'

// each test starts several programs
vi.setConfig({ testTimeout: 300_000 })

const SAMPLE = 'phase-shift-autonuma.csv.gz'
const PLAN = `
traces: [${SAMPLE}, 'zipf:pages=500,accesses=50000']
machines: [2s-plus-cxl, spr-2s]
policies:
  - first-touch
  - hot-page-daemon:period=1s|2s
  - { policy: numa-balancing, name: balancing }
seeds: [1, 7]
epochs: [default]
exclude: { machine: spr-2s, trace: 'zipf*' }
`.replace('epochs: [default]\n', '')
const POINTS = 3 * 2 * 4

let folder: string
let first: Awaited<ReturnType<typeof run>>
const store = () => join(folder, 'store')
const json = (text: string) => JSON.parse(text) as Record<string, unknown>

beforeAll(async () => {
  folder = planFolder(PLAN, {}, [SAMPLE])
  first = await run(['sweep', 'plan.yaml', '-o', 'store', '--json', '--progress', 'json'], folder)
}, 300_000)

test('computes every point once', async () => {
  expect(first.code, first.stderr).toBe(0)
  expect(json(first.stdout)).toMatchObject({ schema: 'numareplay/sweep/1', points: POINTS, computed: POINTS, found: 0, failed: [] })
  const before = contentOf(store())
  const again = await run(['sweep', 'plan.yaml', '-o', 'store', '--json', '--resume'], folder)
  expect(json(again.stdout)).toMatchObject({ computed: 0, found: POINTS })
  expect(contentOf(store())).toEqual(before)
})

test('tells programs how it goes', () => {
  const events = first.stderr
    .trim()
    .split('\n')
    .map((line) => json(line))
  expect(events[0]).toMatchObject({ event: 'trace', index: 0, count: 2 })
  expect(events.find(({ event }) => event === 'start')).toMatchObject({ points: POINTS, missing: POINTS })
  expect(events.filter(({ event }) => event === 'point')).toHaveLength(POINTS)
  expect(events.at(-1)).toEqual({ event: 'end' })
})

test('a point is what replay says about the same lanes', async () => {
  const opened = openStore(store())
  const scenario = opened.scenarios().find(({ axes }) => axes.trace === SAMPLE && axes.machine === '2s-plus-cxl' && axes.seed === 7)!
  const swept = (await opened.run(scenario))!
  const policies = ['first-touch', 'hot-page-daemon:period=1s|2s', 'numa-balancing'].flatMap((spec) => ['-p', spec])
  const replayed = await run(['replay', SAMPLE, '-m', '2s-plus-cxl', ...policies, '--seed', '7', '-o', 'run', '--json'], folder)
  expect(replayed.code, replayed.stderr).toBe(0)
  const expected = await openRun(join(folder, 'run'))
  // Sweeps keep figures, not what only a picture of one run needs
  const pictured = ['heat', ...OVER_TIME.map(({ name }) => name)]
  expect(swept.tables).toEqual(expected.tables.filter((name) => !pictured.includes(name)))
  expect(swept.rows('placement')).toEqual([])
  for (const name of swept.tables.filter((name) => name !== 'placement')) {
    const renamed = expected.rows(name).map((row) => (row['lane'] === 'numa-balancing' ? { ...row, lane: 'balancing' } : row))
    expect(swept.rows(name), name).toEqual(renamed)
  }
  expect(swept.record.trace).toEqual({ ...expected.record.trace, format: 'native' })
  expect(swept.record.lanes.map(({ label }) => label)).toEqual(['first-touch', 'hot-page-daemon', 'hot-page-daemon:period=2s', 'balancing'])
})

test('fault plans are an axis', async () => {
  const pinned = 'states:\n  - { state: pinned, fraction: 50% }\n'
  const other = planFolder(
    `traces: ${SAMPLE}\npolicies: [first-touch, hot-page-daemon]\nfaults: [none, faults/half-pinned.yaml]\n`,
    { 'faults/half-pinned.yaml': pinned },
    [SAMPLE],
  )
  expect((await run(['sweep', 'plan.yaml', '-o', 'store'], other)).code).toBe(0)
  const opened = openStore(join(other, 'store'))
  const [without, halfPinned] = await Promise.all(opened.scenarios().map(async (scenario) => (await opened.run(scenario))!))
  const failed = (of: typeof without) => of!.rows('summary').find(({ lane }) => lane === 'hot-page-daemon')!['migration_failed']
  expect(failed(without)).toBe(0)
  expect(failed(halfPinned)).toBeGreaterThan(0)
  const replayed = await run(
    ['replay', SAMPLE, '-m', '2-socket', '-p', 'first-touch', '-p', 'hot-page-daemon', '--faults', 'faults/half-pinned.yaml', '-o', 'run'],
    other,
  )
  expect(replayed.code, replayed.stderr).toBe(0)
  expect(halfPinned!.rows('summary')).toEqual((await openRun(join(other, 'run'))).rows('summary'))
})

test('a change recomputes what it touches and nothing else', async () => {
  const other = planFolder(PLAN.replace('1s|2s', '1s|3s'), {}, [SAMPLE])
  await run(['sweep', 'plan.yaml', '-o', 'store'], other)
  writeFileSync(join(other, 'plan.yaml'), PLAN.replace('1s|2s', '1s|2s|3s'))
  const { stdout } = await run(['sweep', 'plan.yaml', '-o', 'store', '--json'], other)
  expect(json(stdout)).toMatchObject({ computed: 3 * 2, found: POINTS })
})

test('a file that was cut short is computed again', async () => {
  const copy = planFolder(PLAN, {}, [SAMPLE])
  await run(['sweep', 'plan.yaml', '-o', 'store'], copy)
  const before = contentOf(join(copy, 'store'))
  const [a, b, c] = Object.keys(before).filter((path) => path.endsWith('.zst'))
  truncateSync(join(copy, 'store', a!), 100)
  truncateSync(join(copy, 'store', b!), 0)
  copyFileSync(
    join(
      copy,
      'store',
      Object.keys(before)
        .filter((path) => path.endsWith('.zst'))
        .at(-1)!,
    ),
    join(copy, 'store', c!),
  )
  const { stdout, stderr } = await run(['sweep', 'plan.yaml', '-o', 'store', '--json'], copy)
  expect(json(stdout)).toMatchObject({ computed: 3, found: POINTS - 3 })
  expect(stderr.match(/was damaged: computed again/g)).toHaveLength(3)
  expect(contentOf(join(copy, 'store'))).toEqual(before)
})

describe('reading', () => {
  test('status counts', async () => {
    const { stdout } = await run(['sweep', 'status', 'store', '--json'], folder)
    expect(json(stdout)).toMatchObject({ plans: [{ plan: 'plan', points: POINTS, done: POINTS, running: 0, failed: [], missing: 0 }], unused: 0 })
  })

  test('gather gives one data set', async () => {
    const { code, stderr } = await run(['sweep', 'gather', 'store', '-o', 'dataset'], folder)
    expect(code, stderr).toBe(0)
    const points = await parquetToTable(readFileSync(join(folder, 'dataset/points.parquet')))
    expect(points.length).toBe(POINTS)
    expect(new Set(points.column('param_period'))).toEqual(new Set([null, '1s', '2s']))
    expect(new Set(points.column('lane'))).toEqual(new Set(['first-touch', 'hot-page-daemon', 'hot-page-daemon:period=2s', 'balancing']))
    const epochs = await parquetToTable(readFileSync(join(folder, 'dataset/epochs/part-00000.parquet')))
    expect(new Set(epochs.column('point'))).toEqual(new Set(points.column('point')))
    const tables = (await openStore(store()).run(openStore(store()).scenarios()[0]!))!.tables.filter((name) => name !== 'summary')
    expect(readdirSync(join(folder, 'dataset')).sort()).toEqual(['dataset.json', 'points.parquet', ...tables].sort())
  })

  test('gather leaves foreign folders alone', async () => {
    const { code, stderr } = await run(['sweep', 'gather', 'store', '-o', '.'], folder)
    expect([code, stderr]).toEqual([2, expect.stringContaining('not a data set')])
  })
})

describe('report on a store', () => {
  const report = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['report', 'store', ...args], folder)
    expect(code, stderr).toBe(0)
    return stdout
  }

  test('is of the whole study', async () => {
    const said = JSON.parse(await report('--json')) as { reports: { name: string; tables: { rows: string[][] }[] }[]; findings: { text: string }[] }
    expect(said.reports.map(({ name }) => name)).toEqual(['study', 'grid-pareto', 'sensitivity', 'winners'])
    expect(said.findings[0]!.text).toMatch(/over 3 settings together/)
    expect(said.reports[0]!.tables[0]!.rows.map(([lane]) => lane)).toEqual(['first-touch', 'hot-page-daemon', 'hot-page-daemon:period=2s', 'balancing'])
    const axes = said.reports[2]!.tables[0]!.rows.map(([axis]) => axis)
    expect(axes.sort()).toEqual(['machine', 'period', 'seed', 'trace'])
    expect(said.reports[3]!.tables[0]!.rows).toHaveLength(3)
  })

  test('is written in every form', async () => {
    await report('--html', 'study.html', '--svg', 'charts', '--csv', 'csv', '--markdown', 'study.md')
    expect(readFileSync(join(folder, 'study.html'), 'utf8')).toContain('2 traces on 2 machines')
    expect(readdirSync(join(folder, 'charts'))).toContain('sensitivity-hot-page-daemon-period.svg')
    expect(readFileSync(join(folder, 'csv/points.csv'), 'utf8').trim().split('\n')).toHaveLength(POINTS + 1)
    expect(readFileSync(join(folder, 'study.md'), 'utf8')).toMatch(/How much each axis matters/)
  })

  test('of one comparison has every report, with the figures of replay', async () => {
    const one = ['--where', `trace=${SAMPLE}`, '--where', 'machine=2s-*', '--where', 'seed=7']
    const said = JSON.parse(await report(...one, '--json')) as { reports: { name: string; tables: unknown[] }[] }
    expect(said.reports.map(({ name }) => name)).toEqual(expect.arrayContaining(['sensitivity', 'summary', 'latency-stack', 'migrations']))
    const policies = ['first-touch', 'hot-page-daemon', 'hot-page-daemon:period=2s', 'numa-balancing'].flatMap((spec) => ['-p', spec])
    await run(['replay', SAMPLE, '-m', '2s-plus-cxl', ...policies, '--seed', '7', '-o', 'replayed'], folder)
    const replayed = JSON.parse((await run(['report', 'replayed', '--json', '-r', 'summary'], folder)).stdout) as typeof said
    const expected = JSON.parse(JSON.stringify(replayed.reports[0]!.tables).replaceAll('"numa-balancing', '"balancing'))
    expect(said.reports.find(({ name }) => name === 'summary')!.tables).toEqual(expected)
  })

  test('puts comparisons of one trace side by side', async () => {
    expect(await report('--where', `trace=${SAMPLE}`, '--where', 'seed=1', '-r', 'summary')).toMatch(/hot-page-daemon @ spr-2s/)
  })

  test('says which choice is missing or wrong', async () => {
    const cases: [string[], RegExp][] = [
      [['-r', 'summary', '-r', 'winners'], /report summary is of one comparison.*--where trace=NAME/],
      [['-r', 'summary'], /runs of different traces cannot be compared/],
      [['--where', 'machin=x'], /Did you mean machine/],
      [['--where', 'machine=none'], /no point of the plan matches.*spr-2s/],
    ]
    for (const [args, message] of cases) {
      const { code, stderr } = await run(['report', 'store', ...args], folder)
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    }
    const { code, stderr } = await run(['report', 'run', '--where', 'seed=1'], folder)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/only a sweep store/)])
  })
})

describe('a dry run', () => {
  test('counts and writes nothing', async () => {
    const dry = planFolder(PLAN, {}, [SAMPLE])
    const { code, stdout } = await run(['sweep', 'plan.yaml', '--dry-run', '--json', '-o', 'store'], dry)
    expect(code).toBe(0)
    const said = json(stdout) as { points: number; estimate: { tracesToImport: number; seconds: number; bytes: number } }
    expect(said).toMatchObject({ points: POINTS, estimate: { tracesToImport: 2, tracesKnown: 0 } })
    expect(said.estimate.seconds).toBeGreaterThan(0)
    expect(readdirSync(dry).sort()).toEqual([SAMPLE, 'plan.yaml'])
  })
})

describe('wrong input', () => {
  const cases: [string, string[], RegExp][] = [
    ['no plan', ['sweep'], /no plan given/],
    ['no store', ['sweep', 'plan.yaml'], /--output/],
    ['a folder of the user', ['sweep', 'plan.yaml', '-o', '.'], /not a store/],
    ['resume without a store', ['sweep', 'plan.yaml', '-o', 'nothing', '--resume'], /not a store/],
    ['a part beyond', ['sweep', 'work', 'store', '--part', '5/4'], /K\/N/],
    ['an unknown plan', ['sweep', 'work', 'store', '--plan', 'other'], /no such plan.*expected plan/s],
    ['status of nothing', ['sweep', 'status', 'nothing'], /not a store/],
  ]
  for (const [name, args, message] of cases) {
    test(name, async () => {
      const { code, stderr } = await run(args, folder)
      expect(stderr).toMatch(message)
      expect(stderr).not.toMatch(/\n\s+at /)
      expect(code).toBe(2)
    })
  }
})
