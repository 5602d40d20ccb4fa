/**
 * The migration engine: mm/migrate.c of Linux 6.12. Callers isolate folios (isolate.ts), hand them over with a function
 * that finds a frame for each, and get back how many folios did not move, or -ENOMEM.
 *
 * A folio goes through the stages of Documentation/mm/page_migration.rst in the order of the code, which copies before the
 * point of no return:
 *
 *   unmap phase   allocate, lock source, writeback, lock target, unmap        (migrate_folio_unmap)
 *   TLB flush     once for the batch
 *   move phase    refcount, copy, mapping, flags, putback, remap, unlock      (migrate_folio_move, __migrate_folio)
 *
 * EAGAIN means "again in the next pass"; every other error ends the folio's stage. Passes follow each other without delay.
 */
import { GrowableI32 } from '../columns/index.ts'
import type { NodeIndex } from '../machine/index.ts'
import type { Copies } from './copies.ts'
import { ASYNC_CALLER_PASSES, ASYNC_STAGE_PASSES, MAX_BATCHED_PAGES, SYNC_STAGE_PASSES, THP_ORDER } from './defaults.ts'
import { EAGAIN, EBUSY, EHWPOISON, ENOMEM, errnoName } from './errno.ts'
import type { KernelObserver, MigrateMode, MigrateReason, MigrationRecord, PageId } from './face.ts'
import { deferSplit, hasPteMappings, splitFolio } from './folio.ts'
import type { Frames } from './frames.ts'
import { PAGE, type Pages } from './pages.ts'
import type { Vmstat } from './vmstat.ts'

/** Stages in the order in which a folio passes them. `split` happens instead of a move. */
export const STAGES = [
  'isolate',
  'allocate',
  'lock source',
  'writeback',
  'lock target',
  'unmap',
  'refcount',
  'copy',
  'mapping',
  'flags',
  'putback',
  'remap',
  'unlock',
  'split',
] as const
export type Stage = (typeof STAGES)[number]
const STAGE = Object.fromEntries(STAGES.map((name, i) => [name, i])) as Record<Stage, number>

/** Finds a frame for a folio of `pages` base pages: the node, or -1 for -ENOMEM (new_folio_t). */
export type TargetAllocator = (folio: PageId, pages: number) => NodeIndex

/** How Nomad moves a page that stays mapped meanwhile. */
export interface Transaction {
  allocate: TargetAllocator
  /** A write falls into the time of the copy. */
  isWritten: (folio: PageId) => boolean
  /** The folio has moved: does the frame that it left stay in use? */
  keeps: (folio: PageId, from: NodeIndex, to: NodeIndex) => boolean
}

/** What a folio went through, one call per stage: for following a migration step by step. `errno` 0 = passed. */
export type StageObserver = (event: { folio: PageId; stage: Stage; round: number; mode: MigrateMode; errno: number }) => void

/** struct movable_operations of a driver whose pages are not on LRU lists. */
export interface MovableOperations {
  isolate(page: PageId): boolean
  migrate(page: PageId, to: NodeIndex, mode: MigrateMode): number
  putback(page: PageId): void
}

const WILLING_DRIVER: MovableOperations = { isolate: () => true, migrate: () => 0, putback: () => {} }

/** State bits that can stop or change a migration; a folio without any takes the short way. */
const SPECIAL = PAGE.writeback | PAGE.locked | PAGE.dmaPinned | PAGE.noMigrateFolio | PAGE.movableOps | PAGE.partiallyMapped | PAGE.poisoned | PAGE.hugetlb

/** struct migrate_pages_stats; counts of base pages, thp and split count folios. */
interface Stats {
  succeeded: number
  failed: number
  thpSucceeded: number
  thpFailed: number
  thpSplit: number
  split: number
}
const newStats = (): Stats => ({ succeeded: 0, failed: 0, thpSucceeded: 0, thpFailed: 0, thpSplit: 0, split: 0 })

/** Setting the length of an array costs more than a whole small migration; most are empty already. */
function empty(list: unknown[]): void {
  if (list.length > 0) list.length = 0
}

