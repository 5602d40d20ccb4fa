/**
 * Identity of a trace's content: sha256 over every access, event, task and the page size, independent of the file's name,
 * compression and tick. Accesses are hashed as 20-byte records in chunks of 4096, each chunk together with the hash before it:
 * so what was hashed so far is 32 bytes, and an interrupted import can go on from there.
 */
import { createHash } from 'node:crypto'

const WORDS = 5
const RECORDS = 1 << 12
/** Values that do not fit the ordinary record go before it in one marked with this (an ordinary record is never 0 there). */
const WIDE = 0

export interface SavedDigest {
  chain: Uint8Array
  words: Uint32Array
  lastNs: number
  tasks: number[]
}

export class ContentDigest {
  /** Hash of the chunks so far. */
  #chain: Uint8Array = new Uint8Array(32)
  readonly #words = new Uint32Array(RECORDS * WORDS)
  readonly #bytes = new Uint8Array(this.#words.buffer)
  #used = 0
  #lastNs = 0
  /** Tasks count in order of their first access, plus 1. */
  readonly #ordinal = new Uint32Array(1 << 16)
  readonly #tasks: number[] = []

  access(timeNs: number, task: number, cpu: number, high: number, low: number, bytes: number, kind: number, weight: number): void {
    const delta = timeNs - this.#lastNs
    this.#lastNs = timeNs
    let who = this.#ordinal[task]!
    if (who === 0) {
      who = this.#tasks.push(task)
      this.#ordinal[task] = who
    }
    if (delta > 0xffff_ffff || bytes > 0x3fff_ffff || weight !== 1) this.#push(Math.floor(delta / 2 ** 32), weight, Math.floor(weight / 2 ** 32), bytes, WIDE)
    this.#push(delta, low, high, ((who << 16) | ((cpu + 1) & 0xffff)) >>> 0, (bytes << 2) | kind)
  }

  #push(a: number, b: number, c: number, d: number, e: number): void {
    const words = this.#words
    let i = this.#used
    words[i++] = a
    words[i++] = b
    words[i++] = c
    words[i++] = d
    words[i++] = e
    this.#used = i
    if (i === words.length) this.#flush()
  }

  #flush(): void {
    this.#chain = createHash('sha256')
      .update(this.#chain)
      .update(this.#bytes.subarray(0, this.#used * 4))
      .digest()
    this.#used = 0
  }

  saved(): SavedDigest {
    return { chain: this.#chain, words: this.#words.slice(0, this.#used), lastNs: this.#lastNs, tasks: [...this.#tasks] }
  }

  restore({ chain, words, lastNs, tasks }: SavedDigest): void {
    this.#chain = chain
    this.#words.set(words)
    this.#used = words.length
    this.#lastNs = lastNs
    for (const task of tasks) this.#ordinal[task] = this.#tasks.push(task)
  }

  /** `identity` names a task; `rest` = what is neither access nor task, as JSON. */
  finish(identity: (task: number) => unknown, rest: unknown): string {
    this.#flush()
    return createHash('sha256')
      .update(this.#chain)
      .update(JSON.stringify([this.#tasks.map(identity), rest]))
      .digest('hex')
  }
}
