export { type CpuPlacement, cpuToNode, spreadCpus } from './cpus.ts'
export { machine, type Preset, parseMachine, presets, withMemory } from './load.ts'
export type { CostModel, LatencySource, LoadCurve, Machine, MachineNode, NodeIndex } from './machine.ts'
