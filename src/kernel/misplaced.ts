/** Moving one folio to the node whose cpu took a hint fault on it (mm/migrate.c: migrate_misplaced_folio_prepare, migrate_misplaced_folio). */
import type { NodeIndex } from '../machine/index.ts'
import type { PageId } from './face.ts'
import { isolateFolio, likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { PAGE } from './pages.ts'

/** True when the folio is now on `to`. Needs `to` above its high watermark; never reclaims, never splits. */
export function migrateMisplaced(kernel: Kernel, page: PageId, to: NodeIndex, executable = false): boolean {
  const { pages, frames, vmstat } = kernel
  const folio = pages.head(page)
  const size = pages.folioPages(folio)
  const from = pages.node[folio]!
  const state = pages.state(folio)
  if ((state & PAGE.file) !== 0 && ((executable && likelyShared(pages, folio)) || (state & PAGE.dirty) !== 0)) return false
  if (!frames.isAbove(to, 'high', size)) return false
  if (!kernel.engine.promotePlain(folio, to)) {
    kernel.isolated.clear()
    if (!isolateFolio(kernel, folio)) return false
    const target = (): NodeIndex => frames.allocateOn(to, null, size, to)
    if (kernel.engine.migratePages(kernel.isolated.data, 1, target, 'MIGRATE_ASYNC', 'numa_misplaced') !== 0) return false
  }
  vmstat.count('numa_pages_migrated', size)
  if (kernel.tiering && kernel.isPromotion(from, to)) vmstat.countNode(to, 'pgpromote_success', size)
  return true
}
