/**
 * Plain numeric tables straight from bytes: no string, no BigInt, no object per row. A row that is not plain (quotes, blanks,
 * signs, comments, huge numbers, anything wrong) goes as text to the slow reader, which decides; so both always agree.
 */
import { type AccessKind, MODIFY, READ, type TraceWriter, WRITE } from './format.ts'
import type { Role, TableLayout } from './table-columns.ts'
import type { TableRows } from './table-rows.ts'

const NEWLINE = 10
const RETURN = 13
const DOT = 46
const ZERO = 48
/** 15 digits are exact in a float. */
const EXACT_DIGITS = 15

/** Value of a hexadecimal digit, else 255. */
const HEX = new Uint8Array(256).fill(255)
for (let value = 0; value < 16; value++) {
  HEX[value.toString(16).charCodeAt(0)] = value
  HEX[value.toString(16).toUpperCase().charCodeAt(0)] = value
}
/** One-letter operations. */
const KIND = new Uint8Array(256)
for (const [letters, kind] of [['rRlL0', READ], ['wWsS1', WRITE], ['mM2', MODIFY]] as const) {
  for (const letter of letters) KIND[letter.charCodeAt(0)] = kind
} // biome-ignore format: one line reads as a table

const CODE: Record<Role, number> = { time: 1, pid: 2, tid: 3, cpu: 4, op: 5, address: 6, page: 7, size: 8, weight: 9 }
const [TIME, PID, TID, CPU, OP, ADDRESS, PAGE, SIZE] = [1, 2, 3, 4, 5, 6, 7, 8]

export class TableScanner {
  /** 1-based number of the line being read, and where it starts in the bytes given. */
  line: number
  lineStart = 0
  readonly #trace: TraceWriter
  readonly #rows: TableRows
  readonly #slow: (text: string, line: number) => void
  readonly #separator: number
  readonly #codes: Uint8Array
  readonly #timeFactor: number
  readonly #latestWhole: number
  readonly #hex: boolean
  readonly #pageShift: number
  readonly #hasTime: boolean
  readonly #weight: number

  constructor(
    trace: TraceWriter,
    layout: TableLayout,
    separator: string,
    weight: number,
    rows: TableRows,
    slow: (text: string, line: number) => void,
    line: number,
  ) {
    this.line = line
    this.#trace = trace
    this.#rows = rows
    this.#slow = slow
    this.#separator = separator.charCodeAt(0)
    this.#codes = Uint8Array.from(layout.roles, (role) => (role === undefined ? 0 : CODE[role]))
    this.#timeFactor = layout.timeFactor
    this.#latestWhole = Math.floor(Number.MAX_SAFE_INTEGER / layout.timeFactor) - 1
    this.#hex = layout.hexAddress
    this.#pageShift = Math.log2(trace.pageSize)
    this.#hasTime = layout.roles.includes('time')
    this.#weight = weight
  }

  /** Whole lines: `bytes[end - 1]` is a newline. */
  scan(bytes: Uint8Array, end: number): void {
    for (let at = 0; at < end; this.line++) {
      this.lineStart = at
      const next = this.#row(bytes, at)
      at = next > 0 ? next : this.#handOver(bytes, at)
    }
  }

  #handOver(bytes: Uint8Array, start: number): number {
    const end = bytes.indexOf(NEWLINE, start)
    this.#slow(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'), this.line)
    return end + 1
  }

  /** One plain row from `i`; answers where the next begins, or -1 for the slow reader (nothing was pushed then). */
  #row(bytes: Uint8Array, i: number): number {
    const codes = this.#codes
    const columns = codes.length
    const separator = this.#separator
    let timeNs = 0
    let pid = -1
    let tid = -1
    let cpu = -1
    let kind = READ as number
    let high = 0
    let low = 0
    let size = 8
    let weight = this.#weight

    for (let column = 0; column < columns; column++) {
      const code = codes[column]!
      let byte = bytes[i]!
      if (code === 0) {
        for (; byte !== separator && byte !== NEWLINE; byte = bytes[++i]!) if (byte < 33 || byte === 34 || byte === 35) return -1
      } else if (code === OP) {
        kind = KIND[byte]!
        if (kind === 0) return -1
        byte = bytes[++i]!
      } else if ((code === ADDRESS || code === PAGE) && (this.#hex || (byte === ZERO && (bytes[i + 1]! | 32) === 120))) {
        if (byte === ZERO && (bytes[i + 1]! | 32) === 120) i += 2
        const first = i
        high = 0
        low = 0
        for (let digit = HEX[bytes[i]!]!; digit < 16; digit = HEX[bytes[++i]!]!) {
          high = (high << 4) | (low >>> 28)
          low = (low << 4) | digit
        }
        if (i === first || i - first > 16) return -1
        byte = bytes[i]!
      } else {
        const first = i
        let value = 0
        for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
          value = value * 10 + digit
          byte = bytes[++i]!
        }
        if (i === first || i - first > EXACT_DIGITS) return -1
        if (code === TIME) {
          if (value > this.#latestWhole) return -1
          timeNs = value * this.#timeFactor
          if (byte === DOT) {
            const dot = ++i
            let fraction = 0
            let scale = 1
            byte = bytes[i]!
            for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
              fraction = fraction * 10 + digit
              scale *= 10
              byte = bytes[++i]!
            }
            if (i - dot > 6 && i - dot !== 9) return -1
            timeNs += Math.floor((fraction * this.#timeFactor) / scale)
          }
        } else if (code === TID) tid = value
        else if (code === PID) pid = value
        else if (code === CPU) cpu = value
        else if (code === ADDRESS || code === PAGE) {
          high = Math.floor(value / 2 ** 32)
          low = value | 0
          if (value > 0xffff_ffff) low = value - high * 2 ** 32
        } else if (code === SIZE) size = value
        else {
          if (value === 0) return -1
          weight = value
        }
      }
      if (column + 1 < columns) {
        if (byte !== separator) return -1
        i++
      } else {
        if (byte === RETURN) byte = bytes[++i]!
        if (byte !== NEWLINE) return -1
        i++
      }
      if (code === PAGE) {
        const shift = this.#pageShift
        if (high >>> (32 - shift) !== 0) return -1
        high = (high << shift) | (low >>> (32 - shift))
        low <<= shift
      }
    }
    if (this.#rows.originNs !== 0n) return -1
    if (!this.#hasTime) timeNs = this.#rows.count
    if (pid < 0) pid = 1
    this.#rows.count++
    if (weight !== 1) this.#rows.weighted = true
    this.#trace.line = this.line
    this.#trace.access(timeNs, this.#trace.task(pid, tid < 0 ? pid : tid), cpu, high >>> 0, low >>> 0, size, kind as AccessKind, weight)
    return i
  }
}
