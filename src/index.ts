/**
 * The library: what the command line does, in five lines.
 *
 *   import { machine, openTrace, replay } from 'numareplay'
 *   const trace = await openTrace('recording.csv.gz')
 *   const run = await replay({ trace, machine: machine('2-socket'), policies: ['first-touch', 'numa-balancing'] })
 *   console.table(run.rows('summary'))
 */
export { type Row, Table } from './columns/index.ts'
export { UserError } from './errors.ts'
export { type Machine, machine, presets } from './machine/index.ts'
export { listPolicies } from './policy/index.ts'
export { type ReplayOptions, replay } from './replay/index.ts'
export { compareRuns, openRun, type PolicyComparison, type Run, writeRun } from './results/index.ts'
export { openTrace, type PreparedTrace } from './trace/index.ts'
