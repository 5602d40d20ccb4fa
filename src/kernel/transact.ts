/** Moves and copies of pages that stay mapped meanwhile: Nomad's transactional migration, Carrefour's replication. */
import type { NodeIndex } from '../machine/index.ts'
import type { Copies } from './copies.ts'
import { EAGAIN, EBUSY, ENOMEM } from './errno.ts'
import { ABSENT, type PageId } from './face.ts'
import { isolateFolio } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { PAGE } from './pages.ts'

/**
 * Promotes pages to the given nodes, each by a transaction; `isWritten` says whether a write falls into its copy, which aborts
 * it. Where a page leaves the slow tier its old frame stays as its shadow.
 */
export function transactPages(
  kernel: Kernel,
  copies: Copies,
  pages: ArrayLike<PageId>,
  to: (i: number) => NodeIndex,
  isWritten: (page: PageId) => boolean,
): void {
  const { frames, vmstat, engine } = kernel
  const targets = new Map<PageId, NodeIndex>()
  kernel.isolated.clear()
  for (let i = 0; i < pages.length; i++) {
    const page = pages[i]!
    const from = kernel.pages.node[page]!
    if (from === ABSENT || from === to(i) || !isolateFolio(kernel, page)) continue
    targets.set(page, to(i))
  }
  if (targets.size === 0) return
  engine.transact(kernel.isolated.data, kernel.isolated.length, {
    allocate: (page, size) => frames.allocateOn(targets.get(page)!, null, size, targets.get(page)!),
    isWritten,
    keeps(page, from, target) {
      const size = kernel.pages.folioPages(page)
      vmstat.count('numa_pages_migrated', size)
      if (!kernel.isPromotion(from, target)) return false
      vmstat.countNode(target, 'pgpromote_success', size)
      copies.keepShadow(page, from)
      return true
    },
  })
}

/** What holds a page so that it cannot be mapped read-only, or has no stable content. */
const BUSY = PAGE.isolated | PAGE.locked | PAGE.writeback | PAGE.dmaPinned | PAGE.movableOps | PAGE.poisoned

/** Puts a replica of a page on a node: 0 or an errno. */
export function replicatePage(kernel: Kernel, copies: Copies, page: PageId, node: NodeIndex): number {
  const { pages } = kernel
  if (pages.node[page] === ABSENT || pages.node[page] === node || copies.isServedOn(page, node)) return 0
  if ((pages.state(page) & BUSY) !== 0) return EBUSY
  if (pages.extraRefs(page) > 0) return EAGAIN
  return copies.replicate(page, node) ? 0 : ENOMEM
}
