/**
 * Exact optimum for two memory nodes of which one is too small: its frames are sent through time as a flow.
 * A frame is idle (on the hub of its tick) or holds a page (on the page's chain); holding page p
 * in a touch saves what the access would cost on the other node. Integral, so the least cost of the flow is the optimum.
 *
 *   hub(t) -> hub(t+1)        idle frame, free
 *   hub(t) -> in(touch)       the page moves in (free when it enters memory here)
 *   in     -> out             saves (cost here - cost there), one frame
 *   out    -> in(next touch)  the page stays;   out -> hub(end) it stays to the end or until it is dropped
 *   out    -> hub(t+1)        the page moves out: right after a touch is never worse than later
 */
import type { Histories } from './bound-histories.ts'
import type { BoundProblem } from './bound-problem.ts'
import { forEachTick } from './context.ts'
import { MinCostFlow } from './min-cost-flow.ts'

/** One shortest path over all touches per frame: beyond this many steps prices are used instead (some ten seconds). */
const MOST_STEPS = 4e6

/** The other node holds every page, and the graph is of moderate size. */
export function isFlowExact({ trace, capacity, pages }: BoundProblem): boolean {
  if (Math.max(capacity[0]!, capacity[1]!) < pages) return false
  let touches = 0
  forEachTick(trace, (block, i) => {
    touches += block.touchStart[i + 1]! - block.touchStart[i]!
  })
  return touches * Math.min(capacity[0]!, capacity[1]!) <= MOST_STEPS
}

export function flowPs(histories: Histories, { ticks, capacity, movePs }: BoundProblem): number {
  const { tick, cost, until, enters, start, pages } = histories
  const here = capacity[0]! <= capacity[1]! ? 0 : 1
  const there = 1 - here
  const touches = tick.length
  const frames = Math.min(capacity[here]!, pages)

  const hub = (t: number) => t
  const into = (touch: number) => ticks + 1 + 2 * touch
  const out = (touch: number) => ticks + 2 + 2 * touch
  const flow = new MinCostFlow(ticks + 1 + 2 * touches, ticks + 4 * touches)
  for (let t = 0; t < ticks; t++) flow.arc(hub(t), hub(t + 1), frames, 0)
  let allThere = 0
  for (let p = 0; p < pages; p++) {
    for (let touch = start[p]!; touch < start[p + 1]!; touch++) {
      const now = tick[touch]!
      const isNext = touch + 1 < start[p + 1]! && enters[touch + 1] === 0
      allThere += cost[touch * 2 + there]!
      flow.arc(hub(now), into(touch), 1, enters[touch] === 1 ? 0 : movePs)
      flow.arc(into(touch), out(touch), 1, cost[touch * 2 + here]! - cost[touch * 2 + there]!)
      flow.arc(out(touch), isNext ? into(touch + 1) : hub(until[touch]!), 1, 0)
      flow.arc(out(touch), hub(now + 1), 1, movePs)
    }
  }
  return allThere + flow.send(hub(0), hub(ticks), frames, topologicalOrder(histories, ticks))
}

/** Hubs and touches by tick; all arcs lead forward in this order. */
function topologicalOrder({ tick }: Histories, ticks: number): Uint32Array {
  const first = new Uint32Array(ticks + 2)
  for (const t of tick) first[t + 1]! += 2
  for (let t = 0; t <= ticks; t++) first[t + 1]! += first[t]! + 1
  const order = new Uint32Array(ticks + 1 + 2 * tick.length)
  for (let t = 0; t <= ticks; t++) order[first[t]!++] = t
  for (let touch = 0; touch < tick.length; touch++) {
    const t = tick[touch]!
    order[first[t]!++] = ticks + 1 + 2 * touch
    order[first[t]!++] = ticks + 2 + 2 * touch
  }
  return order
}
