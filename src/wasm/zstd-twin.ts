/** Compressed blocks of Zstandard frames (RFC 8878, section 3.1.1.3) in TypeScript; the kernel is assembly/zstd.ts. */
import type { ZstdBlocks } from './zstd.ts'
import { Bits, DamagedBlock, type FseTable, fseTable, HuffmanTable, predefined, rleTable } from './zstd-entropy.ts'

const RLE = 1
const COMPRESSED = 2

/** Section 3.1.1.3.2.1.1: lengths of literals and matches are a base and extra bits. */
const LITERALS_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const MATCH_BITS = [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const bases = (bits: number[], first: number): Int32Array => {
  let base = first
  return Int32Array.from(bits, (count) => {
    base += 2 ** count
    return base - 2 ** count
  })
}
const LITERALS_BASE = bases(LITERALS_BITS, 0)
const MATCH_BASE = bases(MATCH_BITS, 3)
/** Bytes from which on a call costs less than a loop. */
const LONG_COPY = 64
/** Larger ones reach beyond any window that is read. */
const MOST_OFFSET_BITS = 27

const LITERALS = { mostLog: 9, symbols: 36, standard: predefined(6, [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1]) } // biome-ignore format: a distribution
const OFFSETS = { mostLog: 8, symbols: 32, standard: predefined(5, [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1]) } // biome-ignore format: a distribution
const MATCHES = { mostLog: 9, symbols: 53, standard: predefined(6, [1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1]) } // biome-ignore format: a distribution

export class PlainZstdBlocks implements ZstdBlocks {
  #history: Uint8Array = new Uint8Array(0)
  /** Where this block begins in `#history`, and where it may end. */
  #start = 0
  #mostEnd = 0
  #literals = new Uint8Array(0)
  readonly #offsets = new Int32Array(3)
  #huffman: HuffmanTable | undefined
  #tables: { literals?: FseTable; offsets?: FseTable; matches?: FseTable } = {}

  reset(): void {
    this.#offsets.set([1, 4, 8])
    this.#huffman = undefined
    this.#tables = {}
  }

  decode(body: Uint8Array, history: Uint8Array, start: number, most: number): number {
    if (this.#literals.length < most) this.#literals = new Uint8Array(most)
    this.#history = history
    this.#start = start
    this.#mostEnd = start + most
    // bits are read in words of four bytes that may begin before and end behind the block
    const data = new Uint8Array(body.length + 16)
    data.set(body, 8)
    const bits = new Bits(data, 8, 8 + body.length)
    const literals = this.#readLiterals(bits)
    return this.#sequences(bits, literals)
  }

  /** Fills `#literals`; how many there are. Section 3.1.1.3.1. */
  #readLiterals(bits: Bits): number {
    const head = bits.byte()
    const type = head & 3
    const format = (head >> 2) & 3
    let size = head >> 3
    if (type < COMPRESSED) {
      if (format === 1) size = (head >> 4) | (bits.byte() << 4)
      if (format === 3) size = (head >> 4) | (bits.byte() << 4) | (bits.byte() << 12)
      this.#checkSize(size)
      if (type === RLE) this.#literals.fill(bits.byte(), 0, size)
      else this.#literals.set(bits.bytes(size))
      return size
    }
    const width = [10, 10, 14, 18][format]!
    let word = head >> 4
    for (let have = 4; have < 2 * width; have += 8) word += bits.byte() * 2 ** have
    size = word % 2 ** width
    let compressed = Math.floor(word / 2 ** width)
    this.#checkSize(size)
    const before = bits.at
    if (type === COMPRESSED) this.#huffman = HuffmanTable.read(bits)
    if (this.#huffman === undefined) throw new DamagedBlock('literals without a Huffman table')
    compressed -= bits.at - before
    const end = bits.at + compressed
    if (compressed < 1 || end > bits.end) throw new DamagedBlock('literals that are cut off')
    if (format === 0) this.#huffman.decode(bits.data, bits.at, end, this.#literals, 0, size)
    else this.#fourStreams(bits, end, size)
    bits.at = end
    return size
  }

  #fourStreams(bits: Bits, end: number, size: number): void {
    const lengths = [bits.byte() | (bits.byte() << 8), bits.byte() | (bits.byte() << 8), bits.byte() | (bits.byte() << 8)]
    const quarter = Math.ceil(size / 4)
    for (let stream = 0, at = bits.at; stream < 4; stream++) {
      const to = stream === 3 ? end : at + lengths[stream]!
      const last = stream === 3 ? size : (stream + 1) * quarter
      if (to > end || last > size) throw new DamagedBlock('streams of literals that do not fit')
      this.#huffman!.decode(bits.data, at, to, this.#literals, stream * quarter, last)
      at = to
    }
  }

  #checkSize(size: number): void {
    if (size > this.#mostEnd - this.#start) throw new DamagedBlock('more literals than a block holds')
  }

  /** Section 3.1.1.3.2: literals, then a match, again and again; what is left are literals. Answers where the content ends. */
  #sequences(bits: Bits, literals: number): number {
    const first = bits.byte()
    let count = first
    if (first === 255) count = bits.byte() + (bits.byte() << 8) + 0x7f00
    else if (first > 127) count = ((first - 128) << 8) + bits.byte()
    let [used, end] = [0, this.#start]
    if (count > 0) {
      const modes = bits.byte()
      if ((modes & 3) !== 0) throw new DamagedBlock('a reserved bit is set')
      const previous = this.#tables
      const tables = {
        literals: sequenceTable(bits, modes >> 6, LITERALS, previous.literals),
        offsets: sequenceTable(bits, (modes >> 4) & 3, OFFSETS, previous.offsets),
        matches: sequenceTable(bits, (modes >> 2) & 3, MATCHES, previous.matches),
      }
      this.#tables = tables
      ;[used, end] = this.#copy(bits, count, literals, tables)
    } else if (bits.at !== bits.end) throw new DamagedBlock('bytes behind its end')
    if (end + literals - used > this.#mostEnd) throw new DamagedBlock('more content than a block holds')
    this.#history.set(this.#literals.subarray(used, literals), end)
    return end + literals - used
  }

  /** How many literals the sequences use, and where the last match ends. */
  #copy(bits: Bits, count: number, literals: number, tables: { literals: FseTable; offsets: FseTable; matches: FseTable }): [number, number] {
    const history = this.#history
    const offsets = this.#offsets
    const mostEnd = this.#mostEnd
    bits.backwards()
    let literalsState = bits.take(tables.literals.log)
    let offsetState = bits.take(tables.offsets.log)
    let matchState = bits.take(tables.matches.log)
    let used = 0
    let end = this.#start
    for (let left = count; ; ) {
      const offsetCode = tables.offsets.symbols[offsetState]!
      const matchCode = tables.matches.symbols[matchState]!
      const literalsCode = tables.literals.symbols[literalsState]!
      if (offsetCode > MOST_OFFSET_BITS) throw new DamagedBlock('a match from before its window')
      const value = 2 ** offsetCode + bits.takeLong(offsetCode)
      const matched = MATCH_BASE[matchCode]! + bits.take(MATCH_BITS[matchCode]!)
      const literal = LITERALS_BASE[literalsCode]! + bits.take(LITERALS_BITS[literalsCode]!)

      const offset = nextOffset(offsets, value, literal)
      if (used + literal > literals) throw new DamagedBlock('more literals used than there are')
      if (end + literal + matched > mostEnd) throw new DamagedBlock('more content than a block holds')
      for (const last = used + literal; used < last; ) history[end++] = this.#literals[used++]!
      if (offset < 1 || offset > end) throw new DamagedBlock('a match from before its beginning')
      if (offset >= matched && matched > LONG_COPY) {
        history.copyWithin(end, end - offset, end - offset + matched)
        end += matched
      }
      // one byte after the other: a match may reach into what it makes
      else for (let from = end - offset, last = end + matched; end < last; ) history[end++] = history[from++]!

      if (--left === 0) break
      literalsState = tables.literals.next[literalsState]! + bits.take(tables.literals.bits[literalsState]!)
      matchState = tables.matches.next[matchState]! + bits.take(tables.matches.bits[matchState]!)
      offsetState = tables.offsets.next[offsetState]! + bits.take(tables.offsets.bits[offsetState]!)
      if (bits.isOverdrawn) throw new DamagedBlock('sequences that are cut off')
    }
    if (!bits.isUsedUp) throw new DamagedBlock('sequences that do not end where they should')
    return [used, end]
  }
}

/** Section 3.1.1.5: the three offsets used last have short names. */
function nextOffset(recent: Int32Array, value: number, literals: number): number {
  const name = value > 3 ? 3 : value - 1 + (literals === 0 ? 1 : 0)
  const offset = value > 3 ? value - 3 : name === 3 ? recent[0]! - 1 : recent[name]!
  if (name > 1) recent[2] = recent[1]!
  if (name > 0) recent[1] = recent[0]!
  recent[0] = offset
  return offset
}

function sequenceTable(bits: Bits, mode: number, kind: { mostLog: number; symbols: number; standard: FseTable }, previous: FseTable | undefined): FseTable {
  if (mode === 0) return kind.standard
  if (mode === 1) {
    const symbol = bits.byte()
    if (symbol >= kind.symbols) throw new DamagedBlock('an unknown code')
    return rleTable(symbol)
  }
  if (mode === 2) return fseTable(bits, kind.mostLog, kind.symbols)
  if (previous === undefined) throw new DamagedBlock('a table that was never given')
  return previous
}
