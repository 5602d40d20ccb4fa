/**
 * From loads and stores to memory traffic: a TraceWriter in front of another that lets pass what misses a last-level cache.
 * A load or store that misses reads its line from memory (write-allocate); a dirty line that leaves is written back at the time
 * and by the task that touched it last. Caches are per domain (socket or node); cpus that are not known share one.
 */
import { UserError } from '../errors.ts'
import { type AccessKind, type LintVerdict, READ, type TraceEvent, type TraceWriter, WRITE } from '../trace/index.ts'
import { Cache } from './cache.ts'
import { type CacheGeometry, describeGeometry } from './geometry.ts'

export interface CacheDomains {
  /** Number of the cache behind each recorded cpu; cpus that are not in the list use the first. */
  domainOfCpu: ReadonlyMap<number, number>
  /** For the description: "one per node", "one for all cpus". */
  about: string
}

export const ONE_CACHE: CacheDomains = { domainOfCpu: new Map(), about: 'one for all cpus' }

export class CacheFilter implements TraceWriter {
  line = 0
  readonly pageSize: number
  readonly #trace: TraceWriter
  readonly #geometry: CacheGeometry
  readonly #domains: CacheDomains
  readonly #lineShift: number
  readonly #caches: Cache[] = []
  /** Per task: process, and cpu of its last access. */
  readonly #process: number[] = []
  readonly #cpu: number[] = []
  /** Accesses by cpus that have no cache of their own. */
  #elsewhere = 0
  #lookups = 0
  #readMisses = 0
  #writeMisses = 0
  #writeBacks = 0

  constructor(trace: TraceWriter, geometry: CacheGeometry, domains: CacheDomains = ONE_CACHE) {
    this.#trace = trace
    this.pageSize = trace.pageSize
    this.#geometry = geometry
    this.#domains = domains
    this.#lineShift = Math.log2(geometry.lineBytes)
  }

  process(pid: number): number {
    return this.#trace.process(pid)
  }

  task(pid: number, tid: number): number {
    const task = this.#trace.task(pid, tid)
    this.#process[task] = this.#trace.process(pid)
    this.#cpu[task] ??= -1
    return task
  }

  access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void {
    if (weight !== 1)
      throw new UserError('samples cannot go through a cache', {
        field: '--cache',
        expected: 'a recording of every access',
        got: `an access that stands for ${weight}`,
        hint: 'Samples of perf mem say themselves which level answered; import them without --cache',
      })
    if (cpu >= 0) this.#cpu[task] = cpu
    const cache = this.#cacheOf(this.#cpu[task]!)
    if (this.#domains.domainOfCpu.size > 0 && !this.#domains.domainOfCpu.has(this.#cpu[task]!)) this.#elsewhere++
    const shift = this.#lineShift
    const process = this.#process[task]!
    const isWrite = kind !== READ
    const last = (addressLow & (this.#geometry.lineBytes - 1)) + Math.max(bytes, 1) - 1
    let low = ((addressLow >>> shift) | (addressHigh << (32 - shift))) >>> 0
    let high = addressHigh >>> shift
    for (let offset = 0; offset <= last; offset += this.#geometry.lineBytes) {
      this.#lookups++
      if (!cache.access(high, low, process, task, isWrite)) {
        if (isWrite) this.#writeMisses++
        else this.#readMisses++
        this.#toMemory(timeNs, task, cpu, high, low, READ)
        if (cache.hasVictim) {
          this.#writeBacks++
          this.#toMemory(timeNs, cache.victimTask, -1, cache.victimHigh, cache.victimLow, WRITE)
        }
      }
      low = (low + 1) >>> 0
      if (low === 0) high++
    }
  }

  #toMemory(timeNs: number, task: number, cpu: number, lineHigh: number, lineLow: number, kind: AccessKind): void {
    const shift = this.#lineShift
    this.#trace.line = this.line
    this.#trace.access(timeNs, task, cpu, ((lineHigh << shift) | (lineLow >>> (32 - shift))) >>> 0, (lineLow << shift) >>> 0, this.#geometry.lineBytes, kind, 1)
  }

  #cacheOf(cpu: number): Cache {
    const domain = this.#domains.domainOfCpu.get(cpu) ?? 0
    let cache = this.#caches[domain]
    if (!cache) {
      cache = new Cache(this.#geometry)
      this.#caches[domain] = cache
    }
    return cache
  }

  event(event: TraceEvent): void {
    if (event.kind === 'task_runs_on') this.#cpu[event.task] = event.cpu
    this.#trace.event(event)
  }

  fact(name: string, value: number | string | boolean): void {
    this.#trace.fact(name, value)
  }

  lint(verdict: LintVerdict): void {
    // what it advises is being done
    if (verdict.code !== 'before-cache') this.#trace.lint(verdict)
  }

  describe(file: Parameters<TraceWriter['describe']>[0]): void {
    if (file.filtered !== undefined)
      throw new UserError('the trace is filtered already', { field: '--cache', got: file.filtered, hint: 'Import it without --cache' })
    if (file.fidelity === 'samples' || file.fidelity === 'regions')
      throw new UserError('only a recording of every access can go through a cache', {
        field: '--cache',
        got: file.fidelity,
        hint: 'Import it without --cache',
      })
    this.#trace.describe(file)
  }

  /** Says what was filtered, when everything has been read. */
  finish(): void {
    const misses = this.#readMisses + this.#writeMisses
    this.#trace.describe({ filtered: `${describeGeometry(this.#geometry)} (${this.#domains.about})` })
    const facts = {
      'cache.lookups': this.#lookups,
      'cache.readMisses': this.#readMisses,
      'cache.writeMisses': this.#writeMisses,
      'cache.writeBacks': this.#writeBacks,
      'cache.dirtyAtEnd': this.#caches.reduce((sum, cache) => sum + (cache?.dirtyLines ?? 0), 0),
    }
    for (const [name, value] of Object.entries(facts)) this.#trace.fact(name, value)
    if (this.#elsewhere > 0)
      this.#trace.lint({
        code: 'cpus-without-cache',
        severity: 'warning',
        message: `${this.#elsewhere} accesses come from cpus that are unknown or not of the machine: they went through its first cache`,
        advice: 'Import with the machine that the recording was made on, or give one geometry for all',
      })
    const absorbed = this.#lookups === 0 ? 0 : 1 - misses / this.#lookups
    this.#trace.lint({
      code: 'cache-absorbed',
      severity: misses === 0 ? 'warning' : 'info',
      message: `the cache absorbed ${(absorbed * 100).toFixed(1)}% of the accesses`,
      advice:
        absorbed > 0.999
          ? 'A working set that fits the cache leaves no memory traffic: choose a smaller cache or a larger input'
          : 'What is left is memory traffic',
    })
  }
}
