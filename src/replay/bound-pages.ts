/**
 * Exact optimum without capacity limits, page by page: C[t][n] = w[t][n] + min(C[t-1][n],
 * min_m C[t-1][m] + M). Epochs in which a page is not touched change nothing, and a uniform cost of moving needs only the
 * running minimum: one step of `memory nodes` operations per (page, actor, epoch) that occurs.
 *
 * Of a page's costs only their distances from the least are kept, none above M: whoever is farther may as well move at the
 * next touch. So they fit into 32 bits, and a page that leaves memory has its distances set to 0.
 *
 * Pages do not depend on each other: a thread may take a range of them, and what the threads find adds up.
 */

import { firstPairOf, PAIR_WORDS, type TickBlock } from '../trace/index.ts'
import { type Kernels, LANES, type OptimumCosts, plainWorkspace, type Workspace, withWorkspace } from '../wasm/index.ts'
import { Choices, fits, type PageRange } from './bound-choices.ts'
import { type BoundProblem, boundProblem } from './bound-problem.ts'
import { forEachTick, type ReplayContext } from './context.ts'

/** Costs below it leave room for sums in 32 bits; 2 ms, and only moving pages of many MiB costs more. */
const LARGE_PS = 2 ** 31
/** Pairs handed to the kernel at a time: they stay in the cache of a core. */
const CHUNK = 1 << 13

export interface PageOptimum {
  /** What it costs. */
  ps: number
  /** Whether a placement of this cost is known to fit on the nodes. */
  fits: boolean
}

/** What is known of a range of pages; crosses threads. */
export interface OptimumPart {
  ps: number
  /** As Choices.arrivals; null where it is not asked for room, or nothing is known. */
  arrivals: Float64Array | null
}

export function pageOptimum(problem: BoundProblem): PageOptimum {
  return withWorkspace((space) => joined(problem, [optimumIn(problem, space).part]))
}

/** What the parts of all pages come to. */
export function joined(problem: BoundProblem, parts: OptimumPart[]): PageOptimum {
  const ps = parts.reduce((sum, part) => sum + part.ps, 0)
  if (!problem.isScarce) return { ps, fits: true }
  const known = parts.flatMap(({ arrivals }) => arrivals ?? [])
  if (known.length < parts.length) return { ps, fits: false }
  const all = new Float64Array(known[0]!.length)
  for (const arrivals of known) for (let i = 0; i < all.length; i++) all[i]! += arrivals[i]!
  return { ps, fits: fits(problem, all) }
}

export function optimumIn(problem: BoundProblem, space: Workspace, range?: PageRange): OptimumCounter {
  const optimum = new OptimumCounter(problem, space, 'elsewhere', range)
  forEachTick(problem.trace, (block, i) => optimum.tick(block, i))
  return optimum
}

/** Counts the optimum of a range of pages in a pass of lanes; the part is there when the pass is over. */
export function optimumOnTheWay(context: ReplayContext, range: PageRange) {
  let counter: OptimumCounter | undefined
  return {
    visitor: (space: Workspace) => {
      const counting = new OptimumCounter(boundProblem(context), space, 'in the space', range)
      counter = counting
      return (block: TickBlock, i: number) => counting.tick(block, i)
    },
    get part(): OptimumPart | undefined {
      return counter?.part
    },
  }
}

/** Takes the ticks of the trace in order; afterwards `ps` is the cost of the optimum of its pages, and `choices` know of a placement that costs so much. */
export class OptimumCounter {
  ps = 0
  /** Where it is asked for room, within limits. */
  readonly choices: Choices | undefined
  readonly #range: PageRange
  readonly #isWhole: boolean
  readonly #drops: BoundProblem['drops']
  readonly #costs: OptimumCosts
  /** By page, so many words each. */
  readonly #beyond: OptimumCosts['words']
  readonly #words: number
  readonly #step: Kernels['optimumEpoch']
  readonly #choose: Kernels['optimumChoices']
  /** Of a chunk. */
  readonly #chosen: Uint32Array
  /** Where pairs are copied to that kernels cannot reach. */
  readonly #near: Uint32Array | undefined
  #nextDrop = 0

