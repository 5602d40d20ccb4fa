/** A TickBlock as packed columns and back. What ticks of one trace have in common (their starts) is not in the block. */
import { columnBytes, FRAME_PAD, packedBytes, plainWorkspace, type Touches, type Workspace, withWorkspace } from '../wasm/index.ts'
import { BLOCK_ROWS } from './blocks.ts'
import { unpack, zigzag } from './packed.ts'
import { PAIR_WORDS, type TickBlock } from './prepared.ts'
import { Malformed, sectionHead } from './sections.ts'

/** What the footer says about a block, beside where it lies. */
export interface BlockShape {
  firstTick: number
  ticks: number
  pairs: number
  touches: number
}

/** A block on its way into a file: its section in pieces, to be taken once and before the next block. */
export interface EncodedBlock {
  shape: BlockShape
  bytes: Iterable<Uint8Array>
}

/** Largest legal values: what a damaged or hostile file must not exceed. */
export interface BlockLimits {
  pages: number
  actors: number
}

export const BLOCK_COLUMNS = 9
/** Working memory per row and byte, on the safe side. */
const ROW_BYTES = 64
/** First byte of the touches' column: indexes, or differences of indexes. */
export const AS_THEY_ARE = 0
export const ZIGZAG = 1

export const shapeOf = ({ firstTick, ticks, pairs, touchPage }: TickBlock): BlockShape => ({
  firstTick,
  ticks,
  pairs: pairs.length / PAIR_WORDS,
  touches: touchPage.length,
})

/** `free`: rooms of sections that were taken, for the next ones; made anew, they would wait for the garbage collector. */
export function encoded(block: TickBlock, free: Buffer[] = []): EncodedBlock {
  return { shape: shapeOf(block), bytes: withEncoded(block, (section) => copied(section, free)) }
}

function copied(section: Uint8Array, free: Buffer[]): Iterable<Uint8Array> {
  const last = free.pop()
  const room = last !== undefined && last.length >= section.length ? last : Buffer.allocUnsafeSlow(section.length + (section.length >>> 2))
  room.set(section)
  return lent(room, section.length, free)
}

function* lent(room: Buffer, bytes: number, free: Buffer[]): Generator<Uint8Array> {
  yield room.subarray(0, bytes)
  free.push(room)
}

/** A section's bytes. */
export const encodeBlock = (block: TickBlock): Buffer => withEncoded(block, (section) => Buffer.from(section))

/** The same where they were made: until `use` returns. */
export function withEncoded<T>(block: TickBlock, use: (section: Uint8Array) => T): T {
  const { pairs, touches, ticks } = shapeOf(block)
  const counts = (starts: Uint32Array) => starts.subarray(1, ticks + 1).map((end, i) => end - starts[i]!)
  return withRoom(pairs + touches, (workspace) => {
    const { u32, u8 } = workspace.raw
    const values = u32(Math.max(ticks, pairs, touches))
    const ranks = ranksOf(block, workspace)
    // last: of this room only what columns take is ever written
    const section = new PackedSection(BLOCK_COLUMNS, workspace, u8(sectionBytes(ticks, pairs, touches)))
    for (const starts of [block.pairStart, block.touchStart]) section.column(filled(values, counts(starts)), ticks)
    packPairs(section, block, values)
    packTouches(section, block, values, ranks)
    return use(section.bytes())
  })
}

/** Most bytes of a section. Of the touches' first column there are two, of which the shorter one stays. */
const sectionBytes = (ticks: number, pairs: number, touches: number): number =>
  sectionHead(new Array(BLOCK_COLUMNS).fill(0)).length + 2 * columnBytes(ticks) + PAIR_WORDS * columnBytes(pairs) + 4 * columnBytes(touches) + 1

/** Columns packed one behind the other, after the head of their section. */
class PackedSection {
  readonly #kernels: Workspace['kernels']
  readonly #room: Uint8Array
  readonly #lengths: number[] = []
  #end: number

