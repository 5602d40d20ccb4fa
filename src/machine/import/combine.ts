/** Several dumps of one machine make one machine file. What no dump says is assumed, and each assumption is a warning. */
import { UserError } from '../../errors.ts'
import { formatList } from '../../units.ts'
import { type MachineDocument, MOST_NODES } from '../machine-file.ts'
import { lastLevelCaches } from './caches.ts'
import { type Findings, Sparse } from './findings.ts'

/** Where no dump says: enough to replay a trace on, and said in every report. */
const ASSUMED_CPUS = 8
const ASSUMED_BYTES = 16 * 2 ** 30

/** `findings` in order of trust: the first that knows something wins. */
export function combine(findings: Findings[]): MachineDocument {
  const ids = nodesOf(findings)
  const warnings = findings.flatMap((one) => one.warnings)
  const cpus = cpusOf(ids, findings, warnings)
  const bytes = bytesOf(ids, findings, warnings)
  const read = latencyOf(findings, (one) => one.readNs)
  // figures of the firmware for writes say nothing beside measured ones for reads
  const write = latencyOf(
    findings.filter((one) => one.latencies === read.used[0]?.latencies),
    (one) => one.writeNs,
  )
  const bandwidth = latencyOf(findings, (one) => one.bandwidthGBps)
  const distance = distanceOf(ids, findings)
  const tiers = tiersOf(ids, findings, cpus)
  const grades = new Set(read.used.map((one) => one.latencies))
  if (grades.size > 1) warnings.push('latencies are partly measured, partly what the firmware states')
  const vendor = findings.find((one) => one.vendor)?.vendor
  const model = findings.find((one) => one.model)?.model
  const { llc, note } = lastLevelCaches(
    findings,
    ids.map((id) => cpus.get(id)!),
  )
  const memoryOnly = ids.filter((id) => cpus.get(id)!.length === 0)
  return {
    about: `${model ? `${model}: ` : ''}${ids.length} node${ids.length === 1 ? '' : 's'}${memoryOnly.length ? `, of which ${memoryOnly.length} memory only` : ''}`,
    sources: findings.map((one) => one.from),
    evidence: 'imported',
    ...(note ? { notes: [note] } : {}),
    ...(warnings.length ? { warnings: [...new Set(warnings)] } : {}),
    nodes: ids.map((id) => ({
      id,
      ...(cpus.get(id)!.length ? { cpus: formatList(cpus.get(id)!) } : {}),
      memory: exactSize(bytes.get(id)!),
      ...(tiers.get(id) ? { tier: tiers.get(id)! } : {}),
      kind: findings.find((one) => one.kind.has(id))?.kind.get(id) ?? (cpus.get(id)!.length ? 'DRAM' : 'memory only'),
    })),
    ...(distance ? { distance: square(ids, distance) as number[][] } : {}),
    ...(read.used.length ? { latencySource: grades.size > 1 ? 'partly measured' : read.used[0]!.latencies, readLatencyNs: square(ids, read.matrix) } : {}),
    ...(write.used.length ? { writeLatencyNs: square(ids, write.matrix) } : {}),
    ...(bandwidth.used.length ? { bandwidthGBps: square(ids, bandwidth.matrix), loadCurve: vendor ?? 'intel' } : {}),
    ...(llc ? { llc } : {}),
  }
}

/** A dump that lists all nodes settles which there are; another that knows more is of another machine. */
function nodesOf(findings: Findings[]): number[] {
  const complete = findings.find((one) => one.listsAllNodes)
  const all = new Set(findings.flatMap((one) => [...one.nodes]))
  const strangers = complete ? [...all].filter((id) => !complete.nodes.has(id)) : []
  if (strangers.length > 0) {
    const other = findings.find((one) => one.nodes.has(strangers[0]!))!
    throw contradiction(`node ${strangers[0]}`, `is in ${other.from}`, `but not in ${complete!.from}`)
  }
  if (all.size === 0) throw new UserError('no dump lists the nodes of the machine', { hint: 'Add the output of numactl --hardware' })
  if (all.size > MOST_NODES) throw new UserError('too many nodes', { expected: `at most ${MOST_NODES}`, got: `${all.size}` })
  return [...all].sort((a, b) => a - b)
}

