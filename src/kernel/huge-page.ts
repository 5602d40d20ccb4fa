/** Transparent huge pages: how they are mapped, and how a mapping or the page itself is split (mm/huge_memory.c). */
import { findVma, HUGE_ZERO_PAGE, type Process, ZERO_PAGE } from './address-space.ts'
import { THP_ORDER, THP_PAGES } from './defaults.ts'
import type { Kernel } from './kernel.ts'

/** Start of the 2 MiB of address that `vpage` lies in. */
export function hugeStart(vpage: number): number {
  return vpage - (vpage % THP_PAGES)
}

/** The address is mapped by a huge pmd. A split page leaves a stale entry behind, which counts as none. */
export function isHugeMapped(kernel: Kernel, process: Process, vpage: number): boolean {
  const start = hugeStart(vpage)
  if (!process.hugePmds.has(start)) return false
  const vma = findVma(process, start)
  const page = vma === undefined ? -1 : vma.ptes[start - vma.start]!
  return page === HUGE_ZERO_PAGE || (page >= 0 && kernel.pages.order(page) === THP_ORDER)
}

/** __split_huge_pmd(): the same pages, mapped by ptes from now on. The pmd may span mappings that have just been cut apart. */
export function splitPmd(kernel: Kernel, process: Process, vpage: number): void {
  const start = hugeStart(vpage)
  if (!isHugeMapped(kernel, process, start)) return
  process.hugePmds.delete(start)
  kernel.vmstat.count('thp_split_pmd')
  const { pages } = kernel
  const first = findVma(process, start)!
  const head = first.ptes[start - first.start]!
  if (head !== HUGE_ZERO_PAGE) {
    pages.setEntireMapcount(head, pages.entireMapcount(head) - 1)
    return
  }
  for (let at = start; at < start + THP_PAGES; ) {
    const vma = findVma(process, at)!
    const end = Math.min(vma.start + vma.ptes.length, start + THP_PAGES)
    vma.ptes.fill(ZERO_PAGE, at - vma.start, end - vma.start)
    at = end
  }
}

/** vma_adjust_trans_huge(): a boundary inside a huge pmd splits it. */
export function splitPmdAcross(kernel: Kernel, process: Process, boundary: number): void {
  if (boundary % THP_PAGES !== 0) splitPmd(kernel, process, boundary)
}
