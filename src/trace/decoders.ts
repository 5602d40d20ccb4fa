/** Chunks of a file, and what decompresses them. */
import { close, fstatSync, open, read, readSync } from 'node:fs'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { UserError } from '../errors.ts'
import { formatCount } from '../units.ts'
import { LENIENT } from './damage.ts'
import { unlz4 } from './lz4.ts'
import { unsnappy } from './snappy.ts'
import { leftIn, zipBytes } from './zip.ts'
import { unzstd } from './zstd.ts'

const CHUNK = 1 << 18
/** Chunks of a file after which signals are seen and timers run: hundredths of a second of work. */
const TURN_EVERY = 4

export type Compression = 'none' | 'gzip' | 'zstd' | 'zlib' | 'zip' | 'lz4' | 'snappy'

/** A file, chunk by chunk. */
export class FileChunks {
  readonly #path: string
  #file: number | undefined
  /** Where the next chunk lies. */
  #room = (): Uint8Array => Buffer.allocUnsafeSlow(CHUNK)

  constructor(path: string) {
    this.#path = path
  }

  borrow(room?: () => Uint8Array): void {
    const own = room ? undefined : Buffer.allocUnsafeSlow(CHUNK)
    this.#room = room ?? (() => own!)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const file = await promisify(open)(this.#path, 'r')
    this.#file = file
    // handing a read to another thread and back costs more than a read of what the system has in memory; a pipe may keep one waiting
    const isWaitedFor = fstatSync(file).isFile()
    try {
      for (let chunks = 1; this.#file !== undefined; chunks++) {
        const chunk = this.#room()
        const bytesRead = isWaitedFor ? readSync(file, chunk, 0, chunk.length, null) : (await promisify(read)(file, chunk, 0, chunk.length, null)).bytesRead
        if (bytesRead === 0) return
        yield chunk.subarray(0, bytesRead)
        if (isWaitedFor && chunks % TURN_EVERY === 0) await turn()
      }
    } finally {
      await this.close()
    }
  }

  /** For a file that nobody reads to its end. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) await promisify(close)(file)
  }
}

/** Chunks of a file, and how many bytes of them were read. */
export interface Counted {
  bytes: AsyncIterable<Uint8Array>
  read: number
}

export function countBytes(chunks: AsyncIterable<Uint8Array>, onRead: (bytes: number) => void): Counted {
  const counted: Counted = { read: 0, bytes: chunks }
  counted.bytes = (async function* () {
    for await (const chunk of chunks) {
      counted.read += chunk.length
      onRead(counted.read)
      yield chunk
    }
  })()
  return counted
}

type Decoder = (source: Counted, path: string, lenient: boolean) => AsyncIterable<Uint8Array>

export const DECODERS: Record<Compression, Decoder> = {
  none: (source) => source.bytes,
  gzip: (source, path) => transform(source, zlib.createGunzip({ chunkSize: CHUNK }), 'gzip', path),
  zlib: (source, path) => transform(source, zlib.createInflate({ chunkSize: CHUNK }), 'zlib', path),
  zstd: (source, path) => unzstd(source.bytes, path),
  lz4: (source, path) => unlz4(source.bytes, path),
  snappy: (source, path) => unsnappy(source.bytes, path),
  zip: unzip,
}

/** The directory of a zip archive is at its end, so it is read by position and the stream is let go. */
async function* unzip(source: Counted, path: string, lenient: boolean): AsyncGenerator<Uint8Array> {
  for await (const _ of source.bytes) break
  yield* zipBytes(path, lenient)
}

async function* transform(source: Counted, decoder: zlib.Gunzip, name: string, path: string): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source.bytes, { objectMode: false, highWaterMark: CHUNK })
  input.on('error', (error) => decoder.destroy(error))
  input.pipe(decoder)
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array
  } catch (error) {
    yield* leftIn(decoder)
    throw damaged(error, name, source, path)
  } finally {
    input.destroy()
  }
}

/** A message for what zlib throws; other errors are passed on. */
function damaged(error: unknown, name: string, { read }: Counted, path: string): unknown {
  const { code, message } = error as { code?: string | number; message: string }
  if (error instanceof UserError || (typeof code === 'string' && !code.startsWith('Z_'))) return error
  const byte = `byte ${formatCount(read)}`
  if (code === 'Z_BUF_ERROR' || /end of file/i.test(message))
    return new UserError(`the ${name} data is cut off at ${byte}`, { file: path, hint: `Copy or record it again; the file is not complete. ${LENIENT}` })
  return new UserError(`the ${name} data is damaged before ${byte}`, { file: path, got: message })
}
