/** Keeps the single accesses of an import beside their fold: blocks of BLOCK_ACCESSES go out as they fill up, whatever the ticks. */
import { GrowableF64 } from '../columns/index.ts'
import { NOWHERE } from '../wasm/index.ts'
import type { AccessBatch } from './access-batch.ts'
import { AccessColumns, type AccessShape, BLOCK_ACCESSES, encodeAccesses } from './access-codec.ts'
import type { TraceEvent } from './events.ts'

/** What an import has to know to go on: the accesses that fill no block yet, and how many there were before each event. */
export interface SavedRecorder {
  columns: AccessColumns
  accesses: number
  eventsAt: Float64Array
}

const ARRAYS = ['timeNs', 'page', 'actor', 'kind', 'isCpuGuessed', 'offset', 'bytes', 'weight'] as const

export class AccessRecorder {
  #accesses = 0
  readonly #columns = new AccessColumns()
  /** Accesses before each recorded event. */
  readonly #eventsAt = new GrowableF64()
  readonly #put: (bytes: Uint8Array, shape: AccessShape) => void

  constructor(put: (bytes: Uint8Array, shape: AccessShape) => void) {
    this.#put = put
  }

  /** Rows [from, to) of a batch whose pages and actors are found. */
  add(batch: AccessBatch, from: number, to: number, pageSize: number): void {
    const columns = this.#columns
    while (from < to) {
      const first = columns.count
      const end = Math.min(to, from + BLOCK_ACCESSES - first)
      columns.timeNs.set(batch.time.subarray(from, end), first)
      columns.page.set(batch.page.subarray(from, end), first)
      columns.actor.set(batch.actor.subarray(from, end), first)
      columns.kind.set(batch.kind.subarray(from, end), first)
      columns.bytes.set(batch.bytes.subarray(from, end), first)
      columns.weight.set(batch.weight.subarray(from, end), first)
      for (let row = from, i = first; row < end; row++, i++) {
        columns.isCpuGuessed[i] = batch.cpu[row] === NOWHERE ? 1 : 0
        columns.offset[i] = batch.low[row]! & (pageSize - 1)
      }
      columns.count = first + end - from
      if (columns.count === BLOCK_ACCESSES) this.#flush()
      from = end
    }
  }

  event(): void {
    this.#eventsAt.push(this.#accesses + this.#columns.count)
  }

  #flush(): void {
    const { bytes, shape } = encodeAccesses(this.#columns)
    this.#put(bytes, shape)
    this.#accesses += this.#columns.count
    this.#columns.count = 0
  }

  saved(): SavedRecorder {
    const columns = { ...this.#columns }
    for (const name of ARRAYS) columns[name] = columns[name].slice(0, columns.count) as never
    return { columns, accesses: this.#accesses, eventsAt: this.#eventsAt.data.slice(0, this.#eventsAt.length) }
  }

  restore({ columns, accesses, eventsAt }: SavedRecorder): void {
    for (const name of ARRAYS) this.#columns[name].set(columns[name])
    this.#columns.count = columns.count
    this.#accesses = accesses
    for (const at of eventsAt) this.#eventsAt.push(at)
  }

  /** Ends the last block; how many accesses came before each of `events`, -1 before those that were not recorded. */
  finish(recorded: readonly TraceEvent[], events: readonly TraceEvent[]): Float64Array {
    if (this.#columns.count > 0) this.#flush()
    return placesOf(recorded, this.#eventsAt.data, events)
  }
}

/** How many accesses came before each of `events`, of which those in `recorded` have these places; -1 before the others. */
export function placesOf(recorded: readonly TraceEvent[], places: Float64Array, events: readonly TraceEvent[]): Float64Array {
  let next = 0
  return Float64Array.from(events, (event) => (event === recorded[next] ? places[next++]! : -1))
}
