/** Cheapest paths of pages over memory nodes that have a price (src/replay/bound-prices.ts). */

/** Touches of pages in order of time. A touch is one (page, tick) that occurs. */
export interface PricedPages {
  pages: number
  /** Touches of the p-th page are [start[p], start[p + 1]). */
  start: Uint32Array
  tick: Uint32Array
  /** Access cost of the touch with the page on memory node m, ps: [touch * nodes + m]. */
  cost: Float64Array
  /** First tick after the touch at which the page is touched again or no longer in memory; the number of ticks = it stays to the end. */
  until: Uint32Array
  /** 1 where the page enters memory: its first touch, or the first after it was dropped. */
  enters: Uint8Array
}

/** Stretches of equal price, and what they cost. */
export interface NodePrices {
  periods: number
  /** First tick of each period, and the end of the last. */
  periodStart: Uint32Array
  /** [m * periods + period], ps per page and tick. */
  perTick: Float64Array
}

/** What the kernels write to beside `used`. */
export interface PathScratch {
  /** f64 by node. */
  path: Float64Array
  /** WORDS_OF_STEP for each of `stepsOf`. */
  trail: Uint32Array
}

export const WORDS_OF_STEP = 4

export interface PriceKernels {
  /**
   * Sum of the cheapest paths of all pages under the prices, where a page may move, at `movePs`, before each touch, after it, and where a
   * period begins; it enters memory for nothing. Adds where they stay to `used`: page-ticks by [m * periods + period]. All numbers are
   * whole and below 2^53, so that sums are exact.
   */
  pricedPaths(pages: PricedPages, movePs: number, prices: NodePrices, used: Float64Array, scratch: PathScratch): number
}

export interface PriceExports {
  pricedPaths(...args: number[]): number
  pricedPathsOfTwo(...args: number[]): number
}

/** Most decisions on the path of one page: at a touch, after it, and where a period begins. */
export function stepsOf({ pages, start }: PricedPages, periods: number): number {
  let most = 0
  for (let p = 0; p < pages; p++) most = Math.max(most, start[p + 1]! - start[p]!)
  return 2 * most + periods
}

export const wasmPrices = (exports: PriceExports): PriceKernels => ({
  pricedPaths({ pages, start, tick, cost, until, enters }, movePs, { periods, periodStart, perTick }, used, { path, trail }) {
    const history = [pages, ...[start, tick, cost, until, enters].map((column) => column.byteOffset)]
    const args = [...history, movePs, periods, ...[periodStart, perTick, used, trail].map((array) => array.byteOffset)]
    const width = path.length
    return width === 2 ? exports.pricedPathsOfTwo(...args) : exports.pricedPaths(...args, width, path.byteOffset)
  },
})

export const priceTwins: PriceKernels = {
  pricedPaths(histories, movePs, { periods, periodStart, perTick }, used, { path, trail }) {
    const { pages, start, tick, cost, until, enters } = histories
    const width = path.length
    let total = 0
    for (let p = 0; p < pages; p++) {
      path.fill(0)
      let end = 0
      let period = 0
      for (let touch = start[p]!; touch < start[p + 1]!; touch++) {
        let now = tick[touch]!
        while (periodStart[period + 1]! <= now) period++
        end = step(path, enters[touch] === 1 ? 0 : movePs, period, 1, trail, end)
        const base = touch * width
        for (let m = 0; m < width; m++) path[m]! += cost[base + m]! + perTick[m * periods + period]!
        now++
        while (now < until[touch]!) {
          while (periodStart[period + 1]! <= now) period++
          const stop = Math.min(until[touch]!, periodStart[period + 1]!)
          end = step(path, movePs, period, stop - now, trail, end)
          for (let m = 0; m < width; m++) path[m]! += (stop - now) * perTick[m * periods + period]!
          now = stop
        }
      }
      let node = 0
      for (let m = 1; m < width; m++) if (path[m]! < path[node]!) node = m
      total += path[node]!
      for (let i = end - WORDS_OF_STEP; i >= 0; i -= WORDS_OF_STEP) {
        used[node * periods + trail[i + 2]!]! += trail[i + 3]!
        if (((trail[i + 1]! >>> node) & 1) === 1) node = trail[i]!
      }
    }
    return total
  },
}

/** One chance to move, before a stay of `ticks` in `period`: what is noted at `end`, cheapest node before it and nodes reached from there among it. */
function step(path: Float64Array, movePs: number, period: number, ticks: number, trail: Uint32Array, end: number): number {
  let least = 0
  for (let m = 1; m < path.length; m++) if (path[m]! < path[least]!) least = m
  const through = path[least]! + movePs
  let moved = 0
  for (let m = 0; m < path.length; m++) {
    if (path[m]! <= through) continue
    path[m] = through
    moved |= 1 << m
  }
  trail[end] = least
  trail[end + 1] = moved
  trail[end + 2] = period
  trail[end + 3] = ticks
  return end + WORDS_OF_STEP
}
