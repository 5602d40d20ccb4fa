import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAxes } from '../../src/sweep/axes.ts'
import { coordinatesOf, planOfSweep } from '../../src/sweep/expand.ts'
import { globFiles, matcher } from '../../src/sweep/glob.ts'
import { inputsOf, keyOf } from '../../src/sweep/plan.ts'
import { ROOT, temporaryFolder } from '../cli/run.ts'
import { planFolder } from './helpers.ts'

const home = process.cwd()
afterEach(() => process.chdir(home))

async function axesOf(text: string, files: Record<string, string> = { 'a.csv': 'x', 'b.csv': 'x' }, allowed: string[] = []) {
  const folder = planFolder(text, files)
  process.chdir(folder)
  return readAxes('plan.yaml', allowed)
}

const TRACE_FACTS = { path: 'traces/x.nrt', tickNs: 1e6, accesses: 1, pages: 1, pairs: 1 }
const planFor = async (text: string) => {
  const axes = await axesOf(text)
  return planOfSweep(
    axes,
    axes.traces.map(({ name }) => ({ name, digest: name, ...TRACE_FACTS })),
  )
}

describe('a plan', () => {
  test('is the cross product of its axes, without what is excluded', async () => {
    const axes = await axesOf(`
traces: '*.csv'
machines: [spr-2s, { machine: 2s-plus-cxl, name: small, memory: ['0=1GiB', '0=2GiB'] }]
policies:
  - first-touch
  - { policy: hot-page-daemon, name: daemon, params: { period: [1s, 2s, 5s] } }
seeds: 1-3
exclude:
  - { machine: spr-2s, policy: 'daemon*' }
  - { trace: b.csv, seed: [2, 3] }
`)
    expect(axes.traces.map(({ name }) => name)).toEqual(['a.csv', 'b.csv'])
    expect(axes.machines.map(({ name }) => name)).toEqual(['spr-2s', 'small 0=1GiB', 'small 0=2GiB'])
    expect(axes.policies.map(({ name }) => name)).toEqual(['first-touch', 'daemon:period=1s', 'daemon:period=2s', 'daemon:period=5s'])
    const all = 2 * 3 * 4 * 3
    const daemonOnSpr = 2 * 3 * 3
    const lateSeedsOfB = 3 * 4 * 2
    const both = 3 * 2
    expect(coordinatesOf(axes)).toHaveLength(all - daemonOnSpr - lateSeedsOfB + both)
  })

  test('has one point for what comes out the same', async () => {
    const plan = await planFor('traces: a.csv\nmachines: [2-socket, xeon-2s, 2-socket]\npolicies: [hot-page-daemon, "hot-page-daemon:period=1s"]\n')
    expect(plan.policies).toHaveLength(1)
    expect(new Set(plan.points.map(({ key }) => key)).size).toBe(plan.points.length)
  })

  test('workloads are a grid too', async () => {
    const axes = await axesOf('traces: "zipf:pages=1000|2000,accesses=10|20"\npolicies: first-touch\n')
    expect(axes.traces.map(({ name }) => name)).toEqual([
      'zipf:pages=1000,accesses=10',
      'zipf:pages=1000,accesses=20',
      'zipf:pages=2000,accesses=10',
      'zipf:pages=2000,accesses=20',
    ])
  })
})

