/** Where the time of a lane went: the components of its latency stack, in whole picoseconds. */
import type { Row } from '../columns/index.ts'
import type { Machine } from '../machine/index.ts'
import type { MemoryTraffic } from './memory-traffic.ts'

/** In drawing order; true: paid by tasks of the program, else by a background core. */
const COMPONENTS = {
  'local access': true,
  'remote access': true,
  queueing: true,
  'page fault': true,
  'hint fault': true,
  'blocked by migration': true,
  'promotion: isolate': true,
  'promotion: allocate': true,
  'promotion: unmap': true,
  'promotion: TLB shootdown': true,
  'promotion: copy': true,
  'promotion: remap': true,
  'write to copied page': true,
  'migration: call': false,
  'migration: isolate': false,
  'migration: allocate': false,
  'migration: unmap': false,
  'migration: TLB shootdown': false,
  'migration: copy': false,
  'migration: remap': false,
  replication: false,
  'pte scanning': false,
  sampling: false,
} as const
type Component = keyof typeof COMPONENTS
const NAMES = Object.keys(COMPONENTS) as Component[]
/** Slot of each component. */
export const AT = Object.fromEntries(NAMES.map((name, slot) => [name, slot])) as Record<Component, number>

/** Slots of the stages of a migration, by who pays for it. */
const stageSlots = (by: 'migration' | 'promotion') => ({
  isolate: AT[`${by}: isolate`],
  allocate: AT[`${by}: allocate`],
  unmap: AT[`${by}: unmap`],
  shootdown: AT[`${by}: TLB shootdown`],
  copy: AT[`${by}: copy`],
  remap: AT[`${by}: remap`],
})
export const MIGRATION = stageSlots('migration')
export const PROMOTION = stageSlots('promotion')

export class CostStack {
  readonly #ps = new Float64Array(NAMES.length)

  add(slot: number, ps: number): void {
    this.#ps[slot]! += ps
  }

  /** Of the table `stack`; remote accesses by the distance they went. */
  rows(lane: string, machine: Machine, traffic: MemoryTraffic): Row[] {
    return NAMES.flatMap((component, slot) => {
      const ps = this.#ps[slot]!
      if (ps === 0) return []
      const parts: [string, number][] = component === 'remote access' ? remoteByDistance(machine, traffic) : [[component, ps]]
      return parts.map(([name, own]) => ({ lane, component: name, ns: toNs(own), in_stall: COMPONENTS[component] }))
    })
  }
}

/** Idle latency of remote accesses by the distance they went (SLIT), nearest first. */
function remoteByDistance({ nodes, distance }: Machine, traffic: MemoryTraffic): [string, number][] {
  const sums = new Map<number, number>()
  for (let from = 0; from < nodes.length; from++) {
    for (let to = 0; to < nodes.length; to++) {
      const ps = from === to ? 0 : traffic.idlePs(from, to)
      if (ps > 0) sums.set(distance[from]![to]!, (sums.get(distance[from]![to]!) ?? 0) + ps)
    }
  }
  return [...sums].sort(([a], [b]) => a - b).map(([far, ps]) => [`remote access, distance ${far}`, ps])
}

export const toNs = (ps: number): number => Math.round(ps / 1000)
