/** A file as a stream of decompressed bytes, in bounded memory. What compressed it is recognised by its first bytes. */
import { existsSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname } from 'node:path'
import { UserError } from '../errors.ts'
import { decodedInThread } from './decode-thread.ts'
import { type Compression, countBytes, DECODERS, FileChunks } from './decoders.ts'
import type { ByteChunks, FileHead } from './format.ts'

/** What formats see to recognise a file. */
const HEAD_BYTES = 1 << 16

export interface ByteSource {
  head: FileHead
  /** From the first byte; to be read once. */
  bytes: ByteChunks
  compression: Compression
  /** Where the bytes are not read after all. */
  close(): Promise<void>
  /** Why the bytes ended too early, once they have: only with `lenient`. */
  damage?: string
}

export interface SourceOptions {
  /** Hears now and then which share of the file was read. */
  progress?: (share: number) => void
  /** Compressed data that is damaged or cut off ends there, with `damage`, instead of an error. */
  lenient?: boolean
  /** Compressed files from so many bytes on are decoded in a thread of their own. Default: none. */
  threadFrom?: number
}

/** What zlib decodes is decoded on threads of Node's own. */
const DECODED_HERE: readonly Compression[] = ['none', 'gzip', 'zlib', 'zip']

/** First bytes of what is read. zlib (damo's records) has several, one per level, all multiples of 31. */
const COMPRESSIONS: [Compression, ...number[]][] = [
  ['gzip', 0x1f, 0x8b],
  ['zstd', 0x28, 0xb5, 0x2f, 0xfd],
  // pzstd begins with a frame to be skipped, of 4 bytes
  ['zstd', 0x50, 0x2a, 0x4d, 0x18],
  ['zlib', 0x78, 0x9c],
  ['zlib', 0x78, 0xda],
  ['zlib', 0x78, 0x01],
  ['zip', 0x50, 0x4b, 0x03, 0x04],
  ['lz4', 0x04, 0x22, 0x4d, 0x18],
  ['snappy', 0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50],
]

/** Compressed forms that are named, so that the message can say what to do. */
const OTHER_COMPRESSIONS: { name: string; magic: number[]; command: string }[] = [
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], command: 'xz -dc' },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], command: 'bzip2 -dc' },
]

export async function openBytes(path: string, { progress, lenient = false, threadFrom = Number.POSITIVE_INFINITY }: SourceOptions = {}): Promise<ByteSource> {
  checkReadable(path)
  const { size } = statSync(path)
  const file = new FileChunks(path)
  const raw = peekable(file, 8)
  const start = await withReadErrors(path, raw.peek())
  if (start.length === 0) throw new UserError('the file is empty', { file: path })
  const compression = COMPRESSIONS.find(([, ...magic]) => startsWith(start, magic))?.[0] ?? 'none'
  for (const { name, magic, command } of OTHER_COMPRESSIONS) {
    if (startsWith(start, magic))
      throw new UserError(`${name} is not read directly`, {
        file: path,
        expected: 'gzip, zstd, zlib, lz4, snappy, zip or plain',
        hint: `${command} ${path} | zstd > …`,
      })
  }
  const onRead = (read: number) => progress?.(size > 0 ? Math.min(1, read / size) : 0)
  const source: Pick<ByteSource, 'damage'> = {}
  const isElsewhere = size >= threadFrom && availableParallelism() > 1 && !DECODED_HERE.includes(compression)
  if (isElsewhere) await file.close()
  const thread = isElsewhere ? decodedInThread({ path, compression, lenient }, onRead) : undefined
  const chunks = thread ?? DECODERS[compression](countBytes(raw.all(), onRead), path, lenient)
  const decoded = peekable(lenient ? untilDamage(chunks, source) : chunks, HEAD_BYTES)
  const head = await withReadErrors(path, decoded.peek())
  if (head.length === 0) throw new UserError('the file is empty inside its compression', { file: path })
  const lender = compression === 'none' ? file : thread
  return Object.assign(source, {
    head: { bytes: head, text: Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1'), fileName: plainName(path) },
    bytes: lender ? Object.assign(decoded.all(), { borrow: (room?: () => Uint8Array) => lender.borrow(room) }) : decoded.all(),
    compression,
    async close() {
      await thread?.return(undefined)
      await file.close()
    },
  })
}

async function* untilDamage(chunks: AsyncIterable<Uint8Array>, source: Pick<ByteSource, 'damage'>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    source.damage = error.parts.problem
  }
}

/** A file that is there and is a file. */
function checkReadable(path: string): void {
  if (!existsSync(path)) {
    const folder = dirname(path)
    throw new UserError('file not found', {
      file: path,
      hint: existsSync(folder)
        ? 'The path is taken from the current folder; `numareplay list workloads` shows generated traces'
        : `There is no folder ${folder}`,
    })
  }
  const stat = statSync(path)
  if (stat.isDirectory()) throw new UserError('this is a directory, not a trace file', { file: path, expected: 'one file' })
}

async function withReadErrors<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw new UserError('no permission to read it', { file: path })
    throw error
  }
}

const plainName = (path: string): string => basename(path).replace(/\.(gz|zst|zstd|zip|lz4|sz)$/i, '')

const startsWith = (bytes: Uint8Array, magic: number[]): boolean => magic.every((byte, i) => bytes[i] === byte)

/** Lets the first bytes be looked at before the whole is read. */
function peekable(chunks: AsyncIterable<Uint8Array>, wanted: number) {
  const iterator = chunks[Symbol.asyncIterator]()
  let first: Uint8Array = new Uint8Array(0)
  let ended = false
  return {
    async peek(): Promise<Uint8Array> {
      const parts: Uint8Array[] = []
      for (let length = 0; length < wanted; ) {
        const next = await iterator.next()
        if (next.done) {
          ended = true
          break
        }
        parts.push(next.value)
        length += next.value.length
      }
      first = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
      return first.subarray(0, wanted)
    },
    async *all(): AsyncGenerator<Uint8Array> {
      try {
        if (first.length > 0) yield first
        while (!ended) {
          const next = await iterator.next()
          if (next.done) return
          yield next.value
        }
      } finally {
        await iterator.return?.()
      }
    },
  }
}
