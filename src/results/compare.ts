/**
 * Policies compared over several traces, machines and seeds: always with themselves on the same stretches of the same trace.
 * Runs of one trace on one machine that differ in the seed are one case; cases of one trace are not taken for two traces.
 */
import { basename } from 'node:path'
import { Random, type Row } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import type { RunRecord } from './schema.ts'
import {
  type Correction,
  corrected,
  type Estimate,
  LEAST_BLOCKS,
  LEAST_TRACES,
  NORMAL_QUANTILE,
  overTraces,
  type PairedEstimate,
  PairedTotals,
} from './statistics.ts'

/** What is summed over the bins of a run. */
export const MEASURES = {
  cost: {
    about: 'total cost: memory stall, migration, hint faults, observation and waiting',
    columns: ['memory_stall_ns', 'migration_ns', 'hint_fault_ns', 'observation_ns', 'blocked_ns'],
    total: 'total_cost_ns',
  },
  latency: { about: 'access latency alone', columns: ['memory_stall_ns'], total: 'memory_stall_ns' },
} as const
export type Measure = keyof typeof MEASURES

export type Verdict = 'cheaper' | 'dearer' | 'no significant difference' | 'not enough epochs' | 'not enough traces'

export interface Judged extends Estimate {
  /** p corrected for the number of comparisons of its table. */
  corrected: number | null
  verdict: Verdict
}

/** One trace on one machine, replayed with one seed or several. */
export interface Case {
  name: string
  trace: string
  machine: string
  seeds: number[]
  /** Bins that totals were compared in, those left out in which a policy costs nothing as there are no accesses. */
  bins: number
  /** The trace is a sample of pages, and intervals allow for it. */
  sampled: boolean
}

export interface PolicyComparison {
  measure: Measure
  correction: Correction
  baseline: string
  /** Baseline first. */
  policies: string[]
  cases: Case[]
  /** Policy against baseline, case by case. */
  ratios: (Judged & { policy: string; case: string } & Pick<PairedEstimate, 'blocks' | 'blockLength' | 'independent'>)[]
  /** Geometric means over traces: of all cases, and by machine where there are several. */
  means: { policy: string; machine: string | null; traces: number; these: Judged; others: Judged }[]
  /** In how many cases `policy` is significantly cheaper than `other`, neither, dearer, or cannot be told. */
  matrix: { policy: string; other: string; wins: number; ties: number; losses: number; unknown: number }[]
  /** What is not in it, and why. */
  notes: string[]
}

export interface ComparedRun {
  folder?: string
  record: RunRecord
  rows(table: string): Row[]
}

export interface CompareOptions {
  /** Default: that of the first run. */
  baseline?: string
  measure?: Measure
  correction?: Correction
}

export function compareRuns(runs: readonly ComparedRun[], { baseline: wanted, measure = 'cost', correction = 'holm' }: CompareOptions = {}): PolicyComparison {
  const [first] = runs
  if (!first) throw new UserError('no run given')
  for (const run of runs) checkComparable(first, run)
  const baseline = wanted ?? first.record.baseline
  const notes: string[] = []
  const cases = casesOf(runs).flatMap((group) => {
    const opened = openCase(group, baseline, measure, notes)
    return opened === undefined ? [] : [opened]
  })
  if (cases.length === 0) {
    throw new UserError(`no run has ${JSON.stringify(baseline)} to compare with`, { expected: first.record.lanes.map(({ label }) => label).join(', ') })
  }
  const policies = [baseline, ...new Set(cases.flatMap(({ policies: own }) => own.filter((policy) => policy !== baseline)))]
  return {
    measure,
    correction,
    baseline,
    policies,
    cases: cases.map(({ about }) => about),
    ratios: ratiosOf(cases, baseline, correction),
    means: meansOf(cases, policies, baseline, correction),
    matrix: matrixOf(cases, policies, correction),
    notes,
  }
}

const COMPARED: [field: string, why: string, of: (record: RunRecord) => unknown][] = [
  ['trace.pageSize', 'runs with different page sizes cannot be compared', ({ trace }) => trace.pageSize],
  ['trace.filtered', 'runs of filtered and unfiltered traces cannot be compared', ({ trace }) => trace.filtered],
  ['schema', 'runs of different versions cannot be compared', ({ schema }) => schema],
]

function checkComparable(first: ComparedRun, other: ComparedRun): void {
  for (const [field, why, of] of COMPARED) {
    const [expected, got] = [of(first.record), of(other.record)]
    if (expected !== got) throw new UserError(why, { file: other.folder, field, expected: `${String(expected)} as in ${first.folder}`, got: String(got) })
  }
}

interface Group {
  name: string
  runs: ComparedRun[]
}

/** What makes two runs two cases beside trace and machine; the seed does not. */
const FACETS: [name: string, of: (record: RunRecord) => unknown][] = [
  ['epoch', ({ epochNs }) => `${epochNs}ns`],
  ['pace', ({ pace }) => pace],
  ['contention', ({ contention }) => contention],
  ['faults', ({ faults }) => faults],
  ['cpus', ({ cpuMap }) => cpuMap],
]

