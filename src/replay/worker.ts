/** Runs in a worker thread: replays its share of the lanes over the shared trace and posts their results, task after task. */
import { parentPort } from 'node:worker_threads'
import { UserError, type UserErrorParts } from '../errors.ts'
import { refuseExit } from '../plugins.ts'
import { parsePolicySpec } from '../policy/index.ts'
import { abandonRelay, fromShared, type PreparedTrace, RelayAbandoned, type RelayMemory, relayReader, type SharedTrace } from '../trace/index.ts'
import type { PageRange } from './bound-choices.ts'
import { type OptimumPart, optimumOnTheWay } from './bound-pages.ts'
import type { ReplayContext } from './context.ts'
import { type Deal, lanesFor } from './deal.ts'
import { handedOver } from './hand-over.ts'
import type { LaneResult } from './lane-result.ts'
import { layoutOf, rememberOrder } from './layout.ts'
import { type LanesOptions, replayLanes } from './pass.ts'

/** What the lanes share; each thread works out the layout itself. */
export interface WorkerTask extends Omit<ReplayContext, 'trace' | 'layout'> {
  /** As shared memory, with its pages by address; absent where it is the trace of the task before. */
  trace?: SharedTrace
  order?: Uint32Array
  /** One `-p` text per lane, and who replays which. Who has none decodes blocks for the others. */
  specs: string[]
  deal: Deal
  /** Pages whose optimum it works out. */
  range?: PageRange
  /** Where blocks of a stored trace are decoded once for all threads. */
  relay?: RelayMemory
  /** Shared: by thread, lanes that are done; and which thread this is. */
  done: Float64Array
  me: number
}

/** Lanes come as soon as they are done: the last answer to a task says so. */
export type WorkerAnswer =
  | { results: [number, LaneResult][]; isDone: boolean; optimum?: OptimumPart }
  | { failed: { message: string; parts?: UserErrorParts; isAbandoned: boolean } }

let trace: PreparedTrace | undefined

async function answerTo(task: WorkerTask, post: (answer: WorkerAnswer) => void): Promise<void> {
  const { relay } = task
  try {
    if (task.trace) {
      trace = fromShared(task.trace)
      rememberOrder(trace, task.order!)
    }
    const read = relay && relayReader(trace!.stored!, relay)
    const hasLanes = task.me < task.deal.threads
    if (!hasLanes && task.range === undefined) {
      for (let b = 0; b < trace!.blocks; b++) read!(b)
      return post({ results: [], isDone: true })
    }
    const context = {
      ...task,
      trace: trace!,
      // takes time, and who has no lanes may not need it
      get layout() {
        return layoutOf(trace!)
      },
    }
    const optimum = task.range && optimumOnTheWay(context, task.range)
    let options: LanesOptions = { read, visitor: optimum?.visitor }
    if (!hasLanes) replayLanes(context, [], options)
    let done = 0
    for (const numbers of lanesFor(task.deal, task.me)) {
      const policies = (await Promise.all(numbers.map((i) => parsePolicySpec(task.specs[i]!)))).flat()
      const progress = (share: number) => {
        task.done[task.me] = done + share * numbers.length
      }
      const found = handedOver(replayLanes(context, policies, { ...options, progress }), trace!)
      post({ results: numbers.map((i, k) => [i, found[k]!]), isDone: false })
      done += numbers.length
      options = {}
    }
    post({ results: [], isDone: true, optimum: optimum?.part })
  } catch (error) {
    if (relay) abandonRelay(relay)
    const { message, stack } = error as Error
    if (error instanceof UserError) post({ failed: { message, parts: error.parts, isAbandoned: false } })
    else post({ failed: { message: stack ?? message, isAbandoned: error instanceof RelayAbandoned } })
  }
}

if (parentPort) {
  refuseExit()
  parentPort.on('message', (task: WorkerTask) => {
    void answerTo(task, (answer) => parentPort!.postMessage(answer))
  })
}
