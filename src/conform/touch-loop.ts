/**
 * A thread's endless loop of touches over ranges of pages. Touches of pages that are mapped and accessible change nothing, so they
 * are only counted; the loop is asked when it will next meet a page that takes a fault. For random loops that is a geometric
 * draw, for sequential ones the distance to the next such page.
 */
import type { Random } from '../columns/index.ts'

interface Range {
  region: string
  first: number
  last: number
  write: boolean
  weight: number
}

/** `A:0-99:w*80;B:0-9:r*20` */
export function parseRanges(text: string): Range[] {
  return text.split(';').map((part) => {
    const match = /^(\w+):(\d+)(?:-(\d+))?(?::([rw]))?(?:\*(\d+))?$/.exec(part)
    if (match === null) throw new Error(`ranges of touches: ${part}`)
    const [, region, first, last, kind, weight] = match
    return { region: region!, first: Number(first), last: Number(last ?? first), write: kind !== 'r', weight: Number(weight ?? 1) }
  })
}

export interface Encounter {
  range: Range
  page: number
}

export class TouchLoop {
  readonly ranges: readonly Range[]
  /** Touches made per range. */
  readonly touches: number[]
  readonly #isRandom: boolean
  readonly #random: Random
  readonly #share: number[]
  /** Pages per range that may take a fault; some may have been dealt with by others. */
  readonly #waiting: number[][]
  /** Next page of sequential ranges. */
  readonly #position: number[]

  constructor(ranges: readonly Range[], isRandom: boolean, random: Random) {
    this.ranges = ranges
    this.touches = ranges.map(() => 0)
    this.#isRandom = isRandom
    this.#random = random
    const total = ranges.reduce((sum, { weight }) => sum + weight, 0)
    this.#share = ranges.map(({ weight }) => weight / total)
    this.#waiting = ranges.map(() => [])
    this.#position = ranges.map(({ first }) => first)
  }

  get reads(): boolean {
    return this.ranges.some(({ write }) => !write)
  }

  get pages(): number {
    return this.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  }

  /** Looks anew which pages will take a fault. */
  refresh(takesFault: (region: string, page: number) => boolean): void {
    for (const [r, { region, first, last }] of this.ranges.entries()) {
      const list = this.#waiting[r]!
      list.length = 0
      for (let page = first; page <= last; page++) if (takesFault(region, page)) list.push(page)
    }
  }

  /** Touches until the next page that may take a fault, at least one; infinite when there is none. */
  distance(): number {
    if (!this.#isRandom) return this.#sequentialDistance()
    let chance = 0
    for (const [r, { first, last }] of this.ranges.entries()) chance += (this.#share[r]! * this.#waiting[r]!.length) / (last - first + 1)
    if (chance === 0) return Number.POSITIVE_INFINITY
    if (chance >= 1) return 1
    return Math.max(1, Math.ceil(Math.log(1 - this.#random.float()) / Math.log(1 - chance)))
  }

  /** Goes on by so many touches that meet no fault. */
  skip(touches: number): void {
    for (const r of this.ranges.keys()) this.touches[r]! += touches * this.#share[r]!
    if (!this.#isRandom) {
      for (const [r, { first, last }] of this.ranges.entries()) {
        const length = last - first + 1
        this.#position[r] = first + ((this.#position[r]! - first + Math.round(touches * this.#share[r]!)) % length)
      }
    }
  }

  /** The page that was `distance()` away. */
  meet(): Encounter {
    const r = this.#isRandom ? this.#drawRange() : this.#nearestRange().range
    const list = this.#waiting[r]!
    const i = this.#isRandom ? this.#random.below(list.length) : list.indexOf(this.#nextInOrder(r))
    const page = list[i]!
    if (this.#isRandom) list[i] = list.at(-1)!
    else list.splice(i, 1)
    if (this.#isRandom) list.pop()
    this.touches[r]!++
    this.#position[r] = page === this.ranges[r]!.last ? this.ranges[r]!.first : page + 1
    return { range: this.ranges[r]!, page }
  }

  #drawRange(): number {
    const weights = this.ranges.map(({ first, last }, r) => (this.#share[r]! * this.#waiting[r]!.length) / (last - first + 1))
    let left = this.#random.float() * weights.reduce((a, b) => a + b, 0)
    for (const [r, weight] of weights.entries()) {
      left -= weight
      if (left < 0 && weight > 0) return r
    }
    return weights.findLastIndex((weight) => weight > 0)
  }

  #sequentialDistance(): number {
    return this.#nearestRange().distance
  }

  #nearestRange(): { range: number; distance: number } {
    let best = { range: -1, distance: Number.POSITIVE_INFINITY }
    for (const [r, { first, last }] of this.ranges.entries()) {
      if (this.#waiting[r]!.length === 0) continue
      const length = last - first + 1
      const ahead = (this.#nextInOrder(r) - this.#position[r]! + length) % length
      const distance = Math.ceil((ahead + 1) / this.#share[r]!)
      if (distance < best.distance) best = { range: r, distance }
    }
    return best
  }

  /** First waiting page at or after the position, round the end. Lists of sequential ranges stay in order. */
  #nextInOrder(r: number): number {
    const list = this.#waiting[r]!
    return list.find((page) => page >= this.#position[r]!) ?? list[0]!
  }
}