function casesOf(runs: readonly ComparedRun[]): Group[] {
  const groups = groupedBy(runs, ({ record: { trace, machine } }) => [trace.digest, machine.definition ?? machine.name])
  const hasMachines = groupedBy(runs, ({ record }) => record.machine.name).length > 1
  const taken = new Map<string, number>()
  return groups.flatMap((group) => {
    const { trace, machine } = group[0]!.record
    const varying = FACETS.filter(([, of]) => groupedBy(group, ({ record }) => of(record)).length > 1)
    return groupedBy(group, ({ record }) => FACETS.map(([, of]) => of(record))).map((members) => {
      const words = varying.map(([facet, of]) => `${facet} ${JSON.stringify(of(members[0]!.record))?.replaceAll('"', '').slice(0, 40)}`)
      const name = [basename(trace.file), ...(hasMachines ? [machine.name] : []), ...words].join(', ')
      const count = (taken.get(name) ?? 0) + 1
      taken.set(name, count)
      return { name: count === 1 ? name : `${name} (${count})`, runs: members }
    })
  })
}

/** In order of first appearance. */
function groupedBy(runs: readonly ComparedRun[], of: (run: ComparedRun) => unknown): ComparedRun[][] {
  const groups = new Map<string | undefined, ComparedRun[]>()
  for (const run of runs) {
    const key = JSON.stringify(of(run))
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()]
}

interface OpenCase {
  about: Case
  digest: string
  totals: PairedTotals
  policies: string[]
}

function openCase({ name, runs }: Group, baseline: string, measure: Measure, notes: string[]): OpenCase | undefined {
  const bySeed = new Map<number, Map<string, number[]>>()
  for (const run of runs) {
    const { seed, lanes } = run.record
    const series = binTotals(run, MEASURES[measure].columns)
    if (!bySeed.has(seed)) bySeed.set(seed, new Map())
    const own = bySeed.get(seed)!
    for (const { label, status } of lanes) {
      const bins = series.get(label)
      if (status !== 'ok' || bins === undefined) notes.push(`${label} is left out of ${name}: it ended early${bySeed.size > 1 ? ` with seed ${seed}` : ''}.`)
      else if (own.has(label) && String(own.get(label)) !== String(bins)) {
        throw new UserError(`${label} is there twice with other results, for the same trace, machine and seed ${seed}`, {
          file: run.folder,
          hint: 'Compare runs of one version of the policy, or give the runs different seeds',
        })
      } else own.set(label, bins)
    }
  }
  const seeds = [...bySeed.keys()].sort((a, b) => a - b)
  const inAll = [...new Set([...bySeed.values()].flatMap((own) => [...own.keys()]))].filter((policy) => {
    const isWhole = seeds.every((seed) => bySeed.get(seed)!.has(policy))
    if (!isWhole) notes.push(`${policy} is left out of ${name}: it is not there for every seed.`)
    return isWhole
  })
  if (!inAll.includes(baseline)) {
    notes.push(`${name} is left out: the baseline ${baseline} is not there.`)
    return undefined
  }
  const { trace, machine } = runs[0]!.record
  const costs = new Map(inAll.map((policy) => [policy, seeds.map((seed) => bySeed.get(seed)!.get(policy)!)]))
  const sampling = samplingErrors(runs, MEASURES[measure].total)
  const totals = new PairedTotals(costs, new Random(seeds[0]!, `compare ${trace.digest} ${machine.name}`), sampling)
  const sampled = sampling.size > 0
  const about = { name, trace: basename(trace.file), machine: machine.name, seeds, bins: totals.busy, sampled }
  return { about, digest: trace.digest, totals, policies: inAll }
}

/** Relative standard error that sampling of pages leaves in the total of each policy; all seeds replay the same pages. */
function samplingErrors(runs: readonly ComparedRun[], total: string): Map<string, number> {
  const errors = new Map<string, number>()
  for (const run of runs) {
    if (run.record.trace.sample === undefined) continue
    for (const row of run.rows('summary')) {
      const half = (row[`${total}_ci95`] as number | null | undefined) ?? 0
      const lane = row['lane'] as string
      if (half > 0) errors.set(lane, Math.max(errors.get(lane) ?? 0, half / NORMAL_QUANTILE / (row[total] as number)))
    }
  }
  return errors
}

/** Sum of the columns per bin of every lane. */
function binTotals(run: ComparedRun, columns: readonly string[]): Map<string, number[]> {
  const series = new Map<string, number[]>()
  for (const row of run.rows('epochs')) {
    const lane = row['lane'] as string
    if (!series.has(lane)) series.set(lane, [])
    series.get(lane)!.push(columns.reduce((sum, name) => sum + ((row[name] as number | null | undefined) ?? 0), 0))
  }
  return series
}