test('the plan in docs/sweep.md is one', async () => {
  const text = /```yaml\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/sweep.md'), 'utf8'))![1]!
  const axes = await axesOf(text, {
    'recordings/monday/a.csv.gz': 'x',
    'other.log': 'x',
    'mine.ts': `export default Object.assign(() => {}, { definition: { about: 'x', rules: () => [] } })\n`,
    'faults/pinned.yaml': 'states: [{ state: pinned }]\n',
  })
  expect(axes.traces).toHaveLength(4)
  expect(axes.policies.map(({ name }) => name)).toContain('eager:scan-size=64MiB')
  expect(coordinatesOf(axes)).toHaveLength(4 * 2 * 5 * (3 * 7 - 2))
})

describe('the key of a point', () => {
  const PLAN = 'traces: [a.csv, b.csv]\nmachines: [spr-2s, 2s-plus-cxl]\npolicies: [first-touch, "hot-page-daemon:period=1s|2s"]\nseeds: [1, 2]\n'

  test('differs for every point and changes with every input', async () => {
    const plan = await planFor(PLAN)
    expect(plan.points).toHaveLength(2 * 2 * 3 * 2)
    expect(new Set(plan.points.map(({ key }) => key)).size).toBe(plan.points.length)
    const inputs = inputsOf(plan, plan.points[0]!)
    const changes = [
      { engine: 'x' },
      { trace: { ...inputs.trace, digest: 'x' } },
      { trace: { ...inputs.trace, tickNs: 7 } },
      { machine: 'x' },
      { policy: 'x' },
      { code: ['x'] },
      { files: { script: 'x' } },
      { faults: 'x' },
      { seed: 99 },
      { epochNs: 1 },
      { pace: 2 },
      { cpus: 'spread' },
    ]
    expect(Object.keys(inputs).sort()).toEqual([...new Set(changes.flatMap(Object.keys))].sort())
    expect(new Set(changes.map((change) => keyOf({ ...inputs, ...change }))).add(keyOf(inputs)).size).toBe(changes.length + 1)
  })

  test('does not change when other things are added to the plan', async () => {
    const small = await planFor(PLAN)
    const large = await planFor(`${PLAN.replace('[spr-2s,', '[bdw-2s, spr-2s,').replace('seeds: [1, 2]', 'seeds: [3, 1, 2]')}\nabout: more\n`)
    const keys = new Set(large.points.map(({ key }) => key))
    expect(small.points.every(({ key }) => keys.has(key))).toBe(true)
  })

  test('changes with the code of a policy file and with files its parameters name', async () => {
    const files = (period: string, script: string) => ({
      'a.csv': 'x',
      'mine.ts': `import { period } from './helper.ts'\nexport default Object.assign(() => period, { definition: { about: 'x', rules: () => [] } })\n`,
      'helper.ts': `export const period: string = '${period}'\n`,
      'moves.txt': script,
    })
    const text = 'traces: a.csv\npolicies: [./mine.ts, "manual:script=moves.txt"]\n'
    const keysOf = async (period: string, script: string) => {
      const axes = await axesOf(text, files(period, script))
      return planOfSweep(axes, [{ name: 'a.csv', digest: 'd', ...TRACE_FACTS }]).points.map(({ key }) => key)
    }
    const [mine, manual] = await keysOf('1s', '1s migrate_pages pid=1 from=0 to=1\n')
    const [mine2, manual2] = await keysOf('2s', '1s migrate_pages pid=1 from=0 to=1\n')
    const [mine3, manual3] = await keysOf('1s', '2s migrate_pages pid=1 from=0 to=1\n')
    expect([mine === mine2, manual === manual2]).toEqual([false, true])
    expect([mine === mine3, manual === manual3]).toEqual([true, false])
  })
})

describe('a plan that is wrong is refused with line and column', () => {
  const cases: [string, string, RegExp][] = [
    ['unknown key', 'traces: a.csv\npolicy: first-touch\n', /plan\.yaml:1:1: policies/s],
    ['unknown key of an entry', 'traces: a.csv\nmachines:\n  - { machine: spr-2s, memry: 0=1GiB }\npolicies: first-touch\n', /plan\.yaml:3:24.*memry/s],
    ['unknown policy', 'traces: a.csv\npolicies:\n  - first-touch\n  - hot-page-demon\n', /plan\.yaml:4:5.*hot-page-daemon/s],
    ['unknown parameter', 'traces: a.csv\npolicies:\n  - { policy: hot-page-daemon, params: { perod: 1s } }\n', /plan\.yaml:3:5.*perod.*period/s],
    ['unknown machine', 'traces: a.csv\nmachines: [spr-2s, spr-3s]\npolicies: first-touch\n', /plan\.yaml:2:20.*spr-3s/s],
    ['pattern without a file', 'traces:\n  - "*.lackey"\npolicies: first-touch\n', /plan\.yaml:2:5.*no file matches/s],
    ['missing file', 'traces: c.csv\npolicies: first-touch\n', /plan\.yaml:1:9.*file not found/s],
    ['idle exclusion', 'traces: a.csv\npolicies: first-touch\nexclude:\n  - { machine: nonesuch }\n', /plan\.yaml:4:5.*matches no point/s],
    ['everything excluded', 'traces: a.csv\npolicies: first-touch\nexclude: { policy: "*" }\n', /plan\.yaml:3:10.*every point is excluded/s],
    ['not YAML', 'traces: [a.csv\npolicies: first-touch\n', /plan\.yaml:\d+:\d+/],
    ['no time', 'traces: a.csv\npolicies: first-touch\nlimits: { time: soon }\n', /plan\.yaml:3:17.*limits\.time/s],
    ['a negative seed', 'traces: a.csv\npolicies: first-touch\nseeds: [-1]\n', /plan\.yaml:3:\d+/],
    ['too many points', 'traces: a.csv\npolicies: first-touch\nseeds: 0-999999\npaces: [1, 2, 3]\n', /3,000,000 points/],
    ['a path outside', 'traces: ../../etc/passwd\npolicies: first-touch\n', /plan\.yaml:1:9.*outside the folder/s],
    ['an absolute path', 'traces: a.csv\nmachines: /etc/hostname\npolicies: first-touch\n', /plan\.yaml:2:11.*outside the folder/s],
    ['a policy outside', 'traces: a.csv\npolicies: ../evil.ts\n', /plan\.yaml:2:11.*outside the folder/s],
    ['a parameter that names a file outside', 'traces: a.csv\npolicies: "manual:script=/etc/hostname"\n', /plan\.yaml:2:11.*outside the folder/s],
    ['a fault plan outside', 'traces: a.csv\npolicies: first-touch\nfaults: ../../../etc/hostname\n', /plan\.yaml:3:9.*outside the folder/s],
    ['a tag that would construct something', 'traces: !!js/function "function(){}"\npolicies: [1, 2]\n', /plan\.yaml|unknown policy/],
    ['a prototype', '__proto__: { polluted: 1 }\ntraces: a.csv\npolicies: first-touch\n', /plan\.yaml/],
  ]
  for (const [name, text, message] of cases) {
    test(name, async () => {
      const wrong = (async () => coordinatesOf(await axesOf(text)))()
      await expect(wrong).rejects.toThrow(message)
      await expect(wrong).rejects.toHaveProperty('name', 'UserError')
    })
  }

  test('a YAML bomb', async () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`)
    await expect(axesOf(`a0: &a0 x\n${levels.join('\n')}\ntraces: a.csv\npolicies: first-touch\n`)).rejects.toThrow(/plan\.yaml/)
  })

  test('nesting without end', async () => {
    await expect(axesOf(`traces: ${'['.repeat(100_000)}`)).rejects.toThrow(/plan\.yaml/)
  })

  test('a pattern of alternatives without end', () => {
    expect(() => globFiles('{a,b}'.repeat(40), '.')).toThrow(/too many alternatives/)
  })
})