function clear(stats: Stats): void {
  stats.succeeded = stats.failed = stats.thpSucceeded = stats.thpFailed = stats.thpSplit = stats.split = 0
}

const NO_TARGET: TargetAllocator = () => -1

export class MigrationEngine {
  /** The driver behind movable_ops pages. */
  driver: MovableOperations = WILLING_DRIVER
  onStage: StageObserver | null = null
  /** Copies of pages, which are worth nothing once the page itself moves. */
  copies: Copies | null = null
  readonly #pages: Pages
  readonly #frames: Frames
  readonly #vmstat: Vmstat
  readonly #observer: KernelObserver | undefined
  readonly #nodes: number
  /** The record of the call that runs; one object for all calls, so observers take what they need at once. */
  readonly #record: MigrationRecord
  #reason: MigrateReason = 'syscall_or_cpuset'
  #allocate: TargetAllocator = NO_TARGET
  /** Folios unmapped in this batch, with their target nodes. */
  #unmapped = new Int32Array(MAX_BATCHED_PAGES)
  #target = new Uint8Array(MAX_BATCHED_PAGES)
  #batch = new Int32Array(MAX_BATCHED_PAGES)
  /** Folios that did not move in the batch that ran last, with the reason. */
  #left: PageId[] = []
  #leftWhy: number[] = []
  #again: PageId[] = []
  /** Folios of this call that did not move. */
  readonly #failed: PageId[] = []
  readonly #stats = newStats()
  readonly #firstStage = newStats()
  /** Folios that an -ENOMEM ended before they were tried. */
  readonly #untried: PageId[] = []
  /** What split folios became. */
  #pieces: PageId[] = []
  #stage = 0
  #round = 0

  constructor(pages: Pages, frames: Frames, vmstat: Vmstat, observer: KernelObserver | undefined) {
    this.#pages = pages
    this.#frames = frames
    this.#vmstat = vmstat
    this.#observer = observer
    this.#nodes = frames.nodes
    this.#record = {
      reason: 'syscall_or_cpuset',
      mode: 'MIGRATE_SYNC',
      succeeded: 0,
      failed: 0,
      thpSucceeded: 0,
      thpFailed: 0,
      thpSplit: 0,
      flow: new Uint32Array(this.#nodes * this.#nodes),
      failures: [],
      stages: { isolated: 0, allocated: 0, unmapped: 0, tlbFlushes: 0, copiedPages: 0, copiedThp: 0, remapped: 0, putBack: 0, retries: 0 },
      unmapped: new GrowableI32(MAX_BATCHED_PAGES),
      moved: new GrowableI32(3 * MAX_BATCHED_PAGES),
    }
  }

  /** What the last call did. Valid until the next call. */
  get last(): Readonly<MigrationRecord> {
    return this.#record
  }

