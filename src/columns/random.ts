/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand), 32 bits a draw. One stream per lane and purpose, so that
 * no draw depends on what else runs. Never Math.random.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** `label` separates streams of one seed, e.g. the lane's name. */
  constructor(seed: number, label = '') {
    // signed, as all later states are: the engine keeps fields that were ever larger as floats, which takes twice the time
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = fnv1a(label) | 0
    for (let i = 0; i < 16; i++) this.u32()
  }

  /** Uniform integer in [0, 2^32). */
  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0
    return t >>> 0
  }

  /** Uniform float in [0, 1) with 53 bits. */
  float(): number {
    return (this.u32() * 2 ** 21 + (this.u32() >>> 11)) * 2 ** -53
  }

  /** Uniform integer in [0, bound), 1 <= bound <= 2^32, without modulo bias. */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound)
    let draw = this.u32()
    while (draw >= limit) draw = this.u32()
    return draw % bound
  }
}

/** FNV-1a, 32 bits, over UTF-16 code units. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
