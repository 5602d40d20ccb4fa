/** What a run says of lanes that lose to doing nothing, and that loaded latency gives spreading something to win. */
import { describe, expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { replay } from '../../src/replay/index.ts'
import { traceFromAccesses } from '../../src/trace/index.ts'

const PAGES = 64
const TICK_NS = 1_000_000

/** One thread writes all pages, then threads on both sockets read them at so many GB/s together. */
function masterFirstTouch(gigabytesPerSecond: number) {
  const perTick = (gigabytesPerSecond * 1e9 * TICK_NS) / 1e9 / 64
  const weight = Math.round(perTick / PAGES / 2)
  const list = Array.from({ length: PAGES }, (_, page) => ({ t: page, page, cpu: 0, tid: 1, op: 'W' as const, bytes: 64 }))
  const reads = Array.from({ length: 20 }, (_, tick) =>
    list.flatMap(({ page }) => [0, 30].map((cpu) => ({ t: (tick + 1) * TICK_NS + page, page, cpu, tid: 1 + cpu, bytes: 64, weight }))),
  )
  return traceFromAccesses([...list, ...reads.flat()], { tickNs: TICK_NS })
}

const summary = async (gigabytesPerSecond: number, policies: string[], contention = true) =>
  (await replay({ trace: masterFirstTouch(gigabytesPerSecond), machine: machine('skx-cl-2s'), policies, contention, pace: 1, cpus: 'recorded', jobs: 1 })).rows(
    'summary',
  )

describe('loaded latency', () => {
  test('interleaving wins when one controller is saturated, and not when nobody queues', async () => {
    const [packed, spread] = await summary(150, ['first-touch', 'interleave'])
    expect(Number(packed!['queueing_ns'])).toBeGreaterThan(0)
    expect(Number(packed!['stretched_ns'])).toBeGreaterThan(0)
    expect(spread!['stretched_ns']).toBe(0)
    expect(spread!['mean_latency_ns']).toBeLessThan(Number(packed!['mean_latency_ns']) / 1.3)
    expect(spread!['verdict']).toMatch(/^saves \d+\.\d% against first-touch$/)

    const [idlePacked, idleSpread] = await summary(150, ['first-touch', 'interleave'], false)
    expect(idlePacked!['queueing_ns']).toBe(0)
    expect(Math.abs(Number(idleSpread!['mean_latency_ns']) - Number(idlePacked!['mean_latency_ns']))).toBeLessThan(1)
  })

  test('one controller instead of two: the epoch is stretched by what was asked over what it carries', async () => {
    const run = await replay({
      trace: masterFirstTouch(226.2),
      machine: machine('skx-cl-2s'),
      policies: ['first-touch'],
      pace: 1,
      cpus: 'recorded',
      jobs: 1,
    })
    // half of the readers are local: 226.2 GB/s of node 0, which carries 113.1; the link carries 50.9 of the far half
    const dilation = run.rows('epochs').map((row) => Number(row['dilation']))
    expect(dilation.at(-2)).toBeCloseTo(113.1 / 50.9, 1)
    const controller = run.rows('nodes').filter(({ node }) => node === 0)
    expect(Number(controller.at(-2)!['utilisation'])).toBeCloseTo(2, 1)
  })
})

describe('the optimum', () => {
  test('holds for larger pages too: a page of 64 KiB costs sixteen times the copy', async () => {
    const list = [0, 30].flatMap((cpu, half) =>
      Array.from({ length: 100 }, (_, i) => ({ t: half * 10_000 + i, page: i % 4, cpu, tid: 1 + cpu, weight: 50, bytes: 64 })),
    )
    const trace = traceFromAccesses(list, { tickNs: 1000, pageSize: 65_536 })
    const run = await replay({
      trace,
      machine: machine('skx-cl-2s'),
      policies: ['first-touch', 'clairvoyant:period=1us,horizon=20us'],
      pace: 1,
      cpus: 'recorded',
      jobs: 1,
    })
    const [still, moved] = run.rows('summary')
    expect(moved!['migrated']).toBe(4)
    // 0.67 us fixed and 0.143 us per KiB
    expect(Number(moved!['migration_ns'])).toBeGreaterThanOrEqual(4 * (670 + 64 * 143))
    for (const lane of [still!, moved!]) expect(Number(lane['total_cost_ns'])).toBeGreaterThanOrEqual(Number(lane['bound_ns']))
    expect(moved!['bound_gap']).toBe(0)
    expect(moved!['regret']).toBeCloseTo(Number(moved!['total_cost_ns']) / Number(moved!['bound_ns']) - 1, 6)
  })
})

describe('verdict', () => {
  test('names the cost of looking when that is what loses', async () => {
    const [, daemon] = await summary(0.01, ['first-touch', 'hot-page-daemon:period=1ms,sample-period=1,gain=1000'])
    expect(daemon!['verdict']).toMatch(/^loses .* to first-touch: looking too expensive/)
  })

  test('names reuse when moving did not pay', async () => {
    const [, moved] = await summary(0.01, ['first-touch', 'manual:calls=19ms migrate_pages pid=1 from=0 to=1'])
    expect(moved!['verdict']).toMatch(/^loses .* to first-touch: reuse too short/)
  })

  test('is silent about the measure itself', async () => {
    const [nothing, same] = await summary(1, ['first-touch', 'local'])
    expect(nothing!['verdict']).toBe('the measure of all others')
    expect(same!['verdict']).toBe('no different from first-touch')
  })
})
