export type { CostModel, LatencySource, LoadCurve, Machine, MachineNode, NodeIndex } from './machine.ts'
