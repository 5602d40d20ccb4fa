/**
 * A trace turned round: for a stretch of pages, the touches of each page in order of time. The bounds with capacities need
 * it several times over; pairs of a tick are sorted by page, so a stretch is a slice of every tick. With a `stride` only
 * every so-manieth page is kept: a sample.
 */
import { firstPairOf, PAIR_WORDS } from '../trace/index.ts'
import { type PricedPages, plainWorkspace, type Workspace } from '../wasm/index.ts'
import type { BoundProblem } from './bound-problem.ts'
import { forEachTick } from './context.ts'

export type Histories = PricedPages

/** Bytes of so many of a stretch's pages and touches. */
export const historyBytes = (pages: number, touches: number, memoryNodes: number): number => 4 * (pages + 1) + touches * (8 * memoryNodes + 9)

/** `start` = countTouches of the same stretch, where it is known; `space`: where the columns are made. */
export function historiesOf(
  problem: BoundProblem,
  firstPage: number,
  lastPage: number,
  stride = 1,
  start = countTouches(problem, firstPage, lastPage, stride),
  space: Workspace = plainWorkspace,
): Histories {
  const { trace, ticks, memory, readPs, writePs } = problem
  const width = memory.length
  const pages = start.length - 1
  const touches = start[pages]!
  const tick = space.u32(touches)
  const cost = space.f64(touches * width)
  const until = space.u32(touches).fill(ticks)
  const enters = space.u8(touches)
  const starts = space.u32(pages + 1)
  starts.set(start)
  const next = start.slice(0, pages)
  let nextDrop = 0
  /** 1 while the page is in memory. */
  const present = new Uint8Array(pages)
  const drop = (page: number, now: number) => {
    const p = (page - firstPage) / stride
    if (p < 0 || p >= pages || !Number.isInteger(p) || present[p] === 0) return
    present[p] = 0
    until[next[p]! - 1] = now
  }

  forEachTick(trace, (block, i) => {
    const now = block.firstTick + i
    while (nextDrop < problem.drops.length && problem.drops[nextDrop]!.tick <= now) for (const page of problem.drops[nextDrop++]!.pages) drop(page, now)
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    let k = firstPairOf(block, i, firstPage) * PAIR_WORDS
    while (k < end && pairs[k]! < lastPage) {
      const page = pairs[k]!
      if ((page - firstPage) % stride !== 0) {
        k += PAIR_WORDS
        continue
      }
      const p = (page - firstPage) / stride
      const touch = next[p]!++
      tick[touch] = now
      if (present[p] === 0) {
        present[p] = 1
        enters[touch] = 1
      } else until[touch - 1] = now
      const base = touch * width
      for (; k < end && pairs[k] === page; k += PAIR_WORDS) {
        const row = pairs[k + 1]! * width
        for (let m = 0; m < width; m++) cost[base + m]! += pairs[k + 2]! * readPs[row + m]! + pairs[k + 3]! * writePs[row + m]!
      }
    }
  })
  return { pages, start: starts, tick, cost, until, enters }
}

/** Touches of all pages before each page of the stretch; one more entry than pages. */
export function countTouches({ trace }: BoundProblem, firstPage: number, lastPage: number, stride = 1): Uint32Array {
  const pages = Math.ceil((lastPage - firstPage) / stride)
  const start = new Uint32Array(pages + 1)
  forEachTick(trace, (block, i) => {
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    let before = -1
    for (let k = firstPairOf(block, i, firstPage) * PAIR_WORDS; k < end && pairs[k]! < lastPage; k += PAIR_WORDS) {
      if (pairs[k] === before) continue
      before = pairs[k]!
      if ((before - firstPage) % stride === 0) start[(before - firstPage) / stride + 1]!++
    }
  })
  for (let p = 0; p < pages; p++) start[p + 1]! += start[p]!
  return start
}
