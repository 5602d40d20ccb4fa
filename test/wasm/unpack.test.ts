/** Decompression on WebAssembly kernels and on their TypeScript twins: the same bytes, and the same complaints about the same damage. */
import { compress, init } from '@bokuweb/zstd-wasm'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { unzstdWhole } from '../../src/trace/zstd.ts'
import { BlockDecoder, COMPRESSED, LARGEST_BLOCK, RLE } from '../../src/trace/zstd-block.ts'
import { BAD_LITERALS, BAD_MATCH, COPY_PAD, DamagedBlock, type Workspace } from '../../src/wasm/index.ts'
import { onBoth } from './both.ts'

beforeAll(init)

const MOST = 1 << 19
const [wasm, plain] = [BlockDecoder.open(), BlockDecoder.plain()]

/** Rows of a table, noise, runs and periods of any length, skewed letters; said again from far behind. */
const part = fc.oneof(
  fc
    .record({ rows: fc.nat(400), step: fc.nat(5000), seed: fc.nat() })
    .map(({ rows, step, seed }) =>
      Buffer.from(Array.from({ length: rows }, (_, i) => `${i * step},${(i * seed) & 3},R,0x7f${((i * 2_654_435_761 + seed) >>> 7).toString(16)}\n`).join('')),
    ),
  fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(140_000)).map(([period, length]) => Buffer.alloc(length, Buffer.from(period))),
  fc
    .tuple(fc.nat(60), fc.nat(40_000), fc.nat())
    .map(([letters, length, seed]) =>
      Buffer.from(Array.from({ length }, (_, i) => 60 + Math.floor((((Math.imul(i + 1, 2_654_435_761) ^ seed) >>> 8) / 2 ** 24) ** 3 * letters))),
    ),
)
const content = fc.array(part, { maxLength: 8 }).map((parts) => Buffer.concat([...parts, ...parts.slice(0, 3)]).subarray(0, MOST))
const level = fc.constantFrom(-20, -1, 1, 3, 6, 12, 19, 22)
/** Where, and what is put there in its place. */
const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 })

function damagedBy(bytes: Uint8Array, some: readonly (readonly [number, number])[]): Buffer {
  const damaged = Buffer.from(bytes)
  if (damaged.length > 0) for (const [where, flip] of some) damaged[where % damaged.length]! ^= flip
  return damaged
}

/** The content, or the message. */
function whole(frame: Uint8Array, decoder: BlockDecoder): Buffer | string {
  try {
    return Buffer.from(unzstdWhole(frame, MOST, 'x.zst', decoder))
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return error.message
  }
}

function expectSame(frame: Uint8Array): Buffer | string {
  const [found, wanted] = [whole(frame, wasm), whole(frame, plain)]
  if (typeof found === 'string' || typeof wanted === 'string') expect(found).toBe(wanted)
  else expect(found.equals(wanted)).toBe(true)
  return found
}

interface Block {
  type: number
  size: number
  body: Buffer
}

/** Of a frame without a checksum. */
function blocksOf(frame: Buffer): Block[] {
  const flags = frame[4]!
  const isSingle = (flags & 0x20) !== 0
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >>> 6]!
  let at = 5 + (isSingle ? 0 : 1) + sizeBytes
  const blocks: Block[] = []
  for (let isLast = false; !isLast; ) {
    const head = frame.readUIntLE(at, 3)
    isLast = (head & 1) === 1
    const [type, size] = [(head >>> 1) & 3, head >>> 3]
    const length = type === RLE ? 1 : size
    blocks.push({ type, size, body: frame.subarray(at + 3, at + 3 + length) })
    at += 3 + length
  }
  return blocks
}

