/** What the writers of tables of single accesses share: tasks by index, the order of time, and what has no place in a table. */
import { UserError } from '../errors.ts'
import type { TraceEvent } from './events.ts'
import type { AccessKind, LintVerdict, TraceWriter } from './format.ts'
import { OutputFile } from './output-file.ts'

/** What `op` of a row stands for, in the order of READ, WRITE, MODIFY. */
export const OPERATIONS = ['R', 'W', 'M'] as const

export abstract class TableWriter implements TraceWriter {
  line = 0
  readonly pageSize: number
  /** Rows have no place for them. */
  eventsLeftOut = 0
  /** Nor for them. */
  readonly verdicts: LintVerdict[] = []
  protected readonly out: OutputFile
  protected readonly tasks: { pid: number; tid: number }[] = []
  readonly #processes: number[] = []
  readonly #taskOf = new Map<string, number>()
  #lastNs = Number.NEGATIVE_INFINITY

  constructor(path: string, pageSize = 4096) {
    this.out = new OutputFile(path)
    this.pageSize = pageSize
  }

  process(pid: number): number {
    const known = this.#processes.indexOf(pid)
    return known >= 0 ? known : this.#processes.push(pid) - 1
  }

  task(pid: number, tid: number): number {
    const key = `${pid}/${tid}`
    let task = this.#taskOf.get(key)
    if (task === undefined) {
      task = this.tasks.push({ pid, tid }) - 1
      this.#taskOf.set(key, task)
    }
    return task
  }

  abstract access(timeNs: number, task: number, cpu: number, addressHigh: number, addressLow: number, bytes: number, kind: AccessKind, weight: number): void

  /** A table that goes back in time, or beyond whole numbers, could not be read again. */
  protected inOrder(timeNs: number): void {
    if (timeNs > Number.MAX_SAFE_INTEGER)
      throw new UserError(`record ${this.line}: time beyond 2^53 ns (104 days)`, { file: this.out.path, field: 'time', got: `${timeNs}ns` })
    if (!(timeNs >= this.#lastNs && timeNs >= 0)) {
      const expected = `${Math.max(0, this.#lastNs)}ns or later, as in the record before`
      throw new UserError(`record ${this.line}: time goes back`, { file: this.out.path, field: 'time', expected, got: `${timeNs}ns` })
    }
    this.#lastNs = timeNs
  }

  event(_event: TraceEvent): void {
    this.eventsLeftOut++
  }

  fact(): void {}
  lint(verdict: LintVerdict): void {
    this.verdicts.push(verdict)
  }
  describe(): void {}

  abstract finish(): void

  abort(): void {
    this.out.abort()
  }
}