  constructor(columns: number, { kernels }: Workspace, room: Uint8Array) {
    this.#kernels = kernels
    this.#room = room
    this.#end = sectionHead(new Array(columns).fill(0)).length
  }

  /** The first n values. */
  column(values: Uint32Array, n: number): void {
    this.#ends(this.#pack(values, n, this.#end))
  }

  /** The column that takes less, after a byte that says which. */
  shorter(plain: Uint32Array, differences: Uint32Array, n: number): void {
    const from = this.#end + 1
    const plainBytes = this.#pack(plain, n, from)
    const differenceBytes = this.#pack(differences, n, from + plainBytes)
    const isDelta = differenceBytes < plainBytes
    if (isDelta) this.#room.copyWithin(from, from + plainBytes, from + plainBytes + differenceBytes)
    this.#room[this.#end] = isDelta ? ZIGZAG : AS_THEY_ARE
    this.#ends(1 + Math.min(plainBytes, differenceBytes))
  }

  bytes(): Uint8Array {
    this.#room.set(sectionHead(this.#lengths))
    return this.#room.subarray(0, this.#end)
  }

  #pack(values: Uint32Array, n: number, at: number): number {
    return this.#kernels.packColumn(values, n, this.#room.subarray(at))
  }

  #ends(bytes: number): void {
    this.#lengths.push(bytes)
    this.#end += bytes
  }
}

function packPairs(section: PackedSection, { pairs, pairStart }: TickBlock, values: Uint32Array): void {
  const n = pairs.length / PAIR_WORDS
  for (let tick = 0; tick + 1 < pairStart.length; tick++) {
    let before = 0
    for (let k = pairStart[tick]!; k < pairStart[tick + 1]!; k++) {
      const page = pairs[k * PAIR_WORDS]!
      values[k] = page - before
      before = page
    }
  }
  section.column(values, n)
  for (let word = 1; word < PAIR_WORDS; word++) {
    for (let k = 0, at = word; k < n; k++, at += PAIR_WORDS) values[k] = pairs[at]!
    section.column(values, n)
  }
}

/** For each touch the index of its pair among those of its tick. */
function ranksOf({ touchPage, touchActor, touchIsWrite, touchOffsetNs, touchStart, pairStart, pairs }: TickBlock, workspace: Workspace): Uint32Array {
  const { u32, u16 } = workspace.raw
  const n = touchPage.length
  const near = <A extends Uint32Array>(values: A) => filled(u32(values.length), values)
  const touches = { page: near(touchPage), actor: filled(u16(n), touchActor), isWrite: touchIsWrite, offset: touchOffsetNs }
  const ranks = u32(n)
  workspace.kernels.rankTouches(touches, near(touchStart), near(pairStart), near(pairs), ranks)
  return ranks
}

function packTouches(section: PackedSection, { touchStart, touchIsWrite, touchOffsetNs }: TickBlock, values: Uint32Array, ranks: Uint32Array): void {
  const n = ranks.length
  const eachTouch = (visit: (k: number, isFirst: boolean) => void) => {
    for (let tick = 0; tick + 1 < touchStart.length; tick++) for (let k = touchStart[tick]!; k < touchStart[tick + 1]!; k++) visit(k, k === touchStart[tick])
  }
  eachTouch((k, isFirst) => {
    values[k] = zigzag(ranks[k]!, isFirst ? 0 : ranks[k - 1]!)
  })
  section.shorter(ranks, values, n)
  section.column(filled(values, touchIsWrite), n)
  eachTouch((k, isFirst) => {
    values[k] = touchOffsetNs[k]! - (isFirst ? 0 : touchOffsetNs[k - 1]!)
  })
  section.column(values, n)
}

/**
 * Memory for one decoded block, used again for the next: fresh memory costs more than decoding. Shared memory, or arrays of a space
 * whose kernels decode right into them.
 */
export class BlockBuffers {
  readonly #held: SharedArrayBuffer[]
  readonly #space: Workspace | undefined
  readonly #near: (Uint8Array | Uint16Array | Uint32Array)[] = []
  #section = Buffer.alloc(0)

