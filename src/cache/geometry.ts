/** What a cache looks like, as people write it: `32MiB,16way,64B`, optionally with how it replaces lines. */
import { UserError } from '../errors.ts'
import { formatSize, parseSize } from '../units.ts'

export interface CacheGeometry {
  bytes: number
  ways: number
  lineBytes: number
  /** lru, or srrip: static re-reference interval prediction, hit priority, 2 bits (Jaleel et al., ISCA 2010, §4). */
  replacement: 'lru' | 'srrip'
}

const EXPECTED = 'size, ways and line, such as 32MiB,16way,64B, perhaps ,lru or ,srrip'

export function parseGeometry(text: string, field = '--cache'): CacheGeometry {
  const [size, ways, line = '64B', replacement = 'lru', ...rest] = text.split(',').map((part) => part.trim())
  const wayCount = /^(\d{1,4})-?ways?$/.exec(ways ?? '')?.[1]
  if (size === undefined || wayCount === undefined || rest.length > 0 || (replacement !== 'lru' && replacement !== 'srrip'))
    throw new UserError('not a cache', { field, expected: EXPECTED, got: JSON.stringify(text) })
  return checkGeometry({ bytes: parseSize(size, field), ways: Number(wayCount), lineBytes: parseSize(line, field), replacement }, field)
}

/** A power of two of bytes in a line and a whole number of sets; sets need not be a power of two (11-way caches have others). */
export function checkGeometry(geometry: CacheGeometry, field = '--cache'): CacheGeometry {
  const { bytes, ways, lineBytes } = geometry
  const isLine = lineBytes >= 8 && lineBytes <= 4096 && Number.isInteger(Math.log2(lineBytes))
  const sets = bytes / (ways * lineBytes)
  if (!isLine || ways < 1 || ways > 1024 || !Number.isInteger(sets) || sets < 1 || bytes > 2 ** 33)
    throw new UserError('a cache that cannot be built', {
      field,
      expected: 'a line of 8 B to 4 KiB, 1 to 1024 ways, at most 8 GiB, and a size that is a multiple of ways × line',
      got: describeGeometry(geometry),
    })
  return geometry
}

export function describeGeometry({ bytes, ways, lineBytes, replacement }: CacheGeometry): string {
  return `${formatSize(bytes)}, ${ways} ways, ${formatSize(lineBytes)} lines, ${replacement.toUpperCase()}`
}
