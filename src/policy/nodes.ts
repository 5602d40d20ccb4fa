/** Choosing nodes by what the machine says of them. */
import { UserError } from '../errors.ts'
import type { MemPolicy, NodeIndex } from '../kernel/index.ts'
import { parseList } from '../units.ts'
import type { PolicyMachine, World } from './define.ts'
import { at, type Rule } from './rules.ts'

/** Nodes with memory; `text` as numactl takes it (`0-1,3`, `!2`), empty = all of them. */
export function memoryNodes(machine: PolicyMachine, text = ''): NodeIndex[] {
  const all = machine.nodes.filter(({ bytes }) => bytes > 0)
  if (text === '') return all.map(({ index }) => index)
  const ids = parseList(
    text,
    'nodes',
    all.map(({ id }) => id),
  )
  const chosen = ids.map((id) => machine.indexOf(id))
  if (chosen.length === 0) throw new UserError('no node is left', { field: 'nodes', got: text })
  return chosen
}

/** Of `candidates` the one with the least latency from `node`; ties: first. */
export function nearest(machine: PolicyMachine, node: NodeIndex, candidates: readonly NodeIndex[]): NodeIndex | undefined {
  return extreme(candidates, (candidate) => machine.latency(node, candidate))
}

/** Of `candidates` the one with the most latency from `node`; ties: first. */
export function farthest(machine: PolicyMachine, node: NodeIndex, candidates: readonly NodeIndex[]): NodeIndex | undefined {
  return extreme(candidates, (candidate) => -machine.latency(node, candidate))
}

function extreme(candidates: readonly NodeIndex[], cost: (node: NodeIndex) => number): NodeIndex | undefined {
  let best: NodeIndex | undefined
  for (const candidate of candidates) if (best === undefined || cost(candidate) < cost(best)) best = candidate
  return best
}

/** What `numactl` does before a program starts: every task gets the memory policy (set_mempolicy(2)). */
export function startWith({ kernel, tasks }: World, mempolicy: MemPolicy): Rule[] {
  return [
    at(0, () => {
      for (const task of tasks.keys()) kernel.setMempolicy(task, mempolicy)
    }),
  ]
}

/**
 * D of the page-migration problem: accesses to the nearest other node that cost as much extra latency as one move. At least 1.
 */
export function migrationWorth(machine: PolicyMachine): number {
  let least = Number.POSITIVE_INFINITY
  for (const from of machine.nodes) {
    if (from.cpus.length === 0) continue
    for (const to of memoryNodes(machine)) {
      const extra = machine.latency(from.index, to) - machine.latency(from.index, from.index)
      if (to !== from.index && extra > 0) least = Math.min(least, extra)
    }
  }
  return Number.isFinite(least) ? Math.max(1, machine.migrationNs / least) : 1
}
