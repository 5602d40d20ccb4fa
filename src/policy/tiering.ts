/**
 * Moves between the fast and the slow nodes of a machine, as the daemons of the tiering literature make them: promotions go to
 * the nearest fast node with room, demotions one tier down, and room is what is free above a reserve.
 */
import type { NodeIndex, PageId } from '../kernel/index.ts'
import type { World } from './define.ts'
import { memoryNodes, nearest } from './nodes.ts'

/** One node number more than a machine can have: the index of pages that are not present. */
const TABLE = 256
const BASE_PAGE = 4096

export interface Tiering {
  fastNodes: readonly NodeIndex[]
  /** Pages that fast nodes can hold beside the reserve. */
  capacity: number
  isFast(page: PageId): boolean
  isSlow(page: PageId): boolean
  /** Pages that fast nodes can still take. */
  room(): number
  /**
   * Slow pages to fast nodes, first come first served while there is room; `to` names a page's preferred node, `move` how they
   * get there (move_pages(2) unless said otherwise). Answers pages moved.
   */
  promote(pages: Iterable<PageId>, options?: { to?: (page: PageId) => NodeIndex; move?: World['kernel']['transactPages'] }): number
  /** Fast pages one tier down. Answers pages moved. */
  demote(pages: readonly PageId[]): number
  /** Fast pages that are cold, as many as stand for `count`, found by a hand that goes round all pages. */
  cold(count: number, isCold: (page: PageId) => boolean): PageId[]
  /** Makes room for as many hot pages as there are cold ones, then promotes what fits. Answers pages moved both ways. */
  exchange(hot: readonly PageId[], isCold: (page: PageId) => boolean): number
}

export function tiering(
  { machine, kernel, pages, standsFor }: World,
  reserve: (node: NodeIndex) => number = (node) => kernel.watermark(node, 'high'),
): Tiering {
  const memory = memoryNodes(machine)
  const fastNodes = memory.filter((node) => machine.isFast(node))
  const fast = new Uint8Array(TABLE)
  const slow = new Uint8Array(TABLE)
  for (const node of memory) (machine.isFast(node) ? fast : slow)[node] = 1
  const roomOn = (node: NodeIndex): number => Math.max(0, Math.floor(kernel.freePages(node) - reserve(node)))
  let hand = 0

  const self: Tiering = {
    fastNodes,
    capacity: fastNodes.reduce((sum, node) => sum + Math.max(0, Math.floor(machine.pages(node) - reserve(node))), 0),
    isFast: (page) => fast[kernel.nodeOf(page)] === 1,
    isSlow: (page) => slow[kernel.nodeOf(page)] === 1,
    room: () => fastNodes.reduce((sum, node) => sum + roomOn(node), 0),
    promote(candidates, { to = kernel.nodeOf, move = kernel.movePages } = {}) {
      const left = new Map(fastNodes.map((node) => [node, roomOn(node)]))
      const moving: PageId[] = []
      const targets: NodeIndex[] = []
      for (const page of candidates) {
        if (!self.isSlow(page)) continue
        const target = nearest(
          machine,
          to(page),
          fastNodes.filter((node) => left.get(node)! > 0),
        )
        if (target === undefined) break
        left.set(target, left.get(target)! - standsFor(page))
        moving.push(page)
        targets.push(target)
      }
      return moving.length > 0 ? move(moving, targets).moved : 0
    },
    demote(victims) {
      let moved = 0
      for (const node of fastNodes) {
        const below = machine.nextTierDown(node)
        if (below === undefined) continue
        const here = victims.filter((page) => kernel.nodeOf(page) === node)
        if (here.length > 0) moved += kernel.demotePages(here, below, 'demotion').moved
      }
      return moved
    },
    cold(count, isCold) {
      const found: PageId[] = []
      let held = 0
      for (let step = 0; step < pages && held < count; step++) {
        if (self.isFast(hand) && isCold(hand)) {
          found.push(hand)
          held += standsFor(hand)
        }
        hand = hand + 1 === pages ? 0 : hand + 1
      }
      return found
    },
    exchange(hot, isCold) {
      const missing = hot.reduce((sum, page) => sum + standsFor(page), 0) - self.room()
      const demoted = missing > 0 ? self.demote(self.cold(missing, isCold)) : 0
      return demoted + self.promote(hot)
    },
  }
  return self
}

/** Pages that may move in a period at `bytesPerSecond`, at least one. */
export const pageBudget = (bytesPerSecond: number, periodNs: number): number => Math.max(1, Math.floor((bytesPerSecond * periodNs) / 1e9 / BASE_PAGE))

/** The first of the pages, as many as stand for `most` together; at least one. */
export function within<P extends readonly PageId[] | Uint32Array>({ standsFor }: World, candidates: P, most: number): P {
  let end = 0
  for (let held = 0; end < candidates.length && (end === 0 || held + standsFor(candidates[end]!) <= most); end++) held += standsFor(candidates[end]!)
  return candidates.slice(0, end) as P
}
