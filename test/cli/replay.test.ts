import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DECISIVE } from '../../src/cli/commands/replay.ts'
import { numareplay, ROOT, SAMPLES, temporaryFolder } from './run.ts'

const MASTER = join(SAMPLES, 'master-first-touch-pinned.csv.gz')
const LANES = ['first-touch', 'interleave', 'hot-page-daemon', 'numa-balancing']
const policies = (names: string[]) => names.flatMap((name) => ['-p', name])

interface Lane {
  policy: string
  label: string
  status: string
  accesses: number
  local: number
  remote: number
  meanLatencyNs: number
  p50LatencyNs: number
  p99LatencyNs: number
  stallNs: number
  estimatedRunNs: number
  migrated: number
  migrationFailed: number
  hintFaults: number
  boundNs: number
  totalCostNs: number
  vmstat: Record<string, number>
}

const json = (args: string[]) =>
  JSON.parse(numareplay([...args, '--no-html', '--json']).stdout) as { lanes: Lane[]; runFolder: string; trace: { accesses: number; pages: number } }

/** Every file of a run folder with its content; the time stamp is the only field that may differ. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((file) => {
        const bytes = readFileSync(join(folder, file))
        if (file !== 'run.json') return [file, createHash('sha256').update(bytes).digest('hex')]
        const { createdAt, command, ...record } = JSON.parse(bytes.toString())
        expect(createdAt).toMatch(/^\d{4}-/)
        expect(command[0]).toBe('numareplay')
        return [file, JSON.stringify(record)]
      }),
  )
}

describe('data initialised by one thread, then used by all', () => {
  const run = json(['replay', MASTER, ...policies(LANES), '-o', join(temporaryFolder(), 'run')])
  const lane = (name: string) => run.lanes.find(({ policy }) => policy === name)!
  const localShare = (name: string) => lane(name).local / lane(name).accesses

  test('ground truth of the recording: 368,640 accesses on 1,152 pages', () => {
    expect(run.trace).toMatchObject({ accesses: 368_640, pages: 1152 })
    for (const { accesses, local, remote } of run.lanes) expect([accesses, local + remote]).toEqual([368_640, 368_640])
  })

  test('hot-page-daemon and numa-balancing bring the local share clearly above first-touch', () => {
    expect(localShare('first-touch')).toBeCloseTo(0.6, 2)
    expect(localShare('hot-page-daemon')).toBeGreaterThan(localShare('first-touch') + 0.1)
    expect(localShare('numa-balancing')).toBeGreaterThan(localShare('first-touch') + 0.2)
  })

  test('interleave over two nodes serves half the accesses locally', () => {
    expect(localShare('interleave')).toBeCloseTo(0.5, 1)
  })

  test('counters agree with each other', () => {
    for (const { migrated, migrationFailed, hintFaults, vmstat } of run.lanes) {
      expect(vmstat['pgmigrate_success'] ?? 0).toBe(migrated)
      expect(vmstat['pgmigrate_fail'] ?? 0).toBe(migrationFailed)
      expect(vmstat['numa_hint_faults'] ?? 0).toBe(hintFaults)
    }
    expect(lane('numa-balancing').vmstat['numa_pages_migrated']).toBe(lane('numa-balancing').migrated)
  })

  test('no lane costs less than the optimum', () => {
    for (const { boundNs, totalCostNs } of run.lanes) expect(boundNs).toBeLessThanOrEqual(totalCostNs)
  })
})

test('same seed, same bytes: twice, and with 1 and 2 threads', () => {
  const folder = temporaryFolder()
  const args = (name: string, jobs: string) => ['replay', MASTER, ...policies(LANES), '-j', jobs, '-o', join(folder, name)]
  for (const [name, jobs] of [
    ['one', '1'],
    ['again', '1'],
    ['two', '2'],
  ] as const) {
    expect(numareplay(args(name, jobs)).code).toBe(0)
  }
  expect(contents(join(folder, 'again'))).toEqual(contents(join(folder, 'one')))
  expect(contents(join(folder, 'two'))).toEqual(contents(join(folder, 'one')))
})

test('another seed, other samples: the daemon decides differently', () => {
  const lanes = ['1', '2'].map((seed) => json(['replay', MASTER, '-p', 'hot-page-daemon', '--seed', seed, '-o', join(temporaryFolder(), 'run')]).lanes[0]!)
  expect(lanes[0]!.local).not.toBe(lanes[1]!.local)
})

test('the complete policy of docs/writing-a-policy.md runs from outside the repository', () => {
  const folder = temporaryFolder()
  const source = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/writing-a-policy.md'), 'utf8'))![1]!
  writeFileSync(join(folder, 'mine.ts'), source)
  const finished = numareplay(['replay', MASTER, '-p', 'first-touch', '-p', './mine.ts:period=500ms', '-o', 'run', '--json'], { cwd: folder })
  expect(finished.stderr).toBe('')
  const [firstTouch, mine] = (JSON.parse(finished.stdout) as { lanes: Lane[] }).lanes
  expect(mine!.label).toBe('mine:period=500ms')
  expect(mine!.local).toBeGreaterThan(firstTouch!.local)
})

test('every option that changes what comes out is in the command of the provenance', () => {
  const { stdout } = numareplay(['replay', '--help'])
  const all = [...stdout.matchAll(/^ +(?:-\w, )?--([a-z-]+)/gm)].map(([, name]) => name!)
  const indecisive = ['jobs', 'output', 'html', 'no-html', 'no-progress', 'json', 'help', 'version']
  expect(all.filter((name) => !indecisive.includes(name)).sort()).toEqual([...DECISIVE].sort())
})

describe('what is wrong is said in one line, with exit code 2', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'broken.ts'), 'export default definePolicy({')
  writeFileSync(join(folder, 'nothing.ts'), 'export default 42')
  writeFileSync(
    join(folder, 'throws.ts'),
    "import { definePolicy, every } from 'numareplay/policy'\nexport default definePolicy({ about: 'x', rules: () => [every('1s', () => { throw new Error('my own mistake') })] })",
  )
  mkdirSync(join(folder, 'notes'))
  writeFileSync(join(folder, 'notes/todo.txt'), 'keep me')
  const cases: [string, string[], RegExp][] = [
    ['unknown policy', ['replay', MASTER, '-p', 'numa-balancng'], /unknown policy "numa-balancng".*Did you mean numa-balancing\?/],
    ['unknown parameter', ['replay', MASTER, '-p', 'hot-page-daemon:perod=1s'], /no parameter "perod".*Did you mean period\?/],
    ['parameter that is not a time', ['replay', MASTER, '-p', 'hot-page-daemon:period=1'], /hot-page-daemon:period: not a time \(expected a number with ns/],
    ['the same policy twice', ['replay', MASTER, '-p', 'first-touch', '-p', 'first-touch'], /first-touch is given twice/],
    ['unknown machine', ['replay', MASTER, '-m', 'skx-cl-3s'], /unknown machine "skx-cl-3s"/],
    ['no such trace', ['replay', join(folder, 'nowhere.csv')], /nowhere\.csv/],
    ['a folder that holds something else', ['replay', MASTER, '-o', join(folder, 'notes')], /not a run folder: it is left as it is/],
    ['policy that does not compile', ['replay', MASTER, '-p', join(folder, 'broken.ts')], /broken\.ts:1:\d+: the policy does not compile/],
    ['file that is no policy', ['replay', MASTER, '-p', join(folder, 'nothing.ts')], /nothing\.ts: not a policy/],
    ['not a seed', ['replay', MASTER, '--seed', 'x'], /--seed: not a whole number/],
    ['option without a value', ['replay', MASTER, '--seed'], /--seed: no value given\. numareplay replay --help shows/],
    ['misspelt command', ['repaly', MASTER], /unknown command "repaly" \(expected compare, .*\)\. Did you mean replay\?/],
    ['a word that is no command', ['frobnicate'], /unknown command "frobnicate" .*numareplay --help says/],
    ['misspelt command below another', ['machine', 'lst'], /unknown command "lst" \(expected list, show, import\)\. Did you mean list\?/],
    ['misspelt option', ['replay', MASTER, '--polcy', 'first-touch'], /unknown option --polcy\. Did you mean --policy\? numareplay replay --help/],
    ['unknown letter', ['replay', MASTER, '-z'], /unknown option -z\. numareplay replay --help/],
    ['misspelt option without a command', ['--versin'], /unknown option --versin\. Did you mean --version\?/],
    ['one argument too many', ['machine', 'list', 'all'], /one argument too many \(got "all"\)/],
    ['no argument', ['import'], /an argument is missing\. numareplay import --help/],
    ['unknown word of a list', ['list', 'polices'], /unknown kind "polices" \(expected policies, .*\)\. Did you mean policies\?/],
    ['no command', [], /Say what to do/],
  ]
  for (const [name, args, message] of cases) {
    test(name, () => {
      const { code, stdout, stderr } = numareplay(args, { cwd: folder })
      expect(stderr).toMatch(message)
      expect(stderr.trim().split('\n')).toHaveLength(1)
      expect(stderr).not.toMatch(/\n {4}at /)
      expect([code, stdout]).toEqual([2, ''])
    })
  }

  test('a policy that throws ends its own lane only', () => {
    const finished = numareplay(['replay', MASTER, '-p', 'first-touch', '-p', './throws.ts', '-o', 'run', '--json'], { cwd: folder })
    expect(finished.code).toBe(3)
    const [firstTouch, throws] = (JSON.parse(finished.stdout) as { lanes: (Lane & { message: string })[] }).lanes
    expect([firstTouch!.status, throws!.status, throws!.message]).toEqual(['ok', 'error', 'my own mistake'])
  })
})

test('a machine without room ends the lane as oom, others go on, exit code 3', () => {
  const finished = numareplay(['replay', MASTER, '--memory', '0=1MiB,1=1MiB', '-p', 'first-touch', '-o', join(temporaryFolder(), 'run'), '--json'])
  expect(finished.code).toBe(3)
  expect((JSON.parse(finished.stdout) as { lanes: Lane[] }).lanes[0]!.status).toBe('oom')
})
