/**
 * The native trace file (docs/format.md): magic, sections, a JSON footer that says where they are, and a trailer that says
 * where the footer is. Replay reads block by block; the tables are read at once.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { UserError } from '../errors.ts'
import { withWorkspace } from '../wasm/index.ts'
import type { AccessShape } from './access-codec.ts'
import type { BlockShape, EncodedBlock } from './block-codec.ts'
import { shared } from './blocks.ts'
import type { TraceEvent } from './events.ts'
import type { FoldedTrace, ReadPages } from './folded-trace.ts'
import { encodeEventsAt, type StoredAccesses } from './kept-accesses.ts'
import { FooterShape, shaped, TablesShape } from './native-schema.ts'
import { OutputFile } from './output-file.ts'
import { pack, packIn, unpack, unpackIndexes, unpackWide } from './packed.ts'
import type { PreparedTrace, TraceMeta, TraceTask } from './prepared.ts'
import { decodeSection, Malformed, named, readAt, type Section, sectionHead } from './sections.ts'
import { blockReader, type StoredBlocks } from './stored-blocks.ts'

export const NATIVE_MAGIC = 'NUMATRC1'
const SCHEMA = 'numareplay/trace-file/2'
/** u32 footer bytes, u32 footer crc32, magic. */
const TRAILER_BYTES = 16
const WORD = 2 ** 32
/** Ticks and pages of one section. */
const TABLE_ROWS = 1 << 18
/** JSON that claims to inflate to more than this is not ours. */
const LARGEST_JSON = 2 ** 29

interface Footer {
  schema: typeof SCHEMA
  meta: TraceMeta
  /** Start of the first tick, ns. */
  startNs: number
  ticks: number
  actors: number
  /** The lists are of TABLE_ROWS each, the last may be shorter. */
  sections: { ticks: Section[]; pages: Section[]; actors: Section; tables: Section }
  blocks: (Section & BlockShape)[]
  accesses?: StoredAccesses
}

/** A file under way: where it lies, how far it goes, and the accesses in it. */
export interface SavedOutput {
  file: string
  length: number
  accesses: (Section & AccessShape)[]
}

export class NativeFileWriter {
  readonly #out: OutputFile
  readonly #blocks: (Section & BlockShape)[] = []
  readonly #accesses: (Section & AccessShape)[] = []

  /** `stays`: whether it is left on Ctrl-C for an import that goes on. */
  constructor(path: string, stays?: () => boolean) {
    this.#out = new OutputFile(path, stays)
    this.#out.write(Buffer.from(NATIVE_MAGIC))
  }

  /** A block of single accesses; they come before all others. */
  accesses(bytes: Uint8Array, shape: AccessShape): void {
    this.#accesses.push({ ...this.#section([bytes]), ...shape })
  }

