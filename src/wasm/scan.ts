/**
 * Plain numeric tables straight from bytes into a batch: no string, no BigInt, no object per row. Plain are rows of digits,
 * hexadecimal addresses and one-letter operations; a row with quotes, blanks, signs, comments, huge numbers or anything wrong
 * is left to the caller.
 */
import { BATCH, columnsAt, NOWHERE, type Views } from './batch.ts'

/** Block of a table, byte offsets: how its columns are read, and where the scan ended. */
export const TABLE = {
  /** f64: ns per unit of time, the latest whole number of units, accesses a row stands for, rows so far. */
  factor: 0,
  latest: 8,
  each: 16,
  count: 24,
  /** u32. `codes` is the address of a code per column, `tasks` that of a table of (pid, tid, task + 1, unused). */
  columns: 32,
  separator: 36,
  isHex: 40,
  pageShift: 44,
  hasTime: 48,
  codes: 52,
  tasks: 56,
  taskMask: 60,
  /** Where the next row starts, why the scan ended, the new task, and whether some weight is not 1. */
  next: 64,
  reason: 68,
  pid: 72,
  tid: 76,
  weighted: 80,
  /** Where the kernel notes ends of cells: room for one more than there are in a group of rows. */
  ends: 84,
  /** u8 by letter: kind of access or 0. */
  kinds: 128,
  /** By code, u64 for each row of a group: what the kernel read, or what stands for a column that is not there. */
  values: 384,
}
/** Rows of a group. */
export const GROUP = 64
export const TABLE_BYTES = TABLE.values + 10 * 8 * GROUP

export const CODE = { time: 1, pid: 2, tid: 3, cpu: 4, op: 5, address: 6, page: 7, size: 8, weight: 9 }

/** Stands for a number that no column gives. */
export const MISSING = 2n ** 64n - 1n

/** The bytes or the batch are at their end, the row is not plain, its task is not in the table yet. */
export const DONE = 0
export const SLOW = 1
export const NEW_TASK = 2

export interface ScanKernels {
  /** Rows of bytes [from, end) into the batch from row `rows` on; `end` is behind a newline. Answers how many rows it then has. */
  scanTable(views: Views, table: number, bytes: number, from: number, end: number, batch: number, rows: number): number
}

export interface ScanExports {
  scanTable(...args: number[]): number
}

export const wasmScan = (exports: ScanExports): ScanKernels => ({
  scanTable: (_, table, bytes, from, end, batch, rows) => exports.scanTable(table, bytes, from, end, batch, rows),
})

const NEWLINE = 10
const RETURN = 13
const DOT = 46
const ZERO = 48
/** 15 digits are exact in a float. */
const EXACT_DIGITS = 15
const MOST_CPU = 0xffff
const MOST_ID = 0xffff_ffff

/** One row as it is read; kept, because rows are many. */
const row = { time: 0, pid: 0, tid: 0, cpu: 0, kind: 0, high: 0, low: 0, size: 0, weight: 0 }

export const scanTwins: ScanKernels = {
  scanTable(views, table, bytes, from, end, batch, rows) {
    const { u8, u16, u32, f64 } = views
    const columns = columnsAt(batch)
    const word = (field: number) => (table + field) >>> 2
    let start = from
    let n = rows
    let reason = DONE
    while (start < end && n < BATCH) {
      const next = readRow(views, table, bytes + start)
      if (next < 0) {
        reason = SLOW
        break
      }
      const task = taskOf(u32, table, row.pid, row.tid)
      if (task === 0) {
        u32[word(TABLE.pid)] = row.pid
        u32[word(TABLE.tid)] = row.tid
        reason = NEW_TASK
        break
      }
      const count = f64[(table + TABLE.count) >>> 3]!++
      if (row.weight !== 1) u32[word(TABLE.weighted)] = 1
      f64[columns.time + n] = u32[word(TABLE.hasTime)] === 0 ? count : row.time
      f64[columns.bytes + n] = row.size
      f64[columns.weight + n] = row.weight
      u32[columns.high + n] = row.high
      u32[columns.low + n] = row.low
      u32[columns.cpu + n] = row.cpu
      u16[columns.task + n] = task - 1
      u8[columns.kind + n] = row.kind
      n++
      start = next - bytes
    }
    u32[word(TABLE.next)] = start
    u32[word(TABLE.reason)] = reason
    return n
  },
}