  /** With the kernels of `space`, unless the numbers are too large for them or the pages too many for their memory. `blocks`: where pairs are. */
  constructor(problem: BoundProblem, space: Workspace, blocks: 'in the space' | 'elsewhere', range: PageRange = { from: 0, to: problem.pages }) {
    const { memory, drops } = problem
    const pages = range.to - range.from
    this.#range = range
    this.#isWhole = pages === problem.pages
    this.#drops = drops
    this.choices = Choices.of(problem, range)
    const chosen = this.choices === undefined ? 0 : CHUNK + problem.readPs.length / memory.length
    if (areLarge(problem) || space.free < bytesOf(problem, pages) + 1024) {
      this.#step = plainWorkspace.kernels.optimumEpoch
      this.#choose = plainWorkspace.kernels.optimumChoices
      this.#chosen = new Uint32Array(chosen)
      this.#costs = costsOf(problem, memory.length, range.from, new Float64Array(2 * problem.readPs.length))
      this.#words = memory.length
      this.#beyond = new Float64Array(pages * this.#words)
      return
    }
    const width = widthOf(problem)
    const actors = problem.readPs.length / memory.length
    this.#choose = space.kernels.optimumChoices
    this.#chosen = space.u32(chosen)
    this.#step = width === 2 ? space.kernels.optimumEpochOfTwo : space.kernels.optimumEpoch
    this.#costs = costsOf(problem, width, range.from, space.u32(2 * actors * width))
    this.#words = wordsOf(width)
    this.#beyond = space.u32(pages * this.#words)
    if (space.kind === 'wasm' && blocks === 'elsewhere') this.#near = space.u32(PAIR_WORDS * (CHUNK + actors))
  }

  get part(): OptimumPart {
    return { ps: this.ps, arrivals: this.choices?.arrivals ?? null }
  }

  tick(block: TickBlock, i: number): void {
    const { firstTick, pairs, pairStart } = block
    while (this.#nextDrop < this.#drops.length && this.#drops[this.#nextDrop]!.tick <= firstTick + i)
      for (const page of this.#drops[this.#nextDrop++]!.pages) this.#forget(page)
    const end = this.#isWhole ? pairStart[i + 1]! : firstPairOf(block, i, this.#range.to)
    let from = this.#isWhole ? pairStart[i]! : firstPairOf(block, i, this.#range.from)
    if (this.#near === undefined && this.choices === undefined) {
      this.ps += this.#step(pairs, from, end, this.#beyond, this.#costs)
      return
    }
    while (from < end) {
      let to = Math.min(end, from + CHUNK)
      while (to < end && pairs[to * PAIR_WORDS] === pairs[(to - 1) * PAIR_WORDS]) to++
      if (this.#near === undefined) this.#wholePages(pairs, from, to)
      else {
        this.#near.set(pairs.subarray(from * PAIR_WORDS, to * PAIR_WORDS))
        this.#wholePages(this.#near, 0, to - from)
      }
      from = to
    }
    this.choices?.endTick(firstTick + i)
  }

  #forget(page: number): void {
    const { from, to } = this.#range
    const words = this.#words
    if (page >= from && page < to) this.#beyond.fill(0, (page - from) * words, (page - from + 1) * words)
  }

  #wholePages(pairs: Uint32Array, from: number, to: number): void {
    this.ps += this.#step(pairs, from, to, this.#beyond, this.#costs)
    if (this.choices === undefined) return
    const pages = this.#choose(pairs, from, to, this.#beyond, this.#words, this.#costs, this.#chosen)
    this.choices.add(this.#chosen.subarray(0, pages))
  }
}

/** Nodes, in whole vectors; for two there is a kernel of their own, which keeps one word of a page. */
const widthOf = ({ memory }: BoundProblem): number => (memory.length === 2 ? 2 : Math.ceil(memory.length / LANES) * LANES)
const wordsOf = (width: number): number => (width === 2 ? 1 : width)

const areLarge = ({ movePs, readPs, writePs }: BoundProblem): boolean =>
  movePs >= LARGE_PS || readPs.some((ps) => ps >= LARGE_PS) || writePs.some((ps) => ps >= LARGE_PS)

/** What the kernels need for so many of the pages. */
export function bytesOf(problem: BoundProblem, pages: number): number {
  const actors = problem.readPs.length / problem.memory.length
  const width = widthOf(problem)
  return 4 * (pages * wordsOf(width) + 2 * actors * width + (CHUNK + actors) * (PAIR_WORDS + 1))
}

function costsOf({ memory, movePs, readPs, writePs }: BoundProblem, width: number, firstPage: number, words: OptimumCosts['words']): OptimumCosts {
  let most = 0
  for (let i = 0; i < words.length; i++) {
    const of = Math.floor(i / width) % 2 === 0 ? readPs : writePs
    const m = i % width < memory.length ? i % width : 0
    words[i] = of[Math.floor(i / width / 2) * memory.length + m]!
    most = Math.max(most, words[i]!)
  }
  return { words, width, firstPage, move: movePs, mostAccesses: Math.floor((2 ** 32 - 1 - movePs) / most) }
}
