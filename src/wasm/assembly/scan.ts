/**
 * Rows of a plain numeric table into a batch: src/wasm/scan.ts says what is plain, and what a table's block holds. Some rows at a time:
 * first where their cells end, by vectors, then column by column what is in them, up to eight digits at once. So nearly no branch
 * depends on how many digits a number has, and no more is held in registers than one column needs.
 */
import { BATCH, BYTES, CPU, HIGH, KIND, LOW, TASK, TIME, WEIGHT } from './batch'

const FACTOR: usize = 0
const LATEST: usize = 8
const COUNT: usize = 24
const COLUMNS: usize = 32
const SEPARATOR: usize = 36
const IS_HEX: usize = 40
const SHIFT: usize = 44
const HAS_TIME: usize = 48
const CODES: usize = 52
const TASKS: usize = 56
const TASK_MASK: usize = 60
const NEXT: usize = 64
const REASON: usize = 68
const PID: usize = 72
const TID: usize = 76
const WEIGHTED: usize = 80
const ENDS: usize = 84
const KINDS: usize = 128
const VALUES: usize = 384

/** Rows of a group: at most, and after a row that was not plain, for the next may not be either. */
const GROUP: u32 = 64
const FEW: u32 = 4
/** Bytes of the values of a column. */
const COLUMN: usize = 8 * 64

const SLOW: u32 = 1
const NEW_TASK: u32 = 2

const C_TIME: u32 = 1
const C_OP: u32 = 5
const C_ADDRESS: u32 = 6
const C_PAGE: u32 = 7
/** Where the values of columns lie, by their codes. */
const TIMES: usize = VALUES + 1 * COLUMN
const PIDS: usize = VALUES + 2 * COLUMN
const TIDS: usize = VALUES + 3 * COLUMN
const CPUS: usize = VALUES + 4 * COLUMN
const OPERATIONS: usize = VALUES + 5 * COLUMN
const ADDRESSES: usize = VALUES + 6 * COLUMN
const SIZES: usize = VALUES + 8 * COLUMN
const WEIGHTS: usize = VALUES + 9 * COLUMN

const NEWLINE: u8 = 10
const RETURN: u32 = 13
const DOT: u32 = 46
const ZERO: u8 = 48
/** `0x` as it lies in memory. */
const PREFIX: u32 = 0x7830
const MOST_CPU: u64 = 0xffff
const MOST_ID: u64 = 0xffff_ffff
/** 32 bytes; the 16 from the nth on keep the last n of a vector. */
const LAST_BYTES = memory.data<u64>([0, 0, u64.MAX_VALUE, u64.MAX_VALUE], 16)
/** No column gives it. */
const MISSING: u64 = u64.MAX_VALUE

export function scanTable(table: usize, bytes: usize, from: u32, end: u32, batch: usize, rows: u32): u32 {
  const last = bytes + end
  let start = bytes + from
  let n = rows
  let group = FEW
  store<u32>(table, 0, REASON)
  while (start < last && n < BATCH && load<u32>(table, REASON) === 0) {
    const wanted = min(group, BATCH - n)
    const found = readColumns(table, splitRows(table, start, last, wanted))
    const taken = takeRows(table, found, batch, n)
    // the row that is in the way is the first one of the next group
    if (taken === 0 && load<u32>(table, REASON) === 0) store<u32>(table, SLOW, REASON)
    start = <usize>load<u32>(<usize>load<u32>(table, ENDS) + taken * stepOf(table)) + 1
    n += taken
    group = taken < wanted ? FEW : min(2 * group, GROUP)
  }
  store<u32>(table, <u32>(start - bytes), NEXT)
  return n
}

/** From the ends of cells of a row to those of the next. */
function stepOf(table: usize): usize {
  return (<usize>load<u32>(table, COLUMNS) + 1) << 2
}

/**
 * Of up to `wanted` rows, the byte before each and where its cells end; then the byte before the next. Ends early at a row with more
 * cells than there are columns, or fewer.
 */
