/**
 * Accounting of a lane over a sample of pages. Counts of sampled pages are expanded to those of all pages that they stand for
 * before anything else sees them, and kept by hash group besides: the groups are samples of the same kind, so their spread
 * is that of the whole (random groups; Wolter, Introduction to Variance Estimation, 2007, chapters 2 and 4).
 */
import type { Copies, MigrationRecord } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import { LATENCY_BITS, LogLinearHistogram } from '../results/index.ts'
import { PAIR_WORDS, type TickBlock } from '../trace/index.ts'
import type { MemoryTraffic } from './memory-traffic.ts'
import { GROUPS, type Sample } from './sample.ts'
import { type GroupSums, halfWidth95, perAccess } from './sample-error.ts'

/** Low and high end of the 95 % interval of a percentile, ns. */
export type Interval = readonly [low: number, high: number]

/** By group, as plain data: counts of kept pages, group 0 first. */
export interface SampledTotals {
  sums: GroupSums
  p50: Interval | null
  p99: Interval | null
}

export class SampledCounts {
  readonly #sample: Sample
  readonly #nodes: number
  readonly #actorNode: Uint8Array
  /** Accesses of the epoch by [group, accessing node, memory node]. */
  readonly #reads: Float64Array
  readonly #writes: Float64Array
  /** Accesses to sampled pages so far by [actor, memory node], and what was made of them. */
  readonly #seenReads: Float64Array
  readonly #seenWrites: Float64Array
  readonly #givenReads: Float64Array
  readonly #givenWrites: Float64Array
  readonly #sums: GroupSums
  /** Latency by group, as in MemoryTraffic. */
  readonly #latency = Array.from({ length: GROUPS + 1 }, () => new LogLinearHistogram(LATENCY_BITS))

  constructor(sample: Sample, machine: Machine, actorNode: Uint8Array) {
    const nodes = machine.nodes.length
    const slots = actorNode.length * nodes
    const perGroup = () => new Float64Array(GROUPS + 1)
    this.#sample = sample
    this.#nodes = nodes
    this.#actorNode = actorNode
    this.#reads = new Float64Array((GROUPS + 1) * nodes * nodes)
    this.#writes = new Float64Array((GROUPS + 1) * nodes * nodes)
    this.#seenReads = new Float64Array(slots)
    this.#seenWrites = new Float64Array(slots)
    this.#givenReads = new Float64Array(slots)
    this.#givenWrites = new Float64Array(slots)
    this.#sums = {
      pages: perGroup(),
      accesses: perGroup(),
      local: perGroup(),
      memoryPs: perGroup(),
      migrated: perGroup(),
      hintFaults: perGroup(),
      pageFaults: perGroup(),
    }
    for (const group of sample.group) this.#sums.pages[group]!++
  }

  pageFault(page: number): void {
    this.#sums.pageFaults[this.#sample.group[page]!]!++
  }

  hintFault(page: number): void {
    this.#sums.hintFaults[this.#sample.group[page]!]!++
  }

  migration({ moved }: MigrationRecord): void {
    for (let i = 0; i < moved.length; i += 3) this.#sums.migrated[this.#sample.group[moved.data[i]!]!]!++
  }

  promoted(page: number): void {
    this.#sums.migrated[this.#sample.group[page]!]!++
  }

  /** Adds the pairs of tick `i`, expanded, to the counts of the epoch; reads that a replica serves are its node's. */
  account(block: TickBlock, i: number, placement: Uint8Array, copies: Copies | null, traffic: MemoryTraffic): void {
    const { pairs } = block
    const { group } = this.#sample
    const nodes = this.#nodes
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    for (let k = block.pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
      const page = pairs[k]!
      const actor = pairs[k + 1]!
      const from = this.#actorNode[actor]!
      const node = placement[page]!
      const readNode = copies?.isServedOn(page, from) === true ? from : node
      const row = (group[page]! * nodes + from) * nodes
      this.#reads[row + readNode]! += pairs[k + 2]!
      this.#writes[row + node]! += pairs[k + 3]!
      if (group[page] === 0) {
        traffic.add(actor, readNode, pairs[k + 2]!, 0)
        traffic.add(actor, node, 0, pairs[k + 3]!)
      } else {
        this.#seenReads[actor * nodes + readNode]! += pairs[k + 2]!
        this.#seenWrites[actor * nodes + node]! += pairs[k + 3]!
      }
    }
    for (let slot = 0; slot < this.#seenReads.length; slot++) {
      const reads = this.#expand(this.#seenReads, this.#givenReads, slot)
      const writes = this.#expand(this.#seenWrites, this.#givenWrites, slot)
      if (reads + writes > 0) traffic.add(Math.floor(slot / nodes), slot % nodes, reads, writes)
    }
  }

  /** Whole accesses: what the rounding keeps back comes with a later epoch. */
  #expand(seen: Float64Array, given: Float64Array, slot: number): number {
    const more = Math.round(seen[slot]! * this.#sample.accessFactor) - given[slot]!
    given[slot]! += more
    return more
  }

  /** The epoch's latencies are known. */
  closeEpoch(traffic: MemoryTraffic): void {
    const nodes = this.#nodes
    const routes = nodes * nodes
    const { accesses, local, memoryPs } = this.#sums
    for (let group = 0; group <= GROUPS; group++) {
      for (let route = 0; route < routes; route++) {
        const slot = group * routes + route
        const reads = this.#reads[slot]!
        const writes = this.#writes[slot]!
        if (reads === 0 && writes === 0) continue
        this.#reads[slot] = 0
        this.#writes[slot] = 0
        const readPs = traffic.readPs(route)
        const writePs = traffic.writePs(route)
        accesses[group]! += reads + writes
        if (route % (nodes + 1) === 0) local[group]! += reads + writes
        memoryPs[group]! += reads * readPs + writes * writePs
        if (reads > 0) this.#latency[group]!.add(Math.round(readPs / 1000), reads)
        if (writes > 0) this.#latency[group]!.add(Math.round(writePs / 1000), writes)
      }
    }
  }

  finish({ latency }: MemoryTraffic): SampledTotals {
    return { sums: this.#sums, p50: this.#percentile(latency, 0.5), p99: this.#percentile(latency, 0.99) }
  }

  /** Woodruff (1952): the interval of the share of accesses that are as fast as the percentile, read back as latencies. */
  #percentile(latency: LogLinearHistogram, share: number): Interval | null {
    const value = latency.percentile(share)
    if (value === null) return null
    const faster = Float64Array.from(this.#latency, (histogram) => histogram.countUpTo(value))
    const error = halfWidth95(this.#sample.facts, { accesses: this.#sums.accesses, faster }, perAccess(this.#sample.facts, 'faster'))
    return [latency.percentile(Math.max(0, share - error))!, latency.percentile(Math.min(1, share + error))!]
  }
}
