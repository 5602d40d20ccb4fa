/** Hint faults added up before they are told: those that are alike for the policy (HintTally.kind) together. */
import type { HintTally } from '../policy/index.ts'

/** What can be told of a fault: key = (actor × (actors + 1) + last) << shift | home, where last = actors stands for nobody. */
export interface HintKeys {
  actors: number
  shift: number
}

export class HintSums {
  readonly #keys: HintKeys
  /** By actor × (actors + 1) + last: the first of those that are alike. */
  readonly #alike: Uint32Array
  readonly #faults: Uint32Array
  /** Keys with faults. */
  readonly #listed: Uint32Array
  #length = 0

  constructor(keys: HintKeys, rule: HintTally) {
    const { actors, shift } = keys
    this.#keys = keys
    this.#alike = new Uint32Array(actors * (actors + 1))
    this.#faults = new Uint32Array(this.#alike.length << shift)
    this.#listed = new Uint32Array(this.#faults.length)
    for (let actor = 0, pair = 0; actor < actors; actor++) {
      const firsts = new Map<number, number>()
      for (let last = 0; last <= actors; last++, pair++) {
        const kind = rule.kind(actor, last)
        if (!firsts.has(kind)) firsts.set(kind, pair)
        this.#alike[pair] = firsts.get(kind)!
      }
    }
  }

  add(key: number, faults: number): void {
    const { shift } = this.#keys
    const together = (this.#alike[key >>> shift]! << shift) | (key & ((1 << shift) - 1))
    if (this.#faults[together] === 0) this.#listed[this.#length++] = together
    this.#faults[together]! += faults
  }

  /** Calls `told` with all sums, which are zero then. */
  tell(told: (actor: number, last: number, home: number, faults: number) => void): void {
    const { actors, shift } = this.#keys
    for (let n = 0; n < this.#length; n++) {
      const key = this.#listed[n]!
      const pair = key >>> shift
      told(Math.floor(pair / (actors + 1)), pair % (actors + 1), key & ((1 << shift) - 1), this.#faults[key]!)
      this.#faults[key] = 0
    }
    this.#length = 0
  }
}
