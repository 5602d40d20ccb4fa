/** What a policy may look at. An observation is data: the engine sees before the run what it must supply and charge. */
import type { NodeIndex, PageId } from '../kernel/index.ts'

/**
 * Accesses by page and node over one period. Valid during the call. `pages` ascending; counts are accesses (weighted; for
 * `sampledAccesses` the number of samples).
 */
export interface PageActivity {
  readonly pages: Uint32Array
  /** Accesses to `page` by cpus of `node`. */
  from(page: PageId, node: NodeIndex): number
  total(page: PageId): number
  writes(page: PageId): number
  /** The node with the most accesses to `page`; ties: lowest. */
  mainNode(page: PageId): NodeIndex
}

/** Pages whose accessed bit was found set since the last look; no node, no count. */
export interface AccessedPages {
  readonly pages: Uint32Array
  has(page: PageId): boolean
}

/** One region of DAMON: neighbouring pages that are taken to be accessed alike. */
export interface DamonRegion {
  /** Pages of the region that are present, in address order. */
  pages(): Uint32Array
  /** The accessed bit of a page, which is cleared: the filter `young` of a scheme. Pays for a check. */
  isYoung(page: PageId): boolean
  /** Share of the samples of the last aggregation that found the region accessed, 0 … 1. */
  accessRate: number
  /** Aggregation intervals for which the rate has stayed alike; a scheme that acts on a region sets it to 0. */
  age: number
}

export interface DamonSettings {
  /** Sampling and aggregation interval, ns. */
  sample: number
  aggregation: number
  /** min_nr_regions, max_nr_regions. */
  min: number
  max: number
}

export type Observation<Seen> =
  | { kind: 'accesses'; ideal: true; seen?: Seen }
  | { kind: 'sampled accesses'; rate: number; writeRate: number; ideal: false; seen?: Seen }
  | { kind: 'damon regions'; settings: DamonSettings; ideal: false; seen?: Seen }
  | { kind: 'accessed bits'; ideal: false; seen?: Seen }
  | { kind: 'upcoming'; withinNs: number; ideal: true; seen?: Seen }

/** Ideal counter of every access: what no hardware gives for free. Reports mark such lanes. */
export const accesses = (): Observation<PageActivity> => ({ kind: 'accesses', ideal: true })
/** PEBS or IBS: each read is seen with probability `rate` (0 … 1), each write with `writeRate`; seeded. Pays per sample. */
export const sampledAccesses = ({ rate, writeRate = rate }: { rate: number; writeRate?: number }): Observation<PageActivity> => ({
  kind: 'sampled accesses',
  rate,
  writeRate,
  ideal: false,
})
/** DAMON: one page of each region is checked per sampling interval. Pays per check. */
export const damonRegions = (settings: DamonSettings): Observation<DamonRegion[]> => ({ kind: 'damon regions', settings, ideal: false })
/** Idle-page tracking or a page-table walk: one bit per page. Pays per PTE walked. */
export const accessedBits = (): Observation<AccessedPages> => ({ kind: 'accessed bits', ideal: false })
/** Clairvoyance: the accesses of the next `within` ns. Reports mark such lanes. */
export const upcoming = (within: number): Observation<PageActivity> => ({ kind: 'upcoming', withinNs: within, ideal: true })
