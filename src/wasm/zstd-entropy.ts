/** Entropy codes of Zstandard (RFC 8878, section 4): finite state entropy and Huffman codes, with every count and position checked. */

/** What is wrong with a block, to be said after "the zstd data is damaged:". */
export class DamagedBlock extends Error {}

/** The bytes `at` to `end` of `data`, which has 8 bytes more on both sides; forwards byte by byte, and bits backwards from the end. */
export class Bits {
  readonly data: Uint8Array
  at: number
  readonly end: number
  /** Bits before this one are still to be read backwards. */
  #bit = 0

  constructor(data: Uint8Array, at: number, end: number) {
    this.data = data
    this.at = at
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw new DamagedBlock('a block that is cut off')
    return this.data[this.at++]!
  }

  bytes(count: number): Uint8Array {
    if (this.at + count > this.end) throw new DamagedBlock('a block that is cut off')
    this.at += count
    return this.data.subarray(this.at - count, this.at)
  }

  /** From now on `take`: the highest bit that is set marks the end. */
  backwards(): void {
    this.#bit = lastBit(this.data, this.at, this.end)
  }

  /** At most 16 bits. A little in front of the first can be asked for and means nothing: `isOverdrawn` tells. */
  take(count: number): number {
    this.#bit -= count
    const bit = this.#bit
    if (bit < (this.at << 3) - 32) throw new DamagedBlock('a bit stream that is cut off')
    return (word(this.data, bit >> 3) >>> (bit & 7)) & ((1 << count) - 1)
  }

  takeLong(count: number): number {
    return count <= 16 ? this.take(count) : this.take(count - 16) * 2 ** 16 + this.take(16)
  }

  get isUsedUp(): boolean {
    return this.#bit === this.at << 3
  }
  get isOverdrawn(): boolean {
    return this.#bit < this.at << 3
  }
}

const word = (data: Uint8Array, at: number): number => data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)

function lastBit(data: Uint8Array, from: number, end: number): number {
  const last = end > from ? data[end - 1]! : 0
  if (last === 0) throw new DamagedBlock('a bit stream without an end')
  return ((end - 1) << 3) + 31 - Math.clz32(last)
}

const log2 = (value: number): number => 31 - Math.clz32(value)

export interface FseTable {
  /** 2^log states. */
  log: number
  symbols: Uint8Array
  /** The next state is `next` plus the value of `bits` bits. */
  bits: Uint8Array
  next: Uint16Array
}

export const rleTable = (symbol: number): FseTable => ({ log: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), next: Uint16Array.of(0) })
export const predefined = (log: number, shares: readonly number[]): FseTable => spread(log, shares)

/** Section 4.1.1. */
export function fseTable(bits: Bits, mostLog: number, symbols: number): FseTable {
  let bit = bits.at << 3
  const end = bits.end << 3
  const read = (count: number): number => {
    bit += count
    if (bit > end) throw new DamagedBlock('a table that is cut off')
    return (word(bits.data, (bit - count) >> 3) >>> ((bit - count) & 7)) & ((1 << count) - 1)
  }
  const log = read(4) + 5
  if (log > mostLog) throw new DamagedBlock('a table that is too large')
  const shares: number[] = []
  for (let left = 1 << log; left > 0; ) {
    if (shares.length >= symbols) throw new DamagedBlock('a table of too many codes')
    const width = log2(left + 1) + 1
    const lower = (1 << (width - 1)) - 1
    const unused = (1 << width) - 1 - (left + 1)
    let value = read(width - 1)
    // the low values need one bit less
    if (value >= unused) {
      value += read(1) << (width - 1)
      if (value > lower) value -= unused
    }
    shares.push(value - 1)
    left -= Math.abs(value - 1)
    if (left < 0) throw new DamagedBlock('a table whose shares do not add up')
    if (value === 1) {
      for (let more = 3; more === 3; ) {
        more = read(2)
        for (let i = 0; i < more; i++) shares.push(0)
        if (shares.length > symbols) throw new DamagedBlock('a table of too many codes')
      }
    }
  }
  bits.at = (bit + 7) >> 3
  return spread(log, shares)
}

