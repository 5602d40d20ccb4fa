/**
 * Optimum per page where copies are allowed (kernel/copies.ts), without capacity limits: a page is held by a set of nodes. Another
 * node costs a move, giving one up costs nothing; accesses of an epoch take the best node of the set, and in an epoch that writes
 * the page the set is one node. That bounds replicas, and shadows too: who leaves a node that keeps a frame comes back for free.
 */
import { PAIR_WORDS } from '../trace/index.ts'
import type { BoundProblem } from './bound-problem.ts'
import { forEachTick } from './context.ts'

/** Most costs kept, one per page and set (512 MiB); beyond, every epoch that does not write reads locally for free. */
const MOST_COSTS = 2 ** 26

export const isExactWithCopies = ({ pages, memory }: BoundProblem): boolean => pages * 2 ** memory.length <= MOST_COSTS

export const withCopiesPs = (problem: BoundProblem): number => (isExactWithCopies(problem) ? setsPs(problem) : freeCopiesPs(problem))

function setsPs(problem: BoundProblem): number {
  const { trace, pages, memory, readPs, writePs, movePs, drops } = problem
  const width = memory.length
  const sets = 1 << width
  const nearestPs = leastOfSets(readPs, width)
  /** [page * sets + set]; the empty set is never taken. */
  const cost = new Float64Array(pages * sets)
  const best = new Float64Array(sets)
  const step = new Float64Array(sets)
  for (let page = 0; page < pages; page++) enter(cost, page * sets, 0)

  function enter(into: Float64Array, base: number, ps: number): void {
    into.fill(Number.POSITIVE_INFINITY, base, base + sets)
    for (let m = 0; m < width; m++) into[base + (1 << m)] = ps
  }
  function forget(base: number): number {
    const least = Math.min(...cost.subarray(base, base + sets))
    enter(cost, base, least)
    return least
  }
  /** From one set to another: copies are made, then others given up. */
  function change(base: number): void {
    for (let set = 0; set < sets; set++) best[set] = cost[base + set]!
    for (let bit = 1; bit < sets; bit <<= 1) {
      for (let set = 1; set < sets; set++) if ((set & bit) === 0 && best[set]! + movePs < best[set | bit]!) best[set | bit] = best[set]! + movePs
    }
    for (let bit = 1; bit < sets; bit <<= 1) {
      for (let set = 1; set < sets; set++) if ((set & bit) === 0 && best[set | bit]! < best[set]!) best[set] = best[set | bit]!
    }
  }

  let nextDrop = 0
  forEachTick(trace, (block, i) => {
    const tick = block.firstTick + i
    while (nextDrop < drops.length && drops[nextDrop]!.tick <= tick) for (const page of drops[nextDrop++]!.pages) forget(page * sets)
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    let k = block.pairStart[i]! * PAIR_WORDS
    while (k < end) {
      const page = pairs[k]!
      let writes = 0
      step.fill(0)
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const row = pairs[k + 1]!
        writes += pairs[k + 3]!
        for (let set = 1; set < sets; set++) step[set]! += pairs[k + 2]! * nearestPs[row * sets + set]!
        for (let m = 0; m < width; m++) step[1 << m]! += pairs[k + 3]! * writePs[row * width + m]!
      }
      const base = page * sets
      change(base)
      for (let set = 1; set < sets; set++) {
        const isOne = (set & (set - 1)) === 0
        cost[base + set] = writes > 0 && !isOne ? Number.POSITIVE_INFINITY : best[set]! + step[set]!
      }
    }
  })
  let total = 0
  for (let page = 0; page < pages; page++) total += forget(page * sets)
  return total
}

/** Least of a row's values over each set of columns: [row * sets + set]. */
function leastOfSets(values: Float64Array, width: number): Float64Array {
  const sets = 1 << width
  const rows = values.length / width
  const least = new Float64Array(rows * sets).fill(Number.POSITIVE_INFINITY)
  for (let row = 0; row < rows; row++) {
    for (let set = 1; set < sets; set++) {
      const column = 31 - Math.clz32(set)
      least[row * sets + set] = Math.min(least[row * sets + (set & ~(1 << column))]!, values[row * width + column]!)
    }
  }
  return least
}

/** Every epoch by itself: written pages on their best node, the others read by everybody from the nearest. */
function freeCopiesPs({ trace, memory, readPs, writePs }: BoundProblem): number {
  const width = memory.length
  const nearest = Float64Array.from({ length: readPs.length / width }, (_, row) => Math.min(...readPs.subarray(row * width, (row + 1) * width)))
  const step = new Float64Array(width)
  let total = 0
  forEachTick(trace, ({ pairs, pairStart }, i) => {
    const end = pairStart[i + 1]! * PAIR_WORDS
    let k = pairStart[i]! * PAIR_WORDS
    while (k < end) {
      const page = pairs[k]!
      let writes = 0
      let local = 0
      step.fill(0)
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const row = pairs[k + 1]!
        writes += pairs[k + 3]!
        local += pairs[k + 2]! * nearest[row]!
        for (let m = 0; m < width; m++) step[m]! += pairs[k + 2]! * readPs[row * width + m]! + pairs[k + 3]! * writePs[row * width + m]!
      }
      total += writes > 0 ? Math.min(...step) : local
    }
  })
  return total
}