/** Estimates of one table, corrected for their number. */
function judge(estimates: readonly Estimate[], correction: Correction, unknown: Verdict): Judged[] {
  const tested = estimates.filter(({ p }) => p !== null)
  const adjusted = corrected(
    tested.map(({ p }) => p!),
    correction,
  ).values()
  return estimates.map(({ ratio, interval, p }) => {
    if (p === null) return { ratio, interval, p, corrected: null, verdict: unknown }
    const own = adjusted.next().value!
    return { ratio, interval, p, corrected: own, verdict: own > 0.05 ? 'no significant difference' : ratio < 1 ? 'cheaper' : 'dearer' }
  })
}

function ratiosOf(cases: readonly OpenCase[], baseline: string, correction: Correction): PolicyComparison['ratios'] {
  const pairs = cases.flatMap((one) => one.policies.filter((policy) => policy !== baseline).map((policy) => ({ one, policy })))
  const estimates = pairs.map(({ one, policy }) => one.totals.ratio(policy, baseline))
  const judged = judge(estimates, correction, 'not enough epochs')
  return pairs.map(({ one, policy }, i) => {
    const { blocks, blockLength, independent } = estimates[i]!
    return { policy, case: one.about.name, ...judged[i]!, blocks, blockLength, independent }
  })
}

function meansOf(cases: readonly OpenCase[], policies: readonly string[], baseline: string, correction: Correction): PolicyComparison['means'] {
  const machines = [...new Set(cases.map(({ about }) => about.machine))]
  return [null, ...(machines.length > 1 ? machines : [])].flatMap((machine) => {
    const rows = policies.slice(1).flatMap((policy) => {
      const byTrace = new Map<string, OpenCase[]>()
      for (const one of cases) {
        if (!one.policies.includes(policy) || (machine !== null && one.about.machine !== machine)) continue
        byTrace.set(one.digest, [...(byTrace.get(one.digest) ?? []), one])
      }
      if (byTrace.size === 0) return []
      const ratios = [...byTrace.values()].map((members) => members.map(({ totals }) => totals.ratio(policy, baseline)))
      return [{ policy, traces: byTrace.size, ...overTraces(ratios, new Random(1, `over traces ${policy} ${machine ?? ''}`)) }]
    })
    const these = judge(
      rows.map((row) => row.these),
      correction,
      'not enough epochs',
    )
    const others = judge(
      rows.map((row) => row.others),
      correction,
      'not enough traces',
    )
    return rows.map(({ policy, traces }, i) => ({ policy, machine, traces, these: these[i]!, others: others[i]! }))
  })
}

function matrixOf(cases: readonly OpenCase[], policies: readonly string[], correction: Correction): PolicyComparison['matrix'] {
  const pairs = policies.flatMap((policy, i) => policies.slice(i + 1).map((other) => [policy, other] as const))
  const tests = pairs.flatMap(([policy, other]) => {
    const both = cases.filter((one) => one.policies.includes(policy) && one.policies.includes(other))
    return both.map(({ totals }) => ({ policy, other, estimate: totals.ratio(policy, other) }))
  })
  const judged = judge(
    tests.map(({ estimate }) => estimate),
    correction,
    'not enough epochs',
  )
  return pairs.flatMap(([policy, other]) => {
    const verdicts = judged.filter((_, i) => tests[i]!.policy === policy && tests[i]!.other === other).map(({ verdict }) => verdict)
    const count = (verdict: Verdict): number => verdicts.filter((one) => one === verdict).length
    const [wins, ties, losses, unknown] = [count('cheaper'), count('no significant difference'), count('dearer'), count('not enough epochs')]
    return [
      { policy, other, wins, ties, losses, unknown },
      { policy: other, other: policy, wins: losses, ties, losses: wins, unknown },
    ]
  })
}

/** How the figures were made, in sentences: stands under every table of them. */
export function method({ measure, correction, cases }: PolicyComparison): string[] {
  const seeds = Math.max(...cases.map((one) => one.seeds.length))
  const family = { holm: 'corrected for their number (Holm)', bh: 'corrected for their number (Benjamini-Hochberg)', none: 'not corrected for their number' }[
    correction
  ]
  return [
    `Compared is ${MEASURES[measure].about}. 95% intervals by a paired bootstrap over blocks of the trace${seeds > 1 ? ' and over seeds' : ''}; verdicts at 5%, ${family}.`,
    ...(cases.some(({ sampled }) => sampled) ? ['Of samples of pages: intervals and verdicts allow for the sampling error too.'] : []),
    ...(cases.some(({ bins }) => bins >= LEAST_BLOCKS)
      ? ['Stretches: as many independent ones would tell as much; fewer make wider intervals, which only a longer recording, or more of them, narrows.']
      : []),
    ...cases
      .filter(({ bins }) => bins < LEAST_BLOCKS)
      .map(
        ({ name, bins }) =>
          `${cases.length === 1 ? '' : `${name}: `}${bins} epochs with accesses, and fewer than ${LEAST_BLOCKS} give no interval: replay with a shorter --epoch, or record for longer.`,
      ),
  ]
}

export const MEAN_NOTES = [
  '“These traces”: were other stretches or seeds of them recorded. “Traces like these”: were other such traces taken;',
  `known from ${LEAST_TRACES} traces on, and only as good as the choice of traces.`,
].join(' ')
