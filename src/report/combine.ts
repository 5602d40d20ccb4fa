/** Several run folders of the same trace as one: what differs between the runs becomes part of the lanes' labels. */
import { basename, resolve } from 'node:path'
import type { Row } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import type { Run, RunRecord } from '../results/index.ts'
import type { RunTables } from './define.ts'

/** Stands between the commands of combined runs. */
export const THEN = '&&'

/** Refuses runs that cannot be compared, and says which field differs. */
export function combineRuns(runs: readonly Run[]): RunTables {
  const [first, ...others] = runs
  if (!first) throw new UserError('no run folder given')
  if (others.length === 0) return first
  for (const other of others) checkComparable(first, other)
  const labels = distinctLabels(runs)
  const rename = (row: Row, run: number): Row => ({ ...row, lane: labels[run]!.get(row['lane'] as string)! })
  return {
    record: combinedRecord(runs, labels),
    tables: first.tables.filter((table) => others.every((other) => other.tables.includes(table))),
    rows(table) {
      const rows = first.rows(table)
      // What no lane has to do with is a fact of the trace, the same in every run
      if (rows.length > 0 && rows[0]!['lane'] === undefined) return rows
      return runs.flatMap((run, i) => run.rows(table).map((row) => rename(row, i)))
    },
  }
}

const COMPARED: [field: string, why: string, of: (record: RunRecord) => unknown][] = [
  ['trace.sample', 'runs of a sample of pages and of all pages, or of different samples, cannot be compared', ({ trace }) => sampleText(trace)],
  ['trace.digest', 'runs of different traces cannot be compared', ({ trace }) => trace.digest],
  ['trace.pageSize', 'runs with different page sizes cannot be compared', ({ trace }) => trace.pageSize],
  ['trace.filtered', 'runs of filtered and unfiltered traces cannot be compared', ({ trace }) => trace.filtered],
  ['schema', 'runs of different versions cannot be compared', ({ schema }) => schema],
]

const sampleText = ({ sample }: RunRecord['trace']): string => (sample === undefined ? 'all pages' : `1/${sample.oneIn} of the pages`)

function checkComparable(first: Run, other: Run): void {
  if (first.folder !== undefined && other.folder !== undefined && resolve(first.folder) === resolve(other.folder)) {
    throw new UserError('the same run folder is given twice', { file: other.folder })
  }
  for (const [field, why, of] of COMPARED) {
    const expected = of(first.record)
    const got = of(other.record)
    if (expected === got) continue
    // comparisons of a sweep store have no folder of their own
    const isOfStore = first.folder === undefined || other.folder === undefined
    const choose = 'Choose a trace of the store: --where trace=NAME'
    const hint = isOfStore ? choose : field === 'trace.digest' ? 'numareplay compare pairs the policies trace by trace' : undefined
    throw new UserError(why, {
      file: other.folder,
      field,
      expected: `${String(expected)} as in ${first.folder ?? first.record.trace.file}`,
      got: String(got),
      hint,
    })
  }
}

/** Per run, label -> label in the combination: unchanged where it is the only one. */
function distinctLabels(runs: readonly Run[]): Map<string, string>[] {
  const described = runs.map(({ record, folder }, i) => [
    record.machine.name,
    `seed ${record.seed}`,
    `epoch ${record.epochNs}ns`,
    `pace ${record.pace}`,
    folder === undefined ? `run ${i + 1}` : basename(resolve(folder)),
  ])
  const differing = described[0]!.map((_, k) => new Set(described.map((words) => words[k])).size > 1)
  // The folder's name only where nothing else tells the runs apart
  const useFolder = new Set(described.map((words) => words.filter((_, k) => k < 4 && differing[k]).join())).size < runs.length
  const all = runs.flatMap(({ record }) => record.lanes.map(({ label }) => label))
  return runs.map(({ record }, i) => {
    const suffix = described[i]!.filter((_, k) => (k === 4 ? useFolder : differing[k])).join(', ')
    return new Map(record.lanes.map(({ label }) => [label, all.filter((one) => one === label).length > 1 ? `${label} @ ${suffix}` : label]))
  })
}

function combinedRecord(runs: readonly Run[], labels: Map<string, string>[]): RunRecord {
  const first = runs[0]!.record
  const machines = [...new Set(runs.map(({ record }) => record.machine.name))]
  const nodes = [...new Map(runs.flatMap(({ record }) => record.machine.nodes).map((node) => [node.id, node])).values()]
  const { residency, ...rest } = first
  const isSameResidency = runs.every(({ record }) => JSON.stringify(record.residency) === JSON.stringify(residency))
  const sources = [...new Set(runs.map(({ record }) => record.machine.latencySource))]
  return {
    ...rest,
    ...(residency !== undefined && isSameResidency ? { residency } : {}),
    command: runs.flatMap(({ record }, i) => (i === 0 ? record.command : [THEN, ...record.command])),
    machine: { ...first.machine, name: machines.join(' and '), nodes: nodes.sort((a, b) => a.id - b.id), latencySource: sources.join(' and ') },
    baseline: labels[0]!.get(first.baseline)!,
    warnings: [
      ...new Set(runs.flatMap(({ record }) => record.warnings)),
      `${runs.length} runs are combined: run time and share of the possible gain are against the baseline of each lane’s own run.`,
    ],
    lanes: runs.flatMap(({ record }, i) => record.lanes.map((lane) => ({ ...lane, label: labels[i]!.get(lane.label)! }))),
  }
}
