/** Who accesses: processes, tasks, and actors, the pairs of task and cpu; and the moves of tasks that their accesses show. */
import type { UserError } from '../errors.ts'
import { type Heap, NOWHERE, TASK, TASK_WORDS } from '../wasm/index.ts'
import type { AccessBatch } from './access-batch.ts'
import type { TraceTask } from './prepared.ts'
import { MoveList, type TaskMove } from './task-moves.ts'

const MOST = 0x1_0000
const TASK_CACHE = 256
const UNKNOWN_CPU = -1

export interface SavedActors {
  processes: number[]
  tasks: { pid: number; tid: number }[]
  taskCpu: Int32Array
  actors: { task: number; cpu: number; isCpuKnown: boolean; reads: number; writes: number }[]
  moves: TaskMove[]
}

interface Actor {
  task: number
  cpu: number
  /** Recorded, not guessed. */
  isCpuKnown: boolean
}

export class Actors {
  readonly processes: number[] = []
  readonly tasks: TraceTask[] = []
  readonly actors: Actor[] = []
  readonly #heap: Heap
  readonly #fail: (problem: string) => UserError
  readonly #processOf = new Map<number, number>()
  readonly #taskOf = new Map<string, number>()
  /** Direct-mapped cache in front of it, by tid. */
  readonly #cachedPid = new Float64Array(TASK_CACHE).fill(Number.NaN)
  readonly #cachedTid = new Float64Array(TASK_CACHE).fill(Number.NaN)
  readonly #cachedTask = new Uint16Array(TASK_CACHE)
  readonly #actorOf = new Map<number, number>()
  readonly #moves = new MoveList()
  #taskRoom = 64
  #actorRoom = 64
  /** Address of the state of each task (wasm/batch.ts). */
  state: number
  /** Address of reads and writes of each actor. */
  sums: number

