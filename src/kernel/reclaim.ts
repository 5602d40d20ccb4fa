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

/** Pages that one stall of an allocation frees: two batches of SWAP_CLUSTER_MAX, one per zone of the node's LRU walk. */
const DIRECT_PAGES = 64
/** kswapd_shrink_node(): least pages per round and zone, SWAP_CLUSTER_MAX. */
const ROUND_LEAST = 32

export class Reclaim {
  /** /sys/kernel/mm/numa/demotion_enabled */
  demotion = false
  /** kswapd frees up to this mark: promo while NUMA balancing runs in tiering mode, else high (pgdat_balanced). */
  mark: Watermark = 'high'
  readonly #kernel: Kernel
  readonly #targets: readonly (DemotionTarget | null)[]
  readonly #isHot: (page: PageId) => boolean
  readonly #hands: number[]
  /** Pages that kswapd still wants in this round; 0 = asleep. */
  readonly #round: number[]

  constructor(kernel: Kernel, targets: readonly (DemotionTarget | null)[], isHot: (page: PageId) => boolean) {
    this.#kernel = kernel
    this.#targets = targets
    this.#isHot = isHot
    this.#hands = targets.map(() => 0)
    this.#round = targets.map(() => 0)
  }

  canDemote(node: NodeIndex): boolean {
    return this.demotion && this.#targets[node] != null
  }

  /** wakeup_kswapd() */
  wake(node: NodeIndex): void {
    if (this.#round[node] === 0 && this.canDemote(node) && !this.#isBalanced(node)) this.#round[node] = this.#roundPages(node)
  }

  isAwake(node: NodeIndex): boolean {
    return this.#round[node]! > 0
  }

  /** kswapd gets on by up to `pages`. A round is finished even when there is room enough half way through. */
  run(node: NodeIndex, pages: number): void {
    const wanted = Math.min(pages, this.#round[node]!)
    if (wanted <= 0) return
    const freed = this.#demote(this.#coldest(node, wanted), node, 'pgdemote_kswapd')
    this.#round[node]! -= wanted
    if (freed === 0)
      this.#round[node] = 0 // nothing left to take: pgdat->kswapd_failures
    else if (this.#round[node] === 0 && !this.#isBalanced(node)) this.#round[node] = this.#roundPages(node)
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

  /** kswapd_shrink_node(): the sum of the zones' high marks. */
  #roundPages(node: NodeIndex): number {
    return this.#kernel.frames.zones.reduce((sum, zone) => (zone.node === node ? sum + Math.max(zone.high, ROUND_LEAST) : sum), 0)
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
