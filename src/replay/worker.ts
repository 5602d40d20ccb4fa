/** Runs in a worker thread: replays its share of the lanes over the shared trace and posts their results. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Machine } from '../machine/index.ts'
import { parsePolicySpec } from '../policy/index.ts'
import { fromShared, type SharedTrace } from '../trace/index.ts'
import type { LoadModel } from './contention.ts'
import type { LaneResult } from './lane-result.ts'
import { layoutOf } from './layout.ts'
import { replayLanes } from './replay.ts'

export interface WorkerTask {
  trace: SharedTrace
  machine: Machine
  actorNode: Uint8Array
  pace: number
  seed: number
  ticksPerBin: number
  originNs: number
  load?: LoadModel
  /** One `-p` text per lane. */
  specs: string[]
}

export type WorkerAnswer = { progress: number } | { results: LaneResult[] }

if (parentPort) {
  const task = workerData as WorkerTask
  const trace = fromShared(task.trace)
  const policies = (await Promise.all(task.specs.map(parsePolicySpec))).flat()
  const context = { ...task, trace, layout: layoutOf(trace) }
  const post = (answer: WorkerAnswer) => parentPort!.postMessage(answer)
  post({ results: replayLanes(context, policies, (progress) => post({ progress })) })
}
