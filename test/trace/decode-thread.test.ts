/** Decompression in a thread of its own gives what decompression here gives: the trace, what is wrong with a file, what is left of it. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compress, init } from '@bokuweb/zstd-wasm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { decodedInThread } from '../../src/trace/decode-thread.ts'
import { importTrace, openTrace } from '../../src/trace/index.ts'
import { openBytes } from '../../src/trace/source.ts'

const folder = mkdtempSync(join(tmpdir(), 'numareplay-thread-'))
const at = (name: string) => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true }))

const ROWS = 150_000
const HERE = { threadFrom: Number.POSITIVE_INFINITY }
const THERE = { threadFrom: 1 }

beforeAll(async () => {
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `${i * 7},1,${1 + (i % 5)},${i % 4},${i % 3 === 0 ? 'W' : 'R'},0x${(((i * 2_654_435_761) % 2 ** 26) + 2 ** 40).toString(16)},8`,
  )
  const plain = Buffer.from(`time_ns,pid,tid,cpu,op,addr,size\n${rows.join('\n')}\n`)
  await init()
  const packed = compress(plain)
  writeFileSync(at('whole.csv.zst'), packed)
  writeFileSync(at('cut.csv.zst'), packed.subarray(0, packed.length - 1000))
  const bad = Buffer.from(packed)
  bad.fill(0x5a, bad.length >>> 1, (bad.length >>> 1) + 64)
  writeFileSync(at('bad.csv.zst'), bad)
})

/** What comes out, or the message. */
async function chunksOf(
  name: string,
  options: { threadFrom: number; lenient?: boolean },
): Promise<{ text: string; damage?: string; shares: number; problem?: string }> {
  let text = ''
  const shares: number[] = []
  try {
    const source = await openBytes(at(name), { ...options, progress: (share) => shares.push(share) })
    for await (const chunk of source.bytes) text += Buffer.from(chunk).toString('latin1')
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    return { text, damage: source.damage, shares: shares.at(-1)! }
  } catch (error) {
    return { text, shares: 0, problem: (error as Error).message }
  }
}

it.each(['whole.csv.zst', 'cut.csv.zst', 'bad.csv.zst'])('the same bytes, then the same end: %s', async (name) => {
  for (const lenient of [false, true]) {
    const there = await chunksOf(name, { ...THERE, lenient })
    expect(there).toEqual(await chunksOf(name, { ...HERE, lenient }))
    expect(there.problem === undefined && there.damage === undefined).toBe(name === 'whole.csv.zst')
  }
})

it('a thread that is asked directly gives the bytes too, and says how many it has read', async () => {
  let text = ''
  let read = 0
  for await (const chunk of decodedInThread({ path: at('whole.csv.zst'), compression: 'zstd', lenient: false }, (bytes) => {
    read = bytes
  }))
    text += Buffer.from(chunk).toString('latin1')
  expect(text).toBe((await chunksOf('whole.csv.zst', HERE)).text)
  expect(read).toBe(statSync(at('whole.csv.zst')).size)
})

it('chunks that are lent lie in one place, or where they were asked for', async () => {
  const { text } = await chunksOf('whole.csv.zst', HERE)
  const task = { path: at('whole.csv.zst'), compression: 'zstd', lenient: false } as const
  const shared = new Uint8Array(new SharedArrayBuffer(1 << 18))
  for (const room of [undefined, () => shared]) {
    const chunks = decodedInThread(task, () => {})
    const buffers = new Set<unknown>()
    let lent = ''
    const first = await chunks.next()
    chunks.borrow(room)
    for await (const chunk of chunks) {
      lent += Buffer.from(chunk).toString('latin1')
      buffers.add(chunk.buffer)
    }
    // what came before is still there
    expect(Buffer.from(first.value as Uint8Array).toString('latin1') + lent === text).toBe(true)
    expect(buffers.size).toBe(1)
    if (room) expect(buffers.has(shared.buffer)).toBe(true)
  }
})

it('the same native file, and the same message where the recording is damaged', async () => {
  const imported = async (name: string, options: { threadFrom: number }) => {
    try {
      await importTrace(at(name), at('out.nrt'), options)
      return (await openTrace(at('out.nrt'))).meta
    } catch (error) {
      return (error as Error).message
    }
  }
  for (const name of ['whole.csv.zst', 'cut.csv.zst']) expect(await imported(name, THERE)).toEqual(await imported(name, HERE))
  expect(await imported('cut.csv.zst', THERE)).toMatch(/the zstd data is cut off at byte/)
})

it('a thread whose bytes nobody wants ends', async () => {
  const source = await openBytes(at('whole.csv.zst'), THERE)
  expect(source.head.text).toMatch(/^time_ns,/)
  await source.close()
  const next = await source.bytes[Symbol.asyncIterator]().next()
  // the first bytes were read to recognise the file
  expect(next.done).toBe(false)
  let left = 0
  for await (const chunk of source.bytes) left += chunk.length
  expect(left).toBe(0)
})
