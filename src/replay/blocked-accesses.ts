/**
 * What a concurrent accessor pays: while a background core migrates a batch, its pages are unmapped, and who touches one sleeps
 * until its migration entry is gone (mm/migrate.c:migration_entry_wait). All pages of a batch stay unmapped until the move
 * phase reaches them, so an access that falls into the batch's time waits for half of it on average. Accesses are taken as
 * spread evenly over the epoch. A task that sleeps makes no further accesses, so it waits once per batch at most. Promotions in
 * a hint fault are paid for by the faulting task itself and block nobody here.
 */
import { GrowableF64, GrowableI32 } from '../columns/index.ts'
import type { MigrationRecord } from '../kernel/index.ts'
import { firstPairOf, PAIR_WORDS, type TickBlock } from '../trace/index.ts'
import { accessesFor, type Sample } from './sample.ts'

export class BlockedAccesses {
  /** Pages unmapped in this epoch, some more than once, and the mean wait of an access to each in whole picoseconds. */
  readonly #pages = new GrowableI32(16)
  readonly #waitPs = new GrowableF64(16)
  readonly #actorTask: Uint16Array
  readonly #sample: Sample | undefined
  readonly #waited: ((page: number, ps: number) => void) | undefined
  /** What each task waits in this epoch, and the most that any can: half of every batch. */
  readonly #taskPs: Float64Array
  #mostPs = 0

  /** `waited`: told, in a sample of pages, what the accesses to a kept page waited, not expanded. */
  constructor(actorTask: Uint16Array, tasks: number, sample?: Sample, waited?: (page: number, ps: number) => void) {
    this.#sample = sample
    this.#waited = waited
    this.#actorTask = actorTask
    this.#taskPs = new Float64Array(tasks)
  }

  /** A call by a background core that took `ps` in an epoch of `epochPs`. */
  migrated({ unmapped, stages }: MigrationRecord, ps: number, epochPs: number): void {
    if (unmapped.length === 0) return
    const batchPs = ps / Math.max(1, stages.tlbFlushes)
    this.#mostPs += Math.round(ps / 2)
    const wait = Math.round((Math.min(1, batchPs / epochPs) * batchPs) / 2)
    for (let i = 0; i < unmapped.length; i++) {
      this.#pages.push(unmapped.data[i]!)
      this.#waitPs.push(wait)
    }
  }

  /** Tells what each task waited in the epoch of tick `i`, and forgets it. */
  settle(block: TickBlock, i: number, charge: (task: number, ps: number) => void): void {
    if (this.#pages.length === 0) return
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    // most batches name pages in order
    let from = block.pairStart[i]!
    let before = 0
    for (let b = 0; b < this.#pages.length; b++) {
      const page = this.#pages.data[b]!
      const wait = this.#waitPs.data[b]! * (this.#sample === undefined ? 1 : accessesFor(this.#sample, page))
      from = firstPairOf(block, i, page, page < before ? block.pairStart[i]! : from)
      before = page
      for (let k = from * PAIR_WORDS; k < end && pairs[k] === page; k += PAIR_WORDS) {
        this.#taskPs[this.#actorTask[pairs[k + 1]!]!]! += Math.round(wait * (pairs[k + 2]! + pairs[k + 3]!))
        this.#waited?.(page, this.#waitPs.data[b]! * (pairs[k + 2]! + pairs[k + 3]!))
      }
    }
    for (let task = 0; task < this.#taskPs.length; task++) {
      if (this.#taskPs[task]! > 0) charge(task, Math.min(this.#taskPs[task]!, this.#mostPs))
    }
    this.#taskPs.fill(0)
    this.#mostPs = 0
    this.#pages.clear()
    this.#waitPs.clear()
  }
}