function cpusOf(ids: number[], findings: Findings[], warnings: string[]): Map<number, number[]> {
  const known = findings.filter((one) => one.cpus.size > 0 && !one.cpusAreGuessed)
  const sources = known.length > 0 ? known : findings.filter((one) => one.cpus.size > 0)
  const cpus = new Map<number, number[]>()
  const from = new Map<number, string>()
  for (const source of sources) {
    for (const [id, list] of source.cpus) {
      const before = cpus.get(id)
      if (before && formatList(before) !== formatList(list)) {
        throw contradiction(`node ${id}`, `has cpus ${formatList(before) || 'none'} in ${from.get(id)}`, `but ${formatList(list) || 'none'} in ${source.from}`)
      }
      cpus.set(id, list)
      from.set(id, source.from)
    }
  }
  if (sources.length === 0) {
    // rows of a latency matrix are nodes with cpus
    const initiators = new Set(findings.flatMap((one) => one.readNs.rowIds()))
    const withCpus = ids.filter((id) => initiators.size === 0 || initiators.has(id))
    warnings.push(`no dump says which cpus the nodes have: ${ASSUMED_CPUS} on each of ${formatList(withCpus)} assumed`)
    for (const [i, id] of withCpus.entries())
      cpus.set(
        id,
        Array.from({ length: ASSUMED_CPUS }, (_, cpu) => i * ASSUMED_CPUS + cpu),
      )
  }
  const guessed = known.length > 0 ? [] : sources.flatMap((one) => ids.filter((id) => one.cpus.get(id)?.length === 0))
  if (guessed.length > 0) warnings.push(`lstopo does not say whether node ${formatList(guessed)} has cpus: taken as memory only`)
  // lscpu -p has no row for a node without cpus
  for (const id of ids) if (!cpus.has(id)) cpus.set(id, [])
  return cpus
}

function bytesOf(ids: number[], findings: Findings[], warnings: string[]): Map<number, number> {
  const bytes = new Map(ids.map((id) => [id, findings.find((one) => one.bytes.has(id))?.bytes.get(id)]))
  const without = ids.filter((id) => bytes.get(id) === undefined)
  if (without.length > 0) warnings.push(`no dump says how much memory node ${formatList(without)} has: ${exactSize(ASSUMED_BYTES)} assumed`)
  return new Map(ids.map((id) => [id, bytes.get(id) ?? ASSUMED_BYTES]))
}

/** Cell by cell from the most trusted: a measured matrix beats HMAT, all of HMAT beats its best initiators in sysfs. */
function latencyOf(findings: Findings[], matrixOf: (one: Findings) => Sparse): { matrix: Sparse; used: Findings[] } {
  const order = [...findings].sort((a, b) => Number(b.latencies === 'measured') - Number(a.latencies === 'measured') || size(matrixOf(b)) - size(matrixOf(a)))
  const matrix = new Sparse()
  const used = order.filter((one) => {
    let gave = false
    for (const from of matrixOf(one).rowIds()) {
      for (const to of matrixOf(one).ids()) {
        const value = matrixOf(one).get(from, to)
        if (value === undefined || matrix.get(from, to) !== undefined) continue
        matrix.set(from, to, value)
        gave = true
      }
    }
    return gave
  })
  return { matrix, used }
}

const size = (matrix: Sparse): number => matrix.rowIds().reduce((sum, from) => sum + matrix.ids().filter((to) => matrix.get(from, to) !== undefined).length, 0)

function distanceOf(ids: number[], findings: Findings[]): Sparse | undefined {
  const sources = findings.filter((one) => !one.distance.isEmpty)
  const first = sources[0]
  if (!first) return undefined
  for (const from of ids) {
    for (const to of ids) {
      const distance = first.distance.get(from, to)
      if (distance === undefined) throw new UserError(`${first.from} has no distance from node ${from} to node ${to}`)
      const other = sources.find((one) => (one.distance.get(from, to) ?? distance) !== distance)
      if (other)
        throw contradiction(
          `the distance from node ${from} to ${to}`,
          `is ${distance} in ${first.from}`,
          `but ${other.distance.get(from, to)} in ${other.from}`,
        )
    }
  }
  return first.distance
}

/** The kernel's memory tiers, numbered from 0; without them, memory-only nodes are the second tier. */
function tiersOf(ids: number[], findings: Findings[], cpus: Map<number, number[]>): Map<number, number> {
  const kernel = findings.find((one) => one.tier.size > 0)?.tier
  if (!kernel) return new Map(ids.map((id) => [id, cpus.get(id)!.length ? 0 : 1]))
  const ranks = [...new Set(ids.flatMap((id) => kernel.get(id) ?? []))].sort((a, b) => a - b)
  return new Map(ids.map((id) => [id, kernel.has(id) ? ranks.indexOf(kernel.get(id)!) : ranks.length]))
}

function square(ids: number[], matrix: Sparse): ((number | null)[] | null)[] {
  return ids.map((from) => {
    const row = ids.map((to) => matrix.get(from, to) ?? null)
    return row.every((cell) => cell === null) ? null : row
  })
}

/** In the largest unit that divides it: 514356KiB, 512MiB. */
function exactSize(bytes: number): string {
  const units: [string, number][] = [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ]
  const [unit, factor] = units.find(([, factor]) => bytes > 0 && bytes % factor === 0) ?? ['', 1]
  return `${bytes / factor}${unit}`
}

const contradiction = (what: string, one: string, other: string): UserError =>
  new UserError(`the dumps contradict each other: ${what} ${one} ${other}`, { hint: 'Are they all from the same machine?' })
