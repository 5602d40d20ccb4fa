/**
 * Free memory: zones with their watermarks, and the page allocator's choice of a node (mm/page_alloc.c). Only numbers of
 * frames are modelled, not which frame; a huge page needs 512 free frames above the mark in one zone.
 */
import type { Machine } from '../machine/index.ts'
import { lowmemLimitKib, MIN_FREE_KBYTES, WATERMARK_SCALE_FACTOR } from './defaults.ts'
import type { Vmstat } from './vmstat.ts'

/** One zone, in pages, as /proc/zoneinfo prints it. */
export interface Zone {
  node: number
  managed: number
  free: number
  min: number
  low: number
  high: number
  promo: number
  /** lowmem_reserve against movable user pages. */
  reserve: number
}

/** One zone per node, watermarks as mm/page_alloc.c:__setup_per_zone_wmarks() computes them. */
export function zonesOf(machine: Machine, pageSize: number): Zone[] {
  const managed = machine.nodes.map((node) => Math.floor(node.bytes / pageSize))
  const total = managed.reduce((a, b) => a + b, 0)
  const totalKib = (total * pageSize) / 1024
  const minFreeKib = Math.min(Math.max(Math.floor(Math.sqrt(16 * totalKib)), MIN_FREE_KBYTES.least), MIN_FREE_KBYTES.most, lowmemLimitKib(totalKib))
  const minFreePages = (minFreeKib * 1024) / pageSize
  return managed.map((pages, node) => {
    const min = total === 0 ? 0 : Math.floor((minFreePages * pages) / total)
    const gap = Math.max(Math.floor(min / 4), Math.floor((pages * WATERMARK_SCALE_FACTOR) / 10000))
    return { node, managed: pages, free: pages, min, low: min + gap, high: min + 2 * gap, promo: min + 3 * gap, reserve: 0 }
  })
}

/** Which watermark an attempt must leave: low on the first try, min on the slow path, high and promo for NUMA balancing. */
export type Watermark = 'min' | 'low' | 'high' | 'promo'

export class Frames {
  readonly nodes: number
  /** Zones ascending by node and address; a node's zones are tried from the highest. */
  readonly zones: readonly Zone[]
  /** The slow path of the allocator, when the low watermark is reached: wakes whoever frees memory. True: try again. */
  reclaimer: ((node: number, allowed: Uint8Array | null, isLast: boolean) => boolean) | null = null
  /** Pages handed out per node. */
  readonly inUse: Float64Array
  readonly #zonelists: readonly Uint8Array[]
  readonly #vmstat: Vmstat
  readonly #free: Float64Array
  /** Free pages that must be exceeded, reserve included. */
  readonly #marks: Record<Watermark, Float64Array>
  readonly #first: Uint16Array
  /** In a sample every allocation of `pages` stands for so many of one page. */
  readonly #isSample: boolean

  constructor(nodes: number, zones: readonly Zone[], zonelists: readonly Uint8Array[], vmstat: Vmstat, isSample = false) {
    this.nodes = nodes
    this.#isSample = isSample
    this.zones = [...zones].sort((a, b) => a.node - b.node)
    this.inUse = new Float64Array(nodes)
    this.#zonelists = zonelists
    this.#vmstat = vmstat
    this.#free = Float64Array.from(this.zones, (zone) => zone.free)
    const marks = (name: Watermark): Float64Array => Float64Array.from(this.zones, (zone) => zone[name] + zone.reserve)
    this.#marks = { min: marks('min'), low: marks('low'), high: marks('high'), promo: marks('promo') }
    this.#first = new Uint16Array(nodes + 1)
    for (let node = 1; node <= nodes; node++) this.#first[node] = this.zones.filter((zone) => zone.node < node).length
  }

  /** Nodes in the order in which an allocation that starts on `node` tries them. */
  zonelist(node: number): Uint8Array {
    return this.#zonelists[node]!
  }

