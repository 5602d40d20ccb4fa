/**
 * Identity of a trace's content: sha256 over every access, event, task and the page size, independent of the file's name,
 * compression and tick. Accesses are hashed as 20-byte records, buffered, because a call per access would cost more than the fold.
 */
import { createHash } from 'node:crypto'

const WORDS = 5
const RECORDS = 1 << 12
/** Values that do not fit the ordinary record go before it in one marked with this (an ordinary record is never 0 there). */
const WIDE = 0

export class ContentDigest {
  readonly #hash = createHash('sha256')
  readonly #words = new Uint32Array(RECORDS * WORDS)
  readonly #bytes = new Uint8Array(this.#words.buffer)
  #used = 0
  #lastNs = 0

  access(timeNs: number, task: number, cpu: number, high: number, low: number, bytes: number, kind: number, weight: number): void {
    const delta = timeNs - this.#lastNs
    this.#lastNs = timeNs
    if (delta > 0xffff_ffff || bytes > 0x3fff_ffff || weight !== 1) this.#push(Math.floor(delta / 2 ** 32), weight, Math.floor(weight / 2 ** 32), bytes, WIDE)
    this.#push(delta, low, high, ((task << 16) | ((cpu + 1) & 0xffff)) >>> 0, (bytes << 2) | kind)
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
    this.#hash.update(this.#bytes.subarray(0, this.#used * 4))
    this.#used = 0
  }

  /** `rest` = what is not an access, as JSON. */
  finish(rest: unknown): string {
    this.#flush()
    return this.#hash.update(JSON.stringify(rest)).digest('hex')
  }
}
