/**
 * Entropy codes of zstd blocks (RFC 8878, section 4): finite state entropy and Huffman codes. The twin in ../zstd-entropy.ts makes the
 * same checks in the same order. Positions count from the start of the block, in bytes forwards and in bits backwards.
 */
import {
  BITS_CUT_OFF,
  BLOCK_CUT_OFF,
  HUFFMAN_CUT_OFF,
  HUFFMAN_SUM,
  HUFFMAN_TOO_LONG,
  HUFFMAN_TOO_MANY,
  LITERALS_CUT_OFF,
  LITERALS_END,
  NO_END,
  TABLE_CUT_OFF,
  TABLE_SUM,
  TABLE_TOO_LARGE,
  TABLE_TOO_MANY,
} from './zstd-damage'
import { HUFFMAN, HUFFMAN_LOG, SHARES, WEIGHTS, WEIGHTS_TABLE } from './zstd-state'

const MOST_CODE_BITS: u32 = 11

/** The block: its address, what is to be read next, and its end. */
let body: usize = 0
let at: i32 = 0
let end: i32 = 0
/** What was found to be wrong first; 0 nothing. */
let damage: u32 = 0

export function openBlock(address: usize, bytes: i32): void {
  body = address
  at = 0
  end = bytes
  damage = 0
}

export function damageFound(): u32 {
  return damage
}

/** Answers 0, for who has nothing else to answer. */
export function fail(what: u32): i32 {
  if (damage === 0) damage = what
  return 0
}

export function position(): i32 {
  return at
}

export function goTo(next: i32): void {
  at = next
}

export function blockEnd(): i32 {
  return end
}

export function byte(): u32 {
  if (at >= end) return fail(BLOCK_CUT_OFF)
  return load<u8>(body + at++)
}

/** Bits [bit, bit + count), at most 27. */
export function bitsAt(bit: i32, count: u32): u32 {
  return <u32>(load<u64>(body + (bit >> 3)) >> (bit & 7)) & ((1 << count) - 1)
}

/** The highest bit that is set marks the end of a stream that is read backwards. */
export function lastBit(from: i32, to: i32): i32 {
  const last: u32 = to > from ? load<u8>(body + to - 1) : 0
  if (last === 0) return fail(NO_END)
  return ((to - 1) << 3) + 31 - <i32>clz(last)
}

/** Section 4.1.1: from the block into `table`, an entry a state: symbol, bits << 8, next state << 16. Answers log2 of the states. */
export function fseTable(state: usize, table: usize, mostLog: u32, symbols: u32): u32 {
  const shares = state + SHARES
  const last = end << 3
  let bit = (at << 3) + 4
  if (bit > last) return fail(TABLE_CUT_OFF)
  const log = bitsAt(bit - 4, 4) + 5
  if (log > mostLog) return fail(TABLE_TOO_LARGE)
  let n: u32 = 0
  for (let left: i32 = 1 << log; left > 0; ) {
    if (n >= symbols) return fail(TABLE_TOO_MANY)
    const width = 32 - <i32>clz(left + 1)
    const lower = (1 << (width - 1)) - 1
    const unused = (1 << width) - 1 - (left + 1)
    bit += width - 1
    if (bit > last) return fail(TABLE_CUT_OFF)
    let value = <i32>bitsAt(bit - (width - 1), width - 1)
    // the low values need one bit less
    if (value >= unused) {
      bit++
      if (bit > last) return fail(TABLE_CUT_OFF)
      value += (<i32>bitsAt(bit - 1, 1)) << (width - 1)
      if (value > lower) value -= unused
    }
    store<i16>(shares + ((<usize>n) << 1), <i16>(value - 1))
    n++
    left -= abs(value - 1)
    if (left < 0) return fail(TABLE_SUM)
    if (value === 1) {
      let more: u32 = 3
      while (more === 3) {
        bit += 2
        if (bit > last) return fail(TABLE_CUT_OFF)
        more = bitsAt(bit - 2, 2)
        for (let i: u32 = 0; i < more; i++, n++) store<i16>(shares + ((<usize>n) << 1), 0)
        if (n > symbols) return fail(TABLE_TOO_MANY)
      }
    }
  }
  at = (bit + 7) >> 3
  spread(table, log, shares, n)
  return log
}

