/** From checked settings to the machine that is simulated: holes filled by documented rules, and each such rule reported. */
import { defaultCosts } from './costs.ts'
import type { CostModel, LatencySource, LoadCurve, Machine, MachineNode } from './machine.ts'
import { LOAD_CURVES, type MachineSettings } from './machine-file.ts'
import { inferLatencies, isCategoryCode } from './slit.ts'

/** Bandwidth between nodes as a share of the target's own, where not measured: 0.43 to 0.56 on four two-socket Xeons. */
const LINK_SHARE = 0.45

const PAGE = 4096

type PartialMatrix = (number | null)[][]

export function buildMachine(name: string, file: MachineSettings): Machine {
  const nodes: MachineNode[] = file.nodes.map(({ id, cpus, memory, tier, kind }) => ({ id, cpus, bytes: memory - (memory % PAGE), tier, kind }))
  const size = nodes.length
  const warnings = [...file.warnings]
  const distance = file.distance ?? nodes.map((_, i) => nodes.map((_, j) => (i === j ? 10 : 20)))
  if (!file.distance && size > 1) warnings.push('no SLIT distances: 10 local and 20 remote assumed, as Linux does')

  const hasCpus = nodes.map((node) => node.cpus.length > 0)
  const measuredRead = picoseconds(file.readLatencyNs, hasCpus)
  const readLatencyPs = inferLatencies(measuredRead, distance, hasCpus)
  const measuredWrite = picoseconds(file.writeLatencyNs, hasCpus)
  const writeLatencyPs = readLatencyPs.map((row, i) => row.map((read, j) => Math.max(1, Math.round(file.writeStall * (measuredWrite[i]![j] ?? read)))))
  copyRowsOfMemoryOnlyNodes([readLatencyPs, writeLatencyPs], distance, hasCpus)

  const latencySource = sourceOf(file, measuredRead, hasCpus)
  if (latencySource !== 'measured') warnings.push(latencyWarning(latencySource, measuredRead, distance, hasCpus))
  return {
    name,
    about: file.about,
    sources: file.sources,
    evidence: file.evidence,
    notes: file.notes,
    nodes,
    distance,
    latencySource,
    readLatencyPs,
    writeLatencyPs,
    costs: costsOf(file, nodes),
    ...(file.llc ? { llc: lastLevelCache(file.llc, nodes) } : {}),
    ...(file.bandwidthGBps ? { load: loadCurve(file, distance, hasCpus) } : {}),
    warnings,
  }
}

function lastLevelCache({ size, ways, line, replacement, sharedBy }: NonNullable<MachineSettings['llc']>, nodes: MachineNode[]): Machine['llc'] {
  const perNode = nodes.map(({ cpus }) => cpus).filter((cpus) => cpus.length > 0)
  return { bytes: size, ways, lineBytes: line, replacement, sharedBy: sharedBy ?? perNode }
}

function picoseconds(matrix: ((number | null)[] | null)[] | undefined, hasCpus: boolean[]): PartialMatrix {
  return hasCpus.map((accesses, i) =>
    hasCpus.map((_, j) => {
      const ns = accesses ? matrix?.[i]?.[j] : undefined
      return ns == null ? null : Math.max(1, Math.round(ns * 1000))
    }),
  )
}

/** Nobody accesses from there; the rows exist so that a matrix needs no special case. */
function copyRowsOfMemoryOnlyNodes(matrices: number[][][], distance: number[][], hasCpus: boolean[]): void {
  for (let i = 0; i < hasCpus.length; i++) {
    if (hasCpus[i]) continue
    const near = nearestWithCpus(i, distance, hasCpus)
    for (const matrix of matrices) matrix[i] = [...matrix[near]!]
  }
}

/** By distance from the node, then by index: the order of Linux zonelists. */
function nearestWithCpus(node: number, distance: number[][], hasCpus: boolean[]): number {
  let best = -1
  for (let i = 0; i < hasCpus.length; i++) {
    if (hasCpus[i] && (best === -1 || distance[node]![i]! < distance[node]![best]!)) best = i
  }
  return best
}

function sourceOf(file: MachineSettings, measured: PartialMatrix, hasCpus: boolean[]): LatencySource {
  const cells = measured.filter((_, i) => hasCpus[i]).flatMap((row) => row.filter((_, j) => file.nodes[j]!.memory > 0))
  if (cells.every((cell) => cell !== null)) return file.latencySource
  return cells.every((cell) => cell === null) ? 'inferred from SLIT' : 'partly measured'
}

function latencyWarning(source: LatencySource, measured: PartialMatrix, distance: number[][], hasCpus: boolean[]): string {
  if (source === 'stated by firmware') return 'latencies are what the firmware states (ACPI HMAT), not measurements'
  const isComplete = measured.every((row, i) => !hasCpus[i] || row.every((cell) => cell !== null))
  if (isComplete) return 'some latencies are unverified: the notes of the machine say which'
  const which = source === 'partly measured' ? 'some latencies are inferred from SLIT' : 'latency inferred from SLIT'
  return isCategoryCode(distance)
    ? `${which}; these distances look like category codes (POWER), not ratios: measure the latencies before you trust any result`
    : `${which}: SLIT is not latency, differences between policies are indicative only`
}

function costsOf(file: MachineSettings, nodes: MachineNode[]): CostModel {
  const cpus = nodes.reduce((sum, node) => sum + node.cpus.length, 0)
  const costs = defaultCosts(cpus)
  const { migrateCall, migratePageFixed, copyPerKiB, migrateThp, tlbFlush, hintFault, pageFault, scanPte, sample } = file.costs
  return {
    migrateCallPs: migrateCall ?? costs.migrateCallPs,
    migratePageFixedPs: migratePageFixed ?? costs.migratePageFixedPs,
    copyPsPerKiB: copyPerKiB ?? costs.copyPsPerKiB,
    migrateThpPs: migrateThp ?? costs.migrateThpPs,
    tlbFlushPs: tlbFlush ?? costs.tlbFlushPs,
    hintFaultPs: hintFault ?? costs.hintFaultPs,
    pageFaultPs: pageFault ?? costs.pageFaultPs,
    scanPtePs: scanPte ?? costs.scanPtePs,
    samplePs: sample ?? costs.samplePs,
    stageShares: costs.stageShares,
  }
}

/** A node's own bandwidth is its diagonal cell, or for memory without cpus the best that anybody reached. */
function loadCurve(file: MachineSettings, distance: number[][], hasCpus: boolean[]): LoadCurve {
  const measured = hasCpus.map((_, i) => hasCpus.map((_, j) => (hasCpus[i] ? (file.bandwidthGBps?.[i]?.[j] ?? null) : null)))
  const columnBest = hasCpus.map((_, j) => Math.max(0, ...measured.map((row) => row[j] ?? 0)))
  const anyBest = Math.max(1, ...columnBest)
  const own = hasCpus.map((_, i) => measured[i]![i] ?? (columnBest[i]! || anyBest))
  const links = hasCpus.map((_, i) => hasCpus.map((_, j) => Math.max(1, Math.round((measured[i]![j] ?? (i === j ? own[j]! : LINK_SHARE * own[j]!)) * 1e9))))
  copyRowsOfMemoryOnlyNodes([links], distance, hasCpus)
  const curve = typeof file.loadCurve === 'object' ? file.loadCurve : LOAD_CURVES[file.loadCurve ?? 'intel']
  return { ...curve, nodeBytesPerSecond: own.map((gigabytes) => Math.max(1, Math.round(gigabytes * 1e9))), linkBytesPerSecond: links }
}
