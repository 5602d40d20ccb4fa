/**
 * The dump of `perf mem -D report` (also with --phys-data, --data-page-size or -x SEPARATOR): a line per sample, without time
 * and cpu. Columns are named in the first line (tools/perf/builtin-mem.c: dump_raw_samples).
 */
import { UserError } from '../src/errors.ts'
import { Address, defineFormat, eachLine, READ, type TraceWriter } from '../src/trace/index.ts'
import { accessKind, isPrefetchOrFetch, ServedBy } from './linux/data-src.ts'

const HEADER = /^# ?PID, TID, IP, ADDR, /

export default defineFormat({
  about: 'dump of perf mem -D report',
  extensions: ['.perf-mem.txt', '.perf-mem-dump.txt'],
  carries: ['accesses', 'tasks', 'physical addresses'],
  fidelity: 'samples',
  recognise: ({ text }) => (HEADER.test(text) ? 1 : 0),
  async read(bytes, trace, context) {
    const { file } = context
    const reader = new DumpReader(trace, file)
    await eachLine(bytes, trace, context, (line, number) => reader.line(line, number))
    reader.finish()
  },
})

class DumpReader {
  readonly #trace: TraceWriter
  readonly #file: string
  #names: string[] = []
  #column: Record<string, number> = {}
  readonly #address = new Address()
  readonly #dataSrc = new Address()
  readonly #served: ServedBy
  #samples = 0
  #prefetches = 0
  #withoutAddress = 0

  constructor(trace: TraceWriter, file: string) {
    this.#trace = trace
    this.#file = file
    this.#served = new ServedBy(trace)
  }

  line(line: string, number: number): void {
    this.#trace.line = number
    if (line.startsWith('#')) {
      if (HEADER.test(line)) this.#header(line)
      return
    }
    if (line.trim() === '') return
    if (this.#names.length === 0) throw this.#error('no line with the names of the columns before the first sample', '# PID, TID, IP, ADDR, …')
    const fields = this.#fields(line)
    if (fields.length < this.#names.length) throw this.#error('too few fields', this.#names.join(', '), line.slice(0, 80))
    const pid = this.#wholeNumber(fields, 'PID')
    const tid = this.#wholeNumber(fields, 'TID')
    this.#samples++
    const address = unpadded(fields[this.#column['ADDR']!]!, fields[this.#column['IP']!]!)
    if (!this.#address.hex(address)) throw this.#error('not an address', 'hexadecimal digits', address, 'ADDR')
    const word = fields[this.#column['DSRC']!]!
    if (!this.#dataSrc.hex(word)) throw this.#error('not a data_src word', 'hexadecimal digits', word, 'DSRC')
    const kind = accessKind(this.#dataSrc.low)
    if (kind === 0 && isPrefetchOrFetch(this.#dataSrc.low)) this.#prefetches++
    else if (this.#address.high === 0 && this.#address.low === 0) this.#withoutAddress++
    else {
      this.#served.count(kind, this.#dataSrc, this.#wholeNumber(fields, 'LOCAL WEIGHT'))
      // no time in this dump: the index of the sample stands for it
      this.#trace.access(this.#samples - 1, this.#trace.task(pid, tid), -1, this.#address.high, this.#address.low, 0, kind || READ, 1)
    }
  }

  #header(line: string): void {
    this.#names = line.replace(/^#\s*/, '').split(', ')
    this.#column = Object.fromEntries(this.#names.map((name, i) => [name, i]))
    const missing = ['PID', 'TID', 'IP', 'ADDR', 'LOCAL WEIGHT', 'DSRC'].find((name) => !(name in this.#column))
    if (missing) throw this.#error(`no column ${missing}`, 'the header of perf mem -D report', line.slice(0, 120))
  }

  /** Separated by blanks, or by the -x separator, which stands right after the pid. The symbol comes last and may hold anything. */
  #fields(line: string): string[] {
    const separator = /^\s*\d+([^\d\s])/.exec(line)?.[1]
    return separator === undefined ? line.trim().split(/\s+/) : line.split(separator).map((field) => field.trim())
  }

  #wholeNumber(fields: string[], name: string): number {
    const text = fields[this.#column[name]!]!
    if (!/^-?\d{1,15}$/.test(text)) throw this.#error('not a whole number', 'a number', text, name)
    return Number(text)
  }

  finish(): void {
    const trace = this.#trace
    trace.fact('samples', this.#samples)
    trace.fact('timeSource', 'index of the sample')
    this.#served.finish()
    if (this.#prefetches > 0) trace.fact('prefetchesAndFetches', this.#prefetches)
    if (this.#withoutAddress > 0) trace.fact('samplesWithAddressZero', this.#withoutAddress)
    if (this.#names.includes('PHYS ADDR') === false) trace.describe({ carries: ['accesses', 'tasks'] })
    trace.lint({
      code: 'no-time',
      severity: 'warning',
      message: 'this dump has neither times, cpus nor periods: the order of the samples stands for time',
      advice: 'Keep more of the recording: perf script -F comm,pid,tid,cpu,time,period,event,addr,phys_addr,weight,data_src,ip,sym --ns',
    })
  }

  #error(problem: string, expected: string, got?: string, field?: string): UserError {
    return new UserError(problem, { file: this.#file, line: this.#trace.line, field, expected, got: got === undefined ? undefined : JSON.stringify(got) })
  }
}

/**
 * perf 6.1 prints the first, padded record with `0x%016` where it meant `0x%016lx`: a literal `016` before the digits. That
 * record is known by its instruction pointer, padded to 16 digits, beside an address that is not.
 */
function unpadded(address: string, ip: string): string {
  return ip.length === 18 && ip.startsWith('0x0') && address.startsWith('0x016') && address.length !== 18 ? address.slice(5) : address
}
