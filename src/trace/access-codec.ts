/** A block of single accesses as columns and back (docs/format.md). */
import { type AccessRuns, BITS_PAD, type FoldableRuns, RUN_PAD, type WordLayout, type Workspace, withWorkspace, wordLayout, wordsOf } from '../wasm/index.ts'
import { constantOf, decodeColumn, decodeSums, encodeColumn } from './coded-column.ts'
import { MODIFY, READ, WRITE } from './format.ts'
import { encodeSection, Malformed } from './sections.ts'

/** Accesses of a block; the last has the rest. */
export const BLOCK_ACCESSES = 1 << 16
export const ACCESS_COLUMNS = 12
const WORD = 2 ** 32

/** What the footer says about a block of accesses, beside where it lies. */
export interface AccessShape {
  accesses: number
  /** Runs of one actor on one page. */
  runs: number
  /** Of the first access. */
  startNs: number
}

/** Accesses in order of time, the first `count` of each array. */
export class AccessColumns {
  count = 0
  timeNs = new Float64Array(BLOCK_ACCESSES)
  page = new Uint32Array(BLOCK_ACCESSES)
  actor = new Uint16Array(BLOCK_ACCESSES)
  kind = new Uint8Array(BLOCK_ACCESSES)
  /** The record named no cpu: the actor's is that of its task. */
  isCpuGuessed = new Uint8Array(BLOCK_ACCESSES)
  /** Of the address in its page. */
  offset = new Uint32Array(BLOCK_ACCESSES)
  bytes = new Float64Array(BLOCK_ACCESSES)
  weight = new Float64Array(BLOCK_ACCESSES)
}

/** Columns by number; what can pass 32 bits has two, the lower word first. */
const [RUN_PAGE, RUN_ACTOR, RUN_MORE, WRITES, FLAGS, TIME, OFFSET, BYTES, WEIGHT] = [0, 1, 2, 3, 4, 5, 7, 8, 10]
/** Bits of the column of flags. */
const IS_MODIFY = 1
const IS_CPU_GUESSED = 2

export function encodeAccesses(columns: AccessColumns): { bytes: Buffer; shape: AccessShape } {
  const { count, timeNs, page, actor, kind, isCpuGuessed, offset } = columns
  return withWorkspace((workspace) => {
    const { u32, raw } = workspace
    const runPage = raw.u32(count)
    const runActor = raw.u32(count)
    const more = u32(count)
    const writes = u32(Math.ceil(count / 32))
    const flags = raw.u32(count)
    const low = raw.u32(count)
    const high = raw.u32(count)
    let runs = 0
    for (let i = 0; i < count; i++) {
      if (i > 0 && page[i] === runPage[runs - 1] && actor[i] === runActor[runs - 1]) more[runs - 1]!++
      else {
        runPage[runs] = page[i]!
        runActor[runs++] = actor[i]!
      }
      if ((kind[i]! & WRITE) !== 0) writes[i >>> 5]! |= 1 << (i & 31)
      flags[i] = (kind[i] === MODIFY ? IS_MODIFY : 0) | (isCpuGuessed[i]! * IS_CPU_GUESSED)
    }
    const words = (values: Float64Array): Uint8Array[] => {
      for (let i = 0; i < count; i++) {
        const value = values[i]!
        low[i] = value < WORD ? value : value % WORD
        high[i] = value < WORD ? 0 : value / WORD
      }
      return [encodeColumn(workspace, low, count), encodeColumn(workspace, high, count)]
    }
    const since = workspace.f64(count)
    since[0] = 0
    for (let i = 1; i < count; i++) since[i] = timeNs[i]! - timeNs[i - 1]!
    const times = words(since)
    low.set(offset.subarray(0, count))
    const offsets = encodeColumn(workspace, low, count)
    const section = encodeSection([
      encodeColumn(workspace, runPage, runs),
      encodeColumn(workspace, runActor, runs),
      encodeColumn(workspace, more, runs),
      encodeColumn(workspace, writes, writes.length),
      encodeColumn(workspace, flags, count),
      ...times,
      offsets,
      ...words(columns.bytes),
      ...words(columns.weight),
    ])
    return { bytes: section, shape: { accesses: count, runs, startNs: timeNs[0]! } }
  })
}

