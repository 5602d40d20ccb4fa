/**
 * POSIX ustar and GNU tar headers (tar(5)): what Linux people's tar writes. Names are only compared with those wanted, nothing is
 * ever written, so paths that climb out of the archive do no harm.
 */
import { UserError } from '../../errors.ts'
import { type SysfsTree, sysfsKey } from './sysfs.ts'

const BLOCK = 512
/** A file of sysfs is a page at most. */
const LARGEST_SYSFS_FILE = 64 << 10

/** The files of sysfs in a tar archive. */
export function readTar(bytes: Buffer, file: string): SysfsTree {
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
      const content = type === '2' ? '' : data.subarray(0, LARGEST_SYSFS_FILE).toString('latin1')
      if (key !== undefined) {
        if (/\/(?:cpulist|distance)$/.test(key) && (tree.get(key) ?? content) !== content) {
          throw new UserError('the archive holds more than one machine', { file, got: `a second ${name}` })
        }
        tree.set(key, content)
      }
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
  if (tree.size === 0)
    throw new UserError('the archive has no files of /sys/devices/system/node', { file, expected: 'members such as sys/devices/system/node/node0/cpulist' })
  return tree
}
