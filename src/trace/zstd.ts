/**
 * Zstandard frames (RFC 8878) as a stream of bytes. fzstd decodes the blocks; the frames around them are taken apart here, because
 * it allocates whatever window a header claims, moves all of it after each block, recurses once per frame, and checks no sums.
 */
import { createContext, Script } from 'node:vm'
import { Decompress } from 'fzstd'
import xxhash from 'xxhash-wasm'
import { UserError } from '../errors.ts'
import { ByteQueue } from './byte-queue.ts'

const MAGIC = 0xfd2fb528
/** Magic numbers 0x184d2a50 … 5f mark frames to be skipped; pzstd writes them in front of its own. */
const SKIPPABLE = 0x184d2a5
/** As zstd itself has it, unless told --long. */
const LARGEST_WINDOW = 2 ** 27
const LARGEST_BLOCK = 2 ** 17
/** Blocks that are looked at together before a window is made: a frame that ends with them needs no larger one. */
const FIRST_BYTES = 2 ** 20
/** Bytes of windows moved per byte of content, beyond an allowance: what writers of small blocks do is far below. */
const MOST_WORK = 4096
const WORK_ALLOWANCE = 2 ** 32

/** fzstd does not hold damaged sequences to the size of their block and may copy for minutes; a block takes milliseconds. */
const SLOWEST_BLOCK_MS = 2000

const RAW = 0
const RLE = 1
const COMPRESSED = 2
const RESERVED = 3

const { create64 } = await xxhash()

const limited = { decode: () => {} }
const limitedContext = createContext(limited)
const decodeLimited = new Script('decode()')

export async function* unzstd(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  let read = 0
  const cutOff = () => new UserError(`the zstd data is cut off at byte ${read}`, { file: path, hint: 'Copy or record it again; the file is not complete' })
  const queue = new ByteQueue(
    counted(chunks, (bytes) => (read += bytes)),
    cutOff,
  )
  const work = new Work(path)
  try {
    for (let magic = await queue.take(4); magic !== undefined; magic = await queue.take(4)) {
      if (magic.readUInt32LE() >>> 4 === SKIPPABLE) {
        for (let left = (await queue.need(4)).readUInt32LE(); left > 0; left -= Math.min(left, LARGEST_BLOCK)) await queue.need(Math.min(left, LARGEST_BLOCK))
        continue
      }
      const flags = (await queue.need(1))[0]!
      const frame = new Frame(magic, flags, await queue.need(optionalBytes(flags)), work, path)
      while (!frame.isLast) {
        const head = await queue.need(3)
        yield* frame.block(head, await queue.need(frame.bodyBytes(head)))
      }
      if (frame.hasChecksum) frame.check((await queue.need(4)).readUInt32LE())
    }
  } finally {
    await queue.close()
  }
}

/** Frames that are in memory as a whole and hold at most `most` bytes, as Arrow and Parquet have them. */
export function unzstdWhole(bytes: Uint8Array, most: number, path: string): Uint8Array {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const output = new Uint8Array(most)
  const work = new Work(path)
  let at = 0
  let filled = 0
  const need = (length: number): Buffer => {
    if (at + length > input.length) throw damagedZstd(path, 'a frame that is cut off')
    at += length
    return input.subarray(at - length, at)
  }
  while (at < input.length) {
    const magic = need(4)
    if (magic.readUInt32LE() >>> 4 === SKIPPABLE) {
      need(need(4).readUInt32LE())
      continue
    }
    const flags = need(1)[0]!
    const frame = new Frame(magic, flags, need(optionalBytes(flags)), work, path)
    while (!frame.isLast) {
      const head = need(3)
      for (const piece of frame.block(head, need(frame.bodyBytes(head)))) {
        if (filled + piece.length > most) throw damagedZstd(path, 'more bytes than are said to be in it')
        output.set(piece, filled)
        filled += piece.length
      }
    }
    if (frame.hasChecksum) frame.check(need(4).readUInt32LE())
  }
  return output.subarray(0, filled)
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onRead(chunk.length)
    yield chunk
  }
}

/** Of a frame header after its flags: window, dictionary, size of the content. */
function optionalBytes(flags: number): number {
  return ((flags & 0x20) === 0 ? 1 : 0) + dictionaryBytes(flags) + contentSizeBytes(flags)
}

const dictionaryBytes = (flags: number): number => [0, 1, 2, 4][flags & 3]!
const contentSizeBytes = (flags: number): number => [(flags & 0x20) === 0 ? 0 : 1, 2, 4, 8][flags >>> 6]!

