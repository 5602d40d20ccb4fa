/** Hint faults added up before they are told: those that are alike for the policy (HintTally.kind) together. */
import type { HintTally } from '../policy/index.ts'
import type { KeySums, Workspace } from '../wasm/index.ts'

/** What can be told of a fault: key = (actor × (actors + 1) + last) << shift | home, where last = actors stands for nobody. */
export interface HintKeys {
  actors: number
  shift: number
}

export class HintSums {
  readonly #keys: HintKeys
  /** Where kernels reach it. */
  readonly all: KeySums

  constructor(keys: HintKeys, rule: HintTally, { u32 }: Workspace) {
    const { actors, shift } = keys
    this.#keys = keys
    const pairs = actors * (actors + 1)
    this.all = { alike: u32(pairs), faults: u32(pairs << shift), listed: u32(pairs << shift), length: u32(1) }
    for (let actor = 0, pair = 0; actor < actors; actor++) {
      const firsts = new Map<number, number>()
      for (let last = 0; last <= actors; last++, pair++) {
        const kind = rule.kind(actor, last)
        if (!firsts.has(kind)) firsts.set(kind, pair)
        this.all.alike[pair] = firsts.get(kind)!
      }
    }
  }

  /** Keys with faults. */
  get keys(): Uint32Array {
    return this.all.listed.subarray(0, this.all.length[0]!)
  }

  add(key: number, faults: number): void {
    const { shift } = this.#keys
    const { alike, faults: sums, listed, length } = this.all
    const together = (alike[key >>> shift]! << shift) | (key & ((1 << shift) - 1))
    if (sums[together] === 0) listed[length[0]!++] = together
    sums[together]! += faults
  }

  clear(): void {
    for (const key of this.keys) this.all.faults[key] = 0
    this.all.length[0] = 0
  }

  /** Calls `told` with all sums, which are zero then. */
  tell(told: (actor: number, last: number, home: number, faults: number) => void): void {
    const { actors, shift } = this.#keys
    const { faults, listed, length } = this.all
    for (let n = 0; n < length[0]!; n++) {
      const key = listed[n]!
      const pair = key >>> shift
      told(Math.floor(pair / (actors + 1)), pair % (actors + 1), key & ((1 << shift) - 1), faults[key]!)
      faults[key] = 0
    }
    length[0] = 0
  }
}
