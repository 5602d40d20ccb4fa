/** Comparison of what the model predicts with what was recorded. Which fields are compared follows the recording's README. */
import { type Case, fromRuns, type Observed, type Runs, type Step } from './case-file.ts'

export interface Difference {
  case: string
  step: number
  field: string
  /** Page, or position in a list; -1 for single values. */
  index: number
  expected: unknown
  got: unknown
}

/** Counters that count only what a scenario causes. */
const EXACT_COUNTERS = /^(pgmigrate_|thp_|pgpromote_|pgdemote_|numa_pte_updates|numa_huge_pte_updates|numa_hint_faults|numa_pages_migrated)/

/** Groups whose page counts depend on the free memory of the recording machine. */
const FULL_NODES = new Set(['full-target', 'fallback', 'fallback-policy', 'fallback-order'])

/** Differences of one step, all of them; empty when it matches. */
export function compareStep(recorded: Case, step: Step, observed: Observed, got: Observed): Difference[] {
  const differences: Difference[] = []
  const differ = (field: string, index: number, expected: unknown, actual: unknown): void => {
    differences.push({ case: recorded.id, step: step.n, field, index, expected: expected ?? null, got: actual ?? null })
  }
  for (const field of ['ret', 'errno', 'count', 'touched', 'value', 'mode', 'mode_flags', 'died'] as const) {
    if (observed[field] !== got[field]) differ(field, -1, observed[field], got[field])
  }
  if (observed.nodes !== undefined && String(observed.nodes) !== String(got.nodes)) differ('nodes', -1, observed.nodes, got.nodes)
  if (observed.status !== undefined) compareRuns('status', observed.status, got.status, differ)
  for (const [name, process] of Object.entries(observed.procs ?? {})) {
    for (const [region, columns] of Object.entries(process.regions)) {
      const mine = got.procs?.[name]?.regions[region]
      for (const column of ['nodes', 'mapcount', 'thp', 'mlocked'] as const) {
        if (columns[column] !== undefined) compareRuns(`procs.${name}.regions.${region}.${column}`, columns[column], mine?.[column], differ)
      }
    }
  }
  if (observed.vmstat_delta !== undefined) {
    const names = new Set([...Object.keys(observed.vmstat_delta), ...Object.keys(got.vmstat_delta ?? {})])
    for (const name of [...names].filter((counter) => EXACT_COUNTERS.test(counter)).sort()) {
      const expected = observed.vmstat_delta[name] ?? 0
      const actual = got.vmstat_delta?.[name] ?? 0
      if (expected !== actual) differ(`vmstat_delta.${name}`, -1, expected, actual)
    }
  }
  return differences
}

function compareRuns(
  field: string,
  expected: Runs,
  got: Runs | undefined,
  differ: (field: string, index: number, expected: unknown, got: unknown) => void,
): void {
  const wanted = fromRuns(expected)
  const actual = fromRuns(got ?? [])
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === actual[i]) continue
    differ(field, i, wanted[i], actual[i] ?? null)
    return
  }
  if (actual.length !== wanted.length) differ(field, wanted.length, null, actual[wanted.length])
}

export function isFullNodeCase(recorded: Case): boolean {
  return FULL_NODES.has(recorded.group)
}
