/**
 * Which hint faults on slow pages promote, in the tiering mode of NUMA balancing (Linux 6.12, kernel/sched/fair.c:
 * should_numa_migrate_memory, pgdat_free_space_enough, numa_promotion_adjust_threshold, numa_promotion_rate_limit). A page that
 * is touched soon after it was marked is hot.
 */
import type { NodeIndex } from '../machine/index.ts'
import type { PageId } from './face.ts'

export interface HotThresholdSettings {
  /** numa_balancing/hot_threshold_ms, as ns. */
  hotThreshold: number
  /** kernel.numa_balancing_promote_rate_limit_MBps, as bytes per second. */
  rateLimit: number
  /** How often the threshold is adjusted: scan_period_max, ns. */
  adjustPeriod: number
}

/** The memory around it. */
export interface PromotionHost {
  nodes: number
  /** ns. */
  now(): number
  /** When each page was last marked or looked at, ns: one slot per page. */
  stamps(): Float64Array
  /** The node has more than `pages` free above its promo watermark. */
  isFree(node: NodeIndex, pages: number): boolean
  /** Pages that a page stands for, where they are a sample. */
  standsFor?(page: PageId): number
  /** Pages that the node spans. */
  presentPages(node: NodeIndex): number
  /** The candidates are counted per cpu and added up in lots of more than this (vmstat threshold); exactly without. */
  counterLot?(node: NodeIndex): number
  /** A request to promote, granted or not (pgpromote_candidate). */
  candidate?(node: NodeIndex): void
}

const SECOND = 1e9
const BASE_PAGE = 4096
/** NUMA_MIGRATION_ADJUST_STEPS. */
const ADJUST_STEPS = 16
/** pgdat_free_space_enough(): 1 GiB or a 16th of the node. */
const ENOUGH_BYTES = 2 ** 30
const ENOUGH_SHARE = 16

/** What pglist_data keeps for promotion: nbp_threshold, nbp_rl_*, nbp_th_*. */
interface NodeState {
  threshold: number
  /** Counted but not added up yet, and when all was added up (vmstat_update, every second). */
  pending: number
  folded: number
  candidates: number
  rateStart: number
  rateBase: number
  adjusted: number
  adjustBase: number
}

export class HotThreshold {
  readonly #host: PromotionHost
  readonly #settings: HotThresholdSettings
  readonly #pagesPerSecond: number
  readonly #nodes: NodeState[]

  constructor(host: PromotionHost, settings: HotThresholdSettings) {
    this.#host = host
    this.#settings = settings
    this.#pagesPerSecond = settings.rateLimit / BASE_PAGE
    this.#nodes = Array.from({ length: host.nodes }, () => ({
      threshold: 0,
      pending: 0,
      folded: 0,
      candidates: 0,
      rateStart: 0,
      rateBase: 0,
      adjusted: 0,
      adjustBase: 0,
    }))
  }

  marked(page: PageId): void {
    this.#host.stamps()[page] = this.#host.now()
  }

  /** May the slow page that was touched now go to `to`? */
  promotes(page: PageId, to: NodeIndex): boolean {
    const now = this.#host.now()
    const node = this.#nodes[to]!
    if (this.#host.isFree(to, Math.max(ENOUGH_BYTES / BASE_PAGE, this.#host.presentPages(to) / ENOUGH_SHARE))) {
      node.threshold = 0
      return true
    }
    this.#adjust(node, now)
    const stamps = this.#host.stamps()
    const latency = now - stamps[page]!
    stamps[page] = now
    if (latency >= (node.threshold || this.#settings.hotThreshold)) return false
    this.#count(page, node, to, now)
    if (now - node.rateStart > SECOND) {
      node.rateStart = now
      node.rateBase = node.candidates
    }
    return node.candidates - node.rateBase < this.#pagesPerSecond
  }

  #count(page: PageId, node: NodeState, to: NodeIndex, now: number): void {
    this.#host.candidate?.(to)
    node.pending += this.#host.standsFor?.(page) ?? 1
    const isDue = now - node.folded >= SECOND
    if (isDue) node.folded = now
    else if (node.pending <= (this.#host.counterLot?.(to) ?? 0)) return
    node.candidates += node.pending
    node.pending = 0
  }

  /** Too many candidates for the rate limit: a stricter threshold; too few: a milder one. */
  #adjust(node: NodeState, now: number): void {
    const { hotThreshold, adjustPeriod } = this.#settings
    if (now - node.adjusted <= adjustPeriod) return
    node.adjusted = now
    const reference = (this.#pagesPerSecond * adjustPeriod) / SECOND
    const got = node.candidates - node.adjustBase
    const unit = (hotThreshold * 2) / ADJUST_STEPS
    const threshold = node.threshold || hotThreshold
    if (got > reference * 1.1) node.threshold = Math.max(threshold - unit, unit)
    else if (got < reference * 0.9) node.threshold = Math.min(threshold + unit, hotThreshold * 2)
    else node.threshold = threshold
    node.adjustBase = node.candidates
  }
}
