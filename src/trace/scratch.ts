/** Bytes that wait on disk, beside the output, for the end of what is under way. Nothing remains of them. */
import { OutputFile } from './output-file.ts'

/** Where bytes lie in a scratch file. */
export interface Place {
  offset: number
  bytes: number
}

export class Scratch {
  readonly #path: string
  #file: OutputFile | undefined

  /** The file is made when the first bytes are. */
  constructor(path: string) {
    this.#path = path
  }

  append(bytes: Uint8Array): Place {
    this.#file ??= new OutputFile(this.#path)
    const offset = this.#file.length
    this.#file.write(bytes)
    return { offset, bytes: bytes.length }
  }

  /** Fills `into` with what lies from `offset` on. */
  read(offset: number, into: Uint8Array): void {
    this.#file!.read(offset, into)
  }

  /** All that was appended is done with. */
  clear(): void {
    if (this.#file) this.#file.length = 0
  }

  remove(): void {
    this.#file?.abort()
    this.#file = undefined
  }
}
