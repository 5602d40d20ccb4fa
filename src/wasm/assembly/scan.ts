/** Rows of a plain numeric table into a batch: src/wasm/scan.ts says what is plain, and what a table's block holds. */
import { BATCH, BYTES, CPU, HIGH, KIND, LOW, TASK, TIME, WEIGHT } from './batch'

const FACTOR: usize = 0
const LATEST: usize = 8
const EACH: usize = 16
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
const KINDS: usize = 128
const DIGITS: usize = 384

const SLOW: u32 = 1
const NEW_TASK: u32 = 2

const C_TIME: u32 = 1
const C_PID: u32 = 2
const C_TID: u32 = 3
const C_CPU: u32 = 4
const C_OP: u32 = 5
const C_ADDRESS: u32 = 6
const C_PAGE: u32 = 7
const C_SIZE: u32 = 8

const NEWLINE: u32 = 10
const RETURN: u32 = 13
const DOT: u32 = 46
const ZERO: u32 = 48
const MOST_CPU: u64 = 0xffff
const MOST_ID: u64 = 0xffff_ffff
/** No column gave it. */
const MISSING: u64 = u64.MAX_VALUE

export function scanTable(table: usize, bytes: usize, from: u32, end: u32, batch: usize, rows: u32): u32 {
  const columns = load<u32>(table, COLUMNS)
  const separator = load<u32>(table, SEPARATOR)
  const isHex = load<u32>(table, IS_HEX) !== 0
  const shift = load<u32>(table, SHIFT)
  const hasTime = load<u32>(table, HAS_TIME) !== 0
  const codes = <usize>load<u32>(table, CODES)
  const factor = load<f64>(table, FACTOR)
  const latest = load<f64>(table, LATEST)
  const each = load<f64>(table, EACH)
  const last = bytes + end
  let start = bytes + from
  let n = rows
  let reason: u32 = 0
  while (start < last && n < BATCH) {
    let i = start
    let time: f64 = 0
    let pid = MISSING
    let tid = MISSING
    let cpu: u64 = MISSING
    let kind: u32 = 1
    let address: u64 = 0
    let size: f64 = 8
    let weight = each
    let isPlain = true
    for (let column: u32 = 0; column < columns; column++) {
      const code = <u32>load<u8>(codes + column)
      let byte = <u32>load<u8>(i)
      if ((code === C_ADDRESS || code === C_PAGE) && (isHex || (byte === ZERO && (<u32>load<u8>(i, 1) | 32) === 120))) {
        if (byte === ZERO && (<u32>load<u8>(i, 1) | 32) === 120) i += 2
        const first = i
        let digit = <u32>load<u8>(table + <usize>load<u8>(i), DIGITS)
        address = 0
        while (digit < 16) {
          address = (address << 4) | digit
          digit = <u32>load<u8>(table + <usize>load<u8>(++i), DIGITS)
        }
        if (i === first || i - first > 16) {
          isPlain = false
          break
        }
        byte = <u32>load<u8>(i)
      } else if (code === C_OP) {
        kind = <u32>load<u8>(table + byte, KINDS)
        if (kind === 0) {
          isPlain = false
          break
        }
        byte = <u32>load<u8>(++i)
      } else if (code === 0) {
        while (byte !== separator && byte !== NEWLINE) {
          if (byte < 33 || byte === 34 || byte === 35) {
            isPlain = false
            break
          }
          byte = <u32>load<u8>(++i)
        }
        if (!isPlain) break
      } else {
        const first = i
        let value: u64 = 0
        let digit = byte - ZERO
        while (digit <= 9) {
          value = value * 10 + digit
          byte = <u32>load<u8>(++i)
          digit = byte - ZERO
        }
        // 15 digits are exact in a float
        if (i === first || i - first > 15) {
          isPlain = false
          break
        }
        if (code === C_TIME) {
          if (<f64>value > latest) {
            isPlain = false
            break
          }
          time = <f64>value * factor
          if (byte === DOT) {
            const dot = ++i
            let fraction: f64 = 0
            let scale: f64 = 1
            byte = <u32>load<u8>(i)
            digit = byte - ZERO
            while (digit <= 9) {
              fraction = fraction * 10 + <f64>digit
              scale *= 10
              byte = <u32>load<u8>(++i)
              digit = byte - ZERO
            }
            if (i - dot > 6 && i - dot !== 9) {
              isPlain = false
              break
            }
            time += Math.floor((fraction * factor) / scale)
          }
        } else if (code === C_TID) tid = value
        else if (code === C_PID) pid = value
        else if (code === C_CPU) cpu = value
        else if (code === C_ADDRESS || code === C_PAGE) address = value
        else if (code === C_SIZE) size = <f64>value
        else {
          if (value === 0) {
            isPlain = false
            break
          }
          weight = <f64>value
        }
      }
      if (column + 1 < columns) {
        if (byte !== separator) {
          isPlain = false
          break
        }
      } else {
        if (byte === RETURN) byte = <u32>load<u8>(++i)
        if (byte !== NEWLINE) {
          isPlain = false
          break
        }
      }
      i++
      if (code === C_PAGE) {
        if (address >> (64 - shift) !== 0) {
          isPlain = false
          break
        }
        address <<= shift
      }
    }
    if (pid === MISSING) pid = 1
    if (tid === MISSING) tid = pid
    if (cpu !== MISSING && cpu > MOST_CPU) isPlain = false
    if (!isPlain || pid > MOST_ID || tid > MOST_ID) {
      reason = SLOW
      break
    }
    const task = taskOf(table, <u32>pid, <u32>tid)
    if (task === 0) {
      store<u32>(table, <u32>pid, PID)
      store<u32>(table, <u32>tid, TID)
      reason = NEW_TASK
      break
    }
    const count = load<f64>(table, COUNT)
    store<f64>(table, count + 1, COUNT)
    if (weight !== 1) store<u32>(table, 1, WEIGHTED)
    const row = <usize>n
    n++
    const four = batch + (row << 2)
    const eight = four + (row << 2)
    store<f64>(eight, hasTime ? time : count, TIME)
    store<f64>(eight, size, BYTES)
    store<f64>(eight, weight, WEIGHT)
    store<u32>(four, <u32>(address >> 32), HIGH)
    store<u32>(four, <u32>address, LOW)
    store<u32>(four, <u32>cpu, CPU)
    store<u16>(batch + (row << 1), task - 1, TASK)
    store<u8>(batch + row, kind, KIND)
    start = i
  }
  store<u32>(table, <u32>(start - bytes), NEXT)
  store<u32>(table, reason, REASON)
  return n
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
