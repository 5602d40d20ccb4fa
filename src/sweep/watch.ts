/**
 * What a worker tells the main thread while it computes, through shared memory: which lane it is in, since when, how far it
 * has come through the trace, and how long each lane has computed so far. So a policy that never returns is known by name when its worker has to be ended.
 */
import type { LaneWatch } from '../replay/index.ts'

const CURRENT = 0
const SINCE = 1
const SHARE = 2
const SPENT = 3
const NONE = -1

export function newClock(lanes: number): Float64Array {
  const clock = new Float64Array(new SharedArrayBuffer((SPENT + lanes) * Float64Array.BYTES_PER_ELEMENT))
  clock[CURRENT] = NONE
  return clock
}

/** Both threads read the same wall clock; a jump of it can at worst end a point early, which is then recorded as such. */
const nowMs = (): number => performance.timeOrigin + performance.now()

/** The worker's side: counts, and ends a lane that came back too late. */
export class WorkerClock implements LaneWatch {
  readonly #clock: Float64Array
  readonly #limitMs: number

  constructor(clock: Float64Array, limitMs: number) {
    this.#clock = clock
    this.#limitMs = limitMs
  }

  enter(lane: number): void {
    this.#clock[SINCE] = nowMs()
    this.#clock[CURRENT] = lane
  }

  leave(lane: number): void {
    const clock = this.#clock
    clock[CURRENT] = NONE
    const spent = clock[SPENT + lane]! + nowMs() - clock[SINCE]!
    clock[SPENT + lane] = spent
    if (spent > this.#limitMs) throw new Error('time limit')
  }

  readonly passed = (share: number): void => {
    this.#clock[SHARE] = share
  }

  isOver(lane: number): boolean {
    return this.#clock[SPENT + lane]! > this.#limitMs
  }
}

/** The main thread's side: the lane that the worker is in, if any, and whether its time is up. */
export function laneAtWork(clock: Float64Array): number | undefined {
  const lane = clock[CURRENT]!
  return lane === NONE ? undefined : lane
}

/** Share of the pass that is done, 0 to 1. */
export const shareOf = (clock: Float64Array): number => clock[SHARE]!

export function isOverdue(clock: Float64Array, limitMs: number): boolean {
  const lane = laneAtWork(clock)
  if (lane === undefined) return false
  return clock[SPENT + lane]! + nowMs() - clock[SINCE]! > limitMs
}
