/**
 * Sections of the native file: named columns of bytes, deflated where that helps, with a checksum over all of it.
 *
 *   u32 columns, then per column u32 raw bytes, u32 stored bytes (equal = stored as they are), then the stored bytes in order
 */
import { readSync } from 'node:fs'
import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { UserError } from '../errors.ts'
import { Malformed } from './varint.ts'

/** Fast, and within a few percent of the best on varints. */
const LEVEL = 4
/** A column that claims to inflate to more than this is not ours. */
const LARGEST_COLUMN = 2 ** 31 - 1

/** Where a section lies; kept in the file's footer. */
export interface Section {
  offset: number
  bytes: number
  crc32: number
}

export function encodeSection(columns: readonly Uint8Array[], compress: boolean): Buffer {
  const head = Buffer.alloc(4 + 8 * columns.length)
  head.writeUInt32LE(columns.length, 0)
  const parts: Uint8Array[] = [head]
  columns.forEach((raw, i) => {
    const deflated = compress && raw.length > 64 ? deflateRawSync(raw, { level: LEVEL, memLevel: 9, strategy: constants.Z_DEFAULT_STRATEGY }) : raw
    const stored = deflated.length < raw.length ? deflated : raw
    head.writeUInt32LE(raw.length, 4 + 8 * i)
    head.writeUInt32LE(stored.length, 8 + 8 * i)
    parts.push(stored)
  })
  return Buffer.concat(parts)
}

/** Throws Malformed when the bytes are not what was written. */
export function decodeSection(bytes: Buffer, section: Section, columns: number): Uint8Array[] {
  if (bytes.length !== section.bytes || crc32(bytes) !== section.crc32) throw new Malformed()
  if (bytes.length < 4 + 8 * columns || bytes.readUInt32LE(0) !== columns) throw new Malformed()
  const decoded: Uint8Array[] = []
  let at = 4 + 8 * columns
  for (let i = 0; i < columns; i++) {
    const raw = bytes.readUInt32LE(4 + 8 * i)
    const stored = bytes.readUInt32LE(8 + 8 * i)
    const part = bytes.subarray(at, at + stored)
    at += stored
    if (part.length !== stored || raw > LARGEST_COLUMN) throw new Malformed()
    decoded.push(raw === stored ? part : inflate(part, raw))
  }
  if (at !== bytes.length) throw new Malformed()
  return decoded
}

function inflate(part: Uint8Array, raw: number): Uint8Array {
  let bytes: Buffer
  try {
    bytes = inflateRawSync(part, { maxOutputLength: raw })
  } catch {
    throw new Malformed()
  }
  if (bytes.length !== raw) throw new Malformed()
  return bytes
}

/** Throws Malformed where the file ends before. */
export function readAt(descriptor: number, { offset, bytes }: { offset: number; bytes: number }): Buffer {
  const buffer = Buffer.allocUnsafe(bytes)
  let done = 0
  while (done < bytes) {
    const read = readSync(descriptor, buffer, done, bytes - done, offset + done)
    if (read === 0) throw new Malformed()
    done += read
  }
  return buffer
}

/** Turns what a damaged file causes into a message that names the part. */
export function named<T>(file: string, part: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Malformed || error instanceof SyntaxError || error instanceof TypeError)) throw error
    throw new UserError(`${part} of the trace file is damaged`, { file, hint: 'Copy the file again, or import the recording again' })
  }
}