/** Shares add up to 2^log, -1 standing for less than one. */
function spread(log: number, shares: readonly number[]): FseTable {
  const size = 1 << log
  const table: FseTable = { log, symbols: new Uint8Array(size), bits: new Uint8Array(size), next: new Uint16Array(size) }
  const counts = shares.map((share) => Math.abs(share))
  let high = size
  for (const [symbol, share] of shares.entries()) if (share === -1) table.symbols[--high] = symbol
  const step = (size >> 1) + (size >> 3) + 3
  let state = 0
  for (const [symbol, share] of shares.entries()) {
    for (let i = 0; i < share; i++) {
      table.symbols[state] = symbol
      do state = (state + step) & (size - 1)
      while (state >= high)
    }
  }
  for (let i = 0; i < size; i++) {
    const count = counts[table.symbols[i]!]!++
    table.bits[i] = log - log2(count)
    table.next[i] = (count << table.bits[i]!) - size
  }
  return table
}

const MOST_CODE_BITS = 11

/** Section 4.2. */
export class HuffmanTable {
  readonly #log: number
  readonly #symbols: Uint8Array
  readonly #bits: Uint8Array

  private constructor(weights: number[]) {
    const sum = weights.reduce((total, weight) => total + (weight > 0 ? 2 ** (weight - 1) : 0), 0)
    if (sum === 0 || sum >= 2 ** MOST_CODE_BITS) throw new DamagedBlock('a Huffman table whose weights do not add up')
    const log = log2(sum) + 1
    const left = (1 << log) - sum
    if ((left & (left - 1)) !== 0 || weights.length > 255) throw new DamagedBlock('a Huffman table whose weights do not add up')
    weights.push(log2(left) + 1)
    this.#log = log
    this.#symbols = new Uint8Array(1 << log)
    this.#bits = new Uint8Array(1 << log)
    // codes of the same length follow each other, the longest first
    let code = 0
    for (let weight = 1; weight <= log; weight++) {
      for (const [symbol, own] of weights.entries()) {
        if (own !== weight) continue
        const end = code + 2 ** (weight - 1)
        this.#symbols.fill(symbol, code, end)
        this.#bits.fill(log + 1 - weight, code, end)
        code = end
      }
    }
  }

  static read(bits: Bits): HuffmanTable {
    const head = bits.byte()
    if (head >= 128) {
      const count = head - 127
      const packed = bits.bytes((count + 1) >> 1)
      return new HuffmanTable(Array.from({ length: count }, (_, i) => ((i & 1) === 0 ? packed[i >> 1]! >> 4 : packed[i >> 1]! & 15)))
    }
    const end = bits.at + head
    if (end > bits.end) throw new DamagedBlock('a Huffman table that is cut off')
    const inner = new Bits(bits.data, bits.at, end)
    const table = fseTable(inner, 6, 256)
    inner.backwards()
    bits.at = end
    return new HuffmanTable(compressedWeights(inner, table))
  }

  /** Fills `out` from `from` to `to` from the stream in the bytes `at` to `end`. */
  decode(data: Uint8Array, at: number, end: number, out: Uint8Array, from: number, to: number): void {
    const [symbols, lengths, log] = [this.#symbols, this.#bits, this.#log]
    const mask = (1 << log) - 1
    const first = at << 3
    let bit = lastBit(data, at, end)
    for (let i = from; i < to; i++) {
      const start = bit - log
      const code = (word(data, start >> 3) >>> (start & 7)) & mask
      out[i] = symbols[code]!
      bit -= lengths[code]!
      if (bit < first) throw new DamagedBlock('literals that are cut off')
    }
    if (bit !== first) throw new DamagedBlock('literals that do not end where they should')
  }
}

/** Two states take turns, until the bits of one run out; the other one's symbol is the last. */
function compressedWeights(bits: Bits, table: FseTable): number[] {
  const weights: number[] = []
  const states = [bits.take(table.log), bits.take(table.log)]
  if (bits.isOverdrawn) throw new DamagedBlock('a Huffman table that is cut off')
  for (let turn = 0; ; turn ^= 1) {
    weights.push(table.symbols[states[turn]!]!)
    states[turn] = table.next[states[turn]!]! + bits.take(table.bits[states[turn]!]!)
    if (bits.isOverdrawn) {
      weights.push(table.symbols[states[turn ^ 1]!]!)
      break
    }
    // a state that needs no bits would go on for ever
    if (weights.length > 255) throw new DamagedBlock('a Huffman table of too many codes')
  }
  if (weights.some((weight) => weight > MOST_CODE_BITS)) throw new DamagedBlock('a Huffman table whose codes are too long')
  return weights
}