/** Shares, i16 each, add up to 2^log, -1 standing for less than one. They are used up. */
export function spread(table: usize, log: u32, shares: usize, n: u32): void {
  const size: u32 = 1 << log
  let high = size
  for (let symbol: u32 = 0; symbol < n; symbol++) {
    const share = shares + ((<usize>symbol) << 1)
    if (load<i16>(share) !== -1) continue
    high--
    store<u32>(table + ((<usize>high) << 2), symbol)
  }
  const step = (size >> 1) + (size >> 3) + 3
  let at: u32 = 0
  for (let symbol: u32 = 0; symbol < n; symbol++) {
    const share = shares + ((<usize>symbol) << 1)
    const count = <i32>load<i16>(share)
    for (let i = 0; i < count; i++) {
      store<u32>(table + ((<usize>at) << 2), symbol)
      do at = (at + step) & (size - 1)
      while (at >= high)
    }
    if (count < 0) store<i16>(share, 1)
  }
  for (let i: u32 = 0; i < size; i++) {
    const entry = table + ((<usize>i) << 2)
    const symbol = load<u32>(entry)
    const share = shares + ((<usize>symbol) << 1)
    const count = <u32>load<u16>(share)
    store<u16>(share, <u16>(count + 1))
    const bits = log - (31 - clz(count))
    store<u32>(entry, symbol | (bits << 8) | (((count << bits) - size) << 16))
  }
}

/** Section 4.2, into the state: an entry a code, symbol and bits << 8. */
export function huffmanTable(state: usize): void {
  const weights = state + WEIGHTS
  const head = <i32>byte()
  if (damage !== 0) return
  let count: u32 = 0
  if (head >= 128) {
    count = head - 127
    const bytes = <i32>((count + 1) >> 1)
    if (at + bytes > end) {
      fail(BLOCK_CUT_OFF)
      return
    }
    for (let i: u32 = 0; i < count; i++) {
      const two = load<u8>(body + at + (i >> 1))
      store<u8>(weights + i, (i & 1) === 0 ? two >> 4 : two & 15)
    }
    at += bytes
  } else {
    const last = at + head
    if (last > end) {
      fail(HUFFMAN_CUT_OFF)
      return
    }
    const outer = end
    end = last
    const log = fseTable(state, state + WEIGHTS_TABLE, 6, 256)
    if (damage === 0) count = compressedWeights(state + WEIGHTS_TABLE, log, weights)
    at = last
    end = outer
    if (damage !== 0) return
  }
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const weight = <u32>load<u8>(weights + i)
    if (weight > 0) sum += 1 << (weight - 1)
  }
  if (sum === 0 || sum >= 1 << MOST_CODE_BITS) {
    fail(HUFFMAN_SUM)
    return
  }
  const log: u32 = 32 - clz(sum)
  const left = (1 << log) - sum
  if ((left & (left - 1)) !== 0 || count > 255) {
    fail(HUFFMAN_SUM)
    return
  }
  store<u8>(weights + count++, 32 - clz(left))
  store<u32>(state, log, HUFFMAN_LOG)
  // codes of the same length follow each other, the longest first
  let code = state + HUFFMAN
  for (let weight: u32 = 1; weight <= log; weight++) {
    for (let symbol: u32 = 0; symbol < count; symbol++) {
      if (load<u8>(weights + symbol) !== weight) continue
      const entry = <u16>(symbol | ((log + 1 - weight) << 8))
      for (const last = code + ((<usize>1) << weight); code < last; code += 2) store<u16>(code, entry)
    }
  }
}

/** Two states take turns, until the bits of one run out; the other one's symbol is the last. Answers how many weights there are. */
function compressedWeights(table: usize, log: u32, weights: usize): u32 {
  const first = at << 3
  let bit = lastBit(at, end) - <i32>log
  if (damage !== 0) return 0
  let turn = bitsAt(bit, log)
  bit -= log
  let other = bitsAt(bit, log)
  if (bit < first) return fail(HUFFMAN_CUT_OFF)
  let n: u32 = 0
  for (;;) {
    const entry = load<u32>(table + ((<usize>turn) << 2))
    store<u8>(weights + n++, <u8>entry)
    const bits = (entry >>> 8) & 255
    bit -= bits
    turn = other
    other = (entry >>> 16) + bitsAt(bit, bits)
    if (bit < first) {
      store<u8>(weights + n++, <u8>load<u32>(table + ((<usize>turn) << 2)))
      break
    }
    // a state that needs no bits would go on for ever
    if (n > 255) return fail(HUFFMAN_TOO_MANY)
  }
  for (let i: u32 = 0; i < n; i++) if (load<u8>(weights + i) > MOST_CODE_BITS) return fail(HUFFMAN_TOO_LONG)
  return n
}

