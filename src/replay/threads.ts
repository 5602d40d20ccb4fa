/**
 * Lanes dealt out to threads, of which this one is the first: results come back in the order of the lanes and are the same for any
 * number. Threads beyond the lanes decode blocks ahead of them. A thread that is done stays for the next replay of the process (it has the engine loaded and compiled, and the trace in
 * reach of its kernels), but does not keep the process alive.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { UserError } from '../errors.ts'
import { CODE_ROOT, MODULE_EXTENSION, PACKAGE_ROOT } from '../package.ts'
import { abandonRelay, type PreparedTrace, RelayAbandoned, type RelayMemory, relayMemory, relayReader, shareTrace } from '../trace/index.ts'
import type { LaneResult } from './lane-result.ts'
import { byAddress } from './layout.ts'
import { type LanesOptions, replayLanes } from './pass.ts'
import type { ReplayPlan } from './plan.ts'
import { isResidentNext } from './window.ts'
import type { WorkerAnswer, WorkerTask } from './worker.ts'

const PROGRESS_MS = 100

/** One part of the lanes, being replayed elsewhere. */
interface Running {
  thread: Thread
  results: Promise<LaneResult[]>
}

class Thread {
  readonly #worker: Worker
  /** Number of the trace it has. */
  #trace = 0

  constructor() {
    this.#worker = new Worker(workerModule())
    this.#worker.unref()
    // one that dies while it is idle is missed by nobody
    this.#worker.on('error', () => {})
    this.#worker.on('exit', () => idle.splice(0, idle.length, ...idle.filter((thread) => thread !== this)))
  }

  /** Rejects with what the thread failed by; it is of no use then. */
  run(trace: PreparedTrace, task: Omit<WorkerTask, 'trace' | 'order'>): Promise<LaneResult[]> {
    const worker = this.#worker
    const number = numberOf(trace)
    const isNew = this.#trace !== number
    this.#trace = number
    worker.ref()
    worker.postMessage({ ...task, ...(isNew && { trace: shareTrace(trace), order: byAddress(trace) }) } satisfies WorkerTask)
    const { promise, resolve, reject } = promiseOf<LaneResult[]>()
    const onMessage = (answer: WorkerAnswer) => ('results' in answer ? resolve(answer.results) : reject(errorOf(answer)))
    const onExit = (code: number) => reject(new Error(`a replay thread ended with code ${code}`))
    worker.on('message', onMessage).on('error', reject).on('exit', onExit)
    return promise.finally(() => worker.off('message', onMessage).off('error', reject).off('exit', onExit).unref())
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
function promiseOf<T>() {
  let resolve!: (value: T) => void
  let reject!: (reason: Error) => void
  const promise = new Promise<T>((resolveIt, rejectIt) => {
    resolve = resolveIt
    reject = rejectIt
  })
  return { promise, resolve, reject }
}

const idle: Thread[] = []

const numbers = new WeakMap<PreparedTrace, number>()
let traces = 0

function numberOf(trace: PreparedTrace): number {
  const number = numbers.get(trace) ?? ++traces
  numbers.set(trace, number)
  return number
}

const errorOf = ({ failed: { parts, message, isAbandoned } }: Extract<WorkerAnswer, { failed: unknown }>): Error =>
  parts ? new UserError(parts) : isAbandoned ? new RelayAbandoned() : new Error(message)

/** A lane is slower than so many threads that decode for it. */
const MOST_AHEAD = 3

/** `jobs`: threads there may be. Lanes leave this one if each has the text that it was made from. This thread alone has the visitor. */
export async function replayOnThreads({ context, lanes }: ReplayPlan, jobs: number, { progress, visitor }: LanesOptions): Promise<LaneResult[]> {
  const { trace, layout: _layout, ...shared } = context
  const canLeave = lanes.every(({ spec }) => spec !== undefined)
  const withLanes = canLeave ? Math.min(jobs, lanes.length) : 1
  const most = Math.min(jobs, withLanes + MOST_AHEAD)
  // blocks that all threads keep from the replay before are decoded by nobody
  const relay = isResidentNext(trace) ? undefined : relayMemory(trace, most)
  const threads = relay ? most : withLanes
  if (threads === 1) return replayLanes(context, lanes, { progress, visitor })
  const done = new Float64Array(new SharedArrayBuffer(8 * threads))
  const report = () => progress?.(done.subarray(0, withLanes).reduce((sum, one) => sum + one, 0) / withLanes)
  const lanesOf = (me: number) => lanes.filter((_, i) => i % withLanes === me)
  const others = Array.from({ length: threads - 1 }, (_, k): Running => {
    const me = k + 1
    const thread = idle.pop() ?? new Thread()
    return { thread, results: thread.run(trace, { ...shared, specs: lanesOf(me).map(({ spec }) => spec!), relay, done, me }) }
  })
  const settled = Promise.allSettled(others.map(({ results }) => results))
  const mine = attempt(() => {
    const mark = (share: number) => {
      done[0] = share
      report()
    }
    return replayLanes(context, lanesOf(0), { progress: mark, read: relay && relayReader(trace.stored!, relay), visitor })
  }, relay)
  const timer = setInterval(report, PROGRESS_MS)
  const parts = [mine, ...(await settled)]
  clearInterval(timer)
  const failures = parts.filter((part) => part.status === 'rejected')
  for (const [k, { thread }] of others.entries()) {
    if (parts[k + 1]!.status === 'fulfilled') idle.push(thread)
    else await thread.end()
  }
  // who waited for another that failed knows less than that one
  const failure = failures.find(({ reason }) => !(reason instanceof RelayAbandoned)) ?? failures[0]
  if (failure) throw failure.reason
  const results = parts.map((part) => (part as PromiseFulfilledResult<LaneResult[]>).value)
  return lanes.map((_, i) => results[i % withLanes]![Math.floor(i / withLanes)]!)
}

function attempt(work: () => LaneResult[], relay: RelayMemory | undefined): PromiseSettledResult<LaneResult[]> {
  try {
    return { status: 'fulfilled', value: work() }
  } catch (reason) {
    if (relay) abandonRelay(relay)
    return { status: 'rejected', reason }
  }
}

/** Node 20 cannot load TypeScript in a thread: from sources the compiled worker is used. */
function workerModule(): string {
  const root = MODULE_EXTENSION === '.js' ? CODE_ROOT : join(PACKAGE_ROOT, 'dist')
  const file = join(root, 'src/replay/worker.js')
  if (!existsSync(file)) throw new Error(`${file} is missing: npm run build`)
  return file
}
