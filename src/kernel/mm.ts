/** Mapping, unmapping, locking and copying address spaces (mm/mmap.c, mm/madvise.c, mm/mlock.c, kernel/fork.c). Ranges are in pages. */
import { findVmaIndex, isolateRange, NO_PAGE, newVma, type Process, type SharedObject, type Task, type Vma } from './address-space.ts'
import { THP_PAGES } from './defaults.ts'
import { EINVAL, ENOMEM } from './errno.ts'
import { access, unmapHuge, unmapPage } from './fault.ts'
import { isHugeMapped, splitPmdAcross } from './huge-page.ts'
import type { Kernel } from './kernel.ts'
import { PAGE } from './pages.ts'

export interface MapRequest {
  name: string
  start: number
  pages: number
  kind: Vma['kind']
  shared: boolean
  object?: SharedObject
  thp?: boolean | undefined
}

/** mmap(MAP_FIXED): what was there before is unmapped. */
export function mmap(kernel: Kernel, process: Process, { start, pages, object, ...rest }: MapRequest): Vma {
  munmap(kernel, process, start, pages)
  const vma = newVma({ ...rest, start, ptes: new Int32Array(pages).fill(NO_PAGE), object: object ?? null, offset: object === undefined ? start : 0 })
  process.vmas.splice(findVmaIndex(process.vmas, start), 0, vma)
  return vma
}

/** Cuts mappings at the ends of the range; a huge pmd across an end is split. */
export function cutRange(kernel: Kernel, process: Process, start: number, end: number): Vma[] {
  splitPmdAcross(kernel, process, start)
  splitPmdAcross(kernel, process, end)
  return isolateRange(process, start, end)
}

export function munmap(kernel: Kernel, process: Process, start: number, pages: number): number {
  const gone = cutRange(kernel, process, start, start + pages)
  for (const vma of gone) zap(kernel, process, vma, 0, vma.ptes.length)
  process.vmas = process.vmas.filter((vma) => !gone.includes(vma))
  return 0
}

/** exit(2): memory, tasks and cpuset membership of the process are gone. */
export function exit(kernel: Kernel, process: Process): void {
  for (const vma of process.vmas) zap(kernel, process, vma, 0, vma.ptes.length)
  process.vmas = []
  for (const task of process.tasks) task.cpuset?.tasks.splice(task.cpuset.tasks.indexOf(task), 1)
  process.tasks = []
}

/** madvise(MADV_DONTNEED): the mapping stays. Holes are passed over and reported; locked memory ends it, what lies before is dropped. */
export function discard(kernel: Kernel, process: Process, start: number, pages: number): number {
  const end = start + pages
  let at = start
  let result = 0
  for (let index = findVmaIndex(process.vmas, start); at < end; index++) {
    const vma = process.vmas[index]
    if (vma === undefined || vma.start >= end) return ENOMEM
    if (vma.start > at) result = ENOMEM
    if (vma.locked) return EINVAL
    const stop = Math.min(vma.start + vma.ptes.length, end)
    zap(kernel, process, vma, Math.max(at, vma.start) - vma.start, stop - vma.start)
    at = stop
  }
  return result
}

function zap(kernel: Kernel, process: Process, vma: Vma, from: number, to: number): void {
  splitPmdAcross(kernel, process, vma.start + from)
  splitPmdAcross(kernel, process, vma.start + to)
  for (let i = from; i < to; i++) {
    if ((vma.start + i) % THP_PAGES === 0 && isHugeMapped(kernel, process, vma.start + i)) {
      unmapHuge(kernel, process, vma, i)
      i += THP_PAGES - 1
    } else unmapPage(kernel, vma, i)
  }
}

/** mlock(2): locks and faults in, writing where it may (__mm_populate); `onFault` locks only what is or will be there. */
export function mlock(kernel: Kernel, task: Task, start: number, pages: number, onFault = false): number {
  for (const vma of cutRange(kernel, task.process, start, start + pages)) {
    vma.locked = true
    vma.lockOnFault = onFault
    markLocked(kernel, vma, true)
    if (onFault) continue
    const write = vma.writable && !vma.shared
    for (let i = 0; i < vma.ptes.length; i++) if (access(kernel, task, vma.start + i, write) === 'oom') return ENOMEM
  }
  return 0
}