/** What windows cost, over all frames. */
class Work {
  #moved = 0
  #content = 0
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  add(window: number, content: number): void {
    this.#moved += window
    this.#content += content
    if (this.#moved > WORK_ALLOWANCE + MOST_WORK * this.#content)
      throw new UserError('the zstd blocks are far too small for their window', { file: this.#path, hint: `zstd -dc ${this.#path} | gzip > …` })
  }
}

class Frame {
  readonly hasChecksum: boolean
  isLast = false
  readonly #path: string
  readonly #work: Work
  readonly #window: number
  readonly #contentSize: bigint | undefined
  readonly #hash = create64()
  #content = 0
  #decoder: Decompress | undefined
  #decoded: Uint8Array[] = []
  #effectiveWindow = 0
  /** Blocks that wait for the window, and how much they hold at most. */
  #waiting: Buffer[] = []
  #waitingBytes = 0

  constructor(magic: Buffer, flags: number, optional: Buffer, work: Work, path: string) {
    this.#path = path
    this.#work = work
    if (magic.readUInt32LE() !== MAGIC) throw damagedZstd(path, 'no frame where one should begin')
    if ((flags & 0x08) !== 0) throw damagedZstd(path, 'a reserved bit is set')
    this.hasChecksum = (flags & 0x04) !== 0
    const isSingle = (flags & 0x20) !== 0
    const dictionaryAt = isSingle ? 0 : 1
    const sizeAt = dictionaryAt + dictionaryBytes(flags)
    if (optional.subarray(dictionaryAt, sizeAt).some((byte) => byte !== 0))
      throw new UserError('zstd with a dictionary is not read', { file: path, hint: `zstd -dc -D DICTIONARY ${path} | gzip > …` })
    this.#contentSize = contentSize(optional.subarray(sizeAt))
    const exponent = 10 + (optional[0]! >>> 3)
    const window = isSingle ? Number(this.#contentSize) : 2 ** exponent * (1 + (optional[0]! & 7) / 8)
    if (window > LARGEST_WINDOW)
      throw new UserError('the zstd window is too large', { file: path, expected: 'at most 128 MiB', hint: `zstd -dc --long=31 ${path} | gzip > …` })
    this.#window = window
  }

  /** Length of what follows a block's head. */
  bodyBytes(head: Buffer): number {
    const word = head.readUIntLE(0, 3)
    const type = (word >>> 1) & 3
    const size = word >>> 3
    if (type === RESERVED) throw damagedZstd(this.#path, 'an unknown type of block')
    if (size > Math.min(LARGEST_BLOCK, Math.max(this.#window, 1))) throw damagedZstd(this.#path, 'a block larger than its frame allows')
    return type === RLE ? 1 : size
  }

  /** What is decoded now that this block is there; the first blocks wait for one another. */
  *block(head: Buffer, body: Buffer): Iterable<Uint8Array> {
    const word = head.readUIntLE(0, 3)
    this.isLast = (word & 1) === 1
    this.#waiting.push(Buffer.concat([head, body]))
    const type = (word >>> 1) & 3
    this.#waitingBytes += type === RAW || type === RLE ? word >>> 3 : LARGEST_BLOCK
    if (this.#decoder === undefined) {
      if (!this.isLast && this.#waitingBytes < FIRST_BYTES) return
      this.#begin()
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const [i, block] of waiting.entries()) yield* this.#decode(block, this.isLast && i === waiting.length - 1)
    if (this.isLast && this.#contentSize !== undefined && BigInt(this.#content) !== this.#contentSize)
      throw damagedZstd(this.#path, 'more or fewer bytes than its frame says')
  }

  #begin(): void {
    const most = this.isLast ? Math.min(this.#window, this.#waitingBytes) : this.#window
    const exponent = Math.max(10, Math.ceil(Math.log2(Math.max(1, most))))
    this.#effectiveWindow = 2 ** exponent
    this.#decoder = new Decompress((piece) => this.#decoded.push(piece))
    const header = Buffer.from([0, 0, 0, 0, 0, (exponent - 10) << 3])
    header.writeUInt32LE(MAGIC)
    this.#decoder.push(header)
  }

  *#decode(block: Buffer, isLast: boolean): Iterable<Uint8Array> {
    const before = this.#content
    try {
      limited.decode = () => this.#decoder!.push(block, isLast)
      if (((block[0]! >>> 1) & 3) === COMPRESSED) decodeLimited.runInContext(limitedContext, { timeout: SLOWEST_BLOCK_MS })
      else limited.decode()
    } catch (error) {
      // a number where fzstd itself complains
      throw damagedZstd(this.#path, typeof (error as { code?: unknown }).code === 'number' ? (error as Error).message : 'a block that does not hold together')
    }
    for (const piece of this.#decoded.splice(0)) {
      this.#content += piece.length
      if (this.hasChecksum) this.#hash.update(piece)
      if (piece.length > 0) yield piece
    }
    this.#work.add(this.#effectiveWindow, this.#content - before)
  }

  /** The low half of XXH64 of the content. */
  check(sum: number): void {
    if (Number(this.#hash.digest() & 0xffff_ffffn) !== sum) throw damagedZstd(this.#path, 'a wrong checksum of the content')
  }
}

function contentSize(field: Buffer): bigint | undefined {
  if (field.length === 0) return undefined
  if (field.length === 8) return field.readBigUInt64LE()
  return BigInt(field.readUIntLE(0, field.length) + (field.length === 2 ? 256 : 0))
}

function damagedZstd(path: string, detail: string): UserError {
  return new UserError(`the zstd data is damaged: ${detail}`, { file: path, hint: 'Copy or record it again' })
}
