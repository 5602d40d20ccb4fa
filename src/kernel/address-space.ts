/** Processes, their tasks and mapped memory (include/linux/mm_types.h, in the small). Addresses are virtual page numbers. */
import type { NodeIndex } from '../machine/index.ts'
import type { Cpuset } from './cpuset.ts'
import type { PageId } from './face.ts'
import type { Mempolicy } from './mempolicy.ts'
import type { NodeMask } from './node-mask.ts'

/** Page-table entries that are not page ids. */
export const NO_PAGE = -1
/** The shared page of zeros that a read of untouched anonymous memory maps. */
export const ZERO_PAGE = -2
export const HUGE_ZERO_PAGE = -3

export type VmaKind = 'anon' | 'shmem' | 'file'

/** Pages of a tmpfs file or of shared anonymous memory, by page offset; NO_PAGE where none is cached. */
export interface SharedObject {
  pages: Int32Array
  /** Added to the offset when interleaving (tmpfs: the inode number; mm/shmem.c). */
  bias: number
  /** Policy by offset for memory that is shared (mm/mempolicy.c: struct shared_policy). */
  policies: (Mempolicy | null)[] | null
}

export interface Vma {
  name: string
  start: number
  /** Entry i maps page start + i. Parts of one mapping are views of one array. */
  ptes: Int32Array
  kind: VmaKind
  /** MAP_SHARED: writes go to the object. A private mapping of a file copies on write. */
  shared: boolean
  object: SharedObject | null
  /** Page offset in the object, or the page number for anonymous memory (vm_pgoff). */
  offset: number
  policy: Mempolicy | null
  locked: boolean
  readable: boolean
  writable: boolean
  executable: boolean
  /** MADV_HUGEPAGE. */
  thp: boolean
  /** VM_IO, VM_PFNMAP and the like: never migrated. */
  special: boolean
}

export interface Process {
  pid: number
  /** Ascending by address, without overlap. */
  vmas: Vma[]
  tasks: Task[]
  /** Where the hint scanner goes on (mm->numa_scan_offset), and how often it wrapped (mm->numa_scan_seq). */
  scanOffset: number
  scanSequence: number
}

export interface Task {
  tid: number
  process: Process
  /** Node of the cpu it runs on. */
  node: NodeIndex
  policy: Mempolicy | null
  cpuset: Cpuset | null
  /** Nodes it may allocate from (task->mems_allowed), and the same as a table; null = all. */
  mems: NodeMask
  memsTable: Uint8Array | null
}

export function newVma(from: Pick<Vma, 'name' | 'start' | 'ptes' | 'kind' | 'shared'> & Partial<Vma>): Vma {
  return {
    object: null,
    offset: from.start,
    policy: null,
    locked: false,
    readable: true,
    writable: true,
    executable: false,
    thp: false,
    special: false,
    ...from,
  }
}

/** Index of the first mapping that ends after `vpage`. */
export function findVmaIndex(vmas: readonly Vma[], vpage: number): number {
  let low = 0
  let high = vmas.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const vma = vmas[middle]!
    if (vma.start + vma.ptes.length > vpage) high = middle
    else low = middle + 1
  }
  return low
}

export function findVma(process: Process, vpage: number): Vma | undefined {
  const vma = process.vmas[findVmaIndex(process.vmas, vpage)]
  return vma !== undefined && vma.start <= vpage ? vma : undefined
}

/** Cuts mappings so that [start, end) is covered by whole ones (__split_vma); answers those, in order. */
export function isolateRange(process: Process, start: number, end: number): Vma[] {
  cutAt(process, start)
  cutAt(process, end)
  const first = findVmaIndex(process.vmas, start)
  let last = first
  while (last < process.vmas.length && process.vmas[last]!.start < end) last++
  return process.vmas.slice(first, last)
}

function cutAt(process: Process, vpage: number): void {
  const index = findVmaIndex(process.vmas, vpage)
  const vma = process.vmas[index]
  if (vma === undefined || vma.start >= vpage) return
  const cut = vpage - vma.start
  const tail: Vma = { ...vma, start: vpage, offset: vma.offset + cut, ptes: vma.ptes.subarray(cut) }
  vma.ptes = vma.ptes.subarray(0, cut)
  process.vmas.splice(index + 1, 0, tail)
}

/** folio->index: what interleaving counts by. */
export function pageIndex(vma: Vma, i: number): number {
  return vma.offset + i
}

/** The page mapped by entry i, or NO_PAGE: entries of absent pages count as empty. */
export function mappedPage(vma: Vma, i: number, node: Uint8Array, absent: number): PageId {
  const page = vma.ptes[i]!
  return page >= 0 && node[page] === absent ? NO_PAGE : page
}
