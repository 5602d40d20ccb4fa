/**
 * What DAMON reports as accesses. A region's nr_accesses is in how many of the checks of one aggregation interval the sampled
 * page was found accessed (Documentation/mm/damon/design.rst): not a count of accesses, but the best estimate for every page of
 * the region. So each page of the region is accessed nr_accesses times, at the time when the kernel reported the region.
 */
import { GrowableF64, GrowableU32 } from '../../src/columns/index.ts'
import { UserError } from '../../src/errors.ts'
import { Address, READ, type TraceWriter } from '../../src/trace/index.ts'

/** 64 GiB of 4 KiB pages, 32 TiB of 2 MiB pages: more in one region is a damaged file or wants larger pages. */
const MOST_PAGES = 2 ** 24

export class Regions {
  readonly #trace: TraceWriter
  readonly #file: string
  /** target_id as printed (an index, or a kernel pointer on old kernels) -> task. */
  readonly #targets = new Map<string, number>()
  #regions = 0
  #accessed = 0
  #mostAccesses = 0
  #snapshots = 0

  constructor(trace: TraceWriter, file: string) {
    this.#trace = trace
    this.#file = file
  }

  /** Targets become processes numbered from 0 in order of appearance, because DAMON does not say which process they are. */
  target(id: string): number {
    let task = this.#targets.get(id)
    if (task === undefined) {
      const index = this.#targets.size
      task = this.#trace.task(index, index)
      this.#targets.set(id, task)
      this.#trace.fact(`target.${index}`, id)
    }
    return task
  }

  snapshot(): void {
    this.#snapshots++
  }

  /** [start, end) was found accessed `accesses` times. */
  region(timeNs: number, target: number, start: Address, end: Address, accesses: number): void {
    this.#regions++
    if (accesses === 0) return
    this.#accessed++
    this.#mostAccesses = Math.max(this.#mostAccesses, accesses)
    const pageSize = this.#trace.pageSize
    const length = (end.high - start.high) * 2 ** 32 + (end.low - start.low)
    const offset = start.low & (pageSize - 1)
    const pages = Math.ceil((offset + length) / pageSize)
    if (length <= 0 || pages > MOST_PAGES)
      throw new UserError(length <= 0 ? 'a region that ends before it starts' : 'a region of more than 2^24 pages', {
        file: this.#file,
        line: this.#trace.line,
        hint: length <= 0 ? undefined : 'Give a larger page size: --page-size 2MiB',
      })
    let { high, low } = start
    low = (low - offset) >>> 0
    for (let page = 0; page < pages; page++) {
      this.#trace.access(timeNs, target, -1, high, low, 0, READ, accesses)
      low = (low + pageSize) >>> 0
      if (low < pageSize) high++
    }
  }

  finish(): void {
    const trace = this.#trace
    trace.fact('snapshots', this.#snapshots)
    trace.fact('regions', this.#regions)
    trace.fact('regionsAccessed', this.#accessed)
    trace.fact('mostAccessesOfRegion', this.#mostAccesses)
    trace.lint({
      code: 'regions',
      severity: 'info',
      message: 'counts are how often DAMON found a page of each region accessed, not accesses; reads, writes, threads and cpus are unknown',
      advice: 'Compare pages with each other, not with traces of single accesses; where the cpu matters, record samples with perf mem',
    })
  }
}

/** Regions from reports that go through the whole time once per target: kept in 32 bytes each, then sorted by time. */
export class RegionsOfManyTargets {
  readonly #regions: Regions
  readonly #timeNs = new GrowableF64()
  readonly #numbers = new GrowableU32()

  constructor(regions: Regions) {
    this.#regions = regions
  }

  push(timeNs: number, target: number, start: Address, end: Address, accesses: number): void {
    this.#timeNs.push(timeNs)
    for (const number of [target, start.high, start.low, end.high, end.low, accesses]) this.#numbers.push(number)
  }

  finish(): void {
    const timeNs = this.#timeNs.trimmed()
    const numbers = this.#numbers.data
    const order = Uint32Array.from(timeNs.keys()).sort((a, b) => timeNs[a]! - timeNs[b]! || a - b)
    const start = new Address()
    const end = new Address()
    for (const i of order) {
      start.high = numbers[6 * i + 1]!
      start.low = numbers[6 * i + 2]!
      end.high = numbers[6 * i + 3]!
      end.low = numbers[6 * i + 4]!
      this.#regions.region(timeNs[i]!, numbers[6 * i]!, start, end, numbers[6 * i + 5]!)
    }
    this.#regions.finish()
  }
}
