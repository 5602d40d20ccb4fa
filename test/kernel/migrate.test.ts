/** The migration engine, stage by stage: what stops a folio where, what it costs, what is counted. */
import { describe, expect, it } from 'vitest'
import { ABSENT, type MigrateMode, type MigrateReason, type MigrationRecord } from '../../src/kernel/index.ts'
import { isolateFolio, isolateMovablePage } from '../../src/kernel/isolate.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { actualRefs, expectedRefs, type MovableOperations, type Stage } from '../../src/kernel/migrate.ts'
import { PAGE } from '../../src/kernel/pages.ts'

interface Bench {
  kernel: Kernel
  /** Isolates the pages and migrates them to node 1. */
  migrate(folios: number[], mode?: MigrateMode, reason?: MigrateReason): number
  record(): Readonly<MigrationRecord>
  counters(): Record<string, number>
}

/** `pages` small pages on node 0; node 1 has `free` pages. */
function bench(pages: number, free = 4096): Bench {
  const zone = (node: number, size: number) => ({ node, managed: size, free: size, min: 0, low: 0, high: 0, promo: 0, reserve: 0 })
  const nodes = [0, 1].map((id) => ({ id, cpus: [id], bytes: 1, tier: 0, kind: '' }))
  const kernel = new Kernel({
    machine: {
      nodes,
      distance: [
        [10, 20],
        [20, 10],
      ],
    },
    zones: [zone(0, 8192), zone(1, free)],
    pages,
  })
  for (let page = 0; page < pages; page++) {
    kernel.pages.node[page] = 0
    kernel.frames.take(0, 'min', 1)
  }
  return {
    kernel,
    migrate(folios, mode = 'MIGRATE_SYNC', reason = 'syscall_or_cpuset') {
      kernel.isolated.clear()
      for (const folio of folios) if (!isolateFolio(kernel, folio) && !isolateMovablePage(kernel, folio)) throw new Error(`${folio} not isolated`)
      const target = (_: number, size: number): number => kernel.frames.allocateOn(1, null, size, 1)
      return kernel.engine.migratePages(kernel.isolated.data, kernel.isolated.length, target, mode, reason)
    },
    record: () => kernel.engine.last,
    counters: () => Object.fromEntries(Object.entries(kernel.vmstat.total()).filter(([name, value]) => value > 0 && /^(pgmigrate|thp)_/.test(name))),
  }
}

/** A huge page of the pages 0 … 511, mapped by a huge pmd once. */
function huge(free = 4096): Bench {
  const it = bench(512, free)
  const { pages } = it.kernel
  const ids = Int32Array.from({ length: 512 }, (_, i) => i)
  for (const id of ids) pages.setMapcount(id, 1)
  pages.join(ids, 0, 9)
  pages.setEntireMapcount(0, 1)
  return it
}

describe('a plain page', () => {
  it('goes through all stages in the order of the code', () => {
    const { kernel, migrate, record } = bench(1)
    const stages: Stage[] = []
    kernel.engine.onStage = ({ stage, errno }) => {
      expect(errno).toBe(0)
      stages.push(stage)
    }
    expect(migrate([0])).toBe(0)
    expect(stages).toEqual([
      'isolate', 'allocate', 'lock source', 'writeback', 'lock target', 'unmap', 'refcount', 'copy', 'mapping', 'flags', 'putback', 'remap', 'unlock',
    ]) // biome-ignore format: one line reads as the list it is
    expect(record().stages).toEqual({
      isolated: 1, allocated: 1, unmapped: 1, tlbFlushes: 1, copiedPages: 1, copiedThp: 0, remapped: 1, putBack: 1, retries: 0,
    }) // biome-ignore format: one line
  })

  it('moves in batches of 512 with one TLB flush each', () => {
    const { migrate, record, counters } = bench(1300)
    expect(migrate(Array.from({ length: 1300 }, (_, i) => i))).toBe(0)
    expect(record().stages.tlbFlushes).toBe(3)
    expect(counters()).toEqual({ pgmigrate_success: 1300 })
  })
})

describe('references', () => {
  // mm.h:folio_expected_ref_count(): the page cache holds one a page; + 1 is the isolation's
  it.each([
    ['anonymous page', 0, 1],
    ['page of a file', PAGE.file, 2],
  ])('%s', (_, state, required) => {
    const { kernel } = bench(1)
    kernel.pages.setState(0, state)
    expect(expectedRefs(kernel.pages, 0) + 1).toBe(required)
    expect(actualRefs(kernel.pages, 0)).toBe(required)
    kernel.pages.setExtraRefs(0, 1)
    expect(actualRefs(kernel.pages, 0)).toBe(required + 1)
  })

  it('huge page of a file: 2^9 + 1', () => {
    const { kernel } = huge()
    kernel.pages.setState(0, PAGE.file)
    expect(expectedRefs(kernel.pages, 0) + 1).toBe(513)
  })
})

