/**
 * Where the optimum of bound-pages.ts keeps each page. After every touch of a page it is known on which node its cheapest history
 * ends, and which nodes are so much dearer that a page which is there at the next touch may as well have moved there. Read
 * backwards this gives one placement that costs the optimum. If that fits on the nodes in every tick, what they hold costs
 * nothing, and the optimum without capacities is the optimum.
 */
import { countTouches, PAIR_WORDS, type PreparedTrace } from '../trace/index.ts'
import { CHOICE_NODES, NODE_BITS } from '../wasm/index.ts'
import type { BoundProblem } from './bound-problem.ts'

/** Of four bytes each: 512 MiB. */
const MOST_TOUCHES = 2 ** 27
const NOWHERE = 255

/** A touch of a page, the memory node on which it lies from then on, and the tick at which it is touched again or out of memory. */
export type VisitStay = (page: number, m: number, tick: number, until: number) => void

export class Choices {
  readonly #trace: PreparedTrace
  readonly #problem: BoundProblem
  readonly #choices: Uint32Array
  /** Before each tick, and at the end. */
  readonly #start: Float64Array
  #count = 0

  private constructor(problem: BoundProblem, touches: number) {
    this.#trace = problem.trace
    this.#problem = problem
    this.#choices = new Uint32Array(touches)
    this.#start = new Float64Array(problem.ticks + 1)
  }

  /** Undefined where nobody needs them, or nodes or touches are too many. */
  static of(problem: BoundProblem): Choices | undefined {
    if (!problem.isScarce || problem.memory.length > CHOICE_NODES) return undefined
    const touches = countTouches(problem.trace)
    return touches <= MOST_TOUCHES ? new Choices(problem, touches) : undefined
  }

  /** Of the next touched pages of the tick, in order. */
  add(choices: Uint32Array): void {
    this.#choices.set(choices, this.#count)
    this.#count += choices.length
  }

  endTick(tick: number): void {
    this.#start[tick + 1] = this.#count
  }

  /** Stays of the placement, the last first. */
  forEachStay(visit: VisitStay): void {
    const { pages, ticks, drops } = this.#problem
    const node = new Uint8Array(pages).fill(NOWHERE)
    const until = new Uint32Array(pages).fill(ticks)
    let drop = drops.length - 1
    for (let b = this.#trace.blocks - 1; b >= 0; b--) {
      const { firstTick, pairs, pairStart, ticks: ticksHere } = this.#trace.block(b)
      for (let i = ticksHere - 1; i >= 0; i--) {
        const now = firstTick + i
        for (; drop >= 0 && drops[drop]!.tick > now; drop--) {
          for (const page of drops[drop]!.pages) {
            node[page] = NOWHERE
            until[page] = drops[drop]!.tick
          }
        }
        let touch = this.#start[now]!
        const end = pairStart[i + 1]! * PAIR_WORDS
        for (let k = pairStart[i]! * PAIR_WORDS; k < end; touch++) {
          const page = pairs[k]!
          for (; k < end && pairs[k] === page; k += PAIR_WORDS);
          const choice = this.#choices[touch]!
          const later = node[page]!
          const stays = later !== NOWHERE && ((choice >>> (NODE_BITS + later)) & 1) === 0
          const m = stays ? later : choice & ((1 << NODE_BITS) - 1)
          visit(page, m, now, until[page]!)
          node[page] = m
          until[page] = now
        }
      }
    }
  }

  /** Whether no node holds more pages than it has frames, in any tick. */
  get fits(): boolean {
    const { memory, ticks, capacity } = this.#problem
    const change = new Float64Array(memory.length * (ticks + 1))
    this.forEachStay((_page, m, tick, until) => {
      change[m * (ticks + 1) + tick]!++
      change[m * (ticks + 1) + until]!--
    })
    return capacity.every((frames, m) => {
      let held = 0
      for (let tick = 0; tick < ticks; tick++) {
        held += change[m * (ticks + 1) + tick]!
        if (held > frames) return false
      }
      return true
    })
  }
}
