/** Runs in a worker thread: decompresses one file into a ring of chunks, a few ahead of who reads them. */
import { parentPort, workerData } from 'node:worker_threads'
import { UserError, type UserErrorParts } from '../errors.ts'
import { type Compression, countBytes, DECODERS, FileChunks } from './decoders.ts'

/** Memory that both threads see: fresh memory for each chunk costs as much as decompressing it. */
export interface Ring {
  /** Chunks of `chunkBytes` each, used in turn. */
  chunks: SharedArrayBuffer
  chunkBytes: number
  /** How many of them can be filled; who has read one adds it. */
  free: Int32Array<SharedArrayBuffer>
}

export interface DecodeTask {
  path: string
  compression: Compression
  lenient: boolean
  ring: Ring
}

/** A chunk is at that place of the ring, and so many bytes of the file were read so far; the end; or why there is none. */
export type Decoded = { at: number; bytes: number; read: number } | { end: true } | { failed: { message: string; parts?: UserErrorParts } }

const { path, compression, lenient, ring } = workerData as DecodeTask
const { chunkBytes, free } = ring
const chunks = new Uint8Array(ring.chunks)
const post = (message: Decoded) => parentPort!.postMessage(message)

try {
  const source = countBytes(new FileChunks(path), () => {})
  let next = 0
  for await (const chunk of DECODERS[compression](source, path, lenient)) {
    for (let from = 0; from < chunk.length; from += chunkBytes) {
      const part = chunk.subarray(from, from + chunkBytes)
      while (Atomics.load(free, 0) === 0) Atomics.wait(free, 0, 0)
      Atomics.sub(free, 0, 1)
      chunks.set(part, next)
      post({ at: next, bytes: part.length, read: source.read })
      next = (next + chunkBytes) % chunks.length
    }
  }
  post({ end: true })
} catch (error) {
  const { message, stack } = error as Error
  post({ failed: error instanceof UserError ? { message, parts: error.parts } : { message: stack ?? message } })
}
