/**
 * Many lanes of many comparisons in one pass over one trace, each handed back on its own: what a sweep computes. A lane's
 * result is the same as in `replay`; only figures that compare lanes are left to `runOfLanes`, which puts lanes side by side.
 */
import type { Machine } from '../machine/index.ts'
import type { LanePolicy } from '../policy/index.ts'
import { type Run, type RunRecord, runOf } from '../results/index.ts'
import type { PreparedTrace } from '../trace/index.ts'
import type { Workspace } from '../wasm/index.ts'
import { type Bound, knownBound } from './bound.ts'
import { collect } from './collect.ts'
import { Lane } from './lane.ts'
import type { LaneResult } from './lane-result.ts'
import { type PassOptions, passOver, spacesFor } from './pass.ts'
import { type PlanOptions, planReplay, type ReplayPlan } from './plan.ts'
import { factsOf, type RunFacts } from './replay.ts'
import { type LaneBlock, withBlocks } from './window.ts'

/** One lane to replay. `options.epochNs` must be the tick of the trace: `regroup` it before. */
export interface SoloLane {
  machine: Machine
  policy: LanePolicy
  options: PlanOptions
}

export interface SoloResult {
  facts: RunFacts
  lane: LaneResult
  bound: Bound
}

/** In the order of the lanes; an Error where a policy's code threw or the options do not fit the trace. */
export function replaySolo(trace: PreparedTrace, solos: SoloLane[], options: PassOptions = {}): (SoloResult | Error)[] {
  return withBlocks(trace, (space, blockAt) => replayIn(space, blockAt, trace, solos, options))
}

function replayIn(space: Workspace, blockAt: (b: number) => LaneBlock, trace: PreparedTrace, solos: SoloLane[], options: PassOptions): (SoloResult | Error)[] {
  const { watch } = options
  const errors: (Error | undefined)[] = []
  const plans: ReplayPlan[] = []
  const spaceFor = spacesFor(trace, space)
  const lanes = solos.map(({ machine, policy, options }, i) => {
    try {
      watch?.enter(i)
      plans[i] = planReplay(trace, machine, [policy], options)
      const lane = new Lane(plans[i].context, policy, spaceFor())
      watch?.leave(i)
      return lane
    } catch (error) {
      errors[i] = error as Error
      return undefined
    }
  })
  passOver(trace, space, blockAt, lanes, options)
  return lanes.map((lane, i) => {
    if (lane === undefined) return errors[i]!
    const result = lane.finish()
    if (result.status === 'error') return new Error(result.message)
    return { facts: factsOf(plans[i]!, [result]), lane: result, bound: knownBound(plans[i]!.context, result.copiesMade > 0) }
  })
}

/** Lanes over the same trace, machine and seed as one run; the first is the baseline. */
export function runOfLanes(solos: SoloResult[], record: Pick<RunRecord, 'createdAt' | 'command'>): Run {
  const [{ facts }] = solos as [SoloResult]
  const lanes = solos.map(({ lane }) => lane)
  const context = { machine: facts.machine.definition as Machine, trace: { meta: facts.trace } }
  const recorded = lanes.map(({ label, policy, params, status }) => ({ label, policy, params, status }))
  return runOf(
    { ...facts, ...record, baseline: lanes[0]!.label, lanes: recorded },
    collect(
      context,
      lanes,
      solos.map(({ bound }) => bound),
    ),
  )
}
