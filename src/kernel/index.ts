export type { NodeIndex } from '../machine/index.ts'
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
export { createLaneKernel, type LaneOptions } from './lane-kernel.ts'
