/**
 * The only place where text with units becomes numbers and back. Inside the program time is integer nanoseconds
 * (or picoseconds where a name ends in Ps), memory is bytes, and shares are fractions of 1.
 */
import { UserError } from './errors.ts'

const TIME_NS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9 }
const SIZE: Record<string, number> = {
  b: 1, k: 2 ** 10, kib: 2 ** 10, m: 2 ** 20, mib: 2 ** 20, g: 2 ** 30, gib: 2 ** 30, t: 2 ** 40, tib: 2 ** 40,
} // biome-ignore format: one line reads as a table

const NUMBER = String.raw`\d+(?:\.\d+)?(?:e[+-]?\d+)?`

/** `'10ms'` -> 10_000_000 (integer nanoseconds). */
export function parseDuration(text: string, field = 'time'): number {
  return Math.round(nanoseconds(text, field))
}

/** `'0.25ns'` -> 250 (integer picoseconds): costs of single operations. */
export function parsePicoseconds(text: string, field = 'time'): number {
  return Math.round(nanoseconds(text, field) * 1e3)
}

function nanoseconds(text: string, field: string): number {
  const match = new RegExp(`^(${NUMBER})\\s*(ns|us|µs|ms|s|min|h)$`).exec(text.trim())
  if (!match) throw new UserError('not a time', { field, expected: 'a number with ns, us, ms, s, min or h, such as 10ms', got: quote(text) })
  return Number(match[1]) * TIME_NS[match[2]!]!
}

/** `'64MiB'` -> 67_108_864 bytes; k, m, g are binary, as numactl's; `MB` is refused as unclear. */
export function parseSize(text: string, field = 'size'): number {
  const match = new RegExp(`^(${NUMBER})\\s*([a-z]*)$`, 'i').exec(text.trim())
  const unit = (match?.[2] ?? '').toLowerCase()
  if (match && ['kb', 'mb', 'gb', 'tb'].includes(unit)) {
    throw new UserError('unclear unit', {
      field,
      expected: 'KiB, MiB or GiB (powers of 1024)',
      got: quote(text),
      hint: `Write ${match[1]}${unit[0]!.toUpperCase()}iB`,
    })
  }
  const factor = unit === '' ? 1 : SIZE[unit]
  if (!match || factor === undefined)
    throw new UserError('not a size', { field, expected: 'bytes or a number with KiB, MiB or GiB, such as 64MiB', got: quote(text) })
  return Math.round(Number(match[1]) * factor)
}

/** `'10%'` or `'0.1'` -> 0.1. */
export function parseFraction(text: string, field = 'share'): number {
  const match = new RegExp(`^(${NUMBER})(%?)$`).exec(text.trim())
  const value = match ? Number(match[1]) / (match[2] ? 100 : 1) : Number.NaN
  if (!match || value > 1e6) throw new UserError('not a share', { field, expected: 'a number or a percentage, such as 0.2 or 20%', got: quote(text) })
  return value
}

const THOUSANDS: Record<string, number> = { '': 1, K: 1e3, M: 1e6, G: 1e9 }

/** `'42'` -> 42, `'10M'` -> 10,000,000; decimal or 0x hexadecimal, not negative. */
export function parseCount(text: string, field = 'count'): number {
  const trimmed = text.trim()
  const [, digits, unit = ''] = /^(0x[0-9a-f]+|\d+)([kMG]?)$/i.exec(trimmed) ?? []
  const value = digits === undefined ? Number.NaN : Number(digits) * THOUSANDS[unit.toUpperCase()]!
  if (!Number.isSafeInteger(value))
    throw new UserError('not a whole number', { field, expected: 'a whole number, 0 or more, such as 500, 20k or 10M', got: quote(text) })
  return value
}

/** `'100MiB/s'` -> bytes per second. */
export function parseRate(text: string, field = 'rate'): number {
  const match = /^(.*)\/s$/.exec(text.trim())
  if (!match) throw new UserError('not a rate', { field, expected: 'a size per second, such as 100MiB/s', got: quote(text) })
  return parseSize(match[1]!, field)
}

/**
 * A list as the kernel and numactl write it: `0-3,5`. `all` and `!0-1` need the set of all members.
 * Ascending, without repeats.
 */
export function parseList(text: string, field = 'list', all?: readonly number[]): number[] {
  const trimmed = text.trim()
  if (trimmed === 'all' && all) return [...all]
  if (trimmed.startsWith('!') && all) {
    const without = new Set(parseList(trimmed.slice(1), field, all))
    return all.filter((n) => !without.has(n))
  }
  const members = new Set<number>()
  for (const part of trimmed.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim())
    const low = match ? Number(match[1]) : Number.NaN
    const high = match?.[2] === undefined ? low : Number(match[2])
    if (!match || high < low || high > 1 << 20) {
      throw new UserError('not a list of numbers', { field, expected: 'numbers and ranges such as 0-3,5', got: quote(text) })
    }
    for (let n = low; n <= high; n++) members.add(n)
  }
  return [...members].sort((a, b) => a - b)
}

/** `[0,1,2,3,5]` -> `'0-3,5'`. */
export function formatList(members: Iterable<number>): string {
  const sorted = [...members].sort((a, b) => a - b)
  const parts: string[] = []
  for (let i = 0; i < sorted.length; ) {
    let j = i
    while (j + 1 < sorted.length && sorted[j + 1] === sorted[j]! + 1) j++
    parts.push(j === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[j]}`)
    i = j + 1
  }
  return parts.join(',')
}

/** 1_500_000 -> `'1.5ms'`. Three significant digits. In the unit that `beside` would have, if given. */
export function formatDuration(ns: number, beside?: number): string {
  const size = Math.abs(beside ?? ns)
  const [unit, name] = size >= 60e9 ? [60e9, 'min'] : size >= 1e9 ? [1e9, 's'] : size >= 1e6 ? [1e6, 'ms'] : size >= 1e3 ? [1e3, 'us'] : [1, 'ns']
  if (beside === undefined) return `${significant(ns / unit)}${name}`
  const decimals = digits(beside / unit).split('.')[1]?.length ?? 0
  return `${(ns / unit).toFixed(decimals)}${name}`
}

/** 67_108_864 -> `'64MiB'`. */
export function formatSize(bytes: number): string {
  const size = Math.abs(bytes)
  if (size >= 2 ** 40) return `${significant(bytes / 2 ** 40)}TiB`
  if (size >= 2 ** 30) return `${significant(bytes / 2 ** 30)}GiB`
  if (size >= 2 ** 20) return `${significant(bytes / 2 ** 20)}MiB`
  if (size >= 2 ** 10) return `${significant(bytes / 2 ** 10)}KiB`
  return `${bytes}B`
}

/** 0.1234 -> `'12.3%'`; from ten times on without the decimal: `'1,234%'`. */
export function formatPercent(fraction: number): string {
  return Math.abs(fraction) >= 10 ? `${formatCount(fraction * 100)}%` : `${(fraction * 100).toFixed(1)}%`
}

/** 1234567 -> `'1,234,567'`. */
export function formatCount(n: number): string {
  const whole = Math.round(n)
  // the tables of all languages take some 20 ms to load
  return Number.isSafeInteger(whole) ? String(whole).replace(/\B(?=(?:\d{3})+$)/g, ',') : whole.toLocaleString('en-US')
}

const digits = (x: number): string => x.toPrecision(Math.abs(x) >= 100 ? 4 : 3)

function significant(x: number): string {
  return String(Number(digits(x)))
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
