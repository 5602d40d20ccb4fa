/** A store as reports see it: the table of all points, and what the comparisons have in common. */
import type { Cell, Row } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { compareRuns, type Run, type RunRecord, type Study, settingOf } from '../results/index.ts'
import { formatCount, formatDuration } from '../units.ts'
import type { SweepPlan } from './plan.ts'
import { openStore, PARAM, type Scenario } from './scenario.ts'
import { parseSelection } from './select.ts'

/** A run of many comparisons. Of a single one, it has that run's tables too. */
export interface StudyRun {
  record: RunRecord
  tables: readonly string[]
  rows(table: string): Row[]
  study: Study
  /** The comparisons that have results, each as `replay` would give it. */
  runs: Run[]
}

const AXES = ['trace', 'machine', 'faults', 'seed', 'epoch_ns', 'pace', 'cpus'] as const
/** Warnings of single comparisons beyond this are counted. */
const MOST_WARNINGS = 6

/** `where`: texts such as `machine=spr-*`, all of which must hold. */
export async function openStudy(folder: string, { plan, where = [] }: { plan?: string; where?: readonly string[] } = {}): Promise<StudyRun> {
  const store = openStore(folder)
  const scenarios = store.scenarios(plan, parseSelection(where))
  const { runs, axes, points } = await store.study(scenarios)
  if (runs.length === 0) throw new UserError('nothing is finished yet', { file: folder, hint: `numareplay sweep status ${folder}` })
  const rows = points.rows()
  const expected = scenarios.reduce((sum, { points: all }) => sum + all.length, 0)
  const study = studyOf(scenarios, rows, points.schema.columns.map(({ name }) => name).filter((name) => name.startsWith(PARAM))) // biome-ignore format: one thought
  const single = runs.length === 1 ? runs[0] : undefined
  return {
    record: single?.record ?? recordOf(scenarios[0]!.plan, runs, expected - rows.length),
    tables: ['points', ...(single?.tables ?? [])],
    rows: (table) => (table === 'points' ? rows : (single?.rows(table) ?? [])),
    study: {
      ...study,
      compare(baseline, setting) {
        const chosen = runs.filter((_, i) => setting === undefined || settingOf({ ...axes[i]! }, study) === setting)
        return compareRuns(chosen, { baseline })
      },
    },
    runs,
  }
}

function studyOf(scenarios: Scenario[], rows: Row[], params: string[]): Study {
  const { plan } = scenarios[0]!
  const valuesOf = (axis: string): Cell[] => [...new Set(rows.map((row) => row[axis] ?? null))]
  return {
    points: rows.length,
    comparisons: scenarios.length,
    axes: AXES,
    varying: AXES.map((axis) => ({ axis, values: valuesOf(axis) })).filter(({ values }) => values.length > 1),
    params: params.filter((param) => valuesOf(param).filter((value) => value !== null).length > 1),
    facts: [
      ['plan', `${plan.name}${plan.about ? `: ${plan.about}` : ''}`],
      ['points', `${formatCount(rows.length)} in ${formatCount(scenarios.length)} comparisons`],
      ...[...new Set(scenarios.map(({ points: [point] }) => point!.trace))].map((trace): [string, string] => {
        const { name, digest, accesses, pages } = plan.traces[trace]!
        return ['trace', `${name} (${digest.replace(/^sha256:/, '').slice(0, 12)}): ${formatCount(accesses)} accesses, ${formatCount(pages)} pages`]
      }),
      ...AXES.slice(1).map((axis): [string, string] => [axis.replace('_ns', ''), words(axis, valuesOf(axis))]),
      ['engine', plan.engine],
    ],
  }
}

const words = (axis: string, values: Cell[]): string =>
  values.map((value) => (value === null ? 'default' : axis === 'epoch_ns' ? formatDuration(value as number) : String(value))).join(', ')

/** What is common to all; where the comparisons differ, their number. */
function recordOf(plan: SweepPlan, runs: Run[], missing: number): RunRecord {
  const records = runs.map(({ record }) => record)
  const first = records[0]!
  const traces = [...new Map(records.map(({ trace }) => [trace.digest, trace])).values()]
  const machines = [...new Map(records.map(({ machine }) => [machine.name, machine])).values()]
  const sum = (of: (trace: RunRecord['trace']) => number): number => traces.reduce((total, trace) => total + of(trace), 0)
  const joined = (texts: string[]): string => [...new Set(texts)].join(' and ')
  const lanes = [...new Map(records.flatMap((record) => record.lanes).map((lane) => [lane.label, lane])).values()]
  const order = plan.policies.map(({ name }) => name)
  return {
    ...first,
    command: ['numareplay', 'sweep', `${plan.name}.yaml`, '-o', 'STORE'],
    trace: {
      ...first.trace,
      file: traces.length === 1 ? first.trace.file : `${traces.length} traces`,
      digest: traces.length === 1 ? first.trace.digest : plan.name,
      accesses: sum(({ accesses }) => accesses),
      pages: sum(({ pages }) => pages),
      fidelity: joined(traces.map(({ fidelity }) => fidelity)),
      filtered: traces.some(({ filtered }) => filtered === false) ? false : joined(traces.map(({ filtered }) => String(filtered))),
      timeFirstNs: 0,
      timeLastNs: sum(({ timeFirstNs, timeLastNs }) => timeLastNs - timeFirstNs),
    },
    machine: {
      ...first.machine,
      name: machines.length === 1 ? first.machine.name : `${machines.length} machines`,
      latencySource: joined(machines.map(({ latencySource }) => latencySource)),
    },
    warnings: [...warningsOf(records), ...(missing > 0 ? [`${formatCount(missing)} points of the study are missing or failed`] : [])],
    baseline: plan.policies[plan.baseline]!.name,
    lanes: lanes.sort((a, b) => rank(a.label) - rank(b.label)),
  }

  function rank(label: string): number {
    return label === plan.policies[plan.baseline]!.name ? -1 : order.indexOf(label)
  }
}

function warningsOf(records: RunRecord[]): string[] {
  const counts = new Map<string, number>()
  for (const { warnings } of records) for (const text of warnings) counts.set(text, (counts.get(text) ?? 0) + 1)
  const everywhere = [...counts].filter(([, count]) => count === records.length).map(([text]) => text)
  const somewhere = [...counts].filter(([, count]) => count < records.length)
  const told = somewhere.slice(0, MOST_WARNINGS).map(([text, count]) => `in ${count} of ${records.length} comparisons: ${text}`)
  return [...everywhere, ...told, ...(somewhere.length > MOST_WARNINGS ? [`${somewhere.length - MOST_WARNINGS} more warnings in single comparisons`] : [])]
}
