/**
 * Identity of a trace's content: sha256 over every access, event, task and the page size, independent of the file's name,
 * compression and tick. Accesses are hashed as 20-byte records in chunks of 4096, each chunk together with the hash before it:
 * so what was hashed so far is 32 bytes, and an interrupted import can go on from there. A kernel writes the records
 * (src/wasm/digest.ts).
 */
import { createHash } from 'node:crypto'
import { DIGEST, DIGEST_BYTES, DIGEST_WORDS, type Heap } from '../wasm/index.ts'
import type { AccessBatch } from './access-batch.ts'
import type { Actors } from './actors.ts'

const CHUNK_BYTES = 4 * DIGEST_WORDS * 4096
/** A record that does not fit is two. */
const ROOM_BYTES = CHUNK_BYTES + 4 * DIGEST_WORDS

export interface SavedDigest {
  chain: Uint8Array
  words: Uint32Array
  lastNs: number
  tasks: number[]
}

export class ContentDigest {
  /** Hash of the chunks so far. */
  #chain: Uint8Array = new Uint8Array(32)
  readonly #heap: Heap
  readonly #words: number
  readonly #state: number
  /** In order of their first access: their numbers, counted from 1. */
  readonly #tasks: number[] = []

  constructor(heap: Heap) {
    this.#heap = heap
    this.#words = heap.take(ROOM_BYTES)
    this.#state = heap.take(DIGEST_BYTES)
  }

  /** Rows [from, to) of a batch whose pages are kept. */
  add(batch: AccessBatch, from: number, to: number, actors: Actors): void {
    for (let i = from; i < to; ) {
      i = this.#heap.kernels.digestRecords(this.#heap, batch.at, i, to, actors.state, this.#words, this.#state, CHUNK_BYTES)
      if (this.#used >= CHUNK_BYTES) this.#flush()
      else if (i < to) actors.setOrdinal(batch.task[i]!, this.#tasks.push(batch.task[i]!))
    }
  }

  get #used(): number {
    return this.#heap.u32[(this.#state + DIGEST.used) >>> 2]!
  }

  set #used(bytes: number) {
    this.#heap.u32[(this.#state + DIGEST.used) >>> 2] = bytes
  }

  #flush(): void {
    const bytes = Math.min(this.#used, CHUNK_BYTES)
    const { u8 } = this.#heap
    this.#chain = createHash('sha256')
      .update(this.#chain)
      .update(u8.subarray(this.#words, this.#words + bytes))
      .digest()
    u8.copyWithin(this.#words, this.#words + bytes, this.#words + this.#used)
    this.#used -= bytes
  }

  saved(): SavedDigest {
    const from = this.#words >>> 2
    const words = Uint32Array.from(this.#heap.u32.subarray(from, from + (this.#used >>> 2)))
    return { chain: this.#chain, words, lastNs: this.#heap.f64[(this.#state + DIGEST.lastNs) >>> 3]!, tasks: [...this.#tasks] }
  }

  restore({ chain, words, lastNs, tasks }: SavedDigest, actors: Actors): void {
    this.#chain = chain
    this.#heap.u32.set(words, this.#words >>> 2)
    this.#used = 4 * words.length
    this.#heap.f64[(this.#state + DIGEST.lastNs) >>> 3] = lastNs
    for (const task of tasks) actors.setOrdinal(task, this.#tasks.push(task))
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