describe('zstd', { timeout: 240_000 }, () => {
  it('the kernels are there', () => {
    expect([wasm.kind, plain.kind]).toEqual(['wasm', 'typescript'])
  })

  it('whole frames: what was compressed', () => {
    fc.assert(
      fc.property(content, level, (bytes, level) => {
        expect((expectSame(compress(bytes, level)) as Buffer).equals(bytes)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('damaged frames', () => {
    fc.assert(
      fc.property(content, level, flips, (bytes, level, some) => void expectSame(damagedBy(compress(bytes, level), some))),
      { numRuns: 400 },
    )
  })

  it('frames cut off anywhere', () => {
    const rows = Buffer.from(Array.from({ length: 80 }, (_, i) => `${i * 77},1,R,0x7f${((i * 2_654_435_761) >>> 9).toString(16)}\n`).join(''))
    for (const one of [1, 19]) {
      const frame = compress(Buffer.concat([rows, Buffer.alloc(300, 'ab'), rows]), one)
      for (let length = 0; length < frame.length; length++) expect(typeof expectSame(frame.subarray(0, length))).toBe(length === 0 ? 'object' : 'string')
    }
  })

  it('blocks in any order, damaged, shortened or made of anything: tables and offsets of before that were never given, or are', () => {
    const blocks = fc
      .sample(fc.tuple(content, fc.constantFrom(-20, 1, 3, 9)), { numRuns: 60, seed: 7 })
      .flatMap(([bytes, level]) => blocksOf(Buffer.from(compress(bytes, level))))
    const messages = new Set<string>()
    // first bytes of all kinds of literals
    const anything = fc.tuple(fc.constantFrom(0, 0, 0, 1, 2, 3, 6, 7, 10, 14, 0x20, 0x42, 0xa2, 0xa6, 0xa3), fc.uint8Array({ minLength: 1, maxLength: 60 }))
    const step = fc.tuple(fc.nat(), fc.boolean(), flips, fc.nat(6), anything)
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const [found, wanted] = [wasm, plain].map((decoder) => {
          decoder.begin(LARGEST_BLOCK)
          return steps.map(([which, isWhole, some, cut, [head, rest]]) => {
            const given = blocks[which % blocks.length]!
            const changed = isWhole ? given.body : damagedBy(given.body, some).subarray(0, Math.max(1, given.body.length - cut))
            const { type, size, body } =
              which % 5 === 0 ? { type: COMPRESSED, size: 1 + rest.length, body: Buffer.from([head, ...rest]) } : { ...given, body: changed }
            try {
              return Buffer.from(decoder.decode(type, size, body))
            } catch (error) {
              if (!(error instanceof DamagedBlock)) throw error
              // what a decoder keeps of a damaged block is nobody's business
              decoder.begin(LARGEST_BLOCK)
              messages.add(error.message)
              return error.message
            }
          })
        })
        for (const [i, piece] of found!.entries()) {
          const other = wanted![i]!
          if (typeof piece === 'string' || typeof other === 'string') expect(piece).toBe(other)
          else expect(piece.equals(other)).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
    // most of what can be wrong was
    expect(messages.size).toBeGreaterThan(17)
  })
})

describe('lz4', () => {
  /** A block of these sequences: literals, then a match. */
  const block = (sequences: readonly { literals: Uint8Array; offset: number; length: number }[], last: Uint8Array): Buffer => {
    const longer = (value: number): number[] => (value < 15 ? [] : [...Array<number>(Math.floor((value - 15) / 255)).fill(255), (value - 15) % 255])
    const parts = sequences.flatMap(({ literals, offset, length }) => [
      (Math.min(15, literals.length) << 4) | Math.min(15, length - 4),
      ...longer(literals.length),
      ...literals,
      ...[offset & 255, offset >>> 8],
      ...longer(length - 4),
    ])
    return Buffer.from([...parts, Math.min(15, last.length) << 4, ...longer(last.length), ...last])
  }
  const literals = fc.uint8Array({ maxLength: 40, size: 'max' })
  const offset = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 0xffff }))
  const sequence = fc.record({ literals, offset, length: fc.oneof(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 4, max: 1500 })) })

  it('blocks, whole, damaged and cut off', () => {
    const ends = new Set<number>()
    fc.assert(
      fc.property(
        fc.array(sequence, { maxLength: 20 }),
        literals,
        fc.nat(600),
        fc.constantFrom(4096, 8000),
        flips,
        fc.nat(30),
        (some, last, window, limit, flip, cut) => {
          const bytes = damagedBy(block(some, last), flip)
          const input = bytes.subarray(0, Math.max(0, bytes.length - Math.max(0, cut - 15)))
          const [end] = onBoth(({ kernels, u8 }: Workspace) => {
            const from = u8(input.length + COPY_PAD)
            from.set(input)
            const output = u8(limit + COPY_PAD)
            for (let i = 0; i < window; i++) output[i] = i * 7
            const end = kernels.lz4Block(from, input.length, output, window, limit)
            return [end, end < 0 ? '' : Buffer.from(output.subarray(0, end)).toString('latin1')]
          })
          ends.add(Math.min(0, end as number))
        },
      ),
      { numRuns: 2000 },
    )
    expect([...ends].sort()).toEqual([BAD_LITERALS, BAD_MATCH, 0].sort())
  })

  it('one block in the slowest way: byte after byte', () => {
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 20 }), literals, (some, last) => {
        const wanted: number[] = Array.from({ length: 0xffff }, (_, i) => i & 255)
        for (const { literals, offset, length } of some) {
          wanted.push(...literals)
          for (let i = 0; i < length; i++) wanted.push(wanted.at(-(offset || 1))!)
        }
        wanted.push(...last)
        const input = block(
          some.map((one) => ({ ...one, offset: one.offset || 1 })),
          last,
        )
        const found = onBoth(({ kernels, u8 }: Workspace) => {
          const from = u8(input.length + COPY_PAD)
          from.set(input)
          const output = u8(1 << 17)
          output.set(wanted.slice(0, 0xffff))
          return Buffer.from(output.subarray(0, kernels.lz4Block(from, input.length, output, 0xffff, (1 << 17) - COPY_PAD))).toString('latin1')
        })
        expect(Buffer.from(found, 'latin1').equals(Buffer.from(wanted))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})
