export type { NodeIndex } from '../machine/index.ts'
// the mechanisms themselves, for running recorded kernel scenarios
export { findVma, HUGE_ZERO_PAGE, NO_PAGE, newVma, ownPolicy, type Process, ROOT, type SharedObject, type Task, type Vma, ZERO_PAGE } from './address-space.ts'
export type { Copies } from './copies.ts'
export { attach, type Cpuset, createCpuset, removeCpuset, writeMems } from './cpuset.ts'
export { mayAccess } from './credentials.ts'
export * as errno from './errno.ts'
export { errnoName } from './errno.ts'
export {
  ABSENT,
  type KernelObserver,
  type LaneKernel,
  type LayoutVma,
  type MemoryLayout,
  type MemoryRange,
  type MemPolicy,
  type MemPolicyMode,
  type MigrateMode,
  type MigrateReason,
  type MigrationRecord,
  type MoveOutcome,
  NOT_WRITTEN,
  type PageId,
  type PolicyKernel,
  type StageCounts,
} from './face.ts'
export { access } from './fault.ts'
export type { FaultPlan } from './fault-plan.ts'
export { readFaultPlan } from './fault-plan-file.ts'
export type { Zone } from './frames.ts'
export { zonesOf } from './frames.ts'
export { noteAccess, type ScanTurn, scanHints } from './hint-scan.ts'
export { HotThreshold, type HotThresholdSettings, type PromotionHost } from './hot-threshold.ts'
export { Kernel } from './kernel.ts'
export { createLaneKernel, type LaneOptions } from './lane-kernel.ts'
export { LruBatches } from './lru-batch.ts'
export { mbind, setHomeNode } from './mbind.ts'
export { type Mempolicy, makePolicy, migratesOnFault, type PolicyFlag } from './mempolicy.ts'
export { STAGES, type Stage, type StageObserver } from './migrate.ts'
export { migratePages } from './migrate-pages.ts'
export { migrateMisplaced } from './misplaced.ts'
export { cutRange, discard, exit, fork, mlock, mmap, mprotect, munlock, munmap, pin, unpin } from './mm.ts'
export { movePages, queryPages } from './move-pages.ts'
export { nodeMask } from './node-mask.ts'
export { type FaultFacts, NO_NODE, NO_TASK, NumaFaults, type NumaHost, type ScanSettings, type TaskState } from './numa-faults.ts'
export { accessOrKill } from './oom.ts'
export { PAGE } from './pages.ts'
export { type DemotionTarget, Reclaim } from './reclaim.ts'
