/** Bytes from a stream of chunks, taken in the pieces that a container's structure asks for. */
import type { UserError } from '../errors.ts'

export class ByteQueue {
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #cutOff: () => UserError

  /** `cutOff` makes the message when the stream ends within a piece. */
  constructor(chunks: AsyncIterable<Uint8Array>, cutOff: () => UserError) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#cutOff = cutOff
  }

  /** Exactly `length` bytes; undefined at the end of the stream. */
  async take(length: number): Promise<Buffer | undefined> {
    const piece = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length; ) {
      if (this.#at === this.#chunk.length) {
        const next = await this.#chunks.next()
        if (next.done) {
          if (filled === 0) return undefined
          throw this.#cutOff()
        }
        this.#chunk = next.value
        this.#at = 0
      }
      const part = this.#chunk.subarray(this.#at, this.#at + length - filled)
      piece.set(part, filled)
      this.#at += part.length
      filled += part.length
    }
    return piece
  }

  /** Exactly `length` bytes, which must be there. */
  async need(length: number): Promise<Buffer> {
    const piece = length === 0 ? Buffer.alloc(0) : await this.take(length)
    if (piece === undefined) throw this.#cutOff()
    return piece
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
