/**
 * Optimum with capacities, any number of nodes and any size: a certified interval. A price per page and tick on each node
 * makes pages independent again; for any prices >= 0 the sum of the pages' cheapest paths, less what full nodes would earn,
 * is a lower bound (Lagrangian relaxation). Prices follow the subgradient (used - capacity); integer
 * picoseconds keep every sum exact. Prices are constant within a period of ticks; the best prices lead a greedy plan that
 * respects the capacities, which is an upper bound.
 */
import { countTouches, type Histories, historiesOf } from './bound-histories.ts'
import { feasiblePlanPs, type Prices } from './bound-plan.ts'
import type { BoundProblem } from './bound-problem.ts'

export interface PricedBound {
  lowerPs: number
  /** Null when the greedy plan found no room. */
  upperPs: number | null
}

/** Memory for the touches of one block of pages: the more, the fewer passes over the trace. Prices are learnt from at most so many touches. */
const BLOCK_BYTES = 256 * 2 ** 20
const SAMPLE_TOUCHES = 500_000
/** Steps of all rounds together, some ten seconds; and how many rounds are worth while. */
const MOST_STEPS = 1e9
const ROUNDS = { least: 20, most: 150 }
const PERIODS = { least: 8, most: 96 }
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
  const sample = historiesOf(problem, 0, pages, stride)
  const prices = learnPrices(sample, { ...problem, capacity: capacity.map((frames) => (frames * sample.pages) / pages) })

  const plan = feasiblePlanPs(problem, prices)
  const used = new Float64Array(memory.length * prices.periods)
  let lowerPs = -worthOfFrames(prices, capacity)
  for (const { from, to } of pageStretches(before, memory.length)) {
    const start = before.slice(from, to + 1).map((touches) => touches - before[from]!)
    const histories = stride === 1 ? sample : historiesOf(problem, from, to, 1, start)
    lowerPs += pathsPs(histories, problem, prices, used)
    plan.add(histories)
    if (stride === 1) break
  }
  return { lowerPs, upperPs: Number.isFinite(plan.costPs) ? plan.costPs : null }
}

/** The prices with the best bound of a number of subgradient rounds with Polyak steps. */
function learnPrices(histories: Histories, problem: BoundProblem): Prices {
  const { ticks, memory, capacity } = problem
  const { pages } = histories
  const width = memory.length
  const periods = Math.min(ticks, Math.max(PERIODS.least, Math.min(PERIODS.most, Math.floor(2e7 / pages))))
  const periodStart = Uint32Array.from({ length: periods + 1 }, (_, b) => Math.floor((b * ticks) / periods))
  const roundSteps = (2 * histories.tick.length + pages * periods) * width
  const rounds = Math.max(ROUNDS.least, Math.min(ROUNDS.most, Math.floor(MOST_STEPS / roundSteps)))

  let prices: Prices = { periods, periodStart, perTick: new Float64Array(width * periods) }
  const plan = feasiblePlanPs(problem, prices)
  plan.add(histories)
  let best = prices
  let bestPs = Number.NEGATIVE_INFINITY
  let step = 1
  let stale = 0
  for (let round = 0; round < rounds; round++) {
    const excess = new Float64Array(width * periods)
    const value = pathsPs(histories, problem, prices, excess) - worthOfFrames(prices, capacity)
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
    if (norm === 0 || plan.costPs <= bestPs) break
    const target = Number.isFinite(plan.costPs) ? plan.costPs : 1.1 * Math.max(bestPs, 1)
    const by = (step * Math.max(target - value, 1)) / norm
    // From the best prices when the last ones led astray, else from the last
    const origin = stale > 0 && stale % PATIENCE === 0 ? best : prices
    prices = { periods, periodStart, perTick: origin.perTick.map((price, slot) => Math.max(0, Math.round(price + by * excess[slot]!))) }
  }
  return best
}

/** What the frames of all nodes would earn if they were always taken. */
function worthOfFrames({ periods, periodStart, perTick }: Prices, capacity: number[]): number {
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
function pathsPs(histories: Histories, { memory, movePs }: BoundProblem, { periods, periodStart, perTick }: Prices, used: Float64Array): number {
  const { pages, start, tick, cost, until, enters } = histories
  const width = memory.length
  const path = new Float64Array(width)
  const trail = new Trail()
  let total = 0
  for (let p = 0; p < pages; p++) {
    path.fill(0)
    trail.length = 0
    let period = 0
    for (let touch = start[p]!; touch < start[p + 1]!; touch++) {
      let now = tick[touch]!
      while (periodStart[period + 1]! <= now) period++
      trail.step(path, enters[touch] === 1 ? 0 : movePs, period, 1)
      const base = touch * width
      for (let m = 0; m < width; m++) path[m]! += cost[base + m]! + perTick[m * periods + period]!
      now++
      while (now < until[touch]!) {
        while (periodStart[period + 1]! <= now) period++
        const end = Math.min(until[touch]!, periodStart[period + 1]!)
        trail.step(path, movePs, period, end - now)
        for (let m = 0; m < width; m++) path[m]! += (end - now) * perTick[m * periods + period]!
        now = end
      }
    }
    let node = 0
    for (let m = 1; m < width; m++) if (path[m]! < path[node]!) node = m
    total += path[node]!
    trail.walkBack(node, used, periods)
  }
  return total
}

/** Decisions of one page's dynamic program, to be read backwards. */
class Trail {
  length = 0
  /** Cheapest node before the step; nodes that are reached by moving from it; stay that follows. */
  #from = new Uint8Array(256)
  #moved = new Uint32Array(256)
  #period = new Uint32Array(256)
  #ticks = new Uint32Array(256)

  /** One chance to move, at `movePs`, before a stay of `ticks` in `period`. */
  step(path: Float64Array, movePs: number, period: number, ticks: number): void {
    if (this.length === this.#from.length) this.#grow()
    let least = 0
    for (let m = 1; m < path.length; m++) if (path[m]! < path[least]!) least = m
    const through = path[least]! + movePs
    let moved = 0
    for (let m = 0; m < path.length; m++) {
      if (path[m]! <= through) continue
      path[m] = through
      moved |= 1 << m
    }
    const i = this.length++
    this.#from[i] = least
    this.#moved[i] = moved
    this.#period[i] = period
    this.#ticks[i] = ticks
  }

  walkBack(node: number, used: Float64Array, periods: number): void {
    for (let i = this.length - 1; i >= 0; i--) {
      used[node * periods + this.#period[i]!]! += this.#ticks[i]!
      if (((this.#moved[i]! >>> node) & 1) === 1) node = this.#from[i]!
    }
  }

  #grow(): void {
    const size = this.#from.length * 2
    const wider = <A extends Uint8Array | Uint32Array>(from: A, to: A): A => {
      to.set(from)
      return to
    }
    this.#from = wider(this.#from, new Uint8Array(size))
    this.#moved = wider(this.#moved, new Uint32Array(size))
    this.#period = wider(this.#period, new Uint32Array(size))
    this.#ticks = wider(this.#ticks, new Uint32Array(size))
  }
}
