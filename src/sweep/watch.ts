/**
 * What a worker tells the main thread while it computes, through shared memory: which lane it is in, since when, and how long
 * each lane has computed so far. So a policy that never returns is known by name when its worker has to be ended.
 */
import type { LaneWatch } from '../replay/index.ts'

const CURRENT = 0
const SINCE = 1
const SPENT = 2
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

  isOver(lane: number): boolean {
    return this.#clock[SPENT + lane]! > this.#limitMs
  }
}

/** The main thread's side: the lane that the worker is in, if any, and whether its time is up. */
export function laneAtWork(clock: Float64Array): number | undefined {
  const lane = clock[CURRENT]!
  return lane === NONE ? undefined : lane
}

export function isOverdue(clock: Float64Array, limitMs: number): boolean {
  const lane = laneAtWork(clock)
  if (lane === undefined) return false
  return clock[SPENT + lane]! + nowMs() - clock[SINCE]! > limitMs
}
