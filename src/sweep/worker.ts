/** Runs in a worker thread: computes one batch of points in one pass over their trace and writes each to the store. */
import { readFileSync } from 'node:fs'
import { UserError, type UserErrorParts } from '../errors.ts'
import { readFaultPlan } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import { refuseExit } from '../plugins.ts'
import { type LanePolicy, parsePolicySpec } from '../policy/index.ts'
import { replaySolo, type SoloLane } from '../replay/index.ts'
import { openTrace, type PreparedTrace, regroup } from '../trace/index.ts'
import { formatDuration } from '../units.ts'
import { canonical, sha256 } from './canonical.ts'
import type { PointInputs } from './plan.ts'
import { encodePoint } from './point-file.ts'
import { type Failure, Store } from './store.ts'
import { WorkerClock } from './watch.ts'

export interface WorkerPoint {
  key: string
  inputs: PointInputs
  machine: Machine
  /** `-p` text; its code must be what the inputs say. */
  spec: string
  /** Fault plan, likewise. */
  faults: string | null
  seed: number
  pace: number | null
  cpus: string
}

export interface WorkerTask {
  store: string
  /** Name for temporary files. */
  owner: string
  tracePath: string
  traceDigest: string
  epochNs: number | null
  limitMs: number
  clock: Float64Array
  points: WorkerPoint[]
}

export interface WorkerAnswer {
  /** One for each point; undefined = written. */
  failures: (Omit<Failure, 'key'> | undefined)[]
  /** Why going on makes no sense: the disk takes nothing more. */
  stop?: UserErrorParts
}

refuseExit()

export default async function computeBatch(task: WorkerTask): Promise<WorkerAnswer> {
  const { points, limitMs } = task
  const store = new Store(task.store)
  const clock = new WorkerClock(task.clock, limitMs)
  const failures: WorkerAnswer['failures'] = points.map(() => undefined)
  const failureOf = ({ message }: Error, i: number) => (clock.isOver(i) ? timeFailure(limitMs) : { kind: 'error' as const, message })

  let trace: PreparedTrace
  try {
    trace = await traceOf(task)
  } catch (error) {
    return { failures: points.map((_, i) => failureOf(error as Error, i)) }
  }
  const lanes: (SoloLane & { i: number })[] = []
  for (const [i, point] of points.entries()) {
    try {
      clock.enter(i)
      lanes.push({ i, ...(await laneOf(point, trace)) })
      clock.leave(i)
    } catch (error) {
      failures[i] = failureOf(error as Error, i)
    }
  }
  const watch = { enter: (l: number) => clock.enter(lanes[l]!.i), leave: (l: number) => clock.leave(lanes[l]!.i) }
  const results = replaySolo(trace, lanes, { watch, progress: clock.passed })
  for (const [l, { i }] of lanes.entries()) {
    const result = results[l]!
    if (result instanceof Error) {
      failures[i] = failureOf(result, i)
      continue
    }
    const { key, inputs } = points[i]!
    // Names of files are the plan's matter: the same content gives the same point
    result.facts.trace.file = ''
    try {
      store.write(store.pointPath(key), await encodePoint(inputs, result), task.owner)
    } catch (error) {
      if (error instanceof UserError) return { failures, stop: error.parts }
      throw error
    }
  }
  return { failures }
}

/** Files of users are compiled when they are loaded: once per thread, not once per point. */
const policies = new Map<string, LanePolicy>()

async function laneOf({ spec, inputs, machine, faults, seed, pace, cpus }: WorkerPoint, trace: PreparedTrace): Promise<SoloLane> {
  const known = canonical([spec, inputs.code])
  const policy = policies.get(known) ?? (await parsePolicySpec(spec))[0]!
  checkCode(policy, inputs)
  policies.set(known, policy)
  const faultPlan = faults === null ? undefined : readFaultPlan(faults, trace.meta.pageSize)
  if (faults !== null && sha256(readFileSync(faults)) !== inputs.faults) throw changed('fault plan', faults)
  return { machine, policy, options: { seed, pace: pace ?? undefined, cpus, faultPlan } }
}

const changed = (what: string, file?: string): UserError => new UserError(`the ${what} changed after the sweep began: run the sweep again`, { file })

/** The key promises the code that was there when the plan was made. */
function checkCode({ digests }: LanePolicy, { code }: PointInputs): void {
  const expected = code.slice(code.length - digests.length)
  if (digests.some((digest, i) => digest !== expected[i])) throw changed('policy')
}

let opened: { path: string; epochNs: number | null; trace: PreparedTrace } | undefined

/** Batches over one trace follow each other: it stays open between them. */
async function traceOf({ tracePath, traceDigest, epochNs }: WorkerTask): Promise<PreparedTrace> {
  if (opened?.path === tracePath && opened.epochNs === epochNs) return opened.trace
  opened = undefined
  const trace = await openTrace(tracePath)
  if (trace.meta.digest !== traceDigest) throw changed('trace', tracePath)
  opened = { path: tracePath, epochNs, trace: epochNs === null ? trace : regroup(trace, epochNs) }
  return opened.trace
}

export const timeFailure = (limitMs: number): Omit<Failure, 'key'> => ({
  kind: 'time',
  message: `not finished after ${formatDuration(limitMs * 1e6)} (limits: time in the plan)`,
})
