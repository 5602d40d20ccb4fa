/** Which pages of a sampled import are kept (page-sample.ts), as batches come in, and what they and the others stand for. */
import { UserError } from '../errors.ts'
import { formatCount } from '../units.ts'
import { NO_PAGE } from '../wasm/index.ts'
import type { AccessBatch } from './access-batch.ts'
import type { Actors } from './actors.ts'
import { type LintVerdict, MODIFY, READ, WRITE } from './format.ts'
import { EXACT, kindOf, LEFT_OUT, type PageSample } from './page-sample.ts'
import type { PageTable } from './pages.ts'
import type { PageSampleFacts } from './prepared.ts'

/** Sampled pages from which on the spread between them is known well. */
const FEW_PAGES = 500

export class SampledPages {
  readonly oneIn: number
  readonly #sample: PageSample
  readonly #pages: PageTable
  readonly #actors: Actors
  readonly #pageShift: number
  /** 1 for a kept page that stands for itself alone. */
  #isExact: Uint8Array = new Uint8Array(1024)
  /** Accesses to sampled pages that are kept, and to pages that are left out. */
  #sampledAccesses = 0
  #leftOutAccesses = 0

  constructor(sample: PageSample, pages: PageTable, actors: Actors, pageShift: number) {
    this.oneIn = sample.oneIn
    this.#sample = sample
    this.#pages = pages
    this.#actors = actors
    this.#pageShift = pageShift
  }

  /** Ids of the pages of rows [from, to), NO_PAGE for those left out, whose accesses are counted here. */
  find(batch: AccessBatch, from: number, to: number): void {
    const shift = this.#pageShift
    for (let i = from; i < to; i++) {
      const high = batch.high[i]! >>> shift
      const page = this.#pageOf(batch.task[i]!, high, ((batch.low[i]! >>> shift) | (batch.high[i]! << (32 - shift))) >>> 0)
      batch.page[i] = page
      const kind = batch.kind[i]!
      const weight = batch.weight[i]!
      const accesses = kind === MODIFY ? 2 * weight : weight
      if (page === NO_PAGE) {
        this.#leftOutAccesses += accesses
        this.#actors.count(batch.actor[i]!, (kind & READ) * weight, ((kind & WRITE) >>> 1) * weight)
      } else if (this.#isExact[page] === 0) this.#sampledAccesses += accesses
    }
  }

  #pageOf(task: number, high: number, low: number): number {
    const actors = this.#actors
    if (actors.get(task, 'high') === high && actors.get(task, 'low') === low) return actors.get(task, 'page')
    const { pid, process } = actors.tasks[task]!
    const kind = kindOf(this.#sample, pid, high, low)
    const page = kind === LEFT_OUT ? NO_PAGE : this.#pages.id(this.#pages.space(process, high), low)
    actors.setPage(task, high, low, page)
    if (page !== NO_PAGE && page >= this.#isExact.length) this.#isExact = widened(this.#isExact, page + 1)
    if (kind === EXACT) this.#isExact[page] = 1
    return page
  }

  exactPages(): Uint32Array {
    return Uint32Array.from(this.#exactPages())
  }

  *#exactPages(): Iterable<number> {
    for (let page = 0; page < this.#pages.count; page++) if (this.#isExact[page] === 1) yield page
  }

  /** Throws when the sample cannot stand for the recording. */
  facts(exactPages: number, records: number, file: string, lint: (verdict: LintVerdict) => void): PageSampleFacts {
    const { oneIn } = this
    const sampledPages = this.#pages.count - exactPages
    const refuse = (problem: string) => new UserError(problem, { file, field: '--sample', expected: 'a larger share of the pages', got: `1/${oneIn}` })
    if (this.#pages.count === 0 && records > 0) throw refuse('the sample holds no page of this trace')
    if (this.#sampledAccesses === 0 && this.#leftOutAccesses > 0)
      throw refuse(`the sample holds none of the pages that get ${formatCount(this.#leftOutAccesses)} accesses, and nothing can stand for them`)
    if (this.#leftOutAccesses > 0 && sampledPages < FEW_PAGES)
      lint({
        code: 'sample-small',
        severity: 'warning',
        message: `only ${formatCount(sampledPages)} pages stand for all that are not kept exactly: figures and their error estimates are rough`,
        advice: `Sample more than 1/${oneIn} of the pages`,
      })
    return { oneIn, exactPages, sampledPages, sampledAccesses: this.#sampledAccesses, leftOutAccesses: this.#leftOutAccesses }
  }
}

function widened(bytes: Uint8Array, length: number): Uint8Array {
  const wider = new Uint8Array(Math.max(length, 2 * bytes.length))
  wider.set(bytes)
  return wider
}
