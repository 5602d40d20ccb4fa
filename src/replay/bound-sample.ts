/**
 * Optimum of a sample of pages, without capacity limits: each page's cheapest path, times what it stands for. Accesses and moves
 * have factors of their own, so pages are reckoned one by one; there are few.
 */
import { PAIR_WORDS } from '../trace/index.ts'
import type { BoundProblem } from './bound-problem.ts'
import { forEachTick } from './context.ts'
import { accessesFor, type Sample } from './sample.ts'

/** As bound-pages.ts; lanes round their accesses to whole ones, which may save them `roundingPs`. */
export function samplePs(problem: BoundProblem, sample: Sample): number {
  const { trace, pages, memory, readPs, writePs, movePs, drops } = problem
  const width = memory.length
  const cost = new Float64Array(pages * width)
  const step = new Float64Array(width)
  let nextDrop = 0
  forEachTick(trace, ({ pairs, pairStart, firstTick }, i) => {
    while (nextDrop < drops.length && drops[nextDrop]!.tick <= firstTick + i) for (const page of drops[nextDrop++]!.pages) forget(cost, page * width, width)
    const end = pairStart[i + 1]! * PAIR_WORDS
    let k = pairStart[i]! * PAIR_WORDS
    while (k < end) {
      const page = pairs[k]!
      const factor = accessesFor(sample, page)
      step.fill(0)
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const row = pairs[k + 1]! * width
        for (let m = 0; m < width; m++) step[m]! += (pairs[k + 2]! * readPs[row + m]! + pairs[k + 3]! * writePs[row + m]!) * factor
      }
      const base = page * width
      const through = Math.min(...cost.subarray(base, base + width)) + movePs * sample.standsFor[page]!
      for (let m = 0; m < width; m++) cost[base + m] = Math.min(cost[base + m]!, through) + step[m]!
    }
  })
  let total = 0
  for (let page = 0; page < pages; page++) total += forget(cost, page * width, width)
  return Math.max(0, Math.floor(total - roundingPs(problem, sample)))
}

/** With copies: every access as near as memory is. */
export function sampleWithCopiesPs(problem: BoundProblem, sample: Sample): number {
  const { trace, memory, readPs, writePs } = problem
  const nearest = (of: Float64Array, actor: number) => Math.min(...of.subarray(actor * memory.length, (actor + 1) * memory.length))
  const actors = Array.from({ length: readPs.length / memory.length }, (_, actor) => [nearest(readPs, actor), nearest(writePs, actor)] as const)
  let total = 0
  forEachTick(trace, ({ pairs, pairStart }, i) => {
    for (let k = pairStart[i]! * PAIR_WORDS; k < pairStart[i + 1]! * PAIR_WORDS; k += PAIR_WORDS) {
      const [read, write] = actors[pairs[k + 1]!]!
      total += (pairs[k + 2]! * read + pairs[k + 3]! * write) * accessesFor(sample, pairs[k]!)
    }
  })
  return Math.max(0, Math.floor(total - roundingPs(problem, sample)))
}

/** Half an access of each kind by each actor to each node, where accesses are expanded. */
function roundingPs({ readPs, writePs }: BoundProblem, { accessFactor }: Sample): number {
  if (accessFactor === 1) return 0
  let sum = 0
  for (let i = 0; i < readPs.length; i++) sum += (readPs[i]! + writePs[i]!) / 2
  return sum
}

function forget(cost: Float64Array, base: number, width: number): number {
  const least = Math.min(...cost.subarray(base, base + width))
  cost.fill(least, base, base + width)
  return least
}
