/**
 * A study: many comparisons (trace × machine × faults × seed …) of the same policies, one row of the table `points` per
 * comparison and policy. What is compared is always a ratio to the baseline of the same comparison: times of different traces
 * or machines cannot be added up, ratios can be averaged (geometrically).
 */
import { logAverage, max, mean, min } from 'simple-statistics'
import type { Cell, Row } from '../columns/index.ts'
import { parseDuration, parseFraction, parseSize } from '../units.ts'
import type { PolicyComparison } from './compare.ts'

export interface Study {
  /** Facts for the provenance, in reading order. */
  facts: [name: string, value: string][]
  points: number
  comparisons: number
  /** Columns of `points` that say where a point lies, policy parameters aside. */
  axes: readonly string[]
  /** Those with more than one value, and their values in the order of the plan. */
  varying: { axis: string; values: Cell[] }[]
  /** Columns of policy parameters: `param_period`. */
  params: string[]
  /** All comparisons, or those of one setting, against a policy: what is more than chance. Present where the runs are at hand. */
  compare?(baseline: string, setting?: string): PolicyComparison
}

/** Where a point lies, seeds aside, in words: `trace=a.csv.gz machine=spr-2s`. */
export function settingOf(row: Row, { varying }: Pick<Study, 'varying'>): string {
  const told = varying.filter(({ axis }) => axis !== 'seed')
  return told.map(({ axis }) => `${axis}=${row[axis] ?? 'default'}`).join(' ') || String(row['trace'])
}

/** Costs that differ by less are called equal. */
export const EQUAL = 0.005

export interface StudyPoint {
  lane: string
  policy: string
  setting: string
  seed: number
  row: Row
  /** Total cost over that of the baseline. */
  ratio: number
  /** Memory moved over the memory that the program touches: bytes per byte, so that traces of any size and pages can be put together. */
  moved: number
  /** Access latency alone, and total cost, over the least total cost of any placement; null where that is unknown. */
  toOptimum: { latency: number; cost: number } | null
  errors: SamplingErrors
}

/**
 * Half the widths of the 95 % intervals of sampling (docs/sampling.md): of the quotients as shares of them, of `moved` in its own unit. The
 * optimum is taken as known. 0: all pages were replayed, or their error is not known.
 */
export interface SamplingErrors {
  ratio: number
  latency: number
  cost: number
  moved: number
}

/** Points that ran to the end in comparisons whose baseline did, in the order of the table. */
export function studyPoints(rows: readonly Row[], study: Study, baseline: string): StudyPoint[] {
  const comparisonOf = (row: Row): string => JSON.stringify(study.axes.map((axis) => row[axis]))
  const baselines = new Map(rows.filter(({ lane, status }) => lane === baseline && status === 'ok').map((row) => [comparisonOf(row), row]))
  return rows.flatMap((row): StudyPoint[] => {
    const reference = baselines.get(comparisonOf(row))
    if (reference === undefined || row['status'] !== 'ok') return []
    const cost = row['total_cost_ns'] as number
    const bound = row['bound_ns'] as number | null
    const over = (column: string): number => (row[column] as number) / bound!
    return [
      {
        lane: row['lane'] as string,
        policy: row['policy'] as string,
        setting: settingOf(row, study),
        seed: row['seed'] as number,
        row,
        ratio: ratioOf(cost, reference['total_cost_ns'] as number),
        moved: (row['migrated'] as number) / Math.max(1, row['page_faults'] as number),
        toOptimum: bound === null || !(bound > 0) ? null : { latency: over('memory_stall_ns'), cost: over('total_cost_ns') },
        errors: errorsOf(row, ratioOf(cost, reference['total_cost_ns'] as number)),
      },
    ]
  })
}

function errorsOf(row: Row, ratio: number): SamplingErrors {
  const half = (name: string): number => (row[`${name}_ci95`] as number | null | undefined) ?? 0
  const relative = (name: string): number => half(name) / ((row[name] as number) || 1)
  const faults = Math.max(1, row['page_faults'] as number)
  return {
    ratio: half('total_cost_change') / ratio,
    latency: relative('memory_stall_ns'),
    cost: relative('total_cost_ns'),
    // both counts off to the worse side
    moved: (half('migrated') + ((row['migrated'] as number) / faults) * half('page_faults')) / faults,
  }
}

