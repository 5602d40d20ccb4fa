/** Follows migrations stage by stage, of chosen pages or of one batch, so that the protocol can be read on a live example. */
import type { Row } from '../columns/index.ts'
import { errnoName, type StageObserver } from '../kernel/index.ts'
import type { ReplayContext } from './context.ts'

export interface Followed {
  /** Dense page ids. */
  pages: number[]
  /** The first migrate_pages() call at or after this time, ns since the start of the trace. */
  batchAtNs?: number
}

/** Enough for a batch of 512 pages with all its stages; a log beyond that is not read. */
const MOST_ROWS = 10_000

export class StageLog {
  readonly rows: Row[] = []
  readonly #context: ReplayContext
  readonly #lane: string
  readonly #pages: Set<number>
  #batchAtNs: number
  #nowNs = 0
  #call = 1

  constructor(context: ReplayContext, lane: string, { pages, batchAtNs = Number.POSITIVE_INFINITY }: Followed) {
    this.#context = context
    this.#lane = lane
    this.#pages = new Set(pages)
    this.#batchAtNs = batchAtNs
  }

  at(sinceStartNs: number): void {
    this.#nowNs = sinceStartNs
  }

  readonly onStage: StageObserver = ({ folio, stage, round, mode, errno }) => {
    const isWanted = this.#pages.has(folio) || this.#nowNs >= this.#batchAtNs
    if (!isWanted || this.rows.length >= MOST_ROWS) return
    const { pageVpage, pageProcess, processes, meta } = this.#context.trace
    this.rows.push({
      lane: this.#lane,
      time_ns: this.#nowNs,
      call: this.#call,
      pid: processes[pageProcess[folio]!]!,
      address: `0x${(pageVpage[folio]! * meta.pageSize).toString(16)}`,
      stage,
      round,
      mode,
      outcome: errno === 0 ? 'ok' : errnoName(errno),
    })
  }

  /** A migrate_pages() call has ended. */
  callEnded(): void {
    this.#call++
    if (this.#nowNs >= this.#batchAtNs && this.rows.length > 0) this.#batchAtNs = Number.POSITIVE_INFINITY
  }
}
