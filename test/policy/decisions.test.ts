/** What single policies decide, each on the smallest story that shows it. On 2-socket cpus 0-25 are node 0, 26-51 node 1. */
import { describe, expect, test } from 'vitest'
import { machine, withMemory } from '../../src/machine/index.ts'
import { laneOf, range, round } from './lane.ts'

const NODE0 = 0
const NODE1 = 26

describe('static policies', () => {
  const accesses = round(0, range(0, 12), NODE0)
  test.each([
    ['first-touch', [12, 0]],
    ['local', [12, 0]],
    ['interleave', [6, 6]],
    ['interleave:nodes=1', [0, 12]],
    ['weighted-interleave:weights=3,1', [9, 3]],
    ['bind:nodes=1', [0, 12]],
    ['preferred:nodes=1', [0, 12]],
    ['all-slow', [0, 12]],
  ])('%s', async (spec, placed) => {
    expect((await laneOf(spec, { accesses })).pagesPerNode).toEqual(placed)
  })

  test('a full node: bind ends the program, preferred goes on elsewhere', async () => {
    const on = withMemory(machine('2-socket'), '0=256KiB,1=1MiB')
    const story = { accesses: round(0, range(0, 100), NODE0), on }
    expect((await laneOf('bind:nodes=0', story)).status).toBe('oom')
    const { status, pagesPerNode } = await laneOf('preferred:nodes=0', story)
    expect(status).toBe('ok')
    expect(pagesPerNode[0]! + pagesPerNode[1]!).toBe(100)
    expect(pagesPerNode[1]).toBeGreaterThan(30)
  })

  test('weights by bandwidth, as reduce_interleave_weights() scales them', async () => {
    // 79.8, 78.8 and 31.3 GB/s: 32 * share = 13.4, 13.3, 5.3
    const { pagesPerNode } = await laneOf('weighted-interleave', { accesses: round(0, range(0, 31), 0), on: machine('2s-plus-cxl') })
    expect(pagesPerNode).toEqual([13, 13, 5])
  })
})

describe('batch-scheduler', () => {
  // threads 1 and 2 start on node 0 and go to node 1 together after 10 us
  const before = [...round(0, range(0, 8), NODE0, { tid: 1 }), ...round(1, range(8, 16), NODE0 + 1, { tid: 2 })]
  const after = [10, 20, 30].flatMap((t) => [...round(t, range(0, 8), NODE1, { tid: 1 }), ...round(t + 1, range(8, 16), NODE1 + 1, { tid: 2 })])

  test('pages follow the job once, after the delay', async () => {
    const { totals, pagesPerNode } = await laneOf('batch-scheduler:delay=5us,check=1us', { accesses: [...before, ...after] })
    expect(pagesPerNode).toEqual([0, 16])
    expect(totals.migrated).toBe(16)
    // first touches and the first round on the new node came before the operator
    expect(totals.remote).toBe(16)
  })

  test('one of two threads is not enough for a trigger of all', async () => {
    const half = [10, 20].flatMap((t) => [...round(t, range(0, 8), NODE1, { tid: 1 }), ...round(t + 1, range(8, 16), NODE0 + 1, { tid: 2 })])
    expect((await laneOf('batch-scheduler:delay=1us,check=1us,trigger=1', { accesses: [...before, ...half] })).totals.migrated).toBe(0)
    expect((await laneOf('batch-scheduler:delay=1us,check=1us', { accesses: [...before, ...half] })).totals.migrated).toBe(16)
  })
})

describe('hot-page-daemon', () => {
  const turns = (count: number) => range(0, count).flatMap((turn) => round(turn * 10, range(0, 4), turn % 2 ? NODE1 : NODE0, { times: 20 }))

  test('a page whose users take turns comes to rest', async () => {
    const spec = 'hot-page-daemon:period=10us,sees=exact,samples=0'
    const { totals } = await laneOf(spec, { accesses: turns(64) })
    // moves at rests of 1, 2, 4, … periods: at most log2(64) + 1 a page, where no guard would make 63
    expect(totals.migrated).toBeGreaterThanOrEqual(4)
    expect(totals.migrated).toBeLessThanOrEqual(4 * 7)
  })

  test('the budget lets the pages with most to win go first', async () => {
    const accesses = [
      ...round(0, range(0, 8), NODE0),
      ...[10, 20].flatMap((t) => [...round(t, range(0, 6), NODE1, { times: 2 }), ...round(t + 1, range(6, 8), NODE1, { times: 9 })]),
    ]
    // two pages in 10 us
    const { totals, pagesPerNode } = await laneOf('hot-page-daemon:period=10us,sees=exact,samples=0,budget=782MiB/s', { accesses })
    expect(totals.migrated).toBe(2)
    expect(pagesPerNode).toEqual([6, 2])
    expect(totals.remote).toBe(6 * 2 * 2 + 2 * 9)
  })
})

