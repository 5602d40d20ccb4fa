/** How a trace format plugs in: one file in traces/ that default-exports `defineFormat({...})`. */
import type { AccessBatch } from './access-batch.ts'
import type { TraceEvent } from './events.ts'
import type { PreparedTrace } from './prepared.ts'

/** What one record did. A modify (lackey's M, an atomic add) is one read and one write. */
export const READ = 1
export const WRITE = 2
export const MODIFY = 3
export type AccessKind = typeof READ | typeof WRITE | typeof MODIFY

export type Fidelity = 'every access' | 'samples' | 'regions'
export type Carried = 'accesses' | 'tasks' | 'cpus' | 'time' | 'events' | 'physical addresses'

/** The first bytes of a file, decompressed, for recognition. */
export interface FileHead {
  bytes: Uint8Array
  /** The same as latin-1 text. */
  text: string
  /** Base name without compression suffix. */
  fileName: string
}

/**
 * Where a format pushes what it reads. No object per access. The writer interns pages and tasks, checks the order of time,
 * and folds. Set `line` (1-based line or record number) before pushing so that messages can say where.
 */
export interface TraceWriter {
  line: number
  /** Bytes of a page as counted here: for formats that know regions rather than single accesses. */
  readonly pageSize: number
  /** Index of a task; the same (pid, tid) gives the same index. */
  task(pid: number, tid: number): number
  /** Index of a process. */
  process(pid: number): number
  /**
   * One access. Address as two unsigned 32-bit halves. `cpu` -1 = the format cannot tell. `weight` = accesses it stands for
   * (sampling period), an integer >= 1. Time in integer ns, not before the access before it.
   */
  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void
  /** An empty batch that this writer takes whole, if it can: AccessBatch.into. */
  batch?(): AccessBatch
  /** Deals with what was pushed so far; throws what is wrong with it. */
  drain?(): void
  event(event: TraceEvent): void
  /** A fact of the format for `inspect` (formatFacts), e.g. instruction fetches seen. */
  fact(name: string, value: number | string | boolean): void
  /** A verdict for `inspect` (lint). */
  lint(verdict: LintVerdict): void
  /** What this file carries and how faithfully, where it differs from what its format can (say it once, at any time). */
  describe(file: { carries?: readonly Carried[]; fidelity?: Fidelity; filtered?: string }): void
}

export interface LintVerdict {
  code: string
  severity: 'info' | 'warning' | 'error'
  message: string
  advice: string
}

/** What the user can say about a trace on the command line (`--format-option k=v`): names and meaning. */
export interface FormatContext {
  /** Full path or name, for messages. */
  file: string
  options: Record<string, string>
  /** Keep what is complete of a damaged file (`--lenient`); the default is to refuse it. */
  lenient?: boolean
}

/** The bytes of a file. */
export interface ByteChunks extends AsyncIterable<Uint8Array> {
  /**
   * From now on a chunk need only be valid until the next is asked for: fresh memory for each costs more than reading it. `room` is
   * asked before each chunk for the memory it is read into; else it is always the same.
   */
  borrow?(room?: () => Uint8Array): void
}

/** A file of a folder that is one recording, e.g. a thread of a DynamoRIO trace. */
export interface FolderFile {
  /** Path below the folder, with `/`. */
  name: string
  size: number
  /** Its content, decompressed. */
  open(): AsyncIterable<Uint8Array>
}

interface FormatBasics {
  about: string
  /** Usual file name endings without compression, for `list formats`. */
  extensions: readonly string[]
  /** 0 = not this format … 1 = certain; the highest wins. */
  recognise(head: FileHead): number
  carries: readonly Carried[]
  fidelity: Fidelity
  /** Options with their meaning, e.g. CSV's column mapping. */
  options?: Record<string, string>
}

/** A recording: pushed into the writer from front to end. */
export interface StreamFormat extends FormatBasics {
  read(bytes: ByteChunks, trace: TraceWriter, context: FormatContext): Promise<void>
  /** For recordings that are a folder: as `recognise`, from the paths of its files. */
  recogniseFolder?(names: readonly string[]): number
  readFolder?(files: readonly FolderFile[], trace: TraceWriter, context: FormatContext): Promise<void>
}

/** A file that is folded already and is read in place. */
export interface PreparedFormat extends FormatBasics {
  open(file: string): PreparedTrace
}

export type TraceFormat = StreamFormat | PreparedFormat

export function defineFormat<F extends TraceFormat>(format: F): F {
  return format
}
