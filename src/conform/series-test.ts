/**
 * Do the model's time series lie within what was recorded? Emulated cpus differ in speed from one repeat to the next, so series are
 * not compared by seconds, but at equal scan sequence numbers, at equal numbers of touches, and at the end. At each such point
 * the repeats are a sample of what the recorded kernel does, and the model's value is asked to be one more of it. docs/fidelity-series.md
 * has the reasons.
 */
import { type Case, fromRuns, type Observed } from './case-file.ts'

export interface SeriesPoint {
  /** `sequence 3`, `touches 1200000`, `end`. */
  at: string
  value: number
  low: number
  high: number
}

export interface SeriesResult {
  case: string
  group: string
  /** Counter, or `p0.A on node 1`. */
  series: string
  points: number
  inside: number
  within: boolean
  /** The point that lies farthest outside. */
  worst?: SeriesPoint
}

/** Student's t, two-sided 95 %, by degrees of freedom. */
const STUDENT = [Number.POSITIVE_INFINITY, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
/** Pages that may differ for reasons outside a scenario: one batch of folios of a cpu (PAGEVEC_SIZE). */
const TOLERANCE = 31
/** Of a series' points so many must lie inside; one in twenty lies outside a 95 % interval by chance. */
const SHARE_INSIDE = 0.9
/** A series is compared at so many numbers of touches. */
const TOUCH_POINTS = 8
/** A scan sequence is compared when at least so many repeats reached it. */
const LEAST_REPEATS = 3

/** One run of a case, recorded or predicted. */
interface Track {
  touches: number[]
  sequences: number[]
  samples: Map<string, number[]>
  end: Map<string, number>
}

interface Sample {
  vm: number[]
  procs: Record<string, { regions: Record<string, number[]>; threads?: Record<string, { touches: number[]; sched?: Record<string, unknown> }> }>
}

/** All runs of a recorded case: the first and its repeats. */
export function recordedRuns(recorded: Case): Observed[][] {
  const repeats = Math.max(0, ...recorded.steps.map(({ observed_repeats }) => observed_repeats?.length ?? 0))
  return Array.from({ length: repeats + 1 }, (_, run) =>
    recorded.steps.map((step) => (run === 0 ? step.observed : (step.observed_repeats?.[run - 1] ?? step.observed))),
  )
}

export const hasSeries = (recorded: Case): boolean => recorded.steps.some(({ op }) => op === 'sample')

/** Series of one run against those of others of the same case. Series that are zero throughout are left out. */
export function compareSeries(recorded: Case, run: readonly (Observed | undefined)[], others: readonly Observed[][]): SeriesResult[] {
  const mine = trackOf(recorded, run)
  const theirs = others.map((other) => trackOf(recorded, other))
  const names = new Set([mine, ...theirs].flatMap(({ samples, end }) => [...samples.keys(), ...end.keys()]))
  return [...names].sort().flatMap((series) => {
    const points = pointsOf(series, mine, theirs)
    if (points.every(({ value, low, high }) => value === 0 && low === -TOLERANCE && high === TOLERANCE)) return []
    const outside = points.filter(({ value, low, high }) => !(value >= low && value <= high))
    const worst = outside.reduce<SeriesPoint | undefined>((far, point) => (far === undefined || excess(point) > excess(far) ? point : far), undefined)
    const inside = points.length - outside.length
    return [
      {
        case: recorded.id,
        group: recorded.group,
        series,
        points: points.length,
        inside,
        within: inside >= points.length * SHARE_INSIDE,
        ...(worst && { worst }),
      },
    ]
  })
}

const excess = ({ value, low, high }: SeriesPoint): number => Math.max(low - value, value - high)

function pointsOf(series: string, mine: Track, theirs: readonly Track[]): SeriesPoint[] {
  const points: SeriesPoint[] = []
  const add = (at: string, value: number | undefined, values: readonly (number | undefined)[]): void => {
    const known = values.filter((other) => other !== undefined)
    if (value !== undefined && known.length >= LEAST_REPEATS) points.push({ at, value, ...interval(known) })
  }
  const last = mine.sequences.at(-1) ?? 0
  for (let sequence = 1; sequence <= last; sequence++) {
    add(
      `sequence ${sequence}`,
      atSequence(mine, series, sequence),
      theirs.map((track) => atSequence(track, series, sequence)),
    )
  }
  const most = mine.touches.at(-1) ?? 0
  for (let i = 1; i <= TOUCH_POINTS && most > 0; i++) {
    const touches = (most * i) / TOUCH_POINTS
    add(
      `touches ${Math.round(touches)}`,
      atTouches(mine, series, touches),
      theirs.map((track) => atTouches(track, series, touches)),
    )
  }
  add(
    'end',
    mine.end.get(series) ?? mine.samples.get(series)?.at(-1),
    theirs.map((track) => track.end.get(series) ?? track.samples.get(series)?.at(-1)),
  )
  return points
}

/** Range of the repeats, and the 95 % prediction interval for one more of them. */
function interval(values: readonly number[]): { low: number; high: number } {
  const n = values.length
  const mean = values.reduce((a, b) => a + b, 0) / n
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  const reach = STUDENT[Math.min(n - 1, STUDENT.length - 1)]! * deviation * Math.sqrt(1 + 1 / n)
  return { low: Math.min(...values, mean - reach) - TOLERANCE, high: Math.max(...values, mean + reach) + TOLERANCE }
}

/** Value when the sequence was left: the last sample in it. */
function atSequence({ sequences, samples }: Track, series: string, sequence: number): number | undefined {
  const i = sequences.lastIndexOf(sequence)
  return i < 0 || sequences.at(-1)! <= sequence ? undefined : samples.get(series)?.[i]
}

/** Linear between samples; the last value beyond. */
function atTouches({ touches, samples }: Track, series: string, at: number): number | undefined {
  const values = samples.get(series)
  if (values === undefined) return undefined
  const next = touches.findIndex((made) => made >= at)
  if (next <= 0) return next === 0 ? values[0] : values.at(-1)
  const [from, to] = [touches[next - 1]!, touches[next]!]
  return values[next - 1]! + ((values[next]! - values[next - 1]!) * (at - from)) / (to - from)
}

function trackOf(recorded: Case, run: readonly (Observed | undefined)[]): Track {
  const track: Track = { touches: [], sequences: [], samples: new Map(), end: new Map() }
  let touched = 0
  let sequence = 0
  const record = (series: string, value: number): void => {
    const values = track.samples.get(series) ?? Array.from({ length: track.touches.length - 1 }, () => 0)
    values.push(value)
    track.samples.set(series, values)
  }
  for (const [i, step] of recorded.steps.entries()) {
    const observed = run[i]
    if (observed === undefined || step.phase === 'setup' || step.phase === 'before') continue
    if (step.op === 'touch') touched += observed.touched ?? 0
    if (step.op === 'sample') {
      const keys = observed['keys'] as string[]
      for (const { vm, procs } of observed['samples'] as Sample[]) {
        let loops = 0
        for (const { threads } of Object.values(procs)) {
          for (const thread of Object.values(threads ?? {})) {
            for (const touches of thread.touches) loops += touches
            sequence = Math.max(sequence, Number(thread.sched?.['mm->numa_scan_seq'] ?? 0))
          }
        }
        track.touches.push(Math.max(touched + loops, track.touches.at(-1) ?? 0))
        track.sequences.push(sequence)
        for (const [k, key] of keys.entries()) record(key, vm[k]!)
        for (const [name, { regions }] of Object.entries(procs)) {
          for (const [region, nodes] of Object.entries(regions)) for (const [node, pages] of nodes.entries()) record(`${name}.${region} on node ${node}`, pages)
        }
      }
    }
    if (step.op === 'vmdelta') for (const key of track.samples.keys()) if (!key.includes(' ')) track.end.set(key, observed.vmstat_delta?.[key] ?? 0)
    if (step.op === 'snap') {
      for (const [name, { regions }] of Object.entries(observed.procs ?? {})) {
        for (const [region, { nodes }] of Object.entries(regions)) {
          const counts = new Map<number, number>()
          for (const node of fromRuns(nodes)) if (node >= 0) counts.set(node, (counts.get(node) ?? 0) + 1)
          for (const key of track.samples.keys()) {
            const node = key.startsWith(`${name}.${region} on node `) ? Number(key.split(' ').at(-1)) : -1
            if (node >= 0) track.end.set(key, counts.get(node) ?? 0)
          }
        }
      }
    }
  }
  return track
}
