/**
 * Exact optimum without capacity limits, page by page: C[t][n] = w[t][n] + min(C[t-1][n],
 * min_m C[t-1][m] + M). Epochs in which a page is not touched change nothing, and a uniform cost of moving needs only the
 * running minimum: one step of `memory nodes` operations per (page, actor, epoch) that occurs, one number per page and node.
 */

import { PAIR_WORDS } from '../trace/index.ts'
import type { BoundProblem } from './bound-problem.ts'
import { forEachTick } from './context.ts'

export function perPagePs({ trace, pages, memory, readPs, writePs, movePs, drops }: BoundProblem): number {
  const width = memory.length
  const cost = new Float64Array(pages * width)
  const step = new Float64Array(width)
  let nextDrop = 0
  forEachTick(trace, (block, i) => {
    const tick = block.firstTick + i
    while (nextDrop < drops.length && drops[nextDrop]!.tick <= tick) for (const page of drops[nextDrop++]!.pages) forget(cost, page * width, width)
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    let k = block.pairStart[i]! * PAIR_WORDS
    while (k < end) {
      const page = pairs[k]!
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const row = pairs[k + 1]! * width
        const reads = pairs[k + 2]!
        const writes = pairs[k + 3]!
        for (let m = 0; m < width; m++) step[m]! += reads * readPs[row + m]! + writes * writePs[row + m]!
      }
      const base = page * width
      let least = cost[base]!
      for (let m = 1; m < width; m++) if (cost[base + m]! < least) least = cost[base + m]!
      least += movePs
      for (let m = 0; m < width; m++) {
        cost[base + m] = Math.min(cost[base + m]!, least) + step[m]!
        step[m] = 0
      }
    }
  })
  let total = 0
  for (let page = 0; page < pages; page++) total += forget(cost, page * width, width)
  return total
}

/** The page may be anywhere next time: its cheapest past stands for all. */
function forget(cost: Float64Array, base: number, width: number): number {
  let least = cost[base]!
  for (let m = 1; m < width; m++) if (cost[base + m]! < least) least = cost[base + m]!
  cost.fill(least, base, base + width)
  return least
}
