/**
 * Making room on a node by moving its coldest pages one tier down (mm/vmscan.c): kswapd in the background, an allocation that
 * cannot wait, and memory.reclaim of a cgroup. Without a slower tier, or with demotion switched off, nothing is freed: there is
 * no swap.
 *
 * Cold is what was allocated longest ago and is not in use: the oldest generation of the multi-generational LRU. A hand per node
 * goes round the pages in the order in which they came.
 */
import type { NodeIndex } from '../machine/index.ts'
import { demotePages } from './demote.ts'
import type { PageId } from './face.ts'
import type { Watermark } from './frames.ts'
import type { Kernel } from './kernel.ts'
import { PAGE } from './pages.ts'

export interface DemotionTarget {
  to: NodeIndex
  /** Table of all nodes of slower tiers. */
  fallback: Uint8Array
}

/** MIN_LRU_BATCH: least pages per pass. */
const CLUSTER = 64
/** Pages that one stall of an allocation frees. */
const DIRECT_PAGES = CLUSTER
/** DEF_PRIORITY: a pass looks at a 2^12th of the node's pages, the next at twice as many, and so on. */
const DEF_PRIORITY = 12

export class Reclaim {
  /** /sys/kernel/mm/numa/demotion_enabled */
  demotion = false
  /** kswapd frees up to this mark: promo while NUMA balancing runs in tiering mode, else high (pgdat_balanced). */
  mark: Watermark = 'high'
  readonly #kernel: Kernel
  readonly #targets: readonly (DemotionTarget | null)[]
  readonly #isHot: (page: PageId) => boolean
  readonly #hands: number[]
  /** Pages that kswapd still wants in this pass, and its priority; 0 = asleep. */
  readonly #pass: number[]
  readonly #priority: number[]

  constructor(kernel: Kernel, targets: readonly (DemotionTarget | null)[], isHot: (page: PageId) => boolean) {
    this.#kernel = kernel
    this.#targets = targets
    this.#isHot = isHot
    this.#hands = targets.map(() => 0)
    this.#pass = targets.map(() => 0)
    this.#priority = targets.map(() => 0)
  }

  canDemote(node: NodeIndex): boolean {
    return this.demotion && this.#targets[node] != null
  }

  /** wakeup_kswapd() */
  wake(node: NodeIndex): void {
    if (!this.isAwake(node) && this.canDemote(node) && !this.#isBalanced(node)) this.#begin(node, DEF_PRIORITY)
  }

  isAwake(node: NodeIndex): boolean {
    return this.#priority[node]! > 0
  }

  /** balance_pgdat() gets on by up to `pages`. A pass is finished even when there is room enough half way through. */
  run(node: NodeIndex, pages: number): void {
    let left = pages
    while (left > 0 && this.isAwake(node)) {
      const wanted = Math.min(left, this.#pass[node]!)
      const freed = this.#demote(this.#coldest(node, wanted), node, 'pgdemote_kswapd')
      left -= wanted
      this.#pass[node]! -= wanted
      if (freed === 0 || (this.#pass[node] === 0 && this.#isBalanced(node))) this.#priority[node] = 0
      else if (this.#pass[node] === 0) this.#begin(node, Math.max(1, this.#priority[node]! - 1))
    }
  }

  /** kswapd_shrink_node(): a share of the node's pages that doubles from pass to pass, at most the sum of the zones' high marks. */
  #begin(node: NodeIndex, priority: number): void {
    const { frames } = this.#kernel
    const most = frames.zones.reduce((sum, zone) => (zone.node === node ? sum + Math.max(zone.high, CLUSTER) : sum), 0)
    this.#priority[node] = priority
    this.#pass[node] = Math.min(most, Math.max(CLUSTER, Math.floor(frames.inUse[node]! / 2 ** priority)))
  }

  /** __alloc_pages_direct_reclaim(): true when something was freed. */
  direct(node: NodeIndex): boolean {
    return this.canDemote(node) && this.#demote(this.#coldest(node, DIRECT_PAGES), node, 'pgdemote_direct') > 0
  }

  /** memory.reclaim: frees up to `pages` of the given ones, coldest first in this order; answers how many. */
  proactive(candidates: Iterable<PageId>, pages: number): number {
    const byNode = new Map<NodeIndex, PageId[]>()
    let chosen = 0
    for (const page of candidates) {
      const node = this.#kernel.pages.node[page]!
      if (chosen >= pages || node >= this.#targets.length || !this.canDemote(node) || !this.#isEvictable(page)) continue
      const list = byNode.get(node) ?? []
      byNode.set(node, list)
      list.push(page)
      chosen++
    }
    let freed = 0
    for (const [node, list] of byNode) freed += this.#demote(list, node, 'pgdemote_direct')
    return freed
  }

  #demote(pages: PageId[], node: NodeIndex, counter: 'pgdemote_kswapd' | 'pgdemote_direct'): number {
    const { to, fallback } = this.#targets[node]!
    return pages.length === 0 ? 0 : demotePages(this.#kernel, pages, to, fallback, 'demotion', counter)
  }

  /** One zone above the mark is enough. */
  #isBalanced(node: NodeIndex): boolean {
    return this.#kernel.frames.isAbove(node, this.mark, 0)
  }

  #isEvictable(page: PageId): boolean {
    return (this.#kernel.pages.state(page) & (PAGE.unevictable | PAGE.mlocked | PAGE.isolated)) === 0
  }

  #coldest(node: NodeIndex, count: number): PageId[] {
    const { pages } = this.#kernel
    const found: PageId[] = []
    let hand = this.#hands[node]!
    for (let step = 0; step < pages.length && found.length < count; step++) {
      if (hand >= pages.length) hand = 0
      if (pages.node[hand] === node && pages.head(hand) === hand && this.#isEvictable(hand) && !this.#isHot(hand)) found.push(hand)
      hand++
    }
    this.#hands[node] = hand
    return found
  }
}
