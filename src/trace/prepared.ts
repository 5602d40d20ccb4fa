/**
 * A trace as the engine reads it: folded once, at import, into ticks. Shapes and units of every column are here.
 *
 * An *actor* is a (task, cpu) pair that occurs in the trace; a *tick* is the finest stretch of time that replay knows; a
 * *page* is a dense id in order of first touch. Per tick there are two lists:
 *  - pairs, sorted by page then actor: how often this actor read and wrote this page in the tick;
 *  - touches, in order of discovery: the first access to each page in the tick (who, when, write or read).
 * docs/architecture.md says why nothing more is needed.
 */
import type { TraceEvent } from './events.ts'
import type { Carried, Fidelity, LintVerdict } from './format.ts'
import type { StoredBlocks } from './stored-blocks.ts'

export interface TraceMeta {
  schema: 'numareplay/trace/1'
  /** File the user named, as given. */
  file: string
  format: string
  /** For native files: the recording they were imported from. */
  origin?: { file: string; format: string }
  /** sha256 of the decoded content (accesses, events, page size), the same however the file was compressed or named. */
  digest: string
  fidelity: Fidelity
  /** `false` = every load and store; else the cache that filtered it, in words. */
  filtered: false | string
  carries: Carried[]
  pageSize: number
  /** Weighted: samples stand for their period. `records` is the plain number of access records. */
  accesses: number
  reads: number
  writes: number
  records: number
  bytes: number
  pages: number
  pagesWritten: number
  timeFirstNs: number
  timeLastNs: number
  timeSorted: boolean
  tickNs: number
  events: Partial<Record<TraceEvent['kind'], number>>
  formatFacts: Record<string, number | string | boolean>
  lint: LintVerdict[]
  /** The trace holds some of the recording's pages only (docs/sampling.md). Accesses, times and tasks above are those of the whole recording; pages and digest are of what is kept. */
  sample?: PageSampleFacts
}

export interface PageSampleFacts {
  /** A sampled page stands for so many. */
  oneIn: number
  /** Kept pages that stand for themselves alone, and those that stand for others too. */
  exactPages: number
  sampledPages: number
  /** Accesses to sampled pages, and to all the pages that were left out. */
  sampledAccesses: number
  leftOutAccesses: number
}

export interface TraceTask {
  pid: number
  tid: number
  /** Index into `processes`. */
  process: number
  accesses: number
}

/** Words of one pair in `TickBlock.pairs`. */
export const PAIR_WORDS = 4

/** The columns of consecutive ticks; what is in memory at one time. All arrays lie on SharedArrayBuffers. */
export interface TickBlock {
  firstTick: number
  ticks: number
  /** Start of tick firstTick+i in ns; length ticks + 1, the last is the end. Float64 holds integers below 2^53. */
  startNs: Float64Array
  /** pairs of tick firstTick+i are [pairStart[i], pairStart[i+1]), counted in pairs; length ticks + 1. */
  pairStart: Uint32Array
  /** Four words a pair: page, actor, reads, writes. One record is one cache-line visit, and a v128 for the kernels. */
  pairs: Uint32Array
  /** touches likewise. */
  touchStart: Uint32Array
  touchPage: Uint32Array
  touchActor: Uint16Array
  touchIsWrite: Uint8Array
  /** Since the start of the tick. */
  touchOffsetNs: Uint32Array
}

export interface PreparedTrace {
  meta: TraceMeta
  /** pid of each process. */
  processes: number[]
  tasks: TraceTask[]
  /** Recorded cpu numbers that occur, ascending, with their accesses; empty when the format cannot tell. */
  cpus: { cpu: number; accesses: number }[]
  /** actor -> task index, actor -> recorded cpu (0 where unknown). */
  actorTask: Uint16Array
  actorCpu: Uint16Array
  /** page id -> process index, page id -> virtual page number (integer below 2^52). */
  pageProcess: Uint16Array
  pageVpage: Float64Array
  /** In a sample of pages: ids of those that stand for themselves alone, ascending. */
  exactPages?: Uint32Array
  /** Sorted by time. Every event lies on a tick boundary: ticks are cut there. */
  events: TraceEvent[]
  ticks: number
  /** Starts of all ticks and the end of the last, ns; blocks hold slices of the same numbers. */
  tickStartNs: Float64Array
  blocks: number
  /** Columns of block b. In-memory traces return the same object each time; file-backed ones read it, and it is valid until four others were asked for. */
  block(b: number): TickBlock
  /** A second way to the same blocks, for looking ahead while others are in use; absent where blocks stay valid. */
  reader?(): (b: number) => TickBlock
  /** Where the blocks lie, when they are read from a native file. */
  stored?: StoredBlocks
}

/** First pair of tick `firstTick + i` whose page is not below `page`, which no pair before `from` is; the end of the tick's pairs where there is none. */
export function firstPairOf({ pairs, pairStart }: TickBlock, i: number, page: number, from = pairStart[i]!): number {
  let low = from
  let high = pairStart[i + 1]!
  for (let step = 1; low + step < high; step *= 2) {
    if (pairs[(low + step) * PAIR_WORDS]! >= page) high = low + step
    else low += step
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (pairs[middle * PAIR_WORDS]! < page) low = middle + 1
    else high = middle
  }
  return low
}

/** Pairs of all ticks together; of a stored trace without reading it. */
export function countPairs(trace: PreparedTrace): number {
  if (trace.stored) return trace.stored.blocks.reduce((sum, { pairs }) => sum + pairs, 0)
  let pairs = 0
  for (let b = 0; b < trace.blocks; b++) pairs += trace.block(b).pairs.length / PAIR_WORDS
  return pairs
}

/** Touches of all ticks together, likewise: a page counts once in each tick in which it is touched. */
export function countTouches(trace: PreparedTrace): number {
  if (trace.stored) return trace.stored.blocks.reduce((sum, { touches }) => sum + touches, 0)
  let touches = 0
  for (let b = 0; b < trace.blocks; b++) touches += trace.block(b).touchPage.length
  return touches
}
