/** One policy over a list of accesses, for tests that read as a story: times in microseconds, cpus spread over the nodes. */
import { type Machine, machine } from '../../src/machine/index.ts'
import { lanePolicy, type Policy, parsePolicySpec } from '../../src/policy/index.ts'
import type { LaneResult } from '../../src/replay/lane-result.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type ListedAccess, traceFromAccesses } from '../../src/trace/index.ts'

const US = 1000

export interface Story {
  accesses: ListedAccess[]
  on?: Machine
  /** us. */
  tick?: number
}

export async function laneOf(policy: string | Policy, { accesses, on = machine('2-socket'), tick = 1 }: Story): Promise<LaneResult> {
  const lane = typeof policy === 'string' ? (await parsePolicySpec(policy))[0]! : lanePolicy(policy, 'test')
  const list = accesses.map((access) => ({ ...access, t: access.t * US }))
  const { context } = planReplay(traceFromAccesses(list, { tickNs: tick * US }), on, [lane], { seed: 1, pace: 1, cpus: 'recorded' })
  const result = replayLanes(context, [lane])[0]!
  if (result.status === 'error') throw new Error(result.message)
  return result
}

/** `times` accesses to each of `pages` by a cpu, one page after the other, `gap` us apart, from `t` us on. */
export function round(t: number, pages: Iterable<number>, cpu: number, { times = 1, gap = 0.01, tid = cpu + 1 } = {}): ListedAccess[] {
  return [...pages].flatMap((page, i) => Array.from({ length: times }, (_, k): ListedAccess => ({ t: t + (i * times + k) * gap, page, cpu, pid: 1, tid })))
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
