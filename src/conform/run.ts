/** Running a file of recorded cases: the report of what matches, or the same file with the model's own results. */
import type { CaseFile, Step } from './case-file.ts'
import { compareStep, type Difference } from './compare.ts'
import { interpret, type Prediction } from './interpret.ts'
import { compareSeries, hasSeries, recordedRuns, type SeriesResult } from './series-test.ts'

export interface FileReport {
  file: string
  /** Cases of class `exact`. */
  cases: number
  matched: number
  differing: number
  /**
   * What varied between recordings, and how much of it lies within what was recorded: time series of the cases that have samples, else
   * whole cases.
   */
  statistical: { series: number; within: number }
}

export interface ConformReport {
  files: FileReport[]
  /** First difference of every case of class `exact` that differs. */
  differences: Difference[]
  /** The same for the statistical ones. */
  outside: Difference[]
  /** Every time series compared. */
  series: SeriesResult[]
}

const ANSWERS = new Set(['ret', 'errno', 'touched', 'died'])

/** The first step of a case that the model gets wrong, with what is wrong there. */
export function firstDifference(recorded: CaseFile['cases'][number], prediction: Prediction): Difference | undefined {
  for (const [i, step] of recorded.steps.entries()) {
    const got = prediction.observed[i]
    if (got === undefined) {
      const { failure } = prediction
      return { case: recorded.id, step: step.n, field: step.op, index: -1, expected: step.observed, got: failure?.message ?? 'no result' }
    }
    const [difference] = compareStep(recorded, step, got)
    if (difference !== undefined) return difference
  }
  return undefined
}

/** What the steps of a time series answer besides numbers: return values, errnos, pages touched. */
function wrongAnswer(recorded: CaseFile['cases'][number], { observed }: Prediction): Difference | undefined {
  for (const [i, step] of recorded.steps.entries()) {
    const difference = compareStep(recorded, step, observed[i]!).find(({ field }) => ANSWERS.has(field))
    if (difference !== undefined && step.op !== 'hstop') return difference
  }
  return undefined
}

export function conform(files: { name: string; content: CaseFile }[]): ConformReport {
  const report: ConformReport = { files: [], differences: [], outside: [], series: [] }
  for (const { name, content } of files) {
    const summary: FileReport = { file: name, cases: 0, matched: 0, differing: 0, statistical: { series: 0, within: 0 } }
    for (const recorded of content.cases) {
      const prediction = interpret(recorded, content.machines)
      if (recorded.determinism.class !== 'exact' && hasSeries(recorded) && prediction.failure === undefined) {
        const results = compareSeries(recorded, prediction.observed, recordedRuns(recorded))
        const wrong = wrongAnswer(recorded, prediction)
        if (wrong !== undefined) report.outside.push(wrong)
        summary.statistical.series += results.length
        summary.statistical.within += results.filter(({ within }) => within).length
        report.series.push(...results)
        continue
      }
      const difference = firstDifference(recorded, prediction)
      if (recorded.determinism.class === 'exact') {
        summary.cases++
        if (difference === undefined) summary.matched++
        else {
          summary.differing++
          report.differences.push(difference)
        }
      } else {
        summary.statistical.series++
        if (difference === undefined) summary.statistical.within++
        else report.outside.push(difference)
      }
    }
    report.files.push(summary)
  }
  return report
}

/** The case file with the model's results in every `observed`; where the model gives up, the step says so. */
export function predict(content: CaseFile): CaseFile {
  const cases = content.cases.map((recorded) => {
    const { observed, failure } = interpret(recorded, content.machines)
    const steps = recorded.steps.map((step, i): Step => {
      const { observed_repeats: _, ...rest } = step
      return { ...rest, observed: observed[i] ?? { model_error: failure?.message ?? '' } }
    })
    return { ...recorded, steps }
  })
  return { ...content, cases }
}
