/**
 * How long a tick is. The grid starts at the first record. While a stream is read its span is not yet known, so it is folded
 * on a provisional grid of 10^k ns, coarsened as the span grows; whole provisional ticks are merged at the end, which is exact.
 */
import { UserError } from '../errors.ts'
import { formatDuration } from '../units.ts'

/** At least so many ticks, so that epochs, timers and charts have something to stand on. */
const MIN_TICKS = 256
/** Longer ticks than this are chosen only for traces that would have more than SOFT_MAX_TICKS. */
const LONGEST_CHOSEN_NS = 100e6
const SOFT_MAX_TICKS = 2 ** 20
const ACCESSES_PER_TICK = 2 ** 20
/** Offsets inside a tick are stored in 32 bits of ns. */
export const LONGEST_TICK_NS = 4e9
const HARD_MAX_TICKS = 2 ** 24

/** What the tick should at most be for so long and so dense a trace. */
function limitNs(spanNs: number, records: number): number {
  const wanted = Math.min(LONGEST_CHOSEN_NS, spanNs / Math.max(MIN_TICKS, records / ACCESSES_PER_TICK))
  return Math.max(1, wanted, spanNs / SOFT_MAX_TICKS)
}

/** Largest of 1, 2, 5 × 10^k that is not above the limit. */
function ladder(limit: number): number {
  const decade = 10 ** Math.floor(Math.log10(limit) + 1e-12)
  for (const step of [5, 2, 1]) if (step * decade <= limit) return step * decade
  return decade
}

/** The provisional grid may be ten times as long without passing what the final tick will be. */
export function mayCoarsen(provisionalNs: number, spanNs: number, records: number): boolean {
  return provisionalNs * 10 <= limitNs(spanNs, records) && provisionalNs * 10 <= LONGEST_TICK_NS
}

/** The final tick: a multiple of every provisional one. */
export function chooseTick(provisionalNs: number, spanNs: number, records: number): number {
  return Math.min(Math.max(provisionalNs, ladder(limitNs(spanNs, records))), 2e9)
}

export function checkTick(tickNs: number, field: string): number {
  if (!Number.isSafeInteger(tickNs) || tickNs < 1 || tickNs > LONGEST_TICK_NS)
    throw new UserError('not a usable tick', { field, expected: `1ns to ${formatDuration(LONGEST_TICK_NS)}`, got: formatDuration(tickNs) })
  return tickNs
}

/**
 * Starts of all ticks and the end of the last: the grid from `originNs`, cut at each of `cutsNs` (ascending).
 */
export function tickStarts(originNs: number, lastNs: number, tickNs: number, cutsNs: ArrayLike<number>): Float64Array {
  const cells = Math.floor((lastNs - originNs) / tickNs) + 1
  if (cells > HARD_MAX_TICKS)
    throw new UserError(`the tick ${formatDuration(tickNs)} cuts the trace into ${cells} ticks`, {
      expected: `at most ${HARD_MAX_TICKS}`,
      hint: `The trace lasts ${formatDuration(lastNs - originNs)}: choose a longer --tick`,
    })
  const starts = new Float64Array(cells + 1 + cutsNs.length)
  let n = 0
  let cut = 0
  for (let cell = 0; cell <= cells; cell++) {
    const gridNs = originNs + cell * tickNs
    for (; cut < cutsNs.length && cutsNs[cut]! <= gridNs; cut++) {
      if (n > 0 && cutsNs[cut]! < gridNs && cutsNs[cut] !== starts[n - 1]) starts[n++] = cutsNs[cut]!
    }
    starts[n++] = gridNs
  }
  return starts.slice(0, n)
}

/** The tick that is open, as accesses and events come in order: a cell of the grid from `originNs`, or what events leave of it. */
export class TickClock {
  startNs: number
  endNs = Number.NEGATIVE_INFINITY
  /** Nothing comes before it any more. */
  lastNs: number
  readonly #originNs: number
  readonly #tickNs: number
  #eventNs = Number.NEGATIVE_INFINITY

  constructor(originNs: number, tickNs: number) {
    this.#originNs = originNs
    this.#tickNs = tickNs
    this.startNs = originNs
    this.lastNs = originNs
  }

  access(timeNs: number): void {
    if (timeNs >= this.endNs) this.#open(timeNs)
  }

  /** A new tick begins with it, unless the one that is open does. */
  event(timeNs: number): void {
    if (timeNs >= this.endNs) this.#open(timeNs)
    this.startNs = Math.max(this.startNs, timeNs)
    this.#eventNs = timeNs
    this.lastNs = timeNs
  }

  #open(timeNs: number): void {
    const gridNs = this.#originNs + Math.floor((timeNs - this.#originNs) / this.#tickNs) * this.#tickNs
    this.startNs = Math.max(gridNs, this.#eventNs)
    this.endNs = gridNs + this.#tickNs
  }
}
