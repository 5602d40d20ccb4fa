/** A machine as text for the terminal: nodes, tiers, matrices, costs, and how far SLIT is from latency. */
import { formatList, formatSize } from '../units.ts'
import type { Preset } from './load.ts'
import type { Machine } from './machine.ts'
import { slitFactor } from './slit.ts'

/** What the grades in `evidence` stand for. */
const GRADES: Record<string, string> = {
  A: 'A (paper, vendor text or released source code)',
  B: 'B (output of a standard tool, published by its user)',
}

/** One line per preset. */
export function describePresets(presets: readonly Preset[]): string {
  const rows = presets.map(({ name, aliases, machine: { about, nodes, latencySource } }) => [
    [name, ...aliases].join(', '),
    `${nodes.length}`,
    formatSize(nodes.reduce((sum, node) => sum + node.bytes, 0)),
    latencySource,
    about,
  ])
  const table = align([['machine', 'nodes', 'memory', 'latencies', 'about'], ...rows], ['left', 'right', 'right', 'left', 'left'])
  return `${table.join('\n')}\n`
}

export function describeMachine(machine: Machine): string {
  const sections = [
    `${machine.name}: ${machine.about}`,
    facts(machine),
    section('Nodes', nodes(machine)),
    section('Idle read latency, ns (rows: accessing node, columns: memory)', latencies(machine)),
    section(
      'SLIT distance',
      matrix(
        machine,
        machine.distance.map((row) => row.map(String)),
        () => true,
      ),
    ),
    machine.load ? section('Read bandwidth, GB/s', bandwidths(machine)) : '',
    section('SLIT is not latency', slitCheck(machine)),
    section('Last-level caches', caches(machine)),
    section('Costs', costs(machine)),
  ]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

const section = (title: string, lines: string[]): string => (lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].join('\n'))

function facts(machine: Machine): string {
  return [
    `latencies  ${machine.latencySource}`,
    ...(machine.evidence ? [`evidence   ${GRADES[machine.evidence] ?? machine.evidence}`] : []),
    ...machine.sources.map((source) => `source     ${source}`),
    ...(machine.notes ?? []).map((note) => `note       ${note}`),
    ...machine.warnings.map((warning) => `warning    ${warning}`),
  ].join('\n')
}

function nodes(machine: Machine): string[] {
  const rows = machine.nodes.map(({ id, cpus, bytes, tier, kind }) => [
    String(id),
    `tier ${tier}`,
    kind,
    formatSize(bytes),
    cpus.length === 0 ? 'no cpus' : `${cpus.length} cpu${cpus.length === 1 ? '' : 's'}: ${formatList(cpus)}`,
  ])
  return align([['node', 'tier', 'kind', 'memory', 'cpus'], ...rows], ['right', 'left', 'left', 'right', 'left'])
}

function latencies(machine: Machine): string[] {
  return matrix(
    machine,
    machine.readLatencyPs.map((row) => row.map((ps) => (ps / 1000).toFixed(1))),
    (node) => machine.nodes[node]!.cpus.length > 0,
  )
}

function bandwidths(machine: Machine): string[] {
  const { linkBytesPerSecond, nodeBytesPerSecond } = machine.load!
  const cells = linkBytesPerSecond.map((row, i) => row.map((rate, j) => ((i === j ? nodeBytesPerSecond[i]! : rate) / 1e9).toFixed(1)))
  return matrix(machine, cells, (node) => machine.nodes[node]!.cpus.length > 0)
}

/** One row for every node that `isShown`: nobody accesses memory from a node without cpus. */
function matrix(machine: Machine, cells: string[][], isShown: (node: number) => boolean): string[] {
  const header = ['', ...machine.nodes.map(({ id }) => String(id))]
  const rows = cells.flatMap((row, i) => (isShown(i) ? [[`${machine.nodes[i]!.id}:`, ...row]] : []))
  return align(
    [header, ...rows],
    header.map(() => 'right'),
  )
}

/** For each distance: how much slower it says, how much slower it is, and what the rule for machines without measurements would give. */
function slitCheck(machine: Machine): string[] {
  if (machine.latencySource === 'inferred from SLIT') return []
  const ratios = new Map<number, number[]>()
  for (const [i, row] of machine.readLatencyPs.entries()) {
    if (machine.nodes[i]!.cpus.length === 0) continue
    for (const [j, latency] of row.entries()) {
      const distance = machine.distance[i]![j]!
      if (i !== j) ratios.set(distance, [...(ratios.get(distance) ?? []), latency / row[i]!])
    }
  }
  const rows = [...ratios]
    .sort(([a], [b]) => a - b)
    .map(([distance, measured]) => {
      const [low, high] = [Math.min(...measured), Math.max(...measured)]
      const mean = measured.reduce((sum, ratio) => sum + ratio, 0) / measured.length
      const text = high - low < 0.005 ? mean.toFixed(2) : `${mean.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
      return [String(distance), (distance / 10).toFixed(1), text, slitFactor(distance).toFixed(2)]
    })
  return rows.length === 0 ? [] : align([['SLIT', 'says times local', 'is times local', 'rule gives'], ...rows], ['right', 'right', 'right', 'right'])
}

/** Groups of cpus that `caches` names one by one; a large EPYC has some thirty, all alike. */
const MOST_GROUPS = 8

function caches({ llc }: Machine): string[] {
  if (llc === undefined) return []
  const groups = llc.sharedBy.slice(0, MOST_GROUPS).map((cpus) => formatList(cpus))
  const rest = llc.sharedBy.length - groups.length
  return [
    `${llc.sharedBy.length} of ${formatSize(llc.bytes)}, ${llc.ways} ways, lines of ${formatSize(llc.lineBytes)}, ${llc.replacement.toUpperCase()}`,
    `shared by cpus ${groups.join(' | ')}${rest > 0 ? ` and ${rest} more groups` : ''}`,
  ]
}

function costs({ costs }: Machine): string[] {
  const time = (ps: number): string => (ps >= 1e6 ? `${ps / 1e6} us` : `${ps / 1000} ns`)
  return align(
    [
      ['migration, per call', time(costs.migrateCallPs)],
      ['migration, per page', `${time(costs.migratePageFixedPs)} + ${time(costs.copyPsPerKiB)} per KiB`],
      ['migration, 2 MiB huge page', time(costs.migrateThpPs)],
      ['TLB flush, per batch of 512', time(costs.tlbFlushPs)],
      ['hint fault', time(costs.hintFaultPs)],
      ['page fault', time(costs.pageFaultPs)],
      ['page-table entry scanned', time(costs.scanPtePs)],
      ['hardware sample', time(costs.samplePs)],
    ],
    ['left', 'right'],
  )
}

function align(rows: string[][], sides: ('left' | 'right')[]): string[] {
  const widths = sides.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (sides[i] === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}
