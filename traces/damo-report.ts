/**
 * The text of `damo report access --raw_form` (older: `damo report raw`): a block per snapshot with times relative to
 * base_time_absolute, in units for people, then its regions with hexadecimal addresses. Good to microseconds only.
 */
import { UserError } from '../src/errors.ts'
import { Address, damaged, defineFormat, eachLine, type FormatContext, type TraceWriter } from '../src/trace/index.ts'
import { Regions, RegionsOfManyTargets } from './linux/regions.ts'

const REGION = /^([0-9a-f]{1,20})-([0-9a-f]{1,20}) \([^)]{1,40}\)\s+(-?[\d,]{1,13})(?:\s|$)/
const UNIT_NS: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86400e9 }

export default defineFormat({
  about: 'text of damo report access --raw_form',
  extensions: ['.damo-report.txt'],
  carries: ['accesses', 'time'],
  fidelity: 'regions',
  recognise: ({ text }) => (/^base_time_absolute: /m.test(text) && /^monitoring_start:/m.test(text) ? 1 : 0),
  async read(bytes, trace, context) {
    const reader = new ReportReader(trace, context)
    await eachLine(bytes, trace, context, (line, number) => reader.line(line, number))
    reader.finish()
  },
})

class ReportReader {
  readonly #trace: TraceWriter
  readonly #context: FormatContext
  readonly #regions: Regions
  readonly #sorted: RegionsOfManyTargets
  readonly #start = new Address()
  readonly #end = new Address()
  #baseNs = 0
  #timeNs = Number.NaN
  #target = '0'
  #missing = 0

  constructor(trace: TraceWriter, context: FormatContext) {
    this.#trace = trace
    this.#context = context
    this.#regions = new Regions(trace, context.file)
    this.#sorted = new RegionsOfManyTargets(this.#regions)
  }

  line(line: string, number: number): void {
    this.#trace.line = number
    const region = REGION.exec(line)
    if (region) {
      this.#region(region as unknown as string[])
      return
    }
    const colon = line.indexOf(':')
    if (colon < 0 || line.startsWith('#')) return
    const value = line.slice(colon + 1).trim()
    switch (line.slice(0, colon)) {
      case 'base_time_absolute':
        this.#baseNs = this.#duration(value)
        break
      case 'monitoring_start':
        this.#checkComplete()
        break
      case 'monitoring_end':
        this.#timeNs = this.#baseNs + this.#duration(value)
        break
      case 'target_id':
        this.#target = value
        break
      case 'nr_regions':
        if (!/^\d{1,6}$/.test(value)) throw this.#error('not a number of regions', 'a whole number', value)
        this.#missing = Number(value)
        this.#regions.snapshot()
        break
    }
  }

  #region([, start, end, accesses]: string[]): void {
    if (Number.isNaN(this.#timeNs)) throw this.#error('a region before monitoring_end', 'the head of a snapshot', `${start}-${end}`)
    if (!this.#start.hex(start!) || !this.#end.hex(end!)) throw this.#error('address beyond 64 bits', 'hexadecimal addresses', `${start}-${end}`)
    const count = Number(accesses!.replaceAll(',', ''))
    if (!Number.isSafeInteger(count) || count > 0xffff_ffff) throw this.#error('not a number of accesses', 'a whole number', accesses!)
    if (this.#missing > 0) this.#missing--
    // one empty region with -1 accesses ends a recording of a single snapshot, to keep its length
    if (count >= 0) this.#sorted.push(this.#timeNs, this.#regions.target(this.#target), this.#start, this.#end, count)
  }

  /** `8 m 59.809 s`, `174.210 ms`, or plain nanoseconds (--raw_number). */
  #duration(text: string): number {
    const plain = /^([\d,]{1,25})(?: ns)?$/.exec(text)
    if (plain) return Number(plain[1]!.replaceAll(',', ''))
    let ns = 0
    for (const part of text.matchAll(/([\d.,]{1,20}) ([a-z]{1,2})(?:\s|$)/g)) ns += Number(part[1]!.replaceAll(',', '')) * (UNIT_NS[part[2]!] ?? Number.NaN)
    if (!/\d/.test(text) || !Number.isFinite(ns)) throw this.#error('not a time', 'a time such as 8 m 59.809 s', text)
    return Math.round(ns)
  }

  #checkComplete(): void {
    if (this.#missing > 0)
      damaged(this.#trace, this.#context, { problem: `a snapshot lacks ${this.#missing} of its regions`, line: this.#trace.line, dropped: this.#missing })
    this.#missing = 0
  }

  finish(): void {
    this.#checkComplete()
    this.#sorted.finish()
  }

  #error(problem: string, expected: string, got: string): UserError {
    return new UserError(problem, { file: this.#context.file, line: this.#trace.line, expected, got: JSON.stringify(got.slice(0, 80)) })
  }
}
