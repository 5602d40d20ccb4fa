/**
 * The text of `perf script`: memory samples (perf mem, PEBS, IBS, SPE), page faults, and the scheduler's and migration
 * tracepoints, in any column layout of -F. Fields left out leave no placeholder, so columns are told by their fixed widths
 * (tools/perf/builtin-script.c: addresses are printed with %16x).
 */
import { UserError } from '../src/errors.ts'
import {
  type AccessKind,
  Address,
  type Carried,
  defineFormat,
  eachLine,
  type FormatContext,
  READ,
  SecondsClock,
  type TraceWriter,
  WRITE,
} from '../src/trace/index.ts'
import { Columns, isDecimal, skipBlanks, wordEnd } from './linux/columns.ts'
import { accessKind, isPrefetchOrFetch, ServedBy } from './linux/data-src.ts'
import { Threads } from './linux/threads.ts'
import { Tracepoints } from './linux/tracepoints.ts'

/** What ends the free text of the command name: tid or pid/tid, perhaps [cpu], the time. */
const HEAD = /(?:^|\s)(-?\d{1,10})(?:\/(-?\d{1,10}))?\s+(?:\[(\d{1,5})\]\s+)?(\d+\.\d+):(?=\s)/
const SPE_REPEATS = /^(l1d|llc|tlb)-(miss|access)|^remote-access|^memory/
const RECOMMENDED = 'perf script -F comm,pid,tid,cpu,time,period,event,addr,phys_addr,weight,data_src,ip,sym --ns'

export default defineFormat({
  about: 'text of perf script: perf mem and other samples with data addresses, page faults, sched and migrate tracepoints',
  extensions: ['.perf-script.txt', '.perf.txt', '.script'],
  carries: ['accesses', 'tasks', 'cpus', 'time', 'events', 'physical addresses'],
  fidelity: 'samples',
  options: { address: 'virtual (default) or physical: which of the recorded addresses names the page' },
  recognise({ text }) {
    const lines = text.split('\n', 60).filter((line) => line.trim() !== '' && !line.startsWith('#'))
    const heads = lines.filter((line) => HEAD.test(line)).length
    return heads === 0 ? 0 : heads * 2 >= lines.length ? 0.9 : 0.4
  },
  async read(bytes, trace, context) {
    const reader = new PerfScriptReader(trace, context)
    await eachLine(bytes, trace, context, (line, number) => reader.line(line, number))
    reader.finish()
  },
})

/** What the name of an event says about its samples; looked up once per name. */
interface EventKind {
  samples: number
  /** Name without subsystem for tracepoints (`sched:sched_migrate_task`), else ''. */
  tracepoint: string
  repeats: boolean
  /** Where data_src does not say load or store. */
  fallback: AccessKind | 0
}

class PerfScriptReader {
  readonly #trace: TraceWriter
  readonly #file: string
  readonly #physical: boolean
  readonly #clock = new SecondsClock()
  readonly #threads: Threads
  readonly #tracepoints: Tracepoints
  readonly #events = new Map<string, EventKind>()
  readonly #served: ServedBy
  readonly #columns = new Columns()
  readonly #address = new Address()
  readonly #dataSrc = new Address()
  /** tid -> time and address of its last SPE sample: one hardware sample is printed once per event it stands for. */
  readonly #lastSpe = new Map<number, string>()

  #lines = 0
  #firstOddLine = 0
  #odd = 0
  #accesses = 0
  #noAddress = 0
  #zeroAddress = 0
  #kernelAddress = 0
  #prefetches = 0
  #repeated = 0
  #kindUnknown = 0
  #hasCpu = false
  #hasPhysical = false
  #periodMin = Number.POSITIVE_INFINITY
  #periodMax = 0
  #lost = 0

  constructor(trace: TraceWriter, context: FormatContext) {
    this.#trace = trace
    this.#file = context.file
    const address = context.options.address ?? 'virtual'
    if (address !== 'virtual' && address !== 'physical')
      throw new UserError('unknown kind of address', { field: '--format-option address', expected: 'virtual or physical', got: address })
    this.#physical = address === 'physical'
    this.#served = new ServedBy(trace)
    this.#threads = new Threads(trace)
    this.#tracepoints = new Tracepoints(trace, this.#threads)
  }

  line(line: string, number: number): void {
    this.#trace.line = number
    if (line === '' || line.startsWith('#')) return
    const head = HEAD.exec(line)
    if (!head) {
      this.#withoutHead(line, number)
      return
    }
    this.#lines++
    const [matched, first, second, cpuText, time] = head as unknown as string[]
    const tid = Number(second ?? first)
    if (second !== undefined && tid >= 0) this.#threads.learn(Number(first), tid)
    const cpu = cpuText === undefined ? -1 : Number(cpuText)
    if (cpu >= 0) this.#hasCpu = true
    const timeNs = this.#clock.parse(time!, 0, time!.length)
    if (Number.isNaN(timeNs)) throw this.#error('not a time', 'seconds with up to 9 decimals', time!)
    const comm = line.slice(0, head.index).trim()
    this.#afterHead(line, head.index + matched!.length, timeNs, tid, cpu, comm)
  }

