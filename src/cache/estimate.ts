/**
 * How much of a recording of loads and stores a last-level cache would absorb, estimated on the way through it: the accesses to one
 * line in LINES, told by a hash of its number, go through a cache smaller by the same factor (spatial sampling: Waldspurger et al.,
 * FAST 2015). Memory is that of the small cache, whatever the length of the recording.
 */

import { AccessBatch, type AccessKind, type LintVerdict, READ, type TraceEvent, type TraceMeta, type TraceWriter } from '../trace/index.ts'
import { formatPercent, formatSize } from '../units.ts'
import { Cache } from './cache.ts'
import type { CacheGeometry } from './geometry.ts'

const LINES_SHIFT = 4
const LINES = 2 ** LINES_SHIFT
/** 2^32 / golden ratio. */
const GOLDEN = 0x9e3779b1
/** Fewer lookups say nothing. */
const ENOUGH = 1000
/** From here on most of what a policy would see is not memory traffic. */
const MOST = 0.5
/** Below this the recording looks like memory traffic already. */
const LITTLE = 0.05

export class CacheEstimate {
  readonly #geometry: CacheGeometry
  #cache: Cache
  #accesses = 0
  #misses = 0

  constructor(geometry: CacheGeometry) {
    this.#geometry = geometry
    this.#cache = this.#small()
  }

  #small(): Cache {
    const { ways, lineBytes, bytes } = this.#geometry
    const sets = Math.max(1, Math.round(bytes / (ways * lineBytes * LINES)))
    return new Cache({ ...this.#geometry, bytes: sets * ways * lineBytes })
  }

  /** Looks at what goes to the writer; each time from an empty cache on. */
  before(writer: TraceWriter): TraceWriter {
    this.#cache = this.#small()
    this.#accesses = 0
    this.#misses = 0
    return new Watched(writer, Math.log2(this.#geometry.lineBytes), (high, low, process, task, isWrite) => {
      this.#accesses++
      if (isOfSample(low) && !this.#cache.access(high, low, process, task, isWrite)) this.#misses++
    })
  }

  /** By misses: a few hot lines, in the sample or not, make up many hits (SHARDS-adj of the same paper). */
  get absorbed(): number {
    return this.#accesses === 0 ? 0 : Math.max(0, 1 - (this.#misses * LINES) / this.#accesses)
  }

  /** For a recording of every access that no cache has filtered. */
  verdict({ fidelity, filtered }: TraceMeta): LintVerdict | undefined {
    if (fidelity !== 'every access' || filtered !== false || this.#accesses < ENOUGH) return undefined
    const { bytes, ways, lineBytes } = this.#geometry
    const share = this.absorbed
    const cache = `${formatSize(bytes)},${ways}way,${formatSize(lineBytes)}`
    return {
      code: 'cache-would-absorb',
      severity: share >= MOST ? 'warning' : 'info',
      message: `a last-level cache of ${cache}, one for all cpus, would absorb some ${formatPercent(share)} of the accesses (estimated from one line in ${LINES})`,
      advice:
        share >= MOST
          ? `Most accesses never reach memory: import with --cache ${cache} or, where the program was made small, a cache as much smaller`
          : share >= LITTLE
            ? `Import with --cache ${cache} to leave them out`
            : 'It looks like memory traffic already: no --cache is needed',
    }
  }
}

const isOfSample = (lowOfLine: number): boolean => Math.imul(lowOfLine, GOLDEN) >>> (32 - LINES_SHIFT) === 0

type Lookup = (high: number, low: number, process: number, task: number, isWrite: boolean) => void

/** Passes everything on. */
class Watched implements TraceWriter {
  readonly pageSize: number
  readonly #trace: TraceWriter
  readonly #shift: number
  readonly #lookup: Lookup
  readonly #process: number[] = []

  constructor(trace: TraceWriter, lineShift: number, lookup: Lookup) {
    this.#trace = trace
    this.pageSize = trace.pageSize
    this.#shift = lineShift
    this.#lookup = lookup
  }

  get line(): number {
    return this.#trace.line
  }

  set line(line: number) {
    this.#trace.line = line
  }

  task(pid: number, tid: number): number {
    const task = this.#trace.task(pid, tid)
    this.#process[task] = this.#trace.process(pid)
    return task
  }

  process(pid: number): number {
    return this.#trace.process(pid)
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    const shift = this.#shift
    const low = ((addressLow >>> shift) | (addressHigh << (32 - shift))) >>> 0
    this.#lookup(addressHigh >>> shift, low, this.#process[task]!, task, kind !== READ)
    this.#trace.access(timeNs, task, cpu, addressHigh, addressLow, bytes, kind, weight)
  }

  /** Whole batches go on as they are. */
  batch(): AccessBatch {
    const shift = this.#shift
    return AccessBatch.into(this.#trace).watched(({ high, low, task, kind }, rows) => {
      for (let i = 0; i < rows; i++) {
        const lowOfLine = ((low[i]! >>> shift) | (high[i]! << (32 - shift))) >>> 0
        this.#lookup(high[i]! >>> shift, lowOfLine, this.#process[task[i]!]!, task[i]!, kind[i]! !== READ)
      }
    })
  }

  drain(): void {
    this.#trace.drain?.()
  }

  event(event: TraceEvent): void {
    this.#trace.event(event)
  }

  fact(name: string, value: number | string | boolean): void {
    this.#trace.fact(name, value)
  }

  lint(verdict: LintVerdict): void {
    this.#trace.lint(verdict)
  }

  describe(file: Parameters<TraceWriter['describe']>[0]): void {
    this.#trace.describe(file)
  }
}
