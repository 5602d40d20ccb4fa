/**
 * Sweeps that are killed for real, at random moments, and go on: the store ends up byte for byte as if nothing had happened.
 * The long mode kills sixty times: npm run test:kill.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { contentOf, MAIN, planFolder, type Running, run, start } from './helpers.ts'

const LONG = process.env['NUMAREPLAY_LONG'] !== undefined
const KILLS = LONG ? 60 : 5
const SAMPLE = 'phase-shift-autonuma.csv.gz'
const PLAN = `
traces: [${SAMPLE}, 'zipf:pages=2000|4000,accesses=100000']
machines: [2s-plus-cxl, spr-2s]
policies: [first-touch, 'hot-page-daemon:period=500ms|1s', numa-balancing, interleave]
seeds: 1-2
`
const POINTS = 3 * 2 * 5 * 2

let folder: string
let undisturbed: Record<string, string>

/** The same plan in the same place, so that paths in the store agree: each test has a store of its own name. */
const sweepTo = (store: string, ...more: string[]) => ['sweep', 'plan.yaml', '-o', store, '--json', '--progress', 'json', ...more]
const points = (stdout: string) => JSON.parse(stdout) as { computed: number; found: number; points: number; interrupted: boolean }

beforeAll(async () => {
  folder = planFolder(PLAN, {}, [SAMPLE])
  const { code, stderr } = await run(sweepTo('store', '--jobs', '2'), folder)
  expect(code, stderr).toBe(0)
  undisturbed = contentOf(join(folder, 'store'))
  expect(Object.keys(undisturbed).filter((path) => path.endsWith('.zst'))).toHaveLength(POINTS)
}, 300_000)

/** Sends a signal some time after so many points of this run are finished: by progress, not by the clock, whatever else the machine does. */
function signalAfter({ child }: Running, settled: number, signal: NodeJS.Signals, delayMs = 0): void {
  let seen = 0
  let isSent = false
  const send = () => {
    isSent = true
    setTimeout(() => child.kill(signal), delayMs)
  }
  if (settled === 0) send()
  child.stderr!.on('data', (data) => {
    seen += String(data).split('"event":"point"').length - 1
    if (seen >= settled && !isSent) send()
  })
}

test(`kill -9 at ${KILLS} random moments`, async () => {
  const random = new Random(20231, 'kill')
  const kept: number[] = []
  for (let stores = 0, kills = 0; kills < KILLS; stores++) {
    const store = `killed-${stores}`
    // killed again and again until one run gets through: moments from the start of the program to after the last point
    for (let isDone = false; !isDone; ) {
      const there = Object.keys(contentOf(join(folder, store))).filter((path) => path.startsWith('points/')).length
      const running = start(sweepTo(store, '--jobs', '2'), folder)
      const settled = random.below(6) === 0 ? 0 : Math.floor(random.float() * (POINTS - there))
      // one in four is left to finish, whatever the machine's speed
      if (random.below(4) > 0) signalAfter(running, settled, 'SIGKILL', random.float() * (settled === 0 ? 1500 : 150))
      const { code, signal, stderr } = await running.ended
      isDone = signal !== 'SIGKILL'
      if (isDone) expect(code, stderr).toBe(0)
      else kept.push(there + (stderr.match(/"status":"done"/g)?.length ?? 0))
      kills = kept.length
    }
    expect(contentOf(join(folder, store))).toEqual(undisturbed)
  }
  const hits = kept.filter((finished) => finished > 0)
  if (LONG) console.log(`${kept.length} kills: ${kept.length - hits.length} before the first point, others after ${hits.join(', ')} of ${POINTS}`)
  expect(hits.length, 'some run was killed after it had finished points').toBeGreaterThan(0)
}, 7_200_000)

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('keeps what is finished, says so, and leaves nothing half-done', async () => {
    let store = ''
    let ended: Awaited<Running['ended']>
    // a sweep may be at its end before the signal comes
    for (let attempt = 0; ; attempt++) {
      expect(attempt).toBeLessThan(5)
      store = `interrupted-${signal}-${attempt}`
      const running = start(sweepTo(store, '--jobs', '2'), folder)
      signalAfter(running, 1, signal)
      ended = await running.ended
      if (ended.code !== 0) break
    }
    expect(ended.code, ended.stderr).toBe(130)
    const { interrupted, computed } = points(ended.stdout)
    expect(interrupted).toBe(true)
    expect(computed).toBeGreaterThan(0)
    expect(computed).toBeLessThan(POINTS)
    expect(readdirSync(join(folder, store)).sort()).toEqual(['plans', 'points', 'store.json', 'traces'])

    const resumed = await run(sweepTo(store, '--resume'), folder)
    expect(points(resumed.stdout)).toMatchObject({ found: computed, computed: POINTS - computed })
    expect(contentOf(join(folder, store))).toEqual(undisturbed)
  }, 300_000)
})

