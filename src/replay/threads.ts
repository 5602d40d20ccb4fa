/**
 * Lanes dealt out to threads, of which this one is the first: results come back in the order of the lanes and are the same for any
 * number. Threads beyond the lanes decode blocks ahead of them, and every thread works out the optimum of a range of the pages. A
 * thread that is done stays for the next replay of the process (it has the engine loaded and compiled, and the trace in reach of its
 * kernels), but does not keep the process alive.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { UserError } from '../errors.ts'
import { CODE_ROOT, MODULE_EXTENSION, PACKAGE_ROOT } from '../package.ts'
import { abandonRelay, type PreparedTrace, RelayAbandoned, type RelayMemory, relayMemory, relayReader, shareTrace } from '../trace/index.ts'
import type { PageRange } from './bound-choices.ts'
import type { OptimumPart } from './bound-pages.ts'
import { dealOf, lanesFor } from './deal.ts'
import { handedOver } from './hand-over.ts'
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
  share: Promise<Share>
}

/** What a thread comes back with. */
export interface Share {
  /** By number of the lane. */
  results: [number, LaneResult][]
  optimum?: OptimumPart
}

/** What the threads count together, beside their lanes. */
export interface Shared {
  /** Ranges of pages, one for each of so many threads; undefined where the optimum is not wanted. */
  ranges(threads: number): PageRange[] | undefined
  /** For this thread, with its range. */
  visitor(range: PageRange | undefined): LanesOptions['visitor']
  /** What this thread found of its range, after its pass. */
  part(): OptimumPart | undefined
  /** What a thread found. */
  take(part: OptimumPart): void
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
  run(trace: PreparedTrace, task: Omit<WorkerTask, 'trace' | 'order'>): Promise<Share> {
    const worker = this.#worker
    const number = numberOf(trace)
    const isNew = this.#trace !== number
    this.#trace = number
    worker.ref()
    worker.postMessage({ ...task, ...(isNew && { trace: shareTrace(trace), order: byAddress(trace) }) } satisfies WorkerTask)
    const { promise, resolve, reject } = promiseOf<Share>()
    const results: Share['results'] = []
    const onMessage = (answer: WorkerAnswer) => {
      if ('failed' in answer) return reject(errorOf(answer))
      results.push(...answer.results)
      if (answer.isDone) resolve({ results, optimum: answer.optimum })
    }
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

/** A lane is slower than so many threads that decode for it and work out the optimum. */
const MOST_AHEAD = 3

/** `jobs`: threads there may be. Lanes leave this one if each has the text that it was made from. */
export async function replayOnThreads({ context, lanes }: ReplayPlan, jobs: number, shared: Shared, progress: LanesOptions['progress']): Promise<LaneResult[]> {
  const { trace, layout: _layout, ...common } = context
  const canLeave = lanes.every(({ spec }) => spec !== undefined)
  const withLanes = canLeave ? Math.min(jobs, lanes.length) : 1
  const most = Math.min(jobs, withLanes + MOST_AHEAD)
  // blocks that all threads keep from the replay before are decoded by nobody
  const relay = isResidentNext(trace) ? undefined : relayMemory(trace, most)
  const threads = relay ? most : withLanes
  const ranges = shared.ranges(threads)
  const visitor = shared.visitor(ranges?.[0])
  if (threads === 1) {
    const results = replayLanes(context, lanes, { progress, visitor })
    take(shared, { optimum: shared.part() })
    return results
  }
  const done = new Float64Array(new SharedArrayBuffer(8 * threads))
  const report = () => progress?.(done.reduce((sum, one) => sum + one, 0) / lanes.length)
  const deal = dealOf(lanes.length, withLanes, relay === undefined)
  const specs = canLeave ? lanes.map(({ spec }) => spec!) : []
  const others = Array.from({ length: threads - 1 }, (_, k): Running => {
    const me = k + 1
    const thread = idle.pop() ?? new Thread()
    return { thread, share: thread.run(trace, { ...common, specs, deal, range: ranges?.[me], relay, done, me }) }
  })
  const settled = Promise.allSettled(others.map(({ share }) => share))
  const mine = await attempt(async () => {
    const results: Share['results'] = []
    for (const numbers of lanesFor(deal, 0)) {
      const mark = (share: number) => {
        done[0] = results.length + share * numbers.length
        report()
      }
      const taken = numbers.map((i) => lanes[i]!)
      // what all lanes share is counted in the first pass
      const options = results.length > 0 ? { progress: mark } : { progress: mark, read: relay && relayReader(trace.stored!, relay), visitor }
      const found = handedOver(replayLanes(context, taken, options), trace)
      results.push(...numbers.map((i, k): [number, LaneResult] => [i, found[k]!]))
      // what another thread has handed over meanwhile is read while that one goes on
      await nextTurn()
    }
    return { results, optimum: shared.part() }
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
  const shares = parts.map((part) => (part as PromiseFulfilledResult<Share>).value)
  for (const share of shares) take(shared, share)
  const results = new Map(shares.flatMap((share) => share.results))
  return lanes.map((_, i) => results.get(i)!)
}

function take(shared: Shared, { optimum }: Pick<Share, 'optimum'>): void {
  if (optimum) shared.take(optimum)
}

async function attempt(work: () => Promise<Share>, relay: RelayMemory | undefined): Promise<PromiseSettledResult<Share>> {
  try {
    return { status: 'fulfilled', value: await work() }
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
