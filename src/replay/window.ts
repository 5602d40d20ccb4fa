/**
 * The blocks of a trace as lanes read them: one at a time, in the memory that kernels reach, with what all lanes want to know
 * of a tick. The arrays are used again for the next block.
 */
import { PAIR_WORDS, type TickBlock } from '../trace/index.ts'
import type { Workspace } from '../wasm/index.ts'

export interface LaneBlock extends TickBlock {
  /** Reads and writes of each tick. */
  accesses: Float64Array
  /** Room for the indexes of the touches that fault in some lane. */
  faulting: Uint32Array
  /** Pages touched up to the end of each tick: ids are dense in order of first touch. */
  pagesSeen: Float64Array
}

export class BlockWindow {
  readonly #read: (b: number) => TickBlock
  readonly #space: Workspace
  #pairs: Uint32Array
  #touchPage: Uint32Array
  #faulting: Uint32Array
  #pagesSeen = 0

  constructor(read: (b: number) => TickBlock, space: Workspace) {
    this.#read = read
    this.#space = space
    this.#pairs = space.u32(0)
    this.#touchPage = space.u32(0)
    this.#faulting = space.u32(0)
  }

  /** Block `b`; blocks are asked for in order. */
  load(b: number): LaneBlock {
    const block = this.#read(b)
    return this.#described(this.#space.kind === 'wasm' ? this.#copied(block) : block)
  }

  #copied(block: TickBlock): TickBlock {
    if (block.pairs.length > this.#pairs.length) this.#pairs = this.#space.u32(withRoom(block.pairs.length))
    if (block.touchPage.length > this.#touchPage.length) this.#touchPage = this.#space.u32(withRoom(block.touchPage.length))
    const pairs = this.#pairs.subarray(0, block.pairs.length)
    const touchPage = this.#touchPage.subarray(0, block.touchPage.length)
    pairs.set(block.pairs)
    touchPage.set(block.touchPage)
    return { ...block, pairs, touchPage }
  }

  #described(block: TickBlock): LaneBlock {
    const { ticks, pairs, pairStart } = block
    if (block.touchPage.length >= this.#faulting.length) this.#faulting = this.#space.u32(withRoom(block.touchPage.length + 1))
    const accesses = new Float64Array(ticks)
    const pagesSeen = new Float64Array(ticks)
    for (let i = 0; i < ticks; i++) {
      const end = pairStart[i + 1]!
      accesses[i] = this.#space.kernels.accesses(pairs, pairStart[i]!, end)
      // pairs are sorted by page
      if (end > pairStart[i]!) this.#pagesSeen = Math.max(this.#pagesSeen, pairs[(end - 1) * PAIR_WORDS]! + 1)
      pagesSeen[i] = this.#pagesSeen
    }
    return { ...block, accesses, pagesSeen, faulting: this.#faulting }
  }
}

/** Blocks differ a little in length: the largest yet shall not be outgrown by the next. */
const withRoom = (length: number): number => length + (length >>> 2)
