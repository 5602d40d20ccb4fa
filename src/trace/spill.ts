/** Provisional ticks in a file, so that importing takes the same memory whatever the length of the recording. */
import { closeSync, openSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { BLOCK_COLUMNS, BlockBuffers, type BlockShape, decodeBlock, shapeOf, withEncoded } from './block-codec.ts'
import type { BlockStore } from './folded-trace.ts'
import { OutputFile } from './output-file.ts'
import type { TickBlock } from './prepared.ts'
import { decodeSection, readAt, type Section } from './sections.ts'

/** Nobody reads a spill file but who wrote it: any page and actor is in order. */
const NO_LIMITS = { pages: 2 ** 32, actors: 2 ** 16 }

export interface SavedSpill {
  /** Its file and the bytes of it that count. */
  file: string
  length: number
  blocks: (Section & BlockShape & { startNs: Float64Array })[]
}

export class SpillFile implements BlockStore {
  readonly #path: string
  readonly #stays: (() => boolean) | undefined
  #out: OutputFile | undefined
  readonly #blocks: (Section & BlockShape & { startNs: Float64Array })[] = []

  /** The file is made beside the output when the first block is full. `stays`: whether it is left on Ctrl-C. */
  constructor(output: string, stays?: () => boolean) {
    this.#path = `${output}.spill`
    this.#stays = stays
  }

  /** Goes on with what an interrupted import left behind. */
  restore({ file, length, blocks }: SavedSpill): void {
    this.#out = new OutputFile(this.#path, this.#stays)
    this.#out.continue(file, length)
    this.#blocks.push(...blocks)
  }

  saved(): SavedSpill | undefined {
    return this.#out && { file: this.#out.temporary, length: this.#out.length, blocks: this.#blocks }
  }

  put(block: TickBlock): void {
    this.#out ??= new OutputFile(this.#path, this.#stays)
    const out = this.#out
    withEncoded(block, (bytes) => {
      this.#blocks.push({ offset: out.length, bytes: bytes.length, crc32: crc32(bytes), ...shapeOf(block), startNs: block.startNs.slice() })
      out.write(bytes)
    })
  }

  *take(): Iterable<TickBlock> {
    if (!this.#out) return
    const most = (of: (place: BlockShape) => number) => this.#blocks.reduce((n, place) => Math.max(n, of(place)), 0)
    const buffers = new BlockBuffers(
      BlockBuffers.sized({ ticks: most(({ ticks }) => ticks), pairs: most(({ pairs }) => pairs), touches: most(({ touches }) => touches) }),
    )
    const descriptor = openSync(this.#out.temporary, 'r')
    try {
      for (const place of this.#blocks) {
        yield decodeBlock(
          decodeSection(readAt(descriptor, place, buffers.section(place.bytes)), place, BLOCK_COLUMNS),
          place,
          NO_LIMITS,
          place.startNs,
          buffers,
        )
      }
    } finally {
      closeSync(descriptor)
    }
  }

  remove(): void {
    this.#out?.abort()
  }
}
