/** Loaded latency of one epoch the obvious way: a list of accesses, a list of resources by name, the formulas as printed. */
import type { Machine } from '../../src/machine/index.ts'
import type { LoadModel } from '../../src/replay/contention.ts'

export interface ServedAccess {
  from: number
  to: number
  isWrite: boolean
  weight: number
}

export interface SlowLoad {
  /** Extra picoseconds of one access. */
  queuePs(access: ServedAccess): number
  dilation: number
  /** Demand on a node's controller over its capacity. */
  utilisation(node: number): number
}

export function slowLoad(
  machine: Machine,
  model: LoadModel,
  accesses: ServedAccess[],
  copied: { from: number; to: number; pages: number }[],
  lengthNs: number,
): SlowLoad {
  const { a, headroom: s, saturation, nodeBytesPerSecond, linkBytesPerSecond } = model.curve
  const resources = new Map<string, { idlePs: number; bytesPerSecond: number; read: number; write: number }>()
  machine.nodes.forEach((_, j) => {
    resources.set(`controller ${j}`, { idlePs: machine.readLatencyPs[j]![j]!, bytesPerSecond: nodeBytesPerSecond[j]!, read: 0, write: 0 })
    machine.nodes.forEach((_, i) => {
      const added = machine.readLatencyPs[i]![j]! - machine.readLatencyPs[j]![j]!
      const measured = machine.nodes[i]!.cpus.length > 0 ? linkBytesPerSecond[i]![j]! : linkBytesPerSecond[j]![i]!
      resources.set(`link ${j} to ${i}`, { idlePs: Math.max(0, added), bytesPerSecond: measured, read: 0, write: 0 })
    })
  })
  for (const { from, to, isWrite, weight } of accesses) {
    const bytes = weight * model.bytesPerAccess
    resources.get(`controller ${to}`)!.read += bytes
    if (isWrite) resources.get(`controller ${to}`)!.write += bytes
    if (from === to) continue
    resources.get(`link ${to} to ${from}`)!.read += bytes
    if (isWrite) resources.get(`link ${from} to ${to}`)!.read += bytes
  }
  for (const { from, to, pages } of copied) {
    resources.get(`controller ${from}`)!.read += pages * model.pageSize
    resources.get(`controller ${to}`)!.write += pages * model.pageSize
    resources.get(`link ${from} to ${to}`)!.read += pages * model.pageSize
  }

  const demand = new Map<string, number>()
  for (const [name, { bytesPerSecond, read, write }] of resources) {
    if (read + write === 0) continue
    const capacity = bytesPerSecond * (1 - 0.25 * (write / (read + write)))
    demand.set(name, ((read + write) * 1e9) / lengthNs / capacity)
  }
  const tooMuch = [...demand.values()].filter((d) => d > s)
  const dilation = Math.max(1, ...tooMuch)

  const wait = (name: string): number => {
    const { idlePs } = resources.get(name)!
    const asked = demand.get(name) ?? 0
    const most = (saturation - 1) * idlePs
    const u = asked / dilation / s
    if ((dilation > 1 && asked === dilation) || u >= 1) return most
    return Math.min((a * idlePs * u) / (1 - u), most)
  }
  return {
    dilation,
    utilisation: (node) => demand.get(`controller ${node}`) ?? 0,
    queuePs({ from, to, isWrite }) {
      const ps = Math.round(wait(`controller ${to}`) + (from === to ? 0 : wait(`link ${to} to ${from}`)))
      return isWrite ? Math.round(ps * (machine.writeLatencyPs[from]![to]! / machine.readLatencyPs[from]![to]!)) : ps
    },
  }
}