export function munlock(kernel: Kernel, process: Process, start: number, pages: number): number {
  for (const vma of cutRange(kernel, process, start, start + pages)) {
    vma.locked = false
    markLocked(kernel, vma, false)
  }
  return 0
}

function markLocked(kernel: Kernel, vma: Vma, locked: boolean): void {
  for (const page of vma.ptes) {
    if (page < 0) continue
    if (locked) kernel.pages.setState(page, PAGE.mlocked | PAGE.unevictable)
    else kernel.pages.clearState(page, PAGE.mlocked | PAGE.unevictable)
  }
}

export function mprotect(kernel: Kernel, process: Process, start: number, pages: number, protection: { read: boolean; write: boolean }): number {
  for (const vma of cutRange(kernel, process, start, start + pages)) {
    vma.readable = protection.read || protection.write
    vma.writable = protection.write
  }
  return 0
}

/**
 * fork(2): the child shares anonymous pages until somebody writes. Mappings of shared memory, and of files without private
 * copies, are left to be faulted in again (vma_needs_copy). Locks are not inherited.
 */
export function fork(kernel: Kernel, parent: Task, pid: number): Process {
  const child = kernel.addProcess(pid, parent.process.credentials)
  const task = kernel.addTask(child, pid, parent.node, parent)
  for (const vma of parent.process.vmas) {
    if (vma.dontFork) continue
    const copy: Vma = { ...vma, ptes: new Int32Array(vma.ptes.length).fill(NO_PAGE), locked: false }
    child.vmas.push(copy)
    if (!vma.shared && vma.hasAnon) copyPages(kernel, parent.process, vma, task, copy)
  }
  for (const start of parent.process.hugePmds) if (isHugeMapped(kernel, parent.process, start)) child.hugePmds.add(start)
  return child
}

/** copy_page_range(): one mapping more of every page. An anonymous page pinned for DMA stays the parent's; the child gets a copy. */
function copyPages(kernel: Kernel, parent: Process, from: Vma, child: Task, to: Vma): void {
  const { pages } = kernel
  to.ptes.set(from.ptes)
  const pinned: number[] = []
  for (let i = 0; i < from.ptes.length; i++) {
    const page = from.ptes[i]!
    if (page < 0) continue
    if ((pages.state(page) & (PAGE.dmaPinned | PAGE.file)) === PAGE.dmaPinned && pages.order(page) === 0) {
      to.ptes[i] = NO_PAGE
      pinned.push(to.start + i)
      continue
    }
    pages.setMapcount(page, pages.mapcount(page) + 1)
    if (pages.head(page) === page && isHugeMapped(kernel, parent, from.start + i)) pages.setEntireMapcount(page, pages.entireMapcount(page) + 1)
  }
  for (const vpage of pinned) access(kernel, child, vpage, true)
}

/** Takes a reference on every page of a range, as a registered io_uring buffer (FOLL_PIN, for writing) or a pipe does. */
export function pin(kernel: Kernel, task: Task, start: number, pages: number, kind: 'dma' | 'pipe'): number[] {
  const pinned: number[] = []
  for (const vma of task.process.vmas) {
    for (let i = Math.max(0, start - vma.start); i < Math.min(vma.ptes.length, start + pages - vma.start); i++) {
      access(kernel, task, vma.start + i, kind === 'dma' && vma.writable)
      const page = vma.ptes[i]!
      if (page < 0) continue
      const folio = kernel.pages.head(page)
      if (kind === 'dma') kernel.pages.setState(folio, PAGE.dmaPinned)
      kernel.pages.setExtraRefs(folio, kernel.pages.extraRefs(folio) + 1)
      pinned.push(folio)
    }
  }
  return pinned
}

export function unpin(kernel: Kernel, folios: readonly number[]): void {
  for (const folio of folios) {
    kernel.pages.setExtraRefs(folio, Math.max(0, kernel.pages.extraRefs(folio) - 1))
    if (kernel.pages.extraRefs(folio) === 0) kernel.pages.clearState(folio, PAGE.dmaPinned)
  }
}
