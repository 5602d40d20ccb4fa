/**
 * Memory policies: what set_mempolicy(2) and mbind(2) build, how a change of the cpuset rebinds them, and which node an
 * allocation under a policy starts on (mm/mempolicy.c). `null` is the default policy.
 */
import type { NodeIndex } from '../machine/index.ts'
import { EINVAL } from './errno.ts'
import type { MemPolicyMode } from './face.ts'
import { intersect, type NodeMask, relativeMask, remapMask, toTable } from './node-mask.ts'

export type PolicyFlag = 'static' | 'relative' | 'balancing'

export interface Mempolicy {
  mode: Exclude<MemPolicyMode, 'default'>
  flags: readonly PolicyFlag[]
  /** As the user gave them. */
  user: NodeMask
  /** As they are used: user nodes in the context of the cpuset. PREFERRED keeps one, LOCAL none. */
  nodes: NodeMask
  /** `nodes` as a table over the machine's nodes. */
  table: Uint8Array
  /** cpuset mems to which `nodes` refer. */
  mems: NodeMask
  /** set_mempolicy_home_node(2). */
  home: NodeIndex
}

export const NO_NODE = -1

/** sanitize_mpol_flags() and mpol_new(): checks that do not depend on the cpuset. 0 or EINVAL. */
export function checkPolicy(mode: MemPolicyMode, flags: readonly PolicyFlag[], nodes: NodeMask): number {
  const anchored = flags.includes('static') || flags.includes('relative')
  if (flags.includes('static') && flags.includes('relative')) return EINVAL
  if (flags.includes('balancing') && mode !== 'bind' && mode !== 'preferred_many') return EINVAL
  if (mode === 'default') return nodes.length > 0 ? EINVAL : 0
  if (mode === 'local') return nodes.length > 0 || anchored ? EINVAL : 0
  if (nodes.length === 0) return mode === 'preferred' && !anchored ? 0 : EINVAL
  return 0
}

/**
 * mpol_new() and mpol_set_nodemask(): the policy in the context of `mems`, the caller's cpuset; EINVAL when no node is left.
 * `withMemory`: nodes that have memory.
 */
export function makePolicy(
  mode: MemPolicyMode,
  flags: readonly PolicyFlag[],
  user: NodeMask,
  mems: NodeMask,
  withMemory: NodeMask,
  machineNodes: number,
): Mempolicy | null | typeof EINVAL {
  const wrong = checkPolicy(mode, flags, user)
  if (wrong !== 0) return EINVAL
  if (mode === 'default') return null
  const policy = { flags, user, mems, home: NO_NODE }
  if (mode === 'local' || (mode === 'preferred' && user.length === 0)) {
    return { ...policy, mode: 'local', nodes: [], table: new Uint8Array(machineNodes) }
  }
  const context = intersect(mems, withMemory)
  const usable = flags.includes('relative') ? (context.length === 0 ? [] : relativeMask(user, context)) : intersect(user, context)
  if (usable.length === 0) return EINVAL
  const nodes = mode === 'preferred' ? usable.slice(0, 1) : usable
  return { ...policy, mode, nodes, table: toTable(nodes, machineNodes) }
}

/** mpol_rebind_policy(): the policy after its cpuset's mems became `mems`; the same object when nothing changes. */
export function rebindPolicy(policy: Mempolicy, mems: NodeMask, machineNodes: number): Mempolicy {
  if (policy.mode === 'local') return policy
  // mpol_rebind_preferred(): only the remembered mask changes. It shares memory with the user's mask (union w), which is lost.
  if (policy.mode === 'preferred' || policy.mode === 'preferred_many') return { ...policy, mems, user: mems }
  let nodes: NodeMask
  let remembered = mems
  if (policy.flags.includes('static')) nodes = intersect(policy.user, mems)
  else if (policy.flags.includes('relative')) nodes = relativeMask(policy.user, mems)
  else {
    nodes = remapMask(policy.nodes, policy.mems, mems)
    remembered = mems
  }
  if (nodes.length === 0) nodes = mems
  return { ...policy, nodes, mems: remembered, table: toTable(nodes, machineNodes) }
}

/** Interleaving walks the nodes; the weights are /sys/kernel/mm/mempolicy/weighted_interleave/nodeN. */
export function interleaveNode(policy: Mempolicy, index: number, weights: Uint8Array): NodeIndex {
  const { nodes } = policy
  if (policy.mode === 'interleave') return nodes[index % nodes.length]!
  let total = 0
  for (const node of nodes) total += weights[node]!
  let rest = index % total
  for (const node of nodes) {
    if (rest < weights[node]!) return node
    rest -= weights[node]!
  }
  return nodes[0]!
}

/** Only the system default and policies that ask for it take part in NUMA balancing (MPOL_F_MOF). */
export function migratesOnFault(policy: Mempolicy | null): boolean {
  return policy === null || policy.flags.includes('balancing')
}
