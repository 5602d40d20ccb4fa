/** Which missing points go together: those over the same trace and epoch share one pass over it. Pure. */
import type { SweepPlan, SweepPoint } from './plan.ts'

export interface Batch {
  trace: number
  epochNs: number | null
  points: SweepPoint[]
}

/** Most lanes in one pass: what is lost when a worker dies, and how long others wait at the end. */
const MOST_LANES = 32
/** A lane's private state by page, roughly: placement, flags, LRU links, policy state. */
const BYTES_PER_PAGE = 64
const LANE_MEMORY = 1 << 30

export function batchesOf(plan: SweepPlan, points: SweepPoint[], jobs: number): Batch[] {
  const groups = new Map<string, Batch>()
  for (const point of points) {
    const key = `${point.trace}|${point.epochNs}`
    const group = groups.get(key) ?? { trace: point.trace, epochNs: point.epochNs, points: [] }
    groups.set(key, group)
    group.points.push(point)
  }
  return [...groups.values()].flatMap((group) => {
    const fitting = Math.floor(LANE_MEMORY / (plan.traces[group.trace]!.pages * BYTES_PER_PAGE + 1))
    // a few batches for each worker, so that none ends long before the others
    const even = Math.ceil(group.points.length / (jobs * 4))
    const lanes = Math.max(1, Math.min(MOST_LANES, fitting, even))
    return chunks(group.points, lanes).map((chunk) => ({ ...group, points: chunk }))
  })
}

function chunks<T>(list: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

/** Part `index` of `count` (from 1) of a plan's points: consecutive ones, so that a part keeps to few traces. */
export function partOf(points: SweepPoint[], { index, count }: Part): SweepPoint[] {
  const from = Math.floor(((index - 1) * points.length) / count)
  const to = Math.floor((index * points.length) / count)
  return points.slice(from, to)
}

export interface Part {
  index: number
  count: number
}
