/**
 * The blocks of a trace as lanes read them: in the memory that kernels reach, with what all lanes want to know of a tick. One
 * block at a time, on arrays that are used again for the next (BlockWindow); or all of them, where a small trace is replayed
 * once more (residentBlocks).
 */
import { countPairs, nearReader, PAIR_WORDS, type PreparedTrace, type TickBlock } from '../trace/index.ts'
import { type Cells, type Kernels, keptInWorkspace, MOST_PACKED_ACTORS, type Workspace, withWorkspace } from '../wasm/index.ts'
import { FreshPageFinder, type FreshPages } from './fresh-pages.ts'
import { type PageOrder, pageOrderOf } from './page-order.ts'

export interface LaneBlock extends TickBlock {
  /** By tick, 1 where its accesses may be more than a cell of 32 bits holds. */
  isLarge: Uint8Array
  /** Room for the indexes of the touches that fault in some lane. */
  faulting: Uint32Array
  /** Pages touched up to the end of each tick: ids are dense in order of first touch. */
  pagesSeen: Float64Array
  /** Absent where there are too many actors. */
  fresh?: FreshPages
  /** Of a block that stays where kernels reach it. */
  packed?: PackedPairs
  /** Of such a block: its touches in order of their pages. */
  order?: PageOrder
}

/** The pairs of a block in 32 bits (wasm/packed.ts). */
interface PackedPairs {
  records: Uint32Array
  /** Where the records of each tick begin; none where they would be too many. */
  start: Uint32Array
}

/** Of the kernels' memory, kept free for the blocks being read, and for what a lane's counters take. */
export const RESERVED = 2 ** 29
/** What a cell of 32 bits holds. */
const MOST_COUNTED = 0xffff_ffff
/** A trace of at most so many pairs (at most three quarters of a GB) stays where kernels reach it, from the second replay on. */
const MOST_RESIDENT = 20_000_000

/** Packing pays where it makes not many more records than there are pairs. */
const MOST_RECORDS_PER_PAIR = 1.25

/**
 * Runs `work` with this thread's workspace and the blocks of the trace, which are asked for in order and each valid until the next is.
 * `read`: where they come from, if not from the trace.
 */
export function withBlocks<T>(trace: PreparedTrace, work: (space: Workspace, blockAt: (b: number) => LaneBlock) => T, read?: (b: number) => TickBlock): T {
  const resident = read === undefined ? residentBlocks(trace) : undefined
  replayed.add(trace)
  return withWorkspace((space) => {
    if (resident) return work(space, (b) => resident[b]!)
    const near = read === undefined && space.kind === 'wasm' ? nearReader(trace, space) : undefined
    const window = new BlockWindow(trace, space, near ?? read ?? ((b) => trace.block(b)), near === undefined && space.kind === 'wasm')
    return work(space, (b) => window.load(b))
  })
}

class BlockWindow {
  readonly #read: (b: number) => TickBlock
  readonly #space: Workspace
  readonly #isElsewhere: boolean
  readonly #mayBeLarge: boolean
  #pairs: Uint32Array
  #touchPage: Uint32Array
  #touchActor: Uint16Array
  #faulting: Uint32Array
  readonly #fresh: FreshPageFinder
  #pagesSeen = 0

  /** `isElsewhere`: kernels cannot reach the blocks as they are read. */
  constructor(trace: PreparedTrace, space: Workspace, read: (b: number) => TickBlock, isElsewhere: boolean) {
    this.#read = read
    this.#isElsewhere = isElsewhere
    this.#space = space
    this.#mayBeLarge = trace.meta.accesses > MOST_COUNTED
    this.#pairs = space.u32(0)
    this.#touchPage = space.u32(0)
    this.#touchActor = space.u16(0)
    this.#faulting = space.u32(0)
    this.#fresh = new FreshPageFinder(trace, space, false)
  }

  load(b: number): LaneBlock {
    const block = this.#read(b)
    if (block.touchPage.length >= this.#faulting.length) this.#faulting = this.#space.u32(withRoom(block.touchPage.length + 1))
    const laneBlock = described(this.#isElsewhere ? this.#copied(block) : block, this.#space.kernels, {
      faulting: this.#faulting,
      mayBeLarge: this.#mayBeLarge,
      fresh: this.#fresh,
      pagesSeen: this.#pagesSeen,
    })
    this.#pagesSeen = laneBlock.pagesSeen.at(-1) ?? this.#pagesSeen
    return laneBlock
  }

