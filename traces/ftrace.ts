/**
 * Kernel trace buffers as text: /sys/kernel/tracing/trace (`comm-pid [cpu] flags time: event: …`) and `trace-cmd report`
 * (the same without flags). No loads and stores: page faults (who touched a page first), task moves and migrations.
 */
import { UserError } from '../src/errors.ts'
import { defineFormat, eachLine, type FormatContext, SecondsClock, type TraceWriter } from '../src/trace/index.ts'
import { Threads } from './linux/threads.ts'
import { Tracepoints } from './linux/tracepoints.ts'

/** `comm-pid`, an optional `(tgid)` column, `[cpu]`, flags of 4 or 5 characters that trace-cmd leaves out, time, event. */
const HEAD = /-(\d{1,10})\s+(?:\(\s*(\d{1,10}|-+)\)\s+)?\[(\d{1,5})\]\s+(?:[.a-zA-Z#0-9]{4,5}\s+)?(\d+\.\d+):\s+(\w+):(?=\s)/

export default defineFormat({
  about: 'ftrace and trace-cmd text with sched, migrate and page-fault tracepoints',
  extensions: ['.ftrace.txt', '.trace'],
  carries: ['accesses', 'tasks', 'cpus', 'time', 'events'],
  fidelity: 'samples',
  recognise({ text }) {
    const lines = text.split('\n', 60).filter((line) => line !== '' && !line.startsWith('#'))
    const heads = lines.filter((line) => HEAD.test(line)).length
    if (heads === 0) return text.startsWith('# tracer:') ? 0.5 : 0
    return heads * 2 >= lines.length ? 0.9 : 0.4
  },
  async read(bytes, trace, context) {
    const reader = new FtraceReader(trace, context)
    await eachLine(bytes, trace, context, (line, number) => reader.line(line, number))
    reader.finish()
  },
})

class FtraceReader {
  readonly #trace: TraceWriter
  readonly #file: string
  readonly #clock = new SecondsClock()
  readonly #threads: Threads
  readonly #tracepoints: Tracepoints
  readonly #events = new Map<string, number>()
  #overwritten = 0
  #lost = 0
  #lastNs = 0
  #other = 0

  constructor(trace: TraceWriter, { file }: FormatContext) {
    this.#trace = trace
    this.#file = file
    this.#threads = new Threads(trace)
    this.#tracepoints = new Tracepoints(trace, this.#threads)
  }

  line(line: string, number: number): void {
    this.#trace.line = number
    if (line.startsWith('#')) {
      const entries = /entries-in-buffer\/entries-written: (\d{1,15})\/(\d{1,15})/.exec(line)
      if (entries) this.#overwritten += Math.max(0, Number(entries[2]) - Number(entries[1]))
      return
    }
    const head = HEAD.exec(line)
    if (!head) {
      this.#otherLine(line)
      return
    }
    const [matched, pid, tgid, cpu, time, name] = head as unknown as string[]
    const timeNs = this.#clock.parse(time!, 0, time!.length)
    if (Number.isNaN(timeNs)) throw this.#error('not a time', 'seconds with up to 9 decimals', time!)
    this.#lastNs = timeNs
    if (tgid !== undefined && /^\d/.test(tgid)) this.#threads.learn(Number(tgid), Number(pid))
    this.#events.set(name!, (this.#events.get(name!) ?? 0) + 1)
    const comm = line.slice(0, head.index).trim()
    const text = line.slice(head.index + matched!.length)
    if (!this.#tracepoints.take(name!, timeNs, Number(pid), Number(cpu), comm, text))
      throw this.#error(`${name} without its fields`, 'the text of the kernel', text.trim().slice(0, 80))
  }

  #otherLine(line: string): void {
    const lost = /^CPU:\d+ \[LOST (\d{1,15}) EVENTS\]/.exec(line)
    if (lost) {
      this.#lost += Number(lost[1])
      this.#trace.event({ timeNs: this.#lastNs, kind: 'lost', records: Number(lost[1]) })
    } else if (line.trim() !== '' && !line.startsWith('cpus=')) this.#other++
  }

  finish(): void {
    const trace = this.#trace
    for (const name of [...this.#events.keys()].sort()) trace.fact(`events.${name}`, this.#events.get(name)!)
    if (this.#clock.origin > 0) trace.fact('timeOriginSeconds', this.#clock.origin)
    if (this.#other > 0) trace.fact('otherLines', this.#other)
    this.#tracepoints.finish()
    this.#threads.lintGuesses()
    if (this.#tracepoints.faults === 0) trace.describe({ carries: ['tasks', 'time', 'events'] })
    trace.lint({
      code: 'page-faults-only',
      severity: 'info',
      message: 'tracepoints tell who touched a page first, not how often it is used',
      advice: 'For the heat of pages record samples: perf mem record, or perf record -d',
    })
    const missing = this.#overwritten + this.#lost
    if (missing > 0)
      trace.lint({
        code: 'lost-samples',
        severity: 'warning',
        message: `${missing} events were overwritten or lost before they were read`,
        advice: 'Enlarge the buffer: echo 65536 > /sys/kernel/tracing/buffer_size_kb',
      })
  }

  #error(problem: string, expected: string, got: string): UserError {
    return new UserError(problem, { file: this.#file, line: this.#trace.line, expected, got: JSON.stringify(got) })
  }
}
