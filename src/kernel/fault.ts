/** Page faults: what an access maps, and what it copies (mm/memory.c, mm/shmem.c). */

import type { NodeIndex } from '../machine/index.ts'
import { findVma, HUGE_ZERO_PAGE, interleaveIndex, NO_PAGE, ownPolicy, type Process, type Task, type Vma, ZERO_PAGE } from './address-space.ts'
import { allocateByPolicy } from './allocation.ts'
import { FAULT_AROUND_PAGES, THP_ORDER, THP_PAGES } from './defaults.ts'
import type { PageId } from './face.ts'
import { deferSplit, hasPteMappings } from './folio.ts'
import { hugeStart, splitPmd } from './huge-page.ts'
import type { Kernel } from './kernel.ts'
import { PAGE } from './pages.ts'

/** What came of an access. `segv`: no mapping or no permission. `oom`: no frame anywhere the policy allows. */
export type AccessResult = 'done' | 'segv' | 'oom'

/** One load or store by `task`: takes whatever faults it needs. */
export function access(kernel: Kernel, task: Task, vpage: number, isWrite: boolean): AccessResult {
  const vma = findVma(task.process, vpage)
  if (vma === undefined || !(isWrite ? vma.writable : vma.readable)) return 'segv'
  const i = vpage - vma.start
  const page = vma.ptes[i]!
  if (page >= 0) {
    if (!isWrite || vma.shared || isWritable(kernel, vma, page)) return 'done'
    return copyOnWrite(kernel, task, vma, i)
  }
  if (page !== NO_PAGE) return isWrite ? copyOnWrite(kernel, task, vma, i) : 'done'
  kernel.vmstat.count('pgfault')
  return vma.object === null ? anonymousFault(kernel, task, vma, i, isWrite) : objectFault(kernel, task, vma, i, isWrite)
}

/** wp_can_reuse_anon_folio(): the only mapping of an anonymous page may write to it. */
function isWritable(kernel: Kernel, vma: Vma, page: PageId): boolean {
  return vma.writable && (kernel.pages.state(page) & PAGE.file) === 0 && kernel.pages.mapcount(page) === 1
}

/** do_anonymous_page(), do_huge_pmd_anonymous_page(). */
function anonymousFault(kernel: Kernel, task: Task, vma: Vma, i: number, isWrite: boolean): AccessResult {
  if (mayMapHuge(kernel, vma, i)) {
    const start = hugeStart(vma.start + i) - vma.start
    if (!isWrite && kernel.thp.useZeroPage) {
      vma.ptes.fill(HUGE_ZERO_PAGE, start, start + THP_PAGES)
      task.process.hugePmds.add(vma.start + start)
      return 'done'
    }
    if (isWrite || !kernel.thp.useZeroPage) {
      if (mapNewHugePage(kernel, task, vma, start)) return 'done'
      kernel.vmstat.count('thp_fault_fallback')
    }
  }
  if (!isWrite) {
    vma.ptes[i] = ZERO_PAGE
    return 'done'
  }
  return mapNewPage(kernel, task, vma, i) < 0 ? 'oom' : 'done'
}

/** thp_vma_allowable_order() and pmd_none(): wanted, the 2 MiB lie inside the mapping, and nothing of it is mapped yet. */
function mayMapHuge(kernel: Kernel, vma: Vma, i: number): boolean {
  const { enabled } = kernel.thp
  if (enabled === 'never' || vma.thp === false || (enabled === 'madvise' && vma.thp !== true)) return false
  const start = hugeStart(vma.start + i) - vma.start
  if (start < 0 || start + THP_PAGES > vma.ptes.length) return false
  for (let j = start; j < start + THP_PAGES; j++) if (vma.ptes[j] !== NO_PAGE) return false
  return true
}

function mapNewHugePage(kernel: Kernel, task: Task, vma: Vma, start: number): boolean {
  const { pages } = kernel
  const node = allocateByPolicy(kernel, task, ownPolicy(vma, start) ?? task.policy, interleaveIndex(vma, start, THP_ORDER), THP_PAGES)
  if (node < 0) return false
  for (let j = start; j < start + THP_PAGES; j++) vma.ptes[j] = addPage(kernel, node, vma)
  const head = pages.join(vma.ptes, start, THP_ORDER)
  pages.setEntireMapcount(head, 1)
  task.process.hugePmds.add(vma.start + start)
  vma.hasAnon = true
  kernel.vmstat.count('thp_fault_alloc')
  return true
}

