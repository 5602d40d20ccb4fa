/** Observers gather, epoch by epoch, what one `every(period, observation, …)` rule will be shown. */
import { BitSet, Random } from '../../columns/index.ts'
import type { AccessedPages, Observation, PageActivity } from '../../policy/index.ts'
import { PAIR_WORDS, type PreparedTrace, type TickBlock } from '../../trace/index.ts'
import type { Ledger } from '../ledger.ts'
import { sampleOf } from '../sample.ts'
import { ActivityCounter } from './activity.ts'
import { damonObserver } from './damon.ts'

export interface Observer<Seen = unknown> {
  /** The pairs of one epoch (tick `i` of the block) have been accounted. */
  epoch(block: TickBlock, i: number): void
  /** What the policy is shown now; charges the ledger for looking. Valid until `clear`. */
  look(): Seen
  clear(): void
}

export interface ObserverContext {
  pages: number
  nodes: number
  actorNode: Uint8Array
  ledger: Ledger
  seed: number
  /** Lane label and rule number: separates random streams. */
  stream: string
  trace: PreparedTrace
  /** page -> node index or ABSENT. */
  placement: Uint8Array
  /** Policy clock at the end of the current epoch, ns. */
  endOfEpoch(): number
  /** Present pages now (accessed-bit walks pay for each). */
  present(): number
  /** Calls `visit(block, i)` for each epoch that starts within the next `policyNs`. */
  ahead(policyNs: number, visit: (block: TickBlock, i: number) => void): void
}

export function observerFor(observation: Observation<unknown>, context: ObserverContext): Observer {
  switch (observation.kind) {
    case 'accesses':
      return exactAccesses(context)
    case 'sampled accesses':
      return sampledAccesses(context, observation.rate, observation.writeRate)
    case 'damon regions':
      return damonObserver(observation.settings, context)
    case 'accessed bits':
      return accessedBits(context)
    case 'upcoming':
      return upcomingAccesses(context, observation.withinNs)
  }
}

function addPairs(counter: ActivityCounter, actorNode: Uint8Array, block: TickBlock, i: number): void {
  const { pairs } = block
  const end = block.pairStart[i + 1]! * PAIR_WORDS
  for (let k = block.pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
    counter.add(pairs[k]!, actorNode[pairs[k + 1]!]!, pairs[k + 2]!, pairs[k + 3]!)
  }
}

function exactAccesses({ pages, nodes, actorNode }: ObserverContext): Observer {
  const counter = new ActivityCounter(pages, nodes)
  return { epoch: (block, i) => addPairs(counter, actorNode, block, i), look: () => counter, clear: () => counter.clear() }
}

/** Reads and writes are sampled by counters of their own, as by two events of the performance monitoring unit. */
function sampledAccesses({ pages, nodes, actorNode, ledger, seed, stream, trace }: ObserverContext, rate: number, writeRate: number): Observer<PageActivity> {
  const counter = new ActivityCounter(pages, nodes)
  const sample = sampleOf(trace)
  const sampleReads = new Sampler(rate, new Random(seed, `${stream} reads`))
  const sampleWrites = new Sampler(writeRate, new Random(seed, `${stream} writes`))
  return {
    epoch({ pairs, pairStart }, i) {
      const end = pairStart[i + 1]! * PAIR_WORDS
      let taken = 0
      let readsToPass = sampleReads.toPass
      let writesToPass = sampleWrites.toPass
      for (let k = pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
        readsToPass -= pairs[k + 2]!
        writesToPass -= pairs[k + 3]!
        if (readsToPass >= 0 && writesToPass >= 0) continue
        const reads = readsToPass < 0 ? sampleReads.passed(-readsToPass) : 0
        const writes = writesToPass < 0 ? sampleWrites.passed(-writesToPass) : 0
        if (reads > 0) readsToPass = sampleReads.toPass
        if (writes > 0) writesToPass = sampleWrites.toPass
        counter.add(pairs[k]!, actorNode[pairs[k + 1]!]!, reads, writes)
        taken += (reads + writes) * (sample?.standsFor[pairs[k]!] ?? 1)
      }
      sampleReads.toPass = readsToPass
      sampleWrites.toPass = writesToPass
      ledger.sampled(taken)
    },
    look: () => counter,
    clear: () => counter.clear(),
  }
}

/**
 * Which accesses are sampled: each is with probability `rate`. Instead of a draw per access the distance to the next sample is
 * drawn (geometric), which is the same process: Devroye, Non-Uniform Random Variate Generation, §X.2.
 */
class Sampler {
  /** Accesses before the next sample. */
  toPass: number
  readonly #rate: number
  readonly #logMiss: number
  readonly #random: Random

  constructor(rate: number, random: Random) {
    this.#rate = rate
    this.#logMiss = Math.log1p(-Math.min(rate, 1))
    this.#random = random
    this.toPass = this.#gap()
  }

  /** The next sample was passed, and so many accesses, itself included: samples among them. */
  passed(accesses: number): number {
    let samples = 0
    let left = accesses
    for (; left > 0; left -= this.toPass + 1) {
      samples++
      this.toPass = this.#gap()
    }
    this.toPass = -left
    return samples
  }

  #gap(): number {
    if (this.#rate <= 0) return Number.POSITIVE_INFINITY
    return this.#rate >= 1 ? 0 : Math.floor(Math.log1p(-this.#random.float()) / this.#logMiss)
  }
}

/** The walker reads and clears the accessed bit of every present page: that is what it pays for. */
function accessedBits({ pages, ledger, present }: ObserverContext): Observer<AccessedPages> {
  const bits = new BitSet(pages)
  return {
    epoch({ touchStart, touchPage }, i) {
      const end = touchStart[i + 1]!
      for (let k = touchStart[i]!; k < end; k++) bits.add(touchPage[k]!)
    },
    look() {
      ledger.scanned(present())
      return { pages: bits.members(), has: (page) => bits.has(page) }
    },
    clear: () => bits.clear(),
  }
}

/** The future is counted when it is asked for, from the fold itself. */
function upcomingAccesses({ pages, nodes, actorNode, ahead }: ObserverContext, withinNs: number): Observer {
  const counter = new ActivityCounter(pages, nodes)
  return {
    epoch: () => {},
    look() {
      ahead(withinNs, (block, i) => addPairs(counter, actorNode, block, i))
      return counter
    },
    clear: () => counter.clear(),
  }
}
