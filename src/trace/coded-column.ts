/**
 * Columns of u32 that are coded as suits them (docs/format.md): one value for all, frames of values or of differences, frames
 * of the low bits with the rest of few large values beside them, or DEFLATE where the same stretches come again. The first byte
 * says how.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { columnBytes, FRAME, FRAME_PAD, packedBytes, type Workspace } from '../wasm/index.ts'
import { zigzag } from './packed.ts'
import { Malformed } from './sections.ts'

const CONSTANT = 0
const FRAMES = 1
const DIFFERENCES = 2
const DEFLATED = 3
const PATCHED = 4

/** Starting to inflate takes as long as unpacking the frames of a whole block: it has to save so much, in share and in bytes. */
const WORTH_DEFLATING = 0.75
const WORTH_BYTES = 8192
/** Patches cost time where they are put: they have to save so much. */
const WORTH_PATCHING = 0.985
/** Share of values: with half of them patched zipf over 1M pages takes 7 % less room and a third more time. */
const MOST_PATCHED = 1 / 8
/** Bits by which the largest distance of a frame exceeds the mean one, of values that come at random (ln 128 = 4.9 times it). */
const GAP_SPREAD = 2.3
/** Values on which DEFLATE is tried. */
const TRIAL = 4096

/** The first n of `values`, which lie where `workspace` makes arrays. */
export function encodeColumn(workspace: Workspace, values: Uint32Array, n: number): Uint8Array {
  const first = n > 0 ? values[0]! : 0
  if (values.subarray(0, n).every((value) => value === first)) return prefixed(CONSTANT, Uint8Array.of(first, first >>> 8, first >>> 16, first >>> 24))
  const framed = smallerOf(smallerFrames(workspace, values, n), workspace, values, n)
  const limit = Math.min(framed.length * WORTH_DEFLATING, framed.length - WORTH_BYTES)
  const tried = Math.min(n, TRIAL)
  if (limit <= 0 || deflatedValues(values, tried).length > (limit * tried) / n) return framed
  const deflated = deflatedValues(values, n)
  return deflated.length < limit ? deflated : framed
}

function smallerFrames({ kernels, raw: { u32, u8 } }: Workspace, values: Uint32Array, n: number): Uint8Array {
  const out = u8(columnBytes(n))
  const plain = prefixed(FRAMES, out.subarray(0, kernels.packColumn(values, n, out)))
  const differences = u32(n)
  for (let i = 0, before = 0; i < n; i++) {
    differences[i] = zigzag(values[i]!, before)
    before = values[i]!
  }
  const bytes = kernels.packColumn(differences, n, out)
  return bytes + 1 < plain.length ? prefixed(DIFFERENCES, out.subarray(0, bytes)) : plain
}

/** `framed`, or the column with patches where that is worth it. */
function smallerOf(framed: Uint8Array, workspace: Workspace, values: Uint32Array, n: number): Uint8Array {
  const width = patchedWidth(values, n, framed.length * WORTH_PATCHING)
  if (width === undefined) return framed
  const patched = patchedValues(workspace, values, n, width)
  return patched.length < framed.length * WORTH_PATCHING ? patched : framed
}

/**
 * The width of low bits that makes the column smallest, with values beyond it patched (as in PFOR: Zukowski, Héman, Nes and Boncz,
 * "Super-scalar RAM-CPU cache compression", 2006); undefined when none is estimated below so many bytes.
 */
function patchedWidth(values: Uint32Array, n: number, most: number): number | undefined {
  /** By width: how many values have it; how many frames have it as their largest. */
  const valuesOf = new Uint32Array(33)
  const framesOf = new Uint32Array(33)
  for (let from = 0; from < n; from += FRAME) {
    let any = 0
    for (let i = from, end = Math.min(n, from + FRAME); i < end; i++) {
      any |= values[i]!
      valuesOf[32 - Math.clz32(values[i]!)]!++
    }
    framesOf[32 - Math.clz32(any)]!++
  }
  const widest = framesOf.findLastIndex((frames) => frames > 0)
  let best: number | undefined
  let bestBytes = most
  for (let width = widest - 1, patches = 0; width >= 0; width--) {
    patches += valuesOf[width + 1]!
    if (patches > n * MOST_PATCHED) break
    const frames = framesOf.reduce((sum, count, of) => sum + count * (1 + 16 * Math.min(of, width)), 0)
    const bytes = frames + (patches * (Math.log2(n / patches) + GAP_SPREAD + widest - width)) / 8
    if (bytes >= bestBytes) continue
    bestBytes = bytes
    best = width
  }
  return best
}

/** The width; u32 how many patches; their distances and upper bits as packed columns; the low bits of all as another. */
function patchedValues({ kernels, raw: { u32, u8 } }: Workspace, values: Uint32Array, n: number, width: number): Uint8Array {
  const [low, gaps, upper] = [u32(n), u32(n), u32(n)]
  const mask = 2 ** width - 1
  let patches = 0
  for (let i = 0, before = 0; i < n; i++) {
    low[i] = values[i]! & mask
    if (values[i]! <= mask) continue
    gaps[patches] = i - before
    upper[patches++] = values[i]! >>> width
    before = i
  }
  const out = u8(columnBytes(n))
  const packed = (column: Uint32Array, length: number) => out.slice(0, kernels.packColumn(column, length, out))
  const head = Buffer.alloc(6)
  head.writeUInt8(PATCHED, 0)
  head.writeUInt8(width, 1)
  head.writeUInt32LE(patches, 2)
  return Buffer.concat([head, packed(gaps, patches), packed(upper, patches), packed(low, n)])
}