  /**
   * migrate_pages(): moves `count` isolated folios. Answers 0 when all moved, the number of folios that did not, or -ENOMEM
   * when a frame could not be found (folios not tried by then are not counted). All folios are back on their lists afterwards.
   */
  migratePages(folios: Int32Array, count: number, allocate: TargetAllocator, mode: MigrateMode, reason: MigrateReason): number {
    this.#start(mode, reason, allocate)
    const stats = this.#stats
    const failed = this.#failed
    this.#record.stages.isolated += this.#countPages(folios, count)
    if (this.onStage !== null) for (let i = 0; i < count; i++) this.#at(folios[i]!, STAGE.isolate, mode, 0)
    let result = this.#migrateHugetlbs(folios, count, mode, stats, failed)
    for (let at = 0; result >= 0 && at < count; ) {
      const end = this.#cutBatch(folios, at, count)
      const size = end - at
      if (size > this.#batch.length) this.#batch = new Int32Array(size)
      let taken = 0
      for (let i = at; i < end; i++) if ((this.#pages.state(folios[i]!) & PAGE.hugetlb) === 0) this.#batch[taken++] = folios[i]!
      at = end
      empty(this.#pieces)
      const code = mode === 'MIGRATE_ASYNC' ? this.#runBatch(taken, mode, ASYNC_CALLER_PASSES, stats, true) : this.#runSync(taken, mode, stats, failed)
      for (const folio of this.#left) failed.push(folio)
      if (code < 0) {
        result = code
        failed.push(...this.#untried, ...this.#pieces, ...folios.subarray(at, count))
        break
      }
      if (this.#pieces.length > 0) this.#migratePieces(stats, failed)
      result += code
    }
    if (failed.length === 0) result = 0
    this.#putBack(failed)
    this.#finish(stats)
    return result
  }

  /** `promotePlain` takes every page, if there is a frame for it. */
  get promotesAll(): boolean {
    return this.onStage === null && this.copies === null && this.#pages.arePlain && this.#observer?.promoted !== undefined
  }

  /** What `promotePlain` and its frames do to counters, of so many pages; the caller moves them and tells the observer. */
  promotedPlain(from: NodeIndex, to: NodeIndex, pages: number): void {
    this.#frames.trade(to, pages)
    this.#frames.trade(from, -pages)
    this.#vmstat.countAllocation(to, to, to, pages)
    this.#vmstat.count('pgmigrate_success', pages)
  }

  /**
   * migrate_pages() for a hint fault on one small folio that nothing keeps: all steps succeed at the first try, so they are counted
   * and not walked. False where that is not sure: nothing was done, and migratePages decides.
   */
  promotePlain(page: PageId, to: NodeIndex): boolean {
    const pages = this.#pages
    if (this.onStage !== null || this.copies !== null || pages.state(page) !== 0 || pages.folioPages(page) !== 1 || pages.extraRefs(page) !== 0) return false
    if (this.#frames.allocateOn(to, null, 1, to) < 0) return false
    const observer = this.#observer
    if (observer?.promoted !== undefined) {
      const from = pages.node[page]!
      pages.node[page] = to
      this.#frames.give(from, 1)
      this.#vmstat.count('pgmigrate_success')
      observer.promoted(page, from, to)
      return true
    }
    const mode = 'MIGRATE_ASYNC'
    this.#start(mode, 'numa_misplaced', NO_TARGET)
    const record = this.#record
    const { stages } = record
    stages.isolated = stages.allocated = stages.unmapped = stages.tlbFlushes = 1
    record.unmapped.push(page)
    this.#moveFolio(page, to, mode)
    this.#stats.succeeded = 1
    this.#finish(this.#stats)
    return true
  }

  /** migrate_pages_sync(): all together asynchronously, then what is left one by one. The first stage's failures are not counted. */
  #runSync(count: number, mode: MigrateMode, stats: Stats, failed: PageId[]): number {
    const first = this.#firstStage
    clear(first)
    const code = this.#runBatch(count, 'MIGRATE_ASYNC', ASYNC_STAGE_PASSES, first, false)
    stats.succeeded += first.succeeded
    stats.thpSucceeded += first.thpSucceeded
    stats.thpSplit += first.thpSplit
    stats.split += first.split
    if (code < 0) {
      stats.failed += first.failed
      stats.thpFailed += first.thpFailed
      this.#blame()
      return code
    }
    stats.thpFailed += first.thpSplit
    let notMoved = first.split
    const again = this.#left
    this.#left = this.#again
    this.#again = again
    for (let i = 0; i < again.length; i++) {
      this.#batch[0] = again[i]!
      const one = this.#runBatch(1, mode, SYNC_STAGE_PASSES, stats, true)
      for (const folio of this.#left) failed.push(folio)
      empty(this.#left)
      if (one < 0) {
        for (const folio of again.slice(i + 1)) failed.push(folio)
        return one
      }
      notMoved += one
    }
    return notMoved
  }

  /** Pieces of split folios get one asynchronous pass; what fails is not counted as folios, as their parent was. */
  #migratePieces(stats: Stats, failed: PageId[]): void {
    const pieces = this.#pieces
    this.#pieces = []
    if (pieces.length > this.#batch.length) this.#batch = new Int32Array(pieces.length)
    this.#batch.set(pieces)
    this.#runBatch(pieces.length, 'MIGRATE_ASYNC', 1, stats, true)
    failed.push(...this.#left, ...this.#untried)
    empty(this.#untried)
  }

  /** migrate_pages_batch() on the folios in #batch. `final`: failures are told to the record. */
  #runBatch(count: number, mode: MigrateMode, passes: number, stats: Stats, final: boolean): number {
    const pages = this.#pages
    const batch = this.#batch
    empty(this.#left)
    empty(this.#leftWhy)
    let notMoved = 0
    let outOfMemory = 0
    let unmapped = 0
    let pending = count
    let retryStage: number = STAGE.unmap
    if (count > this.#unmapped.length) {
      this.#unmapped = new Int32Array(count)
      this.#target = new Uint8Array(count)
    }
    for (this.#round = 0; this.#round < passes && pending > 0 && outOfMemory === 0; this.#round++) {
      let retry = 0
      for (let i = 0; i < pending; i++) {
        const folio = batch[i]!
        if (this.#round > 0) this.#record.stages.retries += pages.folioPages(folio)
        if ((pages.state(folio) & PAGE.partiallyMapped) !== 0 && pages.order(folio) > 1 && this.#trySplit(folio, mode, stats)) {
          notMoved++
          stats.thpFailed += 1
          continue
        }
        const target = this.#unmapFolio(folio, mode)
        if (target >= 0) {
          this.#unmapped[unmapped] = folio
          this.#target[unmapped++] = target
        } else if (target === EAGAIN) {
          batch[retry++] = folio
          retryStage = this.#stage
        } else if (target === ENOMEM) {
          notMoved++
          if (pages.order(folio) === THP_ORDER) stats.thpFailed++
          if (pages.order(folio) > 0 && this.#reason !== 'numa_misplaced' && this.#trySplit(folio, mode, stats)) continue
          stats.failed += pages.folioPages(folio)
          this.#leave(folio, ENOMEM, STAGE.allocate)
          for (let j = 0; j < retry; j++) {
            stats.failed += pages.folioPages(batch[j]!)
            this.#leave(batch[j]!, EAGAIN, retryStage)
          }
          for (let j = i + 1; j < pending; j++) this.#untried.push(batch[j]!)
          outOfMemory = ENOMEM
          break
        } else {
          notMoved++
          stats.failed += pages.folioPages(folio)
          if (pages.order(folio) === THP_ORDER) stats.thpFailed++
          this.#leave(folio, target, this.#stage)
        }
      }
      pending = outOfMemory === 0 ? retry : 0
    }
    for (let i = 0; i < pending; i++) {
      notMoved++
      stats.failed += pages.folioPages(batch[i]!)
      if (pages.order(batch[i]!) === THP_ORDER) stats.thpFailed++
      this.#leave(batch[i]!, EAGAIN, retryStage)
    }
    // a fault moves one page: in a sample it stands for as many faults
    if (unmapped > 0) this.#record.stages.tlbFlushes += this.#reason === 'numa_misplaced' ? pages.standsFor(this.#unmapped[0]!) : 1
    notMoved += this.#moveUnmapped(unmapped, mode, passes, stats)
    if (final) this.#blame()
    return outOfMemory === 0 ? notMoved : outOfMemory
  }

  /** The move phase: every folio stays unmapped until it has moved or its passes have run out. */
  #moveUnmapped(count: number, mode: MigrateMode, passes: number, stats: Stats): number {
    const pages = this.#pages
    let notMoved = 0
    let pending = count
    for (this.#round = 0; this.#round < passes && pending > 0; this.#round++) {
      let retry = 0
      for (let i = 0; i < pending; i++) {
        const folio = this.#unmapped[i]!
        const target = this.#target[i]!
        if (this.#round > 0) this.#record.stages.retries += pages.folioPages(folio)
        const code = this.#moveFolio(folio, target, mode)
        if (code === 0) {
          stats.succeeded += pages.folioPages(folio)
          if (pages.order(folio) === THP_ORDER) stats.thpSucceeded++
        } else if (code === EAGAIN) {
          this.#unmapped[retry] = folio
          this.#target[retry++] = target
        } else {
          notMoved++
          this.#undo(folio, target, code, stats)
        }
      }
      pending = retry
    }
    for (let i = 0; i < pending; i++) {
      notMoved++
      this.#undo(this.#unmapped[i]!, this.#target[i]!, EAGAIN, stats)
    }
    return notMoved
  }

  /** migrate_folio_unmap(): the target node, or an errno. */
  #unmapFolio(folio: PageId, mode: MigrateMode): number {
    const pages = this.#pages
    const size = pages.folioPages(folio)
    const state = pages.state(folio)
    const target = this.#allocate(folio, size)
    if (target < 0) return this.#at(folio, STAGE.allocate, mode, ENOMEM)
    this.#record.stages.allocated += size
    if ((state & SPECIAL) !== 0 || this.onStage !== null) {
      const code = this.#lockAndUnmap(folio, state, mode)
      if (code !== 0) {
        this.#frames.give(target, size)
        return code
      }
    }
    this.#record.stages.unmapped += size
    this.#record.unmapped.push(folio)
    if (size > 1) this.#unmapLarge(folio)
    return target
  }

  /**
   * rmap.c:__folio_remove_rmap(): taking away the first of many ptes leaves the folio mapped in part, which puts it on the
   * deferred split queue. Its target goes there too (migrate_folio_move), so it is split when it is next migrated.
   */
  #unmapLarge(folio: PageId): void {
    const pages = this.#pages
    if ((pages.state(folio) & (PAGE.file | PAGE.hugetlb)) === 0 && pages.order(folio) > 1 && hasPteMappings(pages, folio))
      deferSplit(pages, this.#vmstat, folio)
  }

  #lockAndUnmap(folio: PageId, state: number, mode: MigrateMode): number {
    this.#at(folio, STAGE.allocate, mode, 0)
    // folio_trylock(); only SYNC and SYNC_LIGHT wait for the holder
    if ((state & PAGE.locked) !== 0 && mode === 'MIGRATE_ASYNC') return this.#at(folio, STAGE['lock source'], mode, EAGAIN)
    if ((state & PAGE.locked) !== 0) this.#pages.clearState(folio, PAGE.locked)
    this.#at(folio, STAGE['lock source'], mode, 0)
    if ((state & PAGE.writeback) !== 0) {
      if (mode !== 'MIGRATE_SYNC') return this.#at(folio, STAGE.writeback, mode, EBUSY)
      this.#pages.clearState(folio, PAGE.writeback) // folio_wait_writeback()
    }
    this.#at(folio, STAGE.writeback, mode, 0)
    this.#at(folio, STAGE['lock target'], mode, 0)
    // rmap.c:try_to_migrate_one(): an exclusive anonymous page that is pinned for DMA keeps its pte
    if ((state & PAGE.dmaPinned) !== 0 && (state & PAGE.file) === 0) return this.#at(folio, STAGE.unmap, mode, EAGAIN)
    return this.#at(folio, STAGE.unmap, mode, 0)
  }

  /** migrate_folio_move(): 0 or an errno. */
  #moveFolio(folio: PageId, target: NodeIndex, mode: MigrateMode): number {
    const pages = this.#pages
    const state = pages.state(folio)
    if ((state & SPECIAL) !== 0 || pages.extraRefs(folio) > 0 || this.onStage !== null) {
      const code = this.#checkAndCopy(folio, target, state, mode)
      if (code !== 0) return code
    }
    const size = pages.folioPages(folio)
    if (pages.order(folio) === 0) this.#record.stages.copiedPages += size
    else this.#record.stages.copiedThp++
    this.#frames.give(this.#place(folio, target, size), size)
    if ((pages.state(folio) & PAGE.partiallyMapped) !== 0) this.#vmstat.count('thp_deferred_split_page')
    return 0
  }

  /** The folio is on `target` now; answers where it was. */
  #place(folio: PageId, target: NodeIndex, size: number): NodeIndex {
    const source = this.#pages.node[folio]!
    this.#record.stages.remapped += size
    this.#record.stages.putBack += size
    this.#record.flow[source * this.#nodes + target]! += size
    this.#record.moved.push(folio)
    this.#record.moved.push(source)
    this.#record.moved.push(target)
    if (this.copies !== null) this.copies.drop(folio)
    this.#pages.setNode(folio, target)
    this.#pages.clearState(folio, PAGE.isolated)
    return source
  }

  /**
   * Nomad's transactional migration of `count` isolated folios (OSDI 2024, §3.1): copied while mapped, then unmapped and remapped
   * in one step, unless a write fell into the copy: EAGAIN, and the folio stays where it is. Nobody waits for it.
   */
  transact(folios: Int32Array, count: number, { allocate, isWritten, keeps }: Transaction): void {
    this.#eachAlone(folios, count, 'numa_misplaced', allocate, (folio, size) => {
      const { stages } = this.#record
      const target = this.#allocate(folio, size)
      if (target < 0) return this.#at(folio, STAGE.allocate, 'MIGRATE_ASYNC', ENOMEM)
      stages.allocated += size
      const code = this.#mayMove(folio, target, () => {
        stages.copiedPages += size
        return isWritten(folio) ? this.#at(folio, STAGE.copy, 'MIGRATE_ASYNC', EAGAIN) : 0
      })
      if (code !== 0) {
        this.#frames.give(target, size)
        return code
      }
      stages.unmapped += size
      const source = this.#place(folio, target, size)
      if (!keeps(folio, source, target)) this.#frames.give(source, size)
      return 0
    })
  }

  /** Folios go back into their shadows: unmapped and mapped there, without a new frame or a copy. */
  remap(folios: Int32Array, count: number, reason: MigrateReason): void {
    const copies = this.copies!
    this.#eachAlone(
      folios,
      count,
      reason,
      () => -1,
      (folio, size) => {
        const target = copies.shadowOf(folio)!
        const code = this.#mayMove(folio, target, () => 0)
        if (code !== 0) return code
        this.#record.stages.unmapped += size
        copies.enterShadow(folio)
        this.#frames.give(this.#place(folio, target, size), size)
        return 0
      },
    )
  }

  /** One call that takes each folio by itself and once. */
  #eachAlone(folios: Int32Array, count: number, reason: MigrateReason, allocate: TargetAllocator, move: (folio: PageId, size: number) => number): void {
    this.#start('MIGRATE_ASYNC', reason, allocate)
    empty(this.#left)
    empty(this.#leftWhy)
    this.#round = 0
    const stats = this.#stats
    for (let i = 0; i < count; i++) {
      const folio = folios[i]!
      const size = this.#pages.folioPages(folio)
      this.#record.stages.isolated += size
      this.#at(folio, STAGE.isolate, 'MIGRATE_ASYNC', 0)
      const code = move(folio, size)
      if (code === 0) {
        stats.succeeded += size
        continue
      }
      stats.failed += size
      this.#failed.push(folio)
      this.#leave(folio, code, this.#stage)
    }
    this.#record.stages.tlbFlushes += Math.ceil(count / MAX_BATCHED_PAGES)
    this.#blame()
    this.#putBack(this.#failed)
    this.#finish(stats)
  }

  /** The checks of a migration around its copy: 0 or an errno. */
  #mayMove(folio: PageId, target: NodeIndex, copy: () => number): number {
    const state = this.#pages.state(folio)
    const isSpecial = (state & SPECIAL) !== 0 || this.onStage !== null
    return (
      (isSpecial ? this.#lockAndUnmap(folio, state, 'MIGRATE_ASYNC') : 0) ||
      copy() ||
      (isSpecial || this.#pages.extraRefs(folio) > 0 ? this.#checkAndCopy(folio, target, state, 'MIGRATE_ASYNC') : 0)
    )
  }

  #checkAndCopy(folio: PageId, target: NodeIndex, state: number, mode: MigrateMode): number {
    if ((state & PAGE.movableOps) !== 0) {
      const code = this.driver.migrate(folio, target, mode)
      return this.#at(folio, STAGE.copy, mode, code)
    }
    if ((state & PAGE.noMigrateFolio) !== 0 && (state & PAGE.dirty) !== 0) {
      // fallback_migrate_folio(): only SYNC writes the page out, and tries again when it is clean
      if (mode !== 'MIGRATE_SYNC') return this.#at(folio, STAGE.mapping, mode, EBUSY)
      this.#pages.clearState(folio, PAGE.dirty)
      return this.#at(folio, STAGE.mapping, mode, EAGAIN)
    }
    if (actualRefs(this.#pages, folio) !== expectedRefs(this.#pages, folio) + 1) return this.#at(folio, STAGE.refcount, mode, EAGAIN)
    this.#at(folio, STAGE.refcount, mode, 0)
    if ((state & PAGE.poisoned) !== 0) return this.#at(folio, STAGE.copy, mode, EHWPOISON)
    for (const stage of ['copy', 'mapping', 'flags', 'putback', 'remap', 'unlock'] as const) this.#at(folio, STAGE[stage], mode, 0)
    return 0
  }

  /** migrate_folio_undo_src/dst(): mapped again where it was, and the target's frame given back. */
  #undo(folio: PageId, target: NodeIndex, errno: number, stats: Stats): void {
    const size = this.#pages.folioPages(folio)
    this.#record.stages.remapped += size
    stats.failed += size
    if (this.#pages.order(folio) === THP_ORDER) stats.thpFailed++
    this.#frames.give(target, size)
    this.#leave(folio, errno, this.#stage)
  }

  /** split_folio_to_list(): refused while somebody else holds a reference, or under writeback. */
  #trySplit(folio: PageId, mode: MigrateMode, stats: Stats): boolean {
    const pages = this.#pages
    const state = pages.state(folio)
    if (pages.extraRefs(folio) > 0 || (state & (PAGE.writeback | PAGE.dmaPinned)) !== 0 || ((state & PAGE.locked) !== 0 && mode === 'MIGRATE_ASYNC')) {
      this.#vmstat.count('thp_split_page_failed')
      this.#at(folio, STAGE.split, mode, EBUSY)
      return false
    }
    this.#at(folio, STAGE.split, mode, 0)
    if (pages.order(folio) === THP_ORDER) stats.thpSplit++
    stats.split++
    for (const piece of splitFolio(pages, this.#frames, this.#vmstat, folio)) this.#pieces.push(piece)
    return true
  }

  /** migrate_hugetlbs(): before everything else, whole or not at all, ten passes; -ENOMEM ends the call. */
  #migrateHugetlbs(folios: Int32Array, count: number, mode: MigrateMode, stats: Stats, failed: PageId[]): number {
    let notMoved = 0
    for (let i = 0; i < count; i++) {
      const folio = folios[i]!
      if ((this.#pages.state(folio) & PAGE.hugetlb) === 0) continue
      let code: number = EAGAIN
      for (this.#round = 0; this.#round < ASYNC_CALLER_PASSES && code === EAGAIN; this.#round++) {
        const target = this.#unmapFolio(folio, mode)
        if (target < 0) code = target
        else {
          code = this.#moveFolio(folio, target, mode)
          if (code !== 0) this.#frames.give(target, this.#pages.folioPages(folio))
        }
      }
      if (code === 0) {
        stats.succeeded += this.#pages.folioPages(folio)
        continue
      }
      notMoved++
      stats.failed += this.#pages.folioPages(folio)
      this.#left = [folio]
      this.#leftWhy = [-code * STAGES.length + this.#stage]
      this.#blame()
      if (code === ENOMEM) {
        for (let j = 0; j < count; j++) if (!failed.includes(folios[j]!)) failed.push(folios[j]!)
        return ENOMEM
      }
      failed.push(folio)
    }
    return notMoved
  }

  #start(mode: MigrateMode, reason: MigrateReason, allocate: TargetAllocator): void {
    const record = this.#record
    this.#allocate = allocate
    this.#reason = reason
    empty(this.#untried)
    empty(this.#failed)
    clear(this.#stats)
    record.mode = mode
    record.reason = reason
    // of the call before: a call that moves a page uses one route of many
    const { data, length } = record.moved
    for (let i = 0; i < length; i += 3) record.flow[data[i + 1]! * this.#nodes + data[i + 2]!] = 0
    empty(record.failures)
    const stages = record.stages
    stages.isolated = stages.allocated = stages.unmapped = stages.tlbFlushes = stages.copiedPages = 0
    stages.copiedThp = stages.remapped = stages.putBack = stages.retries = 0
    record.unmapped.clear()
    record.moved.clear()
  }

  #finish(stats: Stats): void {
    const record = this.#record
    record.succeeded = stats.succeeded
    record.failed = stats.failed
    record.thpSucceeded = stats.thpSucceeded
    record.thpFailed = stats.thpFailed
    record.thpSplit = stats.thpSplit
    const vmstat = this.#vmstat
    vmstat.count('pgmigrate_success', stats.succeeded)
    if (stats.failed > 0) vmstat.count('pgmigrate_fail', stats.failed)
    if (stats.thpSucceeded > 0) vmstat.count('thp_migration_success', stats.thpSucceeded)
    if (stats.thpFailed > 0) vmstat.count('thp_migration_fail', stats.thpFailed)
    if (stats.thpSplit > 0) vmstat.count('thp_migration_split', stats.thpSplit)
    this.#observer?.migration(record)
  }

  /** putback_movable_pages(). */
  #putBack(failed: PageId[]): void {
    for (const folio of failed) {
      this.#record.stages.putBack += this.#pages.folioPages(folio)
      if ((this.#pages.state(folio) & PAGE.movableOps) !== 0) this.driver.putback(folio)
      this.#pages.clearState(folio, PAGE.isolated)
    }
  }

  /** From `at`: folios until 512 base pages are in the batch, the last one included. */
  #cutBatch(folios: Int32Array, at: number, count: number): number {
    let pages = 0
    let end = at
    while (end < count && pages < MAX_BATCHED_PAGES) pages += this.#pages.folioPages(folios[end++]!)
    return end
  }

  #countPages(folios: Int32Array, count: number): number {
    let pages = 0
    for (let i = 0; i < count; i++) pages += this.#pages.folioPages(folios[i]!)
    return pages
  }

  /** Notes the stage reached; answers `errno`. */
  #at(folio: PageId, stage: number, mode: MigrateMode, errno: number): number {
    if (errno !== 0) this.#stage = stage
    if (this.onStage !== null) this.onStage({ folio, stage: STAGES[stage]!, round: this.#round, mode, errno })
    return errno
  }

  #leave(folio: PageId, errno: number, stage: number): void {
    this.#left.push(folio)
    this.#leftWhy.push(-errno * STAGES.length + stage)
  }

  /** Tells the record why the folios in #left failed for good. */
  #blame(): void {
    const { failures } = this.#record
    for (let i = 0; i < this.#left.length; i++) {
      const errno = errnoName(-Math.floor(this.#leftWhy[i]! / STAGES.length))
      const stage = STAGES[this.#leftWhy[i]! % STAGES.length]!
      const pages = this.#pages.folioPages(this.#left[i]!)
      const same = failures.find((failure) => failure.errno === errno && failure.stage === stage)
      if (same === undefined) failures.push({ errno, stage, pages })
      else same.pages += pages
    }
  }
}

/** mm.h:folio_expected_ref_count() of an unmapped folio: the page cache holds one reference a page. */
export function expectedRefs(pages: Pages, folio: PageId): number {
  return (pages.state(folio) & PAGE.file) !== 0 ? pages.folioPages(folio) : 0
}

/** GUP_PIN_COUNTING_BIAS: what FOLL_PIN adds to the count of a small folio. */
const PIN_BIAS = 1024

/** References that an isolated, unmapped folio really has: expected ones, the isolation's, and strangers'. */
export function actualRefs(pages: Pages, folio: PageId): number {
  return expectedRefs(pages, folio) + 1 + pages.extraRefs(folio) + ((pages.state(folio) & PAGE.dmaPinned) !== 0 ? PIN_BIAS : 0)
}
