/** The PTE scanner of automatic NUMA balancing (kernel/sched/fair.c:task_numa_work, mm/mprotect.c:change_pte_range). */
import type { NodeIndex } from '../machine/index.ts'
import type { Process, Vma } from './address-space.ts'
import { SCAN_VIRTUAL_FACTOR } from './defaults.ts'
import { ABSENT, type PageId } from './face.ts'
import { likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { migratesOnFault } from './mempolicy.ts'
import { PAGE } from './pages.ts'

/** Asked for each pte that would be marked. */
type OnlyPages = (node: NodeIndex, page: PageId) => boolean

export interface ScanResult {
  /** ptes made PROT_NONE. */
  updated: number
  /** ptes looked at. */
  walked: number
  /** The end of the address space was reached: numa_scan_seq + 1. */
  wrapped: boolean
}

/**
 * One scan: goes on where the last one stopped and ends after `budget` pages of address range in which something was marked, or
 * eight times as much in which nothing was.
 */
export function scanHints(kernel: Kernel, process: Process, budget: number, scannerNode: NodeIndex, only?: OnlyPages): ScanResult {
  const result: ScanResult = { updated: 0, walked: 0, wrapped: false }
  let pages = budget
  let range = budget * SCAN_VIRTUAL_FACTOR
  for (const vma of process.vmas) {
    const end = vma.start + vma.ptes.length
    if (end <= process.scanOffset || !isScannable(vma, process)) continue
    let start = Math.max(process.scanOffset, vma.start)
    while (start < end) {
      if (pages <= 0 || range <= 0) {
        process.scanOffset = start
        return result
      }
      const stop = Math.min(start + Math.min(pages, range), end)
      const updated = protect(kernel, process, vma, start - vma.start, stop - vma.start, scannerNode, only)
      result.updated += updated
      result.walked += stop - start
      if (updated > 0) pages -= stop - start
      range -= stop - start
      start = stop
    }
    process.scanOffset = end
  }
  process.scanOffset = 0
  process.scanSequence++
  result.wrapped = true
  return result
}

/** Skips what never takes hint faults: policies without migrate-on-fault, read-only file mappings, special and PROT_NONE areas. */
function isScannable(vma: Vma, process: Process): boolean {
  if (vma.special || (!vma.readable && !vma.writable)) return false
  if (vma.kind === 'file' && vma.readable && !vma.writable) return false
  return migratesOnFault(vma.policy ?? process.tasks[0]?.policy ?? null)
}

/** change_prot_numa(): number of ptes changed. */
function protect(kernel: Kernel, process: Process, vma: Vma, from: number, to: number, scannerNode: NodeIndex, only?: OnlyPages): number {
  const { pages } = kernel
  const { ptes } = vma
  const singleThreaded = process.tasks.length <= 1 && !vma.shared
  let updated = 0
  for (let i = from; i < to; i++) {
    const page = ptes[i]!
    if (page < 0) continue
    const node = pages.node[page]!
    if (node === ABSENT || pages.hintMarked[page] === 1) continue
    // local pages of a process with one user
    if (singleThreaded && node === scannerNode) continue
    const state = pages.state(page)
    if ((state & PAGE.ksm) !== 0) continue
    if (!vma.shared && ((state & PAGE.dmaPinned) !== 0 || likelyShared(pages, pages.head(page)))) continue
    if ((state & PAGE.file) !== 0 && (state & PAGE.dirty) !== 0) continue
    if (only !== undefined && !only(node, page)) continue
    pages.hintMarked[page] = 1
    updated++
  }
  kernel.vmstat.count('numa_pte_updates', updated)
  return updated
}
