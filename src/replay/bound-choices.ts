/**
 * Where the optimum of bound-pages.ts keeps each page. After every touch of a page it is known on which node its cheapest history
 * ends, and which nodes are so much dearer that a page which is there at the next touch may as well have moved there. Read
 * backwards this gives one placement that costs the optimum. If that fits on the nodes in every tick, what they hold costs
 * nothing, and the optimum without capacities is the optimum.
 */
import { countTouches, firstPairOf, PAIR_WORDS, type PreparedTrace } from '../trace/index.ts'
import { CHOICE_NODES, NODE_BITS } from '../wasm/index.ts'
import type { BoundProblem } from './bound-problem.ts'

/** Of four bytes each: 512 MiB. */
const MOST_TOUCHES = 2 ** 27
/** Of what is known of a page: its node in the low bits, or NOWHERE, and above the tick until which it is there; one word, as memory is far. */
const PLACE_BITS = 5
const NOWHERE = (1 << PLACE_BITS) - 1

/** A touch of a page, the memory node on which it lies from then on, and the tick at which it is touched again or out of memory. */
export type VisitStay = (page: number, m: number, tick: number, until: number) => void

/** Pages [from, to). */
export interface PageRange {
  from: number
  to: number
}

export class Choices {
  readonly #trace: PreparedTrace
  readonly #problem: BoundProblem
  readonly #range: PageRange
  readonly #choices: Uint32Array
  /** Before each tick, and at the end. */
  readonly #start: Float64Array
  #count = 0

  private constructor(problem: BoundProblem, range: PageRange, touches: number) {
    this.#trace = problem.trace
    this.#problem = problem
    this.#range = range
    this.#choices = new Uint32Array(touches)
    this.#start = new Float64Array(problem.ticks + 1)
  }

  /** Undefined where nobody needs them, or nodes or touches are too many. */
  static of(problem: BoundProblem, range: PageRange): Choices | undefined {
    if (!problem.asksForRoom || problem.memory.length > CHOICE_NODES) return undefined
    const touches = countTouches(problem.trace)
    return touches <= MOST_TOUCHES ? new Choices(problem, range, touches) : undefined
  }

  /** Of the next touched pages of the range in the tick, in order. */
  add(choices: Uint32Array): void {
    this.#choices.set(choices, this.#count)
    this.#count += choices.length
  }

  endTick(tick: number): void {
    this.#start[tick + 1] = this.#count
  }

  /** Stays of the placement, the last first. */
  forEachStay(visit: VisitStay): void {
    const { ticks, drops } = this.#problem
    const { from, to } = this.#range
    const known = new Uint32Array(to - from).fill((ticks << PLACE_BITS) | NOWHERE)
    let drop = drops.length - 1
    for (let b = this.#trace.blocks - 1; b >= 0; b--) {
      const block = this.#trace.block(b)
      const { firstTick, pairs, pairStart } = block
      for (let i = block.ticks - 1; i >= 0; i--) {
        const now = firstTick + i
        for (; drop >= 0 && drops[drop]!.tick > now; drop--) {
          // outside of the range nothing is written
          for (const page of drops[drop]!.pages) known[page - from] = (drops[drop]!.tick << PLACE_BITS) | NOWHERE
        }
        let touch = this.#start[now]!
        const end = pairStart[i + 1]! * PAIR_WORDS
        for (let k = firstPairOf(block, i, from) * PAIR_WORDS; k < end && pairs[k]! < to; touch++) {
          const page = pairs[k]!
          for (; k < end && pairs[k] === page; k += PAIR_WORDS);
          const choice = this.#choices[touch]!
          const later = known[page - from]!
          const next = later & NOWHERE
          const stays = next !== NOWHERE && ((choice >>> (NODE_BITS + next)) & 1) === 0
          const m = stays ? next : choice & ((1 << NODE_BITS) - 1)
          visit(page, m, now, later >>> PLACE_BITS)
          known[page - from] = (now << PLACE_BITS) | m
        }
      }
    }
  }

  /** By memory node and tick, how many pages of the range come to lie there more than before: [m * (ticks + 1) + tick]. */
  get arrivals(): Float64Array {
    const { memory, ticks } = this.#problem
    const arrivals = new Float64Array(memory.length * (ticks + 1))
    this.forEachStay((_page, m, tick, until) => {
      arrivals[m * (ticks + 1) + tick]!++
      arrivals[m * (ticks + 1) + until]!--
    })
    return arrivals
  }
}

/** Whether no node holds more pages than it has frames, in any tick; `arrivals` of all pages. */
export function fits({ ticks, capacity }: BoundProblem, arrivals: Float64Array): boolean {
  return capacity.every((frames, m) => {
    let held = 0
    for (let tick = 0; tick < ticks; tick++) {
      held += arrivals[m * (ticks + 1) + tick]!
      if (held > frames) return false
    }
    return true
  })
}