/**
 * Of the mean of figures, or as shares of the geometric mean: the mean of what they have. An upper limit, as errors of different traces may
 * cancel; those of one trace come from the same pages, and those of traces with the same addresses too.
 */
export function errorsOfMean(all: readonly SamplingErrors[]): SamplingErrors {
  const of = (name: keyof SamplingErrors): number => mean(all.map((errors) => errors[name]))
  return { ratio: of('ratio'), latency: of('latency'), cost: of('cost'), moved: of('moved') }
}

/** A trace without cost is as cheap as any. */
const ratioOf = (value: number, reference: number): number => (reference > 0 && value > 0 ? value / reference : 1)

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

/** One policy variant in one setting: its seeds averaged. */
export interface Cost {
  lane: string
  setting: string
  ratio: number
  low: number
  high: number
  seeds: number
  moved: number
  toOptimum: StudyPoint['toOptimum']
  errors: SamplingErrors
}

export function costsBySetting(points: readonly StudyPoint[]): Cost[] {
  return [...groupBy(points, ({ setting, lane }) => JSON.stringify([setting, lane])).values()].map((group) => {
    const ratios = group.map(({ ratio }) => ratio)
    return {
      lane: group[0]!.lane,
      setting: group[0]!.setting,
      ratio: logAverage(ratios),
      low: min(ratios),
      high: max(ratios),
      seeds: group.length,
      moved: mean(group.map(({ moved }) => moved)),
      toOptimum: averageToOptimum(group),
      errors: errorsOfMean(group.map(({ errors }) => errors)),
    }
  })
}

/** Geometric means; null where one is unknown. */
export function averageToOptimum(all: readonly Pick<StudyPoint, 'toOptimum'>[]): StudyPoint['toOptimum'] {
  const known = all.flatMap(({ toOptimum }) => toOptimum ?? [])
  if (known.length === 0 || known.length < all.length) return null
  return { latency: logAverage(known.map(({ latency }) => latency)), cost: logAverage(known.map(({ cost }) => cost)) }
}

/** What happens to the cost when one axis changes and everything else stays: one entry per set of such points. */
export interface Change {
  axis: string
  policy: string
  points: StudyPoint[]
  /** Dearest over cheapest - 1. */
  spread: number
}

export function changesAlong(axis: string, points: readonly StudyPoint[], { axes, params }: Study, baseline: string): Change[] {
  const isParam = params.includes(axis)
  // the baseline is 1 everywhere by definition; of a parameter only policies that have it
  const relevant = points.filter(({ lane, row }) => (isParam ? row[axis] !== null : lane !== baseline))
  const others = [...axes, ...params].filter((other) => other !== axis)
  const rest = ({ lane, policy, row }: StudyPoint): string => JSON.stringify([isParam ? policy : lane, ...others.map((other) => row[other])])
  return [...groupBy(relevant, rest).values()]
    .filter((group) => new Set(group.map(({ row }) => row[axis])).size > 1)
    .map((group) => {
      const ratios = group.map(({ ratio }) => ratio)
      return { axis, policy: group[0]!.policy, points: group, spread: max(ratios) / min(ratios) - 1 }
    })
}

/** Values of a parameter from small to large where all are numbers, times or sizes; else as they come. */
export function inOrder(values: readonly Cell[]): Cell[] {
  const distinct = [...new Set(values)]
  for (const parse of [Number, parseFraction, parseDuration, parseSize]) {
    const numbers = distinct.map((value) => numberOf(value, parse))
    if (numbers.every(Number.isFinite)) return distinct.map((_, i) => i).sort((a, b) => numbers[a]! - numbers[b]!).map((i) => distinct[i]!) // biome-ignore format: one thought
  }
  return distinct
}

function numberOf(value: Cell, parse: (text: string) => number): number {
  try {
    return value === null ? Number.NaN : parse(String(value))
  } catch {
    return Number.NaN
  }
}
