/** Task moves that no scheduler event told: a task's accesses come from another cpu than before. */
import type { TraceEvent } from './events.ts'

/** At most one per task and tick, at the start of the tick. */
export interface TaskMove {
  timeNs: number
  task: number
  cpu: number
}

/** The moves of a trace, as its accesses come. */
export class MoveList {
  readonly moves: TaskMove[] = []
  readonly #last: (TaskMove | undefined)[] = []

  /** The task is on this cpu in the tick that starts at `tickStartNs`, and was on another one. */
  note(task: number, cpu: number, tickStartNs: number): void {
    const last = this.#last[task]
    if (last?.timeNs === tickStartNs) last.cpu = cpu
    else this.add({ timeNs: tickStartNs, task, cpu })
  }

  add(move: TaskMove): void {
    this.#last[move.task] = move
    this.moves.push(move)
  }
}

/** Moves join the events at the start of their final tick, after the events recorded for that instant. */
export function withMoves(events: TraceEvent[], moves: TaskMove[], tickStartNs: Float64Array): TraceEvent[] {
  const joined: TraceEvent[] = []
  let event = 0
  let tick = 0
  const inTick = new Map<number, TraceEvent>()
  for (const { timeNs, task, cpu } of moves) {
    if (tickStartNs[tick + 1]! <= timeNs) inTick.clear()
    while (tickStartNs[tick + 1]! <= timeNs) tick++
    const startNs = tickStartNs[tick]!
    while (event < events.length && events[event]!.timeNs <= startNs) joined.push(events[event++]!)
    const earlier = inTick.get(task)
    const move: TraceEvent = { timeNs: startNs, kind: 'task_runs_on', task, cpu }
    if (earlier?.kind === 'task_runs_on') earlier.cpu = cpu
    else joined.push(move)
    if (!earlier) inTick.set(task, move)
  }
  while (event < events.length) joined.push(events[event++]!)
  return joined
}
