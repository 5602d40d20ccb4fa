/**
 * Kernel tracepoints that say something about memory placement, as perf script, ftrace and trace-cmd print their text
 * (Linux include/trace/events/{sched,migrate}.h, arch/x86/include/asm/trace/exceptions.h). Fields are `key=value`, and older
 * kernels print fewer of them, so they are looked up by name.
 */
import { Address, READ, type TraceWriter, WRITE } from '../../src/trace/index.ts'
import type { Threads } from './threads.ts'

export class Tracepoints {
  readonly #trace: TraceWriter
  readonly #threads: Threads
  readonly #address = new Address()
  #notNuma = 0
  /** Page faults, which count as accesses. */
  faults = 0

  constructor(trace: TraceWriter, threads: Threads) {
    this.#trace = trace
    this.#threads = threads
  }

  /** One event; false when its text is not what the kernel prints for this name. Other events say nothing here. */
  take(name: string, timeNs: number, tid: number, cpu: number, comm: string, text: string): boolean {
    switch (name) {
      case 'sched_migrate_task':
        return this.#migrateTask(timeNs, text)
      case 'mm_migrate_pages':
        return this.#migratePages(timeNs, text)
      case 'page_fault_user':
        return this.#pageFault(timeNs, tid, cpu, comm, text)
      default:
        return true
    }
  }

  /** The migrated thread is in the text; the head of the line names whoever moved it. comm= may hold blanks. */
  #migrateTask(timeNs: number, text: string): boolean {
    const tid = wholeNumber(text, ' pid=')
    const cpu = wholeNumber(text, ' dest_cpu=')
    if (Number.isNaN(tid) || Number.isNaN(cpu)) return false
    this.#threads.moved(timeNs, tid, cpu)
    return true
  }

  /** Counts of one migrate_pages() call; neither address nor node. Compaction and hotplug are not NUMA placement. */
  #migratePages(timeNs: number, text: string): boolean {
    const succeeded = wholeNumber(text, 'nr_succeeded=')
    const failed = wholeNumber(text, 'nr_failed=')
    const reason = word(text, 'reason=')
    if (Number.isNaN(succeeded) || Number.isNaN(failed) || reason === '') return false
    if (/^(compaction|memory_failure|memory_hotplug|contig_range|cma|longterm_pin)$/.test(reason)) this.#notNuma++
    else this.#trace.event({ timeNs, kind: 'kernel_migrated', succeeded, failed, reason })
    return true
  }

  /** error_code bit 1 = write (x86 X86_PF_WRITE). A fault is an access: the first of its page, or a NUMA hint fault. */
  #pageFault(timeNs: number, tid: number, cpu: number, comm: string, text: string): boolean {
    const from = text.indexOf('address=')
    const codeFrom = text.indexOf('error_code=')
    if (from < 0 || codeFrom < 0 || !this.#address.hex(text, from + 8, wordEnd(text, from + 8))) return false
    const code = Number(word(text, 'error_code='))
    if (!Number.isSafeInteger(code)) return false
    this.faults++
    const task = this.#threads.task(tid, comm)
    this.#trace.access(timeNs, task, cpu, this.#address.high, this.#address.low, 0, (code & 2) !== 0 ? WRITE : READ, 1)
    return true
  }

  finish(): void {
    if (this.faults > 0) this.#trace.fact('pageFaults', this.faults)
    if (this.#notNuma > 0) this.#trace.fact('migrationsNotNuma', this.#notNuma)
  }
}

function wordEnd(text: string, from: number): number {
  let end = from
  while (end < text.length && text.charCodeAt(end) > 0x20) end++
  return end
}

function word(text: string, key: string): string {
  // the last one: comm= comes first and may hold anything
  const at = text.lastIndexOf(key)
  return at < 0 ? '' : text.slice(at + key.length, wordEnd(text, at + key.length))
}

function wholeNumber(text: string, key: string): number {
  const value = word(text, key)
  return /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
}
