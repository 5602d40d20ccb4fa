/** The single accesses that a native file keeps beside its fold, read block by block; and the recording that they make again. */
import { closeSync, openSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { BATCH, type FoldableRuns, FRAME_PAD, type WordLayout, type Workspace, wordLayout } from '../wasm/index.ts'
import { AccessBatch } from './access-batch.ts'
import {
  ACCESS_COLUMNS,
  AccessColumns,
  type AccessShape,
  type AccessSpan,
  type AccessWords,
  decodeAccesses,
  decodeForFold,
  decodeWords,
} from './access-codec.ts'
import type { TraceEvent } from './events.ts'
import type { TraceWriter } from './format.ts'
import { pack, unpack } from './packed.ts'
import type { PreparedTrace } from './prepared.ts'
import { decodeSection, encodeSection, Malformed, named, readAt, type Section } from './sections.ts'

/** Where they lie; kept in the file's footer. */
export interface StoredAccesses {
  blocks: (Section & AccessShape)[]
  /** How many accesses came before each event of the table of events. */
  events: Section
}

const WORD = 2 ** 32
const NOWHERE = -1
/** Verdicts that folding comes to again by itself. */
const FOUND_AGAIN = ['cpu-partly-unknown']

/** Per event: 1 if it was recorded, 0 if it follows from accesses; accesses since the recorded one before, lower and upper word. */
export function encodeEventsAt(eventsAt: Float64Array): Buffer {
  let before = 0
  const since = Array.from(eventsAt, (at) => {
    if (at === NOWHERE) return 0
    const difference = at - before
    before = at
    return difference
  })
  const isRecorded = Array.from(eventsAt, (at) => Number(at !== NOWHERE))
  return encodeSection([pack(isRecorded), pack(since.map((count) => count % WORD)), pack(since.map((count) => Math.floor(count / WORD)))])
}

function decodeEventsAt([isRecorded, low, high]: readonly Uint8Array[], events: number): Float64Array {
  const recorded = unpack(isRecorded!, events).slice()
  const lower = unpack(low!, events).slice()
  const upper = unpack(high!, events)
  let at = 0
  return Float64Array.from(recorded, (one, i) => {
    if (one === 0) return NOWHERE
    at += lower[i]! + upper[i]! * WORD
    return at
  })
}

export class KeptAccesses {
  readonly blocks: number
  readonly #trace: PreparedTrace
  readonly #file: string
  readonly #places: StoredAccesses
  /** Of the section that is being read: fresh memory for each costs more than decoding. */
  #room = Buffer.alloc(0)
  /** Its descriptor, while many blocks are read. */
  #held: number | undefined

  constructor(trace: PreparedTrace, { file, accesses }: { file: string; accesses: StoredAccesses }) {
    this.#trace = trace
    this.#file = file
    this.#places = accesses
    this.blocks = accesses.blocks.length
  }

  /** Those of a trace, if its file keeps them. */
  static of(trace: PreparedTrace): KeptAccesses | undefined {
    const { file, accesses } = trace.stored ?? {}
    return file !== undefined && accesses !== undefined ? new KeptAccesses(trace, { file, accesses }) : undefined
  }

  /** Accesses of block `b`. */
  accesses(b: number): number {
    return this.#places.blocks[b]!.accesses
  }

  /** All of every access of block `b`, into `out`. */
  read(b: number, out: AccessColumns): void {
    this.#block(b, (columns, shape) => decodeAccesses(columns, shape, this.#limits, out))
  }

  /** How `words` packs an access. */
  get layout(): WordLayout {
    return wordLayout(this.#limits.pages, this.#limits.actors)
  }

  /** Block `b` as words in the workspace. */
  words(b: number, workspace: Workspace): AccessWords {
    return this.#block(b, (columns, shape) => decodeWords(columns, shape, this.#limits, workspace), this.#near(b, workspace))
  }

  /** Block `b` as what is folded, in the workspace. Its times must lie in `span`, the end not included. */
  runs(b: number, workspace: Workspace, span: AccessSpan): FoldableRuns {
    const limits = { ...this.#limits, ...span }
    return this.#block(b, (columns, shape) => decodeForFold(columns, shape, limits, workspace), this.#near(b, workspace))
  }

  /** Block `b` as it is stored. It is valid until another block is asked for. */
  stored(b: number): { bytes: Uint8Array; shape: AccessShape } {
    return this.#whole(b, (bytes, { accesses, runs, startNs }) => ({ bytes, shape: { accesses, runs, startNs } }))
  }

  /** Room for block `b` right where kernels unpack it. */
  #near(b: number, workspace: Workspace): Buffer {
    const { bytes } = this.#places.blocks[b]!
    const room = workspace.raw.u8(bytes + FRAME_PAD)
    return Buffer.from(room.buffer, room.byteOffset, bytes)
  }

  /** Accesses before each event of the trace, -1 for those that follow from accesses. */
  eventsAt(): Float64Array {
    return this.#section('the table of events among accesses', this.#places.events, 3, (columns) => decodeEventsAt(columns, this.#trace.events.length))
  }

  /** Events that do not follow from accesses, and how many accesses came before each. */
  recordedEvents(): { events: TraceEvent[]; eventsAt: Float64Array } {
    const all = this.eventsAt()
    return { events: this.#trace.events.filter((_, i) => all[i] !== NOWHERE), eventsAt: all.filter((at) => at !== NOWHERE) }
  }

  get #limits(): { pages: number; actors: number; pageSize: number } {
    const { meta, actorTask } = this.#trace
    return { pages: meta.pages, actors: actorTask.length, pageSize: meta.pageSize }
  }

  #block<T>(b: number, decode: (columns: Uint8Array[], shape: AccessShape) => T, room?: Buffer): T {
    return this.#whole(b, (bytes, place) => decode(decodeSection(bytes, place, ACCESS_COLUMNS), place), room)
  }

  #whole<T>(b: number, look: (bytes: Buffer, place: Section & AccessShape) => T, room?: Buffer): T {
    const place = this.#places.blocks[b]!
    const part = `block ${b + 1} of ${this.blocks} of accesses (bytes ${place.offset} to ${place.offset + place.bytes})`
    return this.#read(part, place, (bytes) => look(bytes, place), room)
  }

  #section<T>(part: string, place: Section, columns: number, decode: (columns: Uint8Array[]) => T): T {
    return this.#read(part, place, (bytes) => decode(decodeSection(bytes, place, columns)))
  }

  #read<T>(part: string, place: Section, look: (bytes: Buffer) => T, room = this.#roomFor(place.bytes)): T {
    const descriptor = this.#held ?? openSync(this.#file, 'r')
    try {
      return named(this.#file, part, () => look(readAt(descriptor, place, room)))
    } finally {
      if (descriptor !== this.#held) closeSync(descriptor)
    }
  }

  /** Keeps the file open while many blocks are asked for, until `release`: so no descriptor outlives the trace. */
  hold(): void {
    this.#held ??= openSync(this.#file, 'r')
  }

  release(): void {
    if (this.#held !== undefined) closeSync(this.#held)
    this.#held = undefined
  }

  #roomFor(bytes: number): Buffer {
    if (bytes > this.#room.length) this.#room = Buffer.allocUnsafeSlow(bytes + (bytes >>> 2))
    return this.#room
  }

  /**
   * Pushes all that was pushed when the file was imported, into an empty writer: folding it gives the same again, or another tick,
   * or other pages. `progress` hears the share that is done.
   */
  async push(writer: TraceWriter, progress?: (share: number) => void): Promise<void> {
    const { meta } = this.#trace
    this.#intern(writer)
    writer.describe({ carries: meta.carries, fidelity: meta.fidelity, ...(meta.filtered !== false && { filtered: meta.filtered }) })
    for (const [name, value] of Object.entries(meta.formatFacts)) writer.fact(name, value)
    for (const verdict of meta.lint) if (!FOUND_AGAIN.includes(verdict.code)) writer.lint(verdict)
    const { events, eventsAt } = this.recordedEvents()
    const columns = new AccessColumns()
    const batch = AccessBatch.into(writer)
    let event = 0
    let done = 0
    const eventsBefore = (accesses: number) => {
      for (; event < events.length && eventsAt[event]! <= accesses; event++) writer.event(inPages(events[event]!, meta.pageSize, writer.pageSize))
    }
    for (let b = 0; b < this.blocks; b++) {
      this.read(b, columns)
      eventsBefore(done)
      for (let i = 0; i < columns.count; ) {
        const stop = event < events.length ? Math.min(columns.count, eventsAt[event]! - done) : columns.count
        this.#pushSome(batch, columns, i, stop)
        i = stop
        eventsBefore(done + i)
      }
      done += columns.count
      progress?.((b + 1) / this.blocks)
      // signals are seen between turns
      await turn()
    }
    eventsBefore(Number.POSITIVE_INFINITY)
  }

  /** The same indexes as in the tables of the file. */
  #intern(writer: TraceWriter): void {
    const { processes, tasks } = this.#trace
    named(this.#file, 'a table', () => {
      if (processes.some((pid, i) => writer.process(pid) !== i) || tasks.some(({ pid, tid }, i) => writer.task(pid, tid) !== i)) throw new Malformed()
    })
  }

  /** Accesses [from, to) of the columns, as rows of a batch that the writer takes whole. */
  #pushSome(batch: AccessBatch, columns: AccessColumns, from: number, to: number): void {
    const { actorTask, actorCpu, pageVpage, meta } = this.#trace
    const { page, actor, isCpuGuessed, offset } = columns
    const pagesInWord = WORD / meta.pageSize
    for (let first = from; first < to; first += BATCH) {
      const end = Math.min(to, first + BATCH)
      let last = NOWHERE
      let high = 0
      let low = 0
      for (let i = first, row = 0; i < end; i++, row++) {
        if (page[i] !== last) {
          last = page[i]!
          const vpage = pageVpage[last]!
          high = Math.floor(vpage / pagesInWord)
          low = (vpage % pagesInWord) * meta.pageSize
        }
        const who = actor[i]!
        batch.high[row] = high
        batch.low[row] = low + offset[i]!
        batch.task[row] = actorTask[who]!
        batch.cpu[row] = isCpuGuessed[i] === 1 ? -1 : actorCpu[who]!
      }
      batch.time.set(columns.timeNs.subarray(first, end))
      batch.kind.set(columns.kind.subarray(first, end))
      batch.bytes.set(columns.bytes.subarray(first, end))
      batch.weight.set(columns.weight.subarray(first, end))
      batch.rows = end - first
      batch.flush()
    }
  }
}

/** Ranges of addresses count in pages: those of the file, or larger ones. */
function inPages(event: TraceEvent, pageSize: number, wanted: number): TraceEvent {
  if (pageSize === wanted) return event
  const scale = pageSize / wanted
  if ('startVpage' in event) {
    const startVpage = Math.floor(event.startVpage * scale)
    return { ...event, startVpage, pages: Math.ceil((event.startVpage + event.pages) * scale) - startVpage }
  }
  return 'vpages' in event ? { ...event, vpages: event.vpages.map((vpage) => Math.floor(vpage * scale)) } : event
}