  constructor(held: SharedArrayBuffer[] = [], space?: Workspace) {
    this.#held = held
    this.#space = space
  }

  /** Whether the columns lie where kernels reach them. */
  get isNear(): boolean {
    return this.#space !== undefined
  }

  /** Memory for a section as it is read; where kernels reach it, they find its columns there. */
  section(bytes: number): Buffer {
    if (this.#space === undefined) {
      if (this.#section.length < bytes) this.#section = Buffer.allocUnsafeSlow(bytes + (bytes >>> 2))
      return this.#section.subarray(0, bytes)
    }
    const { buffer, byteOffset } = this.column(SECTION, 'u8', bytes + FRAME_PAD)
    return Buffer.from(buffer, byteOffset, bytes)
  }

  /** Memory for blocks of at most these sizes. */
  static sized({ ticks, pairs, touches }: Omit<BlockShape, 'firstTick'>): SharedArrayBuffer[] {
    return [4 * PAIR_WORDS * pairs, 4 * touches, 2 * touches, touches, 4 * touches, 4 * (ticks + 1), 4 * (ticks + 1)].map(
      (bytes) => new SharedArrayBuffer(bytes),
    )
  }

  /** The column number `c`, on the memory it had before unless that is too small. */
  column<N extends 'u8' | 'u16' | 'u32'>(c: number, type: N, length: number): ReturnType<Workspace[N]> {
    const [make, bytes] = TYPES[type]
    if (this.#space !== undefined) {
      if (this.#near[c] === undefined || this.#near[c].length < length) this.#near[c] = this.#space.raw[type](length + (length >>> 2))
      return this.#near[c].subarray(0, length) as ReturnType<Workspace[N]>
    }
    let held = this.#held[c]
    if (held === undefined || held.byteLength < bytes * length) {
      held = new SharedArrayBuffer(bytes * (length + (length >>> 2)))
      this.#held[c] = held
    }
    return new (make as unknown as new (buffer: SharedArrayBuffer, offset: number, length: number) => ReturnType<Workspace[N]>)(held, 0, length)
  }
}

/** Number of the column that is a section as it is read, after those of a block. */
const SECTION = 7
const TYPES = { u8: [Uint8Array, 1], u16: [Uint16Array, 2], u32: [Uint32Array, 4] } as const

/** `startNs` = starts of its ticks and the end of the last. The block is valid until `buffers` are used again. Throws Malformed. */
export function decodeBlock(
  columns: readonly Uint8Array[],
  shape: BlockShape,
  limits: BlockLimits,
  startNs: Float64Array,
  buffers = new BlockBuffers(),
): TickBlock {
  const { ticks, pairs, touches } = shape
  checkRoom(columns, shape)
  const block = viewOf(shape, startNs, buffers)
  const { pairStart, touchStart } = block
  fillStarts(pairStart, columns[0]!, ticks, pairs)
  fillStarts(touchStart, columns[1]!, ticks, touches)
  return withRoom(pairs + touches, (workspace) => {
    const { kernels } = workspace
    const { u32, u8, u16 } = workspace.raw
    const held = (column: Uint8Array, n: number, from = 0): Uint8Array => {
      if (packedBytes(column.subarray(from), n) !== column.length - from) throw new Malformed()
      if (buffers.isNear) return column.subarray(from)
      const near = u8(column.length - from + FRAME_PAD).fill(0, column.length - from)
      return filled(near, column.subarray(from))
    }
    const startsHere = (starts: Uint32Array): Uint32Array => filled(u32(starts.length), starts)
    const pairsHere = buffers.isNear ? block.pairs : u32(pairs * PAIR_WORDS)
    const pairStartHere = startsHere(pairStart)
    const [page, actor, reads, writes] = columns.slice(2, 6).map((column) => held(column, pairs))
    const pairColumns = { page: page!, actor: actor!, reads: reads!, writes: writes! }
    if (!kernels.unpackPairs(pairColumns, pairs, pairStartHere, limits.pages - 1, limits.actors - 1, pairsHere)) throw new Malformed()
    const coding = columns[6]![0]
    if (coding !== ZIGZAG && coding !== AS_THEY_ARE) throw new Malformed()
    const touchColumns = {
      index: held(columns[6]!, touches, 1),
      isWrite: held(columns[7]!, touches),
      offset: held(columns[8]!, touches),
      isDelta: coding === ZIGZAG,
      isWide: limits.pages > 1 << 24 || limits.actors > 1 << 8,
    }
    const keys = u32(mostPairs(pairStart) * (touchColumns.isWide ? 2 : 1))
    const out = buffers.isNear ? touchesOf(block) : { page: u32(touches), actor: u16(touches), isWrite: u8(touches), offset: u32(touches) }
    if (!kernels.unpackTouches(touchColumns, touches, startsHere(touchStart), pairStartHere, pairsHere, keys, out)) throw new Malformed()
    if (buffers.isNear) return block
    block.pairs.set(pairsHere)
    block.touchPage.set(out.page)
    block.touchActor.set(out.actor)
    block.touchIsWrite.set(out.isWrite)
    block.touchOffsetNs.set(out.offset)
    return block
  })
}

/** The block that lies in `buffers`, or is about to. */
export function viewOf({ firstTick, ticks, pairs, touches }: BlockShape, startNs: Float64Array, buffers: BlockBuffers): TickBlock {
  return {
    firstTick,
    ticks,
    startNs,
    pairStart: buffers.column(5, 'u32', ticks + 1),
    pairs: buffers.column(0, 'u32', pairs * PAIR_WORDS),
    touchStart: buffers.column(6, 'u32', ticks + 1),
    touchPage: buffers.column(1, 'u32', touches),
    touchActor: buffers.column(2, 'u16', touches),
    touchIsWrite: buffers.column(3, 'u8', touches),
    touchOffsetNs: buffers.column(4, 'u32', touches),
  }
}

const touchesOf = ({ touchPage, touchActor, touchIsWrite, touchOffsetNs }: TickBlock): Touches => ({
  page: touchPage,
  actor: touchActor,
  isWrite: touchIsWrite,
  offset: touchOffsetNs,
})

/** Of a tick. */
function mostPairs(starts: Uint32Array): number {
  let most = 0
  for (let tick = 0; tick + 1 < starts.length; tick++) most = Math.max(most, starts[tick + 1]! - starts[tick]!)
  return most
}

/**
 * Nothing is allocated that the file cannot hold: pairs of a tick differ in page or actor, so 128 of them take 16 bytes at
 * least, and only a block's last tick may pass BLOCK_ROWS.
 */
function checkRoom(columns: readonly Uint8Array[], { ticks, pairs, touches }: BlockShape): void {
  const isCount = (n: number) => Number.isSafeInteger(n) && n >= 0
  if (!isCount(ticks) || !isCount(pairs) || !isCount(touches)) throw new Malformed()
  if (columns[0]!.length * 128 < ticks || touches > pairs || pairs > BLOCK_ROWS + 8 * (columns[2]!.length + columns[3]!.length)) throw new Malformed()
}

/** Counts into the starts of their ticks and the end. */
function fillStarts(starts: Uint32Array, column: Uint8Array, ticks: number, total: number): void {
  starts[0] = 0
  const counts = unpack(column, ticks)
  let sum = 0
  for (let tick = 0; tick < ticks; tick++) {
    sum += counts[tick]!
    if (sum > total) throw new Malformed()
    starts[tick + 1] = sum
  }
  if (sum !== total) throw new Malformed()
}

function filled<A extends Uint8Array | Uint16Array | Uint32Array>(array: A, values: ArrayLike<number>): A {
  array.set(values)
  return array
}

/** In WebAssembly's memory unless so many rows do not fit there. */
function withRoom<T>(rows: number, work: (workspace: Workspace) => T): T {
  return withWorkspace((workspace) => work(workspace.free > rows * ROW_BYTES ? workspace : plainWorkspace))
}
