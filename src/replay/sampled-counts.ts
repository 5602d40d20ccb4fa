/**
 * Accounting of a lane over a sample of pages. Counts of sampled pages are expanded to those of all pages that they stand for
 * before anything else sees them, and kept by hash group besides: the groups are samples of the same kind, so their spread
 * is that of the whole (random groups; Wolter, Introduction to Variance Estimation, 2007, chapters 2 and 4).
 */
import { ABSENT, type Copies, type MigrationRecord } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import type { LogLinearHistogram } from '../results/index.ts'
import { PAIR_WORDS, type TickBlock } from '../trace/index.ts'
import { GroupCounts, sumOf } from './group-counts.ts'
import { Jackknife, WIDTH } from './jackknife.ts'
import type { MemoryTraffic } from './memory-traffic.ts'
import { GROUPS, groupAccesses, type Sample } from './sample.ts'
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
  readonly jackknife: Jackknife
  /** Accesses of the epoch by (accessing node * nodes + memory node) * WIDTH + group. */
  readonly #reads: Float64Array
  readonly #writes: Float64Array
  /** Accesses to sampled pages so far by [actor, memory node], and what was made of them. */
  readonly #seenReads: Float64Array
  readonly #seenWrites: Float64Array
  readonly #givenReads: Float64Array
  readonly #givenWrites: Float64Array
  /** Of the bin, of the stretch, and up to the end of the last bin. */
  readonly bin: GroupCounts
  readonly stretch: GroupCounts
  readonly run: GroupCounts
  /** Kept pages on each node now: node * WIDTH + group. */
  readonly resident: Float64Array
  /** Pages left that the events do not name: `resident` is counted anew. */
  #isRecount = false
  #placement: Uint8Array | undefined

  constructor(sample: Sample, machine: Machine, actorNode: Uint8Array) {
    const nodes = machine.nodes.length
    const slots = actorNode.length * nodes
    this.#sample = sample
    this.#nodes = nodes
    this.#actorNode = actorNode
    this.jackknife = new Jackknife(sample.facts, groupAccesses(sample))
    this.#reads = new Float64Array(nodes * nodes * WIDTH)
    this.#writes = new Float64Array(nodes * nodes * WIDTH)
    this.#seenReads = new Float64Array(slots)
    this.#seenWrites = new Float64Array(slots)
    this.#givenReads = new Float64Array(slots)
    this.#givenWrites = new Float64Array(slots)
    this.bin = new GroupCounts(nodes)
    this.stretch = new GroupCounts(nodes)
    this.run = new GroupCounts(nodes)
    this.resident = new Float64Array(nodes * WIDTH)
  }

  populated(page: number, node: number): void {
    this.resident[node * WIDTH + this.#sample.group[page]!]!++
  }

  pageFault(page: number, node: number): void {
    this.bin.pageFaults[this.#sample.group[page]!]!++
    this.populated(page, node)
  }

  hintFault(page: number): void {
    this.bin.hintFaults[this.#sample.group[page]!]!++
  }

  writeFault(page: number): void {
    this.bin.writeFaults[this.#sample.group[page]!]!++
  }

  /** Some pages were given back. */
  freed(): void {
    this.#isRecount = true
  }

  migration({ moved, reason, stages }: MigrationRecord): void {
    for (let i = 0; i < moved.length; i += 3) this.#moved(reason, moved.data[i]!, moved.data[i + 1]!, moved.data[i + 2]!)
    // of a huge page the head is named alone
    if (stages.copiedThp > 0) this.#isRecount = true
  }

  promoted(page: number, from: number, to: number): void {
    this.#moved('numa_misplaced', page, from, to)
  }

  #moved(reason: string, page: number, from: number, to: number): void {
    const group = this.#sample.group[page]!
    const slot = (from * this.#nodes + to) * WIDTH + group
    this.bin.migrated[slot]!++
    this.bin.movedFor(reason)[slot]!++
    this.resident[from * WIDTH + group]!--
    this.resident[to * WIDTH + group]!++
  }

  /** A page came back for the `ordinal`-th time. */
  readonly returned = (page: number, ordinal: number): void => {
    this.bin.returned(ordinal)[this.#sample.group[page]!]!++
  }

  /** Accesses to a page waited for its migration, ps. */
  readonly waited = (page: number, ps: number): void => {
    this.bin.blockedPs[this.#sample.group[page]!]! += ps
  }

  /** Adds the pairs of tick `i`, expanded, to the counts of the epoch; reads that a replica serves are its node's. */
  account(block: TickBlock, i: number, placement: Uint8Array, copies: Copies | null, traffic: MemoryTraffic): void {
    const { pairs } = block
    const { group } = this.#sample
    const nodes = this.#nodes
    this.#placement = placement
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    for (let k = block.pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
      const page = pairs[k]!
      const actor = pairs[k + 1]!
      const from = this.#actorNode[actor]!
      const node = placement[page]!
      const readNode = copies?.isServedOn(page, from) === true ? from : node
      const row = from * nodes
      this.#reads[(row + readNode) * WIDTH + group[page]!]! += pairs[k + 2]!
      this.#writes[(row + node) * WIDTH + group[page]!]! += pairs[k + 3]!
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
    for (let route = 0; route < this.#nodes ** 2; route++) {
      this.#timed(route, this.#reads, this.bin.reads, traffic.idleReadPs(route), traffic.readPs(route), traffic.latency)
      this.#timed(route, this.#writes, this.bin.writes, traffic.idleWritePs(route), traffic.writePs(route), traffic.latency)
    }
  }

  /** Moves the epoch's accesses of a route to the bin's, with what they took. */
  #timed(route: number, ofEpoch: Float64Array, ofBin: Float64Array, idlePs: number, ps: number, classes: LogLinearHistogram): void {
    let latency: Float64Array | undefined
    for (let slot = route * WIDTH; slot < (route + 1) * WIDTH; slot++) {
      const accesses = ofEpoch[slot]!
      if (accesses === 0) continue
      ofEpoch[slot] = 0
      ofBin[slot]! += accesses
      this.bin.idlePs[slot]! += accesses * idlePs
      this.bin.queueingPs[slot]! += accesses * (ps - idlePs)
      latency ??= this.bin.latencyUpTo(classes.upperEdgeOf(Math.round(ps / 1000)))
      latency[slot - route * WIDTH]! += accesses
    }
  }

  /** The rows of the bin are about to be made: pages per node are those of its end. */
  settle(): void {
    if (!this.#isRecount || this.#placement === undefined) return
    this.#isRecount = false
    this.resident.fill(0)
    for (let page = 0; page < this.#placement.length; page++) if (this.#placement[page] !== ABSENT) this.populated(page, this.#placement[page]!)
  }

  /** The rows of the bin were made. */
  closeBin(): void {
    this.bin.addTo(this.stretch)
    this.bin.addTo(this.run)
    this.bin.clear()
  }

  /** The rows of the stretch were made. */
  closeStretch(): void {
    this.stretch.clear()
  }

  finish({ latency }: MemoryTraffic): SampledTotals {
    this.closeBin()
    const { run } = this
    const routes = Array.from({ length: this.#nodes ** 2 }, (_, route) => route)
    const sums: GroupSums = {
      pages: new Float64Array(WIDTH),
      accesses: sumOf(run.writes, routes, sumOf(run.reads, routes)),
      local: sumOf(run.writes, this.#localRoutes(), sumOf(run.reads, this.#localRoutes())),
      memoryPs: sumOf(run.queueingPs, routes, sumOf(run.idlePs, routes)),
      migrated: sumOf(run.migrated, routes),
      hintFaults: run.hintFaults,
      pageFaults: run.pageFaults,
    }
    for (const group of this.#sample.group) sums.pages[group]!++
    return { sums, p50: this.#percentile(latency, 0.5, sums.accesses), p99: this.#percentile(latency, 0.99, sums.accesses) }
  }

  #localRoutes(): number[] {
    return Array.from({ length: this.#nodes }, (_, node) => node * (this.#nodes + 1))
  }

  /** Woodruff (1952): the interval of the share of accesses that are as fast as the percentile, read back as latencies. */
  #percentile(latency: LogLinearHistogram, share: number, accesses: Float64Array): Interval | null {
    const value = latency.percentile(share)
    if (value === null) return null
    const edge = latency.upperEdgeOf(value)
    const faster = new Float64Array(GROUPS + 1)
    for (const [upper, counts] of this.run.latency) if (upper <= edge) sumOf(counts, [0], faster)
    const error = halfWidth95(this.#sample.facts, { accesses, faster }, perAccess(this.#sample.facts, 'faster'))
    return [latency.percentile(Math.max(0, share - error))!, latency.percentile(Math.min(1, share + error))!]
  }
}