function splitRows(table: usize, start: usize, last: usize, wanted: u32): u32 {
  const columns = load<u32>(table, COLUMNS)
  const separator = load<u32>(table, SEPARATOR)
  // a letter of more than one byte ends no cell
  const separators = i8x16.splat(separator < 256 ? <i8>separator : NEWLINE)
  const newlines = i8x16.splat(NEWLINE)
  let out = <usize>load<u32>(table, ENDS)
  store<u32>(out, <u32>start - 1)
  for (let row: u32 = 0; row < wanted; row++) {
    if (start >= last) return row
    let left = columns
    for (let isEnded = false; !isEnded; start += 64) {
      const a = v128.load(start)
      const b = v128.load(start, 16)
      const c = v128.load(start, 32)
      const d = v128.load(start, 48)
      const isNewline =
        <u64>i8x16.bitmask(i8x16.eq(a, newlines)) |
        ((<u64>i8x16.bitmask(i8x16.eq(b, newlines))) << 16) |
        ((<u64>i8x16.bitmask(i8x16.eq(c, newlines))) << 32) |
        ((<u64>i8x16.bitmask(i8x16.eq(d, newlines))) << 48)
      let isEnd =
        <u64>i8x16.bitmask(i8x16.eq(a, separators)) |
        ((<u64>i8x16.bitmask(i8x16.eq(b, separators))) << 16) |
        ((<u64>i8x16.bitmask(i8x16.eq(c, separators))) << 32) |
        ((<u64>i8x16.bitmask(i8x16.eq(d, separators))) << 48)
      isEnded = isNewline !== 0
      // up to the end of the line
      isEnd = (isEnd | isNewline) & (isNewline ^ (isNewline - 1))
      const cells = <u32>popcnt(isEnd)
      if (cells > left) return row
      left -= cells
      for (; isEnd !== 0; isEnd &= isEnd - 1) {
        out += 4
        store<u32>(out, <u32>start + <u32>ctz(isEnd))
      }
    }
    if (left !== 0) return row
    const newline = load<u32>(out)
    if (load<u8>(newline - 1) === RETURN) store<u32>(out, newline - 1)
    out += 4
    store<u32>(out, newline)
    start = <usize>newline + 1
  }
  return wanted
}

/** What is in the cells of so many rows. Ends early at a row that is not plain. */
function readColumns(table: usize, rows: u32): u32 {
  const columns = load<u32>(table, COLUMNS)
  const step = stepOf(table)
  const codes = <usize>load<u32>(table, CODES)
  let cell = <usize>load<u32>(table, ENDS)
  for (let column: u32 = 0; column < columns; column++, cell += 4) {
    const code = <u32>load<u8>(codes + column)
    if (code === 0) rows = readNothing(cell, step, rows)
    else if (code === C_OP) rows = readOperations(cell, step, rows, table)
    else if (code === C_ADDRESS || code === C_PAGE) {
      const isHex = load<u32>(table, IS_HEX) !== 0 || hasPrefix(cell)
      rows = isHex ? readHexadecimal(cell, step, rows, table) : readDecimal(cell, step, rows, table + ADDRESSES)
      if (code === C_PAGE) rows = toAddresses(table, rows)
    } else {
      const whole = readDecimal(cell, step, rows, table + VALUES + <usize>code * COLUMN)
      if (code !== C_TIME) rows = whole
      else rows = whole > 0 ? toTimes(table, whole) : readFractions(cell, step, rows, table)
    }
  }
  return rows
}

/** Cells nobody asked for: no blank, quote or `#`. */
function readNothing(cell: usize, step: usize, rows: u32): u32 {
  for (let row: u32 = 0; row < rows; row++, cell += step) {
    const stop = <usize>load<u32>(cell, 4)
    for (let at = <usize>load<u32>(cell) + 1; at < stop; at++) {
      const byte = <u32>load<u8>(at)
      if (byte < 33 || byte === 34 || byte === 35) return row
    }
  }
  return rows
}

function lengthOf(cell: usize): u32 {
  return load<u32>(cell, 4) - load<u32>(cell) - 1
}

function readOperations(cell: usize, step: usize, rows: u32, table: usize): u32 {
  let out = table + OPERATIONS
  for (let row: u32 = 0; row < rows; row++, cell += step, out += 8) {
    const kind = load<u8>(table + <usize>load<u8>(<usize>load<u32>(cell) + 1), KINDS)
    if (kind === 0 || lengthOf(cell) !== 1) return row
    store<u64>(out, kind)
  }
  return rows
}

