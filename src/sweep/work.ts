/**
 * Computing the missing points of a plan on this machine. Any number of processes may do it on one store at the same time: a
 * point is claimed before it is computed, and what others hold is waited for and taken over if they die. The store is the
 * only truth; killing this process at any moment loses at most the passes that were under way.
 */
import { existsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import Tinypool from 'tinypool'
import { UserError } from '../errors.ts'
import { CODE_ROOT, MODULE_EXTENSION, PACKAGE_ROOT } from '../package.ts'
import { formatSize } from '../units.ts'
import { type Batch, batchesOf, type Part, partOf } from './batches.ts'
import type { Claims } from './claims.ts'
import { inputsOf, type SweepPlan, type SweepPoint } from './plan.ts'
import type { Failure, Store } from './store.ts'
import { isOverdue, laneAtWork, newClock, shareOf } from './watch.ts'
import { timeFailure, type WorkerAnswer, type WorkerPoint, type WorkerTask } from './worker.ts'

/** What happens, for progress of any kind. */
export type SweepEvent =
  | { event: 'start'; plan: string; points: number; done: number; missing: number }
  | { event: 'damaged'; key: string }
  /** Each second: what the passes under way have done, in points. They count as done when their pass ends. */
  | { event: 'under way'; points: number }
  | { event: 'point'; key: string; status: 'done' | 'failed'; message?: string; done: number; failed: number; points: number }

export interface WorkOptions {
  jobs?: number
  part?: Part
  /** Ends the work; what is finished is kept. */
  signal?: AbortSignal
  onEvent?: (event: SweepEvent) => void
}

export interface WorkResult {
  points: number
  /** Computed by this process. */
  computed: number
  /** There before, or computed by others meanwhile. */
  found: number
  failures: Failure[]
  interrupted: boolean
}

const WATCH_MS = 50
const PROGRESS_MS = 1000
const WAIT_FOR_OTHERS_MS = 250

export async function work(store: Store, claims: Claims, plan: SweepPlan, options: WorkOptions = {}): Promise<WorkResult> {
  const worker = new Work(store, claims, plan, options)
  return worker.run()
}

class Work {
  readonly #store: Store
  readonly #claims: Claims
  readonly #plan: SweepPlan
  readonly #options: WorkOptions
  readonly #jobs: number
  readonly #memoryBytes: number
  readonly #points: SweepPoint[]
  readonly #knownFailures: Map<string, { mtimeMs: number }>
  readonly #failures: Failure[] = []
  #queue: Batch[] = []
  /** Held by other processes when it was their turn. */
  #elsewhere: SweepPoint[] = []
  /** Clock of each pass that a worker is in, with its points. */
  readonly #passes = new Map<Float64Array, number>()
  #computed = 0
  #found = 0
  #stopped: unknown

  constructor(store: Store, claims: Claims, plan: SweepPlan, options: WorkOptions) {
    this.#store = store
    this.#claims = claims
    this.#plan = plan
    this.#options = options
    this.#jobs = options.jobs ?? availableParallelism()
    this.#memoryBytes = plan.limits.memoryBytes ?? Math.floor((memoryHere() * 0.75) / this.#jobs)
    this.#points = options.part === undefined ? plan.points : partOf(plan.points, options.part)
    this.#knownFailures = store.failures()
  }

  async run(): Promise<WorkResult> {
    const missing = await this.#missing()
    this.#found = this.#points.length - missing.length
    this.#emit({ event: 'start', plan: this.#plan.name, points: this.#points.length, done: this.#found, missing: missing.length })
    this.#queue = batchesOf(this.#plan, missing, this.#jobs)
    if (missing.length > 0) await this.#compute()
    if (this.#stopped !== undefined) throw this.#stopped
    const failures = this.#failures.sort((a, b) => (a.key < b.key ? -1 : 1))
    return { points: this.#points.length, computed: this.#computed, found: this.#found, failures, interrupted: this.#interrupted }
  }

  get #interrupted(): boolean {
    return this.#options.signal?.aborted === true
  }

  #emit(event: SweepEvent): void {
    this.#options.onEvent?.(event)
  }

  /** Every finished point is read through: a file that a failing disk cut short is computed again. */
  async #missing(): Promise<SweepPoint[]> {
    const present = this.#store.keys()
    const missing: SweepPoint[] = []
    for (const point of this.#points) {
      const isThere = present.has(point.key)
      if (isThere && !(await this.#store.dropIfDamaged(point.key))) continue
      if (isThere) this.#emit({ event: 'damaged', key: point.key })
      missing.push(point)
    }
    return missing
  }

  async #compute(): Promise<void> {
    const threads = Math.max(1, Math.min(this.#jobs, this.#queue.length))
    const pool = new Tinypool({
      filename: pathToFileURL(workerModule()).href,
      minThreads: threads,
      maxThreads: threads,
      resourceLimits: { maxOldGenerationSizeMb: Math.max(64, Math.floor(this.#memoryBytes / 2 ** 20)) },
    })
    // a worker that dies between tasks is replaced by the pool
    pool.on('error', () => {})
    const progress = setInterval(() => this.#reportUnderWay(), PROGRESS_MS)
    try {
      await Promise.all(Array.from({ length: threads }, () => this.#feed(pool)))
    } finally {
      clearInterval(progress)
      await pool.destroy()
    }
  }

  #reportUnderWay(): void {
    let done = 0
    for (const [clock, points] of this.#passes) done += shareOf(clock) * points
    this.#emit({ event: 'under way', points: done })
  }

  /** Keeps one thread of the pool busy until nothing is left to do. */
  async #feed(pool: Tinypool): Promise<void> {
    while (!this.#interrupted && this.#stopped === undefined) {
      const batch = this.#queue.shift()
      if (batch !== undefined) await this.#take(pool, batch)
      else if (!(await this.#lookElsewhere())) return
    }
  }

  /** Points that others held: done or failed by now, free to take over, or still theirs. False when none is left. */
  async #lookElsewhere(): Promise<boolean> {
    if (this.#elsewhere.length === 0) return false
    const waiting = this.#elsewhere
    this.#elsewhere = []
    const held = this.#claims.names()
    const free: SweepPoint[] = []
    for (const point of waiting) {
      if (!this.#isSettled(point)) (held.has(point.key) ? this.#elsewhere : free).push(point)
    }
    this.#queue.push(...batchesOf(this.#plan, free, this.#jobs))
    if (free.length === 0 && this.#elsewhere.length > 0) await sleep(WAIT_FOR_OTHERS_MS)
    return true
  }

  /** Finished, or tried in vain since this process began, by another one. */
  #isSettled({ key }: SweepPoint): boolean {
    if (this.#store.has(key)) {
      this.#found++
      this.#report(key)
      return true
    }
    const failure = this.#store.failure(key)
    if (failure === undefined || failure.mtimeMs === this.#knownFailures.get(key)?.mtimeMs) return false
    this.#failures.push({ key, kind: failure.kind, message: failure.message })
    this.#report(key, failure.message)
    return true
  }

  async #take(pool: Tinypool, batch: Batch): Promise<void> {
    const mine: SweepPoint[] = []
    for (const point of batch.points) {
      if (!this.#claims.claim(point.key)) this.#elsewhere.push(point)
      else if (this.#isSettled(point)) this.#claims.release(point.key)
      else mine.push(point)
    }
    if (mine.length === 0) return
    try {
      await this.#runBatch(pool, { ...batch, points: mine })
    } catch (error) {
      this.#stopped ??= error
    } finally {
      for (const { key } of mine) this.#claims.release(key)
    }
  }

  async #runBatch(pool: Tinypool, batch: Batch): Promise<void> {
    const clock = newClock(batch.points.length)
    this.#passes.set(clock, batch.points.length)
    const limitMs = this.#plan.limits.timeMs
    const stop = new AbortController()
    let overdue: number | undefined
    const onInterrupt = () => stop.abort()
    this.#options.signal?.addEventListener('abort', onInterrupt, { once: true })
    const watch = setInterval(() => {
      // a lane that returns after its time is ended by the worker itself; this is for one that does not return
      if (!isOverdue(clock, limitMs + WATCH_MS * 4)) return
      overdue = laneAtWork(clock)
      if (overdue !== undefined) stop.abort()
    }, WATCH_MS)
    try {
      const answer = (await pool.run(this.#taskOf(batch, clock), { signal: stop.signal })) as WorkerAnswer
      this.#passes.delete(clock)
      this.#reportUnderWay()
      this.#settle(batch, answer)
    } catch (error) {
      this.#settleWritten(batch)
      if (this.#interrupted) return
      if (overdue !== undefined) this.#blame(batch, overdue, timeFailure(limitMs))
      else if (error instanceof UserError) throw error
      else if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') this.#divide(batch)
      else this.#blame(batch, laneAtWork(clock), { kind: 'crash', message: `the worker ended: ${(error as Error).message}` })
    } finally {
      this.#passes.delete(clock)
      clearInterval(watch)
      this.#options.signal?.removeEventListener('abort', onInterrupt)
    }
  }

  #settle(batch: Batch, { failures, stop }: WorkerAnswer): void {
    for (const [i, { key }] of batch.points.entries()) {
      const failure = failures[i]
      if (failure !== undefined) this.#fail({ key, ...failure })
    }
    this.#settleWritten(batch)
    if (stop !== undefined) throw new UserError(stop)
  }

  /** Points of a batch that are in the store, whether or not the worker lived to say so. */
  #settleWritten({ points }: Batch): void {
    for (const { key } of points) {
      if (!this.#store.has(key)) continue
      this.#computed++
      this.#store.clearFailure(key)
      this.#report(key)
    }
  }

  /** One lane of the pass is at fault; the others try again without it. */
  #blame(batch: Batch, lane: number | undefined, failure: Omit<Failure, 'key'>): void {
    if (lane === undefined && batch.points.length > 1) {
      this.#divide(batch)
      return
    }
    const culprit = batch.points[lane ?? 0]!
    const others = batch.points.filter((point) => point !== culprit && !this.#store.has(point.key))
    if (others.length > 0) this.#queue.unshift({ ...batch, points: others })
    this.#fail({ key: culprit.key, ...failure })
  }

  /** Which lane took the memory is not known: each half on its own, down to single points. */
  #divide(batch: Batch): void {
    const points = batch.points.filter(({ key }) => !this.#store.has(key))
    if (points.length === 0) return
    if (points.length === 1) {
      this.#fail({ key: points[0]!.key, kind: 'memory', message: `needs more memory than ${formatSize(this.#memoryBytes)} (limits: memory in the plan)` })
      return
    }
    const middle = Math.ceil(points.length / 2)
    this.#queue.unshift({ ...batch, points: points.slice(0, middle) }, { ...batch, points: points.slice(middle) })
  }

  #fail(failure: Failure): void {
    this.#failures.push(failure)
    this.#store.writeFailure(failure, this.#claims.owner)
    this.#report(failure.key, failure.message)
  }

  #report(key: string, message?: string): void {
    const status = message === undefined ? 'done' : 'failed'
    this.#emit({ event: 'point', key, status, message, done: this.#found + this.#computed, failed: this.#failures.length, points: this.#points.length })
  }

  #taskOf({ trace, epochNs, points }: Batch, clock: Float64Array): WorkerTask {
    const { path, digest } = this.#plan.traces[trace]!
    return {
      store: this.#store.folder,
      owner: this.#claims.owner,
      tracePath: this.#store.tracePath(path),
      traceDigest: digest,
      epochNs,
      limitMs: this.#plan.limits.timeMs,
      clock,
      points: points.map((point): WorkerPoint => {
        const { key, seed, pace, cpus } = point
        const machine = this.#plan.machines[point.machine]!.definition
        const faults = this.#plan.faults[point.faults]!.file
        return { key, inputs: inputsOf(this.#plan, point), machine, spec: this.#plan.policies[point.policy]!.spec, faults, seed, pace, cpus }
      }),
    }
  }
}

/** What this process may use: of the machine, its control group, or the share Slurm gave (which it often does not enforce). */
function memoryHere(): number {
  const slurm = Number(process.env['SLURM_MEM_PER_NODE'] ?? 0) * 2 ** 20
  const group = process.constrainedMemory()
  return Math.min(totalmem(), slurm > 0 ? slurm : Infinity, group > 0 ? group : Infinity)
}

/** Node 20 cannot load TypeScript in a thread: from sources the compiled worker is used. */
function workerModule(): string {
  const root = MODULE_EXTENSION === '.js' ? CODE_ROOT : join(PACKAGE_ROOT, 'dist')
  const file = join(root, 'src/sweep/worker.js')
  if (!existsSync(file)) throw new Error(`${file} is missing: npm run build`)
  return file
}
