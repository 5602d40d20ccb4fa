/**
 * Which thread replays which lanes. Lanes differ in cost, and nobody knows by how much before: of a trace that every thread has in memory
 * each gets a share at first, and takes of the others when it is done.
 */

/** Of the lanes, what is dealt out at first: many at once are counted together (joint-lanes.ts) and read what others brought near. */
const FIRST_SHARE = 0.75
/** Passes over the trace shorter than it save no more time at the end than they cost. */
const SHORTEST_MS = 10

/** Plain data that crosses threads. */
export interface Deal {
  lanes: number
  /** Threads that replay lanes. */
  threads: number
  /** Lanes dealt out at first. */
  dealt: number
  /** Shared: the first lane that nobody took. */
  next: Int32Array
}

/** `mayDivide`: a thread may pass over the trace again. */
export function dealOf(lanes: number, threads: number, mayDivide: boolean): Deal {
  const dealt = mayDivide ? threads * Math.max(1, Math.floor((FIRST_SHARE * lanes) / threads)) : lanes
  const next = new Int32Array(new SharedArrayBuffer(4))
  next[0] = dealt
  return { lanes, threads, dealt, next }
}

/** The lanes that thread `me` replays, those of a pass at a time; whoever asks for more is done with these. */
export function* lanesFor({ lanes, threads, dealt, next }: Deal, me: number): Generator<number[]> {
  if (me >= threads) return
  let taken = range(0, dealt).filter((i) => ownerOf(i, threads) === me)
  while (taken.length > 0) {
    const begun = performance.now()
    yield taken
    const msPerLane = (performance.now() - begun) / taken.length
    const left = Math.max(0, lanes - Atomics.load(next, 0))
    const most = Math.max(1, Math.min(Math.ceil(left / threads), Math.floor(SHORTEST_MS / msPerLane)))
    const from = Atomics.add(next, 0, most)
    taken = range(Math.min(from, lanes), Math.min(from + most, lanes))
  }
}

/** To and fro, as lanes side by side often differ in a parameter that makes each cost less than the one before. */
function ownerOf(lane: number, threads: number): number {
  const turn = lane % (2 * threads)
  return turn < threads ? turn : 2 * threads - 1 - turn
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
