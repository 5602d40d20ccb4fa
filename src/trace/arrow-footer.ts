/** The footer of an Arrow file on disk, and the messages that it points to. Streams and files inside an archive have none that can be reached. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { type ArrowBlock, ArrowDamage, type ArrowMessage, readFooter, readMessage } from './arrow-messages.ts'

export const FILE_MAGIC = 'ARROW1'
export const LARGEST_METADATA = 1 << 24
export const LARGEST_BODY = 2 ** 31
/** Length of the footer and the mark again. */
const FOOTER_END = 4 + FILE_MAGIC.length
/** In front of a message: a mark since Arrow 0.15, and its length. */
const CONTINUES = 0xffff_ffff

export function footerOf(path: string): ReturnType<typeof readFooter> | undefined {
  if (!existsSync(path)) return undefined
  return reading(path, (read, size) => {
    if (size < FOOTER_END) return undefined
    const end = read(size - FOOTER_END, FOOTER_END)
    if (end.toString('latin1', 4) !== FILE_MAGIC) return undefined
    const length = end.readUInt32LE()
    if (length > Math.min(LARGEST_METADATA, size - FOOTER_END)) throw new ArrowDamage('a footer too long')
    return readFooter(read(size - FOOTER_END - length, length))
  })
}

export function blocksOf(path: string, blocks: readonly ArrowBlock[]): { message: ArrowMessage; body: Uint8Array }[] {
  return reading(path, (read, size) => {
    // they do not overlap, so together they are no longer than the file
    const total = blocks.reduce((sum, { metadataLength, bodyLength }) => sum + metadataLength + bodyLength, 0)
    if (!(total <= Math.min(size, LARGEST_BODY))) throw new ArrowDamage('dictionaries larger than their file')
    return blocks.map(({ offset, metadataLength, bodyLength }) => {
      if (!(metadataLength >= 8 && metadataLength <= LARGEST_METADATA && bodyLength <= LARGEST_BODY && offset + metadataLength + bodyLength <= size))
        throw new ArrowDamage('a dictionary outside its file')
      const metadata = read(offset, metadataLength)
      const message = readMessage(metadata.subarray(metadata.readUInt32LE() === CONTINUES ? 8 : 4))
      return { message, body: read(offset + metadataLength, bodyLength) }
    })
  })
}

function reading<T>(path: string, use: (read: (from: number, length: number) => Buffer, size: number) => T): T {
  const file = openSync(path, 'r')
  try {
    const read = (from: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length)
      readSync(file, bytes, 0, length, from)
      return bytes
    }
    return use(read, fstatSync(file).size)
  } finally {
    closeSync(file)
  }
}
