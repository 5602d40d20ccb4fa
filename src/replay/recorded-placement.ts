/**
 * Recorded residency on the pages of a trace: as the placement that a replay starts from, and to compare with what a lane ends
 * with. numa_maps say how many pages of a mapping are on each node, not which: they are dealt out evenly over its pages in order
 * of address, and compared by mapping.
 */
import type { Row } from '../columns/index.ts'
import { ABSENT, zonesOf } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import type { PreparedTrace, ResidencySnapshot, ResidentRegion } from '../trace/index.ts'
import { formatCount, formatList } from '../units.ts'
import { nodeOfRecorded } from './recorded-nodes.ts'

/** What the user names: a snapshot of a file. */
export interface RecordedResidency {
  file: string
  snapshot: ResidencySnapshot
}

export interface RecordedPlacement {
  /** page -> node index, ABSENT where the recording has it nowhere. */
  node: Uint8Array
  /** page -> number of the region in which its node is known; pages of one region are compared together. */
  region: Uint32Array
  /** Pages that have a node. */
  pages: number
  warnings: string[]
}

export function recordedPlacement({ file, snapshot }: RecordedResidency, trace: PreparedTrace, machine: Machine): RecordedPlacement {
  const { pages, pageSize } = trace.meta
  const region = new Uint32Array(pages)
  const node = new Uint8Array(pages).fill(ABSENT)
  const process = likeliestProcess(snapshot.regions, trace)
  const warnings: string[] = []
  const inRegion = new Map<number, number[]>()
  let placed = 0
  for (let page = 0; page < pages; page++) {
    const found = trace.pageProcess[page] === process ? regionAt(snapshot.regions, trace.pageVpage[page]! * pageSize, pageSize) : -1
    if (found < 0) continue
    region[page] = found
    inRegion.set(found, [...(inRegion.get(found) ?? []), page])
  }
  for (const [index, members] of inRegion) {
    members.sort((a, b) => trace.pageVpage[a]! - trace.pageVpage[b]!)
    placed += dealOut(snapshot.regions[index]!, members, pageSize, machine, node)
  }
  if (trace.processes.length > 1) warnings.push(`${file} is taken as pid ${trace.processes[process]}, whose pages it names`)
  if (placed === 0) warnings.push(`${file} (${snapshot.name}) names no page of the trace: is it of the same run of the program?`)
  const ids = new Set(snapshot.regions.flatMap((one) => one.pages.map((on) => on.node)))
  const unknown = [...ids].filter((id) => !machine.nodes.some((one) => one.id === id))
  if (unknown.length > 0) warnings.push(`${file} names nodes ${formatList(unknown)}, which ${machine.name} lacks: taken modulo its memory nodes`)
  return { node, region, pages: placed, warnings }
}

/** The process of which most pages are in the recording, which does not say whose it is. */
function likeliestProcess(regions: readonly ResidentRegion[], { meta, processes, pageProcess, pageVpage }: PreparedTrace): number {
  const hits = processes.map(() => 0)
  for (let page = 0; page < meta.pages; page++) if (regionAt(regions, pageVpage[page]! * meta.pageSize, meta.pageSize) >= 0) hits[pageProcess[page]!]!++
  return hits.indexOf(Math.max(...hits))
}

/** The first region that reaches into the page, by bisection; -1 where there is none. */
function regionAt(regions: readonly ResidentRegion[], startBytes: number, bytes: number): number {
  let low = 0
  let high = regions.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (regions[middle]!.endBytes > startBytes) high = middle
    else low = middle + 1
  }
  return low < regions.length && regions[low]!.startBytes < startBytes + bytes ? low : -1
}

/** Nodes in turn, so that every part of the region gets them in the recorded proportion; what is not resident is absent likewise. */
function dealOut({ pages }: ResidentRegion, members: number[], pageSize: number, machine: Machine, node: Uint8Array): number {
  const resident = pages.map((on) => ({ node: nodeOfRecorded(machine, on.node), due: on.bytes / pageSize, given: 0 }))
  const total = resident.reduce((sum, { due }) => sum + due, 0)
  // a page larger than what is recorded of it is there as a whole
  const missing = pages.length === 1 && total < 1 ? 0 : Math.max(0, members.length - total)
  const shares = [...resident, { node: ABSENT, due: missing, given: 0 }]
  const all = total + missing
  let placed = 0
  members.forEach((page, i) => {
    let next = shares[0]!
    for (const share of shares) if ((share.due / all) * (i + 1) - share.given > (next.due / all) * (i + 1) - next.given) next = share
    next.given++
    node[page] = next.node
    if (next.node !== ABSENT) placed++
  })
  return placed
}

/** Nodes that hold less than what is recorded on them: the rest is placed at its first touch. */
export function tooFull({ node }: RecordedPlacement, machine: Machine, pageSize: number): string[] {
  const zones = zonesOf(machine, pageSize)
  return machine.nodes.flatMap(({ id }, index) => {
    const wanted = node.reduce((sum, one) => sum + Number(one === index), 0)
    const room = Math.max(0, zones[index]!.managed - zones[index]!.min)
    return wanted > room
      ? [`node ${id} has room for ${formatCount(room)} of the ${formatCount(wanted)} pages recorded on it: the rest is placed at first touch`]
      : []
  })
}

/**
 * Pages by recorded node and node in the lane; within a region as many as possible count as agreeing. `standsFor`: of a sample,
 * the pages that each kept page stands for.
 */
export function residencyRows(
  lane: string,
  { node, region }: RecordedPlacement,
  placement: Uint8Array,
  machine: Machine,
  standsFor?: ArrayLike<number>,
): Row[] {
  const nodes = machine.nodes.length
  const counts = new Map<number, { recorded: number[]; lane: number[] }>()
  const zeros = () => new Array<number>(nodes + 1).fill(0)
  const slot = (one: number) => (one === ABSENT ? nodes : one)
  for (let page = 0; page < node.length; page++) {
    if (node[page] === ABSENT) continue
    let count = counts.get(region[page]!)
    if (!count) {
      count = { recorded: zeros(), lane: zeros() }
      counts.set(region[page]!, count)
    }
    const pages = standsFor?.[page] ?? 1
    count.recorded[slot(node[page]!)]! += pages
    count.lane[slot(placement[page]!)]! += pages
  }
  const flow = new Map<number, number>()
  const add = (from: number, to: number, pages: number) => pages > 0 && flow.set(from * (nodes + 1) + to, (flow.get(from * (nodes + 1) + to) ?? 0) + pages)
  for (const count of counts.values()) {
    for (let one = 0; one < nodes; one++) {
      const both = Math.min(count.recorded[one]!, count.lane[one]!)
      add(one, one, both)
      count.recorded[one]! -= both
      count.lane[one]! -= both
    }
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to <= nodes; to++) {
        const moved = Math.min(count.recorded[from]!, count.lane[to]!)
        add(from, to, moved)
        count.recorded[from]! -= moved
        count.lane[to]! -= moved
      }
    }
  }
  const id = (one: number) => (one === nodes ? null : machine.nodes[one]!.id)
  return [...flow]
    .sort(([a], [b]) => a - b)
    .map(([key, pages]) => ({ lane, recorded_node: id(Math.floor(key / (nodes + 1))), node: id(key % (nodes + 1)), pages }))
}
