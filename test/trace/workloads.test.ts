import { describe, expect, it } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { listWorkloads, loadWorkload, openTrace, Zipf } from '../../src/trace/index.ts'
import { listTicks } from './naive-fold.ts'

/** Small versions of each, so that the tests are quick. */
const SMALL: Record<string, string> = {
  mix: 'pages=300,accesses=20000',
  'phase-shift': 'slab=16KiB,accesses=20000',
  'producer-consumer': 'ring=16KiB,private=16KiB,items=2000',
  stream: 'array=64KiB,iterations=2',
  uniform: 'table=256KiB,updates=20000',
  zipf: 'pages=500,accesses=20000',
}

describe('workloads', () => {
  it('have a small version here', () => {
    expect(Object.keys(SMALL)).toEqual(listWorkloads())
  })

  for (const [name, params] of Object.entries(SMALL)) {
    it(`${name}: same seed, same trace; another seed, another trace where chance plays a part`, async () => {
      const [a, b, c] = [await openTrace(`${name}:${params}`), await openTrace(`${name}:${params}`), await openTrace(`${name}:${params},seed=2`)]
      expect(a.meta.digest).toBe(b.meta.digest)
      expect(listTicks(a)).toEqual(listTicks(b))
      if (name !== 'stream') expect(c.meta.digest).not.toBe(a.meta.digest)
      expect(a.meta.accesses).toBeGreaterThan(0)
      expect(a.meta.timeLastNs).toBeLessThan(10e9)
      expect(a.cpus.length).toBeGreaterThan(1)
    })
  }

  it('stream: the first task initialises all, then each works on its own slab', async () => {
    const { meta, tasks } = await openTrace('stream:array=64KiB,iterations=2,tasks=4')
    const lines = (3 * 64 * 1024) / 64
    expect(meta).toMatchObject({ accesses: 3 * lines, writes: lines + (2 * lines) / 3, pages: 48, pagesWritten: 48 })
    expect(tasks.map(({ accesses }) => accesses)).toEqual([lines + lines / 2, lines / 2, lines / 2, lines / 2])
  })

  it('phase-shift: tasks move to the next node in each phase, by the scheduler or by cpusets', async () => {
    const { events, ticks, tickStartNs } = await openTrace('phase-shift:slab=16KiB,accesses=8000,phases=2,tasks=4,nodes=2,duration=1s,cpusets=on')
    const half = 0.5e9
    const at = (timeNs: number) => events.filter((event) => event.timeNs === timeNs)
    expect(at(0).filter(({ kind }) => kind === 'cpuset_create')).toEqual([
      { timeNs: 0, kind: 'cpuset_create', group: 'job0', cpus: [0, 1], mems: [0] },
      { timeNs: 0, kind: 'cpuset_create', group: 'job1', cpus: [2, 3], mems: [1] },
    ])
    expect(at(half).filter(({ kind }) => kind === 'cpuset_change')).toEqual([
      { timeNs: half, kind: 'cpuset_change', group: 'job0', cpus: [2, 3], mems: [1] },
      { timeNs: half, kind: 'cpuset_change', group: 'job1', cpus: [0, 1], mems: [0] },
    ])
    expect(at(half).flatMap((event) => (event.kind === 'task_runs_on' ? [[event.task, event.cpu]] : []))).toEqual([
      [0, 2],
      [1, 3],
      [2, 0],
      [3, 1],
    ])
    expect([...tickStartNs.subarray(0, ticks)]).toContain(half)
  })

  it('misspelt parameters are refused with the right word', async () => {
    await expect(loadWorkload('zipf:page=3')).rejects.toThrow(/no parameter "page" .*Did you mean pages=…\?/)
    await expect(loadWorkload('zipf:pages=0')).rejects.toThrow(/zipf:pages: too small/)
    await expect(loadWorkload('zipf:load=maybe')).rejects.toThrow(/not a switch/)
  })
})

describe('zipf ranks', () => {
  // chi-square at 0.999 with 19 degrees of freedom: 43.8 (any table of the distribution)
  it.each([0.5, 0.99, 1, 1.5])('follow 1 / (k + 1)^%s', (exponent) => {
    const ranks = 20
    const draws = 100_000
    const zipf = new Zipf(ranks, exponent)
    const random = new Random(7)
    const seen = new Array<number>(ranks).fill(0)
    for (let i = 0; i < draws; i++) seen[zipf.draw(random)]!++
    const weights = seen.map((_, k) => (k + 1) ** -exponent)
    const sum = weights.reduce((a, b) => a + b)
    const chiSquare = seen.reduce((total, count, k) => {
      const expected = (draws * weights[k]!) / sum
      return total + (count - expected) ** 2 / expected
    }, 0)
    expect(chiSquare).toBeLessThan(43.8)
  })

  it('stay in range for a billion ranks', () => {
    const zipf = new Zipf(1e9, 0.8)
    const random = new Random(3)
    for (let i = 0; i < 10_000; i++) {
      const rank = zipf.draw(random)
      expect(Number.isInteger(rank) && rank >= 0 && rank < 1e9).toBe(true)
    }
  })
})
