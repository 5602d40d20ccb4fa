/** Runs in a worker thread: replays its share of the lanes over the shared trace and posts their results. */
import { parentPort, workerData } from 'node:worker_threads'
import { parsePolicySpec } from '../policy/index.ts'
import { fromShared, type RelayMemory, relayReader, type SharedTrace } from '../trace/index.ts'
import type { ReplayContext } from './context.ts'
import type { LaneResult } from './lane-result.ts'
import { layoutOf } from './layout.ts'
import { replayLanes } from './pass.ts'

/** What the lanes share, with the trace as shared memory; each thread works out the layout itself. */
export interface WorkerTask extends Omit<ReplayContext, 'trace' | 'layout'> {
  trace: SharedTrace
  /** One `-p` text per lane. */
  specs: string[]
  /** Where blocks of a stored trace are decoded once for all threads. */
  relay?: { memory: RelayMemory; me: number }
}

export type WorkerAnswer = { progress: number } | { results: LaneResult[] }

if (parentPort) {
  const task = workerData as WorkerTask
  const trace = fromShared(task.trace)
  const policies = (await Promise.all(task.specs.map(parsePolicySpec))).flat()
  const context = { ...task, trace, layout: layoutOf(trace) }
  const post = (answer: WorkerAnswer) => parentPort!.postMessage(answer)
  const read = task.relay && relayReader(trace.stored!, task.relay.memory, task.relay.me)
  post({ results: replayLanes(context, policies, (progress) => post({ progress }), read) })
}
