/**
 * Pages with copies, epoch by epoch (kernel/copies.ts). Writes of an epoch find the copies before its accesses do: a page that
 * is written in an epoch has one frame in it, so that nothing depends on the order inside the epoch.
 */
import type { Random } from '../columns/index.ts'
import type { Copies, PageId } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import { firstPairOf, PAIR_WORDS, type TickBlock } from '../trace/index.ts'
import type { MemoryTraffic } from './memory-traffic.ts'

/** Frees the copies of pages that are written in tick `i`; `fault` hears the first actor that writes each. */
export function breakCopies(copies: Copies, { pairs, pairStart }: TickBlock, i: number, fault: (page: PageId, actor: number) => void): void {
  const end = pairStart[i + 1]! * PAIR_WORDS
  for (let k = pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
    if (pairs[k + 3]! === 0 || !copies.has(pairs[k]!)) continue
    copies.drop(pairs[k]!)
    fault(pairs[k]!, pairs[k + 1]!)
  }
}

/** Takes the reads of tick `i` that replicas serve from the nodes of their pages to those of the cpus. */
export function redirectReads(
  copies: Copies,
  { pairs, pairStart }: TickBlock,
  i: number,
  placement: Uint8Array,
  actorNode: Uint8Array,
  traffic: MemoryTraffic,
): void {
  const end = pairStart[i + 1]! * PAIR_WORDS
  for (let k = pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
    const actor = pairs[k + 1]!
    if (copies.isServedOn(pairs[k]!, actorNode[actor]!)) traffic.redirect(actor, placement[pairs[k]!]!, actorNode[actor]!, pairs[k + 2]!)
  }
}

/** Whether a write falls into the copy of a page that is made at the start of an epoch; writes are taken as spread evenly over it. */
export class WritesDuringCopy {
  readonly #copyNs: number
  readonly #random: Random
  #block: TickBlock | null = null
  #tick = 0

  constructor({ costs }: Machine, pageSize: number, random: Random) {
    this.#copyNs = (costs.copyPsPerKiB * (pageSize / 1024)) / 1000
    this.#random = random
  }

  openEpoch(block: TickBlock, i: number): void {
    this.#block = block
    this.#tick = i
  }

  readonly isWritten = (page: PageId): boolean => {
    const { pairs, pairStart, startNs } = this.#block!
    const end = pairStart[this.#tick + 1]! * PAIR_WORDS
    let writes = 0
    for (let k = firstPairOf(this.#block!, this.#tick, page) * PAIR_WORDS; k < end && pairs[k] === page; k += PAIR_WORDS) writes += pairs[k + 3]!
    if (writes === 0) return false
    const share = Math.min(1, this.#copyNs / (startNs[this.#tick + 1]! - startNs[this.#tick]!))
    return this.#random.float() < 1 - (1 - share) ** writes
  }
}
