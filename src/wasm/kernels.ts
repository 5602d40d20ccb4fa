/**
 * The hot loops as functions over flat arrays, once as WebAssembly (assembly/, compiled by .ci/build.mjs) and once in
 * TypeScript (twins.ts), with identical results. Arrays given to the WebAssembly ones must lie in their memory (Arena).
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CODE_ROOT, MODULE_EXTENSION, PACKAGE_ROOT } from '../package.ts'
import { type AccessExports, type AccessKernels, wasmAccesses } from './accesses.ts'
import { type ColumnExports, type ColumnKernels, wasmColumns } from './columns.ts'
import { type DigestExports, type DigestKernels, wasmDigest } from './digest.ts'
import { Instance, type Memory, Module } from './engine.ts'
import { type FoldExports, type FoldKernels, wasmFold } from './fold.ts'
import { type FoldRunExports, type FoldRunKernels, wasmFoldRuns } from './fold-runs.ts'
import { type FrameExports, type FrameKernels, wasmFrames } from './frames.ts'
import { type InternExports, type InternKernels, wasmIntern } from './intern.ts'
import { type Lz4Exports, type Lz4Kernels, wasmLz4 } from './lz4.ts'
import { Arena } from './memory.ts'
import { type OptimumExports, type OptimumKernels, wasmOptimum } from './optimum.ts'
import { type Cells, type PackedExports, type PackedKernels, wasmPacked } from './packed.ts'
import { type PageOrderExports, type PageOrderKernels, wasmPageOrder } from './page-order.ts'
import { type PriceExports, type PriceKernels, wasmPrices } from './prices.ts'
import { type SampleExports, type SampleKernels, wasmSample } from './sample.ts'
import { type ScanExports, type ScanKernels, wasmScan } from './scan.ts'
import { twins } from './twins.ts'
import { wasmZstd, type ZstdExports, type ZstdKernels } from './zstd.ts'

/** What hint faults of a lane are counted by (assembly/touches.ts). Arrays by actor, by page, and by key. */
export interface Tally {
  actors: number
  shift: number
  last: Uint8Array | Uint16Array
  ready: Uint8Array
  /** By key >> shift. */
  actorOf: Uint16Array
  verdicts: Uint8Array
  /** Node of the cpu. */
  target: Uint8Array
  counts: Uint32Array
  /** Keys with counts; one more slot than there are keys. */
  keys: Uint32Array
  /** Of faults that ask for migration, which are left to the caller. */
  moves: Uint32Array
  moveKeys: Uint32Array
  /** Of the list of faults that are left to the caller, of `keys` and of `moveKeys`. */
  lengths: Uint32Array
}

/** Who first touched which pages, in a tick. */
export interface FirstTouches {
  touchPage: Uint32Array
  touchActor: Uint16Array
}

export interface Kernels
  extends FrameKernels,
    AccessKernels,
    ColumnKernels,
    SampleKernels,
    ScanKernels,
    InternKernels,
    FoldKernels,
    FoldRunKernels,
    DigestKernels,
    Lz4Kernels,
    ZstdKernels,
    OptimumKernels,
    PackedKernels,
    PageOrderKernels,
    PriceKernels {
  /** Adds pairs [from, to) to the cells of their actor and their page's node. The sums of one tick must stay below 2^32. */
  account(pairs: Uint32Array, from: number, to: number, placement: Uint8Array, cells: Cells, shift: number): void
  /** Puts nodes of pages [from, to) beside those of other lanes, at bit `shift` of their byte, which is 0 before. */
  joinNodes(joint: Uint8Array, placement: Uint8Array, from: number, to: number, shift: number): void
  /** Pages of group g, those from start[g] to start[g + 1], by (group, node); behind the nodes of each group, those that are on none. */
  countNodes(pages: Uint32Array, start: Uint32Array, placement: Uint8Array, nodes: number, counts: Uint32Array): void
  /** Reads and writes of pairs [from, to) together. */
  accesses(pairs: Uint32Array, from: number, to: number): number
  /** Places the pages of touches [from, to) that are absent (255) on target[actor], and adds them to placed[actor]. */
  placeAbsent(touches: FirstTouches, from: number, to: number, placement: Uint8Array, target: Uint8Array, placed: Uint32Array): void
  /**
   * Touches [from, to) of the pages from `seen` on, as many as `actor` has room for but one: the actor of each, and in `counts`, which
   * is 0 before and has one element more, how many each actor has. Answers how many of these pages were touched, or 0 if not in order of their ids.
   */
  findNew(touches: FirstTouches, from: number, to: number, seen: number, actor: Uint8Array, counts: Uint32Array): number
  /** Places the pages from `first` on, whose actors these are, on target[actor]. */
  placeNew(actor: Uint8Array, first: number, placement: Uint8Array, target: Uint8Array): void
  /**
   * Counts the hint faults found[from … to), and puts those that are left to the caller at the start of `found`. Answers the place in
   * `found` at which it stopped, because its page is absent or nothing is known about it, or `to`.
   */
  tallyFaults(touches: FirstTouches, from: number, to: number, placement: Uint8Array, marked: Uint32Array, tally: Tally, found: Uint32Array): number
  /** Moves the pages of the first n faults of `found` to the nodes of their actors. `found` names the pages afterwards, and `from` where each was. */
  moveFaults(touches: FirstTouches, n: number, placement: Uint8Array, marked: Uint32Array, tally: Tally, found: Uint32Array, from: Uint8Array): void
  /**
   * Marks the pages of the first n entries of a page table that are neither absent (255) nor on node `except`; where the caller knows that
   * none is, `areAll`, nobody looks. Answers how many were not marked.
   */
  markPages(entries: Int32Array, n: number, placement: Uint8Array, marked: Uint32Array, except: number, areAll: boolean): number
  /** Writes to `found` which of touches [from, to) have a page that is absent (255) or marked (a bit by page, as in BitSet); answers how many. `found` has room for one more than all. */
  findFaults(touchPage: Uint32Array, from: number, to: number, placement: Uint8Array, marked: Uint32Array, found: Uint32Array): number
  /** The same where no page is absent. `found` has room for one more than all. */
  findMarked(touchPage: Uint32Array, from: number, to: number, marked: Uint32Array, found: Uint32Array): number
}

