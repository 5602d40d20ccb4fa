/** Observers gather, epoch by epoch, what one `every(period, observation, …)` rule will be shown. */
import { BitSet, Random } from '../../columns/index.ts'
import type { AccessedPages, Observation, PageActivity } from '../../policy/index.ts'
import { PAIR_WORDS, type PreparedTrace, type TickBlock } from '../../trace/index.ts'
import type { Workspace } from '../../wasm/index.ts'
import { stateIn } from '../lane-state.ts'
import type { Ledger } from '../ledger.ts'
import { sampleOf } from '../sample.ts'
import { ActivityCounter } from './activity.ts'
import { damonObserver } from './damon.ts'
import { Sampler } from './sampler.ts'

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
  /** Where kernels sample; the pairs of blocks lie there too. */
  space: Workspace
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
    counter.add(pairs[k]!, actorNode[pairs[k + 1]!]!, pairs[k + 2]! + pairs[k + 3]!, pairs[k + 3]!)
  }
}

function exactAccesses({ pages, nodes, actorNode, space }: ObserverContext): Observer {
  const counter = new ActivityCounter(pages, nodes, stateIn(space))
  return { epoch: (block, i) => addPairs(counter, actorNode, block, i), look: () => counter, clear: () => counter.clear() }
}

/** Words of a pair that are sampled. */
const READS = 2
const WRITES = 3

/** Reads and writes are sampled by counters of their own, as by two events of the performance monitoring unit. */
function sampledAccesses(context: ObserverContext, rate: number, writeRate: number): Observer<PageActivity> {
  const { pages, nodes, actorNode, ledger, seed, stream, trace, space } = context
  const counter = new ActivityCounter(pages, nodes, stateIn(space))
  const sample = sampleOf(trace)
  const samplers = [
    { word: READS, sampler: new Sampler(rate, new Random(seed, `${stream} reads`), space) },
    { word: WRITES, sampler: new Sampler(writeRate, new Random(seed, `${stream} writes`), space) },
  ]
  return {
    epoch({ pairs, pairStart }, i) {
      const end = pairStart[i + 1]!
      let taken = 0
      for (const { word, sampler } of samplers) {
        const { found } = sampler
        for (let k = pairStart[i]!; k < end; ) {
          k = sampler.sample(pairs, word, k, end)
          for (let f = 0; f < 2 * sampler.count; f += 2) {
            const pair = found[f]! * PAIR_WORDS
            const samples = found[f + 1]!
            const page = pairs[pair]!
            counter.add(page, actorNode[pairs[pair + 1]!]!, samples, word === WRITES ? samples : 0)
            taken += samples * (sample?.standsFor[page] ?? 1)
          }
        }
      }
      ledger.sampled(taken)
    },
    look: () => counter,
    clear: () => counter.clear(),
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
function upcomingAccesses({ pages, nodes, actorNode, ahead, space }: ObserverContext, withinNs: number): Observer {
  const counter = new ActivityCounter(pages, nodes, stateIn(space))
  return {
    epoch: () => {},
    look() {
      ahead(withinNs, (block, i) => addPairs(counter, actorNode, block, i))
      return counter
    },
    clear: () => counter.clear(),
  }
}