/** A page of its own for entry i, by the policy in force there; -1 when there is no frame. */
function mapNewPage(kernel: Kernel, task: Task, vma: Vma, i: number): number {
  const node = allocateByPolicy(kernel, task, ownPolicy(vma, i) ?? task.policy, interleaveIndex(vma, i), 1)
  if (node < 0) return -1
  const page = addPage(kernel, node, vma)
  vma.ptes[i] = page
  vma.hasAnon = true
  return page
}

function addPage(kernel: Kernel, node: NodeIndex, vma: Vma): PageId {
  const { pages } = kernel
  const page = pages.create()
  pages.node[page] = node
  pages.setMapcount(page, 1)
  if (vma.locked) pages.setState(page, PAGE.mlocked | PAGE.unevictable)
  return page
}

/** do_wp_page(), do_huge_pmd_wp_page(): the writer gets a copy; the huge zero page and shared huge pages are mapped small first. */
function copyOnWrite(kernel: Kernel, task: Task, vma: Vma, i: number): AccessResult {
  kernel.vmstat.count('pgfault')
  splitPmd(kernel, task.process, vma.start + i)
  const old = vma.ptes[i]!
  if (mapNewPage(kernel, task, vma, i) < 0) return 'oom'
  if (old >= 0) dropMapping(kernel, old)
  return 'done'
}

/** do_read_fault(), do_cow_fault(), do_shared_fault() on a tmpfs file or shared memory. */
function objectFault(kernel: Kernel, task: Task, vma: Vma, i: number, isWrite: boolean): AccessResult {
  if (isWrite && !vma.shared) {
    if (cachePage(kernel, task, vma, i) < 0) return 'oom'
    return mapNewPage(kernel, task, vma, i) < 0 ? 'oom' : 'done'
  }
  if (mapHugeCached(kernel, task, vma, i)) return 'done'
  if (!isWrite) mapAround(kernel, vma, i)
  if (vma.ptes[i] !== NO_PAGE) return 'done'
  const page = cachePage(kernel, task, vma, i)
  if (page < 0) return 'oom'
  mapCached(kernel, vma, i, page)
  return 'done'
}

/** shmem_get_folio(): the object's page at the offset of entry i, made by the policy in force there if it is not cached. */
function cachePage(kernel: Kernel, task: Task, vma: Vma, i: number): number {
  const object = vma.object!
  const offset = vma.offset + i
  const cached = object.pages[offset]!
  if (cached !== NO_PAGE) return cached
  const node = allocateByPolicy(kernel, task, ownPolicy(vma, i) ?? task.policy, interleaveIndex(vma, i), 1)
  if (node < 0) return -1
  const page = addCachedPage(kernel, node)
  object.pages[offset] = page
  return page
}

/** shmem_alloc_and_add_folio(), do_set_pmd(): with shmem_enabled=always, shared anonymous memory comes in huge pages where 2 MiB fit. */
function mapHugeCached(kernel: Kernel, task: Task, vma: Vma, i: number): boolean {
  if (!kernel.thp.shmem || vma.kind !== 'shmem' || vma.thp === false) return false
  const { pages } = kernel
  const object = vma.object!
  const start = hugeStart(vma.start + i) - vma.start
  const offset = vma.offset + start
  if (start < 0 || start + THP_PAGES > vma.ptes.length || offset % THP_PAGES !== 0 || offset + THP_PAGES > object.pages.length) return false
  if (vma.ptes.subarray(start, start + THP_PAGES).some((page) => page !== NO_PAGE)) return false
  const cached = object.pages.subarray(offset, offset + THP_PAGES)
  if (cached.every((page) => page === NO_PAGE)) {
    const node = allocateByPolicy(kernel, task, ownPolicy(vma, start) ?? task.policy, interleaveIndex(vma, start, THP_ORDER), THP_PAGES)
    if (node < 0) return false
    for (let j = 0; j < THP_PAGES; j++) cached[j] = addCachedPage(kernel, node)
    pages.join(cached, 0, THP_ORDER)
    kernel.vmstat.count('thp_file_alloc')
  } else if (cached[0]! < 0 || pages.order(cached[0]!) !== THP_ORDER) return false
  vma.ptes.set(cached, start)
  for (const page of cached) pages.setMapcount(page, pages.mapcount(page) + 1)
  pages.setEntireMapcount(cached[0]!, pages.entireMapcount(cached[0]!) + 1)
  task.process.hugePmds.add(vma.start + start)
  kernel.vmstat.count('thp_file_mapped')
  return true
}

