/** Points picked by patterns over the names of their axes: exclusions of a plan, and `--where` when a store is read. */
import { closest, UserError } from '../errors.ts'
import { formatDuration } from '../units.ts'
import { matcher } from './glob.ts'
import type { SweepPlan, SweepPoint } from './plan.ts'

type Coordinates = Omit<SweepPoint, 'key'>
/** Names of the axes, of a plan that is being read or of one in a store. */
interface Named {
  traces: { name: string }[]
  machines: { name: string }[]
  policies: { name: string; label: string; policy: string }[]
  faults: { name: string }[]
}

/** What a point is called on each axis; any of several names will do. */
const WORDS = {
  trace: ({ trace }, { traces }) => [traces[trace]!.name],
  machine: ({ machine }, { machines }) => [machines[machine]!.name],
  policy: ({ policy: index }, { policies }) => {
    const { name, label, policy } = policies[index]!
    return [name, label, policy]
  },
  faults: ({ faults: index }, { faults }) => [faults[index]!.name],
  seed: ({ seed }) => [String(seed)],
  epoch: ({ epochNs }) => [epochNs === null ? 'default' : formatDuration(epochNs)],
  pace: ({ pace }) => [pace === null ? 'default' : String(pace)],
  cpus: ({ cpus }) => [cpus],
} as const satisfies Record<string, (point: Coordinates, axes: Named) => string[]>

type Axis = keyof typeof WORDS
export type Selection = { [A in Axis]?: string | string[] | undefined }

/** True for points that match on every axis that is given; of several patterns for one axis, any. */
export function selectionOf(axes: Named, selection: Selection): (point: Coordinates) => boolean {
  const tests = Object.entries(selection).map(([axis, patterns]) => {
    const any = [patterns ?? []].flat().map(matcher)
    const words: (point: Coordinates, axes: Named) => string[] = WORDS[axis as Axis]
    return (point: Coordinates) => words(point, axes).some((word) => any.some((matches) => matches(word)))
  })
  return (point) => tests.every((test) => test(point))
}

/** `['machine=spr-*', 'seed=1']` as written after `--where`. */
export function parseSelection(texts: readonly string[]): Selection {
  const selection: Partial<Record<Axis, string[]>> = {}
  for (const text of texts) {
    const [, axis, pattern] = /^(\w+)=(.*)$/s.exec(text) ?? []
    if (axis === undefined || !(axis in WORDS)) {
      const near = axis === undefined ? undefined : closest(axis, Object.keys(WORDS))
      throw new UserError('not a choice of points', {
        field: '--where',
        expected: `AXIS=PATTERN with one of ${Object.keys(WORDS).join(', ')}`,
        got: JSON.stringify(text),
        hint: near === undefined ? undefined : `Did you mean ${near}?`,
      })
    }
    selection[axis as Axis] = [...(selection[axis as Axis] ?? []), pattern!]
  }
  return selection
}

/** Comparisons that have a selected point keep their baseline: without it there is nothing to compare with. */
export function selectedPoints(plan: SweepPlan, selection: Selection, comparisonOf: (point: SweepPoint) => string): SweepPoint[] {
  const matches = selectionOf(plan, selection)
  const chosen = new Set(plan.points.filter(matches).map(comparisonOf))
  return plan.points.filter((point) => matches(point) || (point.policy === plan.baseline && chosen.has(comparisonOf(point))))
}
