/**
 * What sampling does to policies that move pages. The spread of hash groups within one lane (sample-error.ts) does not see that the
 * fate of a page depends on that of others: the pace of a policy adapts, its own samples are other ones, and small differences
 * grow. So the lanes replay halves of the sample too, each a sample with a seed of its own: what the halves differ by more
 * than halves must is the policy's doing. The halves are balanced: any two share half of their groups (McCarthy 1966; Wolter,
 * Introduction to Variance Estimation, 2007, chapter 3).
 */
import { type PreparedTrace, samplePart } from '../trace/index.ts'
import { HalfErrors } from './half-errors.ts'
import type { HalfResult, LaneResult } from './lane-result.ts'
import { replayLanes } from './pass.ts'
import { type PlanOptions, planReplay, type ReplayPlan } from './plan.ts'
import { GROUPS, sampleOf } from './sample.ts'

/** As many rows has the Hadamard matrix of the groups, without its first. */
export const MOST_HALVES = GROUPS - 1

/** Replays the halves, and adds what they tell to the lanes: to the errors of their rows at once, and their totals for the summary. */
export function replayHalves(plan: ReplayPlan, options: PlanOptions, halves: number, lanes: LaneResult[]): void {
  const { trace, machine } = plan.context
  const errors = lanes.map((lane) => new HalfErrors(lane))
  const byLane = lanes.map((): (HalfResult | undefined)[] => [])
  for (let half = 0; half < halves; half++) {
    const halfOptions = { ...options, seed: options.seed + 1 + half, numaMapsAtNs: [], followed: undefined }
    const { context } = planReplay(halfOf(trace, half), machine, plan.lanes, halfOptions)
    for (const [i, result] of replayLanes(context, plan.lanes).entries()) {
      const isWhole = result.status === 'ok'
      byLane[i]!.push(isWhole ? { totals: result.totals, pingPongPages: result.pingPongPages } : undefined)
      if (isWhole) errors[i]!.add(result)
    }
  }
  for (const [i, lane] of lanes.entries()) {
    errors[i]!.apply()
    lane.halves = byLane[i]!
  }
}

/** The groups where row `half + 1` of the Hadamard matrix (Sylvester's) has a plus. */
function halfOf(trace: PreparedTrace, half: number): PreparedTrace {
  const { group } = sampleOf(trace)!
  return samplePart(trace, 2, (page) => isEven((half + 1) & (group[page]! - 1)))
}

/** Has the number an even number of ones? */
function isEven(bits: number): boolean {
  let parity = 0
  for (let rest = bits; rest > 0; rest >>= 1) parity ^= rest & 1
  return parity === 0
}
