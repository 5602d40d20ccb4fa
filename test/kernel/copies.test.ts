/** Shadows and replicas: what they are good for, what ends them, and that frames are conserved whatever happens. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ABSENT, createLaneKernel } from '../../src/kernel/index.ts'
import { testMachine } from './world.ts'

/** Nodes 0 and 1 are fast, 2 is slow. */
function box({ frames = [16, 16, 64], pages = 24 } = {}) {
  const held = frames.map(() => 0)
  const costs = { copiedPages: 0, allocated: 0, replicas: 0 }
  const written = new Set<number>()
  const layout = {
    pageSize: 4096,
    pages,
    processes: [{ pid: 1, vmas: [{ name: 'heap', startVpage: 100, ptes: Int32Array.from({ length: pages }, (_, i) => i), shared: false }] }],
    tasks: [{ tid: 1, process: 0 }],
  }
  const kernel = createLaneKernel(testMachine({ nodes: frames, cpuless: [2] }), layout, {
    seed: 1,
    label: 'copies',
    isWritten: (page) => written.has(page),
    observer: {
      migration({ stages }) {
        costs.copiedPages += stages.copiedPages
        costs.allocated += stages.allocated
      },
      scanned: () => {},
      copies: (node, count) => {
        held[node]! += count
      },
      replicated: () => {
        costs.replicas++
      },
    },
  })
  const free = () => frames.map((_, node) => kernel.freePages(node))
  return { kernel, held, costs, written, free, frames }
}

describe('shadows', () => {
  it('a clean page goes up by a copy and down by a remap', () => {
    const { kernel, held, costs, free } = box()
    kernel.faultIn(0, 0, 0, false, 2)
    expect(kernel.transactPages([0], [0])).toMatchObject({ moved: 1 })
    expect([kernel.nodeOf(0), held, free(), costs.copiedPages]).toEqual([0, [0, 0, 1], [15, 16, 63], 1])
    expect(kernel.vmstat).toMatchObject({ pgpromote_success: 1, pgmigrate_success: 1 })
    expect(kernel.demotePages([0], 2, 'demotion')).toMatchObject({ moved: 1 })
    expect([kernel.nodeOf(0), held, free()]).toEqual([2, [0, 0, 0], [16, 16, 63]])
    expect(costs).toMatchObject({ copiedPages: 1, allocated: 1 })
    expect(kernel.vmstat).toMatchObject({ pgdemote_kswapd: 1, pgmigrate_success: 2 })
  })

  it('a write frees the shadow; going down is then a copy', () => {
    const { kernel, held, costs, free } = box()
    kernel.faultIn(0, 0, 0, false, 2)
    kernel.transactPages([0], [0])
    kernel.copies!.drop(0)
    expect([held, free()]).toEqual([
      [0, 0, 0],
      [15, 16, 64],
    ])
    kernel.demotePages([0], 2, 'demotion')
    expect(costs.copiedPages).toBe(2)
  })

  it('a write during the copy aborts the transaction: EAGAIN, and nothing has changed', () => {
    const { kernel, written, held, free } = box()
    kernel.faultIn(0, 0, 0, false, 2)
    written.add(0)
    expect(kernel.transactPages([0], [0])).toMatchObject({ moved: 0 })
    expect([kernel.nodeOf(0), held, free(), kernel.vmstat['pgmigrate_fail']]).toEqual([2, [0, 0, 0], [16, 16, 63], 1])
  })

  it('shadows make way when memory is short, the oldest first, and before the program runs out', () => {
    const { kernel, held } = box({ frames: [16, 16, 8], pages: 40 })
    for (const page of [0, 1, 2, 3, 4, 5]) kernel.faultIn(page, 0, 0, false, 2)
    kernel.transactPages([0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1])
    expect(held[2]).toBe(6)
    let page = 6
    while (page < 40 && kernel.faultIn(page, 0, 0, true) >= 0) page++
    // every frame of all nodes holds a page of the program: 40 frames, none left for a shadow
    expect([page, held[2]]).toEqual([40, 0])
  })
})

describe('replicas', () => {
  it('serve the cpus of their node until the page moves', () => {
    const { kernel, held, costs, free } = box()
    kernel.faultIn(0, 0, 0, false, 0)
    expect(kernel.replicatePages([0, 0, 0], [1, 1, 0])).toMatchObject({ moved: 1, failed: {} })
    expect([kernel.isReplicatedOn(0, 1), kernel.isReplicatedOn(0, 0), held, free(), costs.replicas]).toEqual([true, false, [0, 1, 0], [15, 15, 64], 1])
    kernel.movePages([0], 2)
    expect([kernel.isReplicatedOn(0, 1), held, free()]).toEqual([false, [0, 0, 0], [16, 16, 63]])
  })

  it('are refused with ENOMEM where no frame is free', () => {
    const { kernel } = box({ frames: [4, 1, 8] })
    for (const page of [0, 1]) kernel.faultIn(page, 0, 0, false, 0)
    expect(kernel.replicatePages([0, 1], [1, 1])).toMatchObject({ moved: 1, failed: { ENOMEM: 1 } })
  })
})

it('frames are conserved: free + pages + copies = all, on every node, after any story', () => {
  const step = fc.record({
    kind: fc.constantFrom('touch', 'transact', 'replicate', 'write', 'demote', 'move', 'misplaced', 'unmap', 'kswapd'),
    pages: fc.uniqueArray(fc.nat(23), { minLength: 1, maxLength: 12 }),
    node: fc.nat(2),
  })
  let shadows = 0
  let remaps = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.constantFrom<number[]>([16, 16, 64], [8, 6, 20], [3, 3, 24]), (steps, frames) => {
      const { kernel, held, free, costs } = box({ frames })
      for (const { kind, pages, node } of steps) {
        const to = pages.map(() => node)
        const present = pages.filter((page) => kernel.nodeOf(page) !== ABSENT)
        const copied = costs.copiedPages
        if (kind === 'touch') for (const page of pages) kernel.nodeOf(page) === ABSENT && kernel.faultIn(page, 0, node, true)
        if (kind === 'transact') kernel.transactPages(pages, to)
        if (kind === 'replicate') kernel.replicatePages(pages, to)
        if (kind === 'write') for (const page of pages) kernel.copies?.drop(page)
        if (kind === 'demote') remaps += kernel.demotePages(pages, 2, 'demotion').moved - (costs.copiedPages - copied)
        if (kind === 'move') kernel.movePages(pages, node)
        if (kind === 'misplaced') for (const page of present) kernel.migrateMisplaced(page, node)
        if (kind === 'unmap') kernel.munmap(0, 100 + pages[0]!, pages.length)
        if (kind === 'kswapd') kernel.reclaimCopies()
        shadows += held[2]!
        const placed = frames.map((_, n) => Array.from(kernel.placement).filter((on) => on === n).length)
        expect(free().map((count, n) => count + placed[n]! + held[n]!)).toEqual(frames)
        expect(Math.min(...held)).toBeGreaterThanOrEqual(0)
        for (let page = 0; page < 24; page++) if (kernel.nodeOf(page) === ABSENT) expect(kernel.copies?.has(page) ?? false).toBe(false)
      }
    }),
    { numRuns: 100, seed: 11 },
  )
  expect(shadows).toBeGreaterThan(0)
  expect(remaps).toBeGreaterThan(0)
})
