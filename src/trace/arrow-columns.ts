/** Columns of an Arrow record batch from its body: typed arrays as they lie where possible, else a value per row. */
import { type ArrowBatch, ArrowDamage, type ArrowField, type ArrowType } from './arrow-messages.ts'
import { unlz4Frame } from './lz4.ts'
import type { ColumnValues } from './table-batches.ts'
import { unzstdWhole } from './zstd.ts'

/** Text of one column of one batch, unpacked. */
const MOST_TEXT = 1 << 28
/** Values are padded to this (Columnar.rst, "Buffer Alignment and Padding"). */
const PADDING = 64
const NOT_COMPRESSED = 0xffff_ffff_ffff_ffffn

/** Where a top-level column begins in the flat lists of a batch. */
interface Place {
  field: ArrowField
  node: number
  buffer: number
  views: number
}

/** Entries of the dictionaries met so far, by id. */
export type Dictionaries = Map<string, unknown[]>

export class ArrowColumns {
  readonly #batch: ArrowBatch
  readonly #body: Uint8Array
  readonly #places: Place[]
  readonly #file: string

  constructor(fields: readonly ArrowField[], batch: ArrowBatch, body: Uint8Array, file: string) {
    this.#batch = batch
    this.#body = body
    this.#file = file
    this.#places = placesOf(fields, batch)
  }

  /** Values of column `i`; a list has null where there is none. */
  column(i: number, dictionaries: Dictionaries): ColumnValues {
    if (this.#batch.rows === 0) return []
    const place = this.#places[i]!
    const { dictionary, type, name } = place.field
    const values = this.#values(place, type)
    if (dictionary === undefined) return values
    const entries = dictionaries.get(dictionary.id)
    if (entries === undefined) throw new ArrowDamage(`column ${name} uses a dictionary that has not come before`)
    return Array.from(values as ArrayLike<number | bigint | null>, (index) => {
      if (index === null) return null
      if (!(Number(index) >= 0 && Number(index) < entries.length)) throw new ArrowDamage(`column ${name} names an entry that its dictionary lacks`)
      return entries[Number(index)]
    })
  }

  #values(place: Place, type: ArrowType): ColumnValues {
    const { rows } = this.#batch
    const { nulls, rows: nodeRows } = this.#batch.nodes[place.node]!
    if (nodeRows < rows) throw new ArrowDamage(`column ${place.field.name} is shorter than its batch`)
    if (type.kind === 'null') return []
    if (type.kind === 'other') throw new ArrowDamage(`column ${place.field.name} is of type ${type.name}`)
    const values = type.kind === 'text' ? this.#texts(place, type) : type.kind === 'bool' ? this.#bits(place.buffer + 1) : this.#numbers(place, type)
    const validity = nulls > 0 ? this.#buffer(place.buffer, Math.ceil(rows / 8)) : undefined
    if (validity === undefined || validity.length === 0) return values
    if (validity.length * 8 < rows) throw this.#short(place)
    return Array.from({ length: rows }, (_, row) => (isSet(validity, row) ? values[row] : null))
  }

