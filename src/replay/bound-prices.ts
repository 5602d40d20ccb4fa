/**
 * Optimum with capacities, any number of nodes and any size: a certified interval. A price per page and tick on each node
 * makes pages independent again; for any prices >= 0 the sum of the pages' cheapest paths, less what full nodes would earn,
 * is a lower bound (Lagrangian relaxation). NodePrices follow the subgradient (used - capacity); integer
 * picoseconds keep every sum exact. NodePrices are constant within a period of ticks; the best prices lead a greedy plan that
 * respects the capacities, which is an upper bound.
 */
import { type NodePrices, plainWorkspace, stepsOf, WORDS_OF_STEP, type Workspace, withWorkspace } from '../wasm/index.ts'
import { countTouches, type Histories, historiesOf, historyBytes } from './bound-histories.ts'
import { feasiblePlanPs } from './bound-plan.ts'
import type { BoundProblem } from './bound-problem.ts'
import { RESERVED } from './window.ts'

export interface PricedBound {
  lowerPs: number
  /** Null when the greedy plan found no room. */
  upperPs: number | null
}

/** Memory for the touches of one block of pages: the more, the fewer passes over the trace. NodePrices are learnt from at most so many touches. */
const BLOCK_BYTES = 256 * 2 ** 20
const SAMPLE_TOUCHES = 500_000
/** Steps of all rounds together, some ten seconds; and how many rounds are worth while. */
const MOST_STEPS = 1e9
const ROUNDS = { least: 20, most: 150 }
const PERIODS = { least: 8, most: 96 }
/** NodePrices are settled when so many rounds have made the bound better by less than this share of it. */
const SETTLED = { rounds: 16, share: 1e-4 }
/** Halve the step after so many rounds without a better bound. */
const PATIENCE = 4

/**
 * Any prices give a valid bound: they are learnt from a sample of the pages with capacities scaled to it (every page where
 * there are few), and one pass over all pages certifies bound and plan.
 */
export function pricedBound(problem: BoundProblem): PricedBound {
  const { pages, memory, capacity } = problem
  const before = countTouches(problem, 0, pages)
  const stride = primeFrom(Math.ceil(before[pages]! / SAMPLE_TOUCHES))
  const { length: width } = memory
  const bytes = historyBytes(Math.ceil(pages / stride), (2 * before[pages]!) / stride, width)
  const prices = withRoom(bytes, (space) => {
    const sample = historiesOf(problem, 0, pages, stride, undefined, space)
    return learnPrices(sample, { ...problem, capacity: capacity.map((frames) => (frames * sample.pages) / pages) }, space)
  })

  const plan = feasiblePlanPs(problem, prices)
  let lowerPs = -worthOfFrames(prices, capacity)
  for (const { from, to } of pageStretches(before, width)) {
    const start = before.slice(from, to + 1).map((touches) => touches - before[from]!)
    withRoom(historyBytes(to - from, start[to - from]!, width), (space) => {
      const histories = historiesOf(problem, from, to, 1, start, space)
      lowerPs += new PricedPaths(space, histories, problem, prices).under(prices).ps
      plan.add(histories)
    })
  }
  return { lowerPs, upperPs: Number.isFinite(plan.costPs) ? plan.costPs : null }
}

