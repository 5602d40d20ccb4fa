/** LZ4 frames (lz4_Frame_format.md 1.6.4) as a stream of bytes; memory is one block and the 64 KiB window before it. */
import { UserError } from '../errors.ts'
import { ByteQueue } from './byte-queue.ts'
import { LENIENT } from './damage.ts'

const FRAME = 0x184d2204
/** Magic numbers 0x184d2a50 … 5f mark frames to be skipped. */
const SKIPPABLE = 0x184d2a5
const WINDOW = 1 << 16
const UNCOMPRESSED = 0x8000_0000 | 0

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
  readonly #output: Uint8Array
  readonly #content = new Xxh32()
  #window = 0

  constructor(descriptor: Uint8Array, path: string) {
    this.#path = path
    const flags = descriptor[0]!
    if (flags >>> 6 !== 1) throw damagedLz4(path, 'an unknown version')
    if ((flags & 0x01) !== 0) throw new UserError('lz4 with a dictionary is not read', { file: path, hint: `lz4 -dc -D DICTIONARY ${path} | zstd > …` })
    if (((xxh32(descriptor.subarray(0, -1)) >>> 8) & 0xff) !== descriptor.at(-1)) throw damagedLz4(path, 'a wrong header checksum')
    const kib = [64, 256, 1024, 4096][((descriptor[1]! >>> 4) & 7) - 4]
    if (kib === undefined) throw damagedLz4(path, 'an unknown block size')
    this.#largest = kib * 1024
    this.#output = new Uint8Array(WINDOW + this.#largest)
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
    if (checksum !== undefined && checksum !== xxh32(block)) throw damagedLz4(this.#path, 'a wrong block checksum')
    const output = this.#output
    const start = this.#linked ? this.#window : 0
    let end = start + block.length
    if ((size & UNCOMPRESSED) !== 0) output.set(block, start)
    else end = decodeBlock(block, output, start, this.#path)
    const decoded = output.slice(start, end)
    if (this.checksContent) this.#content.update(decoded)
    this.#window = Math.min(end, WINDOW)
    output.copyWithin(0, end - this.#window, end)
    return decoded
  }

  checkContent(checksum: number): void {
    if (checksum !== this.#content.digest()) throw damagedLz4(this.#path, 'a wrong checksum of the content')
  }
}

/** lz4_Block_format.md: token, literals, offset, match. `output` before `at` is the window. Answers where the output ends. */
function decodeBlock(input: Uint8Array, output: Uint8Array, at: number, path: string): number {
  const limit = output.length
  let i = 0
  let o = at
  while (i < input.length) {
    const token = input[i++]!
    let literals = token >>> 4
    if (literals === 15) {
      let more: number
      do {
        more = input[i++] ?? 0
        literals += more
      } while (more === 255)
    }
    if (i + literals > input.length || o + literals > limit) throw damagedLz4(path, 'literals beyond the end of a block')
    output.set(input.subarray(i, i + literals), o)
    i += literals
    o += literals
    if (i === input.length) return o
    const offset = input[i]! | (input[i + 1]! << 8)
    i += 2
    let length = (token & 15) + 4
    if (length === 19) {
      let more: number
      do {
        more = input[i++] ?? 0
        length += more
      } while (more === 255)
    }
    if (i > input.length || offset === 0 || offset > o || o + length > limit) throw damagedLz4(path, 'a match outside its window')
    for (const end = o + length; o < end; o++) output[o] = output[o - offset]!
  }
  return o
}

const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1
const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

/** XXH32 with seed 0 (xxhash_spec.md). */
class Xxh32 {
  readonly #lanes = new Int32Array([P1 + P2, P2, 0, -P1])
  readonly #tail = Buffer.alloc(16)
  #kept = 0
  #length = 0
  /** The lanes hold something: at least one stripe of 16 bytes has come. */
  #isLong = false

  update(bytes: Uint8Array): void {
    this.#length = (this.#length + bytes.length) >>> 0
    let at = 0
    if (this.#kept > 0) {
      at = Math.min(16 - this.#kept, bytes.length)
      this.#tail.set(bytes.subarray(0, at), this.#kept)
      this.#kept += at
      if (this.#kept < 16) return
      this.#stripe(this.#tail, 0)
    }
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    for (; at + 16 <= view.length; at += 16) this.#stripe(view, at)
    this.#tail.set(view.subarray(at))
    this.#kept = view.length - at
  }

  #stripe(view: Buffer, at: number): void {
    this.#isLong = true
    for (let lane = 0; lane < 4; lane++)
      this.#lanes[lane] = Math.imul(rotate((this.#lanes[lane]! + Math.imul(view.readInt32LE(at + 4 * lane), P2)) | 0, 13), P1)
  }

  digest(): number {
    const [a, b, c, d] = this.#lanes as unknown as number[]
    let hash = this.#isLong ? rotate(a!, 1) + rotate(b!, 7) + rotate(c!, 12) + rotate(d!, 18) : P5
    hash = (hash + this.#length) | 0
    let at = 0
    for (; at + 4 <= this.#kept; at += 4) hash = Math.imul(rotate((hash + Math.imul(this.#tail.readInt32LE(at), P3)) | 0, 17), P4)
    for (; at < this.#kept; at++) hash = Math.imul(rotate((hash + Math.imul(this.#tail[at]!, P5)) | 0, 11), P1)
    hash = Math.imul(hash ^ (hash >>> 15), P2)
    hash = Math.imul(hash ^ (hash >>> 13), P3)
    return (hash ^ (hash >>> 16)) >>> 0
  }
}

function xxh32(bytes: Uint8Array): number {
  const hash = new Xxh32()
  hash.update(bytes)
  return hash.digest()
}

function damagedLz4(path: string, detail: string): UserError {
  return new UserError(`the lz4 data is damaged: ${detail}`, { file: path, hint: 'Copy or record it again' })
}
