/**
 * Whether intervals hold what the replay of all pages says, over draws that know nothing of each other: which pages are kept depends on their
 * process and address alone, so seeds of one workload would all keep the same ones. Here each draw is a process of its own.
 */
import { describe, expect, it } from 'vitest'
import { Random, type Row } from '../../src/columns/index.ts'
import { machine } from '../../src/machine/index.ts'
import { replay } from '../../src/replay/index.ts'
import { tQuantile } from '../../src/results/index.ts'
import { type ListedAccess, openTrace, traceFromAccesses, Zipf } from '../../src/trace/index.ts'

const PAGES = 3000
const ACCESSES = 20_000
const TASKS = 8
const ONE_IN = 10
const DRAWS = 60
/** Pages with more accesses are all kept. */
const HOT = 20
const TICK_NS = 1000
const POLICIES = ['first-touch', 'interleave']
const box = machine('2-socket')

/** Pages of a skewed program, first touched by whoever comes first. */
function draw(seed: number): ListedAccess[] {
  const random = new Random(seed, 'coverage')
  const zipf = new Zipf(PAGES, 0.7)
  const pid = 1000 + 37 * seed
  return Array.from({ length: ACCESSES }, (_, i): ListedAccess => {
    const page = (zipf.draw(random) * 1877) % PAGES
    const cpu = random.float() < 0.7 ? page % TASKS : random.below(TASKS)
    return { t: i * 10, page, pid, cpu, op: random.float() < 0.3 ? 'W' : 'R' }
  })
}

/** How far figures were off, in half widths of their intervals. */
async function offs(): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>()
  const cpus = Array.from({ length: TASKS }, (_, cpu) => `${cpu}:${cpu % 2}`).join(',')
  for (let seed = 1; seed <= DRAWS; seed++) {
    const list = draw(seed)
    const counts = new Map<number, number>()
    for (const { page } of list) counts.set(page!, (counts.get(page!) ?? 0) + 1)
    const hot = { count: 0, has: (_pid: number, _high: number, low: number) => (counts.get(low) ?? 0) > HOT }
    const run = (sample?: { oneIn: number; hot: typeof hot }) =>
      replay({ trace: traceFromAccesses(list, { tickNs: TICK_NS, sample }), machine: box, policies: POLICIES, cpus, pace: 1, contention: false, heat: false, quickOptimum: true, jobs: 1 }) // biome-ignore format: one thought
    const [full, sampled] = [await run(), await run({ oneIn: ONE_IN, hot })]
    const note = (what: string, got: number, of: number, half: unknown) => found.set(what, [...(found.get(what) ?? []), (got - of) / (half as number)])
    const keyOf = (row: Row) => [row['lane'], row['time_ns'], row['node']].join(' ')
    const truth = new Map(full.rows('nodes').map((row) => [keyOf(row), row]))
    const times = [...new Set(sampled.rows('nodes').map((row) => row['time_ns'] as number))]
    for (const row of sampled.rows('nodes')) {
      const when = { [times[Math.floor(times.length / 20)]!]: 'early', [times.at(-1)!]: 'at the end' }[row['time_ns'] as number]
      if (when !== undefined) note(`pages on a node, ${row['lane']}, ${when}`, row['pages'] as number, truth.get(keyOf(row))!['pages'] as number, row['pages_ci95']) // biome-ignore format: one thought
    }
    const changeOf = (run: typeof full, of: string) => (run.rows('summary')[1]![of] as number) / (run.rows('summary')[0]![of] as number)
    note(
      'total cost against the baseline',
      changeOf(sampled, 'total_cost_ns'),
      changeOf(full, 'total_cost_ns'),
      sampled.rows('summary')[1]!['total_cost_change_ci95'],
    )
  }
  return found
}

describe('of policies that leave pages where they are', () => {
  it('intervals hold the figure of all pages as often as they say, and are as wide as that takes', async () => {
    const found = await offs()
    expect([...found.keys()].sort()).toEqual([
      'pages on a node, first-touch, at the end',
      'pages on a node, first-touch, early',
      'pages on a node, interleave, at the end',
      'pages on a node, interleave, early',
      'total cost against the baseline',
    ])
    for (const [what, all] of found) {
      const held = all.filter((off) => Math.abs(off) <= 1).length / all.length
      const deviation = tQuantile(63) * Math.sqrt(all.reduce((sum, off) => sum + off * off, 0) / all.length)
      expect(held, what).toBeGreaterThan(0.87)
      // 1 where the intervals are as wide as they should be; of so many draws within a fifth, twice
      expect(deviation, what).toBeGreaterThan(0.7)
      expect(deviation, what).toBeLessThan(1.3)
    }
  }, 120_000)
})

describe('the change of the total cost', () => {
  it('has the error of both lanes on the same pages', async () => {
    const trace = await openTrace('zipf:pages=20000,accesses=60000', { sampleOneIn: 10 })
    const run = await replay({ trace, machine: box, policies: ['numa-balancing', 'hot-page-daemon', 'first-touch'], jobs: 1 })
    const { oneIn, sampledAccesses, leftOutAccesses } = trace.meta.sample!
    const names = ['accesses', 'memory_stall_ns', 'migrated', 'hint_faults'] as const
    type Sums = Record<(typeof names)[number], number>
    const groupsOf = (lane: unknown): Sums[] => run.rows('sample_groups').filter((row) => row['lane'] === lane) as unknown as Sums[]
    /** Total cost of a lane from the groups that are left, group 0 among them; the others stand for the one left out. */
    const cost = (row: Row, left: number): number => {
      const [exact, ...others] = groupsOf(row['lane'])
      const tail = Object.fromEntries(names.map((name) => [name, (others.filter((_, i) => i !== left).reduce((sum, group) => sum + group[name], 0) * 64) / 63])) as Sums // biome-ignore format: one thought
      const tailAccesses = sampledAccesses + leftOutAccesses
      const memory = exact!.memory_stall_ns + (tailAccesses * tail.memory_stall_ns) / tail.accesses
      const counted = (name: 'migrated' | 'hint_faults', time: string): number =>
        row[name] === 0 ? 0 : ((row[time] as number) / (row[name] as number)) * (exact![name] + oneIn * tail[name])
      const known = (row['memory_stall_ns'] as number) + (row['migrated'] === 0 ? 0 : (row['migration_ns'] as number)) + (row['hint_faults'] === 0 ? 0 : (row['hint_fault_ns'] as number)) // biome-ignore format: one thought
      return memory + counted('migrated', 'migration_ns') + counted('hint_faults', 'hint_fault_ns') + (row['total_cost_ns'] as number) - known
    }
    const [baseline, ...rest] = run.rows('summary')
    expect(baseline!['total_cost_change_ci95']).toBe(0)
    for (const row of rest) {
      const changes = Array.from({ length: 64 }, (_, left) => cost(row, left) / cost(baseline!, left))
      const mean = changes.reduce((sum, change) => sum + change, 0) / 64
      const wanted = tQuantile(63) * Math.sqrt((1 - 1 / oneIn) * (63 / 64) * changes.reduce((sum, change) => sum + (change - mean) ** 2, 0))
      expect(wanted).toBeGreaterThan(0)
      expect(row['total_cost_change_ci95'] as number).toBeCloseTo(wanted, 6)
    }
  })
})
