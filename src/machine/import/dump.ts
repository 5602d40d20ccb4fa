/** Reads a dump from disk: text, gzip-compressed text, a folder, or a tar archive of sysfs. Sizes are bounded. */
import { readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { UserError } from '../../errors.ts'
import { readSysfsFolder, type SysfsTree } from './sysfs.ts'
import { readTar } from './tar.ts'

const LARGEST_FILE = 64 << 20
const LARGEST_UNPACKED = 256 << 20

export type Dump = { text: string } | { sysfs: SysfsTree }

export function openDump(path: string): Dump {
  let bytes: Buffer
  try {
    const info = statSync(path)
    if (info.isDirectory()) return { sysfs: readSysfsFolder(path) }
    if (!info.isFile()) throw new UserError('is neither a file nor a folder', { file: path })
    if (info.size > LARGEST_FILE) throw new UserError('too large for a topology dump', { file: path, expected: 'at most 64 MiB', got: `${info.size} bytes` })
    bytes = readFileSync(path)
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = (error as NodeJS.ErrnoException).code
    throw new UserError(code === 'ENOENT' ? 'file not found' : `cannot be read (${code})`, { file: path, hint: 'The path is taken from the current folder' })
  }
  return unpack(bytes, path)
}

export function unpack(bytes: Buffer, file: string): Dump {
  let plain = bytes
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      plain = gunzipSync(bytes, { maxOutputLength: LARGEST_UNPACKED })
    } catch (error) {
      const isBomb = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      throw new UserError(isBomb ? 'unpacks to more than 256 MiB' : 'the gzip data is damaged or cut off', { file })
    }
  }
  if (plain.subarray(257, 262).toString('latin1') === 'ustar') return { sysfs: readTar(plain, file) }
  const text = plain.toString('utf8').replace(/^\uFEFF/, '')
  if (text.slice(0, 4096).includes('\0')) throw new UserError('is binary', { file, expected: 'a text dump, or a tar archive of sysfs' })
  return { text: text.replaceAll('\r\n', '\n') }
}
