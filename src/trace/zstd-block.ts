/**
 * Blocks of a Zstandard frame (RFC 8878, section 3.1.1.2). Every length is held to what is left before anything is copied, so damaged
 * data ends in an error after as much work as whole data of that size, on any machine. History grows with the content, up to the window.
 */
import { Bits, DamagedBlock, type FseTable, fseTable, HuffmanTable, predefined, rleTable } from './zstd-entropy.ts'

export const LARGEST_BLOCK = 2 ** 17

export const RAW = 0
export const RLE = 1
export const COMPRESSED = 2

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

/** The blocks of one frame, in order. */
export class BlockDecoder {
  readonly #window: number
  readonly #most: number
  /** What was decoded last: at least the window, once there is as much. */
  #history: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #end = 0
  /** Where this block begins in `#history`. */
  #start = 0
  #literals = new Uint8Array(0)
  readonly #offsets = Int32Array.of(1, 4, 8)
  #huffman: HuffmanTable | undefined
  #tables: { literals?: FseTable; offsets?: FseTable; matches?: FseTable } = {}

  /** `window`: how far matches reach back, in bytes. */
  constructor(window: number) {
    this.#window = window
    this.#most = Math.min(LARGEST_BLOCK, window)
  }

  /** The content of a block; a copy. `size` counts bytes of content for RLE. Throws `DamagedBlock`. */
  decode(type: number, size: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#makeRoom()
    this.#start = this.#end
    if (type === COMPRESSED) this.#compressed(body)
    else if (type === RLE) {
      this.#history.fill(body[0]!, this.#end, this.#end + size)
      this.#end += size
    } else {
      this.#history.set(body, this.#end)
      this.#end += body.length
    }
    return this.#history.slice(this.#start, this.#end)
  }

  /** Room for a block behind what matches may reach: a quarter more than the window, so that a byte is moved some four times. */
  #makeRoom(): void {
    if (this.#end + this.#most <= this.#history.length) return
    const kept = Math.min(this.#end, this.#window)
    const needed = kept + this.#most
    const recent = this.#history.subarray(this.#end - kept, this.#end)
    const full = Math.ceil(1.25 * (this.#window + this.#most))
    if (this.#history.length < full) {
      const grown = new Uint8Array(Math.min(2 * needed, full))
      grown.set(recent)
      this.#history = grown
    } else this.#history.copyWithin(0, this.#end - kept, this.#end)
    this.#end = kept
  }

  #compressed(body: Uint8Array): void {
    if (this.#literals.length === 0) this.#literals = new Uint8Array(this.#most)
    // bits are read in words of four bytes that may begin before and end behind the block
    const data = new Uint8Array(body.length + 16)
    data.set(body, 8)
    const bits = new Bits(data, 8, 8 + body.length)
    const literals = this.#readLiterals(bits)
    this.#sequences(bits, literals)
  }

  /** Fills `#literals`; how many there are. Section 3.1.1.3.1. */
  #readLiterals(bits: Bits): number {
    const head = bits.byte()
    const type = head & 3
    const format = (head >> 2) & 3
    let size = head >> 3
    if (type < 2) {
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
    if (type === 2) this.#huffman = HuffmanTable.read(bits)
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
    if (size > this.#most) throw new DamagedBlock('more literals than a block holds')
  }

  /** Section 3.1.1.3.2: literals, then a match, again and again; what is left are literals. */
  #sequences(bits: Bits, literals: number): void {
    const first = bits.byte()
    let count = first
    if (first === 255) count = bits.byte() + (bits.byte() << 8) + 0x7f00
    else if (first > 127) count = ((first - 128) << 8) + bits.byte()
    let used = 0
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
      used = this.#copy(bits, count, literals, tables)
    } else if (bits.at !== bits.end) throw new DamagedBlock('bytes behind its end')
    if (this.#end - this.#start + literals - used > this.#most) throw new DamagedBlock('more content than a block holds')
    this.#history.set(this.#literals.subarray(used, literals), this.#end)
    this.#end += literals - used
  }

  /** How many literals the sequences use. */
  #copy(bits: Bits, count: number, literals: number, tables: { literals: FseTable; offsets: FseTable; matches: FseTable }): number {
    const history = this.#history
    const offsets = this.#offsets
    const mostEnd = this.#start + this.#most
    bits.backwards()
    let literalsState = bits.take(tables.literals.log)
    let offsetState = bits.take(tables.offsets.log)
    let matchState = bits.take(tables.matches.log)
    let used = 0
    let end = this.#end
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
    this.#end = end
    return used
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
