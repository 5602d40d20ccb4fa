export { ABSENT, type MemoryRange, type MemPolicy, type MoveOutcome, type NodeIndex, type PageId } from '../kernel/index.ts'
export { definePolicy, type Policy, type PolicyDefinition, type PolicyFactory, type PolicyMachine, type World } from './define.ts'
export {
  type AccessedPages,
  accessedBits,
  accesses,
  damonRegions,
  type Observation,
  type PageActivity,
  type Region,
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
  onAllocation,
  onCpusetChange,
  onHintFault,
  onPressure,
  onSyscall,
  onTaskMove,
  type Pressure,
  type Rule,
  type TaskMove,
} from './rules.ts'
