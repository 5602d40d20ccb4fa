/**
 * The native trace file (docs/format.md): magic, sections, a JSON footer that says where they are, and a trailer that says
 * where the footer is. Replay reads block by block; the tables are read at once.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import { crc32 } from 'node:zlib'
import { UserError } from '../errors.ts'
import { type BlockShape, encodeBlock, shapeOf } from './block-codec.ts'
import { shared } from './blocks.ts'
import type { TraceEvent } from './events.ts'
import { OutputFile } from './output-file.ts'
import type { PreparedTrace, TickBlock, TraceMeta, TraceTask } from './prepared.ts'
import { decodeSection, encodeSection, named, readAt, type Section } from './sections.ts'
import { blockReader, type StoredBlocks } from './stored-blocks.ts'
import { Malformed, pack, unpack, VarintWriter } from './varint.ts'
import type { TraceTables } from './writer.ts'

export const NATIVE_MAGIC = 'NUMATRC1'
const SCHEMA = 'numareplay/trace-file/1'
/** u32 footer bytes, u32 footer crc32, magic. */
const TRAILER_BYTES = 16
const LARGEST = Number.MAX_SAFE_INTEGER

interface Footer {
  schema: typeof SCHEMA
  meta: TraceMeta
  ticks: number
  actors: number
  sections: { ticks: Section; pages: Section; actors: Section; tables: Section }
  blocks: (Section & BlockShape)[]
}

export class NativeFileWriter {
  readonly #out: OutputFile
  readonly #blocks: (Section & BlockShape)[] = []

  constructor(path: string) {
    this.#out = new OutputFile(path)
    this.#out.write(Buffer.from(NATIVE_MAGIC))
  }

  block(block: TickBlock): void {
    this.#blocks.push({ ...this.#section(encodeBlock(block)), ...shapeOf(block) })
  }

  finish(tables: TraceTables, tickStartNs: Float64Array): void {
    const { meta, processes, tasks, cpus, actorTask, actorCpu, pageProcess, pageVpage, events } = tables
    const writer = new VarintWriter()
    const packed = (values: ArrayLike<number>, packing: 'plain' | 'ascending' | 'zigzag') => pack(writer, values, packing).slice()
    const sections: Footer['sections'] = {
      ticks: this.#section([packed(tickStartNs, 'ascending')]),
      pages: this.#section([packed(pageVpage, 'zigzag'), packed(pageProcess, 'plain')]),
      actors: this.#section([packed(actorTask, 'plain'), packed(actorCpu, 'plain')]),
      tables: this.#section([Buffer.from(JSON.stringify({ processes, tasks, cpus, events }))]),
    }
    const footer: Footer = { schema: SCHEMA, meta: storedMeta(meta), ticks: tickStartNs.length - 1, actors: actorTask.length, sections, blocks: this.#blocks }
    const json = Buffer.from(JSON.stringify(footer))
    const trailer = Buffer.alloc(TRAILER_BYTES)
    trailer.writeUInt32LE(json.length, 0)
    trailer.writeUInt32LE(crc32(json), 4)
    trailer.write(NATIVE_MAGIC, 8, 'latin1')
    this.#out.write(json)
    this.#out.write(trailer)
    this.#out.commit()
  }

  abort(): void {
    this.#out.abort()
  }

  #section(columns: Uint8Array[]): Section {
    const bytes = encodeSection(columns, true)
    const section = { offset: this.#out.length, bytes: bytes.length, crc32: crc32(bytes) }
    this.#out.write(bytes)
    return section
  }
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
    const { meta, sections, blocks } = footer
    const section = (name: keyof Footer['sections'], columns: number) =>
      named(file, `the ${name}`, () => decodeSection(readAt(descriptor, sections[name]), sections[name], columns))
    const [startBytes] = section('ticks', 1) as [Uint8Array]
    const [vpageBytes, processBytes] = section('pages', 2) as [Uint8Array, Uint8Array]
    const [taskBytes, cpuBytes] = section('actors', 2) as [Uint8Array, Uint8Array]
    const [json] = section('tables', 1) as [Uint8Array]
    const tables = JSON.parse(Buffer.from(json).toString('utf8')) as {
      processes: number[]
      tasks: TraceTask[]
      cpus: PreparedTrace['cpus']
      events: TraceEvent[]
    }
    return named(file, 'a table', () => {
      if (startBytes.length <= footer.ticks || vpageBytes.length < meta.pages || taskBytes.length < footer.actors) throw new Malformed()
      const tickStartNs = unpack(startBytes, shared(new Float64Array(footer.ticks + 1)), 'ascending', LARGEST)
      const stored: StoredBlocks = { file, blocks, pages: meta.pages, actors: footer.actors, tickStartNs }
      return {
        meta: { ...meta, file, format: 'native', origin: { file: meta.file, format: meta.format } },
        ...tables,
        actorTask: unpack(taskBytes, shared(new Uint16Array(footer.actors)), 'plain', tables.tasks.length - 1),
        actorCpu: unpack(cpuBytes, shared(new Uint16Array(footer.actors)), 'plain', 0xffff),
        pageVpage: unpack(vpageBytes, shared(new Float64Array(meta.pages)), 'zigzag', LARGEST),
        pageProcess: unpack(processBytes, shared(new Uint16Array(meta.pages)), 'plain', tables.processes.length - 1),
        ticks: footer.ticks,
        tickStartNs,
        blocks: blocks.length,
        block: blockReader(stored, tickStartNs),
        stored,
      }
    })
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
    const footer = JSON.parse(json.toString('utf8')) as Footer
    if (footer.schema !== SCHEMA)
      throw new UserError('another version of the trace file', { file, expected: SCHEMA, got: String(footer.schema), hint: 'Import the recording again' })
    for (const place of [...Object.values(footer.sections), ...footer.blocks]) {
      if (!(place.offset >= NATIVE_MAGIC.length && place.bytes >= 4 && place.offset + place.bytes <= offset)) throw new Malformed()
    }
    return footer
  })
}
