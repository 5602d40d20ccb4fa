/**
 * Exact optimum without capacity limits, page by page: C[t][n] = w[t][n] + min(C[t-1][n],
 * min_m C[t-1][m] + M). Epochs in which a page is not touched change nothing, and a uniform cost of moving needs only the
 * running minimum: one step of `memory nodes` operations per (page, actor, epoch) that occurs.
 *
 * Of a page's costs only their distances from the least are kept, none above M: whoever is farther may as well move at the
 * next touch. So they fit into 32 bits, and a page that leaves memory has its distances set to 0.
 */

import { PAIR_WORDS } from '../trace/index.ts'
import { LANES, type OptimumCosts, plainWorkspace, type Workspace, withWorkspace } from '../wasm/index.ts'
import type { BoundProblem } from './bound-problem.ts'
import { forEachTick } from './context.ts'

/** Costs below it leave room for sums in 32 bits; 2 ms, and only moving pages of many MiB costs more. */
const LARGE_PS = 2 ** 31
/** Pairs handed to the kernel at a time: they stay in the cache of a core. */
const CHUNK = 1 << 13

export function perPagePs(problem: BoundProblem): number {
  return withWorkspace((space) => optimumIn(problem, space))
}

/** With the kernels of `space`, unless the numbers are too large for them or the pages too many for their memory. */
export function optimumIn(problem: BoundProblem, space: Workspace): number {
  const { pages, memory, movePs, readPs, writePs } = problem
  const actors = readPs.length / memory.length
  const vectors = Math.ceil(memory.length / LANES)
  const isLarge = movePs >= LARGE_PS || readPs.some((ps) => ps >= LARGE_PS) || writePs.some((ps) => ps >= LARGE_PS)
  const bytes = 4 * ((pages + 2 * actors) * vectors * LANES + (CHUNK + actors) * PAIR_WORDS)
  if (isLarge || space.free < bytes + 1024) {
    const costs = costsOf(problem, memory.length, new Float64Array(2 * readPs.length))
    return sumOfEpochs(problem, costs, new Float64Array(pages * memory.length), plainWorkspace)
  }
  const width = vectors * LANES
  return sumOfEpochs(problem, costsOf(problem, width, space.u32(2 * actors * width)), space.u32(pages * width), space)
}

function costsOf({ memory, movePs, readPs, writePs }: BoundProblem, width: number, words: OptimumCosts['words']): OptimumCosts {
  let most = 0
  for (let i = 0; i < words.length; i++) {
    const of = Math.floor(i / width) % 2 === 0 ? readPs : writePs
    const m = i % width < memory.length ? i % width : 0
    words[i] = of[Math.floor(i / width / 2) * memory.length + m]!
    most = Math.max(most, words[i]!)
  }
  return { words, width, move: movePs, mostAccesses: Math.floor((2 ** 32 - 1 - movePs) / most) }
}

function sumOfEpochs({ trace, drops }: BoundProblem, costs: OptimumCosts, beyond: OptimumCosts['words'], space: Workspace): number {
  const { width } = costs
  const near = space.kind === 'wasm' ? space.u32(PAIR_WORDS * (CHUNK + costs.words.length / width)) : undefined
  let total = 0
  let nextDrop = 0
  forEachTick(trace, (block, i) => {
    const tick = block.firstTick + i
    while (nextDrop < drops.length && drops[nextDrop]!.tick <= tick)
      for (const page of drops[nextDrop++]!.pages) beyond.fill(0, page * width, (page + 1) * width)
    const { pairs } = block
    const end = block.pairStart[i + 1]!
    let from = block.pairStart[i]!
    if (near === undefined) {
      total += space.kernels.optimumEpoch(pairs, from, end, beyond, costs)
      return
    }
    while (from < end) {
      let to = Math.min(end, from + CHUNK)
      while (to < end && pairs[to * PAIR_WORDS] === pairs[(to - 1) * PAIR_WORDS]) to++
      near.set(pairs.subarray(from * PAIR_WORDS, to * PAIR_WORDS))
      total += space.kernels.optimumEpoch(near, 0, to - from, beyond, costs)
      from = to
    }
  })
  return total
}
