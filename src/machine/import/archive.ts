/** Reads a dump from disk: text, gzip-compressed text, a folder, or a tar archive of sysfs. Sizes are bounded. */
import { readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { UserError } from '../../errors.ts'
import { readSysfsFolder, type SysfsTree, sysfsKey } from './sysfs.ts'

const LARGEST_FILE = 64 << 20
const LARGEST_UNPACKED = 256 << 20
/** A file of sysfs is a page at most. */
const LARGEST_SYSFS_FILE = 64 << 10

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

const BLOCK = 512

/**
 * POSIX ustar and GNU tar headers (tar(5)): what Linux people's tar writes. Names are only compared with those wanted, nothing is
 * ever written, so paths that climb out of the archive do no harm.
 */
function readTar(bytes: Buffer, file: string): SysfsTree {
  const tree: SysfsTree = new Map()
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK)
    if (header[0] === 0 && header.every((byte) => byte === 0)) break
    const field = (from: number, to: number): string => header.subarray(from, to).toString('latin1').split('\0')[0]!
    const octal = field(124, 136).trim()
    const size = /^[0-7]{1,11}$/.test(octal) ? Number.parseInt(octal, 8) : Number.NaN
    const start = at + BLOCK
    if (field(257, 262) !== 'ustar' || Number.isNaN(size)) throw new UserError('the tar archive is damaged', { file, got: `no header at byte ${at}` })
    if (start + size > bytes.length) throw new UserError('the tar archive is cut off', { file, got: `a member of ${size} bytes at byte ${at}` })
    const data = bytes.subarray(start, start + size)
    const type = field(156, 157)
    const prefix = field(345, 500)
    const name = longName ?? (prefix ? `${prefix}/${field(0, 100)}` : field(0, 100))
    longName = undefined
    if (type === 'L') longName = data.toString('latin1').split('\0')[0]
    else if (type === 'x') longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(data.subarray(0, LARGEST_SYSFS_FILE).toString('latin1'))?.[1]
    else {
      const key = sysfsKey(name)
      // type 2 is a symbolic link: the initiators of an access class
      if (key !== undefined) tree.set(key, type === '2' ? '' : data.subarray(0, LARGEST_SYSFS_FILE).toString('latin1'))
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
  if (tree.size === 0)
    throw new UserError('the archive has no files of /sys/devices/system/node', { file, expected: 'members such as sys/devices/system/node/node0/cpulist' })
  return tree
}
