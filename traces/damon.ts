/**
 * DAMON's tracepoint as text, by ftrace, trace-cmd or perf script: `damon_aggregated: target_id=0 nr_regions=10 start-end: n age`
 * (include/trace/events/damon.h). Addresses are decimal, `age` is missing before Linux 5.17, and a snapshot is nr_regions
 * successive lines of one target; each line has its own time, and the last one dates the snapshot.
 */
import { UserError } from '../src/errors.ts'
import { Address, damaged, defineFormat, eachLine, type FormatContext, SecondsClock, type TraceWriter } from '../src/trace/index.ts'
import { Regions } from './linux/regions.ts'

const LINE = /(\d+\.\d+):\s+(?:damon:)?damon_aggregated:\s+target_id=(\d{1,20}) nr_regions=(\d{1,6}) (\d{1,20})-(\d{1,20}): (\d{1,9})(?: \d{1,10})?\s*$/

export default defineFormat({
  about: 'DAMON tracepoint text (damon_aggregated) by ftrace, trace-cmd or perf script',
  extensions: ['.damon.txt'],
  carries: ['accesses', 'time'],
  fidelity: 'regions',
  recognise: ({ text }) => (/^\S.*\bdamon_aggregated: target_id=|^\s.*\bdamon_aggregated: target_id=/m.test(text) ? 1 : 0),
  async read(bytes, trace, context) {
    const reader = new DamonReader(trace, context)
    await eachLine(bytes, trace, context, (line, number) => reader.line(line, number))
    reader.finish()
  },
})

class DamonReader {
  readonly #trace: TraceWriter
  readonly #context: FormatContext
  readonly #clock = new SecondsClock()
  readonly #regions: Regions
  readonly #start: Address[] = []
  readonly #end: Address[] = []
  readonly #accesses: number[] = []
  #target = ''
  #expected = 0
  #lines = 0
  #other = 0

  constructor(trace: TraceWriter, context: FormatContext) {
    this.#trace = trace
    this.#context = context
    this.#regions = new Regions(trace, context.file)
  }

  line(line: string, number: number): void {
    this.#trace.line = number
    const at = line.indexOf('damon_aggregated:')
    if (at < 0) {
      if (line.trim() !== '' && !line.startsWith('#')) this.#other++
      return
    }
    const match = LINE.exec(line)
    if (!match) throw this.#error('not a line of damon_aggregated', 'target_id=0 nr_regions=10 4096-8192: 0 1', line.slice(at, at + 120))
    const [, time, target, regions, start, end, accesses] = match as unknown as string[]
    const timeNs = this.#clock.parse(time!, 0, time!.length)
    if (Number.isNaN(timeNs)) throw this.#error('not a time', 'seconds with up to 9 decimals', time!)
    if (this.#expected > 0 && (target !== this.#target || Number(regions) !== this.#expected)) this.#cutOff()
    this.#target = target!
    this.#expected = Number(regions)
    this.#push(start!, end!, Number(accesses))
    if (this.#lines === this.#expected) this.#emit(timeNs)
  }

  #push(start: string, end: string, accesses: number): void {
    const i = this.#lines++
    this.#start[i] ??= new Address()
    this.#end[i] ??= new Address()
    if (!this.#start[i].decimal(start) || !this.#end[i].decimal(end)) throw this.#error('address beyond 64 bits', 'decimal addresses', `${start}-${end}`)
    this.#accesses[i] = accesses
  }

  #emit(timeNs: number): void {
    const target = this.#regions.target(this.#target)
    this.#regions.snapshot()
    for (let i = 0; i < this.#lines; i++) this.#regions.region(timeNs, target, this.#start[i]!, this.#end[i]!, this.#accesses[i]!)
    this.#lines = 0
    this.#expected = 0
  }

  #cutOff(): void {
    const problem = `a snapshot has ${this.#lines} of its ${this.#expected} regions`
    damaged(this.#trace, this.#context, { problem, line: this.#trace.line, dropped: this.#lines })
    this.#lines = 0
    this.#expected = 0
  }

  finish(): void {
    if (this.#expected > 0) this.#cutOff()
    this.#regions.finish()
    if (this.#other > 0) this.#trace.fact('otherLines', this.#other)
    if (this.#clock.origin > 0) this.#trace.fact('timeOriginSeconds', this.#clock.origin)
  }

  #error(problem: string, expected: string, got: string): UserError {
    return new UserError(problem, { file: this.#context.file, line: this.#trace.line, expected, got: JSON.stringify(got) })
  }
}
