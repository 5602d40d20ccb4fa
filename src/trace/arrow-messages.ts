/**
 * The flatbuffers that Arrow IPC messages consist of (format/Message.fbs and Schema.fbs of Apache Arrow, metadata version 5), as
 * far as tables of accesses need them. Every offset and count is checked against the bytes that are there before it is followed:
 * a damaged or hostile message costs no more than reading it.
 */

/** A structure that does not hold together; the reader says so to the user. */
export class ArrowDamage extends Error {}

export type ArrowKind = 'null' | 'int' | 'float' | 'bool' | 'text' | 'time' | 'other'

export interface ArrowType {
  kind: ArrowKind
  /** For messages: the name in Schema.fbs. */
  name: string
  /** Of a value; 0 where it does not apply. */
  bitWidth: number
  isSigned: boolean
  /** ns per unit of times that say their unit. */
  unitNs?: number
  /** How text lies: with 32-bit offsets, 64-bit offsets, or as views. */
  text?: 'offsets32' | 'offsets64' | 'views'
  /** Buffers of the column itself; columns of views have more. */
  buffers: number
}

export interface ArrowField {
  name: string
  type: ArrowType
  /** The column holds numbers of entries of this dictionary; `type` is that of the numbers. */
  dictionary?: { id: string; type: ArrowType }
  children: ArrowField[]
}

export interface ArrowBatch {
  rows: number
  nodes: { rows: number; nulls: number }[]
  buffers: { offset: number; length: number }[]
  codec?: 'lz4' | 'zstd'
  /** Buffers beyond the usual of each column of views, in their order. */
  viewBuffers: number[]
}

export type ArrowMessage = { bodyLength: number } & (
  | { kind: 'schema'; fields: ArrowField[] }
  | { kind: 'batch'; batch: ArrowBatch }
  | { kind: 'dictionary'; id: string; isDelta: boolean; batch: ArrowBatch }
  | { kind: 'other' }
)

/** Columns of real tables; nesting is a struct in a struct. */
const MOST_FIELDS = 10_000
const DEEPEST = 16
const UNIT_NS = [1e9, 1e6, 1e3, 1]

export function readMessage(bytes: Buffer): ArrowMessage {
  const message = new Table(bytes, new Table(bytes, 0).reference(0))
  const bodyLength = message.long(3)
  const header = message.table(2)
  const kind = message.byte(1)
  if (header === undefined) throw new ArrowDamage('a message without content')
  if (kind === 1) return { kind: 'schema', bodyLength, fields: fieldsOf(header) }
  if (kind === 2) {
    const batch = header.table(1)
    if (batch === undefined) throw new ArrowDamage('a dictionary without values')
    return { kind: 'dictionary', bodyLength, id: header.longText(0), isDelta: header.byte(2) === 1, batch: batchOf(batch) }
  }
  return kind === 3 ? { kind: 'batch', bodyLength, batch: batchOf(header) } : { kind: 'other', bodyLength }
}

/** Where a message of a file lies: metadata with its prefix, then the body. */
export interface ArrowBlock {
  offset: number
  metadataLength: number
  bodyLength: number
}

/** The schema that the footer of a file repeats, and where its dictionaries lie (format/File.fbs). */
export function readFooter(bytes: Buffer): { fields: ArrowField[]; dictionaries: ArrowBlock[] } {
  const footer = new Table(bytes, new Table(bytes, 0).reference(0))
  const schema = footer.table(1)
  return { fields: schema === undefined ? [] : fieldsOf(schema), dictionaries: footer.blocks(2) }
}

function fieldsOf(schema: Table): ArrowField[] {
  if (schema.short(0) !== 0) throw new ArrowDamage('big-endian values')
  const counter = { left: MOST_FIELDS }
  return schema.tables(1).map((field) => fieldOf(field, 0, counter))
}