describe('files a plan may name', () => {
  let outside: string
  beforeEach(() => {
    outside = temporaryFolder()
    writeFileSync(join(outside, 'secret.csv'), 'x')
  })

  test('a link that leads out is seen through', async () => {
    const folder = planFolder('traces: link.csv\npolicies: first-touch\n')
    symlinkSync(join(outside, 'secret.csv'), join(folder, 'link.csv'))
    process.chdir(folder)
    await expect(readAxes('plan.yaml', [])).rejects.toThrow(/outside the folder/)
    expect((await readAxes('plan.yaml', [outside])).traces).toHaveLength(1)
  })

  test('hostile names stay names', async () => {
    const names = ['$(touch x).csv', '<img src=x onerror=alert(1)>.csv', "a'b;c|d.csv", '-rf.csv', 'new\nline.csv']
    const folder = planFolder('traces: "*.csv"\npolicies: first-touch\n')
    for (const name of names) writeFileSync(join(folder, name), 'x')
    process.chdir(folder)
    expect((await readAxes('plan.yaml', [])).traces.map(({ name }) => name)).toEqual([...names].sort())
  })
})

describe('patterns', () => {
  test('match as a shell does', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'x/y'), { recursive: true })
    for (const file of ['a.csv', 'b.csv.gz', '.hidden.csv', 'x/c.csv', 'x/y/d.csv', '[odd].csv']) writeFileSync(join(folder, file), '')
    expect(globFiles('*.csv', folder)).toEqual(['[odd].csv', 'a.csv'])
    expect(globFiles('*.{csv,csv.gz}', folder)).toEqual(['[odd].csv', 'a.csv', 'b.csv.gz'])
    expect(globFiles('**/*.csv', folder)).toEqual(['[odd].csv', 'a.csv', 'x/c.csv', 'x/y/d.csv'])
    expect(globFiles('x/*', folder)).toEqual(['x/c.csv'])
    expect(globFiles('[ab].csv*', folder)).toEqual(['a.csv', 'b.csv.gz'])
    expect(globFiles('[!a].csv*', folder)).toEqual(['b.csv.gz'])
    expect(globFiles('?.csv', folder)).toEqual(['a.csv'])
  })

  test('agree with a slow twin on random texts', () => {
    const slow = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === ''
      const [head, rest] = [pattern[0]!, pattern.slice(1)]
      if (head === '*') return slow(rest, text) || (text !== '' && slow(pattern, text.slice(1)))
      return text !== '' && (head === '?' || head === text[0]) && slow(rest, text.slice(1))
    }
    const letters = (...chars: string[]) => fc.array(fc.constantFrom(...chars), { maxLength: 8 }).map((list) => list.join(''))
    fc.assert(fc.property(letters('a', 'b', '*', '?'), letters('a', 'b'), (pattern, text) => matcher(pattern)(text) === slow(pattern, text)))
  })

  test('take no time that grows with the product of stars', () => {
    expect(matcher(`${'*a'.repeat(500)}b`)('a'.repeat(2000))).toBe(false)
  })
})
