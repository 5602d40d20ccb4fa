/** A sweep as a job array on a real Slurm of this machine, with a task killed on purpose: the store is that of a local run. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT, temporaryFolder } from '../cli/run.ts'
import { contentOf, planFolder, run, start } from './helpers.ts'

const SCRIPTS = join(ROOT, '.ci/slurm')
const isThere = spawnSync('sh', ['-c', 'command -v slurmctld slurmd munged sbatch']).status === 0 && process.getuid?.() === 0
const SAMPLE = 'phase-shift-autonuma.csv.gz'
const PLAN = `
traces: [${SAMPLE}, 'zipf:pages=4000,accesses=200000']
machines: [2s-plus-cxl, spr-2s]
policies: [first-touch, 'hot-page-daemon:period=200ms|500ms|1s', numa-balancing]
seeds: 1-2
`
const POINTS = 2 * 2 * 5 * 2

test('slurm is there where it must be', (context) => {
  if (!process.env['CI'] && !isThere) context.skip('no slurm: Debian packages slurmctld slurmd slurm-wlm munge, and root')
  expect(isThere).toBe(true)
})

describe.runIf(isThere)('on Slurm', () => {
  const cluster = temporaryFolder()
  const folder = planFolder(PLAN, {}, [SAMPLE])
  let local: Record<string, string>
  const sweep = (store: string, ...more: string[]) => ['sweep', 'plan.yaml', '-o', store, '--json', '--progress', 'none', ...more]
  const slurm = (command: string, ...args: string[]) => spawnSync(command, args, { encoding: 'utf8' }).stdout.trim()
  const computed = (store: string) => contentOf(join(folder, store), (path) => path === 'slurm')

  beforeAll(async () => {
    const up = spawnSync(join(SCRIPTS, 'up.sh'), [cluster], { encoding: 'utf8' })
    expect(up.status, up.stderr).toBe(0)
    process.env['SLURM_CONF'] = join(cluster, 'slurm.conf')
    await run(sweep('local'), folder)
    local = computed('local')
    expect(Object.keys(local).filter((path) => path.startsWith('points/'))).toHaveLength(POINTS)
  }, 300_000)

  afterAll(() => {
    spawnSync(join(SCRIPTS, 'down.sh'), [cluster])
    delete process.env['SLURM_CONF']
  })

  test('a killed task is submitted again, and the result is that of a local run', async () => {
    const { ended } = start(sweep('array', '--engine', 'slurm', '--tasks', '4', '--sbatch=--time=10', '--gather', 'dataset'), folder)
    await killTask(2)
    const { code, stdout, stderr } = await ended
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ points: POINTS, computed: POINTS, failed: [] })
    expect(stderr).toMatch(/submitted job \d+ with 4 tasks/)
    expect(stderr).toMatch(/tasks 2 ended without finishing their points: submitting them again/)
    expect(computed('array')).toEqual(local)
    expect(existsSync(join(folder, 'dataset/points.parquet'))).toBe(true)
  }, 300_000)

  test('Ctrl-C leaves the jobs running; --resume follows them', async () => {
    const { child, ended } = start(sweep('left', '--engine', 'slurm', '--tasks', '2'), folder)
    const state = join(folder, 'left/slurm/plan.json')
    while (!existsSync(state) && child.exitCode === null) await sleep(50)
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect(code, stderr).toBe(130)
    expect(stderr).toMatch(/goes on without this process/)
    const job = (JSON.parse(readFileSync(state, 'utf8')) as { job: string }).job
    const resumed = await run(sweep('left', '--engine', 'slurm', '--tasks', '2', '--resume'), folder)
    expect(resumed.code, resumed.stderr).toBe(0)
    expect((JSON.parse(readFileSync(state, 'utf8')) as { job: string }).job).toBe(job)
    expect(computed('left')).toEqual(local)
  }, 300_000)

  test('what sbatch refuses is said in its words', async () => {
    const { code, stderr } = await run(sweep('refused', '--engine', 'slurm', '--sbatch=--partition=nosuch'), folder)
    expect(code).toBe(2)
    expect(stderr).toMatch(/invalid partition specified: nosuch.*sinfo lists/s)
    const own = await run(sweep('refused', '--engine', 'slurm', '--sbatch=--array=1-3'), folder)
    expect(own.stderr).toMatch(/--array is set by the sweep/)
  }, 300_000)

  /** kill -9 of the program of array task `number`, as an out-of-memory killer does it. */
  async function killTask(number: number): Promise<void> {
    for (let i = 0; i < 2400; i++) {
      await sleep(50)
      const pids = slurm('pgrep', '-f', `sweep work ${join(folder, 'array')} .*--part ${number}/4`)
        .split('\n')
        .filter((pid) => pid !== '')
      const killed = pids.filter((pid) => {
        try {
          return process.kill(Number(pid), 'SIGKILL')
        } catch {
          // ended since it was listed
          return false
        }
      })
      if (killed.length > 0) return
    }
    throw new Error(`task ${number} never ran`)
  }
})