  #numbers(place: Place, { kind, bitWidth, isSigned }: ArrowType): ArrayLike<number | bigint> {
    const { rows } = this.#batch
    const width = bitWidth / 8
    const bytes = this.#buffer(place.buffer + 1, rows * width)
    if (bytes.length < rows * width) throw this.#short(place)
    const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
    const [buffer, at] = [aligned.buffer as ArrayBuffer, aligned.byteOffset]
    if (kind === 'float') return width === 4 ? new Float32Array(buffer, at, rows) : new Float64Array(buffer, at, rows)
    if (width === 8) return isSigned ? new BigInt64Array(buffer, at, rows) : new BigUint64Array(buffer, at, rows)
    if (width === 4) return isSigned ? new Int32Array(buffer, at, rows) : new Uint32Array(buffer, at, rows)
    if (width === 2) return isSigned ? new Int16Array(buffer, at, rows) : new Uint16Array(buffer, at, rows)
    return isSigned ? new Int8Array(buffer, at, rows) : new Uint8Array(buffer, at, rows)
  }

  #bits(buffer: number): boolean[] {
    const { rows } = this.#batch
    const bytes = this.#buffer(buffer, Math.ceil(rows / 8))
    if (bytes.length * 8 < rows) throw new ArrowDamage('a column shorter than its batch')
    return Array.from({ length: rows }, (_, row) => isSet(bytes, row))
  }

  #texts(place: Place, { text }: ArrowType): string[] {
    if (text === 'views') return this.#viewed(place)
    const { rows } = this.#batch
    const width = text === 'offsets32' ? 4 : 8
    const offsets = asBuffer(this.#buffer(place.buffer + 1, (rows + 1) * width))
    const bytes = asBuffer(this.#buffer(place.buffer + 2, MOST_TEXT))
    // a column of no rows may have no offsets either
    if (rows > 0 && offsets.length < (rows + 1) * width) throw this.#short(place)
    const offset = (row: number) => (width === 4 ? offsets.readUInt32LE(4 * row) : Number(offsets.readBigUInt64LE(8 * row)))
    return Array.from({ length: rows }, (_, row) => textAt(bytes, offset(row), offset(row + 1)))
  }

  /** 16 bytes a value: length, then up to 12 bytes of text, or prefix, buffer and offset (Columnar.rst, "Variable-size Binary View"). */
  #viewed(place: Place): string[] {
    const { rows } = this.#batch
    const views = asBuffer(this.#buffer(place.buffer + 1, rows * 16))
    if (views.length < rows * 16) throw this.#short(place)
    const buffers = Array.from({ length: this.#batch.viewBuffers[place.views] ?? 0 }, (_, i) => asBuffer(this.#buffer(place.buffer + 2 + i, MOST_TEXT)))
    return Array.from({ length: rows }, (_, row) => {
      const length = views.readUInt32LE(16 * row)
      if (length <= 12) return textAt(views, 16 * row + 4, 16 * row + 4 + length)
      const bytes = buffers[views.readUInt32LE(16 * row + 8)]
      const start = views.readUInt32LE(16 * row + 12)
      return textAt(bytes ?? Buffer.alloc(0), start, start + length)
    })
  }

  /** A buffer of the body, unpacked; `most` bytes and padding at most, whatever it claims. */
  #buffer(i: number, most: number): Uint8Array {
    const { offset, length } = this.#batch.buffers[i]!
    if (offset + length > this.#body.length) throw new ArrowDamage('a buffer outside its batch')
    const stored = this.#body.subarray(offset, offset + length)
    const { codec } = this.#batch
    if (codec === undefined || length === 0) return stored
    if (length < 8) throw new ArrowDamage('a compressed buffer without its length')
    const claimed = asBuffer(stored).readBigUInt64LE(0)
    if (claimed === NOT_COMPRESSED) return stored.subarray(8)
    if (claimed > BigInt(most + PADDING)) throw new ArrowDamage('a compressed buffer longer than its rows')
    const unpacked = codec === 'lz4' ? unlz4Frame(stored.subarray(8), this.#file) : unzstdWhole(stored.subarray(8), Number(claimed), this.#file)
    if (unpacked.length !== Number(claimed)) throw new ArrowDamage('a compressed buffer of another length than it says')
    return unpacked
  }

  #short({ field }: Place): ArrowDamage {
    return new ArrowDamage(`column ${field.name} is shorter than its batch`)
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

const isSet = (bits: Uint8Array, i: number): boolean => ((bits[i >> 3]! >> (i & 7)) & 1) === 1

function textAt(bytes: Buffer, start: number, end: number): string {
  if (!(start <= end && end <= bytes.length)) throw new ArrowDamage('text outside its buffer')
  return bytes.toString('utf8', start, end)
}

/** Fields of a batch are listed depth first; columns that nobody needs are counted past. */
function placesOf(fields: readonly ArrowField[], { nodes, buffers, viewBuffers }: ArrowBatch): Place[] {
  const at = { node: 0, buffer: 0, views: 0 }
  const pass = (field: ArrowField): void => {
    at.node++
    at.buffer += field.type.buffers
    if (field.type.text === 'views' || field.type.name === 'BinaryView') at.buffer += viewBuffers[at.views++] ?? 0
    if (at.node > nodes.length || at.buffer > buffers.length) throw new ArrowDamage('a batch with fewer columns than its schema')
    for (const child of field.children) pass(child)
  }
  return fields.map((field) => {
    const place = { field, ...at }
    pass(field)
    return place
  })
}
