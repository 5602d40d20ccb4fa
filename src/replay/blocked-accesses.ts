/**
 * What a concurrent accessor pays: while a background core migrates a batch, its pages are unmapped, and who touches one sleeps
 * until its migration entry is gone (mm/migrate.c:migration_entry_wait). All pages of a batch stay unmapped until the move
 * phase reaches them, so an access that falls into the batch's time waits for half of it on average. Accesses are taken as
 * spread evenly over the epoch. A task that sleeps makes no further accesses, so it waits once per batch at most. Promotions in a hint fault are paid for by the faulting task itself and block nobody here.
 */
import type { MigrationRecord } from '../kernel/index.ts'
import { PAIR_WORDS, type TickBlock } from '../trace/index.ts'

export class BlockedAccesses {
  /** Mean wait of an access to the page in this epoch, whole picoseconds; made when something is first migrated. */
  #waitPs: Float64Array | null = null
  readonly #pages: number
  readonly #blocked: number[] = []
  readonly #actorTask: Uint16Array
  /** What each task waits in this epoch, and the most that any can: half of every batch. */
  readonly #taskPs: Float64Array
  #mostPs = 0

  constructor(pages: number, actorTask: Uint16Array, tasks: number) {
    this.#pages = pages
    this.#actorTask = actorTask
    this.#taskPs = new Float64Array(tasks)
  }

  /** A call by a background core that took `ps` in an epoch of `epochPs`. */
  migrated({ unmapped, stages }: MigrationRecord, ps: number, epochPs: number): void {
    if (unmapped.length === 0) return
    this.#waitPs ??= new Float64Array(this.#pages)
    const batchPs = ps / Math.max(1, stages.tlbFlushes)
    this.#mostPs += Math.round(ps / 2)
    const wait = Math.round((Math.min(1, batchPs / epochPs) * batchPs) / 2)
    for (let i = 0; i < unmapped.length; i++) {
      this.#waitPs[unmapped.data[i]!]! += wait
      this.#blocked.push(unmapped.data[i]!)
    }
  }

  /** Tells what each task waited in the epoch of tick `i`, and forgets it. */
  settle(block: TickBlock, i: number, charge: (task: number, ps: number) => void): void {
    if (this.#blocked.length === 0) return
    const waitPs = this.#waitPs!
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    for (let k = block.pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
      const wait = waitPs[pairs[k]!]!
      if (wait > 0) this.#taskPs[this.#actorTask[pairs[k + 1]!]!]! += wait * (pairs[k + 2]! + pairs[k + 3]!)
    }
    for (let task = 0; task < this.#taskPs.length; task++) {
      if (this.#taskPs[task]! > 0) charge(task, Math.min(this.#taskPs[task]!, this.#mostPs))
    }
    this.#taskPs.fill(0)
    this.#mostPs = 0
    for (const page of this.#blocked) waitPs[page] = 0
    this.#blocked.length = 0
  }
}
