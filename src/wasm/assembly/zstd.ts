/** Compressed blocks of Zstandard frames (RFC 8878, section 3.1.1.3). The twin in ../zstd-twin.ts makes the same checks in the same order. */
import { copyBytes, copyMatch } from './copy'
import {
  BLOCK_CUT_OFF,
  BYTES_BEHIND,
  CONTENT_TOO_LONG,
  LITERALS_CUT_OFF,
  LITERALS_TOO_MANY,
  LITERALS_USED_UP,
  MATCH_BEFORE_START,
  MATCH_BEFORE_WINDOW,
  NO_HUFFMAN,
  NO_TABLE,
  RESERVED_BIT,
  SEQUENCES_CUT_OFF,
  SEQUENCES_END,
  STREAMS_TOO_LONG,
  UNKNOWN_CODE,
} from './zstd-damage'
import {
  bitsAt,
  bitsBefore,
  blockEnd,
  byte,
  checkBits,
  damageFound,
  fail,
  fourStreams,
  fseTable,
  goTo,
  huffmanStream,
  huffmanTable,
  lastBit,
  openBlock,
  position,
  spread,
} from './zstd-entropy'
import {
  BODY,
  HUFFMAN_LOG,
  LITERALS,
  LITERALS_CODES,
  LITERALS_IN_USE,
  LITERALS_STANDARD,
  LITERALS_TABLE,
  MATCHES_CODES,
  MATCHES_IN_USE,
  MATCHES_STANDARD,
  MATCHES_TABLE,
  OFFSETS_IN_USE,
  OFFSETS_STANDARD,
  OFFSETS_TABLE,
  RECENT,
  SHARES,
} from './zstd-state'

const RLE: u32 = 1
const COMPRESSED: u32 = 2
const MOST_OFFSET_BITS: u32 = 27

/** Section 3.1.1.3.2.1.1: lengths of literals and matches are a base and extra bits. */
const LITERALS_CODE_COUNT: u32 = 36
const OFFSETS_CODE_COUNT: u32 = 32
const MATCHES_CODE_COUNT: u32 = 53
const LITERALS_BITS = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]) // biome-ignore format: a table
const MATCHES_BITS = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]) // biome-ignore format: a table
/** Section 3.1.1.3.2.2. */
const LITERALS_SHARES = memory.data<i8>([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1]) // biome-ignore format: a distribution
const OFFSETS_SHARES = memory.data<i8>([1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1]) // biome-ignore format: a distribution
const MATCHES_SHARES = memory.data<i8>([1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1]) // biome-ignore format: a distribution

/** Before the first block of a frame. */
export function zstdReset(state: usize): void {
  store<u32>(state, 1, RECENT)
  store<u32>(state, 4, RECENT + 4)
  store<u32>(state, 8, RECENT + 8)
  store<u32>(state, 0, HUFFMAN_LOG)
  store<u32>(state, 0, LITERALS_IN_USE)
  store<u32>(state, 0, OFFSETS_IN_USE)
  store<u32>(state, 0, MATCHES_IN_USE)
  codes(state + LITERALS_CODES, LITERALS_BITS, LITERALS_CODE_COUNT, 0)
  codes(state + MATCHES_CODES, MATCHES_BITS, MATCHES_CODE_COUNT, 3)
  standard(state, LITERALS_STANDARD, 6, LITERALS_SHARES, 36)
  standard(state, OFFSETS_STANDARD, 5, OFFSETS_SHARES, 29)
  standard(state, MATCHES_STANDARD, 6, MATCHES_SHARES, 53)
}

function codes(table: usize, extra: usize, count: u32, first: u32): void {
  let base = first
  for (let code: u32 = 0; code < count; code++) {
    const bits = <u32>load<u8>(extra + code)
    store<u32>(table + ((<usize>code) << 2), base | (bits << 24))
    base += 1 << bits
  }
}

function standard(state: usize, table: usize, log: u32, given: usize, n: u32): void {
  const shares = state + SHARES
  for (let symbol: usize = 0; symbol < n; symbol++) store<i16>(shares + (symbol << 1), load<i8>(given + symbol))
  spread(state + table, log, shares, n)
}

/** The literals of the block, once they are read. */
let literals: usize = 0
let literalsEnd: usize = 0

/**
 * The `bytes` at BODY of the state, unpacked behind `start` bytes of history. Answers where the content ends, at most `most` bytes
 * behind `start`; or what is wrong, negative.
 */
export function zstdBlock(state: usize, bytes: i32, history: usize, start: u32, most: u32): i32 {
  openBlock(state + BODY, bytes)
  readLiterals(state, most)
  if (damageFound() !== 0) return -(<i32>damageFound())
  const content = sequences(state, history, start, most)
  return damageFound() !== 0 ? -(<i32>damageFound()) : <i32>content
}

