/**
 * Node masks and their arithmetic (lib/bitmap.c, include/linux/nodemask.h). A mask is an ascending list of node numbers
 * without repeats. A user's mask may name nodes that the machine does not have; they count as members all the same.
 */
export type NodeMask = readonly number[]

export const EMPTY: NodeMask = []

export function nodeMask(members: Iterable<number>): NodeMask {
  return [...new Set(members)].sort((a, b) => a - b)
}

export function intersect(a: NodeMask, b: NodeMask): NodeMask {
  return a.filter((node) => b.includes(node))
}

export function union(a: NodeMask, b: NodeMask): NodeMask {
  return nodeMask([...a, ...b])
}

export function isSubset(a: NodeMask, b: NodeMask): boolean {
  return a.every((node) => b.includes(node))
}

export function sameMask(a: NodeMask, b: NodeMask): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i])
}

/** bitmap_bitremap(): the member of `to` with the ordinal that `node` has in `from`, modulo; a stranger stays. */
export function remapNode(node: number, from: NodeMask, to: NodeMask): number {
  const ordinal = from.indexOf(node)
  return ordinal < 0 || to.length === 0 ? node : to[ordinal % to.length]!
}

/** bitmap_remap(): every member of `mask` through remapNode. Many-to-one, so it can lose members. */
export function remapMask(mask: NodeMask, from: NodeMask, to: NodeMask): NodeMask {
  return nodeMask(mask.map((node) => remapNode(node, from, to)))
}

/** mpol_relative_nodemask(): fold onto the weight of `onto`, then the m-th bit becomes its m-th member. */
export function relativeMask(mask: NodeMask, onto: NodeMask): NodeMask {
  return nodeMask(mask.map((node) => onto[node % onto.length]!))
}

/** One byte per node of the machine, for tests in loops. */
export function toTable(mask: NodeMask, nodes: number): Uint8Array {
  const table = new Uint8Array(nodes)
  for (const node of mask) if (node < nodes) table[node] = 1
  return table
}
