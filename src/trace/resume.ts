/**
 * What an interrupted import leaves beside its output, so that the same command goes on from there: `FILE.nrt.resume`, the state
 * of the writer after so many accesses, and the spilled ticks it names. Both are gone when the import is done.
 *
 * The recording is read from its start again, but what was dealt with is neither looked up nor counted: that works for every
 * format and compression, and reading is the smaller part of the work.
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import { formatCount } from '../units.ts'
import type { SavedOutput } from './native-file.ts'
import type { OpenOptions } from './open.ts'
import type { SavedChunk, SavedPages } from './pages.ts'
import type { SavedSpill } from './spill.ts'
import type { SavedWriter } from './writer.ts'

/** Changes when the meaning of a state does. */
const VERSION = 3

interface Head {
  key: string
  pid: number
  spill: SavedSpill
  output?: SavedOutput
  writer: Omit<SavedWriter, 'pages'> & { pages: Omit<SavedPages, 'chunks'> }
}

export interface ImportState {
  spill: SavedSpill
  /** The file to be, if accesses went into it already. */
  output?: SavedOutput
  writer: SavedWriter
}

export class Resume {
  readonly #path: string
  readonly #key: string
  #savedCalls = 0
  #isReported = false
  /** State of the same import, left behind by a process that is gone. */
  readonly found: ImportState | undefined

  constructor(out: string, name: string, options: OpenOptions) {
    this.#path = `${out}.resume`
    this.#key = keyOf(name, options)
    const left = existsSync(this.#path) ? read(this.#path) : undefined
    if (left === undefined || isRunning(left.head.pid)) return
    const { key, spill, output } = left.head
    const files = output === undefined ? [spill.file] : [spill.file, output.file]
    if (key === this.#key && files.every((file) => existsSync(file))) {
      this.found = left.state
      this.#savedCalls = left.state.writer.calls
    } else for (const file of files) rmSync(file, { force: true })
  }

  save({ writer, spill, output }: ImportState): void {
    const { pages, ...rest } = writer
    const { chunks, ...facts } = pages
    const head: Head = { key: this.#key, pid: process.pid, spill, output, writer: { ...rest, pages: facts } }
    const temporary = `${this.#path}.tmp-${process.pid}`
    const descriptor = openSync(temporary, 'w')
    try {
      writePart(descriptor, serialize(head))
      for (const { low, spaces } of chunks) {
        writePart(descriptor, bytesOf(low))
        writePart(descriptor, bytesOf(spaces))
      }
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, this.#path)
    this.#savedCalls = writer.calls
  }

  /** Says what stays after Ctrl-C; false when there is nothing to go on from. */
  interrupted(): boolean {
    if (this.#savedCalls === 0) return false
    // each of the files that stay asks
    if (!this.#isReported) process.stderr.write(`interrupted: the same command goes on after the first ${formatCount(this.#savedCalls)} accesses\n`)
    this.#isReported = true
    return true
  }

  done(): void {
    rmSync(this.#path, { force: true })
  }
}

/** u32 bytes, u32 crc32, the bytes. */
function writePart(descriptor: number, bytes: Uint8Array): void {
  const length = Buffer.alloc(8)
  length.writeUInt32LE(bytes.length, 0)
  length.writeUInt32LE(crc32(bytes), 4)
  writeSync(descriptor, length)
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done)
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength)

/** A copy, since bytes of a file begin anywhere. */
const wordsOf = (bytes: Buffer): Uint32Array => new Uint32Array(Uint8Array.from(bytes).buffer)

/** Undefined when the file is damaged or not of this version. */
function read(path: string): { head: Head; state: ImportState } | undefined {
  const bytes = readFileSync(path)
  const parts: Buffer[] = []
  let head: Head | undefined
  try {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at + 8, at + 8 + bytes.readUInt32LE(at))
      if (crc32(part) !== bytes.readUInt32LE(at + 4)) return undefined
      parts.push(part)
      at += 8 + part.length
    }
    head = parts.length > 0 ? (deserialize(parts.shift()!) as Head) : undefined
  } catch {
    return undefined
  }
  const chunks: SavedChunk[] = []
  for (let i = 0; i + 1 < parts.length; i += 2) chunks.push({ low: wordsOf(parts[i]!), spaces: wordsOf(parts[i + 1]!) })
  // a file that lacks its end does not get here: the name is given to whole ones
  if (head === undefined || chunks.reduce((ids, { low }) => ids + low.length, 0) !== head.writer.pages.count) return undefined
  const { spill, output, writer } = head
  return { head, state: { spill, output, writer: { ...writer, pages: { ...writer.pages, chunks } } } }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The recording by name, size and time, and everything that decides how it is folded. */
function keyOf(name: string, { format, formatOptions, pageSize, tickNs, events, keepAccesses, lenient }: OpenOptions): string {
  const files = existsSync(name) ? filesOf(name) : []
  const stamps = files.map((file) => [file, statSync(file).size, statSync(file).mtimeMs])
  const script = events !== undefined && existsSync(events) ? readFileSync(events, 'utf8') : events
  const facts = [VERSION, files.length > 0 ? resolve(name) : name, stamps, format, formatOptions, pageSize, tickNs, script, keepAccesses, lenient]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

const filesOf = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((name) => filesOf(join(path, name)))
    : [path]
