export { type CaseFile, readCaseFile } from './case-file.ts'
export type { Difference } from './compare.ts'
export { type ConformReport, conform, type FileReport, predict } from './run.ts'
export type { SeriesResult } from './series-test.ts'
