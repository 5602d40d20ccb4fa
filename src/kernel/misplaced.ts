/** Moving one folio to the node whose cpu took a hint fault on it (mm/migrate.c: migrate_misplaced_folio_prepare, migrate_misplaced_folio). */
import type { NodeIndex } from '../machine/index.ts'
import type { PageId } from './face.ts'
import { isolateFolio, likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { PAGE } from './pages.ts'

/** True when the folio is now on `to`. Needs `to` above its high watermark; never reclaims, never splits. */
export function migrateMisplaced(kernel: Kernel, page: PageId, to: NodeIndex, executable = false): boolean {
  const { pages, frames } = kernel
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
  migrated(kernel, from, to, size)
  return true
}

/** So many plain pages on plain nodes (`mayMigrateMisplaced`), which the caller moves. */
export function migrateManyMisplaced(kernel: Kernel, from: NodeIndex, to: NodeIndex, pages: number): void {
  kernel.engine.promotedPlain(from, to, pages)
  migrated(kernel, from, to, pages)
}

function migrated(kernel: Kernel, from: NodeIndex, to: NodeIndex, pages: number): void {
  kernel.vmstat.count('numa_pages_migrated', pages)
  if (kernel.tiering && kernel.isPromotion(from, to)) kernel.vmstat.countNode(to, 'pgpromote_success', pages)
}
