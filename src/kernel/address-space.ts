/** Processes, their tasks and mapped memory (include/linux/mm_types.h, in the small). Addresses are virtual page numbers. */
import type { NodeIndex } from '../machine/index.ts'
import type { Cpuset } from './cpuset.ts'
import type { VmaScanState } from './hint-scan.ts'
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
  /** MCL_ONFAULT, MLOCK_ONFAULT: locked pages are not faulted in beforehand. */
  lockOnFault: boolean
  /** It has had an anonymous page (vma->anon_vma): fork copies its ptes. */
  hasAnon: boolean
  /** MADV_DONTFORK. */
  dontFork: boolean
  readable: boolean
  writable: boolean
  executable: boolean
  /** MADV_HUGEPAGE (true), MADV_NOHUGEPAGE (false), or as the system setting says. */
  thp: boolean | undefined
  /** VM_IO, VM_PFNMAP and the like: never migrated. */
  special: boolean
  /** Set up by the hint scanner when it first comes by. */
  scan?: VmaScanState
}

export interface Process {
  pid: number
  /** Ascending by address, without overlap. */
  vmas: Vma[]
  tasks: Task[]
  /** Where the hint scanner goes on (mm->numa_scan_offset), and how often it wrapped (mm->numa_scan_seq). */
  scanOffset: number
  scanSequence: number
  /** Addresses (multiples of 512) that a huge pmd maps. */
  hugePmds: Set<number>
  /** What the process may do to others. */
  credentials: Credentials
}

export interface Credentials {
  uid: number
  /** CAP_SYS_NICE: name any node, move shared pages. */
  sysNice: boolean
  /** CAP_SYS_PTRACE: look at any process. */
  sysPtrace: boolean
  /** prctl(PR_SET_DUMPABLE): cleared when the process gives up root. */
  dumpable: boolean
}

export const ROOT: Credentials = { uid: 0, sysNice: true, sysPtrace: true, dumpable: true }

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
    lockOnFault: false,
    hasAnon: false,
    dontFork: false,
    readable: true,
    writable: true,
    executable: false,
    thp: undefined,
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

/** The policy of entry i by itself; null = the task's. Mappings of an object use the object's, whoever set it (shmem_get_policy). */
export function ownPolicy(vma: Vma, i: number): Mempolicy | null {
  return vma.object === null ? vma.policy : (vma.object.policies?.[vma.offset + i] ?? null)
}

/** What interleaving counts by at entry i, in units of 2^order pages. */
export function interleaveIndex(vma: Vma, i: number, order = 0): number {
  return (vma.object?.bias ?? 0) + Math.floor((vma.offset + i) / 2 ** order)
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