/** Section 3.1.1.3.1. */
function readLiterals(state: usize, most: u32): void {
  const head = byte()
  const type = head & 3
  const format = (head >> 2) & 3
  if (type < COMPRESSED) {
    let size = head >> 3
    if (format === 1) size = (head >> 4) | (byte() << 4)
    if (format === 3) {
      size = (head >> 4) | (byte() << 4)
      size |= byte() << 12
    }
    if (size > most) fail(LITERALS_TOO_MANY)
    if (damageFound() !== 0) return
    if (type === RLE) {
      memory.fill(state + LITERALS, <u8>byte(), size)
      literals = state + LITERALS
    } else {
      if (position() + <i32>size > blockEnd()) fail(BLOCK_CUT_OFF)
      literals = state + BODY + position()
      goTo(position() + size)
    }
    literalsEnd = literals + size
    return
  }
  const width: u32 = format < 2 ? 10 : format === 2 ? 14 : 18
  let word: u64 = head >> 4
  for (let have: u32 = 4; have < 2 * width; have += 8) word |= (<u64>byte()) << have
  const size = <u32>word & ((1 << width) - 1)
  let compressed = <i32>(word >> width)
  if (size > most) fail(LITERALS_TOO_MANY)
  if (damageFound() !== 0) return
  const before = position()
  if (type === COMPRESSED) huffmanTable(state)
  if (damageFound() !== 0) return
  if (load<u32>(state, HUFFMAN_LOG) === 0) {
    fail(NO_HUFFMAN)
    return
  }
  compressed -= position() - before
  const end = position() + compressed
  if (compressed < 1 || end > blockEnd()) {
    fail(LITERALS_CUT_OFF)
    return
  }
  literals = state + LITERALS
  literalsEnd = literals + size
  if (format === 0) huffmanStream(state, position(), end, literals, literalsEnd)
  else readStreams(state, end, size)
  goTo(end)
}

/** Three lengths and four streams, each with a quarter of the literals. */
function readStreams(state: usize, end: i32, size: u32): void {
  let a = byte()
  a |= byte() << 8
  let b = byte()
  b |= byte() << 8
  let c = byte()
  c |= byte() << 8
  if (damageFound() !== 0) return
  const quarter = (size + 3) >> 2
  const first = position()
  const second = first + <i32>a
  const third = second + <i32>b
  const fourth = third + <i32>c
  if (fourth <= end && quarter * 3 <= size) {
    fourStreams(state, first, second, third, fourth, end, literals, quarter, literalsEnd)
    return
  }
  // what is wrong first is told
  if (second > end || quarter > size) fail(STREAMS_TOO_LONG)
  else huffmanStream(state, first, second, literals, literals + quarter)
  if (damageFound() !== 0) return
  if (third > end || quarter * 2 > size) fail(STREAMS_TOO_LONG)
  else huffmanStream(state, second, third, literals + quarter, literals + 2 * quarter)
  if (damageFound() !== 0) return
  if (fourth > end || quarter * 3 > size) fail(STREAMS_TOO_LONG)
}

/** Section 3.1.1.3.2: literals, then a match, again and again; what is left are literals. Answers where the content ends. */
function sequences(state: usize, history: usize, start: u32, most: u32): u32 {
  const first = byte()
  let count = first
  if (first === 255) {
    count = byte()
    count += (byte() << 8) + 0x7f00
  } else if (first > 127) count = ((first - 128) << 8) + byte()
  if (damageFound() !== 0) return 0
  let to = history + start
  if (count > 0) {
    const modes = byte()
    if ((modes & 3) !== 0) fail(RESERVED_BIT)
    useTable(state, modes >> 6, LITERALS_IN_USE, LITERALS_TABLE, LITERALS_STANDARD, 6, 9, LITERALS_CODE_COUNT)
    useTable(state, (modes >> 4) & 3, OFFSETS_IN_USE, OFFSETS_TABLE, OFFSETS_STANDARD, 5, 8, OFFSETS_CODE_COUNT)
    useTable(state, (modes >> 2) & 3, MATCHES_IN_USE, MATCHES_TABLE, MATCHES_STANDARD, 6, 9, MATCHES_CODE_COUNT)
    if (damageFound() !== 0) return 0
    to = copySequences(state, count, history, to, to + most)
    if (damageFound() !== 0) return 0
  } else if (position() !== blockEnd()) return fail(BYTES_BEHIND)
  const left = <u32>(literalsEnd - literals)
  if (to + left > history + start + most) return fail(CONTENT_TOO_LONG)
  memory.copy(to, literals, left)
  return <u32>(to - history) + left
}

function useTable(state: usize, mode: u32, inUse: usize, own: usize, standard: usize, standardLog: u32, mostLog: u32, symbols: u32): void {
  if (damageFound() !== 0) return
  let table = state + own
  let log: u32 = 0
  if (mode === 0) {
    table = state + standard
    log = standardLog
  } else if (mode === 1) {
    const symbol = byte()
    if (symbol >= symbols) fail(UNKNOWN_CODE)
    store<u32>(table, symbol)
  } else if (mode === 2) log = fseTable(state, table, mostLog, symbols)
  else {
    if (load<u32>(state + inUse) === 0) fail(NO_TABLE)
    return
  }
  store<u32>(state + inUse, <u32>table)
  store<u32>(state + inUse, log, 4)
}

