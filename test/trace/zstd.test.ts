/** The zstd decoder against libzstd (as WebAssembly): whole frames give the same content, damaged ones the same or a complaint. */
import { compress, decompress, init } from '@bokuweb/zstd-wasm'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { unzstd, unzstdWhole } from '../../src/trace/zstd.ts'

beforeAll(init)

const LARGEST = 1 << 18

/** Rows of a table, noise, runs, and pieces said again from far behind: every kind of literals, tables and offsets. */
const content = fc
  .array(
    fc.oneof(
      fc
        .record({ rows: fc.nat(300), step: fc.nat(5000) })
        .map(({ rows, step }) => Buffer.from(Array.from({ length: rows }, (_, i) => `${i * step},${i & 3},R,0x7f${(i * step).toString(16)}\n`).join(''))),
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.nat(255), fc.nat(70_000)).map(([byte, length]) => Buffer.alloc(length, byte)),
      fc
        .tuple(fc.nat(40), fc.nat(30_000), fc.nat())
        .map(([letters, length, seed]) => Buffer.from(Array.from({ length }, (_, i) => 97 + (((i * 2_654_435_761 + seed) >>> 9) % (letters + 1))))),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat([...parts, ...parts.slice(0, 2)]).subarray(0, LARGEST))
const level = fc.constantFrom(-20, 1, 3, 9, 19)

/** Ours, or what it complains about. */
function decoded(frame: Uint8Array): Buffer | string {
  try {
    return Buffer.from(unzstdWhole(frame, LARGEST, 'x.zst'))
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return error.message
  }
}

describe('against libzstd', { timeout: 120_000 }, () => {
  test('whole frames', () => {
    fc.assert(
      fc.property(content, level, (plain, level) => {
        expect(Buffer.compare(decoded(compress(plain, level)) as Buffer, plain)).toBe(0)
      }),
      { numRuns: 150 },
    )
  })

  test('damaged blocks: what is read libzstd reads alike, what it refuses is refused', () => {
    let [read, refused] = [0, 0]
    fc.assert(
      fc.property(content, level, fc.nat(), fc.integer({ min: 1, max: 255 }), (plain, level, where, flip) => {
        const frame = Buffer.from(compress(plain, level))
        // magic number, flags, and a size of content of up to 8 bytes
        const first = 6 + [0, 2, 4, 8][frame[4]! >>> 6]!
        if (frame.length <= first) return
        frame[first + (where % (frame.length - first))]! ^= flip
        let theirs: Uint8Array | undefined
        try {
          theirs = decompress(frame)
        } catch {}
        const ours = decoded(frame)
        // libzstd lets sequences read bits from in front of their first, which RFC 8878 calls corrupt
        if (typeof ours === 'string') {
          if (!/zstd data is damaged/.test(ours)) throw new Error(ours)
          refused++
        } else {
          if (theirs === undefined || Buffer.compare(ours, Buffer.from(theirs)) !== 0) throw new Error('read otherwise than libzstd does')
          read++
        }
      }),
      { numRuns: 600 },
    )
    // both happen: a flipped literal is content like any other
    expect(Math.min(read, refused)).toBeGreaterThan(20)
  })
})

test('a stream far longer than its window keeps what its matches reach and no more', async () => {
  // blocks of 128 KiB: the first noise, the others copies of the block before by libzstd; a window of 512 KiB
  const noise = Buffer.from(Array.from({ length: 1 << 17 }, (_, i) => (i * 2_654_435_761) >>> 11))
  const frame = compress(Buffer.concat(Array(12).fill(noise)), 1)
  const pieces: Buffer[] = []
  async function* once() {
    for (let at = 0; at < frame.length; at += 1000) yield frame.subarray(at, at + 1000)
  }
  for await (const piece of unzstd(once(), 'x.zst')) pieces.push(Buffer.from(piece))
  expect(Buffer.compare(Buffer.concat(pieces), Buffer.concat(Array(12).fill(noise)))).toBe(0)
})

test('weights of a Huffman table that are coded by a state without bits would go on for ever', () => {
  // literals of type 2: ten of them in eight bytes, of which five describe the table: 32 of 32 states stand for weight 0
  const body = Buffer.from([0xa2, 0, 2, 4, 0xf0, 0x03, 0x00, 0x04, 0xff, 0xff, 0xff, 0])
  const block = Buffer.alloc(3)
  block.writeUIntLE((body.length << 3) | (2 << 1) | 1, 0, 3)
  expect(decoded(Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), block, body]))).toMatch(/a Huffman table of too many codes/)
})
