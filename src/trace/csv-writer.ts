/** Accesses as the plain CSV of docs/capturing-traces.md, for generated traces and for other tools. */
import { gzipSync } from 'node:zlib'
import type { AccessKind } from './format.ts'
import { OPERATIONS, TableWriter } from './table-writer.ts'

/** Also the length of a gzip member: a file of several members is one gzip file (RFC 1952, 2.2). */
const FLUSH_CHARACTERS = 1 << 20

export class CsvWriter extends TableWriter {
  readonly #gzip: boolean
  #text = 'time_ns,pid,tid,cpu,op,addr,size,weight\n'

  /** A name that ends in .gz is compressed. */
  constructor(path: string, pageSize?: number) {
    super(path, pageSize)
    this.#gzip = path.endsWith('.gz')
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    this.inOrder(timeNs)
    const { pid, tid } = this.tasks[task]!
    const address = addressHigh === 0 ? addressLow.toString(16) : addressHigh.toString(16) + addressLow.toString(16).padStart(8, '0')
    this.#text += `${timeNs},${pid},${tid},${cpu},${OPERATIONS[kind - 1]},0x${address},${bytes},${weight}\n`
    if (this.#text.length > FLUSH_CHARACTERS) this.#flush()
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    this.out.write(this.#gzip ? gzipSync(bytes) : bytes)
  }

  finish(): void {
    this.#flush()
    this.out.commit()
  }
}