function fieldOf(field: Table, depth: number, counter: { left: number }): ArrowField {
  if (depth > DEEPEST || counter.left-- === 0) throw new ArrowDamage('too many columns')
  const type = typeOf(field.byte(2), field.table(3))
  const encoding = field.table(4)
  const children = field.tables(5).map((child) => fieldOf(child, depth + 1, counter))
  const name = field.text(0)
  if (encoding === undefined) return { name, type, children }
  const index = encoding.table(1)
  // index type left out: 32-bit signed
  return { name, type: index ? typeOf(2, index) : intType(32, true), dictionary: { id: encoding.longText(0), type }, children: [] }
}

const intType = (bitWidth: number, isSigned: boolean): ArrowType => ({ kind: 'int', name: 'Int', bitWidth, isSigned, buffers: 2 })

/** Type -> its name and how many buffers a column of it has (Columnar.rst, "Buffer listing for each layout"). */
const OTHER_TYPES: Record<number, [string, number]> = {
  4: ['Binary', 3],
  7: ['Decimal', 2],
  11: ['Interval', 2],
  12: ['List', 2],
  13: ['Struct', 1],
  15: ['FixedSizeBinary', 2],
  16: ['FixedSizeList', 1],
  17: ['Map', 2],
  19: ['LargeBinary', 3],
  21: ['LargeList', 2],
  22: ['RunEndEncoded', 0],
  23: ['BinaryView', 2],
  25: ['ListView', 3],
  26: ['LargeListView', 3],
}

function typeOf(code: number, details: Table | undefined): ArrowType {
  const plain = { bitWidth: 0, isSigned: true }
  const time = (name: string, unit: number, bitWidth: number): ArrowType => ({
    kind: 'time',
    name,
    bitWidth,
    isSigned: true,
    unitNs: UNIT_NS[unit],
    buffers: 2,
  })
  const text = (name: string, form: 'offsets32' | 'offsets64' | 'views', buffers: number): ArrowType => ({ ...plain, kind: 'text', name, text: form, buffers })
  switch (code) {
    case 1:
      return { ...plain, kind: 'null', name: 'Null', buffers: 0 }
    case 2: {
      const bitWidth = details?.int(0) ?? 0
      if (![8, 16, 32, 64].includes(bitWidth)) throw new ArrowDamage(`integers of ${bitWidth} bits`)
      return intType(bitWidth, details!.byte(1) === 1)
    }
    case 3: {
      const bitWidth = [16, 32, 64][details?.short(0) ?? 0]
      if (bitWidth === undefined) throw new ArrowDamage('floats of an unknown precision')
      return { kind: bitWidth === 16 ? 'other' : 'float', name: `Float${bitWidth}`, bitWidth, isSigned: true, buffers: 2 }
    }
    case 5:
      return text('Utf8', 'offsets32', 3)
    case 6:
      return { ...plain, kind: 'bool', name: 'Bool', bitWidth: 1, buffers: 2 }
    case 8:
      return { ...plain, kind: 'other', name: 'Date', buffers: 2 }
    // milliseconds in 32 bits unless said otherwise
    case 9:
      return time('Time', details?.short(0, 1) ?? 1, details?.int(1, 32) === 64 ? 64 : 32)
    case 10:
      return time('Timestamp', details?.short(0) ?? 0, 64)
    case 14:
      return { ...plain, kind: 'other', name: 'Union', buffers: details?.short(0) === 1 ? 2 : 1 }
    case 18:
      return time('Duration', details?.short(0, 1) ?? 1, 64)
    case 20:
      return text('LargeUtf8', 'offsets64', 3)
    case 24:
      return text('Utf8View', 'views', 2)
    default: {
      const known = OTHER_TYPES[code]
      if (known === undefined) throw new ArrowDamage(`type ${code}`)
      return { ...plain, kind: 'other', name: known[0], buffers: known[1] }
    }
  }
}

function batchOf(batch: Table): ArrowBatch {
  const compression = batch.table(3)
  const codec = compression && (['lz4', 'zstd'] as const)[compression.byte(0)]
  if (compression && codec === undefined) throw new ArrowDamage('an unknown compression')
  return {
    rows: batch.long(0),
    nodes: batch.pairs(1).map(([rows, nulls]) => ({ rows, nulls })),
    buffers: batch.pairs(2).map(([offset, length]) => ({ offset, length })),
    codec,
    viewBuffers: batch.longs(4),
  }
}

