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

/** Groups whose page counts depend on the free memory of the recording machine; where nodes overflow, only their order is compared. */
const FULL_NODES = new Set(['full-target', 'fallback', 'fallback-policy', 'fallback-order'])
const OVERFLOWING = new Set(['fallback', 'fallback-policy', 'fallback-order'])

/**
 * Pages by which a node may differ in those groups: one migration batch. The recording machine keeps freed pages on per-cpu
 * lists and reclaims page cache, neither of which a case records.
 */
export const FULL_NODE_TOLERANCE = 512

type Differ = (field: string, index: number, expected: unknown, got: unknown) => void

/** Differences of one step, all of them; empty when it matches what was observed, or any of its repeats. */
export function compareStep(recorded: Case, step: Step, got: Observed): Difference[] {
  const differences = compareObserved(recorded, step, step.observed, got)
  if (differences.length === 0) return differences
  for (const repeat of step.observed_repeats ?? []) if (compareObserved(recorded, step, repeat, got).length === 0) return []
  return differences
}

function compareObserved(recorded: Case, step: Step, observed: Observed, got: Observed): Difference[] {
  const differences: Difference[] = []
  const differ: Differ = (field, index, expected, actual) => {
    differences.push({ case: recorded.id, step: step.n, field, index, expected: expected ?? null, got: actual ?? null })
  }
  const full = FULL_NODES.has(recorded.group)
  for (const field of ['ret', 'errno', 'count', 'touched', 'value', 'mode', 'mode_flags', 'died'] as const) {
    if (observed[field] !== got[field]) differ(field, -1, observed[field], got[field])
  }
  if (observed.nodes !== undefined && String(observed.nodes) !== String(got.nodes)) differ('nodes', -1, observed.nodes, got.nodes)
  if (observed.status !== undefined) (full ? compareShares : compareRuns)('status', observed.status, got.status, differ)
  for (const [name, process] of Object.entries(observed.procs ?? {})) {
    for (const [region, columns] of Object.entries(process.regions)) {
      const mine = got.procs?.[name]?.regions[region]
      for (const column of ['nodes', 'mapcount', 'thp', 'mlocked'] as const) {
        if (columns[column] === undefined) continue
        const compare = column !== 'nodes' || !full ? compareRuns : OVERFLOWING.has(recorded.group) ? compareOrder : compareShares
        compare(`procs.${name}.regions.${region}.${column}`, columns[column], mine?.[column], differ)
      }
    }
  }
  if (observed.vmstat_delta !== undefined) compareCounters(observed.vmstat_delta, got.vmstat_delta ?? {}, full, differ)
  return differences
}

function compareCounters(expected: Record<string, number>, got: Record<string, number>, full: boolean, differ: Differ): void {
  for (const name of [...new Set([...Object.keys(expected), ...Object.keys(got)])].filter((counter) => EXACT_COUNTERS.test(counter)).sort()) {
    const difference = Math.abs((expected[name] ?? 0) - (got[name] ?? 0))
    if (difference > (full ? FULL_NODE_TOLERANCE : 0)) differ(`vmstat_delta.${name}`, -1, expected[name] ?? 0, got[name] ?? 0)
  }
}

/** Page by page; the first page that differs is told. */
function compareRuns(field: string, expected: Runs, got: Runs | undefined, differ: Differ): void {
  const wanted = fromRuns(expected)
  const actual = fromRuns(got ?? [])
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === actual[i]) continue
    differ(field, i, wanted[i], actual[i] ?? null)
    return
  }
  if (actual.length !== wanted.length) differ(field, wanted.length, null, actual[wanted.length])
}

/** A node that fills up: about the same number of pages on each node. */
function compareShares(field: string, expected: Runs, got: Runs | undefined, differ: Differ): void {
  const wanted = shares(expected)
  const actual = shares(got ?? [])
  for (const node of new Set([...wanted.keys(), ...actual.keys()])) {
    const [expectedPages, actualPages] = [wanted.get(node) ?? 0, actual.get(node) ?? 0]
    if (Math.abs(expectedPages - actualPages) > FULL_NODE_TOLERANCE) differ(`${field} on node ${node}`, -1, expectedPages, actualPages)
  }
}

/** Nodes that overflow into each other: nodes in the order in which they are first used, as far as both go. */
function compareOrder(field: string, expected: Runs, got: Runs | undefined, differ: Differ): void {
  const wanted = [...shares(expected).keys()].filter((node) => node >= 0)
  const actual = [...shares(got ?? []).keys()].filter((node) => node >= 0)
  for (let i = 0; i < Math.min(wanted.length, actual.length); i++) {
    if (wanted[i] === actual[i]) continue
    differ(`${field}, order of nodes`, i, wanted.join(), actual.join())
    return
  }
}

function shares(runs: Runs): Map<number, number> {
  const counts = new Map<number, number>()
  for (const [value, count] of runs) counts.set(value, (counts.get(value) ?? 0) + count)
  return counts
}
