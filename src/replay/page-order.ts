/** Touches of a block in order of their pages, for lanes that may take the faults of a tick in that order: found once for all lanes. */
import type { TickBlock } from '../trace/index.ts'
import { RUN_WORDS, type TouchedPages, type Workspace } from '../wasm/index.ts'

export interface PageOrder extends TouchedPages {
  /** Where the runs of each tick begin, in words; none where pages of touches are not those of pairs. Actors lie as touches do. */
  start: Uint32Array
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
  const start = new Uint32Array(ticks + 1)
  for (let i = 0; i < ticks; i++) {
    const [from, to] = [touchStart[i]!, touchStart[i + 1]!]
    const out = { runs: room.subarray(start[i]!), actor: actor.subarray(from, to) }
    start[i + 1] = start[i]! + RUN_WORDS * kernels.orderTouches(touches, from, to, pairs, pairStart[i]!, pairStart[i + 1]!, who, out)
  }
  const runs = raw.u32(start[ticks]!)
  runs.set(room.subarray(0, runs.length))
  return { runs, actor, start }
}

/** The touches of tick `i`; undefined where they are not ordered. */
export function touchedIn({ runs, actor, start }: PageOrder, { touchStart }: TickBlock, i: number): TouchedPages | undefined {
  const [from, to] = [start[i]!, start[i + 1]!]
  return from === to ? undefined : { runs: runs.subarray(from, to), actor: actor.subarray(touchStart[i]!, touchStart[i + 1]!) }
}
