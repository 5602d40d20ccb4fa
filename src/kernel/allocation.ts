/** Which node a new page goes to: mempolicy, cpuset, zonelist and watermarks together (mm/mempolicy.c:alloc_pages_mpol_noprof). */
import type { NodeIndex } from '../machine/index.ts'
import type { Task } from './address-space.ts'
import { THP_PAGES } from './defaults.ts'

import type { Kernel } from './kernel.ts'
import { interleaveNode, type Mempolicy, NO_NODE } from './mempolicy.ts'

/** Who allocates: the node of its cpu, and the nodes its cpuset allows (null = all). */
export type Allocator = Pick<Task, 'node' | 'memsTable'>

/**
 * Takes `size` frames under `policy` (null = default) and answers the node, or -1. `index` is the interleave index: the page's
 * offset in units of `size`.
 */
export function allocateByPolicy(
  kernel: Kernel,
  { node: cpu, memsTable: mems }: Allocator,
  policy: Mempolicy | null,
  index: number,
  size: number,
  isHuge = size === THP_PAGES,
): NodeIndex {
  const { frames } = kernel
  if (policy === null || policy.mode === 'local') return startAt(kernel, cpu, null, mems, size, cpu, isHuge)
  const home = policy.home === NO_NODE ? cpu : policy.home
  switch (policy.mode) {
    case 'preferred':
      return startAt(kernel, policy.nodes[0]!, null, mems, size, cpu, isHuge)
    case 'bind': {
      // apply_policy_zone(), cpuset_nodemask_valid_mems_allowed(): a mask without any allowed node is dropped
      const usable = mems === null || policy.nodes.some((node) => mems[node] === 1)
      return startAt(kernel, home, usable ? policy.table : null, mems, size, cpu, isHuge)
    }
    case 'preferred_many': {
      const node = frames.allocate(home, policy.table, mems, size, cpu)
      return node >= 0 ? node : frames.allocate(home, null, mems, size, cpu)
    }
    default: {
      const intended = interleaveNode(policy, index, kernel.weights)
      const node = frames.allocate(intended, null, mems, size, cpu)
      if (policy.mode === 'interleave' && node === intended) kernel.vmstat.countNode(node, 'numa_interleave', frames.allocations(size))
      return node
    }
  }
}

/** A huge page is first sought on the starting node alone, then as any other. */
function startAt(
  kernel: Kernel,
  start: NodeIndex,
  allowed: Uint8Array | null,
  mems: Uint8Array | null,
  size: number,
  cpu: NodeIndex,
  isHuge: boolean,
): NodeIndex {
  if (isHuge && (allowed === null || allowed[start] === 1) && kernel.frames.allocateOn(start, mems, size, cpu) >= 0) return start
  return kernel.frames.allocate(start, allowed, mems, size, cpu)
}