/** Largest legal values: what a damaged or hostile file must not exceed. */
export interface AccessLimits {
  pages: number
  actors: number
  pageSize: number
}

export interface AccessWords {
  layout: WordLayout
  /** The words that countAccesses takes; they lie in the workspace. */
  words: Uint32Array
  /** Every access is one read or one write: the words say it all. */
  isPlain: boolean
}

/** The accesses as words (src/wasm/accesses.ts). Throws Malformed. */
export function decodeWords(columns: readonly Uint8Array[], shape: AccessShape, { pages, actors }: AccessLimits, workspace: Workspace): AccessWords {
  const { accesses } = shape
  checkShape(shape)
  const layout = wordLayout(pages, actors)
  const words = workspace.raw.u32(accesses * wordsOf(layout) + RUN_PAD)
  const { runs, writes } = decodeRuns(columns, shape, workspace)
  if (!workspace.kernels.expandRuns(runs, writes, accesses, layout, pages - 1, actors - 1, words)) throw new Malformed()
  return { layout, words, isPlain: isPlain(columns, decodeFlags(columns, accesses, workspace)) }
}

/** By access, undefined where all are 0. */
function decodeFlags(columns: readonly Uint8Array[], accesses: number, workspace: Workspace): Uint32Array | undefined {
  return constantOf(columns[FLAGS]!) === 0 ? undefined : decodeColumn(workspace, columns[FLAGS]!, accesses).subarray(0, accesses)
}

/** Every access counts once, as a read or as a write. */
function isPlain(columns: readonly Uint8Array[], flags: Uint32Array | undefined): boolean {
  const isSingle = constantOf(columns[WEIGHT]!) === 1 && constantOf(columns[WEIGHT + 1]!) === 0
  return isSingle && !flags?.some((flag) => (flag & IS_MODIFY) !== 0)
}

/** Times that accesses may have: what came before, and an end that is not reached. */
export interface AccessSpan {
  fromNs: number
  toNs: number
}

/** What folding needs of the accesses; it lies in the workspace. Throws Malformed. */
export function decodeForFold(
  columns: readonly Uint8Array[],
  shape: AccessShape,
  { pages, actors, fromNs, toNs }: Pick<AccessLimits, 'pages' | 'actors'> & AccessSpan,
  workspace: Workspace,
): FoldableRuns {
  const { accesses, startNs } = shape
  checkShape(shape)
  const { kernels, raw } = workspace
  const { runs, writes } = decodeRuns(columns, shape, workspace)
  const starts = raw.u32(runs.count + 1)
  if (!kernels.runStarts(runs, accesses, pages - 1, actors - 1, starts)) throw new Malformed()
  const since = decodeSince(columns, accesses, workspace)
  if (!(startNs + since[0]! >= fromNs && startNs + since[accesses - 1]! < toNs)) throw new Malformed()
  const flags = decodeFlags(columns, accesses, workspace)
  const decoded = { ...runs, starts, writes, fromNs: startNs, since, flags }
  if (isPlain(columns, flags)) return decoded
  return { ...decoded, weight: decodeFloats(workspace, columns, WEIGHT, accesses) }
}

/** ns of each access since the first, in 32 bits where they fit. */
function decodeSince(columns: readonly Uint8Array[], accesses: number, workspace: Workspace): Uint32Array | Float64Array {
  if (constantOf(columns[TIME + 1]!) === 0) {
    const sums = decodeSums(workspace, columns[TIME]!, accesses)
    if (sums !== undefined) return sums
  }
  const since = decodeFloats(workspace, columns, TIME, accesses)
  for (let i = 1; i < accesses; i++) since[i]! += since[i - 1]!
  return since
}

