/** zip, lz4, snappy and zlib around a trace: the same trace, or a message. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { FIXTURES, openSample, openText } from './helpers.ts'

/** `lz4 -BD -B4 --content-size` and `lz4 -BX -B4` (lz4 1.9.4) made the fixtures of this text. */
const STREAM = Array.from({ length: 12000 }, (_, i) => `${i % 3 === 2 ? 1 : 0} ${(0x600000 + 8 * Math.floor(i / 3) + 0x100000 * (i % 3)).toString(16)}\n`).join(
  '',
)
const plain = openText(STREAM)

describe('lz4', () => {
  test.each(['linked', 'checksums'])('blocks: %s', async (name) => {
    const { meta } = await openSample(`containers/stream-${name}.din.lz4`)
    expect(meta.digest).toBe((await plain).meta.digest)
  })

  test('every damaged byte is noticed or harmless', async () => {
    const whole = readFileSync(join(FIXTURES, 'containers/stream-checksums.din.lz4'))
    for (let at = 4; at < whole.length; at += 997) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      await expect(openText(damaged)).rejects.toMatchObject({ name: 'UserError' })
    }
    await expect(openText(whole.subarray(0, -9))).rejects.toThrow(/cut off/)
  })
})

describe('zip', () => {
  interface Entry {
    name: string
    data: Buffer
    stored?: boolean
    claim?: number
    offset?: number
  }
  /** A zip archive, entries in the order given. */
  const zip = (entries: Entry[]) => {
    const parts: Buffer[] = []
    const directory: Buffer[] = []
    let offset = 0
    for (const { name, data, stored, claim, offset: wrong } of entries) {
      const packed = stored ? data : deflateRawSync(data)
      const fixed = Buffer.alloc(30)
      fixed.writeUInt32LE(0x04034b50, 0)
      fixed.writeUInt16LE(name.length, 26)
      const central = Buffer.alloc(46)
      central.writeUInt32LE(0x02014b50, 0)
      central.writeUInt16LE(stored ? 0 : 8, 10)
      central.writeUInt32LE(crc32(data), 16)
      central.writeUInt32LE(packed.length, 20)
      central.writeUInt32LE(claim ?? data.length, 24)
      central.writeUInt16LE(name.length, 28)
      central.writeUInt32LE(wrong ?? offset, 42)
      directory.push(central, Buffer.from(name))
      parts.push(fixed, Buffer.from(name), packed)
      offset += 30 + name.length + packed.length
    }
    const central = Buffer.concat(directory)
    const end = Buffer.alloc(22)
    end.writeUInt32LE(0x06054b50, 0)
    end.writeUInt16LE(entries.length, 10)
    end.writeUInt32LE(central.length, 12)
    end.writeUInt32LE(offset, 16)
    return Buffer.concat([...parts, central, end])
  }
  const data = Buffer.from(STREAM)

  test('numbered pieces in the order of their numbers, not of the archive', async () => {
    const pieces = [
      { name: 'chunk.0010', data: data.subarray(60_000) },
      { name: 'chunk.0009', data: data.subarray(30_000, 60_000), stored: true },
      { name: 'chunk.0001', data: data.subarray(0, 30_000) },
    ]
    expect((await openText(zip(pieces))).meta.digest).toBe((await plain).meta.digest)
  })

  test('names are never paths', async () => {
    expect((await openText(zip([{ name: '../../etc/passwd', data }]))).meta.digest).toBe((await plain).meta.digest)
  })

  test.each([
    [
      'several files',
      zip([
        { name: 'a.din', data },
        { name: 'b.din', data },
      ]),
      /several files.*"a\.din", "b\.din"/,
    ],
    ['a directory that is cut off', zip([{ name: 'a', data }]).subarray(0, -10), /cut off: its directory/],
    ['a wrong length', zip([{ name: 'a', data, claim: data.length - 1 }]), /length and checksum/],
    [
      'members that share bytes',
      zip([
        { name: '1', data },
        { name: '2', data, offset: 0 },
      ]),
      /overlaps/,
    ],
    ['an offset outside the file', zip([{ name: '1', data, offset: 0x7fff_0000 }]), /overlaps/],
  ])('%s', async (_, file, message) => {
    await expect(openText(file)).rejects.toThrow(message)
  })
})

test('snappy frames: stored chunks, checksums', async () => {
  const crcTable = Array.from({ length: 256 }, (_, byte) =>
    Array.from({ length: 8 }).reduce<number>((crc) => (crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1), byte),
  )
  const masked = (bytes: Uint8Array) => {
    const crc = ~bytes.reduce((sum, byte) => crcTable[(sum ^ byte) & 0xff]! ^ (sum >>> 8), -1) >>> 0
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
  }
  const head = Buffer.from('ff060000734e61507059', 'hex')
  const chunk = (type: number, body: Buffer, data: Buffer) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt8(type, 0)
    bytes.writeUIntLE(body.length + 4, 1, 3)
    bytes.writeUInt32LE(masked(data), 4)
    return Buffer.concat([bytes, body])
  }
  // raw snappy: length as a varint, then one literal (format_description.txt)
  const literal = (data: Buffer) =>
    Buffer.concat([Buffer.from([(data.length & 0x7f) | 0x80, data.length >>> 7, 61 << 2, (data.length - 1) & 0xff, (data.length - 1) >>> 8]), data])
  const [a, b] = [Buffer.from(STREAM).subarray(0, 9000), Buffer.from(STREAM).subarray(9000, 18_000)]
  const file = Buffer.concat([head, chunk(1, a, a), chunk(0, literal(b), b)])
  expect((await openText(file)).meta.digest).toBe((await openText(STREAM.slice(0, 18_000))).meta.digest)
  file[30]! ^= 1
  await expect(openText(file)).rejects.toThrow(/snappy data is damaged: a wrong checksum/)
})

test('zlib, and a file cut off inside it', async () => {
  const packed = deflateSync(STREAM)
  expect((await openText(packed)).meta.digest).toBe((await plain).meta.digest)
  await expect(openText(packed.subarray(0, -20))).rejects.toThrow(/zlib data is cut off/)
})

describe('bombs: a kilobyte that unpacks to 256 MiB', () => {
  const MIB = 2 ** 20
  const zeros = Buffer.alloc(256 * MIB)
  const entry = (name: string, body: Buffer, length: number, crc: number): Buffer => {
    const head = Buffer.alloc(30)
    head.writeUInt32LE(0x04034b50, 0)
    head.writeUInt16LE(8, 8)
    head.writeUInt32LE(crc, 14)
    head.writeUInt32LE(body.length, 18)
    head.writeUInt32LE(length, 22)
    head.writeUInt16LE(name.length, 26)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    head.copy(central, 6, 4, 30)
    const end = Buffer.alloc(22)
    end.writeUInt32LE(0x06054b50, 0)
    end.writeUInt16LE(1, 10)
    end.writeUInt32LE(46 + name.length, 12)
    end.writeUInt32LE(30 + name.length + body.length, 16)
    return Buffer.concat([head, Buffer.from(name), body, central, Buffer.from(name), end])
  }
  test.each([
    ['gzip', gzipSync(zeros)],
    ['zip', entry('trace.din', deflateRawSync(zeros), zeros.length, crc32(zeros))],
  ])('%s ends in a message, in bounded memory', async (_, bomb) => {
    expect(bomb.length).toBeLessThan(MIB)
    const before = process.memoryUsage().rss
    await expect(openText(bomb)).rejects.toMatchObject({ name: 'UserError' })
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB)
  })
})