test('two processes on one store share the work', async () => {
  const both = await Promise.all([1, 2].map(() => run(sweepTo('shared', '--jobs', '1'), folder)))
  for (const { code, stderr } of both) expect(code, stderr).toBe(0)
  const counts = both.map(({ stdout }) => points(stdout))
  expect(counts.reduce((sum, { computed }) => sum + computed, 0)).toBe(POINTS)
  for (const { computed, found } of counts) expect(computed + found).toBe(POINTS)
  expect(contentOf(join(folder, 'shared'))).toEqual(undisturbed)
}, 300_000)

test('one of two processes is killed: the other takes over', async () => {
  const victim = start(sweepTo('taken-over', '--jobs', '1'), folder)
  const other = start(sweepTo('taken-over', '--jobs', '1'), folder)
  signalAfter(victim, 1, 'SIGKILL')
  const { code, stderr, stdout } = await other.ended
  await victim.ended
  expect(code, stderr).toBe(0)
  expect(points(stdout).points).toBe(POINTS)
  expect(contentOf(join(folder, 'taken-over'))).toEqual(undisturbed)
}, 300_000)

test('parts make the whole', async () => {
  await run(sweepTo('parts', '--jobs', '1'), folder)
  const prepared = contentOf(join(folder, 'parts'))
  expect(prepared).toEqual(undisturbed)
  spawnSync('rm', ['-r', join(folder, 'parts/points')])
  const parts = await Promise.all(
    [1, 2, 3].map((part) => run(['sweep', 'work', 'parts', '--part', `${part}/3`, '--jobs', '1', '--json', '--progress', 'none'], folder)),
  )
  expect(parts.map(({ stdout }) => points(stdout).computed)).toEqual([POINTS / 3, POINTS / 3, POINTS / 3])
  expect(contentOf(join(folder, 'parts'))).toEqual(undisturbed)
}, 300_000)

describe('a full disk', () => {
  const mounted: string[] = []
  afterAll(() => {
    for (const path of mounted) spawnSync('umount', ['-l', path])
  })

  test('ends the sweep with a message; with room it goes on', async (context) => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk])
    if (mount.status !== 0 && !process.env['CI']) context.skip('no tmpfs: mounting needs root')
    expect(mount.status, String(mount.stderr)).toBe(0)
    mounted.push(disk)
    // the imports are there, and room for a part of the points
    cpSync(join(folder, 'store'), join(disk, 'store'), { recursive: true, filter: (path) => !path.includes('/store/points') })
    const usedKib = Number(spawnSync('du', ['-sk', disk], { encoding: 'utf8' }).stdout.split('\t')[0])
    spawnSync('mount', ['-o', `remount,size=${usedKib + 800}k`, disk])
    const { code, stderr } = await run(sweepTo('disk/store', '--jobs', '2'), folder)
    expect(stderr).toMatch(/the disk is full/)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(code).toBe(2)
    const kept = Object.entries(contentOf(join(disk, 'store')))
    expect(kept.filter(([path]) => path.startsWith('points/')).length).toBeGreaterThan(0)
    for (const [path, digest] of kept) expect(digest, path).toBe(undisturbed[path])

    spawnSync('mount', ['-o', 'remount,size=64m', disk])
    const resumed = await run(sweepTo('disk/store', '--resume'), folder)
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(contentOf(join(disk, 'store'))).toEqual(undisturbed)
  }, 300_000)

  test('so does a limit on the size of files, which needs no root', async () => {
    cpSync(join(folder, 'store'), join(folder, 'limited'), { recursive: true, filter: (path) => !path.includes('/store/points') })
    const args = ['sweep', 'work', 'limited', '--jobs', '1', '--progress', 'none']
    const { status, stderr } = spawnSync('bash', ['-c', `ulimit -f 4; exec "$@"`, 'bash', process.execPath, MAIN, ...args], { cwd: folder, encoding: 'utf8' })
    expect(stderr).toMatch(/the file is larger than allowed/)
    expect(status).toBe(2)
    expect(Object.keys(contentOf(join(folder, 'limited'))).filter((path) => path.startsWith('tmp/'))).toEqual([])
    const resumed = await run(args, folder)
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(contentOf(join(folder, 'limited'))).toEqual(undisturbed)
  }, 300_000)
})
