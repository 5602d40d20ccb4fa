/**
 * One finished point: two lines of JSON in a zstd frame (`zstdcat FILE | head -1 | jq`). Line 1 says which inputs it is the
 * result of and the sha256 of line 2, which is the result as the engine gave it. Nothing in it depends on when, where or
 * beside what it was computed, and the compressor is the same code on every machine: equal inputs, equal bytes.
 */
import { compress, decompress, init } from '@bokuweb/zstd-wasm'
import { UserError } from '../errors.ts'
import type { SoloResult } from '../replay/index.ts'
import { canonical, sha256 } from './canonical.ts'
import { keyOf, type PointInputs } from './plan.ts'

const POINT_SCHEMA = 'numareplay/point/1'
/** Above it the frame grows slower than the time to make it. */
const LEVEL = 6

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
  const body = JSON.stringify(result, replace)
  const header: Header = { schema: POINT_SCHEMA, key: keyOf(inputs), sha256: sha256(body), inputs }
  return compress(Buffer.from(`${canonical(header)}\n${body}\n`), LEVEL)
}

/** Throws a UserError unless every byte is as it was written. */
export async function decodePoint(bytes: Uint8Array, key: string, file: string): Promise<SoloResult> {
  const [header, body] = await lines(bytes, file)
  if (header.schema !== POINT_SCHEMA) throw damaged(file, `schema ${JSON.stringify(header.schema)}`)
  if (header.key !== key || keyOf(header.inputs) !== key) throw damaged(file, 'another point')
  if (sha256(body) !== header.sha256) throw damaged(file, 'a wrong checksum')
  return JSON.parse(body, revive) as SoloResult
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

/** Typed arrays as `{"f64": [...]}`. */
function replace(_: string, value: unknown): unknown {
  if (value instanceof Float64Array) return { f64: Array.from(value) }
  if (ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set) throw new Error(`a ${value.constructor.name} in a result would not come back`)
  return value
}

const revive = (_: string, value: unknown): unknown =>
  value !== null && typeof value === 'object' && 'f64' in value && Array.isArray(value.f64) ? Float64Array.from(value.f64) : value
