/**
 * Sections of the native file: columns of bytes with a checksum over all of them.
 *
 *   u32 columns, then u32 bytes of each, then the columns in order
 */
import { readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { UserError } from '../errors.ts'

/** The bytes are not what was written. */
export class Malformed extends Error {}

/** Where a section lies; kept in the file's footer. */
export interface Section {
  offset: number
  bytes: number
  crc32: number
}

export function encodeSection(columns: readonly Uint8Array[]): Buffer {
  return Buffer.concat([sectionHead(columns.map(({ length }) => length)), ...columns])
}

/** What stands before columns of so many bytes. */
export function sectionHead(lengths: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * lengths.length)
  head.writeUInt32LE(lengths.length, 0)
  lengths.forEach((length, i) => {
    head.writeUInt32LE(length, 4 + 4 * i)
  })
  return head
}

/** The columns, in place. Throws Malformed when the bytes are not what was written. */
export function decodeSection(bytes: Buffer, section: Section, columns: number): Uint8Array[] {
  if (bytes.length !== section.bytes || crc32(bytes) !== section.crc32) throw new Malformed()
  if (bytes.length < 4 + 4 * columns || bytes.readUInt32LE(0) !== columns) throw new Malformed()
  let at = 4 + 4 * columns
  const decoded = Array.from({ length: columns }, (_, i) => {
    const length = bytes.readUInt32LE(4 + 4 * i)
    at += length
    if (at > bytes.length) throw new Malformed()
    return bytes.subarray(at - length, at)
  })
  if (at !== bytes.length) throw new Malformed()
  return decoded
}

/** Throws Malformed where the file ends before. `room`, if it is large enough, receives the bytes. */
export function readAt(descriptor: number, { offset, bytes }: { offset: number; bytes: number }, room?: Buffer): Buffer {
  const buffer = room !== undefined && room.length >= bytes ? room.subarray(0, bytes) : Buffer.allocUnsafe(bytes)
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
