/**
 * A zip archive as one stream of bytes: its only member, or the numbered pieces of a recording in order (DynamoRIO writes
 * `chunk.0000`, `chunk.0001`, …). Members are never written anywhere, so their names are no paths. APPNOTE.TXT 6.3, with Zip64.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { UserError } from '../errors.ts'
import { LENIENT } from './damage.ts'

const END_RECORD = 0x06054b50
const ZIP64_LOCATOR = 0x07064b50
const ZIP64_END_RECORD = 0x06064b50
const CENTRAL_ENTRY = 0x02014b50
const LOCAL_ENTRY = 0x04034b50
/** The end record is 22 bytes and a comment of at most 65,535. */
const END_RECORD_SPAN = 22 + 0xffff
const MOST_MEMBERS = 1 << 20
const LARGEST_DIRECTORY = 1 << 28
const CHUNK = 1 << 18

interface Member {
  name: string
  method: number
  crc: number
  packed: number
  size: number
  /** Of its local entry. */
  offset: number
}

/** With `lenient`, an archive that lost its directory gives its members in the order in which they lie, up to the damage. */
export async function* zipBytes(path: string, lenient = false): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  try {
    const directory = await readDirectory(file, path).catch((error: unknown) => {
      if (lenient && error instanceof UserError) return error
      throw error
    })
    if (directory instanceof UserError) {
      try {
        yield* salvaged(file, path)
      } catch (error) {
        if (!isOfZlib(error)) throw error
      }
      throw directory
    }
    for (const member of inOrder(directory, path)) yield* memberBytes(file, member, path)
  } finally {
    await file.close()
  }
}

/** Members one after the other by their local entries: sizes may be missing there, but a deflated stream knows its end. */
async function* salvaged(file: FileHandle, path: string): AsyncGenerator<Uint8Array> {
  const { size } = await file.stat()
  for (let at = 0; at + 30 < size; ) {
    const local = await readAt(file, at, 30, path)
    if (local.readUInt32LE(0) !== LOCAL_ENTRY) return
    const start = at + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
    const stored = local.readUInt16LE(8) === 0 ? local.readUInt32LE(18) : undefined
    if (start >= size || (stored === undefined && local.readUInt16LE(8) !== 8)) return
    const packed = readRange(file, start, Math.min(stored ?? size, size - start), path)
    if (stored === undefined) at = start + (yield* inflated(packed))
    else {
      yield* packed
      at = start + stored
    }
    at += await descriptorBytes(file, at, size, path)
  }
}

/** A data descriptor may follow a member: a mark, a checksum and two sizes of 4 or 8 bytes. */
async function descriptorBytes(file: FileHandle, at: number, size: number, path: string): Promise<number> {
  const DESCRIPTOR = 0x08074b50
  if (at + 28 > size || (await readAt(file, at, 4, path)).readUInt32LE() !== DESCRIPTOR) return 0
  return (await readAt(file, at + 16, 4, path)).readUInt32LE() === LOCAL_ENTRY ? 16 : 24
}

/** One member, or pieces that are numbered and otherwise named alike. */
function inOrder(members: Member[], path: string): Member[] {
  if (members.length < 2) return members
  const pieces = members.map((member) => ({ member, match: /^(.*?)(\d{1,15})$/.exec(member.name) }))
  if (pieces.some(({ match }) => match === null || match[1] !== pieces[0]!.match?.[1]))
    throw new UserError('a zip archive of several files', {
      file: path,
      expected: 'one file, or numbered pieces of one',
      got: members.slice(0, 4).map(({ name }) => JSON.stringify(name)).join(', '), // biome-ignore format: one line
      hint: 'Unpack it and name the file, or the folder',
    })
  return pieces.sort((a, b) => Number(a.match![2]) - Number(b.match![2])).map(({ member }) => member)
}

async function readDirectory(file: FileHandle, path: string): Promise<Member[]> {
  const { size } = await file.stat()
  const tail = await readAt(file, Math.max(0, size - END_RECORD_SPAN), Math.min(size, END_RECORD_SPAN), path)
  let at = tail.length - 22
  while (at >= 0 && tail.readUInt32LE(at) !== END_RECORD) at--
  if (at < 0) throw new UserError('the zip archive is cut off: its directory at the end is missing', { file: path, hint: `Copy it again. ${LENIENT}` })
  let count = tail.readUInt16LE(at + 10)
  let bytes = tail.readUInt32LE(at + 12)
  let offset = tail.readUInt32LE(at + 16)
  if (count === 0xffff || bytes === 0xffff_ffff || offset === 0xffff_ffff) {
    if (at < 20 || tail.readUInt32LE(at - 20) !== ZIP64_LOCATOR) throw damagedZip(path, 'its Zip64 locator is missing')
    const record = await readAt(file, wide(tail, at - 20 + 8), 56, path)
    if (record.readUInt32LE(0) !== ZIP64_END_RECORD) throw damagedZip(path, 'its Zip64 end record is missing')
    count = wide(record, 32)
    bytes = wide(record, 40)
    offset = wide(record, 48)
  }
  if (count > MOST_MEMBERS || bytes > LARGEST_DIRECTORY || offset + bytes > size) throw damagedZip(path, 'its directory claims more than the file holds')
  const members = parseDirectory(await readAt(file, offset, bytes, path), count, path)
  checkOverlap(members, offset, path)
  return members
}

