/** The picture of pages over time against one that is counted access by access, and what it promises at any size. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Table } from '../../src/columns/index.ts'
import { machine } from '../../src/machine/index.ts'
import { HeatCounter, type HeatGrid, heatGrid } from '../../src/replay/heat.ts'
import { replay } from '../../src/replay/index.ts'
import { withBlocks } from '../../src/replay/window.ts'
import { type ListedAccess, type PreparedTrace, traceFromAccesses } from '../../src/trace/index.ts'
import { plainWorkspace, type Workspace } from '../../src/wasm/index.ts'

const PAGE = 4096

/** As it is counted on the way, by kernels, by their twins, and pair by pair. */
function heatTable(trace: PreparedTrace, grid: HeatGrid): Table {
  const counted = (given?: Workspace, withCells?: boolean) =>
    withBlocks(trace, (space, blockAt) => {
      const heat = new HeatCounter(trace, grid, given ?? space, withCells)
      for (let b = 0; b < trace.blocks; b++) for (let i = 0; i < blockAt(b).ticks; i++) heat.tick(blockAt(b), i)
      return heat.finish()
    })
  const table = counted()
  for (const other of [counted(undefined, true), counted(plainWorkspace, true), counted(undefined, false)]) expect(other.rows()).toEqual(table.rows())
  return table
}

const accesses = fc
  .array(
    fc.record({
      t: fc.integer({ min: 0, max: 5000 }),
      page: fc.integer({ min: 0, max: 40_000 }),
      pid: fc.integer({ min: 1, max: 3 }),
      weight: fc.integer({ min: 1, max: 9 }),
    }),
    {
      minLength: 1,
      maxLength: 600,
    },
  )
  .map((list): ListedAccess[] => list.sort((a, b) => a.t - b.t))

/** Distinct pages in order of process and address, as the picture puts them; processes in order of first appearance. */
function inOrder(list: ListedAccess[]): string[] {
  const pids = [...new Set(list.map(({ pid }) => pid))]
  const pages = [...new Map(list.map((access) => [`${access.pid} ${access.page}`, access])).values()]
  return pages.sort((a, b) => pids.indexOf(a.pid) - pids.indexOf(b.pid) || a.page! - b.page!).map(({ pid, page }) => `${pid} ${page}`)
}

test('every cell holds what a walk over the single accesses counts', () => {
  fc.assert(
    fc.property(accesses, fc.integer({ min: 1, max: 400 }), (list, tickNs) => {
      const trace = traceFromAccesses(list, { tickNs })
      const grid = heatGrid(trace)
      const rows = heatTable(trace, grid).rows()
      const order = inOrder(list)
      const count = Math.min(200, order.length)
      const ends = [...new Set(rows.map(({ time_ns }) => time_ns as number))]
      expect(grid.bins).toHaveLength(count)
      expect(ends.length).toBeLessThanOrEqual(200)
      const expected = new Map<string, number>()
      for (const { t, page, pid, weight } of list) {
        const rank = order.indexOf(`${pid} ${page}`)
        const bin = Array.from({ length: count }, (_, b) => Math.floor((b * order.length) / count)).findLastIndex((first) => first <= rank)
        const end = ends.find((end) => t - trace.tickStartNs[0]! < end)
        const key = `${end} ${bin}`
        expected.set(key, (expected.get(key) ?? 0) + weight!)
      }
      const counted = new Map(rows.filter(({ accesses }) => accesses !== 0).map(({ time_ns, bin, accesses }) => [`${time_ns} ${bin}`, accesses]))
      expect(counted).toEqual(expected)
      for (const { bin, pid, address } of rows) {
        const [ownPid, page] = order[grid.bins[bin as number]!.rank]!.split(' ')
        expect([pid, address]).toEqual([Number(ownPid), `0x${(Number(page) * PAGE).toString(16)}`])
      }
    }),
    { numRuns: 60 },
  )
})

test('the last placement of all bins is the occupancy of the nodes, and a move shows in the bin of time that made it', async () => {
  const pages = 120
  const list = Array.from({ length: 100 }, (_, tick) => Array.from({ length: pages }, (_, page) => ({ t: tick * 1000 + page, page, cpu: 0, pid: 1 }))).flat()
  const policies = ['interleave', 'manual:calls=40us migrate_pages pid=1 from=0 to=1']
  const run = await replay({ trace: traceFromAccesses(list, { tickNs: 1000 }), machine: machine('2-socket'), policies, pace: 1, cpus: 'recorded', jobs: 1 })
  for (const { label } of run.record.lanes) {
    const last = new Map<unknown, unknown>()
    for (const { lane, bin, node } of run.rows('placement')) if (lane === label) last.set(bin, node)
    for (const { id } of run.record.machine.nodes) {
      const held = run.rows('nodes').findLast(({ lane, node }) => lane === label && node === id)
      expect([...last.values()].filter((node) => node === id)).toHaveLength(held!['pages'] as number)
    }
  }
  const moved = run.rows('placement').filter(({ lane, node }) => String(lane).startsWith('manual') && node === 1)
  expect(moved.map(({ time_ns }) => time_ns)).toEqual(Array.from({ length: pages }, () => 40_000))
})

test('at a million pages the picture is as small, and made of 64 pages a bin', () => {
  const list = Array.from({ length: 1_000_000 }, (_, i) => ({ t: i, page: (i * 7919) % 1_000_003, pid: 1 }))
  const trace = traceFromAccesses(list, { tickNs: 1000 })
  const grid = heatGrid(trace)
  expect(grid.bins).toHaveLength(200)
  expect(grid.samplePages.length).toBeLessThanOrEqual(200 * 64)
  expect(grid.samplePages.length).toBeGreaterThan(200 * 50)
  const table = heatTable(trace, grid)
  expect(table.length).toBeLessThanOrEqual(200 * 200)
  expect(table.column('accesses').reduce((sum: number, accesses) => sum + (accesses as number), 0)).toBe(1_000_000)
})
