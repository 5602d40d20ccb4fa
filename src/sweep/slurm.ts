/**
 * Sweeps on a cluster with Slurm: the store lies on a shared file system, a job array computes it, one part of the points per
 * task, and this process follows. Slurm's word on success is never taken: a point is done when its file is in the store, and
 * parts with missing points are submitted again. So there is no need for accounting (sacct), which many clusters lack.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { UserError } from '../errors.ts'
import { CODE_ROOT, MODULE_EXTENSION } from '../package.ts'
import { formatList } from '../units.ts'
import { partOf } from './batches.ts'
import type { SweepPlan } from './plan.ts'
import { Store } from './store.ts'
import { prepareSweep, type SweepOptions } from './sweep.ts'
import type { SweepEvent, WorkResult } from './work.ts'

export interface SlurmOptions extends SweepOptions {
  /** Tasks of the array; default: a task for some tens of points. */
  tasks?: number
  /** Passed to sbatch as they are. */
  sbatch?: string[]
  onNote?: (note: string) => void
}

const POINTS_PER_TASK = 32
const POLL_MS = 1000
/** How often a part whose task ended early is submitted again. */
const RETRIES = 2
/** Options of the array itself. */
const OURS = ['array', 'wrap', 'parsable', 'wait', 'output']

/** Lies beside the plan in the store, so that a later --resume finds jobs that still run. */
interface Submitted {
  job: string
  /** Parts by number, and of how many. */
  parts: number[]
  count: number
}

export async function runOnSlurm(options: SlurmOptions): Promise<WorkResult & { plan: SweepPlan }> {
  checkOptions(options.sbatch ?? [])
  const plan = await prepareSweep(options)
  const array = new JobArray(Store.open(options.store), plan, options)
  return { plan, ...(await array.run()) }
}

function checkOptions(given: string[]): void {
  for (const option of given) {
    const name = /^--?([\w-]+)/.exec(option)?.[1]
    if (name === undefined)
      throw new UserError('not an option of sbatch', { field: '--sbatch', expected: '--sbatch=--partition=short', got: JSON.stringify(option) })
    if (OURS.includes(name) || option.startsWith('-a') || option.startsWith('-o')) {
      throw new UserError(`--${name} is set by the sweep`, { field: '--sbatch', hint: 'Limit tasks at one time through the QOS or with --sbatch=--dependency' })
    }
  }
}

class JobArray {
  readonly #store: Store
  readonly #plan: SweepPlan
  readonly #options: SlurmOptions
  #reported = new Set<string>()
  #found = 0

  constructor(store: Store, plan: SweepPlan, options: SlurmOptions) {
    this.#store = store
    this.#plan = plan
    this.#options = options
  }

  async run(): Promise<WorkResult> {
    const { points } = this.#plan
    const keys = this.#store.keys()
    this.#reported = new Set(points.filter(({ key }) => keys.has(key)).map(({ key }) => key))
    this.#found = this.#reported.size
    this.#emit({ event: 'start', plan: this.#plan.name, points: points.length, done: this.#found, missing: points.length - this.#found })
    const tasks = await this.#tasks()

    const earlier = this.#submitted()
    if (earlier && (await queued(earlier.job)).length > 0) {
      this.#note(`job ${earlier.job} of an earlier run is still there: following it`)
      await this.#follow(earlier)
    }
    for (let round = 0; round <= RETRIES && !this.#interrupted; round++) {
      const parts = this.#missingParts(tasks)
      if (parts.length === 0) break
      if (round > 0) this.#note(`tasks ${formatList(parts)} ended without finishing their points: submitting them again`)
      await this.#follow(await this.#submit(parts, tasks))
    }
    return this.#result()
  }