interface Exports
  extends FrameExports,
    AccessExports,
    SampleExports,
    ScanExports,
    InternExports,
    ColumnExports,
    FoldExports,
    FoldRunExports,
    DigestExports,
    Lz4Exports,
    ZstdExports,
    OptimumExports,
    PackedExports,
    PageOrderExports,
    PriceExports {
  account(pairs: number, n: number, placement: number, cells: number, shift: number, bank: number): void
  accesses(pairs: number, n: number): number
  countNodes(pages: number, start: number, groups: number, placement: number, nodes: number, counts: number): void
  joinNodes(joint: number, placement: number, from: number, to: number, shift: number): void
  findFaults(touchPage: number, from: number, to: number, placement: number, marked: number, found: number): number
  markPages(entries: number, n: number, placement: number, marked: number, except: number, areAll: number): number
  findMarked(touchPage: number, from: number, to: number, marked: number, found: number): number
  placeAbsent(touchPage: number, touchActor: number, from: number, to: number, placement: number, target: number, placed: number): void
  findNew(...args: number[]): number
  placeNew(actor: number, n: number, placement: number, target: number, actors: number): void
  tallyFaults(...args: number[]): number
  moveFaults(...args: number[]): void
}

const PAIR_BYTES = 16

/** `undefined`: not asked yet; `null`: there is none. */
let compiled: Module | null | undefined

function compile(): Module | null {
  if (process.env['NUMAREPLAY_KERNELS'] === 'typescript') return null
  const root = MODULE_EXTENSION === '.js' ? CODE_ROOT : join(PACKAGE_ROOT, 'dist')
  const file = join(root, 'src/wasm/kernels.wasm')
  if (!existsSync(file)) return null
  try {
    return new Module(readFileSync(file))
  } catch {
    // an engine without SIMD or threads
    return null
  }
}

