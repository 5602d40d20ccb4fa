/** A TraceWriter that writes down every call it gets. */
import type { AccessKind, TraceEvent, TraceFormat, TraceWriter } from '../../src/trace/index.ts'

export class Recorder implements TraceWriter {
  line = 0
  readonly pageSize: number
  readonly calls: unknown[] = []
  readonly events: TraceEvent[] = []
  readonly facts: Record<string, unknown> = {}
  readonly #tasks: string[] = []

  constructor(pageSize = 4096) {
    this.pageSize = pageSize
  }

  process(pid: number): number {
    return pid
  }

  task(pid: number, tid: number): number {
    const name = `${pid}/${tid}`
    const known = this.#tasks.indexOf(name)
    return known >= 0 ? known : this.#tasks.push(name) - 1
  }

  access(timeNs: number, task: number, cpu: number, high: number, low: number, bytes: number, kind: AccessKind, weight: number): void {
    const address = (BigInt(high) << 32n) | BigInt(low)
    this.calls.push([this.line, timeNs, this.#tasks[task], cpu, `0x${address.toString(16)}`, bytes, kind, weight])
  }

  event(event: TraceEvent): void {
    this.events.push(event)
  }

  fact(name: string, value: number | string | boolean): void {
    this.facts[name] = value
  }

  lint(): void {}
  describe(): void {}
}

/** The text through a format, in pieces of `chunk` bytes; answers the calls, or the message of the error. */
export async function readText(format: TraceFormat, text: string | Uint8Array, options: Record<string, string> = {}, chunk = 7): Promise<Recorder | string> {
  const recorder = new Recorder()
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
  }
  if (!('read' in format)) throw new Error('not a format that reads streams')
  try {
    await format.read(pieces(), recorder, { file: 'x.csv', options })
    return recorder
  } catch (error) {
    if ((error as Error).name !== 'UserError') throw error
    return (error as Error).message
  }
}