function addCachedPage(kernel: Kernel, node: NodeIndex): PageId {
  const page = kernel.pages.create()
  kernel.pages.node[page] = node
  kernel.pages.setMapcount(page, 0)
  kernel.pages.setState(page, PAGE.file)
  return page
}

/** do_fault_around(): a read fault maps what is cached in the 64 KiB around it as well. */
function mapAround(kernel: Kernel, vma: Vma, i: number): void {
  const vpage = vma.start + i
  const from = Math.max(vpage - (vpage % FAULT_AROUND_PAGES) - vma.start, 0)
  const to = Math.min(vpage - (vpage % FAULT_AROUND_PAGES) + FAULT_AROUND_PAGES - vma.start, vma.ptes.length)
  for (let j = from; j < to; j++) {
    const cached = vma.object!.pages[vma.offset + j]!
    if (vma.ptes[j] === NO_PAGE && cached !== NO_PAGE) mapCached(kernel, vma, j, cached)
  }
}

function mapCached(kernel: Kernel, vma: Vma, i: number, page: PageId): void {
  vma.ptes[i] = page
  kernel.pages.setMapcount(page, kernel.pages.mapcount(page) + 1)
  if (vma.locked) kernel.pages.setState(page, PAGE.mlocked | PAGE.unevictable)
}

/** Removes a mapping of entry i, whatever it is (zap_pte_range). A huge pmd in the way must have been split or be zapped as a whole. */
export function unmapPage(kernel: Kernel, vma: Vma, i: number): void {
  const page = vma.ptes[i]!
  vma.ptes[i] = NO_PAGE
  if (page >= 0) dropMapping(kernel, page)
}

/** One mapping less. Anonymous pages that nobody maps are freed; a large folio only as a whole. */
function dropMapping(kernel: Kernel, page: PageId): void {
  const { pages } = kernel
  const count = pages.mapcount(page) - 1
  pages.setMapcount(page, count)
  if ((pages.state(page) & PAGE.file) !== 0 || count > 0) return
  const folio = pages.head(page)
  if (pages.order(folio) === 0) {
    freePage(kernel, page)
    return
  }
  let mapped = false
  for (let other = pages.next(page); other !== page && !mapped; other = pages.next(other)) mapped = pages.mapcount(other) > 0
  if (mapped) deferSplit(pages, kernel.vmstat, folio)
  else for (const piece of pages.split(folio)) freePage(kernel, piece)
}

/** A page held by a pin or a pipe outlives its mappings; its frame stays in use and nothing refers to it any more. */
function freePage(kernel: Kernel, page: PageId): void {
  const { pages, frames } = kernel
  if (pages.extraRefs(page) > 0 || (pages.state(page) & PAGE.dmaPinned) !== 0) return
  frames.give(pages.node[page]!, 1)
  pages.release(page)
}

/** zap_huge_pmd(): the whole huge page at once, so that no part of it is left over. */
export function unmapHuge(kernel: Kernel, process: Process, vma: Vma, start: number): void {
  const { pages } = kernel
  process.hugePmds.delete(vma.start + start)
  const head = vma.ptes[start]!
  const members = vma.ptes.slice(start, start + THP_PAGES)
  vma.ptes.fill(NO_PAGE, start, start + THP_PAGES)
  if (head === HUGE_ZERO_PAGE) return
  pages.setEntireMapcount(head, pages.entireMapcount(head) - 1)
  for (const page of members) pages.setMapcount(page, pages.mapcount(page) - 1)
  if (pages.entireMapcount(head) > 0 || (pages.state(head) & PAGE.file) !== 0) return
  if (!hasPteMappings(pages, head)) for (const piece of pages.split(head)) freePage(kernel, piece)
  else if (members.some((page) => pages.mapcount(page) === 0)) deferSplit(pages, kernel.vmstat, head)
}
