/** LZ4 frames (lz4_Frame_format.md 1.6.4) as a stream of bytes; memory is one block and the 64 KiB window before it. */
import xxhash from 'xxhash-wasm'
import { UserError } from '../errors.ts'
import { BAD_LITERALS, BAD_MATCH, COPY_PAD, withWorkspace } from '../wasm/index.ts'
import { ByteQueue } from './byte-queue.ts'
import { LENIENT } from './damage.ts'

const FRAME = 0x184d2204
/** Magic numbers 0x184d2a50 … 5f mark frames to be skipped. */
const SKIPPABLE = 0x184d2a5
const WINDOW = 1 << 16
const UNCOMPRESSED = 0x8000_0000 | 0

const { create32, h32Raw } = await xxhash()

export async function* unlz4(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const queue = new ByteQueue(chunks, () => new UserError('the lz4 data is cut off', { file: path, hint: `Copy or record it again. ${LENIENT}` }))
  try {
    for (let magic = await queue.take(4); magic !== undefined; magic = await queue.take(4)) {
      const number = magic.readUInt32LE()
      if (number >>> 4 === SKIPPABLE) await skip(queue, (await queue.need(4)).readUInt32LE())
      else if (number === FRAME) yield* frame(queue, path)
      else throw damagedLz4(path, 'no frame where one should begin')
    }
  } finally {
    await queue.close()
  }
}

async function skip(queue: ByteQueue, length: number): Promise<void> {
  for (let left = length; left > 0; left -= Math.min(left, WINDOW)) await queue.need(Math.min(left, WINDOW))
}

async function* frame(queue: ByteQueue, path: string): AsyncGenerator<Uint8Array> {
  const start = await queue.need(2)
  const decoder = new FrameDecoder(Buffer.concat([start, await queue.need(optionalBytes(start[0]!))]), path)
  for (;;) {
    const size = (await queue.need(4)).readUInt32LE()
    if (size === 0) break
    const block = await queue.need(decoder.blockBytes(size))
    yield decoder.decode(size, block, decoder.checksBlocks ? (await queue.need(4)).readUInt32LE() : undefined)
  }
  if (decoder.checksContent) decoder.checkContent((await queue.need(4)).readUInt32LE())
}

/** One frame that is in memory as a whole, as Arrow has it around each buffer. */
export function unlz4Frame(bytes: Uint8Array, path: string): Uint8Array {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  const need = (length: number): Buffer => {
    if (at + length > input.length) throw damagedLz4(path, 'a frame that is cut off')
    at += length
    return input.subarray(at - length, at)
  }
  if (need(4).readUInt32LE() !== FRAME) throw damagedLz4(path, 'no frame where one should begin')
  const start = need(2)
  const decoder = new FrameDecoder(Buffer.concat([start, need(optionalBytes(start[0]!))]), path)
  const parts: Uint8Array[] = []
  for (let size = need(4).readUInt32LE(); size !== 0; size = need(4).readUInt32LE()) {
    const block = need(decoder.blockBytes(size))
    parts.push(decoder.decode(size, block, decoder.checksBlocks ? need(4).readUInt32LE() : undefined))
  }
  if (decoder.checksContent) decoder.checkContent(need(4).readUInt32LE())
  return parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts))
}

/** After the first two bytes of a descriptor: the size of the content, if given, and the header checksum. */
const optionalBytes = (flags: number): number => ((flags & 0x08) !== 0 ? 8 : 0) + 1

/** Blocks of one frame, each with the window before it. */
class FrameDecoder {
  readonly checksBlocks: boolean
  readonly checksContent: boolean
  readonly #path: string
  readonly #linked: boolean
  readonly #largest: number
  readonly #content = create32()
  /** The end of what was decoded, where blocks reach back to it. */
  #window: Uint8Array = new Uint8Array(0)

  constructor(descriptor: Uint8Array, path: string) {
    this.#path = path
    const flags = descriptor[0]!
    if (flags >>> 6 !== 1) throw damagedLz4(path, 'an unknown version')
    if ((flags & 0x01) !== 0) throw new UserError('lz4 with a dictionary is not read', { file: path, hint: `lz4 -dc -D DICTIONARY ${path} | zstd > …` })
    if (((h32Raw(descriptor.subarray(0, -1)) >>> 8) & 0xff) !== descriptor.at(-1)) throw damagedLz4(path, 'a wrong header checksum')
    const kib = [64, 256, 1024, 4096][((descriptor[1]! >>> 4) & 7) - 4]
    if (kib === undefined) throw damagedLz4(path, 'an unknown block size')
    this.#largest = kib * 1024
    this.#linked = (flags & 0x20) === 0
    this.checksBlocks = (flags & 0x10) !== 0
    this.checksContent = (flags & 0x04) !== 0
  }

  /** Length of a block by its size word, whose highest bit marks blocks that are not compressed. */
  blockBytes(size: number): number {
    const length = size & 0x7fff_ffff
    if (length > this.#largest) throw damagedLz4(this.#path, 'a block larger than its frame allows')
    return length
  }

  decode(size: number, block: Uint8Array, checksum: number | undefined): Uint8Array {
    if (checksum !== undefined && checksum !== h32Raw(block)) throw damagedLz4(this.#path, 'a wrong block checksum')
    const decoded = (size & UNCOMPRESSED) !== 0 ? new Uint8Array(block) : this.#unpack(block)
    if (this.checksContent) this.#content.update(decoded)
    if (this.#linked) this.#window = lastOf(this.#window, decoded)
    return decoded
  }

  #unpack(block: Uint8Array): Uint8Array {
    const window = this.#window
    return withWorkspace(({ kernels, raw }) => {
      const input = raw.u8(block.length + COPY_PAD)
      input.set(block)
      const most = WINDOW + this.#largest
      const output = raw.u8(most + COPY_PAD)
      output.set(window)
      const end = kernels.lz4Block(input, block.length, output, window.length, most)
      if (end === BAD_LITERALS) throw damagedLz4(this.#path, 'literals beyond the end of a block')
      if (end === BAD_MATCH) throw damagedLz4(this.#path, 'a match outside its window')
      return output.slice(window.length, end)
    })
  }

  checkContent(checksum: number): void {
    if (checksum !== this.#content.digest()) throw damagedLz4(this.#path, 'a wrong checksum of the content')
  }
}

function damagedLz4(path: string, detail: string): UserError {
  return new UserError(`the lz4 data is damaged: ${detail}`, { file: path, hint: 'Copy or record it again' })
}

/** The last 64 KiB of one and the other. */
function lastOf(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (after.length >= WINDOW) return after.slice(-WINDOW)
  const kept = before.subarray(Math.max(0, before.length + after.length - WINDOW))
  const joined = new Uint8Array(kept.length + after.length)
  joined.set(kept)
  joined.set(after, kept.length)
  return joined
}