/** The kernels over a memory; undefined where WebAssembly cannot run them. */
export function wasmKernels({ memory }: { memory: Memory }): Kernels | undefined {
  compiled ??= compile()
  if (compiled === null) return undefined
  const exports = new Instance(compiled, { env: { memory } }).exports as unknown as Exports
  return {
    ...wasmFrames(exports),
    ...wasmAccesses(exports),
    ...wasmColumns(exports),
    ...wasmSample(exports),
    ...wasmScan(exports),
    ...wasmIntern(exports),
    ...wasmFold(exports),
    ...wasmFoldRuns(exports),
    ...wasmDigest(exports),
    ...wasmLz4(exports),
    ...wasmZstd(exports),
    ...wasmOptimum(exports),
    ...wasmPacked(exports),
    ...wasmPageOrder(exports),
    ...wasmPrices(exports),
    account: (pairs, from, to, placement, { words, bank }, shift) =>
      exports.account(pairs.byteOffset + from * PAIR_BYTES, to - from, placement.byteOffset, words.byteOffset, shift, bank),
    joinNodes: (joint, placement, from, to, shift) => exports.joinNodes(joint.byteOffset, placement.byteOffset, from, to, shift),
    accesses: (pairs, from, to) => exports.accesses(pairs.byteOffset + from * PAIR_BYTES, to - from),
    countNodes: (pages, start, placement, nodes, counts) =>
      exports.countNodes(pages.byteOffset, start.byteOffset, start.length - 1, placement.byteOffset, nodes, counts.byteOffset),
    findFaults: (touchPage, from, to, placement, marked, found) =>
      exports.findFaults(touchPage.byteOffset, from, to, placement.byteOffset, marked.byteOffset, found.byteOffset),
    markPages: (entries, n, placement, marked, except, areAll) =>
      exports.markPages(entries.byteOffset, n, placement.byteOffset, marked.byteOffset, except, Number(areAll)),
    findMarked: (touchPage, from, to, marked, found) => exports.findMarked(touchPage.byteOffset, from, to, marked.byteOffset, found.byteOffset),
    placeAbsent: ({ touchPage, touchActor }, from, to, placement, target, placed) =>
      exports.placeAbsent(touchPage.byteOffset, touchActor.byteOffset, from, to, placement.byteOffset, target.byteOffset, placed.byteOffset),
    findNew: ({ touchPage, touchActor }, from, to, seen, actor, counts) =>
      exports.findNew(
        ...[touchPage.byteOffset, touchActor.byteOffset, from, to, seen, actor.length - 1, actor.byteOffset, counts.byteOffset],
        counts.length - 1,
      ),
    placeNew: (actor, first, placement, target) =>
      exports.placeNew(actor.byteOffset, actor.length, placement.byteOffset + first, target.byteOffset, target.length),
    moveFaults: ({ touchPage, touchActor }, n, placement, marked, { last, target }, found, from) =>
      exports.moveFaults(
        touchPage.byteOffset,
        touchActor.byteOffset,
        n,
        placement.byteOffset,
        marked.byteOffset,
        last.byteOffset,
        last.BYTES_PER_ELEMENT,
        target.byteOffset,
        found.byteOffset,
        from.byteOffset,
      ),
    tallyFaults: ({ touchPage, touchActor }, from, to, placement, marked, tally, found) =>
      exports.tallyFaults(
        touchPage.byteOffset,
        touchActor.byteOffset,
        from,
        to,
        placement.byteOffset,
        marked.byteOffset,
        tally.last.byteOffset,
        tally.last.BYTES_PER_ELEMENT,
        tally.ready.byteOffset,
        tally.verdicts.byteOffset,
        tally.counts.byteOffset,
        tally.keys.byteOffset,
        tally.moves.byteOffset,
        tally.moveKeys.byteOffset,
        found.byteOffset,
        tally.lengths.byteOffset,
        tally.actors,
        tally.shift,
      ),
  }
}

/** Kernels and where arrays for them are made. */
export interface Workspace {
  kind: 'wasm' | 'typescript'
  kernels: Kernels
  /** Bytes that can still be given. */
  readonly free: number
  u8(length: number): Uint8Array
  u16(length: number): Uint16Array
  u32(length: number): Uint32Array
  f64(length: number): Float64Array
  /** With anything in them, for what will be written in full. */
  raw: Pick<Workspace, 'u8' | 'u16' | 'u32' | 'f64'>
}

const plain: Workspace['raw'] = {
  u8: (length) => new Uint8Array(length),
  u16: (length) => new Uint16Array(length),
  u32: (length) => new Uint32Array(length),
  f64: (length) => new Float64Array(length),
}

/** Plain arrays and the TypeScript kernels. */
export const plainWorkspace: Workspace = {
  kind: 'typescript',
  kernels: twins,
  free: Number.POSITIVE_INFINITY,
  ...plain,
  raw: plain,
}

/** This thread's workspace: how many callers are inside, and what lies at its bottom for longer than a call. */
interface Own {
  arena: Arena
  workspace: Workspace
  users: number
  kept?: { owner: WeakRef<object>; held: unknown; start: number }
}

let own: Own | null | undefined

/** Runs `work` with this thread's workspace; the arrays made meanwhile are taken back afterwards. */
export function withWorkspace<T>(work: (workspace: Workspace) => T): T {
  own ??= open()
  if (own === null) return work(plainWorkspace)
  const { arena, workspace } = own
  const mark = arena.mark()
  own.users++
  try {
    return work(workspace)
  } finally {
    own.users--
    arena.release(mark)
  }
}

/**
 * What `make` made in this thread's workspace for `owner`, at an earlier call or now. The workspace keeps one owner's arrays, until
 * another one comes. Undefined where there is no WebAssembly, and while the workspace is in use for something else.
 */
export function keptInWorkspace<T>(owner: object, make: (workspace: Workspace) => T): T | undefined {
  own ??= open()
  if (own === null) return undefined
  if (own.kept?.owner.deref() === owner) return own.kept.held as T
  if (own.users > 0) return undefined
  if (own.kept) own.arena.release(own.kept.start)
  own.kept = { owner: new WeakRef(owner), start: own.arena.mark(), held: make(own.workspace) }
  return own.kept.held as T
}

function open(): Own | null {
  try {
    const arena = new Arena()
    const workspace = workspaceOn(arena)
    return workspace ? { arena, workspace, users: 0 } : null
  } catch {
    // no address space for a memory
    return null
  }
}

export function workspaceOn(arena: Arena): Workspace | undefined {
  const kernels = wasmKernels(arena)
  if (!kernels) return undefined
  return {
    kind: 'wasm',
    kernels,
    get free() {
      return arena.free
    },
    u8: (length) => arena.u8(length),
    u16: (length) => arena.u16(length),
    u32: (length) => arena.u32(length),
    f64: (length) => arena.f64(length),
    raw: arena.raw,
  }
}
