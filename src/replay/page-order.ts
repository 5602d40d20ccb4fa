/** Touches of a block in order of their pages, for lanes that may take the faults of a tick in that order: found once for all lanes. */
import type { TickBlock } from '../trace/index.ts'
import { RUN_WORDS, type TouchedPages, type Workspace } from '../wasm/index.ts'

export interface PageOrder {
  /** Of each tick the runs, then the pages of short runs; neither where pages of touches are not those of pairs. */
  words: Uint32Array
  /** Where runs and pages of each tick begin, in words: [2 × tick], [2 × tick + 1]. */
  start: Uint32Array
  /** Of each tick as many as it has touches: of its runs, then of its pages. */
  actor: Uint8Array
}

/** `who`: a byte by page, `room`: two words for each touch, both for anything. At most 256 actors. */
export function pageOrderOf(
  { ticks, touchPage, touchActor, touchStart, pairs, pairStart }: TickBlock,
  who: Uint8Array,
  room: Uint32Array,
  space: Workspace,
): PageOrder {
  const { kernels, raw } = space
  const touches = { touchPage, touchActor }
  const actor = raw.u8(touchPage.length)
  const start = new Uint32Array(2 * ticks + 1)
  const lengths = raw.u32(2)
  let length = 0
  for (let i = 0; i < ticks; i++) {
    const [from, to] = [touchStart[i]!, touchStart[i + 1]!]
    // not more than twice the touches before are taken
    const words = room.subarray(length, length + 2 * (to - from))
    kernels.orderTouches(touches, from, to, pairs, pairStart[i]!, pairStart[i + 1]!, who, { words, actor: actor.subarray(from, to), lengths })
    const [runs, pages] = [RUN_WORDS * lengths[0]!, lengths[1]!]
    words.copyWithin(runs, words.length - pages)
    start.set([length, length + runs], 2 * i)
    length += runs + pages
  }
  start[2 * ticks] = length
  const words = raw.u32(length)
  words.set(room.subarray(0, length))
  return { words, start, actor }
}

/** The touches of tick `i`; undefined where they are not ordered. */
export function touchedIn({ words, start, actor }: PageOrder, { touchStart }: TickBlock, i: number): TouchedPages | undefined {
  const [from, at, to] = [start[2 * i]!, start[2 * i + 1]!, start[2 * i + 2]!]
  if (from === to) return undefined
  const end = touchStart[i + 1]!
  return {
    runs: words.subarray(from, at),
    actor: actor.subarray(touchStart[i]!, end),
    pages: words.subarray(at, to),
    pageActor: actor.subarray(end - (to - at), end),
  }
}