  /** `fail` makes the error of a table that is full. */
  constructor(heap: Heap, fail: (problem: string) => UserError) {
    this.#heap = heap
    this.#fail = fail
    this.state = heap.take(4 * TASK_WORDS * this.#taskRoom)
    this.sums = heap.take(16 * this.#actorRoom)
  }

  /** At most one per task and tick, at the start of the tick. */
  get moves(): TaskMove[] {
    return this.#moves.moves
  }

  knownProcess(pid: number): number | undefined {
    return this.#processOf.get(pid)
  }

  newProcess(pid: number): number {
    const index = this.processes.push(pid) - 1
    if (index >= MOST) throw this.#fail('more than 65,536 processes')
    this.#processOf.set(pid, index)
    return index
  }

  knownTask(pid: number, tid: number): number | undefined {
    const slot = tid & (TASK_CACHE - 1)
    if (this.#cachedTid[slot] === tid && this.#cachedPid[slot] === pid) return this.#cachedTask[slot]!
    const task = this.#taskOf.get(`${pid}/${tid}`)
    if (task === undefined) return undefined
    this.#cachedTid[slot] = tid
    this.#cachedPid[slot] = pid
    this.#cachedTask[slot] = task
    return task
  }

  newTask(pid: number, tid: number): number {
    const process = this.knownProcess(pid) ?? this.newProcess(pid)
    const task = this.tasks.push({ pid, tid, process, accesses: 0 }) - 1
    if (task >= MOST) throw this.#fail('more than 65,536 tasks')
    this.#taskOf.set(`${pid}/${tid}`, task)
    if (task === this.#taskRoom) {
      this.state = this.#heap.widen(this.state, 4 * TASK_WORDS * this.#taskRoom)
      this.#taskRoom *= 2
    }
    this.#set(task, 'cpu', NOWHERE)
    this.#set(task, 'actor', NOWHERE)
    this.#set(task, 'high', NOWHERE)
    this.#set(task, 'process', process)
    this.#set(task, 'ordinal', 0)
    return task
  }

  #set(task: number, field: keyof typeof TASK, value: number): void {
    this.#heap.u32[(this.state >>> 2) + task * TASK_WORDS + TASK[field]] = value
  }

  get(task: number, field: keyof typeof TASK): number {
    return this.#heap.u32[(this.state >>> 2) + task * TASK_WORDS + TASK[field]]!
  }

  /** Number in the digest. */
  setOrdinal(task: number, ordinal: number): void {
    this.#set(task, 'ordinal', ordinal)
  }

  /** Page number, page and space of the last access. */
  setPage(task: number, high: number, low: number, page: number): void {
    this.#set(task, 'high', high)
    this.#set(task, 'low', low)
    this.#set(task, 'page', page)
  }

  /** The scheduler's own word. */
  runsOn(task: number, cpu: number): void {
    this.#set(task, 'cpu', cpu)
    this.#set(task, 'actor', NOWHERE)
  }

  /** Actors of rows [from, to); adds the bytes they move to the f64 at `bytes`. */
  find(batch: AccessBatch, from: number, to: number, bytes: number, tickStartNs: number, onRow: (row: number) => void): void {
    const { kernels } = this.#heap
    for (let i = kernels.findActors(this.#heap, batch.at, from, to, this.state, bytes); i < to; ) {
      onRow(i)
      this.#place(batch.task[i]!, batch.cpu[i]! | 0, tickStartNs)
      i = kernels.findActors(this.#heap, batch.at, i, to, this.state, bytes)
    }
  }

  /** Another cpu than the task's last one, or its first access there. */
  #place(task: number, recordedCpu: number, tickStartNs: number): void {
    const before = this.get(task, 'cpu') | 0
    const cpu = recordedCpu === UNKNOWN_CPU ? before : recordedCpu
    if (before !== UNKNOWN_CPU && cpu !== before) this.#moves.note(task, cpu, tickStartNs)
    const key = keyOf(task, cpu)
    let actor = this.#actorOf.get(key)
    if (actor === undefined) {
      actor = this.#newActor({ task, cpu: Math.max(cpu, 0), isCpuKnown: cpu !== UNKNOWN_CPU })
      if (actor >= MOST) throw this.#fail('more than 65,536 pairs of task and cpu')
    }
    this.#set(task, 'cpu', cpu)
    this.#set(task, 'actor', actor)
  }

  #newActor(actor: Actor): number {
    const index = this.actors.push(actor) - 1
    this.#actorOf.set(keyOf(actor.task, actor.isCpuKnown ? actor.cpu : UNKNOWN_CPU), index)
    if (index === this.#actorRoom) {
      this.sums = this.#heap.widen(this.sums, 16 * this.#actorRoom)
      this.#actorRoom *= 2
    }
    return index
  }

  reads(actor: number): number {
    return this.#heap.f64[(this.sums >>> 3) + 2 * actor]!
  }

  writes(actor: number): number {
    return this.#heap.f64[(this.sums >>> 3) + 2 * actor + 1]!
  }

  /** Counts that no pair holds. */
  count(actor: number, reads: number, writes: number): void {
    this.#heap.f64[(this.sums >>> 3) + 2 * actor]! += reads
    this.#heap.f64[(this.sums >>> 3) + 2 * actor + 1]! += writes
  }

  saved(): SavedActors {
    return {
      processes: this.processes,
      tasks: this.tasks.map(({ pid, tid }) => ({ pid, tid })),
      taskCpu: Int32Array.from(this.tasks, (_, task) => this.get(task, 'cpu')),
      actors: this.actors.map((actor, i) => ({ ...actor, reads: this.reads(i), writes: this.writes(i) })),
      moves: this.moves,
    }
  }

  restore({ processes, tasks, taskCpu, actors, moves }: SavedActors): void {
    for (const pid of processes) this.knownProcess(pid) ?? this.newProcess(pid)
    tasks.forEach(({ pid, tid }, i) => {
      const task = this.knownTask(pid, tid) ?? this.newTask(pid, tid)
      this.#set(task, 'cpu', taskCpu[i]!)
    })
    for (const { reads, writes, ...actor } of actors) this.count(this.#newActor(actor), reads, writes)
    for (const move of moves) this.#moves.add(move)
  }
}

const keyOf = (task: number, cpu: number): number => task * 2 ** 17 + cpu + 1