/** A flatbuffers table: a position whose vtable says where each field lies. Fields by their number in the schema file. */
class Table {
  readonly #bytes: Buffer
  readonly #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  #check(at: number, length: number): number {
    if (!(at >= 0 && length >= 0 && at + length <= this.#bytes.length)) throw new ArrowDamage('an offset outside its message')
    return at
  }

  /** Where the field lies; undefined when it has its default. */
  #field(id: number, length: number): number | undefined {
    const vtable = this.#at - this.#bytes.readInt32LE(this.#check(this.#at, 4))
    const size = this.#bytes.readUInt16LE(this.#check(vtable, 2))
    const slot = 4 + 2 * id
    if (slot + 2 > size) return undefined
    const offset = this.#bytes.readUInt16LE(this.#check(vtable + slot, 2))
    return offset === 0 ? undefined : this.#check(this.#at + offset, length)
  }

  /** The position that an offset at `at` bytes from here leads to. */
  reference(at: number): number {
    const from = this.#check(this.#at + at, 4)
    return this.#check(from + this.#bytes.readUInt32LE(from), 4)
  }

  byte(id: number): number {
    const at = this.#field(id, 1)
    return at === undefined ? 0 : this.#bytes[at]!
  }

  short(id: number, otherwise = 0): number {
    const at = this.#field(id, 2)
    return at === undefined ? otherwise : this.#bytes.readInt16LE(at)
  }

  int(id: number, otherwise = 0): number {
    const at = this.#field(id, 4)
    return at === undefined ? otherwise : this.#bytes.readInt32LE(at)
  }

  /** A count or length: from 0 on, below 2^53. */
  long(id: number): number {
    const at = this.#field(id, 8)
    return at === undefined ? 0 : this.#count(at)
  }

  longText(id: number): string {
    const at = this.#field(id, 8)
    return at === undefined ? '0' : String(this.#bytes.readBigInt64LE(at))
  }

  #count(at: number): number {
    const value = this.#bytes.readBigInt64LE(at)
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ArrowDamage('a count out of range')
    return Number(value)
  }

  table(id: number): Table | undefined {
    const at = this.#field(id, 4)
    return at === undefined ? undefined : new Table(this.#bytes, this.reference(at - this.#at))
  }

  text(id: number): string {
    const { start, count } = this.#vector(id, 1)
    return this.#bytes.toString('utf8', start, start + count)
  }

  tables(id: number): Table[] {
    const { start, count } = this.#vector(id, 4)
    if (count > MOST_FIELDS) throw new ArrowDamage('too many columns')
    return Array.from({ length: count }, (_, i) => new Table(this.#bytes, this.reference(start + 4 * i - this.#at)))
  }

  longs(id: number): number[] {
    const { start, count } = this.#vector(id, 8)
    return Array.from({ length: count }, (_, i) => this.#count(start + 8 * i))
  }

  /** Structs of two longs. */
  pairs(id: number): [number, number][] {
    const { start, count } = this.#vector(id, 16)
    return Array.from({ length: count }, (_, i) => [this.#count(start + 16 * i), this.#count(start + 16 * i + 8)])
  }

  /** Structs of a long, an int and a long, each at a multiple of 8 bytes. */
  blocks(id: number): ArrowBlock[] {
    const { start, count } = this.#vector(id, 24)
    return Array.from({ length: count }, (_, i) => ({
      offset: this.#count(start + 24 * i),
      metadataLength: this.#bytes.readInt32LE(start + 24 * i + 8),
      bodyLength: this.#count(start + 24 * i + 16),
    }))
  }

  /** A vector lies in the message as a whole, so that its length is bounded by the bytes that are there. */
  #vector(id: number, size: number): { start: number; count: number } {
    const at = this.#field(id, 4)
    if (at === undefined) return { start: 0, count: 0 }
    const vector = this.reference(at - this.#at)
    const count = this.#bytes.readUInt32LE(vector)
    return { start: this.#check(vector + 4, count * size), count }
  }
}