/** Task + 1, or 0. */
function taskOf(words: Uint32Array, table: number, pid: number, tid: number): number {
  const slots = words[(table + TABLE.tasks) >>> 2]! >>> 2
  const mask = words[(table + TABLE.taskMask) >>> 2]!
  let slot = (tid ^ Math.imul(pid, 0x85ebca6b)) & mask
  while (words[slots + 4 * slot + 2] !== 0 && (words[slots + 4 * slot] !== pid || words[slots + 4 * slot + 1] !== tid)) slot = (slot + 1) & mask
  return words[slots + 4 * slot + 2]!
}

/** Reads the row at address `i`; answers where the next begins, or -1 when it is not plain. */
function readRow({ u8, u32, f64 }: Views, table: number, i: number): number {
  const columns = u32[(table + TABLE.columns) >>> 2]!
  const separator = u32[(table + TABLE.separator) >>> 2]!
  const isHex = u32[(table + TABLE.isHex) >>> 2] !== 0
  const shift = u32[(table + TABLE.pageShift) >>> 2]!
  const codes = u32[(table + TABLE.codes) >>> 2]!
  const factor = f64[(table + TABLE.factor) >>> 3]!
  const latest = f64[(table + TABLE.latest) >>> 3]!
  let time = 0
  let pid = -1
  let tid = -1
  let cpu = -1
  let kind = 1
  let high = 0
  let low = 0
  let size = 8
  let weight = f64[(table + TABLE.each) >>> 3]!
  for (let column = 0; column < columns; column++) {
    const code = u8[codes + column]!
    let byte = u8[i]!
    if ((code === CODE.address || code === CODE.page) && (isHex || (byte === ZERO && (u8[i + 1]! | 32) === 120))) {
      if (byte === ZERO && (u8[i + 1]! | 32) === 120) i += 2
      const first = i
      high = 0
      low = 0
      for (let digit = hexDigit(u8[i]!); digit < 16; digit = hexDigit(u8[++i]!)) {
        high = (high << 4) | (low >>> 28)
        low = (low << 4) | digit
      }
      if (i === first || i - first > 16) return -1
      byte = u8[i]!
    } else if (code === CODE.op) {
      kind = u8[table + TABLE.kinds + byte]!
      if (kind === 0) return -1
      byte = u8[++i]!
    } else if (code === 0) {
      for (; byte !== separator && byte !== NEWLINE && !(byte === RETURN && u8[i + 1] === NEWLINE); byte = u8[++i]!)
        if (byte < 33 || byte === 34 || byte === 35) return -1
    } else {
      const first = i
      let value = 0
      for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
        value = value * 10 + digit
        byte = u8[++i]!
      }
      if (i === first || i - first > EXACT_DIGITS) return -1
      if (code === CODE.time) {
        if (value > latest) return -1
        time = value * factor
        if (byte === DOT) {
          const dot = ++i
          let fraction = 0
          let scale = 1
          byte = u8[i]!
          for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
            fraction = fraction * 10 + digit
            scale *= 10
            byte = u8[++i]!
          }
          if (i - dot > 6 && i - dot !== 9) return -1
          time += Math.floor((fraction * factor) / scale)
        }
      } else if (code === CODE.tid) tid = value
      else if (code === CODE.pid) pid = value
      else if (code === CODE.cpu) cpu = value
      else if (code === CODE.address || code === CODE.page) {
        high = Math.floor(value / 2 ** 32)
        low = value > 0xffff_ffff ? value - high * 2 ** 32 : value
      } else if (code === CODE.size) size = value
      else {
        if (value === 0) return -1
        weight = value
      }
    }
    if (column + 1 < columns) {
      if (byte !== separator) return -1
    } else {
      if (byte === RETURN) byte = u8[++i]!
      if (byte !== NEWLINE) return -1
    }
    i++
    if (code === CODE.page) {
      if (high >>> (32 - shift) !== 0) return -1
      high = (high << shift) | (low >>> (32 - shift))
      low <<= shift
    }
  }
  if (pid < 0) pid = 1
  if (tid < 0) tid = pid
  if (cpu > MOST_CPU || pid > MOST_ID || tid > MOST_ID) return -1
  row.time = time
  row.pid = pid
  row.tid = tid
  row.cpu = cpu < 0 ? NOWHERE : cpu
  row.kind = kind
  row.high = high >>> 0
  row.low = low >>> 0
  row.size = size
  row.weight = weight
  return i
}

/** 16 where it is none. */
function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= 57) return byte - ZERO
  const letter = (byte | 32) - 97
  return letter >= 0 && letter < 6 ? 10 + letter : 16
}