  get #interrupted(): boolean {
    return this.#options.signal?.aborted === true
  }

  #emit(event: SweepEvent): void {
    this.#options.onEvent?.(event)
  }

  #note(text: string): void {
    this.#options.onNote?.(text)
  }

  /** Parts with points that are neither finished nor known to fail. */
  #missingParts(count: number): number[] {
    const keys = this.#store.keys()
    const failures = this.#failuresSoFar()
    const numbers = Array.from({ length: count }, (_, i) => i + 1)
    return numbers.filter((index) => partOf(this.#plan.points, { index, count }).some(({ key }) => !keys.has(key) && !failures.has(key)))
  }

  #startFailures = new Map<string, number>()

  /** Failures recorded since this run began; older ones are tried again. */
  #failuresSoFar() {
    const failures = this.#store.failures()
    for (const [key, mtimeMs] of this.#startFailures) if (failures.get(key)?.mtimeMs === mtimeMs) failures.delete(key)
    return failures
  }

  /** Array indexes must be below MaxArraySize (1,001 on most clusters). */
  async #tasks(): Promise<number> {
    this.#startFailures = new Map([...this.#store.failures()].map(([key, { mtimeMs }]) => [key, mtimeMs]))
    const config = await slurm('scontrol', ['show', 'config'])
    const most = Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(config)?.[1] ?? 1001) - 1
    const wanted = this.#options.tasks ?? Math.ceil(this.#plan.points.length / POINTS_PER_TASK)
    return Math.max(1, Math.min(wanted, most, this.#plan.points.length))
  }

  #stateFile(): string {
    return `slurm/${this.#plan.name}.json`
  }

  #submitted(): Submitted | undefined {
    const file = join(this.#store.folder, this.#stateFile())
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Submitted) : undefined
  }

  /** Writes the batch script, to look at as much as to run, and submits it. */
  async #submit(parts: number[], count: number): Promise<Submitted> {
    const { folder } = this.#store
    const owner = `submit-${process.pid}`
    const script = `slurm/${this.#plan.name}.sh`
    mkdirSync(join(folder, 'slurm'), { recursive: true })
    this.#store.write(script, batchScript(folder, this.#plan.name, count), owner)
    const answer = await slurm('sbatch', [
      '--parsable',
      `--job-name=numareplay-${this.#plan.name}`,
      `--array=${formatList(parts)}`,
      `--output=${join(folder, 'slurm', '%A_%a.log').replaceAll(folder, folder.replaceAll('%', '%%'))}`,
      ...(this.#options.sbatch ?? []),
      join(folder, script),
    ])
    const submitted = { job: answer.trim().split(';')[0]!, parts, count }
    this.#store.write(this.#stateFile(), `${JSON.stringify(submitted)}\n`, owner)
    this.#note(`submitted job ${submitted.job} with ${parts.length} tasks; logs in ${join(folder, 'slurm')}`)
    return submitted
  }

  /** Until none of its tasks is queued or running. */
  async #follow({ job }: Submitted): Promise<void> {
    while (!this.#interrupted) {
      const left = await queued(job)
      this.#report()
      if (left.length === 0) return
      await sleep(POLL_MS)
    }
    this.#note(`job ${job} goes on without this process: --resume follows it again, scancel ${job} ends it`)
  }

  #report(): void {
    const keys = this.#store.keys()
    const failed = this.#failuresSoFar()
    for (const { key } of this.#plan.points) {
      const failure = failed.get(key)
      if (this.#reported.has(key) || (!keys.has(key) && !failure)) continue
      this.#reported.add(key)
      const done = this.#plan.points.filter((point) => keys.has(point.key)).length
      this.#emit({
        event: 'point',
        key,
        status: keys.has(key) ? 'done' : 'failed',
        message: failure?.message,
        done,
        failed: failed.size,
        points: this.#plan.points.length,
      })
    }
  }

  #result(): WorkResult {
    const { points } = this.#plan
    const keys = this.#store.keys()
    const failed = this.#failuresSoFar()
    const failures = points.flatMap(({ key }): WorkResult['failures'] => {
      if (keys.has(key)) return []
      const failure = failed.get(key)
      if (failure) return [{ key, kind: failure.kind, message: failure.message }]
      if (this.#interrupted) return []
      return [{ key, kind: 'crash', message: `its task ended ${RETRIES + 1} times without finishing it: see the logs in ${join(this.#store.folder, 'slurm')}` }]
    })
    const done = points.filter(({ key }) => keys.has(key)).length
    return { points: points.length, computed: done - this.#found, found: this.#found, failures, interrupted: this.#interrupted }
  }
}

/** `exec`: signals of Slurm reach the program, not a shell around it. */
function batchScript(store: string, plan: string, count: number): string {
  const main = join(CODE_ROOT, `src/cli/main${MODULE_EXTENSION}`)
  return `#!/bin/bash
# One task of a sweep: computes its part of the points that are still missing. Safe to run again at any time.
exec ${quote(process.execPath)} ${quote(main)} sweep work ${quote(store)} --plan ${quote(plan)} \\
  --part "$SLURM_ARRAY_TASK_ID/${count}" --jobs "\${SLURM_CPUS_PER_TASK:-1}" --progress json
`
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** Tasks of a job that are not over, as `12_3`. */
async function queued(job: string): Promise<string[]> {
  try {
    const answer = await slurm('squeue', ['--noheader', '--array', `--jobs=${job}`, '--format=%i'])
    return answer.split('\n').filter((line) => line !== '')
  } catch (error) {
    // forgotten some minutes after its end
    if (error instanceof UserError && /Invalid job id/i.test(error.message)) return []
    throw error
  }
}

const HINTS: [RegExp, string][] = [
  [/Memory specification can not be satisfied/i, 'No node has that much memory: lower --sbatch=--mem'],
  [/invalid partition/i, 'sinfo lists the partitions'],
  [/Invalid job array specification/i, 'The cluster allows smaller arrays only: give --tasks'],
  [/Unable to contact slurm controller/i, 'Is the cluster up, and SLURM_CONF right?'],
]

async function slurm(command: string, args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { maxBuffer: 64 << 20 })).stdout
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string }
    if (code === 'ENOENT') throw new UserError(`${command} not found`, { expected: 'a machine from which jobs are submitted to Slurm' })
    const said = (stderr || message).trim()
    throw new UserError(`${command}: ${said}`, { hint: HINTS.find(([pattern]) => pattern.test(said))?.[1] })
  }
}
