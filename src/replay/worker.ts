/** Runs in a worker thread: replays its share of the lanes over the shared trace and posts their results, task after task. */
import { parentPort } from 'node:worker_threads'
import { UserError, type UserErrorParts } from '../errors.ts'
import { refuseExit } from '../plugins.ts'
import { parsePolicySpec } from '../policy/index.ts'
import { abandonRelay, fromShared, type PreparedTrace, RelayAbandoned, type RelayMemory, relayReader, type SharedTrace } from '../trace/index.ts'
import type { PageRange } from './bound-choices.ts'
import { type OptimumPart, optimumOnTheWay } from './bound-pages.ts'
import type { ReplayContext } from './context.ts'
import { handedOver } from './hand-over.ts'
import type { LaneResult } from './lane-result.ts'
import { layoutOf, rememberOrder } from './layout.ts'
import { replayLanes } from './pass.ts'

/** What the lanes share; each thread works out the layout itself. */
export interface WorkerTask extends Omit<ReplayContext, 'trace' | 'layout'> {
  /** As shared memory, with its pages by address; absent where it is the trace of the task before. */
  trace?: SharedTrace
  order?: Uint32Array
  /** One `-p` text per lane. Without any, the thread decodes blocks for the others. */
  specs: string[]
  /** Pages whose optimum it works out. */
  range?: PageRange
  /** Where blocks of a stored trace are decoded once for all threads. */
  relay?: RelayMemory
  /** Shared: by thread, the share of the trace that is done; and which thread this is. */
  done: Float64Array
  me: number
}

export type WorkerAnswer = { results: LaneResult[]; optimum?: OptimumPart } | { failed: { message: string; parts?: UserErrorParts; isAbandoned: boolean } }

let trace: PreparedTrace | undefined

async function answerTo(task: WorkerTask): Promise<WorkerAnswer> {
  const { relay } = task
  try {
    if (task.trace) {
      trace = fromShared(task.trace)
      rememberOrder(trace, task.order!)
    }
    const read = relay && relayReader(trace!.stored!, relay)
    if (task.specs.length === 0 && task.range === undefined) {
      for (let b = 0; b < trace!.blocks; b++) read!(b)
      return { results: [] }
    }
    const policies = (await Promise.all(task.specs.map(parsePolicySpec))).flat()
    const context = {
      ...task,
      trace: trace!,
      // takes time, and who has no lanes may not need it
      get layout() {
        return layoutOf(trace!)
      },
    }
    const progress = (share: number) => {
      task.done[task.me] = share
    }
    const optimum = task.range && optimumOnTheWay(context, task.range)
    const results = replayLanes(context, policies, { progress, read, visitor: optimum?.visitor })
    return { results: handedOver(results, trace!), optimum: optimum?.part }
  } catch (error) {
    if (relay) abandonRelay(relay)
    const { message, stack } = error as Error
    if (error instanceof UserError) return { failed: { message, parts: error.parts, isAbandoned: false } }
    return { failed: { message: stack ?? message, isAbandoned: error instanceof RelayAbandoned } }
  }
}

if (parentPort) {
  refuseExit()
  parentPort.on('message', (task: WorkerTask) => {
    void answerTo(task).then((answer) => parentPort!.postMessage(answer))
  })
}