describe('numa-balancing', () => {
  const scan = 'scan-delay=5us,scan-period-min=5us,scan-period-max=20us,scan-size=4GiB'
  const story = (accesses: ReturnType<typeof round>) => ({ accesses, tick: 5 })

  test('a page used by one remote thread follows at its first hint fault', async () => {
    const accesses = [...round(0, range(0, 4), NODE0), ...[10, 20, 30].flatMap((t) => round(t, range(0, 4), NODE1))]
    const { totals, vmstat } = await laneOf(`numa-balancing:${scan}`, story(accesses))
    expect(totals.migrated).toBe(4)
    expect(vmstat['numa_pages_migrated']).toBe(4)
  })

  test('promotion in mode 2: touched soon after the scan is hot, long after is not', async () => {
    const on = withMemory(machine('memtis-constants'), '0=1MiB,1=4MiB,2=4MiB')
    // 300 pages do not fit node 0; its own are touched no more, so that the slow ones compete for what is free
    const fill = round(0, range(0, 300), 0, { gap: 0.001 })
    const touched = [20, 40, 60, 80].flatMap((t) => round(t, range(290, 300), 0))
    const run = (hot: string) =>
      laneOf(`numa-balancing:mode=2,${scan},hot-threshold=${hot}+demotion:tiering=on`, { accesses: [...fill, ...touched], on, tick: 5 })
    expect((await run('1ns')).vmstat['pgpromote_success'] ?? 0).toBe(0)
    expect((await run('1ms')).vmstat['pgpromote_success']).toBeGreaterThan(0)
  })
})

describe('tiering', () => {
  // the hot half comes last, when the fast node is full of pages that nobody needs any more
  const on = withMemory(machine('memtis-constants'), '0=256KiB,1=4MiB,2=4MiB')
  const hot = range(200, 230)
  const accesses = [...round(0, range(0, 230), 0, { gap: 0.001 }), ...range(1, 60).flatMap((turn) => round(turn * 10, hot, 0, { times: 10 }))]
  const story = { accesses, on, tick: 5 }

  test.each([
    'hemem:period=10us,sample-period=2',
    'memtis:period=10us,sample-period=2,write-period=2,adapt-after=50,cool-after=2000',
    'hybridtier:period=10us,sample-period=2',
    'arms:period=10us,sample-period=2,stay=1ms,batch=0.5',
    'colloid:period=10us,sample-period=2',
    'multi-clock:period=10us,bandwidth=64GiB/s',
    'nimble:period=10us,bandwidth=64GiB/s',
    'lru-tiering:period=5us',
    'clairvoyant:period=50us,horizon=100us',
    'tpp:scan-delay=5us,scan-period=10us,demote-scale=0.2',
    'nomad:scan-delay=5us,scan-period=10us,period=10us,demote-scale=0.2',
    'autotiering:scan-delay=5us,scan-period=10us',
    'damon-tiering:sample=1us,aggregation=10us,apply=20us,quota=64GiB/s,fast-free=0.2',
  ])('%s brings the hot pages up', async (spec) => {
    const still = await laneOf('first-touch', story)
    const { totals, status } = await laneOf(spec, story)
    expect(status).toBe('ok')
    expect(still.totals.local / (still.totals.local + still.totals.remote)).toBeLessThan(0.05)
    expect(totals.local / (totals.local + totals.remote)).toBeGreaterThan(0.55)
  })
})

describe('online policies', () => {
  // D of 2-socket is 1,240 ns / 65 ns = 19 accesses
  const story = (remote: number) => ({ accesses: [...round(0, [0], NODE0), ...round(2, [0], NODE1, { times: remote, gap: 0.05 }), ...round(40, [0], NODE1)] })
  test.each(['counter-based:period=1us,factor=1', 'work-function:period=1us', 'move-to-min:period=1us'])(
    '%s moves a page after D remote accesses',
    async (spec) => {
      expect((await laneOf(spec, story(15))).totals.migrated).toBe(0)
      expect((await laneOf(spec, story(40))).totals.migrated).toBe(1)
    },
  )
})
