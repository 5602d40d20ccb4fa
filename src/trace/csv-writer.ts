/** Accesses as the plain CSV of docs/capturing-traces.md, for generated traces and for other tools. */
import { gzipSync } from 'node:zlib'
import type { TraceEvent } from './events.ts'
import { type AccessKind, MODIFY, READ, type TraceWriter } from './format.ts'
import { OutputFile } from './output-file.ts'

/** Also the length of a gzip member: a file of several members is one gzip file (RFC 1952, 2.2). */
const FLUSH_CHARACTERS = 1 << 20

export class CsvWriter implements TraceWriter {
  line = 0
  readonly pageSize: number
  /** Rows have no place for them. */
  eventsLeftOut = 0
  readonly #out: OutputFile
  readonly #gzip: boolean
  readonly #processes: number[] = []
  readonly #tasks: { pid: number; tid: number }[] = []
  readonly #taskOf = new Map<string, number>()
  #text = 'time_ns,pid,tid,cpu,op,addr,size,weight\n'

  /** A name that ends in .gz is compressed. */
  constructor(path: string, pageSize = 4096) {
    this.pageSize = pageSize
    this.#out = new OutputFile(path)
    this.#gzip = path.endsWith('.gz')
  }

  process(pid: number): number {
    const known = this.#processes.indexOf(pid)
    return known >= 0 ? known : this.#processes.push(pid) - 1
  }

  task(pid: number, tid: number): number {
    const key = `${pid}/${tid}`
    let task = this.#taskOf.get(key)
    if (task === undefined) {
      task = this.#tasks.push({ pid, tid }) - 1
      this.#taskOf.set(key, task)
    }
    return task
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    const { pid, tid } = this.#tasks[task]!
    const op = kind === READ ? 'R' : kind === MODIFY ? 'M' : 'W'
    const address = addressHigh === 0 ? addressLow.toString(16) : addressHigh.toString(16) + addressLow.toString(16).padStart(8, '0')
    this.#text += `${timeNs},${pid},${tid},${cpu},${op},0x${address},${bytes},${weight}\n`
    if (this.#text.length > FLUSH_CHARACTERS) this.#flush()
  }

  event(_event: TraceEvent): void {
    this.eventsLeftOut++
  }

  fact(): void {}
  lint(): void {}
  describe(): void {}

  #flush(): void {
    const bytes = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    this.#out.write(this.#gzip ? gzipSync(bytes) : bytes)
  }

  finish(): void {
    this.#flush()
    this.#out.commit()
  }

  abort(): void {
    this.#out.abort()
  }
}