function parseDirectory(directory: Buffer, count: number, path: string): Member[] {
  const members: Member[] = []
  for (let i = 0, at = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL_ENTRY) throw damagedZip(path, `entry ${i + 1} of its directory is none`)
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28)
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
    const end = extraEnd + directory.readUInt16LE(at + 32)
    if (end > directory.length) throw damagedZip(path, `entry ${i + 1} of its directory is cut off`)
    const member = {
      name: directory.toString('utf8', at + 46, nameEnd),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      packed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    }
    if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw new UserError('the zip archive is encrypted', { file: path, hint: 'Unpack it first' })
    widen(member, directory.subarray(nameEnd, extraEnd), path)
    if (!member.name.endsWith('/')) members.push(member)
    at = end
  }
  return members
}

/** Extra field 1 holds, in this order, those of size, packed size and offset that do not fit 32 bits. */
function widen(member: Member, extra: Buffer, path: string): void {
  const fields = (['size', 'packed', 'offset'] as const).filter((name) => member[name] === 0xffff_ffff)
  for (let at = 0; fields.length > 0 && at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    if (at + 4 + 8 * fields.length > extra.length) throw damagedZip(path, `the Zip64 sizes of ${JSON.stringify(member.name)} are cut off`)
    fields.forEach((name, i) => {
      member[name] = wide(extra, at + 4 + 8 * i)
    })
    return
  }
}

/** Members that share bytes are the trick of archives that unpack to far more than they hold. */
function checkOverlap(members: Member[], directoryAt: number, path: string): void {
  const sorted = [...members].sort((a, b) => a.offset - b.offset)
  sorted.forEach((member, i) => {
    const next = sorted[i + 1]?.offset ?? directoryAt
    if (member.offset + 30 + member.packed > next) throw damagedZip(path, `${JSON.stringify(member.name)} overlaps what follows it`)
  })
}

async function* memberBytes(file: FileHandle, member: Member, path: string): AsyncGenerator<Uint8Array> {
  const local = await readAt(file, member.offset, 30, path)
  if (local.readUInt32LE(0) !== LOCAL_ENTRY) throw damagedZip(path, `${JSON.stringify(member.name)} is not where its directory says`)
  const start = member.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
  const packed = readRange(file, start, member.packed, path)
  if (member.method !== 0 && member.method !== 8)
    throw new UserError(`zip method ${member.method} is not known`, { file: path, expected: 'stored or deflated', hint: 'Unpack it first' })
  let size = 0
  let crc = 0
  try {
    for await (const chunk of member.method === 0 ? packed : inflated(packed)) {
      size += chunk.length
      crc = zlib.crc32(chunk, crc)
      if (size > member.size) break
      yield chunk
    }
  } catch (error) {
    if (!isOfZlib(error)) throw error
    throw damagedZip(path, `${JSON.stringify(member.name)}: ${(error as Error).message}`)
  }
  if (size !== member.size || crc !== member.crc)
    throw damagedZip(path, `${JSON.stringify(member.name)} does not have the length and checksum of its directory`)
}

const isOfZlib = (error: unknown): boolean => /^Z_/.test(String((error as NodeJS.ErrnoException).code))

/** Answers how many packed bytes it took. */
async function* inflated(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const inflate = zlib.createInflateRaw({ chunkSize: CHUNK })
  const input = Readable.from(packed, { objectMode: false })
  input.on('error', (error) => inflate.destroy(error))
  input.pipe(inflate)
  try {
    for await (const chunk of inflate) yield chunk as Uint8Array
  } catch (error) {
    yield* leftIn(inflate)
    throw error
  } finally {
    input.destroy()
  }
  return inflate.bytesWritten
}

/** What was decoded before an error and nobody has read yet. */
export function* leftIn(decoder: zlib.Gunzip): Generator<Uint8Array> {
  for (let chunk = decoder.read(); chunk !== null; chunk = decoder.read()) yield chunk as Uint8Array
}

async function* readRange(file: FileHandle, start: number, length: number, path: string): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; done += CHUNK) yield await readAt(file, start + done, Math.min(CHUNK, length - done), path)
}

async function readAt(file: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  if (!Number.isSafeInteger(position + length)) throw damagedZip(path, 'an offset lies outside the file')
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  if (bytesRead < length) throw damagedZip(path, 'it ends too early')
  return buffer
}

/** A 64-bit size; beyond 2^53 it is damage, and the checks against the file's size say so. */
function wide(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32
}

function damagedZip(path: string, detail: string): UserError {
  return new UserError(`the zip archive is damaged: ${detail}`, { file: path, hint: 'Copy it again' })
}