/** Numbers of up to 15 digits, which are exact in a float. */
function readDecimal(cell: usize, step: usize, rows: u32, out: usize): u32 {
  for (let row: u32 = 0; row < rows; row++, cell += step, out += 8) {
    const length = lengthOf(cell)
    if (length - 1 >= 15) return row
    if (length <= 4) {
      const four = (load<u32>(<usize>load<u32>(cell), 1) ^ 0x3030_3030) << (32 - 8 * length)
      if ((((four + 0x7676_7676) | four) & 0x8080_8080) !== 0) return row
      const pairs = four * 10 + (four >> 8)
      store<u64>(out, <u64>((pairs & 0xff) * 100 + ((pairs >> 16) & 0xff)))
      continue
    }
    // what comes before the number is zeros
    const text = v128.and(v128.xor(v128.load(<usize>load<u32>(cell, 4) - 16), i8x16.splat(ZERO)), v128.load(LAST_BYTES + <usize>length))
    if (v128.any_true(i8x16.gt_u(text, i8x16.splat(9)))) return row
    const pairs = i16x8.add(i16x8.mul(v128.and(text, i16x8.splat(0xff)), i16x8.splat(10)), i16x8.shr_u(text, 8))
    const fours = i32x4.dot_i16x8_s(pairs, i16x8(100, 1, 100, 1, 100, 1, 100, 1))
    const eights = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(fours, fours), i16x8(10000, 1, 10000, 1, 10000, 1, 10000, 1))
    const both = <u64>i64x2.extract_lane(eights, 0)
    store<u64>(out, (both & 0xffff_ffff) * 100_000_000 + (both >> 32))
  }
  return rows
}

function hasPrefix(cell: usize): bool {
  return (<u32>load<u16>(<usize>load<u32>(cell) + 1) | 0x2000) === PREFIX
}

/** Numbers of up to 16 digits. */
function readHexadecimal(cell: usize, step: usize, rows: u32, table: usize): u32 {
  const isHex = load<u32>(table, IS_HEX) !== 0
  let out = table + ADDRESSES
  for (let row: u32 = 0; row < rows; row++, cell += step, out += 8) {
    const before: u32 = hasPrefix(cell) ? 2 : 0
    const length = lengthOf(cell) - before
    if (length - 1 >= 16 || (before === 0 && !isHex)) return row
    const text = v128.load(<usize>load<u32>(cell) + before, 1)
    const digit = i8x16.sub(text, i8x16.splat(ZERO))
    const letter = i8x16.sub(v128.or(text, i8x16.splat(32)), i8x16.splat(97))
    const isDigit = i8x16.eq(i8x16.min_u(digit, i8x16.splat(9)), digit)
    const isLetter = i8x16.eq(i8x16.min_u(letter, i8x16.splat(5)), letter)
    if (<u32>ctz(~i8x16.bitmask(v128.or(isDigit, isLetter))) < length) return row
    const nibbles = v128.or(v128.and(isDigit, digit), v128.and(isLetter, i8x16.add(letter, i8x16.splat(10))))
    // of two neighbours the first is the upper half of a byte; then the first byte is the highest
    const pairs = v128.or(i16x8.shl(nibbles, 4), i16x8.shr_u(nibbles, 8))
    const bytes = i8x16.shuffle(pairs, pairs, 14, 12, 10, 8, 6, 4, 2, 0, 14, 12, 10, 8, 6, 4, 2, 0)
    store<u64>(out, <u64>i64x2.extract_lane(bytes, 0) >> (64 - 4 * length))
  }
  return rows
}

/** From numbers of pages, in place. */
function toAddresses(table: usize, rows: u32): u32 {
  const shift = <u64>load<u32>(table, SHIFT)
  for (let row: u32 = 0, at = table + ADDRESSES; row < rows; row++, at += 8) {
    const page = load<u64>(at)
    if (page >> (64 - shift) !== 0) return row
    store<u64>(at, page << shift)
  }
  return rows
}

/** From units to ns, as f64, in place. */
function toTimes(table: usize, rows: u32): u32 {
  const factor = load<f64>(table, FACTOR)
  const latest = load<f64>(table, LATEST)
  for (let row: u32 = 0, at = table + TIMES; row < rows; row++, at += 8) {
    const units = <f64>load<i64>(at)
    if (units > latest) return row
    store<f64>(at, units * factor)
  }
  return rows
}

