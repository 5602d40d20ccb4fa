/** Which policies of a run differ by more than chance: compared once, for the sentences and the report *differences*. */
import { compareRuns, type PolicyComparison, type Verdict } from '../results/index.ts'
import type { RunTables } from './define.ts'

const compared = new WeakMap<RunTables, PolicyComparison | null>()

/** Every lane that ran to the end against the baseline and each other, the run as the only case; undefined where there is nothing to compare. */
export function chance(run: RunTables): PolicyComparison | undefined {
  let known = compared.get(run)
  if (known === undefined) {
    const { lanes, baseline } = run.record
    const isWhole = run.tables.includes('epochs') && lanes.some(({ label, status }) => label === baseline && status === 'ok')
    known = isWhole ? compareRuns([run]) : null
    compared.set(run, known)
  }
  return known ?? undefined
}

/** Is one of two lanes of a run cheaper by more than chance? */
export function verdictOf({ matrix }: PolicyComparison, lane: string, other: string): Verdict {
  const cell = matrix.find((one) => one.policy === lane && one.other === other)
  if (cell === undefined || cell.unknown > 0) return 'not enough epochs'
  return cell.wins > 0 ? 'cheaper' : cell.losses > 0 ? 'dearer' : 'no significant difference'
}
