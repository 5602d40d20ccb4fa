/** From axes and the identities of the traces to the points: the cross product without what is excluded, each with its key. */
import { UserError } from '../errors.ts'
import { formatCount } from '../units.ts'
import type { Axes } from './axes.ts'
import { engineVersion } from './code-digest.ts'
import { inputsOf, keyOf, PLAN_SCHEMA, type SweepPlan, type SweepPoint, type TraceAxis } from './plan.ts'
import { selectionOf } from './select.ts'

/** A study of more points is a slip of the pen more often than a wish. */
const MOST_POINTS = 1_000_000

type Coordinates = Omit<SweepPoint, 'key'>

/** The points of a plan, before traces are known: enough to count. In the order: trace, machine, faults, epoch, pace, cpus, seed, policy. */
export function coordinatesOf(axes: Axes): Coordinates[] {
  const { traces, machines, faults, epochs, paces, cpus, seeds, policies } = axes
  const count = [traces, machines, faults, epochs, paces, cpus, seeds, policies].reduce((product, { length }) => product * length, 1)
  if (count > MOST_POINTS) {
    throw new UserError(`the plan has ${formatCount(count)} points`, { expected: `at most ${formatCount(MOST_POINTS)}`, hint: 'Split it, or exclude some' })
  }
  const exclusions = axes.exclude.map(({ exclusion, place }) => ({ matches: selectionOf(axes, exclusion), place, used: false }))
  const points: Coordinates[] = []
  for (const trace of traces.keys()) {
    for (const machine of machines.keys()) {
      for (const fault of faults.keys()) {
        for (const epochNs of epochs) {
          for (const pace of paces) {
            for (const cpu of cpus) {
              for (const seed of seeds) {
                for (const policy of policies.keys()) {
                  const point = { trace, machine, policy, faults: fault, seed, epochNs, pace, cpus: cpu }
                  const out = exclusions.filter(({ matches }) => matches(point))
                  for (const one of out) one.used = true
                  if (out.length === 0) points.push(point)
                }
              }
            }
          }
        }
      }
    }
  }
  const idle = exclusions.find(({ used }) => !used)
  if (idle) throw new UserError('this exclusion matches no point', { ...idle.place, hint: 'numareplay sweep PLAN --dry-run lists the axes' })
  if (points.length === 0) throw new UserError('every point is excluded', { ...axes.exclude[0]!.place })
  return points
}

/** Points that come out the same (one file under two names, a parameter at its default) are there once. */
export function planOfSweep(axes: Axes, traces: TraceAxis[]): SweepPlan {
  const { name, about, folder, machines, policies, faults, baseline, limits } = axes
  const header = { schema: PLAN_SCHEMA, name, about, folder, engine: engineVersion(), baseline, limits, traces, machines, policies, faults } as const
  const byKey = new Map<string, SweepPoint>()
  for (const point of coordinatesOf(axes)) {
    const key = keyOf(inputsOf(header, point))
    if (!byKey.has(key)) byKey.set(key, { key, ...point })
  }
  return { ...header, points: [...byKey.values()] }
}
