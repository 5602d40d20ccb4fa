/** A machine: nodes, cpus, tiers, distances, latencies and costs. Immutable once built. Sources in docs/machines.md. */

/** Dense index into `machine.nodes`. What users and recordings call a node is `machine.nodes[i].id`. */
export type NodeIndex = number

export interface MachineNode {
  /** The operating system's number; may have holes. */
  id: number
  /** Operating-system cpu numbers; empty for a memory-only node. */
  cpus: number[]
  /** Memory in bytes; 0 for a cpu-only node. */
  bytes: number
  /** 0 = fastest. Same number = same tier. */
  tier: number
  /** Label such as "DRAM" or "CXL". */
  kind: string
}

/** `stated by firmware`: from the ACPI HMAT table. */
export type LatencySource = 'measured' | 'stated by firmware' | 'partly measured' | 'inferred from SLIT'

export interface CostModel {
  /** Sources in costs.ts; all integer picoseconds unless the name says otherwise. */
  migrateCallPs: number
  migratePageFixedPs: number
  copyPsPerKiB: number
  migrateThpPs: number
  /** TLB flush per batch of up to 512 pages. */
  tlbFlushPs: number
  hintFaultPs: number
  pageFaultPs: number
  scanPtePs: number
  samplePs: number
  /** Share of the fixed per-page cost by stage, for the latency stack; sums to 1. */
  stageShares: { isolate: number; allocate: number; unmap: number; remap: number; putback: number }
}

export interface LoadCurve {
  /** L = min(L0 (1 + a u/(1-u)), saturation L0), u = traffic / (headroom C): docs/machines.md. */
  a: number
  headroom: number
  saturation: number
  /** C = read bandwidth (1 - writeLoss (1 - r)), r = share of reads in the bytes moved. */
  writeLoss: number
  /** Read bandwidth of each node's memory, bytes/s. */
  nodeBytesPerSecond: number[]
  /** One-direction bandwidth accessor -> memory node, bytes/s; [i][i] unused. */
  linkBytesPerSecond: number[][]
}

export interface Machine {
  name: string
  about: string
  sources: string[]
  /** How far the figures can be trusted: the grades of docs/machines.md. */
  evidence?: string
  /** Remarks on single figures, e.g. a memory size that was chosen. Shown by `machine show`. */
  notes?: string[]
  nodes: MachineNode[]
  /** SLIT, distance[from][to]. */
  distance: number[][]
  latencySource: LatencySource
  /** Idle latency in integer picoseconds, [accessing node][memory node]. Rows of memory-only nodes are those of the nearest node with cpus. */
  readLatencyPs: number[][]
  writeLatencyPs: number[][]
  costs: CostModel
  /** Last-level caches, all alike: of each of these groups of cpus. */
  llc?: { bytes: number; ways: number; lineBytes: number; replacement: 'lru' | 'srrip'; sharedBy: number[][] }
  load?: LoadCurve
  /** Warnings that every report repeats, e.g. inferred latencies. */
  warnings: string[]
}
