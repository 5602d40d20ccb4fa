/**
 * The optimum that no policy beats: least total cost (idle access latency + migrations) over all placements of all pages.
 * Loaded latency is never below idle latency, so the bound holds with contention too.
 *
 *  - Enough memory where pages are best placed: they are independent, a dynamic program per page is exact (bound-pages.ts). That is so
 *    if every node could hold all pages, or else if a placement that the program finds fits in every tick (bound-choices.ts).
 *  - Two memory nodes, one too small, moderate size: a min-cost flow of its page frames through time is exact (bound-flow.ts).
 *  - Else: Lagrangian prices on occupancy give a lower bound, and a feasible plan says how far it may be off (bound-prices.ts).
 * Lanes that make copies of pages have a bound of their own, per page over sets of nodes (bound-copies.ts).
 */

import { PAIR_WORDS, type PreparedTrace } from '../trace/index.ts'
import type { PageRange } from './bound-choices.ts'
import { isExactWithCopies, withCopiesPs } from './bound-copies.ts'
import { flowPs, isFlowExact } from './bound-flow.ts'
import { historiesOf } from './bound-histories.ts'
import { bytesOf, type PageOptimum, pageOptimum } from './bound-pages.ts'
import { pricedBound } from './bound-prices.ts'
import { type BoundProblem, boundProblem } from './bound-problem.ts'
import { samplePs, sampleWithCopiesPs } from './bound-sample.ts'
import type { ReplayContext } from './context.ts'
import { type Sample, sampleOf } from './sample.ts'

export type BoundKind = 'per-page optimum' | 'two-tier optimum' | 'Lagrangian lower bound' | 'per-page optimum with copies' | 'lower bound with copies'

export interface Bound {
  kind: BoundKind
  /** Picoseconds; no lane that ends can cost less. */
  ps: number
  /** Cost of a plan that respects the capacities: the true optimum lies between. Equal to `ps` where the bound is exact; null = no plan was found. */
  feasiblePs: number | null
}

/** Memory nodes that prices can tell apart (one bit each). */
const MOST_NODES = 32

/**
 * The optimum where a page may have copies (replicas, shadows): no lane that made some can cost less. Capacities are left out, as
 * copies come on top of what a node must hold.
 */
export function boundWithCopies(context: ReplayContext): Bound {
  const problem = boundProblem(context)
  const sample = sampleOf(context.trace)
  if (sample) return { kind: 'lower bound with copies', ps: sampleWithCopiesPs(problem, sample), feasiblePs: null }
  const ps = withCopiesPs(problem)
  const isExact = isExactWithCopies(problem)
  return { kind: isExact ? 'per-page optimum with copies' : 'lower bound with copies', ps, feasiblePs: isExact && !problem.isScarce ? ps : null }
}

const bounds = new WeakMap<PreparedTrace, Map<string, Bound>>()

const keyOf = ({ machine, actorNode, quickOptimum }: ReplayContext, withCopies: boolean): string =>
  JSON.stringify([machine, Array.from(actorNode), withCopies, quickOptimum === true])

/**
 * The bound knows nothing of policies and seeds: worked out once for a trace, machine and placement of its cpus, with and without copies.
 * `optimum`: the one without capacities, where it was worked out already.
 */
export function knownBound(context: ReplayContext, withCopies: boolean, optimum?: PageOptimum): Bound {
  const key = keyOf(context, withCopies)
  const known = bounds.get(context.trace) ?? new Map<string, Bound>()
  bounds.set(context.trace, known)
  const bound = known.get(key) ?? (withCopies ? boundWithCopies(context) : boundOf(context, optimum))
  known.set(key, bound)
  return bound
}

/** Of the kernels' memory, for the optimum of a thread beside its lanes. */
const MOST_BYTES = 2 ** 30
/** Blocks looked at to see where pages are touched, and pairs of each. */
const BLOCKS = 3
const PAIRS = 1000

/**
 * Ranges of pages, one for each of so many threads, which work out the optimum of theirs in the pass of the lanes. Undefined where it is
 * known, is not made of ticks of whole pages, or takes too much memory. Pages with low numbers were touched early, and may be touched
 * more: the ranges have about equally many pairs in some blocks.
 */
export function optimumRanges(context: ReplayContext, threads: number): PageRange[] | undefined {
  const { trace } = context
  if (sampleOf(trace) || bounds.get(trace)?.has(keyOf(context, false))) return undefined
  const { pages } = trace.meta
  if (bytesOf(boundProblem(context), pages) > MOST_BYTES * threads) return undefined
  const touched: number[] = []
  for (let k = 0; k < BLOCKS && threads > 1 && trace.blocks > 0; k++) {
    const { pairs } = trace.block(Math.floor((trace.blocks * (k + 0.5)) / BLOCKS))
    const stride = Math.max(1, Math.floor(pairs.length / PAIR_WORDS / PAIRS)) * PAIR_WORDS
    for (let word = 0; word < pairs.length; word += stride) touched.push(pairs[word]!)
  }
  touched.sort((a, b) => a - b)
  const cuts = Array.from({ length: threads - 1 }, (_, k) => touched[Math.floor(((k + 1) * touched.length) / threads)] ?? pages)
  return [...cuts, pages].map((to, thread) => ({ from: cuts[thread - 1] ?? 0, to }))
}

/** `optimum` as in `knownBound`. */
export function boundOf(context: ReplayContext, optimum?: PageOptimum): Bound {
  const problem = boundProblem(context)
  const sample = sampleOf(context.trace)
  if (sample) return ofSample(problem, sample)
  const { ps: unlimited, fits } = optimum ?? pageOptimum(problem)
  const ofPages: Bound = { kind: 'per-page optimum', ps: unlimited, feasiblePs: unlimited }
  if (fits) return ofPages
  const { memory, pages } = problem
  if (context.quickOptimum || memory.length === 1 || memory.length > MOST_NODES) return { ...ofPages, feasiblePs: null }
  if (memory.length === 2 && isFlowExact(problem)) {
    const ps = flowPs(historiesOf(problem, 0, pages), problem)
    return { kind: 'two-tier optimum', ps, feasiblePs: ps }
  }
  const { lowerPs, upperPs } = pricedBound(problem)
  return { kind: 'Lagrangian lower bound', ps: Math.max(unlimited, lowerPs), feasiblePs: upperPs }
}

/** Capacities are left out: who does not fit is not told for a part of the pages. */
function ofSample(problem: BoundProblem, sample: Sample): Bound {
  const ps = samplePs(problem, sample)
  const held = sample.standsFor.reduce((sum, pages) => sum + pages, 0)
  const isScarce = problem.capacity.some((frames) => frames < held)
  return { kind: 'per-page optimum', ps, feasiblePs: isScarce ? null : ps }
}
