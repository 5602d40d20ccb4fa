/** Runs in a worker thread: decompresses one file and posts its chunks, a few ahead of who reads them. */
import { parentPort, workerData } from 'node:worker_threads'
import { UserError, type UserErrorParts } from '../errors.ts'
import { type Compression, countBytes, DECODERS, FileChunks } from './decoders.ts'

export interface DecodeTask {
  path: string
  compression: Compression
  lenient: boolean
  /** Chunks that may be on their way, of at most so many bytes; each message that comes back makes room for one more. */
  ahead: number
  chunkBytes: number
}

/** A chunk, and the bytes of the file read so far; the end; or why there is none. */
export type Decoded = { chunk: Uint8Array; read: number } | { end: true } | { failed: { message: string; parts?: UserErrorParts } }

const { path, compression, lenient, ahead, chunkBytes } = workerData as DecodeTask
const port = parentPort!
let room = ahead
let onRoom = () => {}
port.on('message', () => {
  room++
  onRoom()
})

try {
  const source = countBytes(new FileChunks(path), () => {})
  for await (const chunk of DECODERS[compression](source, path, lenient)) {
    for (let at = 0; at < chunk.length; at += chunkBytes) {
      while (room === 0)
        await new Promise<void>((resolve) => {
          onRoom = resolve
        })
      room--
      // decoders keep their memory: what is sent away is a copy
      const own = new Uint8Array(chunk.subarray(at, at + chunkBytes))
      port.postMessage({ chunk: own, read: source.read } satisfies Decoded, [own.buffer])
    }
  }
  port.postMessage({ end: true } satisfies Decoded)
} catch (error) {
  const { message, stack } = error as Error
  port.postMessage({ failed: error instanceof UserError ? { message, parts: error.parts } : { message: stack ?? message } } satisfies Decoded)
}
port.close()