/** The first `count` of these bits, at most 63. */
function highest(word: u64, count: u32): u32 {
  return <u32>((word >> 1) >> (63 - count))
}

/** Answers where the last match ends, at most at `last`; `literals` then begins behind those that were used. */
function copySequences(state: usize, count: u32, history: usize, to: usize, last: usize): usize {
  const literalsTable = <usize>load<u32>(state, LITERALS_IN_USE)
  const offsetsTable = <usize>load<u32>(state, OFFSETS_IN_USE)
  const matchesTable = <usize>load<u32>(state, MATCHES_IN_USE)
  const block = state + BODY
  const first = position() << 3
  let bit = lastBit(position(), blockEnd())
  if (damageFound() !== 0) return 0
  let log = load<u32>(state, LITERALS_IN_USE + 4)
  bit -= log
  let literalsState = bitsAt(bit, log)
  log = load<u32>(state, OFFSETS_IN_USE + 4)
  bit -= log
  let offsetsState = bitsAt(bit, log)
  log = load<u32>(state, MATCHES_IN_USE + 4)
  bit -= log
  let matchesState = bitsAt(bit, log)
  let recent = load<u32>(state, RECENT)
  let recent1 = load<u32>(state, RECENT + 4)
  let recent2 = load<u32>(state, RECENT + 8)
  let from = literals
  for (;;) {
    const offsetEntry = load<u32>(offsetsTable + ((<usize>offsetsState) << 2))
    const matchEntry = load<u32>(matchesTable + ((<usize>matchesState) << 2))
    const literalsEntry = load<u32>(literalsTable + ((<usize>literalsState) << 2))
    const offsetBits = offsetEntry & 255
    if (offsetBits > MOST_OFFSET_BITS) return fail(MATCH_BEFORE_WINDOW)
    const matchCode = load<u32>(state + ((matchEntry & 255) << 2), MATCHES_CODES)
    const literalsCode = load<u32>(state + ((literalsEntry & 255) << 2), LITERALS_CODES)
    const matchBits = matchCode >>> 24
    const literalsBits = literalsCode >>> 24
    let word = bitsBefore(block, bit)
    const value = (1 << offsetBits) + highest(word, offsetBits)
    word <<= offsetBits
    // 57 bits are there: more are needed for lengths of thousands only
    if (offsetBits + matchBits + literalsBits > 57) word = bitsBefore(block, bit - offsetBits)
    const matched = (matchCode & 0xffffff) + highest(word, matchBits)
    word <<= matchBits
    const literal = (literalsCode & 0xffffff) + highest(word, literalsBits)
    bit -= offsetBits + matchBits + literalsBits
    if (bit < first - 32) {
      checkBits(bit)
      return 0
    }
    // section 3.1.1.5: the three offsets used last have short names
    let offset: u32
    if (value > 3) {
      offset = value - 3
      recent2 = recent1
      recent1 = recent
      recent = offset
    } else {
      const name = value - 1 + <u32>(literal === 0)
      if (name === 0) offset = recent
      else {
        offset = name === 1 ? recent1 : name === 2 ? recent2 : recent - 1
        if (name > 1) recent2 = recent1
        recent1 = recent
        recent = offset
      }
    }
    if (literal > <u32>(literalsEnd - from)) return fail(LITERALS_USED_UP)
    if (literal + matched > <u32>(last - to)) return fail(CONTENT_TOO_LONG)
    copyBytes(to, from, literal)
    to += literal
    from += literal
    if (offset === 0 || offset > <u32>(to - history)) return fail(MATCH_BEFORE_START)
    copyMatch(to, offset, matched)
    to += matched

    if (--count === 0) break
    word = bitsBefore(block, bit)
    let bits = (literalsEntry >>> 8) & 255
    literalsState = (literalsEntry >>> 16) + highest(word, bits)
    word <<= bits
    bit -= bits
    bits = (matchEntry >>> 8) & 255
    matchesState = (matchEntry >>> 16) + highest(word, bits)
    word <<= bits
    bit -= bits
    bits = (offsetEntry >>> 8) & 255
    offsetsState = (offsetEntry >>> 16) + highest(word, bits)
    bit -= bits
    if (bit < first) {
      checkBits(bit)
      return fail(SEQUENCES_CUT_OFF)
    }
  }
  if (bit !== first) return fail(SEQUENCES_END)
  store<u32>(state, recent, RECENT)
  store<u32>(state, recent1, RECENT + 4)
  store<u32>(state, recent2, RECENT + 8)
  literals = from
  return to
}