/** The access names no cpu. */
export const isCpuGuessed = ({ flags }: FoldableRuns, access: number): boolean => ((flags?.[access] ?? 0) & IS_CPU_GUESSED) !== 0

function decodeRuns(columns: readonly Uint8Array[], { accesses, runs }: AccessShape, workspace: Workspace): { runs: AccessRuns; writes: Uint8Array } {
  const [page, actor, more] = [RUN_PAGE, RUN_ACTOR, RUN_MORE].map((c) => decodeColumn(workspace, columns[c]!, runs))
  const bits = decodeColumn(workspace, columns[WRITES]!, Math.ceil(accesses / 32))
  const writes = new Uint8Array(bits.buffer, bits.byteOffset, Math.ceil(accesses / 8) + BITS_PAD)
  return { runs: { count: runs, page: page!, actor: actor!, more: more! }, writes }
}

/** All of every access, into `out`. Throws Malformed. */
export function decodeAccesses(columns: readonly Uint8Array[], shape: AccessShape, { pages, actors, pageSize }: AccessLimits, out: AccessColumns): void {
  const { accesses, startNs } = shape
  checkShape(shape)
  out.count = accesses
  withWorkspace((workspace) => {
    const column = (c: number) => decodeColumn(workspace, columns[c]!, accesses)
    const { runs, writes } = decodeRuns(columns, shape, workspace)
    expandInto(out, runs, accesses, pages, actors)
    const flags = column(FLAGS)
    const offset = column(OFFSET)
    const low = column(TIME)
    const high = constantOf(columns[TIME + 1]!) === 0 ? undefined : column(TIME + 1)
    let timeNs = startNs
    for (let i = 0; i < accesses; i++) {
      const flag = flags[i]!
      const isWrite = (writes[i >>> 3]! >>> (i & 7)) & 1
      if (flag > (IS_MODIFY | IS_CPU_GUESSED) || offset[i]! >= pageSize) throw new Malformed()
      timeNs += high === undefined ? low[i]! : low[i]! + high[i]! * WORD
      out.timeNs[i] = timeNs
      out.kind[i] = (flag & IS_MODIFY) !== 0 ? MODIFY : isWrite === 1 ? WRITE : READ
      out.isCpuGuessed[i] = flag >>> 1
      out.offset[i] = offset[i]!
    }
    out.bytes.set(decodeFloats(workspace, columns, BYTES, accesses))
    out.weight.set(decodeFloats(workspace, columns, WEIGHT, accesses))
  })
}

function expandInto({ page, actor }: AccessColumns, runs: AccessRuns, accesses: number, pages: number, actors: number): void {
  let done = 0
  for (let r = 0; r < runs.count; r++) {
    const onPage = runs.page[r]!
    const by = runs.actor[r]!
    const more = runs.more[r]!
    if (onPage >= pages || by >= actors || more >= accesses - done) throw new Malformed()
    for (const end = done + more + 1; done < end; done++) {
      page[done] = onPage
      actor[done] = by
    }
  }
  if (done !== accesses) throw new Malformed()
}

/** Two columns of words as numbers in the workspace; most often all are the same. */
function decodeFloats(workspace: Workspace, columns: readonly Uint8Array[], c: number, n: number): Float64Array {
  const out = workspace.raw.f64(n)
  const all = constantOf(columns[c]!)
  if (all !== undefined && constantOf(columns[c + 1]!) === 0) return out.fill(all)
  const low = decodeColumn(workspace, columns[c]!, n)
  const high = decodeColumn(workspace, columns[c + 1]!, n)
  workspace.kernels.joinWords(low, high, n, out)
  return out
}

/** Nothing is allocated that a block cannot hold. */
function checkShape({ accesses, runs }: AccessShape): void {
  if (accesses > BLOCK_ACCESSES || runs > accesses) throw new Malformed()
}
