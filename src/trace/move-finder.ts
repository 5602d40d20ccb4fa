/** Moves of tasks as kept accesses show them: what Actors finds out when a recording is read, where the actors are known. */
import type { FoldableRuns } from '../wasm/index.ts'
import { isCpuGuessed } from './access-codec.ts'
import type { TraceEvent } from './events.ts'
import type { PreparedTrace } from './prepared.ts'
import { MoveList, type TaskMove } from './task-moves.ts'

const UNKNOWN_CPU = -1
const NO_ACTOR = -1

export class MoveFinder {
  readonly #actorTask: Uint16Array
  readonly #actorCpu: Uint16Array
  /** By task: of its last access, or told since by an event. */
  readonly #cpu: Int32Array
  readonly #actor: Int32Array
  readonly #found = new MoveList()
  /** A task that stays one actor, of which no event tells anything, does not move. */
  readonly #canMove: boolean

  constructor({ actorTask, actorCpu, tasks }: PreparedTrace, events: readonly TraceEvent[]) {
    this.#actorTask = actorTask
    this.#actorCpu = actorCpu
    this.#cpu = new Int32Array(tasks.length).fill(UNKNOWN_CPU)
    this.#actor = new Int32Array(tasks.length).fill(NO_ACTOR)
    this.#canMove = new Set(actorTask).size < actorTask.length || events.some(({ kind }) => kind === 'task_runs_on')
  }

  /** At most one per task and tick, at the start of the tick. */
  get moves(): TaskMove[] {
    return this.#found.moves
  }

  event(event: TraceEvent): void {
    if (event.kind !== 'task_runs_on') return
    this.#cpu[event.task] = event.cpu
    this.#actor[event.task] = NO_ACTOR
  }

  /** Accesses [from, to) of runs, in which run `run` is the first; their tick starts at `startNs`. */
  look(runs: FoldableRuns, run: number, from: number, to: number, startNs: number): void {
    if (!this.#canMove) return
    const { actor, starts, count } = runs
    for (let r = run; r < count && starts[r]! < to; r++) {
      const by = actor[r]!
      const task = this.#actorTask[by]!
      if (this.#actor[task] === by) continue
      this.#actor[task] = by
      const before = this.#cpu[task]!
      if (before === UNKNOWN_CPU && isCpuGuessed(runs, Math.max(from, starts[r]!))) continue
      const cpu = this.#actorCpu[by]!
      if (before !== UNKNOWN_CPU && before !== cpu) this.#found.note(task, cpu, startNs)
      this.#cpu[task] = cpu
    }
  }
}