  freeOn(node: number): number {
    let sum = 0
    for (let zone = this.#first[node]!; zone < this.#first[node + 1]!; zone++) sum += this.#free[zone]!
    return sum
  }

  /**
   * The node has so many free pages from now on: for taking over a recorded state. Its zones are as allocations would have left
   * them: the highest used down to its low watermark first, then the next.
   */
  setFree(node: number, pages: number): void {
    let rest = pages
    for (let zone = this.#first[node]!; zone < this.#first[node + 1]!; zone++) {
      let above = 0
      for (let other = zone + 1; other < this.#first[node + 1]!; other++) above += this.#marks.low[other]!
      const last = zone === this.#first[node + 1]! - 1
      this.#free[zone] = last ? rest : Math.min(this.#free[zone]!, Math.max(rest - above, this.#marks.low[zone]!))
      rest -= this.#free[zone]!
    }
  }

  /** Sum of the low watermarks of a node's zones. */
  lowMark(node: number): number {
    return this.zones.reduce((sum, zone) => (zone.node === node ? sum + zone.low : sum), 0)
  }

  /** Scales the watermarks of a node's zones: for taking over a machine of which less is usable than it says. */
  scaleMarks(node: number, factor: number): void {
    for (const marks of Object.values(this.#marks)) {
      for (let zone = this.#first[node]!; zone < this.#first[node + 1]!; zone++) marks[zone] = Math.floor(marks[zone]! * factor)
    }
  }

  /** Some zone of `node` has more than `mark` + `pages` free. */
  isAbove(node: number, mark: Watermark, pages: number): boolean {
    const marks = this.#marks[mark]
    for (let zone = this.#first[node]!; zone < this.#first[node + 1]!; zone++) if (this.#free[zone]! > marks[zone]! + pages) return true
    return false
  }

  /** Pages to free until every zone of `node` is above its high mark; 0 while some zone is above low. */
  shortfall(node: number): number {
    let missing = 0
    for (let zone = this.#first[node]!; zone < this.#first[node + 1]!; zone++) {
      if (this.#free[zone]! > this.#marks.low[zone]!) return 0
      missing += this.#marks.high[zone]! - this.#free[zone]! + 1
    }
    return missing
  }

  /** Takes `pages` frames on exactly this node if that leaves more than the mark (__zone_watermark_ok: strictly more). */
  take(node: number, mark: Watermark, pages: number): boolean {
    const marks = this.#marks[mark]
    for (let zone = this.#first[node + 1]! - 1; zone >= this.#first[node]!; zone--) {
      if (this.#free[zone]! - (pages - 1) <= marks[zone]!) continue
      this.#free[zone]! -= pages
      this.inUse[node]! += pages
      return true
    }
    return false
  }

  /** As so many calls of `take` for one page, which leave the mark: first what the highest zone has above it. */
  takeEach(node: number, mark: Watermark, pages: number): void {
    const marks = this.#marks[mark]
    let rest = pages
    for (let zone = this.#first[node + 1]! - 1; zone >= this.#first[node]!; zone--) {
      const taken = Math.min(rest, Math.max(0, this.#free[zone]! - marks[zone]!))
      this.#free[zone]! -= taken
      rest -= taken
    }
    this.inUse[node]! += pages
  }

  /**
   * So many frames may be taken and given singly in any order: the node stays above its high watermark, and all come from its highest
   * zone and go back there.
   */
  mayTrade(node: number, taken: number, given: number): boolean {
    const zone = this.#first[node + 1]! - 1
    if (taken > 0 && this.#free[zone]! - taken <= this.#marks.high[zone]! + 1) return false
    return zone === this.#first[node]! || this.zones[zone]!.free - this.#free[zone]! >= given
  }

  /** Takes so many frames of such a node, or gives them back where the number is negative. */
  trade(node: number, frames: number): void {
    this.#free[this.#first[node + 1]! - 1]! -= frames
    this.inUse[node]! += frames
  }

  /** Gives frames back: to the node's highest zone while it lacks any, as what was taken first came from there. */
  give(node: number, pages: number): void {
    this.inUse[node]! -= pages
    let rest = pages
    const first = this.#first[node]!
    for (let zone = this.#first[node + 1]! - 1; zone >= first && rest > 0; zone--) {
      const room = zone === first ? rest : Math.min(rest, Math.max(0, this.zones[zone]!.free - this.#free[zone]!))
      this.#free[zone]! += room
      rest -= room
    }
  }

  /**
   * __alloc_pages(): the zonelist of `start` at the low watermark, then at min; answers the node or -1. `allowed` is the
   * policy's nodemask, `mems` the cpuset's; null allows all. `cpu` is the node of the cpu that allocates.
   */
  allocate(start: number, allowed: Uint8Array | null, mems: Uint8Array | null, pages: number, cpu: number): number {
    const order = this.#zonelists[start]!
    let preferred = -1
    for (let pass = 0; pass < 3; pass++) {
      if (pass > 0 && (this.reclaimer === null ? pass > 1 : !this.reclaimer(start, allowed, pass > 1))) break
      const mark: Watermark = pass === 0 ? 'low' : 'min'
      for (let i = 0; i < order.length; i++) {
        const node = order[i]!
        if ((allowed !== null && allowed[node] === 0) || (mems !== null && mems[node] === 0)) continue
        if (preferred < 0) preferred = node
        if (!this.take(node, mark, pages)) continue
        this.#vmstat.countAllocation(preferred, node, cpu, this.allocations(pages))
        return node
      }
    }
    return -1
  }

  /** What one allocation of so many pages counts as: a sampled page stands for as many allocations. */
  allocations(pages: number): number {
    return this.#isSample ? pages : 1
  }

  /** __GFP_THISNODE: this node or nothing. */
  allocateOn(node: number, mems: Uint8Array | null, pages: number, cpu: number): number {
    if ((mems !== null && mems[node] === 0) || !(this.take(node, 'low', pages) || this.take(node, 'min', pages))) return -1
    this.#vmstat.countAllocation(node, node, cpu, this.allocations(pages))
    return node
  }
}