/** Times of up to 15 digits, and six after a dot, or nine; in ns. */
function readFractions(cell: usize, step: usize, rows: u32, table: usize): u32 {
  const factor = load<f64>(table, FACTOR)
  const latest = load<f64>(table, LATEST)
  let out = table + TIMES
  for (let row: u32 = 0; row < rows; row++, cell += step, out += 8) {
    const first = <usize>load<u32>(cell) + 1
    const stop = first + lengthOf(cell)
    let at = first
    let units: f64 = 0
    for (; at < stop && isDigit(at); at++) units = units * 10 + digitAt(at)
    if (at === first || at - first > 15 || units > latest) return row
    let ns = units * factor
    if (at < stop) {
      if (load<u8>(at) !== DOT) return row
      const dot = ++at
      let fraction: f64 = 0
      let scale: f64 = 1
      for (; at < stop && isDigit(at); at++) {
        fraction = fraction * 10 + digitAt(at)
        scale *= 10
      }
      if (at < stop || (at - dot > 6 && at - dot !== 9)) return row
      ns += Math.floor((fraction * factor) / scale)
    }
    store<f64>(out, ns)
  }
  return rows
}

function isDigit(at: usize): bool {
  return <u32>load<u8>(at) - ZERO <= 9
}

function digitAt(at: usize): f64 {
  return <f64>(<u32>load<u8>(at) - ZERO)
}

/** What was read, into the batch from row `n` on. Ends early at a row with a number out of bounds, or with a task that is not known. */
function takeRows(table: usize, rows: u32, batch: usize, n: u32): u32 {
  const hasTime = load<u32>(table, HAS_TIME) !== 0
  let count = load<f64>(table, COUNT)
  let value = table
  let row: u32 = 0
  for (; row < rows; row++, value += 8, n++) {
    const pid = load<u64>(value, PIDS)
    const ownTid = load<u64>(value, TIDS)
    const tid = ownTid === MISSING ? pid : ownTid
    const cpu = load<u64>(value, CPUS)
    const weight = load<u64>(value, WEIGHTS)
    if (pid > MOST_ID || tid > MOST_ID || (cpu > MOST_CPU && cpu !== MISSING) || weight === 0) break
    const task = taskOf(table, <u32>pid, <u32>tid)
    if (task === 0) {
      store<u32>(table, <u32>pid, PID)
      store<u32>(table, <u32>tid, TID)
      store<u32>(table, NEW_TASK, REASON)
      break
    }
    if (weight !== 1) store<u32>(table, 1, WEIGHTED)
    const address = load<u64>(value, ADDRESSES)
    const four = batch + ((<usize>n) << 2)
    const eight = four + ((<usize>n) << 2)
    store<f64>(eight, hasTime ? load<f64>(value, TIMES) : count, TIME)
    store<f64>(eight, <f64>load<i64>(value, SIZES), BYTES)
    store<f64>(eight, <f64>(<i64>weight), WEIGHT)
    store<u32>(four, <u32>(address >> 32), HIGH)
    store<u32>(four, <u32>address, LOW)
    store<u32>(four, <u32>cpu, CPU)
    store<u16>(batch + ((<usize>n) << 1), task - 1, TASK)
    store<u8>(batch + n, load<u8>(value, OPERATIONS), KIND)
    count++
  }
  store<f64>(table, count, COUNT)
  return row
}

/** Task + 1, or 0: open addressing over (pid, tid, task + 1, unused). */
function taskOf(table: usize, pid: u32, tid: u32): u32 {
  const slots = <usize>load<u32>(table, TASKS)
  const mask = load<u32>(table, TASK_MASK)
  let slot = (tid ^ (pid * 0x85ebca6b)) & mask
  let at = slots + ((<usize>slot) << 4)
  while (load<u32>(at, 8) !== 0 && (load<u32>(at) !== pid || load<u32>(at, 4) !== tid)) {
    slot = (slot + 1) & mask
    at = slots + ((<usize>slot) << 4)
  }
  return load<u32>(at, 8)
}
