/** Pages that a lane moved, by reason and route, and those that it could not. */
import type { Row } from '../columns/index.ts'
import type { Machine } from '../machine/index.ts'
import type { RowErrors } from './row-errors.ts'

/** Of one reason in a time bin; flow: pages by (source node * nodes + target node). */
export interface Moves {
  flow: Float64Array
  failed: number
}

export class MoveCounts {
  readonly rows: Row[] = []
  readonly #lane: string
  readonly #machine: Machine
  readonly #errors?: RowErrors
  readonly #moves = new Map<string, Moves>()
  readonly #failures = new Map<string, { reason: string; errno: string; stage: string; retried: boolean; pages: number }>()

  constructor(lane: string, machine: Machine, errors?: RowErrors) {
    this.#lane = lane
    this.#machine = machine
    this.#errors = errors
  }

  of(reason: string): Moves {
    const known = this.#moves.get(reason)
    if (known) return known
    const moves = { flow: new Float64Array(this.#machine.nodes.length ** 2), failed: 0 }
    this.#moves.set(reason, moves)
    return moves
  }

  fail(reason: string, errno: string, stage: string, pages: number): void {
    const key = `${reason} ${errno} ${stage}`
    const seen = this.#failures.get(key)
    if (seen) seen.pages += pages
    else this.#failures.set(key, { reason, errno, stage, retried: errno === 'EAGAIN', pages })
  }

  /** Rows of the table `moves`, for the time bin that ends. */
  closeBin(endNs: number): void {
    for (const [reason, moves] of [...this.#moves].sort(([a], [b]) => (a < b ? -1 : 1))) this.#push(endNs, reason, moves)
    this.#moves.clear()
  }

  /** The failures of a reason in this bin stand on its first row. */
  #push(endNs: number, reason: string, { flow, failed }: Moves): void {
    const { nodes } = this.#machine
    let left = failed
    const push = (from: number, to: number, pages: number) => {
      const row: Row = { lane: this.#lane, time_ns: endNs, reason, from_node: nodes[from]!.id, to_node: nodes[to]!.id, pages, failed: left }
      this.#errors?.move(row, reason, from * nodes.length + to)
      this.rows.push(row)
      left = 0
    }
    for (let i = 0; i < flow.length; i++) if (flow[i]! > 0) push(Math.floor(i / nodes.length), i % nodes.length, flow[i]!)
    if (left > 0) push(0, 0, 0)
  }

  failureRows(): Row[] {
    return [...this.#failures].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, failure]) => ({ lane: this.#lane, ...failure }))
  }
}
