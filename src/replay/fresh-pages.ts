/**
 * Pages that are touched for the first time in the trace, found once for all lanes: ids are dense in order of first touch, so those of
 * a tick lie side by side, and a lane that has lost none places them without a look at the touches.
 */
import type { PreparedTrace, TickBlock } from '../trace/index.ts'
import type { Workspace } from '../wasm/index.ts'

/** By tick: the pages from `pagesSeen` of the tick before to that of its own. */
export interface FreshPages {
  /**
   * Who touched them, in order of their ids and of touches; those of tick i from `start[i]` to `start[i + 1]`, none where some were not
   * touched, as in a part of a trace.
   */
  actor: Uint8Array
  start: Uint32Array
  /** How many of them each actor touched: of tick i from i * (actors + 1) on. */
  counts: Uint32Array
}

/** Actors of a trace whose fresh pages are found. */
const MOST_ACTORS = 256

export class FreshPageFinder {
  readonly #space: Workspace
  readonly #actors: number
  readonly #isKept: boolean
  #actor: Uint8Array
  #counts: Uint32Array

  /** `isKept`: what is found in a block is valid for longer than to the next one. */
  constructor({ actorTask }: PreparedTrace, space: Workspace, isKept: boolean) {
    this.#space = space
    this.#actors = actorTask.length
    this.#isKept = isKept
    this.#actor = space.u8(0)
    this.#counts = space.u32(0)
  }

  /** `before`: pages seen before the block; pagesSeen: by tick, afterwards. */
  find(block: TickBlock, before: number, pagesSeen: Float64Array): FreshPages | undefined {
    const { ticks, touchStart } = block
    if (this.#actors > MOST_ACTORS) return undefined
    const slots = this.#actors + 1
    const pages = ticks === 0 ? 0 : pagesSeen[ticks - 1]! - before
    if (this.#isKept || pages >= this.#actor.length) this.#actor = this.#space.raw.u8(this.#withRoom(pages + 1))
    if (this.#isKept || ticks * slots > this.#counts.length) this.#counts = this.#space.raw.u32(this.#withRoom(ticks * slots))
    const [actor, counts] = [this.#actor, this.#counts]
    const start = new Uint32Array(ticks + 1)
    counts.fill(0, 0, ticks * slots)
    for (let i = 0, seen = before; i < ticks; seen = pagesSeen[i++]!) {
      const from = start[i]!
      const n = pagesSeen[i]! - seen
      start[i + 1] = from
      if (n === 0) continue
      // one more than pages, for all other touches
      const touched = this.#space.kernels.findNew(
        block,
        touchStart[i]!,
        touchStart[i + 1]!,
        seen,
        actor.subarray(from, from + n + 1),
        counts.subarray(i * slots, (i + 1) * slots),
      )
      if (touched === n) start[i + 1] = from + n
    }
    return { actor, start, counts }
  }

  /** Blocks differ a little in length. */
  #withRoom(length: number): number {
    return this.#isKept ? length : length + (length >>> 2)
  }
}
