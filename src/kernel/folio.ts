/** Large folios: when part of one is no longer mapped, and taking one apart (mm/huge_memory.c, mm/rmap.c). */
import { THP_ORDER } from './defaults.ts'
import { ABSENT, type PageId } from './face.ts'
import type { Frames } from './frames.ts'
import { PAGE, type Pages } from './pages.ts'
import type { Vmstat } from './vmstat.ts'

/** deferred_split_folio(): part of the folio has lost its mapping; it is split when somebody next handles it. */
export function deferSplit(pages: Pages, vmstat: Vmstat, folio: PageId): void {
  if ((pages.state(folio) & PAGE.partiallyMapped) !== 0) return
  pages.setState(folio, PAGE.partiallyMapped)
  vmstat.count('thp_deferred_split_page')
}

/** Some process maps the folio by ptes, wholly or in part. */
export function hasPteMappings(pages: Pages, folio: PageId): boolean {
  const whole = pages.entireMapcount(folio)
  let page = folio
  do {
    if (pages.mapcount(page) > whole) return true
    page = pages.next(page)
  } while (page !== folio)
  return false
}

/**
 * __split_huge_page(): base pages with the flags of the folio. Answers those that somebody maps or the page cache holds; the others are freed. Every
 * huge mapping is split with it.
 */
export function splitFolio(pages: Pages, frames: Frames, vmstat: Vmstat, folio: PageId): PageId[] {
  if (pages.order(folio) === THP_ORDER) vmstat.count('thp_split_page')
  vmstat.count('thp_split_pmd', pages.entireMapcount(folio))
  pages.clearState(folio, PAGE.partiallyMapped)
  const inherited = pages.state(folio)
  return pages.split(folio).filter((piece) => {
    pages.setState(piece, inherited)
    if (pages.mapcount(piece) > 0 || (inherited & PAGE.file) !== 0) return true
    if (pages.node[piece] !== ABSENT) frames.give(pages.node[piece]!, 1)
    pages.release(piece)
    return false
  })
}