  #copied(block: TickBlock): TickBlock {
    if (block.pairs.length > this.#pairs.length) this.#pairs = this.#space.u32(withRoom(block.pairs.length))
    if (block.touchPage.length > this.#touchPage.length) {
      this.#touchPage = this.#space.u32(withRoom(block.touchPage.length))
      this.#touchActor = this.#space.u16(withRoom(block.touchPage.length))
    }
    return {
      ...block,
      pairs: filled(this.#pairs.subarray(0, block.pairs.length), block.pairs),
      touchPage: filled(this.#touchPage.subarray(0, block.touchPage.length), block.touchPage),
      touchActor: filled(this.#touchActor.subarray(0, block.touchActor.length), block.touchActor),
    }
  }
}

/** Blocks differ a little in length: the largest yet shall not be outgrown by the next. */
const withRoom = (length: number): number => length + (length >>> 2)

/** What does not depend on the block itself; `pagesSeen`: before it. */
interface Before {
  faulting: Uint32Array
  mayBeLarge: boolean
  fresh: FreshPageFinder
  pagesSeen: number
}

function described(block: TickBlock, kernels: Kernels, before: Before): LaneBlock {
  const { ticks, pairs, pairStart } = block
  const isLarge = new Uint8Array(ticks)
  const pagesSeen = new Float64Array(ticks)
  let seen = before.pagesSeen
  for (let i = 0; i < ticks; i++) {
    const end = pairStart[i + 1]!
    if (before.mayBeLarge && kernels.accesses(pairs, pairStart[i]!, end) > MOST_COUNTED) isLarge[i] = 1
    // pairs are sorted by page
    if (end > pairStart[i]!) seen = Math.max(seen, pairs[(end - 1) * PAIR_WORDS]! + 1)
    pagesSeen[i] = seen
  }
  return { ...block, isLarge, pagesSeen, faulting: before.faulting, fresh: before.fresh.find(block, before.pagesSeen, pagesSeen) }
}

/** Traces that this thread has replayed. */
const replayed = new WeakSet<PreparedTrace>()

/** Whether the next replay of the trace finds its blocks in memory, or puts them there: it is replayed once more and not too large. */
export function isResidentNext(trace: PreparedTrace): boolean {
  return replayed.has(trace) && countPairs(trace) <= MOST_RESIDENT
}

/** All blocks of such a trace; undefined for others, which are read block by block. */
function residentBlocks(trace: PreparedTrace): LaneBlock[] | undefined {
  if (!isResidentNext(trace)) return undefined
  return keptInWorkspace(trace, (space) => {
    const blocks = Array.from({ length: trace.blocks }, (_, b) => copyOf(trace.block(b), space, trace.stored !== undefined))
    const mostTouches = blocks.reduce((most, { touchPage }) => Math.max(most, touchPage.length), 0)
    // in order of pages a fault takes two words
    const faulting = space.u32(2 * mostTouches + 2)
    const isPacked = trace.actorTask.length <= MOST_PACKED_ACTORS
    const who = space.raw.u8(isPacked ? trace.meta.pages : 0)
    const mayBeLarge = trace.meta.accesses > MOST_COUNTED
    const fresh = new FreshPageFinder(trace, space, true)
    let pagesSeen = 0
    return blocks.map((block) => {
      const laneBlock = described(block, space.kernels, { faulting, mayBeLarge, fresh, pagesSeen })
      pagesSeen = laneBlock.pagesSeen.at(-1) ?? pagesSeen
      return isPacked ? { ...laneBlock, packed: packedPairs(block, space), order: pageOrderOf(block, who, faulting, space) } : laneBlock
    })
  })
}

/** The columns that kernels read, and all others too of a block whose arrays will be used again. */
function copyOf(block: TickBlock, space: Workspace, isReused: boolean): TickBlock {
  const { pairs, touchPage, touchActor } = block
  const copy = { ...block, pairs: filled(space.u32(pairs.length), pairs), touchPage: filled(space.u32(touchPage.length), touchPage) }
  copy.touchActor = filled(space.u16(touchActor.length), touchActor)
  if (!isReused) return copy
  const { pairStart, touchStart, touchIsWrite, touchOffsetNs } = block
  return { ...copy, pairStart: pairStart.slice(), touchStart: touchStart.slice(), touchIsWrite: touchIsWrite.slice(), touchOffsetNs: touchOffsetNs.slice() }
}

function packedPairs({ ticks, pairs, pairStart }: TickBlock, space: Workspace): PackedPairs {
  const roomFor = (n: number) => Math.ceil(n * MOST_RECORDS_PER_PAIR)
  const records = space.raw.u32(roomFor(pairStart[ticks]! - pairStart[0]!) + ticks)
  const start = new Uint32Array(ticks + 1)
  for (let i = 0; i < ticks; i++) {
    const room = records.subarray(0, start[i]! + roomFor(pairStart[i + 1]! - pairStart[i]!))
    start[i + 1] = space.kernels.packPairs(pairs, pairStart[i]!, pairStart[i + 1]!, room, start[i]!) ?? start[i]!
  }
  return { records, start }
}

/** Adds the counts of tick `i` to the cells, whose sums must stay below 2^32 (`isLarge`). */
export function accountTick(kernels: Kernels, { pairs, pairStart, packed }: LaneBlock, i: number, placement: Uint8Array, cells: Cells, shift: number): void {
  const [from, to] = [pairStart[i]!, pairStart[i + 1]!]
  if (packed === undefined || packed.start[i] === packed.start[i + 1]) kernels.account(pairs, from, to, placement, cells, shift)
  else kernels.accountPacked(packed.records, packed.start[i]!, packed.start[i + 1]!, pairs[from * PAIR_WORDS]!, placement, cells, shift)
}

function filled<A extends Uint32Array | Uint16Array>(array: A, values: A): A {
  array.set(values)
  return array
}
