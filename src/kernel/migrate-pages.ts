/** migrate_pages(2), and the same move as a cpuset's worker does it (mm/mempolicy.c). */
import type { NodeIndex } from '../machine/index.ts'
import { type Process, type Task, ZERO_PAGE } from './address-space.ts'
import { EINVAL, EPERM } from './errno.ts'
import { ABSENT } from './face.ts'
import { isolateFolio, likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { intersect, isSubset, type NodeMask, remapNode } from './node-mask.ts'

/**
 * kernel_migrate_pages(): checks in the kernel's order, then the move. `privileged` is CAP_SYS_NICE: it may name any node, and
 * shared pages move as well. `caller` null = not limited by a cpuset.
 */
export function migratePages(kernel: Kernel, caller: Task | null, target: Process, from: NodeMask, to: NodeMask, privileged: boolean): number {
  const targetMems = target.tasks[0]?.mems ?? kernel.memoryNodes
  if (!privileged && !isSubset(to, targetMems)) return EPERM
  const usable = intersect(to, caller?.mems ?? kernel.memoryNodes)
  if (usable.length === 0) return EINVAL
  return doMigratePages(kernel, caller, target, from, usable, privileged)
}

/**
 * do_migrate_pages(): pair by pair, in an order in which a node's pages leave before others arrive. Answers the number of folios
 * not moved, or -ENOMEM with the pairs done so far.
 */
export function doMigratePages(kernel: Kernel, caller: Task | null, process: Process, from: NodeMask, to: NodeMask, all: boolean): number {
  let failed = 0
  for (const [source, destination] of migrationPairs(from, to)) {
    const result = migrateToNode(kernel, caller, process, source, destination, all)
    if (result < 0) return result
    failed += result
  }
  return failed
}

/**
 * The pairs (source, destination) in order of execution. The n-th node of `from` goes to the n-th of `to`, modulo; when the
 * masks differ in weight, nodes in both stay. A pair whose destination is not itself waiting to be emptied goes first; if
 * there is none, the last candidate.
 */
export function migrationPairs(from: NodeMask, to: NodeMask): [source: number, destination: number][] {
  const pairs: [number, number][] = []
  const pending = new Set(from)
  for (;;) {
    let pair: [number, number] | undefined
    for (const source of from) {
      if (!pending.has(source)) continue
      if (from.length !== to.length && to.includes(source)) continue
      const destination = remapNode(source, from, to)
      if (destination === source) continue
      pair = [source, destination]
      if (!pending.has(destination)) break
    }
    if (pair === undefined) return pairs
    pending.delete(pair[0])
    pairs.push(pair)
  }
}

/** migrate_to_node(): everything of the process on `source`, whatever its mempolicy says. */
function migrateToNode(kernel: Kernel, caller: Task | null, process: Process, source: NodeIndex, destination: NodeIndex, all: boolean): number {
  const { pages, isolated } = kernel
  let failed = 0
  isolated.clear()
  // a large folio is mapped by many ptes but can be isolated only once (queue_pages->large)
  let large = ZERO_PAGE
  for (const vma of process.vmas) {
    if (vma.special) continue
    const { ptes } = vma
    for (let i = 0; i < ptes.length; i++) {
      const page = ptes[i]!
      if (page < 0 || pages.node[page] !== source) continue
      const folio = pages.head(page)
      if (folio === large) continue
      if (pages.order(folio) > 0) large = folio
      if (!all && likelyShared(pages, folio)) continue
      if (!isolateFolio(kernel, folio)) failed++
    }
  }
  if (isolated.length === 0) return failed
  const result = kernel.engine.migratePages(isolated.data, isolated.length, exactly(kernel, destination, caller), 'MIGRATE_SYNC', 'syscall_or_cpuset')
  return result < 0 ? result : failed + result
}

/** alloc_migration_target() with __GFP_THISNODE. */
export function exactly(kernel: Kernel, node: NodeIndex, caller: Task | null): (folio: number, pages: number) => NodeIndex {
  const mems = caller?.memsTable ?? null
  const cpu = caller?.node ?? node
  return (_, pages) => (node === ABSENT ? -1 : kernel.frames.allocateOn(node, mems, pages, cpu))
}
