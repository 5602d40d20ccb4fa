/**
 * Where pages go while every node has plenty of memory: allocateByPolicy() with the zonelist's first allowed node always at hand, so
 * that the answer depends on nothing but policy, cpu and interleave index.
 */
import type { NodeIndex } from '../machine/index.ts'
import type { Allocator } from './allocation.ts'
import type { Kernel } from './kernel.ts'
import { interleaveNode, type Mempolicy, NO_NODE } from './mempolicy.ts'

/** Nodes in turn by the interleave index of a page, one where it does not matter; null where the policy has to be asked for each. */
export function turnOf(kernel: Kernel, { node: cpu, memsTable: mems }: Allocator, policy: Mempolicy | null): Uint8Array | null {
  const on = (start: NodeIndex, allowed: Uint8Array | null = null): Uint8Array | null => {
    const node = firstFrom(kernel, start, allowed, mems)
    return node === NO_NODE ? null : Uint8Array.of(node)
  }
  if (policy === null || policy.mode === 'local') return on(cpu)
  const home = policy.home === NO_NODE ? cpu : policy.home
  switch (policy.mode) {
    case 'preferred':
      return on(policy.nodes[0]!)
    case 'bind':
      return on(home, mems === null || policy.nodes.some((node) => mems[node] === 1) ? policy.table : null)
    case 'preferred_many':
      return on(home, policy.table) ?? on(home)
    default: {
      const length = policy.mode === 'interleave' ? policy.nodes.length : policy.nodes.reduce((sum, node) => sum + kernel.weights[node]!, 0)
      const turn = Uint8Array.from({ length }, (_, index) => interleaveNode(policy, index, kernel.weights))
      // a node without memory or outside the cpuset hands over to others, and counts otherwise (numa_interleave)
      return turn.every((node) => firstFrom(kernel, node, null, mems) === node) ? turn : null
    }
  }
}

/** The first node of the zonelist of `start` that is allowed; NO_NODE where none is. */
export function firstFrom(kernel: Kernel, start: NodeIndex, allowed: Uint8Array | null, mems: Uint8Array | null): NodeIndex {
  const order = kernel.frames.zonelist(start)
  for (let i = 0; i < order.length; i++) {
    const node = order[i]!
    if ((allowed === null || allowed[node] === 1) && (mems === null || mems[node] === 1)) return node
  }
  return NO_NODE
}
