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

export type Observation<Seen> =
  | { kind: 'accesses'; ideal: true; seen?: Seen }
  | { kind: 'sampled accesses'; rate: number; ideal: false; seen?: Seen }
  | { kind: 'accessed bits'; ideal: false; seen?: Seen }
  | { kind: 'upcoming'; withinNs: number; ideal: true; seen?: Seen }

/** Ideal counter of every access: what no hardware gives for free. Reports mark such lanes. */
export const accesses = (): Observation<PageActivity> => ({ kind: 'accesses', ideal: true })
/** PEBS or IBS: each access is seen with probability `rate` (0 … 1), seeded. Pays per sample. */
export const sampledAccesses = ({ rate }: { rate: number }): Observation<PageActivity> => ({ kind: 'sampled accesses', rate, ideal: false })
/** Idle-page tracking or a page-table walk: one bit per page. Pays per PTE walked. */
export const accessedBits = (): Observation<AccessedPages> => ({ kind: 'accessed bits', ideal: false })
/** Clairvoyance: the accesses of the next `within` ns. Reports mark such lanes. */
export const upcoming = (within: number): Observation<PageActivity> => ({ kind: 'upcoming', withinNs: within, ideal: true })