/** Each value in as many bytes as the largest needs: one, two or four. */
function deflatedValues(values: Uint32Array, n: number): Uint8Array {
  const largest = values.subarray(0, n).reduce((most, value) => Math.max(most, value), 0)
  const narrow = arrayOf(largest < 2 ** 8 ? 1 : largest < 2 ** 16 ? 2 : 4, n)
  narrow.set(values.subarray(0, n))
  const deflated = deflateRawSync(new Uint8Array(narrow.buffer))
  return prefixed(DEFLATED, prefixed(narrow.BYTES_PER_ELEMENT, deflated))
}

const prefixed = (byte: number, bytes: Uint8Array): Uint8Array => Buffer.concat([Buffer.of(byte), bytes])

function arrayOf(bytes: number, length: number): Uint8Array | Uint16Array | Uint32Array {
  if (bytes === 1) return new Uint8Array(length)
  return bytes === 2 ? new Uint16Array(length) : new Uint32Array(length)
}

/** The value that all have, if the column says so. */
export function constantOf(column: Uint8Array): number | undefined {
  return column[0] === CONSTANT && column.length === 5 ? (column[1]! | (column[2]! << 8) | (column[3]! << 16) | (column[4]! << 24)) >>> 0 : undefined
}

/** The n values, followed by room for two more, up to a whole frame; they lie in the workspace. A column that does too has FRAME_PAD bytes behind. Throws Malformed. */
export function decodeColumn(workspace: Workspace, column: Uint8Array, n: number): Uint32Array {
  const values = workspace.raw.u32(Math.ceil((n + 2) / FRAME) * FRAME)
  const rest = column.subarray(1)
  switch (column[0]) {
    case CONSTANT:
      if (rest.length !== 4) throw new Malformed()
      return values.fill(constantOf(column)!, 0, n)
    case FRAMES:
      unpackFrames(workspace, rest, n, values)
      return values
    case DIFFERENCES:
      unpackFrames(workspace, rest, n, values)
      workspace.kernels.undoZigzag(values, n)
      return values
    case DEFLATED:
      values.set(inflated(rest, n))
      return values
    case PATCHED:
      unpackPatched(workspace, rest, n, values)
      return values
    default:
      throw new Malformed()
  }
}

/** What the n values add up to, one by one; undefined where that passes 32 bits. Otherwise like `decodeColumn`. */
export function decodeSums(workspace: Workspace, column: Uint8Array, n: number): Uint32Array | undefined {
  const { kernels, raw } = workspace
  const isDelta = column[0] === DIFFERENCES
  if (!isDelta && column[0] !== FRAMES) {
    const values = decodeColumn(workspace, column, n)
    return kernels.sumUp(values, n) ? values : undefined
  }
  const sums = raw.u32(Math.ceil(n / FRAME) * FRAME)
  return kernels.unpackSums(nearFrames(workspace, column.subarray(1), n, sums), n, isDelta, sums) ? sums : undefined
}

function unpackFrames(workspace: Workspace, frames: Uint8Array, n: number, values: Uint32Array): void {
  workspace.kernels.unpackColumn(nearFrames(workspace, frames, n, values), n, values)
}

/** The frames in the same memory as `values`. */
function nearFrames({ raw }: Workspace, frames: Uint8Array, n: number, values: Uint32Array): Uint8Array {
  if (packedBytes(frames, n) !== frames.length) throw new Malformed()
  if (frames.buffer === values.buffer) return frames
  const near = raw.u8(frames.length + FRAME_PAD)
  near.set(frames)
  return near
}

function unpackPatched(workspace: Workspace, rest: Uint8Array, n: number, values: Uint32Array): void {
  const head = Buffer.from(rest.buffer, rest.byteOffset, rest.length)
  if (head.length < 5) throw new Malformed()
  const width = head.readUInt8(0)
  const patches = head.readUInt32LE(1)
  if (width > 31 || patches > n) throw new Malformed()
  const room = Math.ceil((patches + 1) / FRAME) * FRAME
  const [gaps, upper] = [workspace.raw.u32(room), workspace.raw.u32(room)]
  let left = rest.subarray(5)
  for (const column of [gaps, upper]) {
    const bytes = packedBytes(left, patches)
    if (!(bytes <= left.length)) throw new Malformed()
    unpackFrames(workspace, left.subarray(0, bytes), patches, column)
    left = left.subarray(bytes)
  }
  unpackFrames(workspace, left, n, values)
  if (!workspace.kernels.patchColumn(values, n, gaps, upper, patches, width)) throw new Malformed()
}

function inflated(rest: Uint8Array, n: number): Uint8Array | Uint16Array | Uint32Array {
  const bytes = rest[0]
  if (bytes !== 1 && bytes !== 2 && bytes !== 4) throw new Malformed()
  const values = arrayOf(bytes, n)
  let raw: Buffer
  try {
    const most = Math.max(64, values.byteLength)
    raw = inflateRawSync(rest.subarray(1), { maxOutputLength: most, chunkSize: most })
  } catch {
    throw new Malformed()
  }
  if (raw.length !== values.byteLength) throw new Malformed()
  new Uint8Array(values.buffer).set(raw)
  return values
}
