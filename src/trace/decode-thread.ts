/** Decompression in a thread of its own, while this one scans what came before: the same chunks, errors and damage in the same order. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { UserError } from '../errors.ts'
import { CODE_ROOT, MODULE_EXTENSION, PACKAGE_ROOT } from '../package.ts'
import type { Decoded, DecodeTask, Ring } from './decode-worker.ts'

/** Chunks on their way, and the bytes of one: some 500 µs of work each, and 1 MB together. */
const AHEAD = 8
const CHUNK_BYTES = 1 << 17

/** Garbage there is chunks, whose memory is not in this. */
const YOUNG = { maxYoungGenerationSizeMb: 4 }

/** Bytes in order; `borrow` as ByteChunks has it. */
export interface DecodedChunks extends AsyncGenerator<Uint8Array> {
  borrow(room?: () => Uint8Array): void
}

/** `onRead` hears how many bytes of the file were read. The thread starts with the first chunk that is asked for. */
export function decodedInThread(task: Omit<DecodeTask, 'ring'>, onRead: (bytes: number) => void): DecodedChunks {
  let room = (): Uint8Array => new Uint8Array(CHUNK_BYTES)
  return Object.assign(
    decoded(task, onRead, () => room()),
    {
      borrow(own?: () => Uint8Array) {
        const kept = own ? undefined : room()
        room = own ?? (() => kept!)
      },
    },
  )
}

async function* decoded(task: Omit<DecodeTask, 'ring'>, onRead: (bytes: number) => void, room: () => Uint8Array): AsyncGenerator<Uint8Array> {
  const ring: Ring = { chunks: new SharedArrayBuffer(AHEAD * CHUNK_BYTES), chunkBytes: CHUNK_BYTES, free: new Int32Array(new SharedArrayBuffer(4)).fill(AHEAD) }
  const worker = new Worker(workerModule(), { resourceLimits: YOUNG, workerData: { ...task, ring } satisfies DecodeTask })
  const waiting: Decoded[] = []
  let onMessage = () => {}
  let failure: Error | undefined
  worker.on('message', (message: Decoded) => {
    waiting.push(message)
    onMessage()
  })
  const fail = (error: Error) => {
    failure ??= error
    onMessage()
  }
  worker.on('error', fail).on('exit', (code) => fail(new Error(`the thread that decompresses ended with code ${code}`)))
  try {
    for (;;) {
      if (waiting.length === 0 && failure === undefined) {
        // nobody who has let go of the bytes waits for the thread
        worker.ref()
        await new Promise<void>((resolve) => {
          onMessage = resolve
        })
        worker.unref()
      }
      const message = waiting.shift()
      if (message === undefined) {
        if (failure !== undefined) throw failure
        continue
      }
      if ('end' in message) return
      if ('failed' in message) throw message.failed.parts ? new UserError(message.failed.parts) : new Error(message.failed.message)
      onRead(message.read)
      const to = room().subarray(0, message.bytes)
      to.set(new Uint8Array(ring.chunks, message.at, message.bytes))
      Atomics.add(ring.free, 0, 1)
      Atomics.notify(ring.free, 0)
      yield to
    }
  } finally {
    await worker.terminate()
  }
}

/** Node 20 cannot load TypeScript in a thread: from sources the compiled worker is used. */
function workerModule(): string {
  const root = MODULE_EXTENSION === '.js' ? CODE_ROOT : join(PACKAGE_ROOT, 'dist')
  const file = join(root, 'src/trace/decode-worker.js')
  if (!existsSync(file)) throw new Error(`${file} is missing: npm run build`)
  return file
}
