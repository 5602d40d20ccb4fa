/**
 * The order in which an allocation tries the nodes, one list per starting node: what the kernel prints at boot as
 * "Fallback order for Node N" (mm/page_alloc.c: build_zonelists, find_next_best_node).
 *
 * The penalty for nodes with cpus is left out: on x86 the lists are built before the cpu masks are filled.
 */
import type { Machine } from '../machine/index.ts'

/** Weight of a step of distance against the load: the kernel's MAX_NUMNODES (any number above all loads does). */
const MAX_NUMNODES = 1024

export function buildZonelists(machine: Pick<Machine, 'nodes' | 'distance'>): Uint8Array[] {
  const count = machine.nodes.length
  // node_load[] accumulates while the lists are built for node 0, 1, 2 …: equidistant nodes take turns
  const load = new Float64Array(count)
  return machine.nodes.map((_, local) => {
    const row = machine.distance[local]!
    const order: number[] = []
    const used = new Uint8Array(count)
    let previous = local
    if (machine.nodes[local]!.bytes > 0) {
      order.push(local)
      used[local] = 1
    }
    for (;;) {
      let best = -1
      let bestValue = Number.POSITIVE_INFINITY
      for (let node = 0; node < count; node++) {
        if (used[node] || machine.nodes[node]!.bytes === 0) continue
        const value = (row[node]! + (node < local ? 1 : 0)) * MAX_NUMNODES + load[node]!
        if (value < bestValue) {
          bestValue = value
          best = node
        }
      }
      if (best < 0) break
      if (row[best] !== row[previous]) load[best]! += 1
      order.push(best)
      used[best] = 1
      previous = best
    }
    return Uint8Array.from(order)
  })
}