  /** Period and event, where they are printed, then what the event carries. */
  #afterHead(line: string, from: number, timeNs: number, tid: number, cpu: number, comm: string): void {
    let at = skipBlanks(line, from)
    let end = wordEnd(line, at)
    let period = 1
    const second = skipBlanks(line, end)
    const secondEnd = wordEnd(line, second)
    if (line[secondEnd - 1] === ':' && secondEnd > second && isDecimal(line, at, end)) {
      period = Number(line.slice(at, end))
      at = second
      end = secondEnd
    }
    if (line.startsWith('PERF_RECORD_', at)) {
      this.#record(line.slice(at), timeNs)
      return
    }
    const hasEvent = line[end - 1] === ':' && end > at
    const event = this.#event(hasEvent ? line.slice(at, end - 1) : '')
    event.samples++
    if (event.tracepoint !== '') {
      if (!this.#tracepoints.take(event.tracepoint, timeNs, tid, cpu, comm, line.slice(end)))
        throw this.#error(`${event.tracepoint} without its fields`, 'the text of the kernel', line.slice(end).trim().slice(0, 80))
      return
    }
    if (tid >= 0) this.#sample(line, hasEvent ? end : from, timeNs, this.#threads.task(tid, comm), tid, cpu, period, event)
  }

  #sample(line: string, from: number, timeNs: number, task: number, tid: number, cpu: number, period: number, event: EventKind): void {
    const columns = this.#columns
    const words = this.#address
    columns.split(line, from)
    if (columns.physicalEnd > 0) this.#hasPhysical = true
    const [start, end] = this.#physical ? [columns.physicalStart, columns.physicalEnd] : [columns.addressStart, columns.addressEnd]
    if (end === 0) {
      this.#noAddress++
      // without any address the recording still tells where its threads ran
      if (this.#accesses === 0 && cpu >= 0) this.#threads.seen(timeNs, task, cpu)
      return
    }
    if (!words.hex(line, start, end)) throw this.#error('address beyond 64 bits', 'up to 16 hexadecimal digits', line.slice(start, end))
    if (words.high === 0 && words.low === 0) {
      this.#zeroAddress++
      return
    }
    if (event.repeats && this.#isRepeat(tid, timeNs, words)) return
    let kind = event.fallback
    if (columns.dataSrcEnd > 0) {
      if (!this.#dataSrc.hex(line, columns.dataSrcStart, columns.dataSrcEnd)) throw this.#error('data_src beyond 64 bits', '16 hexadecimal digits', '')
      const fromWord = accessKind(this.#dataSrc.low)
      if (fromWord !== 0) {
        kind = fromWord
        this.#served.count(kind, this.#dataSrc, columns.weight)
      } else if (isPrefetchOrFetch(this.#dataSrc.low)) {
        this.#prefetches++
        return
      }
    }
    if (kind === 0) {
      this.#kindUnknown++
      kind = READ
    }
    if (period < 1 || period > 1e12) throw this.#error('not a period', 'a whole number from 1 on', String(period))
    this.#periodMin = Math.min(this.#periodMin, period)
    this.#periodMax = Math.max(this.#periodMax, period)
    if (words.high >= 0x8000_0000) this.#kernelAddress++
    this.#accesses++
    this.#trace.access(timeNs, task, cpu, words.high, words.low, 0, kind, period)
  }

  #isRepeat(tid: number, timeNs: number, { high, low }: Address): boolean {
    const key = `${timeNs} ${high} ${low}`
    if (this.#lastSpe.get(tid) === key) {
      this.#repeated++
      return true
    }
    this.#lastSpe.set(tid, key)
    return false
  }

  #event(name: string): EventKind {
    let event = this.#events.get(name)
    if (!event) {
      const subsystem = /^(sched|migrate|exceptions|kmem|damon|mmap|syscalls|compaction|vmscan|raw_syscalls):(\w+)/.exec(name)
      const isStore = /stor|\bst_|write/i.test(name)
      const isLoad = /load|\bld_|read/i.test(name)
      const fallback = isStore ? WRITE : isLoad ? READ : 0
      event = { samples: 0, tracepoint: subsystem?.[2] ?? '', repeats: SPE_REPEATS.test(name), fallback }
      if (this.#events.size < 10_000) this.#events.set(name, event)
    }
    return event
  }

  /** --show-task-events, --show-lost-events. */
  #record(text: string, timeNs: number): void {
    const name = /^PERF_RECORD_\w*/.exec(text)![0]
    this.#event(name).samples++
    const fork = /^PERF_RECORD_FORK\((\d{1,10}):(\d{1,10})\)/.exec(text)
    if (fork) this.#threads.learn(Number(fork[1]), Number(fork[2]))
    const lost = /^PERF_RECORD_LOST lost (\d{1,15})/.exec(text)
    if (lost) {
      this.#lost += Number(lost[1])
      this.#trace.event({ timeNs, kind: 'lost', records: Number(lost[1]) })
    }
  }

  /** Frames of a call chain (blanks, an address, a symbol) and other output between the samples. */
  #withoutHead(line: string, number: number): void {
    if (/^\s+[0-9a-f]{1,16} /.test(line) || line.trim() === '') return
    this.#odd++
    this.#firstOddLine ||= number
  }

  finish(): void {
    const trace = this.#trace
    trace.fact('lines', this.#lines)
    for (const [name, { samples }] of [...this.#events].sort(byName)) trace.fact(`events.${name === '' ? 'unnamed' : name}`, samples)
    this.#served.finish()
    if (this.#clock.origin > 0) trace.fact('timeOriginSeconds', this.#clock.origin)
    if (this.#prefetches > 0) trace.fact('prefetchesAndFetches', this.#prefetches)
    if (this.#repeated > 0) trace.fact('repeatedSamples', this.#repeated)
    if (this.#zeroAddress > 0) trace.fact('samplesWithAddressZero', this.#zeroAddress)
    if (this.#accesses > 0) {
      trace.fact('periodMin', this.#periodMin)
      trace.fact('periodMax', this.#periodMax)
    }
    this.#tracepoints.finish()
    this.#threads.lintGuesses()
    this.#lint()
    const carries: Carried[] = ['tasks', 'time', 'events']
    if (this.#accesses + this.#tracepoints.faults > 0) carries.unshift('accesses')
    if (this.#hasCpu) carries.push('cpus')
    if (this.#hasPhysical) carries.push('physical addresses')
    trace.describe({ carries })
  }

  #lint(): void {
    const trace = this.#trace
    if (this.#noAddress > 0)
      trace.lint({
        code: 'no-data-address',
        severity: this.#accesses === 0 ? 'error' : 'warning',
        message: `${this.#noAddress} samples carry no ${this.#physical ? 'physical' : 'data'} address (the instruction pointer is not one) and count as no access`,
        advice: `Record with perf mem record or perf record -d, and print with ${RECOMMENDED}`,
      })
    if (this.#accesses > 0 && !this.#hasCpu)
      trace.lint({ code: 'cpu-unknown', severity: 'warning', message: 'no sample names its cpu', advice: 'Record with -a, -C or --sample-cpu' })
    if (this.#lost > 0)
      trace.lint({
        code: 'lost-samples',
        severity: 'warning',
        message: `the recorder lost ${this.#lost} records`,
        advice: 'Record with a longer period (-c), or larger buffers (-m)',
      })
    if (this.#kernelAddress > 0)
      trace.lint({
        code: 'kernel-addresses',
        severity: 'info',
        message: `${percent(this.#kernelAddress, this.#accesses)} of the samples lie in kernel space`,
        advice: 'Kernel memory does not migrate; record user space only with --all-user or the modifier :u',
      })
    const kinds = [...this.#events.values()].filter(({ samples, tracepoint }) => samples > 0 && tracepoint === '')
    if (this.#kindUnknown > 0 && kinds.length > 0)
      trace.lint({
        code: 'operation-unknown',
        severity: 'info',
        message: `${this.#kindUnknown} samples do not say whether they load or store, and count as loads`,
        advice: `Print data_src as well: ${RECOMMENDED}`,
      })
    if (this.#odd > 0)
      trace.lint({
        code: 'other-lines',
        severity: 'warning',
        message: `${this.#odd} lines are no output of perf script and were left out, the first is line ${this.#firstOddLine}`,
        advice: 'If samples are missing, print the recording again without other output in between',
      })
    if (this.#periodMax > this.#periodMin)
      trace.lint({
        code: 'period-varies',
        severity: 'info',
        message: `the sampling period goes from ${this.#periodMin} to ${this.#periodMax}; each sample counts with its own`,
        advice: 'A fixed period (-c) makes counts of pages easier to compare',
      })
  }

  #error(problem: string, expected: string, got: string): UserError {
    return new UserError(problem, { file: this.#file, line: this.#trace.line, expected, got: got === '' ? undefined : JSON.stringify(got) })
  }
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)}%`
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
