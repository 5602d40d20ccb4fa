/** Zstandard frames (RFC 8878) as a stream of bytes: headers, checksums and limits here, blocks in zstd-block.ts. */
import xxhash from 'xxhash-wasm'
import { UserError } from '../errors.ts'
import { DamagedBlock } from '../wasm/index.ts'
import { ByteQueue } from './byte-queue.ts'
import { LENIENT } from './damage.ts'
import { BlockDecoder, LARGEST_BLOCK, RLE } from './zstd-block.ts'

const MAGIC = 0xfd2fb528
/** Magic numbers 0x184d2a50 … 5f mark frames to be skipped; pzstd writes them in front of its own. */
const SKIPPABLE = 0x184d2a5
/** As zstd itself has it, unless told --long. */
const LARGEST_WINDOW = 2 ** 27

const RESERVED = 3

const { create64 } = await xxhash()

/** `own`: a decoder of the caller's, in place of this thread's. */
export async function* unzstd(chunks: AsyncIterable<Uint8Array>, path: string, own?: BlockDecoder): AsyncGenerator<Uint8Array> {
  const decoder = own ?? BlockDecoder.borrow()
  let read = 0
  const cutOff = () =>
    new UserError(`the zstd data is cut off at byte ${read}`, { file: path, hint: `Copy or record it again; the file is not complete. ${LENIENT}` })
  const queue = new ByteQueue(
    counted(chunks, (bytes) => (read += bytes)),
    cutOff,
  )
  try {
    for (let magic = await queue.take(4); magic !== undefined; magic = await queue.take(4)) {
      if (magic.readUInt32LE() >>> 4 === SKIPPABLE) {
        for (let left = (await queue.need(4)).readUInt32LE(); left > 0; left -= Math.min(left, LARGEST_BLOCK)) await queue.need(Math.min(left, LARGEST_BLOCK))
        continue
      }
      const flags = (await queue.need(1))[0]!
      const frame = new Frame(magic, flags, await queue.need(optionalBytes(flags)), path, decoder)
      while (!frame.isLast) {
        const head = await queue.need(3)
        const piece = frame.block(head, await queue.need(frame.bodyBytes(head)))
        if (piece.length > 0) yield piece.slice()
      }
      if (frame.hasChecksum) frame.check((await queue.need(4)).readUInt32LE())
    }
  } finally {
    if (own === undefined) decoder.giveBack()
    await queue.close()
  }
}

/** Frames that are in memory as a whole and hold at most `most` bytes, as Arrow and Parquet have them. */
export function unzstdWhole(bytes: Uint8Array, most: number, path: string, own?: BlockDecoder): Uint8Array {
  const decoder = own ?? BlockDecoder.borrow()
  try {
    return wholeFrames(bytes, most, path, decoder)
  } finally {
    if (own === undefined) decoder.giveBack()
  }
}

function wholeFrames(bytes: Uint8Array, most: number, path: string, decoder: BlockDecoder): Uint8Array {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const output = new Uint8Array(most)
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
    const frame = new Frame(magic, flags, need(optionalBytes(flags)), path, decoder)
    while (!frame.isLast) {
      const head = need(3)
      const piece = frame.block(head, need(frame.bodyBytes(head)))
      if (filled + piece.length > most) throw damagedZstd(path, 'more bytes than are said to be in it')
      output.set(piece, filled)
      filled += piece.length
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

class Frame {
  readonly hasChecksum: boolean
  isLast = false
  readonly #path: string
  readonly #window: number
  readonly #contentSize: bigint | undefined
  readonly #hash = create64()
  readonly #decoder: BlockDecoder
  #content = 0

  constructor(magic: Buffer, flags: number, optional: Buffer, path: string, decoder: BlockDecoder) {
    this.#path = path
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
    this.#decoder = decoder
    decoder.begin(window)
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

  /** The content of a block, there until the next. */
  block(head: Buffer, body: Buffer): Uint8Array {
    const word = head.readUIntLE(0, 3)
    this.isLast = (word & 1) === 1
    let piece: Uint8Array
    try {
      piece = this.#decoder.decode((word >>> 1) & 3, word >>> 3, body)
    } catch (error) {
      if (error instanceof DamagedBlock) throw damagedZstd(this.#path, error.message)
      throw error
    }
    this.#content += piece.length
    if (this.hasChecksum) this.#hash.update(piece)
    if (this.isLast && this.#contentSize !== undefined && BigInt(this.#content) !== this.#contentSize)
      throw damagedZstd(this.#path, 'more or fewer bytes than its frame says')
    return piece
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
