export { ABSENT, type MemoryRange, type MemPolicy, type MoveOutcome, type NodeIndex, type PageId } from '../kernel/index.ts'
export { type ManagementCall, perform } from './calls.ts'
export {
  definePolicy,
  type NodeLoad,
  type Policy,
  type PolicyDefinition,
  type PolicyFactory,
  type PolicyMachine,
  type Watermark,
  type World,
} from './define.ts'
export { HotThreshold } from './hot-threshold.ts'
export { type Knowledge, knowledge, type Sees, sees, seesAll } from './knowledge.ts'
export { defaultsOf, kebabCase, type LanePolicy, lanePolicy, listPolicies, loadPolicy, parsePolicySpec, policyName, rulesOf } from './load.ts'
export { farthest, memoryNodes, migrationWorth, nearest, startWith } from './nodes.ts'
export { NO_NODE, NO_TASK, NumaFaults } from './numa-faults.ts'
export {
  type AccessedPages,
  accessedBits,
  accesses,
  type DamonRegion,
  type DamonSettings,
  damonRegions,
  type Observation,
  type PageActivity,
  sampledAccesses,
  upcoming,
} from './observations.ts'
export { choice, count, duration, flag, fraction, type Param, type Params, type ParamValues, rate, size, text } from './params.ts'
export {
  type Allocation,
  at,
  type CpusetChange,
  every,
  type HintFault,
  type HintScan,
  type HintTally,
  type HintVerdict,
  onAllocation,
  onCpusetChange,
  onHintFault,
  onPressure,
  onSyscall,
  onTaskMove,
  type Pressure,
  type Rule,
  type TaskMove,
  type Watermarks,
} from './rules.ts'
export { type ScheduledCall, scheduleOf } from './script.ts'
export { pageBudget, type Tiering, tiering, within } from './tiering.ts'
