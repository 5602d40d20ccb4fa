/**
 * A plan that respects the capacities, page by page: each page takes its cheapest path over the periods through nodes that
 * still have room, pages with most to gain first. Its cost is an upper bound on the optimum. Coarse on purpose: a page keeps
 * its node for a whole period and holds a frame in each period in which it is in memory for a single tick.
 */
import { RadixSort } from '../columns/index.ts'
import type { NodePrices } from '../wasm/index.ts'
import type { Histories } from './bound-histories.ts'
import type { BoundProblem } from './bound-problem.ts'

export interface FeasiblePlan {
  add(histories: Histories): void
  /** Infinity when a page found no room. */
  readonly costPs: number
}

export function feasiblePlanPs({ memory, capacity, movePs }: BoundProblem, { periods, periodStart, perTick }: NodePrices): FeasiblePlan {
  const width = memory.length
  const free = new Float64Array(width * periods)
  for (let m = 0; m < width; m++) free.fill(capacity[m]!, m * periods, (m + 1) * periods)
  const access = new Float64Array(periods * width)
  /** 0 = not in memory, 1 = in memory, 2 = enters memory in this period: placed for free. */
  const presence = new Uint8Array(periods)
  const path = new Float64Array(width)
  const cameFrom = new Uint8Array(periods * width)
  let costPs = 0

  const load = (histories: Histories, p: number): void => {
    const { start, tick, cost, until, enters } = histories
    access.fill(0)
    presence.fill(0)
    let period = 0
    for (let touch = start[p]!; touch < start[p + 1]!; touch++) {
      while (periodStart[period + 1]! <= tick[touch]!) period++
      for (let m = 0; m < width; m++) access[period * width + m]! += cost[touch * width + m]!
      if (presence[period] === 0) presence[period] = enters[touch] === 1 ? 2 : 1
      for (let b = period + 1; b < periods && periodStart[b]! < until[touch]!; b++) presence[b] = 1
    }
  }

  /** Priced path through nodes with room; then the frames are taken and what it costs is added. */
  const place = (): void => {
    path.fill(0)
    for (let b = 0; b < periods; b++) {
      if (presence[b] === 0) continue
      const ticks = periodStart[b + 1]! - periodStart[b]!
      let least = 0
      for (let m = 1; m < width; m++) if (path[m]! < path[least]!) least = m
      const through = path[least]! + (presence[b] === 2 ? 0 : movePs)
      for (let m = 0; m < width; m++) {
        const moves = path[m]! > through
        cameFrom[b * width + m] = moves ? least : m
        const stays = moves ? through : path[m]!
        path[m] = free[m * periods + b]! > 0 ? stays + access[b * width + m]! + ticks * perTick[m * periods + b]! : Number.POSITIVE_INFINITY
      }
    }
    let node = 0
    for (let m = 1; m < width; m++) if (path[m]! < path[node]!) node = m
    if (path[node] === Number.POSITIVE_INFINITY) {
      costPs = Number.POSITIVE_INFINITY
      return
    }
    for (let b = periods - 1; b >= 0; b--) {
      if (presence[b] === 0) continue
      free[node * periods + b]!--
      costPs += access[b * width + node]!
      const before = cameFrom[b * width + node]!
      if (before !== node && presence[b] === 1) costPs += movePs
      node = before
    }
  }

  return {
    add(histories) {
      for (const p of byGain(gains(histories, width))) {
        if (costPs === Number.POSITIVE_INFINITY) return
        load(histories, p)
        place()
      }
    },
    get costPs() {
      return costPs
    },
  }
}

/** How much the best node of a page is better than its worst, over its whole life. */
function gains({ pages, start, cost }: Histories, width: number): Float64Array {
  const gain = new Float64Array(pages)
  const sum = new Float64Array(width)
  for (let p = 0; p < pages; p++) {
    sum.fill(0)
    for (let i = start[p]! * width; i < start[p + 1]! * width; i += width) for (let m = 0; m < width; m++) sum[m]! += cost[i + m]!
    let [least, most] = [sum[0]!, sum[0]!]
    for (let m = 1; m < width; m++) {
      if (sum[m]! < least) least = sum[m]!
      if (sum[m]! > most) most = sum[m]!
    }
    gain[p] = most - least
  }
  return gain
}

const WORD = 2 ** 32

/** Pages with most to gain first, of equal ones the first. */
function byGain(gain: Float64Array): Uint32Array {
  const most = gain.reduce((largest, one) => Math.max(largest, one), 0)
  const sort = new RadixSort(gain.length)
  // the array takes them modulo 2^32
  sort.by(Uint32Array.from(gain, (one) => most - one))
  if (most >= WORD) sort.by(sort.order.map((p) => Math.floor((most - gain[p]!) / WORD)))
  return sort.order
}
