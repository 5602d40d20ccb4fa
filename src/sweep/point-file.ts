/**
 * One finished point: two lines of JSON in a zstd frame (`zstdcat FILE | head -1 | jq`). Line 1 says which inputs it is the
 * result of and the sha256 of line 2, which is the result as the engine gave it, tables by column. Nothing in it depends on when,
 * where or beside what it was computed, and the compressor is the same code on every machine: equal inputs, equal bytes.
 */
import { compress, decompress, init } from '@bokuweb/zstd-wasm'
import type { Cell, Row } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import type { SoloResult } from '../replay/index.ts'
import { canonical, sha256 } from './canonical.ts'
import { keyOf, type PointInputs } from './plan.ts'

const POINT_SCHEMA = 'numareplay/point/2'
/** Tables by column: higher levels take up to 17 times as long for frames that are 0 to 3 % smaller (point of 500 epochs: 1.1 ms, level 6: 18.6 ms). */
const LEVEL = 1

interface Header {
  schema: string
  key: string
  sha256: string
  inputs: PointInputs
}

let loading: Promise<void> | undefined

/** Loads the compressor once. */
function ready(): Promise<void> {
  loading ??= init()
  return loading
}

export async function encodePoint(inputs: PointInputs, result: SoloResult): Promise<Uint8Array> {
  await ready()
  const body = JSON.stringify(stored(result))
  const header: Header = { schema: POINT_SCHEMA, key: keyOf(inputs), sha256: sha256(body), inputs }
  return compress(Buffer.from(`${canonical(header)}\n${body}\n`), LEVEL)
}

/** Throws a UserError unless every byte is as it was written. */
export async function decodePoint(bytes: Uint8Array, key: string, file: string): Promise<SoloResult> {
  const [header, body] = await lines(bytes, file)
  if (header.schema !== POINT_SCHEMA) throw damaged(file, `schema ${JSON.stringify(header.schema)}`)
  if (header.key !== key || keyOf(header.inputs) !== key) throw damaged(file, 'another point')
  if (sha256(body) !== header.sha256) throw damaged(file, 'a wrong checksum')
  return restored(JSON.parse(body))
}

async function lines(bytes: Uint8Array, file: string): Promise<[Header, string]> {
  await ready()
  try {
    const [header, body] = Buffer.from(decompress(bytes)).toString('utf8').split('\n')
    return [JSON.parse(header!) as Header, body!]
  } catch {
    throw damaged(file, 'no whole zstd frame')
  }
}

const damaged = (file: string, got: string): UserError =>
  new UserError('not a whole point of a store', { file, got, hint: 'Delete it and run the sweep again: it will be computed anew' })

type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json }

type Columns = Record<string, Cell[]>

/** No parameter, machine or column has a name that begins so. */
const F64 = '@f64'
const COLUMNS = '@columns'

/**
 * The result as JSON can hold it: Float64Array as `{"@f64": […]}`, rows (objects of cells, all with the same names) by column, as
 * `{"@columns": {"lane": […], …}}`. Throws where something would not come back.
 */
function stored(value: unknown): Json {
  if (value === null || value === undefined || typeof value !== 'object') return value as Json
  if (value instanceof Float64Array) return { [F64]: Array.from(value) }
  if (ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set) throw new Error(`a ${value.constructor.name} in a result would not come back`)
  if (Array.isArray(value)) {
    const columns = columnsOf(value)
    return columns ? { [COLUMNS]: columns } : value.map(stored)
  }
  if (F64 in value || COLUMNS in value) throw new Error(`an object with ${Object.keys(value).join(', ')} in a result would not come back`)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, stored(part)]))
}

function restored<T>(value: unknown): T {
  if (value === null || typeof value !== 'object') return value as T
  if (Array.isArray(value)) return value.map((part) => restored(part)) as T
  if (F64 in value) return Float64Array.from(value[F64] as number[]) as T
  if (COLUMNS in value) return rowsOf(value[COLUMNS] as Columns) as T
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, restored(part)])) as T
}

/** Undefined unless these are rows with the same names; of more than one, or the names would take more room than they save. */
function columnsOf(list: unknown[]): Columns | undefined {
  const [first] = list
  if (list.length < 2 || !isPlain(first)) return undefined
  const names = Object.keys(first)
  if (names.length === 0 || !list.every((row) => hasOnly(row, names.length))) return undefined
  const columns: Columns = {}
  for (const name of names) {
    const column = new Array<Cell>(list.length)
    for (let i = 0; i < column.length; i++) {
      const cell = (list[i] as Row)[name]
      if (cell === undefined || (cell !== null && typeof cell === 'object')) return undefined
      column[i] = cell
    }
    columns[name] = column
  }
  return columns
}

const isPlain = (value: unknown): value is object => value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype

/** An object with so many names. */
function hasOnly(value: unknown, count: number): boolean {
  if (!isPlain(value)) return false
  let names = 0
  for (const _ in value) names++
  return names === count
}

function rowsOf(columns: Columns): Row[] {
  const names = Object.keys(columns)
  return columns[names[0]!]!.map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name]![i]!])))
}
