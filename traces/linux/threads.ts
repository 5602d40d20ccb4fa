/** Which task a recorded thread is, where recordings name threads (tid) and only sometimes their process (pid). */
import type { TraceWriter } from '../../src/trace/index.ts'

export class Threads {
  readonly #trace: TraceWriter
  /** tid -> pid, as far as known. */
  readonly #pidOf = new Map<number, number>()
  /** Command name -> pid of its first thread: how threads are put together when the recording names no process. */
  readonly #pidOfName = new Map<string, number>()
  readonly #taskOf = new Map<number, number>()
  /** Task -> cpu on which it was seen last. */
  readonly #cpuOf = new Map<number, number>()
  guessedPids = false

  constructor(trace: TraceWriter) {
    this.#trace = trace
  }

  learn(pid: number, tid: number): void {
    if (this.#pidOf.get(tid) === pid) return
    this.#pidOf.set(tid, pid)
    this.#taskOf.delete(tid)
  }

  /** The task of a thread that makes an access. Without a pid, threads of the same command name count as one process. */
  task(tid: number, name: string): number {
    const known = this.#taskOf.get(tid)
    if (known !== undefined) return known
    let pid = this.#pidOf.get(tid)
    if (pid === undefined) {
      this.guessedPids = true
      pid = this.#pidOfName.get(name) ?? tid
      this.#pidOfName.set(name, pid)
    }
    const task = this.#trace.task(pid, tid)
    this.#taskOf.set(tid, task)
    return task
  }

  /** The scheduler moved a thread. Threads that never access memory in this recording stay out of the trace. */
  moved(timeNs: number, tid: number, cpu: number): void {
    const task = this.#taskOf.get(tid)
    if (task === undefined) return
    this.#cpuOf.set(task, cpu)
    this.#trace.event({ timeNs, kind: 'task_runs_on', task, cpu })
  }

  /** A thread was seen on a cpu without an access: a move, if it is another cpu than before. */
  seen(timeNs: number, task: number, cpu: number): void {
    if (this.#cpuOf.get(task) === cpu) return
    this.#cpuOf.set(task, cpu)
    this.#trace.event({ timeNs, kind: 'task_runs_on', task, cpu })
  }

  lintGuesses(): void {
    if (!this.guessedPids) return
    this.#trace.lint({
      code: 'process-unknown',
      severity: 'warning',
      message: 'the recording names threads but not their processes; threads of the same command name were taken as one process',
      advice: 'Print the process too: perf script -F comm,pid,tid,cpu,time,period,event,addr,phys_addr,weight,data_src,ip,sym --ns',
    })
  }
}