  saved(): SavedOutput {
    return { file: this.#out.temporary, length: this.#out.length, accesses: this.#accesses }
  }

  /** Goes on with what an interrupted import left behind. */
  restore({ file, length, accesses }: SavedOutput): void {
    this.#out.continue(file, length)
    this.#accesses.push(...accesses)
  }

  block({ shape, bytes }: EncodedBlock): void {
    this.#blocks.push({ ...this.#section(bytes), ...shape })
  }

  finish({ tables, readPages, tickStartNs, eventsAt }: Omit<FoldedTrace, 'blocks' | 'encodedBlocks'>): void {
    const { meta, processes, tasks, cpus, actorTask, actorCpu, exactPages, events } = tables
    const ticks = tickStartNs.length - 1
    const json = Buffer.from(JSON.stringify({ processes, tasks, cpus, events, ...(exactPages && { exactPages: Array.from(exactPages) }) }))
    const sections: Footer['sections'] = {
      ticks: inParts(ticks, (from, to) => this.#columns([pack(tickStartNs.subarray(from + 1, to + 1).map((end, i) => end - tickStartNs[from + i]!))])),
      pages: this.#pages(meta.pages, readPages),
      actors: this.#columns([pack(actorTask), pack(actorCpu)]),
      tables: this.#columns([deflateRawSync(json)]),
    }
    const accesses = eventsAt && { blocks: this.#accesses, events: this.#section([encodeEventsAt(eventsAt)]) }
    const shape = { startNs: tickStartNs[0]!, ticks, actors: actorTask.length }
    this.#footer({ schema: SCHEMA, meta: storedMeta(meta), ...shape, sections, blocks: this.#blocks, ...(accesses && { accesses }) })
    this.#out.commit()
  }

  /** The arrays are made once: as many again for each section would wait for the garbage collector. */
  #pages(pages: number, readPages: ReadPages): Section[] {
    const most = Math.min(TABLE_ROWS, pages)
    const [vpages, process, low, high] = [new Float64Array(most), new Uint16Array(most), new Uint32Array(most), new Uint32Array(most)]
    return inParts(pages, (from, to) => {
      const columns = [low, high, process].map((column) => column.subarray(0, to - from))
      readPages(from, vpages.subarray(0, to - from), process.subarray(0, to - from))
      for (let i = 0; i < to - from; i++) {
        high[i] = vpages[i]! / WORD
        low[i] = vpages[i]! - high[i]! * WORD
      }
      return withWorkspace((workspace) => this.#columns(columns.map((column) => packIn(workspace, column, 'zigzag'))))
    })
  }

  #footer(footer: Footer): void {
    const json = Buffer.from(JSON.stringify(footer))
    const trailer = Buffer.alloc(TRAILER_BYTES)
    trailer.writeUInt32LE(json.length, 0)
    trailer.writeUInt32LE(crc32(json), 4)
    trailer.write(NATIVE_MAGIC, 8, 'latin1')
    this.#out.write(json)
    this.#out.write(trailer)
  }

  abort(): void {
    this.#out.abort()
  }

  #columns(columns: readonly Uint8Array[]): Section {
    return this.#section([sectionHead(columns.map(({ length }) => length)), ...columns])
  }

  #section(pieces: Iterable<Uint8Array>): Section {
    const section = { offset: this.#out.length, bytes: 0, crc32: 0 }
    for (const piece of pieces) {
      section.bytes += piece.length
      section.crc32 = crc32(piece, section.crc32)
      this.#out.write(piece)
    }
    return section
  }
}

/** One answer for every TABLE_ROWS rows. */
function inParts<T>(rows: number, work: (from: number, to: number) => T): T[] {
  return Array.from({ length: Math.ceil(rows / TABLE_ROWS) }, (_, i) => work(i * TABLE_ROWS, Math.min(rows, (i + 1) * TABLE_ROWS)))
}

/** The recording's own name and format stay with the data; where the file lies now does not. */
function storedMeta(meta: TraceMeta): TraceMeta {
  const { origin, ...rest } = meta
  return { ...rest, file: origin?.file ?? basename(meta.file), format: origin?.format ?? meta.format }
}

export function openNative(file: string): PreparedTrace {
  const descriptor = openSync(file, 'r')
  try {
    const footer = readFooter(descriptor, file)
    const { meta, sections, blocks, actors, ticks } = footer
    const section = (part: string, place: Section, columns: number) => named(file, part, () => decodeSection(readAt(descriptor, place), place, columns))
    const tickStartNs = named(file, 'the table of ticks', () => readTicks(footer, (place) => section('the table of ticks', place, 1)))
    const [taskBytes, cpuBytes] = section('the table of actors', sections.actors, 2) as [Uint8Array, Uint8Array]
    const [json] = section('a table', sections.tables, 1) as [Uint8Array]
    const tables = named(file, 'a table', () => readTables(json))
    const stored: StoredBlocks = { file, blocks, pages: meta.pages, actors, tickStartNs, accesses: footer.accesses }
    return named(file, 'a table', () => ({
      meta: { ...meta, file, format: 'native', origin: { file: meta.file, format: meta.format } },
      ...tables,
      actorTask: shared(unpackIndexes(taskBytes, actors, 'plain', tables.tasks.length)),
      actorCpu: shared(Uint16Array.from(unpack(cpuBytes, actors))),
      ...readPages(footer, tables.processes.length, (place) => section('the table of pages', place, 3)),
      ticks,
      tickStartNs,
      blocks: blocks.length,
      block: blockReader(stored, tickStartNs),
      reader: () => blockReader(stored, tickStartNs),
      stored,
    }))
  } finally {
    closeSync(descriptor)
  }
}

interface Tables {
  processes: number[]
  tasks: TraceTask[]
  cpus: PreparedTrace['cpus']
  events: TraceEvent[]
  exactPages?: Uint32Array
}

function readTables(deflated: Uint8Array): Tables {
  let json: Buffer
  try {
    json = inflateRawSync(deflated, { maxOutputLength: LARGEST_JSON })
  } catch {
    throw new Malformed()
  }
  const { exactPages, ...tables } = shaped<Omit<Tables, 'exactPages'> & { exactPages?: number[] }>(TablesShape, JSON.parse(json.toString('utf8')))
  return exactPages === undefined ? tables : { ...tables, exactPages: shared(Uint32Array.from(exactPages)) }
}

function readTicks({ sections, startNs, ticks }: Footer, columnsOf: (place: Section) => Uint8Array[]): Float64Array {
  checkRows(ticks, sections.ticks)
  const starts = new Float64Array(new SharedArrayBuffer(8 * (ticks + 1)))
  starts[0] = startNs
  sections.ticks.forEach((place, i) => {
    const from = i * TABLE_ROWS
    const lengths = unpack(columnsOf(place)[0]!, Math.min(TABLE_ROWS, ticks - from))
    for (let k = 0; k < lengths.length; k++) starts[from + k + 1] = starts[from + k]! + lengths[k]!
  })
  return starts
}

function readPages(
  { sections, meta: { pages } }: Footer,
  processes: number,
  columnsOf: (place: Section) => Uint8Array[],
): Pick<PreparedTrace, 'pageVpage' | 'pageProcess'> {
  checkRows(pages, sections.pages)
  const pageVpage = new Float64Array(new SharedArrayBuffer(8 * pages))
  const pageProcess = new Uint16Array(new SharedArrayBuffer(2 * pages))
  sections.pages.forEach((place, i) => {
    const from = i * TABLE_ROWS
    const rows = Math.min(TABLE_ROWS, pages - from)
    const [low, high, process] = columnsOf(place) as [Uint8Array, Uint8Array, Uint8Array]
    pageVpage.set(unpackWide(low, high, rows, 'zigzag'), from)
    pageProcess.set(unpackIndexes(process, rows, 'zigzag', processes), from)
  })
  return { pageVpage, pageProcess }
}

/** A count that no list of sections bears out is damage, and nothing is allocated for it. */
function checkRows(rows: number, sections: Section[]): void {
  if (!(Number.isSafeInteger(rows) && rows >= 0 && sections.length === Math.ceil(rows / TABLE_ROWS))) throw new Malformed()
}

/** What the native file says of itself, without its tables. */
export function nativeFacts(file: string): Pick<Footer, 'meta' | 'ticks'> {
  const descriptor = openSync(file, 'r')
  try {
    return readFooter(descriptor, file)
  } finally {
    closeSync(descriptor)
  }
}

function readFooter(descriptor: number, file: string): Footer {
  const { size } = fstatSync(descriptor)
  const cutOff = () => new UserError('the trace file is cut off: its end is missing', { file, hint: 'Copy it again, or import the recording again' })
  if (size < NATIVE_MAGIC.length + TRAILER_BYTES) throw cutOff()
  const trailer = readAt(descriptor, { offset: size - TRAILER_BYTES, bytes: TRAILER_BYTES })
  if (trailer.toString('latin1', 8) !== NATIVE_MAGIC) throw cutOff()
  const bytes = trailer.readUInt32LE(0)
  const offset = size - TRAILER_BYTES - bytes
  return named(file, 'the footer', () => {
    if (offset < NATIVE_MAGIC.length) throw new Malformed()
    const json = readAt(descriptor, { offset, bytes })
    if (crc32(json) !== trailer.readUInt32LE(4)) throw new Malformed()
    const parsed = JSON.parse(json.toString('utf8')) as Partial<Footer> | null
    if (parsed?.schema !== SCHEMA)
      throw new UserError('another version of the trace file', { file, expected: SCHEMA, got: String(parsed?.schema), hint: 'Import the recording again' })
    const footer = shaped<Footer>(FooterShape, parsed)
    const { blocks: kept = [], events = [] } = footer.accesses ?? {}
    for (const place of [...Object.values(footer.sections).flat(), ...footer.blocks, ...kept, events].flat()) {
      if (!(place.offset >= NATIVE_MAGIC.length && place.offset + place.bytes <= offset)) throw new Malformed()
    }
    let ticks = 0
    for (const block of footer.blocks) {
      if (block.firstTick !== ticks) throw new Malformed()
      ticks += block.ticks
    }
    if (ticks !== footer.ticks) throw new Malformed()
    return footer
  })
}