/** Sequences are read backwards by their caller; a little in front of the first bit can be asked for and means nothing. */
export function checkBits(bit: i32): void {
  if (bit < (at << 3) - 32) fail(BITS_CUT_OFF)
}

/** Fills [out, last) from the bytes [from, to) of the block. */
export function huffmanStream(state: usize, from: i32, to: i32, out: usize, last: usize): void {
  const bit = lastBit(from, to)
  if (damage === 0) restOfStream(state, from << 3, bit, out, last)
}

/** 57 bits or more in front of this one, the next first. `block`: its address. */
export function bitsBefore(block: usize, bit: i32): u64 {
  return load<u64>(block + ((bit + 7) >> 3) - 8) << (-bit & 7)
}

function restOfStream(state: usize, first: i32, bit: i32, out: usize, last: usize): void {
  const log = load<u32>(state, HUFFMAN_LOG)
  const table = state + HUFFMAN
  const shift: u64 = 64 - log
  // five codes of 11 bits
  for (; out + 5 <= last && bit >= first; out += 5) {
    const word = bitsBefore(body, bit)
    let used: u64 = 0
    for (let i: usize = 0; i < 5; i++) {
      const entry = <u32>load<u16>(table + ((<usize>((word << used) >> shift)) << 1))
      store<u8>(out + i, <u8>entry)
      used += entry >>> 8
    }
    bit -= <i32>used
  }
  for (; out < last && bit >= first; out++) {
    const entry = <u32>load<u16>(table + ((<usize>(bitsBefore(body, bit) >> shift)) << 1))
    store<u8>(out, <u8>entry)
    bit -= entry >>> 8
  }
  if (bit < first) fail(LITERALS_CUT_OFF)
  else if (bit !== first) fail(LITERALS_END)
}

/** Four streams at a time, each with `quarter` bytes of content, the last with what is left up to `last`: their codes do not wait for each other. */
export function fourStreams(state: usize, a: i32, b: i32, c: i32, d: i32, to: i32, out: usize, quarter: usize, last: usize): void {
  const log = load<u32>(state, HUFFMAN_LOG)
  const table = state + HUFFMAN
  const shift: u64 = 64 - log
  let bitA = lastBit(a, b)
  let bitB = lastBit(b, c)
  let bitC = lastBit(c, d)
  let bitD = lastBit(d, to)
  const outB = out + quarter
  const outC = outB + quarter
  const outD = outC + quarter
  let i: usize = 0
  if (damage === 0) {
    for (const most = last - outD; i + 5 <= most; i += 5) {
      const wordA = bitsBefore(body, bitA)
      const wordB = bitsBefore(body, bitB)
      const wordC = bitsBefore(body, bitC)
      const wordD = bitsBefore(body, bitD)
      let usedA: u64 = 0
      let usedB: u64 = 0
      let usedC: u64 = 0
      let usedD: u64 = 0
      for (let k = i; k < i + 5; k++) {
        const entryA = <u32>load<u16>(table + ((<usize>((wordA << usedA) >> shift)) << 1))
        const entryB = <u32>load<u16>(table + ((<usize>((wordB << usedB) >> shift)) << 1))
        const entryC = <u32>load<u16>(table + ((<usize>((wordC << usedC) >> shift)) << 1))
        const entryD = <u32>load<u16>(table + ((<usize>((wordD << usedD) >> shift)) << 1))
        store<u8>(out + k, <u8>entryA)
        store<u8>(outB + k, <u8>entryB)
        store<u8>(outC + k, <u8>entryC)
        store<u8>(outD + k, <u8>entryD)
        usedA += entryA >>> 8
        usedB += entryB >>> 8
        usedC += entryC >>> 8
        usedD += entryD >>> 8
      }
      bitA -= <i32>usedA
      bitB -= <i32>usedB
      bitC -= <i32>usedC
      bitD -= <i32>usedD
    }
  } else {
    // which one has no end, and is there anything wrong before it: one after the other
    damage = 0
    bitA = lastBit(a, b)
  }
  if (damage === 0) restOfStream(state, a << 3, bitA, out + i, outB)
  if (damage === 0 && i === 0) bitB = lastBit(b, c)
  if (damage === 0) restOfStream(state, b << 3, bitB, outB + i, outC)
  if (damage === 0 && i === 0) bitC = lastBit(c, d)
  if (damage === 0) restOfStream(state, c << 3, bitC, outC + i, outD)
  if (damage === 0 && i === 0) bitD = lastBit(d, to)
  if (damage === 0) restOfStream(state, d << 3, bitD, outD + i, last)
}
