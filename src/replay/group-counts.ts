/**
 * What the kept pages of a sample did in some stretch of time, by hash group and by the keys of the tables: vectors of WIDTH counts
 * (jackknife.ts), not expanded. A bin, a stretch and the whole run have one each; a bin that ends is added to the other two. On n nodes one takes 5 n² × 520 bytes (10 KiB on two nodes, 163 KiB on eight), and 520 bytes per
 * class of latency, reason of migration and number of returns.
 */
import { WIDTH } from './jackknife.ts'

export class GroupCounts {
  /** By route: (accessing node * nodes + memory node) * WIDTH + group. */
  readonly reads: Float64Array
  readonly writes: Float64Array
  /** Time of these accesses without load, and what load adds, ps. */
  readonly idlePs: Float64Array
  readonly queueingPs: Float64Array
  /** By (source * nodes + target) * WIDTH + group. */
  readonly migrated: Float64Array
  /** The same by reason. */
  readonly moves = new Map<string, Float64Array>()
  readonly pageFaults = new Float64Array(WIDTH)
  readonly hintFaults = new Float64Array(WIDTH)
  /** First writes to pages with copies. */
  readonly writeFaults = new Float64Array(WIDTH)
  /** Waits of accesses for pages under migration, ps. */
  readonly blockedPs = new Float64Array(WIDTH)
  /** Accesses by upper edge of their class of latency, ns. */
  readonly latency = new Map<number, Float64Array>()
  /** Returns of pages by their number for the page: first, second, … */
  readonly returns = new Map<number, Float64Array>()
  readonly #routes: number

  constructor(nodes: number) {
    this.#routes = nodes * nodes
    const perRoute = () => new Float64Array(this.#routes * WIDTH)
    this.reads = perRoute()
    this.writes = perRoute()
    this.idlePs = perRoute()
    this.queueingPs = perRoute()
    this.migrated = perRoute()
  }

  movedFor(reason: string): Float64Array {
    return vectorOf(this.moves, reason, this.#routes * WIDTH)
  }

  latencyUpTo(edgeNs: number): Float64Array {
    return vectorOf(this.latency, edgeNs, WIDTH)
  }

  returned(ordinal: number): Float64Array {
    return vectorOf(this.returns, ordinal, WIDTH)
  }

  addTo(longer: GroupCounts): void {
    for (const name of PLAIN) add(longer[name], this[name])
    for (const [reason, counts] of this.moves) add(longer.movedFor(reason), counts)
    for (const [edge, counts] of this.latency) add(longer.latencyUpTo(edge), counts)
    for (const [ordinal, counts] of this.returns) add(longer.returned(ordinal), counts)
  }

  clear(): void {
    for (const name of PLAIN) this[name].fill(0)
    this.moves.clear()
    this.latency.clear()
    this.returns.clear()
  }
}

const PLAIN = ['reads', 'writes', 'idlePs', 'queueingPs', 'migrated', 'pageFaults', 'hintFaults', 'writeFaults', 'blockedPs'] as const

function vectorOf<K>(vectors: Map<K, Float64Array>, key: K, length: number): Float64Array {
  let vector = vectors.get(key)
  if (vector === undefined) {
    vector = new Float64Array(length)
    vectors.set(key, vector)
  }
  return vector
}

function add(sums: Float64Array, counts: Float64Array): void {
  for (let i = 0; i < counts.length; i++) sums[i]! += counts[i]!
}

/** One vector: the sum of those at `slots`, each in units of WIDTH. */
export function sumOf(counts: Float64Array, slots: Iterable<number>, into: Float64Array = new Float64Array(WIDTH)): Float64Array {
  for (const slot of slots) for (let group = 0; group < WIDTH; group++) into[group]! += counts[slot * WIDTH + group]!
  return into
}