describe('what stops a page', () => {
  interface Obstacle {
    name: string
    state?: number
    extraRefs?: number
    mode: MigrateMode
    errno: string
    stage: Stage
    /** Unmap or move attempts beyond the first. */
    retries: number
  }
  // passes: 10 for asynchronous callers; 3 together and 7 alone for synchronous ones
  const obstacles: Obstacle[] = [
    { name: 'DMA pin on an anonymous page', state: PAGE.dmaPinned, mode: 'MIGRATE_SYNC', errno: 'EAGAIN', stage: 'unmap', retries: 8 },
    { name: 'the same, asynchronously', state: PAGE.dmaPinned, mode: 'MIGRATE_ASYNC', errno: 'EAGAIN', stage: 'unmap', retries: 9 },
    { name: 'DMA pin on a page of a file', state: PAGE.dmaPinned | PAGE.file, mode: 'MIGRATE_SYNC', errno: 'EAGAIN', stage: 'refcount', retries: 8 },
    { name: 'reference of a pipe', extraRefs: 1, mode: 'MIGRATE_SYNC', errno: 'EAGAIN', stage: 'refcount', retries: 8 },
    { name: 'lock held elsewhere', state: PAGE.locked, mode: 'MIGRATE_ASYNC', errno: 'EAGAIN', stage: 'lock source', retries: 9 },
    { name: 'writeback', state: PAGE.writeback, mode: 'MIGRATE_ASYNC', errno: 'EBUSY', stage: 'writeback', retries: 0 },
    { name: 'writeback, light', state: PAGE.writeback, mode: 'MIGRATE_SYNC_LIGHT', errno: 'EBUSY', stage: 'writeback', retries: 0 },
    {
      name: 'dirty without migrate_folio',
      state: PAGE.dirty | PAGE.noMigrateFolio | PAGE.file,
      mode: 'MIGRATE_ASYNC',
      errno: 'EBUSY',
      stage: 'mapping',
      retries: 0,
    },
    { name: 'memory error', state: PAGE.poisoned, mode: 'MIGRATE_SYNC', errno: 'EHWPOISON', stage: 'copy', retries: 0 },
  ]
  it.each(obstacles)('$name', ({ state = 0, extraRefs = 0, mode, errno, stage, retries }) => {
    const { kernel, migrate, record, counters } = bench(2)
    kernel.pages.setState(0, state)
    if (extraRefs > 0) kernel.pages.setExtraRefs(0, extraRefs)
    expect(migrate([0, 1], mode)).toBe(1)
    expect([...kernel.pages.node.subarray(0, 2)]).toEqual([0, 1])
    expect(kernel.pages.state(0)).toBe(state)
    expect(record()).toMatchObject({ succeeded: 1, failed: 1, failures: [{ errno, stage, pages: 1 }] })
    expect(record().stages.retries).toBe(retries)
    expect(counters()).toEqual({ pgmigrate_success: 1, pgmigrate_fail: 1 })
    expect(kernel.frames.inUse).toEqual(Float64Array.of(1, 1))
  })

  it.each([
    ['writeback is waited for', PAGE.writeback],
    ['a lock is waited for', PAGE.locked],
    ['a dirty page is written out and tried again', PAGE.dirty | PAGE.noMigrateFolio | PAGE.file],
    ['locked memory moves', PAGE.mlocked | PAGE.unevictable],
    ['KSM pages move', PAGE.ksm],
  ])('synchronously %s', (_, state) => {
    const { kernel, migrate, counters } = bench(1)
    kernel.pages.setState(0, state)
    expect(migrate([0])).toBe(0)
    expect(kernel.pages.node[0]).toBe(1)
    expect(counters()).toEqual({ pgmigrate_success: 1 })
  })

  it('a page that somebody has isolated cannot be isolated again', () => {
    const { kernel } = bench(1)
    expect(isolateFolio(kernel, 0)).toBe(true)
    expect(isolateFolio(kernel, 0)).toBe(false)
  })

  it('no memory on the target ends the call; pages not tried are not counted', () => {
    const { kernel, migrate, counters } = bench(10, 4)
    expect(migrate([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toBe(-12)
    expect([...kernel.pages.node.subarray(0, 10)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    expect(counters()).toEqual({ pgmigrate_success: 4, pgmigrate_fail: 1 })
    // all are back on their lists
    for (let page = 0; page < 10; page++) expect(kernel.pages.state(page) & PAGE.isolated).toBe(0)
  })
})

describe('pages of drivers', () => {
  it('are moved by the callbacks of their driver', () => {
    const { kernel, migrate, counters } = bench(2)
    const calls: string[] = []
    const driver: MovableOperations = {
      isolate: (page) => calls.push(`isolate ${page}`) > 0,
      migrate: (page, to, mode) => (calls.push(`migrate ${page} to ${to} ${mode}`) > 0 && page === 1 ? -16 : 0),
      putback: (page) => calls.push(`putback ${page}`),
    }
    kernel.engine.driver = driver
    for (const page of [0, 1]) kernel.pages.setState(page, PAGE.movableOps)
    expect(isolateFolio(kernel, 0)).toBe(false)
    expect(migrate([0, 1], 'MIGRATE_ASYNC', 'compaction')).toBe(1)
    expect(calls).toEqual(['isolate 0', 'isolate 1', 'migrate 0 to 1 MIGRATE_ASYNC', 'migrate 1 to 1 MIGRATE_ASYNC', 'putback 1'])
    expect([...kernel.pages.node.subarray(0, 2)]).toEqual([1, 0])
    expect(counters()).toEqual({ pgmigrate_success: 1, pgmigrate_fail: 1 })
  })
})

describe('huge pages', () => {
  it('move whole', () => {
    const { kernel, migrate, record, counters } = huge()
    expect(migrate([0])).toBe(0)
    expect(kernel.pages.node[511]).toBe(1)
    expect(counters()).toEqual({ pgmigrate_success: 512, thp_migration_success: 1 })
    expect(record().stages).toMatchObject({ copiedThp: 1, copiedPages: 0 })
  })

  it('are split when the target has no room for a whole one; that counts as failed and split', () => {
    const { kernel, migrate, counters } = huge(300)
    expect(migrate([0])).toBe(1)
    expect(kernel.pages.order(0)).toBe(0)
    expect([0, 299, 300, 511].map((page) => kernel.pages.node[page])).toEqual([1, 1, 0, 0])
    for (const page of [0, 300, 301, 511]) expect(kernel.pages.state(page) & PAGE.isolated).toBe(0)
    expect(counters()).toMatchObject({ pgmigrate_success: 300, thp_migration_fail: 1, thp_migration_split: 1, thp_split_page: 1, thp_split_pmd: 1 })
  })

  it('are not split for a hint fault, nor when pinned', () => {
    const misplaced = huge(300)
    expect(misplaced.migrate([0], 'MIGRATE_ASYNC', 'numa_misplaced')).toBe(-12)
    expect(misplaced.kernel.pages.order(0)).toBe(9)
    expect(misplaced.counters()).toEqual({ pgmigrate_fail: 512, thp_migration_fail: 1 })
    const pinned = huge(300)
    pinned.kernel.pages.setExtraRefs(0, 1)
    expect(pinned.migrate([0])).toBe(-12)
    expect(pinned.counters()).toEqual({ pgmigrate_fail: 512, thp_migration_fail: 1, thp_split_page_failed: 1 })
  })

  it('mapped by ptes: the move leaves it on the deferred split queue, the next one splits it', () => {
    const { kernel, migrate, counters } = huge()
    kernel.pages.setEntireMapcount(0, 0)
    expect(migrate([0])).toBe(0)
    expect(counters()).toEqual({ pgmigrate_success: 512, thp_migration_success: 1, thp_deferred_split_page: 2 })
    kernel.pages.setNode(0, 0)
    expect(migrate([0])).toBe(0)
    expect(kernel.pages.order(0)).toBe(0)
    expect(counters()).toMatchObject({ pgmigrate_success: 1024, thp_migration_split: 1, thp_migration_fail: 1 })
  })

  it('hugetlb pages move before all others, never split, and are no THP to the counters', () => {
    const { kernel, migrate, counters } = huge()
    kernel.pages.setState(0, PAGE.hugetlb)
    expect(migrate([0])).toBe(0)
    expect(counters()).toEqual({ pgmigrate_success: 512 })
    const full = huge(300)
    full.kernel.pages.setState(0, PAGE.hugetlb)
    expect(full.migrate([0])).toBe(-12)
    expect(full.kernel.pages.order(0)).toBe(9)
    expect(full.kernel.pages.node[0]).not.toBe(ABSENT)
  })
})
