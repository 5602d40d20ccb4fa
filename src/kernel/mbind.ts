/** mbind(2), set_mempolicy_home_node(2) (mm/mempolicy.c: do_mbind). */
import type { NodeIndex } from '../machine/index.ts'
import { HUGE_ZERO_PAGE, interleaveIndex, type Process, type Task, type Vma } from './address-space.ts'
import { allocateByPolicy } from './allocation.ts'
import { EFAULT, EINVAL, EIO, ENOENT, EOPNOTSUPP, EPERM } from './errno.ts'
import type { MemPolicyMode, PageId } from './face.ts'
import { isolateFolio, likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { checkPolicy, type Mempolicy, makePolicy, type PolicyFlag } from './mempolicy.ts'
import { cutRange } from './mm.ts'
import type { NodeMask } from './node-mask.ts'
import { toTable } from './node-mask.ts'

export interface MbindRequest {
  start: number
  pages: number
  mode: MemPolicyMode
  flags: readonly PolicyFlag[]
  nodes: NodeMask
  strict?: boolean
  move?: boolean
  moveAll?: boolean
  /** CAP_SYS_NICE. */
  privileged: boolean
}

export function mbind(kernel: Kernel, caller: Task, process: Process, request: MbindRequest): number {
  const { start, mode, nodes } = request
  const end = start + request.pages
  if (request.moveAll && !request.privileged) return EPERM
  if (checkPolicy(mode, request.flags, nodes) !== 0) return EINVAL
  if (request.pages === 0) return 0
  const policy = makePolicy(mode, request.flags, nodes, caller.mems, kernel.memoryNodes, kernel.nodes)
  if (policy === EINVAL) return EINVAL
  const strict = request.strict === true && mode !== 'default'
  const moving = request.move === true || request.moveAll === true
  const covered = coverage(process, start, end)
  if (covered === 'none' || (covered === 'holes' && mode !== 'default')) return EFAULT

  // the walk compares with the mask as the user gave it, not with the nodes in use
  kernel.isolated.clear()
  const wanted = toTable(nodes, kernel.nodes)
  const misplaced = strict || moving ? queueMisplaced(kernel, process, start, end, wanted, request, strict) : { failed: 0, index: new Map<PageId, number>() }
  if (misplaced === EIO) return EIO
  for (const vma of cutRange(kernel, process, start, end)) setPolicy(vma, policy)
  let failed = misplaced.failed
  if (kernel.isolated.length > 0) {
    const target = targetByPolicy(kernel, caller, policy ?? caller.policy, misplaced.index)
    const result = kernel.engine.migratePages(kernel.isolated.data, kernel.isolated.length, target, 'MIGRATE_SYNC', 'mempolicy_mbind')
    failed += result < 0 ? kernel.isolated.length : result
  }
  return failed > 0 && strict ? EIO : 0
}

/** vma_replace_policy(); for an object also the object's, by offset (mpol_set_shared_policy). */
function setPolicy(vma: Vma, policy: Mempolicy | null): void {
  const { object } = vma
  if (object !== null) {
    object.policies ??= new Array(object.pages.length).fill(null)
    object.policies.fill(policy, vma.offset, vma.offset + vma.ptes.length)
  }
  vma.policy = policy
}

function coverage(process: Process, start: number, end: number): 'all' | 'holes' | 'none' {
  let at = start
  let met = 0
  for (const vma of process.vmas) {
    const low = Math.max(vma.start, start)
    const high = Math.min(vma.start + vma.ptes.length, end)
    if (low >= high) continue
    met++
    if (low > at) return 'holes'
    at = high
  }
  return met === 0 ? 'none' : at < end ? 'holes' : 'all'
}

/** queue_pages_range(): isolates what is on a node that `wanted` does not name. STRICT alone stops at the first such page. */
function queueMisplaced(
  kernel: Kernel,
  process: Process,
  start: number,
  end: number,
  wanted: Uint8Array,
  request: MbindRequest,
  strict: boolean,
): { failed: number; index: Map<PageId, number> } | typeof EIO {
  const { pages } = kernel
  const moving = request.move === true || request.moveAll === true
  const index = new Map<PageId, number>()
  let failed = 0
  let large: PageId = HUGE_ZERO_PAGE
  for (const vma of process.vmas) {
    const low = Math.max(vma.start, start) - vma.start
    const high = Math.min(vma.start + vma.ptes.length, end) - vma.start
    if (vma.special && !strict) continue
    for (let i = low; i < high; i++) {
      const page = vma.ptes[i]!
      if (page < 0 || pages.node[page]! >= kernel.nodes || wanted[pages.node[page]!] === 1) continue
      const folio = pages.head(page)
      if (folio === large) continue
      if (pages.order(folio) > 0) large = folio
      if (!moving) return EIO
      if (!request.moveAll && likelyShared(pages, folio)) continue
      if (isolateFolio(kernel, folio)) index.set(folio, interleaveIndex(vma, i, pages.order(folio)))
      else failed++
    }
  }
  return { failed, index }
}

/** alloc_migration_target_by_mpol(): the new policy decides, as for a fresh page at that place. */
function targetByPolicy(kernel: Kernel, caller: Task, policy: Mempolicy | null, index: Map<PageId, number>): (folio: PageId, pages: number) => NodeIndex {
  return (folio, pages) => allocateByPolicy(kernel, caller, policy, index.get(folio) ?? 0, pages)
}

/** set_mempolicy_home_node(2): only BIND and PREFERRED_MANY have a home. */
export function setHomeNode(kernel: Kernel, process: Process, start: number, pages: number, node: number): number {
  if (node < 0 || node >= kernel.nodes) return EINVAL
  let result = ENOENT as number
  for (const vma of cutRange(kernel, process, start, start + pages)) {
    if (vma.policy === null) continue
    if (vma.policy.mode !== 'bind' && vma.policy.mode !== 'preferred_many') return EOPNOTSUPP
    setPolicy(vma, { ...vma.policy, home: node })
    result = 0
  }
  return result
}