/** The prices with the best bound of a number of subgradient rounds with Polyak steps. */
function learnPrices(histories: Histories, problem: BoundProblem, space: Workspace): NodePrices {
  const { ticks, memory, capacity } = problem
  const { pages } = histories
  const width = memory.length
  const periods = Math.min(ticks, Math.max(PERIODS.least, Math.min(PERIODS.most, Math.floor(2e7 / pages))))
  const periodStart = Uint32Array.from({ length: periods + 1 }, (_, b) => Math.floor((b * ticks) / periods))
  const roundSteps = (2 * histories.tick.length + pages * periods) * width
  const rounds = Math.max(ROUNDS.least, Math.min(ROUNDS.most, Math.floor(MOST_STEPS / roundSteps)))

  let prices: NodePrices = { periods, periodStart, perTick: new Float64Array(width * periods) }
  const plan = feasiblePlanPs(problem, prices)
  plan.add(histories)
  const paths = new PricedPaths(space, histories, problem, prices)
  let best = prices
  let bestPs = Number.NEGATIVE_INFINITY
  /** `bestPs` after each round. */
  const bounds: number[] = []
  let step = 1
  let stale = 0
  for (let round = 0; round < rounds; round++) {
    const { ps, used: excess } = paths.under(prices)
    const value = ps - worthOfFrames(prices, capacity)
    let norm = 0
    for (let m = 0; m < width; m++) {
      for (let b = 0; b < periods; b++) {
        const slot = m * periods + b
        excess[slot]! -= capacity[m]! * (periodStart[b + 1]! - periodStart[b]!)
        if (excess[slot]! > 0 || prices.perTick[slot]! > 0) norm += excess[slot]! ** 2
      }
    }
    if (value > bestPs) {
      bestPs = value
      best = prices
      stale = 0
    } else if (++stale % PATIENCE === 0) step /= 2
    bounds.push(bestPs)
    if (norm === 0 || plan.costPs <= bestPs || bestPs - bounds[round - SETTLED.rounds]! < SETTLED.share * bestPs) break
    const target = Number.isFinite(plan.costPs) ? plan.costPs : 1.1 * Math.max(bestPs, 1)
    const by = (step * Math.max(target - value, 1)) / norm
    // From the best prices when the last ones led astray, else from the last
    const origin = stale > 0 && stale % PATIENCE === 0 ? best : prices
    prices = { periods, periodStart, perTick: origin.perTick.map((price, slot) => Math.max(0, Math.round(price + by * excess[slot]!))) }
  }
  return best
}

/** What the frames of all nodes would earn if they were always taken. */
function worthOfFrames({ periods, periodStart, perTick }: NodePrices, capacity: number[]): number {
  let worth = 0
  for (let m = 0; m < capacity.length; m++) {
    for (let b = 0; b < periods; b++) worth += perTick[m * periods + b]! * capacity[m]! * (periodStart[b + 1]! - periodStart[b]!)
  }
  return worth
}

/** A prime stride keeps no step with threads that take pages in turn. */
function primeFrom(least: number): number {
  if (least <= 1) return 1
  for (let candidate = least; ; candidate++) {
    let isPrime = candidate > 1
    for (let factor = 2; factor * factor <= candidate && isPrime; factor++) isPrime = candidate % factor !== 0
    if (isPrime) return candidate
  }
}

/** Consecutive pages whose touches fit into BLOCK_BYTES together (or one page). */
function pageStretches(before: Uint32Array, memoryNodes: number): { from: number; to: number }[] {
  const pages = before.length - 1
  const most = BLOCK_BYTES / (8 * memoryNodes + 9)
  const stretches: { from: number; to: number }[] = []
  for (let from = 0; from < pages; ) {
    let to = from + 1
    while (to < pages && before[to + 1]! - before[from]! <= most) to++
    stretches.push({ from, to })
    from = to
  }
  return stretches
}

/**
 * Sum of the cheapest paths of all pages under the prices; adds where they stay to `used` (page-ticks by node and period).
 * Between two touches prices are piecewise constant, so moving right after a touch, at the start of a period or right before
 * the next touch is never worse than in between: the steps of the dynamic program are these times.
 */
class PricedPaths {
  readonly #space: Workspace
  readonly #histories: Histories
  readonly #movePs: number
  readonly #periodStart: Uint32Array
  readonly #perTick: Float64Array
  readonly #used: Float64Array
  readonly #scratch: { path: Float64Array; trail: Uint32Array }

  constructor(space: Workspace, histories: Histories, { memory, movePs }: BoundProblem, { periods, periodStart }: NodePrices) {
    this.#space = space
    this.#histories = histories
    this.#movePs = movePs
    this.#periodStart = space.u32(periods + 1)
    this.#periodStart.set(periodStart)
    this.#perTick = space.f64(memory.length * periods)
    this.#used = space.f64(memory.length * periods)
    this.#scratch = { path: space.f64(memory.length), trail: space.raw.u32(WORDS_OF_STEP * stepsOf(histories, periods)) }
  }

  /** ps, and page-ticks until the next call. */
  under({ periods, perTick }: NodePrices): { ps: number; used: Float64Array } {
    this.#perTick.set(perTick)
    this.#used.fill(0)
    const prices = { periods, periodStart: this.#periodStart, perTick: this.#perTick }
    return { ps: this.#space.kernels.pricedPaths(this.#histories, this.#movePs, prices, this.#used, this.#scratch), used: this.#used }
  }
}

/** Runs `work` where kernels reach so many bytes, if there is room. */
function withRoom<T>(bytes: number, work: (space: Workspace) => T): T {
  return withWorkspace((space) => work(space.free > RESERVED + bytes ? space : plainWorkspace))
}
