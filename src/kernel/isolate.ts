/** Step 1 of a migration: taking a folio off its LRU list, so that nobody else handles it (mm/vmscan.c:folio_isolate_lru). */
import type { PageId } from './face.ts'
import type { Kernel } from './kernel.ts'
import { PAGE, type Pages } from './pages.ts'

/** False when somebody else has isolated the folio or it is not on an LRU list; the caller reports EBUSY or counts a failure. */
export function isolateFolio(kernel: Kernel, folio: PageId): boolean {
  const state = kernel.pages.state(folio)
  if ((state & (PAGE.isolated | PAGE.movableOps)) !== 0) return false
  isolate(kernel, folio)
  return true
}

/** isolate_movable_page(): pages of drivers, reached by compaction and memory hot-remove, never by the NUMA system calls. */
export function isolateMovablePage(kernel: Kernel, page: PageId): boolean {
  const state = kernel.pages.state(page)
  if ((state & PAGE.movableOps) === 0 || (state & PAGE.isolated) !== 0) return false
  if (kernel.engine.driver.isolate(page) === false) return false
  isolate(kernel, page)
  return true
}

function isolate(kernel: Kernel, folio: PageId): void {
  kernel.pages.setState(folio, PAGE.isolated)
  kernel.isolated.push(folio)
}

/**
 * folio_likely_mapped_shared(): counts mappings, not processes. Of a large folio only the first page is looked at, unless the
 * folio as a whole is mapped more than once.
 */
export function likelyShared(pages: Pages, folio: PageId): boolean {
  const order = pages.order(folio)
  if (order === 0) return pages.mapcount(folio) > 1
  if ((pages.state(folio) & PAGE.hugetlb) !== 0) return pages.entireMapcount(folio) > 1
  let total = pages.entireMapcount(folio)
  if (total > 1) return true
  const whole = total
  let page = folio
  do {
    total += pages.mapcount(page) - whole
    page = pages.next(page)
  } while (page !== folio)
  if (total <= 1) return false
  if (whole > 0 || total > pages.folioPages(folio)) return true
  return pages.mapcount(folio) > 1
}
