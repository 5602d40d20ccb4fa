/** What must hold after any sequence of operations: frames, places, counters. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ABSENT,
  accessOrKill,
  attach,
  createCpuset,
  discard,
  fork,
  Kernel,
  makePolicy,
  mbind,
  migratePages,
  mlock,
  mmap,
  movePages,
  munmap,
  nodeMask,
  PAGE,
  type Process,
  pin,
  writeMems,
} from '../../src/kernel/index.ts'

const NODES = 3
const CAPACITY = 700
const START = 512
const SPAN = 1024

/** One step of a story; numbers are reduced to what exists. */
const step = fc.record({
  kind: fc.constantFrom('map', 'mapHuge', 'unmap', 'touch', 'discard', 'fork', 'migrate', 'move', 'mbind', 'policy', 'cpuset', 'pin', 'mlock', 'run'),
  process: fc.nat(2),
  at: fc.nat(SPAN - 1),
  pages: fc.integer({ min: 1, max: 600 }),
  nodes: fc.uniqueArray(fc.nat(NODES - 1), { minLength: 1 }),
  others: fc.uniqueArray(fc.nat(NODES - 1), { minLength: 1 }),
  flag: fc.boolean(),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

class Story {
  readonly kernel: Kernel
  readonly attempted = { pages: 0 }

  constructor() {
    const zone = (node: number) => ({ node, managed: CAPACITY, free: CAPACITY, min: 0, low: 10, high: 20, promo: 30, reserve: 0 })
    const nodes = Array.from({ length: NODES }, (_, id) => ({ id, cpus: [id], bytes: 1, tier: 0, kind: '' }))
    const distance = nodes.map((_, i) => nodes.map((_, j) => (i === j ? 10 : 20)))
    this.kernel = new Kernel({
      machine: { nodes, distance },
      zones: nodes.map(({ id }) => zone(id)),
      pages: 0,
      observer: {
        migration: ({ succeeded, failed }) => (this.attempted.pages += succeeded + failed),
        scanned: () => {},
        copies: () => {},
        replicated: () => {},
      },
    })
    this.kernel.thp.enabled = 'always'
    this.kernel.pages.setMapcount(this.kernel.pages.create(), 0)
    const process = this.kernel.addProcess(100)
    this.kernel.addTask(process, 100, 0)
  }

  get living(): Process[] {
    return this.kernel.processes.filter((process) => process.tasks.length > 0)
  }

  run({ kind, process: which, at, pages, nodes, others, flag }: Step): void {
    const { kernel, living } = this
    const process = living[which % Math.max(1, living.length)]
    if (process === undefined) return
    const task = process.tasks[0]!
    const start = START + at
    switch (kind) {
      case 'map':
        mmap(kernel, process, { name: '', start, pages, kind: 'anon', shared: false, thp: false })
        return
      case 'mapHuge':
        mmap(kernel, process, { name: '', start: START, pages: SPAN, kind: 'anon', shared: false, thp: true })
        return
      case 'unmap':
        munmap(kernel, process, start, pages)
        return
      case 'discard':
        discard(kernel, process, start, pages)
        return
      case 'touch':
        for (let page = start; page < start + pages && process.tasks.length > 0; page++) accessOrKill(kernel, task, page, flag)
        return
      case 'fork':
        if (living.length < 3) fork(kernel, task, 100 + kernel.processes.length)
        return
      case 'migrate':
        migratePages(kernel, task, process, nodeMask(nodes), nodeMask(others), flag)
        return
      case 'move': {
        const found = process.vmas.flatMap((vma) => [...vma.ptes]).slice(at % 7, pages)
        const request = { count: found.length, resolve: (i: number) => found[i]!, node: () => nodes[0]!, all: flag, caller: null, targetMems: task.mems }
        movePages(kernel, request, new Int32Array(found.length))
        return
      }
      case 'mbind':
        mbind(kernel, task, process, { start, pages, mode: flag ? 'bind' : 'interleave', flags: [], nodes: nodeMask(nodes), moveAll: flag, privileged: true })
        return
      case 'policy': {
        const policy = makePolicy(flag ? 'bind' : 'preferred', [], nodeMask(nodes), task.mems, kernel.memoryNodes, NODES)
        if (typeof policy !== 'number') task.policy = policy
        return
      }
      case 'cpuset': {
        const cpuset = kernel.cpusets.get('/x') ?? createCpuset(kernel, '/x', kernel.rootCpuset)
        writeMems(kernel, cpuset, nodeMask(nodes))
        if (task.cpuset !== cpuset) attach(kernel, [...process.tasks], task.cpuset!, cpuset)
        return
      }
      case 'pin':
        pin(kernel, task, start, pages % 8, flag ? 'dma' : 'pipe')
        return
      case 'mlock':
        mlock(kernel, task, start, pages % 64, true)
        return
      case 'run':
        task.node = nodes[0]!
    }
  }

  check(): void {
    const { pages, frames, vmstat } = this.kernel
    const present = new Array<number>(NODES).fill(0)
    for (let page = 0; page < pages.length; page++) {
      if (pages.node[page] === ABSENT) continue
      expect(pages.node[page]).toBeLessThan(NODES)
      present[pages.node[page]!]!++
      expect(pages.state(page) & PAGE.isolated).toBe(0)
    }
    for (let node = 0; node < NODES; node++) {
      expect(frames.inUse[node]).toBe(present[node])
      expect(frames.inUse[node]! + frames.freeOn(node)).toBe(CAPACITY)
      expect(frames.freeOn(node)).toBeGreaterThanOrEqual(0)
    }
    const { pgmigrate_success: moved, pgmigrate_fail: failed } = vmstat.total()
    expect(moved! + failed!).toBe(this.attempted.pages)
    this.checkMappings()
  }

  /** Every mapped page is present, its folio is in one place, and its mapcount is the number of ptes that name it. */
  checkMappings(): void {
    const { pages, processes } = this.kernel
    const mapped = new Map<number, number>()
    for (const process of processes) {
      for (const vma of process.vmas) for (const page of vma.ptes) if (page >= 0) mapped.set(page, (mapped.get(page) ?? 0) + 1)
    }
    for (const [page, count] of mapped) {
      expect(pages.mapcount(page)).toBe(count)
      expect(pages.node[page]).toBe(pages.node[pages.head(page)])
    }
  }
}

describe('any sequence of operations', () => {
  it('keeps frames, places, mapcounts and counters consistent', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const story = new Story()
        for (const one of steps) {
          story.run(one)
          story.check()
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('migrate_pages(2)', () => {
  const sets = fc
    .tuple(fc.uniqueArray(fc.nat(5), { minLength: 1 }), fc.uniqueArray(fc.nat(5), { minLength: 1 }))
    .map(([from, to]) => [nodeMask(from), nodeMask(to)] as const)

  /** Six nodes, page p on places[p]. */
  function placed(places: number[]): { kernel: Kernel; process: Process } {
    const nodes = Array.from({ length: 6 }, (_, id) => ({ id, cpus: [id], bytes: 1, tier: 0, kind: '' }))
    const zones = nodes.map(({ id }) => ({ node: id, managed: 1000, free: 1000, min: 0, low: 0, high: 0, promo: 0, reserve: 0 }))
    const kernel = new Kernel({ machine: { nodes, distance: nodes.map(() => nodes.map(() => 10)) }, zones, pages: 0 })
    const process = kernel.addProcess(1)
    const task = kernel.addTask(process, 1, 0)
    mmap(kernel, process, { name: '', start: 0, pages: places.length, kind: 'anon', shared: false, thp: false })
    for (const [page, node] of places.entries()) {
      task.node = node
      accessOrKill(kernel, task, page, true)
    }
    return { kernel, process }
  }

  it('keeps relative placement: same ordinal, modulo; a page moves at most once', () => {
    fc.assert(
      fc.property(sets, fc.array(fc.nat(5), { minLength: 1, maxLength: 40 }), ([from, to], places) => {
        const { kernel, process } = placed(places)
        expect(migratePages(kernel, null, process, from, to, true)).toBe(0)
        const expected = places.map((node) => {
          if (!from.includes(node) || (from.length !== to.length && to.includes(node))) return node
          return to[from.indexOf(node) % to.length]!
        })
        expect([...process.vmas[0]!.ptes].map((page) => kernel.pages.node[page])).toEqual(expected)
      }),
    )
  })

  it('leaves a page that cannot move where and as it was', () => {
    fc.assert(
      fc.property(sets, fc.array(fc.tuple(fc.nat(5), fc.boolean()), { minLength: 1, maxLength: 30 }), ([from, to], places) => {
        const { kernel, process } = placed(places.map(([node]) => node))
        const ptes = process.vmas[0]!.ptes
        for (const [i, [, stuck]] of places.entries()) if (stuck) kernel.pages.setExtraRefs(ptes[i]!, 1)
        const used = [...kernel.frames.inUse]
        migratePages(kernel, null, process, from, to, true)
        for (const [i, [node, stuck]] of places.entries()) {
          if (!stuck) continue
          expect(kernel.pages.node[ptes[i]!]).toBe(node)
          expect(kernel.pages.state(ptes[i]!)).toBe(0)
          expect(kernel.pages.extraRefs(ptes[i]!)).toBe(1)
        }
        expect([...kernel.frames.inUse].reduce((a, b) => a + b)).toBe(used.reduce((a, b) => a + b))
      }),
    )
  })
})
