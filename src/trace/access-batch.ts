/**
 * Accesses on their way from a format to the writer: columns of a batch, in the memory that kernels work on. Formats that push
 * one access after another fill the writer's own batch; formats that have many at once make one (`AccessBatch.into`).
 */
import { BATCH, BATCH_BYTES, COLUMN, Heap } from '../wasm/index.ts'
import type { AccessKind, TraceWriter } from './format.ts'

export class AccessBatch {
  /** Rows so far; at most BATCH. */
  rows = 0
  /** Line of row 0 where rows are lines one after the other; else `line` holds them. */
  firstLine: number | undefined
  readonly heap: Heap
  /** Address of the columns. */
  readonly at: number
  readonly time: Float64Array
  readonly bytes: Float64Array
  readonly weight: Float64Array
  readonly high: Uint32Array
  readonly low: Uint32Array
  readonly cpu: Uint32Array
  readonly task: Uint16Array
  readonly kind: Uint8Array
  readonly line = new Float64Array(BATCH)
  /** What the writer finds out. */
  readonly page: Uint32Array
  readonly actor: Uint16Array
  readonly #take: (batch: AccessBatch, rows: number) => void
  #look: ((batch: AccessBatch, rows: number) => void) | undefined

  constructor(heap: Heap, take: (batch: AccessBatch, rows: number) => void) {
    this.heap = heap
    this.#take = take
    this.at = heap.take(BATCH_BYTES)
    const { buffer } = heap.u8
    this.time = new Float64Array(buffer, this.at + COLUMN.time, BATCH)
    this.bytes = new Float64Array(buffer, this.at + COLUMN.bytes, BATCH)
    this.weight = new Float64Array(buffer, this.at + COLUMN.weight, BATCH)
    this.high = new Uint32Array(buffer, this.at + COLUMN.high, BATCH)
    this.low = new Uint32Array(buffer, this.at + COLUMN.low, BATCH)
    this.cpu = new Uint32Array(buffer, this.at + COLUMN.cpu, BATCH)
    this.page = new Uint32Array(buffer, this.at + COLUMN.page, BATCH)
    this.task = new Uint16Array(buffer, this.at + COLUMN.task, BATCH)
    this.actor = new Uint16Array(buffer, this.at + COLUMN.actor, BATCH)
    this.kind = new Uint8Array(buffer, this.at + COLUMN.kind, BATCH)
  }

  /** A batch for this writer, which takes it whole if it can. */
  static into(trace: TraceWriter): AccessBatch {
    return trace.batch?.() ?? new AccessBatch(Heap.open(), (batch, rows) => batch.#eachInto(trace, rows))
  }

  /** Shows the rows to `look` before they are handed over. */
  watched(look: (batch: AccessBatch, rows: number) => void): this {
    this.#look = look
    return this
  }

  /** As TraceWriter.access; hands the rows over when the batch is full. */
  add(timeNs: number, task: number, cpu: number, high: number, low: number, bytes: number, kind: AccessKind, weight: number, line: number): void {
    const i = this.rows
    this.time[i] = timeNs
    this.task[i] = task
    this.cpu[i] = cpu
    this.high[i] = high
    this.low[i] = low
    this.bytes[i] = bytes
    this.kind[i] = kind
    this.weight[i] = weight
    this.line[i] = line
    this.rows = i + 1
    if (i + 1 === BATCH) this.flush()
  }

  /** Hands over what there is. */
  flush(): void {
    const { rows } = this
    if (rows === 0) return
    this.rows = 0
    this.#look?.(this, rows)
    this.#take(this, rows)
  }

  lineOf(row: number): number {
    return this.firstLine === undefined ? this.line[row]! : this.firstLine + row
  }

  #eachInto(trace: TraceWriter, rows: number): void {
    for (let i = 0; i < rows; i++) {
      trace.line = this.lineOf(i)
      // an unknown cpu is -1
      trace.access(this.time[i]!, this.task[i]!, this.cpu[i]! | 0, this.high[i]!, this.low[i]!, this.bytes[i]!, this.kind[i]! as AccessKind, this.weight[i]!)
    }
  }
}
