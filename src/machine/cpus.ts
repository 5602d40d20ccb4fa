/** Which node each recorded cpu stands for on the machine that is simulated. */
import { UserError } from '../errors.ts'
import { formatList, parseList } from '../units.ts'
import type { Machine, NodeIndex } from './machine.ts'

/** Operating-system cpu number -> dense node index. */
export function cpuToNode(machine: Machine): Map<number, NodeIndex> {
  return new Map(machine.nodes.flatMap((node, index) => node.cpus.map((cpu): [number, NodeIndex] => [cpu, index])))
}

export interface CpuPlacement {
  /** Node index of each recorded cpu, in the order given. */
  nodes: NodeIndex[]
  /** For people: `cpus 0-3 on node 0, 4-7 on node 1 (spread)`. */
  text: string
}

/**
 * `recorded`: the cpu numbers are those of this machine. `spread`: equal contiguous blocks over the nodes that have cpus.
 * `auto`: recorded where every cpu exists on the machine and they lie on more than one node (or there is only one cpu),
 * else spread. Or a list by node id: `0-3:0,4-7:1`.
 */
export function spreadCpus(machine: Machine, recordedCpus: readonly number[], mode = 'auto'): CpuPlacement {
  if (mode === 'auto') return automatic(machine, recordedCpus)
  if (mode === 'recorded') return describe(machine, recordedCpus, recorded(machine, recordedCpus), 'as recorded')
  if (mode === 'spread') return describe(machine, recordedCpus, spread(machine, recordedCpus), 'spread in equal blocks')
  return describe(machine, recordedCpus, listed(machine, recordedCpus, mode), 'as given')
}

function automatic(machine: Machine, cpus: readonly number[]): CpuPlacement {
  const nodeOf = cpuToNode(machine)
  const allExist = cpus.every((cpu) => nodeOf.has(cpu))
  const nodes = new Set(cpus.map((cpu) => nodeOf.get(cpu)))
  const known = allExist && (nodes.size > 1 || new Set(cpus).size === 1)
  return spreadCpus(machine, cpus, known ? 'recorded' : 'spread')
}

function recorded(machine: Machine, cpus: readonly number[]): NodeIndex[] {
  const nodeOf = cpuToNode(machine)
  const missing = [...new Set(cpus.filter((cpu) => !nodeOf.has(cpu)))]
  if (missing.length > 0) {
    throw new UserError(`the trace ran on cpu${missing.length > 1 ? 's' : ''} ${formatList(missing)}, which ${machine.name} does not have`, {
      field: 'cpus',
      expected: `cpus ${formatList(nodeOf.keys())}`,
      hint: 'Use spread, or say which cpu stands for which node: 0-3:0,4-7:1',
    })
  }
  return cpus.map((cpu) => nodeOf.get(cpu)!)
}

function spread(machine: Machine, cpus: readonly number[]): NodeIndex[] {
  const targets = machine.nodes.flatMap((node, index) => (node.cpus.length > 0 ? [index] : []))
  const sorted = [...new Set(cpus)].sort((a, b) => a - b)
  const nodeOf = new Map(sorted.map((cpu, rank) => [cpu, targets[Math.floor((rank * targets.length) / sorted.length)]!]))
  return cpus.map((cpu) => nodeOf.get(cpu)!)
}

function listed(machine: Machine, cpus: readonly number[], text: string): NodeIndex[] {
  const expected = 'auto, recorded, spread or CPUS:NODE,… such as 0-3:0,4-7:1'
  const nodeOf = new Map<number, NodeIndex>()
  // `0-3,8:0,4-7:1`: pieces without a colon belong to the next piece that has one
  let pending = ''
  for (const piece of text.split(',')) {
    const [list, node, ...rest] = piece.split(':')
    pending = pending ? `${pending},${list}` : list!
    if (node === undefined) continue
    const index = /^\d+$/.test(node.trim()) ? machine.nodes.findIndex(({ id }) => id === Number(node)) : Number.NaN
    if (rest.length > 0 || Number.isNaN(index)) throw new UserError('not a placement of cpus', { field: 'cpus', expected, got: JSON.stringify(text) })
    checkHasCpus(machine, index, node)
    for (const cpu of parseList(pending, 'cpus')) {
      if (nodeOf.has(cpu)) throw new UserError(`cpu ${cpu} is placed twice`, { field: 'cpus', got: JSON.stringify(text) })
      nodeOf.set(cpu, index)
    }
    pending = ''
  }
  if (pending || nodeOf.size === 0) throw new UserError('not a placement of cpus', { field: 'cpus', expected, got: JSON.stringify(text) })
  const missing = [...new Set(cpus.filter((cpu) => !nodeOf.has(cpu)))]
  if (missing.length > 0) {
    throw new UserError(`the trace also ran on cpu${missing.length > 1 ? 's' : ''} ${formatList(missing)}`, {
      field: 'cpus',
      expected: `a node for each of ${formatList(cpus)}`,
      got: JSON.stringify(text),
    })
  }
  return cpus.map((cpu) => nodeOf.get(cpu)!)
}

function checkHasCpus(machine: Machine, index: number, id: string): void {
  if (index === -1) {
    throw new UserError(`machine ${machine.name} has no node ${id}`, { field: 'cpus', expected: `one of ${machine.nodes.map((node) => node.id).join(', ')}` })
  }
  if (machine.nodes[index]!.cpus.length === 0) {
    const others = machine.nodes.filter((node) => node.cpus.length > 0).map((node) => node.id)
    throw new UserError(`node ${id} of ${machine.name} has memory but no cpus`, { field: 'cpus', expected: `one of ${others.join(', ')}` })
  }
}

function describe(machine: Machine, cpus: readonly number[], nodes: NodeIndex[], how: string): CpuPlacement {
  const parts = machine.nodes.flatMap(({ id }, index) => {
    const here = new Set(cpus.filter((_, i) => nodes[i] === index))
    return here.size === 0 ? [] : [`${formatList(here)} on node ${id}`]
  })
  return { nodes, text: `cpus ${parts.join(', ')} (${how})` }
}
