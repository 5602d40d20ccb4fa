/** Snappy's framing format (framing_format.txt, 2013-10-25), as DynamoRIO's `.sz` traces use it; memory is one 64 KiB chunk. */
import { snappyUncompress } from 'hyparquet/src/snappy.js'
import { UserError } from '../errors.ts'
import { ByteQueue } from './byte-queue.ts'
import { LENIENT } from './damage.ts'

const COMPRESSED = 0x00
const UNCOMPRESSED = 0x01
const STREAM_IDENTIFIER = 0xff
const LARGEST_CHUNK = 1 << 16

export async function* unsnappy(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const queue = new ByteQueue(chunks, () => new UserError('the snappy data is cut off', { file: path, hint: `Copy or record it again. ${LENIENT}` }))
  try {
    for (let head = await queue.take(4); head !== undefined; head = await queue.take(4)) {
      const type = head[0]!
      const body = await queue.need(head.readUIntLE(1, 3))
      if (type === COMPRESSED || type === UNCOMPRESSED) {
        if (body.length < 4) throw damagedSnappy(path, 'a chunk without its checksum')
        const data = type === COMPRESSED ? uncompress(body.subarray(4), path) : body.subarray(4)
        if (maskedCrc32c(data) !== body.readUInt32LE()) throw damagedSnappy(path, 'a wrong checksum')
        yield data
      } else if (type === STREAM_IDENTIFIER ? body.toString('latin1') !== 'sNaPpY' : type < 0x80) throw damagedSnappy(path, `an unknown chunk type ${type}`)
    }
  } finally {
    await queue.close()
  }
}

function uncompress(input: Uint8Array, path: string): Uint8Array {
  let length = 0
  for (let i = 0; i < 5; i++) {
    length += (input[i]! & 0x7f) * 2 ** (7 * i)
    if (!(input[i]! & 0x80)) break
  }
  if (!(length <= LARGEST_CHUNK)) throw damagedSnappy(path, 'a chunk larger than 64 KiB')
  const output = new Uint8Array(length)
  try {
    snappyUncompress(input, output)
  } catch (error) {
    throw damagedSnappy(path, (error as Error).message)
  }
  return output
}

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78). */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

function damagedSnappy(path: string, detail: string): UserError {
  return new UserError(`the snappy data is damaged: ${detail}`, { file: path, hint: 'Copy or record it again' })
}
