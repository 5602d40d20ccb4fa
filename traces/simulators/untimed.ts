/** Streams of one task that carry no time: the number of the record stands for it, 1 ns apart. */
import type { AccessKind, Address, TraceWriter } from '../../src/trace/index.ts'

export class UntimedStream {
  records = 0
  readonly #trace: TraceWriter
  #task = -1

  constructor(trace: TraceWriter) {
    this.#trace = trace
  }

  access(address: Address, bytes: number, kind: AccessKind): void {
    if (this.#task < 0) this.#task = this.#trace.task(1, 1)
    this.#trace.access(this.records++, this.#task, -1, address.high, address.low, bytes, kind, 1)
  }

  /** Ends with what every such stream has to say. */
  finish(stage: 'before a cache' | 'behind the caches'): void {
    this.#trace.fact('timeSource', 'number of the data record, 1 ns apart')
    if (stage === 'before a cache') beforeCache(this.#trace)
    else this.#trace.describe({ filtered: 'recorded behind the caches' })
  }
}

export function beforeCache(trace: TraceWriter): void {
  trace.lint({
    code: 'before-cache',
    severity: 'warning',
    message: 'every load and store, before any cache: most of them never reach memory',
    advice: 'Import with --cache to keep only what misses',
  })
}

/** Lines at the beginning of a file of which all, but for the last that may be cut, satisfy a test; for recognition. */
export function allLines(text: string, test: RegExp, ignored = /^\s*(#.*)?$/): boolean {
  const lines = text.slice(0, 1 << 14).split('\n')
  if (lines.length > 1) lines.pop()
  const meant = lines.map((line) => line.trimEnd()).filter((line) => !ignored.test(line))
  return meant.length > 0 && meant.every((line) => test.test(line))
}
