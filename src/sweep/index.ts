export { planName, type TraceSource } from './axes.ts'
export { type Part, partOf } from './batches.ts'
export { type Gathered, gather } from './gather.ts'
export type { SweepPlan, SweepPoint } from './plan.ts'
export { OpenStore, openStore, type Scenario } from './scenario.ts'
export { runOnSlurm, type SlurmOptions } from './slurm.ts'
export { openStudy, type StudyRun } from './study.ts'
export {
  type DryRun,
  dryRun,
  type PlanStatus,
  parsePart,
  pointName,
  prepareSweep,
  type StoreStatus,
  type SweepOptions,
  statusOf,
  sweep,
  type TraceProgress,
  workOn,
} from './sweep.ts'

import { Store } from './store.ts'

export type { SweepEvent, WorkResult } from './work.ts'
export const isStore = (folder: string): boolean => Store.exists(folder)
