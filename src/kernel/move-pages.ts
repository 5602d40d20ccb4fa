/** move_pages(2) (mm/migrate.c). */
import type { NodeIndex } from '../machine/index.ts'
import { NO_PAGE, type Task } from './address-space.ts'
import { EACCES, EBUSY, EFAULT, ENODEV, ENOENT } from './errno.ts'
import type { PageId } from './face.ts'
import { isolateFolio, likelyShared } from './isolate.ts'
import type { Kernel } from './kernel.ts'
import { exactly } from './migrate-pages.ts'
import { type NodeMask, toTable } from './node-mask.ts'

export interface MoveRequest {
  count: number
  /** The page at address i, NO_PAGE when nothing is mapped there, or -EFAULT where nothing can be. */
  resolve(i: number): PageId | typeof NO_PAGE | typeof EFAULT
  /** Target node of entry i, as given. */
  node(i: number): number
  /** MPOL_MF_MOVE_ALL. */
  all: boolean
  /** Caller: its cpuset limits the destinations. Null = the kernel itself, unlimited. */
  caller: Task | null
  /** mems_allowed of the process whose pages move. */
  targetMems: NodeMask
}

const ALREADY_THERE = 1
const QUEUED = 2

/** do_pages_move(): the return value; `status` gets what the kernel writes, null = its address is bad. */
export function movePages(kernel: Kernel, request: MoveRequest, status: Int32Array | null): number {
  const { count } = request
  const hasMemory = toTable(kernel.memoryNodes, kernel.nodes)
  const isAllowed = toTable(request.targetMems, kernel.nodes)
  kernel.isolated.clear()
  let current = -1
  let start = 0
  let failure = 0
  let i = 0
  for (; i < count; i++) {
    const node = request.node(i)
    if (hasMemory[node] !== 1) {
      failure = ENODEV
      break
    }
    if (isAllowed[node] !== 1) {
      failure = EACCES
      break
    }
    if (current < 0) {
      current = node
      start = i
    } else if (node !== current) {
      const result = flush(kernel, request, status, start, i, current)
      if (result !== 0) return result
      start = i
      current = node
    }
    const outcome = addFolio(kernel, request.resolve(i), current, request.all)
    if (outcome === QUEUED) continue
    if (status === null) {
      failure = EFAULT
      break
    }
    status[i] = outcome === ALREADY_THERE ? current : outcome
    const result = flush(kernel, request, status, start, i, current)
    if (result !== 0) return result > 0 ? result - 1 : result
    current = -1
  }
  const result = flush(kernel, request, status, start, i, current)
  return failure !== 0 ? failure : result
}

/** add_folio_for_migration(), in the order of its tests. */
function addFolio(kernel: Kernel, page: number, node: NodeIndex, all: boolean): number {
  const { pages } = kernel
  if (page === NO_PAGE) return ENOENT
  if (page < 0) return EFAULT
  const folio = pages.head(page)
  if (pages.node[folio] === node) return ALREADY_THERE
  if (!all && likelyShared(pages, folio)) return EACCES
  return isolateFolio(kernel, folio) ? QUEUED : EBUSY
}

/** move_pages_and_store_status(): a run that moves in part leaves its status entries unwritten. */
function flush(kernel: Kernel, request: MoveRequest, status: Int32Array | null, start: number, end: number, node: NodeIndex): number {
  const { isolated } = kernel
  if (isolated.length === 0) return 0
  const result = kernel.engine.migratePages(isolated.data, isolated.length, exactly(kernel, node, request.caller), 'MIGRATE_SYNC', 'syscall_or_cpuset')
  isolated.clear()
  if (result > 0) return result + (request.count - end)
  if (result < 0) return result
  if (status === null) return EFAULT
  for (let i = start; i < end; i++) status[i] = node
  return 0
}

/** do_pages_stat(): where the pages are. */
export function queryPages(kernel: Kernel, request: Pick<MoveRequest, 'count' | 'resolve'>, status: Int32Array): number {
  for (let i = 0; i < request.count; i++) {
    const page = request.resolve(i)
    status[i] = page === NO_PAGE ? ENOENT : page < 0 ? EFAULT : kernel.pages.node[page]!
  }
  return 0
}
