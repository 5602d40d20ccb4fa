/** One pass over the trace; each tick goes to every lane. An error in a policy's code ends its own lane only. */
import type { LanePolicy } from '../policy/index.ts'
import type { PreparedTrace, TickBlock } from '../trace/index.ts'
import { plainWorkspace, type Workspace } from '../wasm/index.ts'
import type { ReplayContext } from './context.ts'
import { JointLanes } from './joint-lanes.ts'
import { Lane } from './lane.ts'
import type { LaneResult } from './lane-result.ts'
import { type LaneBlock, RESERVED, withBlocks } from './window.ts'

/** Told before and after a lane works; what it throws ends that lane. */
export interface LaneWatch {
  enter(lane: number): void
  leave(lane: number): void
}

export interface PassOptions {
  /** Called now and then with the share of the trace that is done. */
  progress?: (share: number) => void
  watch?: LaneWatch
  /** Sees every tick after the lanes. */
  visit?: (block: LaneBlock, i: number) => void
}

/** Where the lanes of a pass keep their pages: with the kernels, unless so many lanes have so many pages that their memory is full. */
export function spacesFor(trace: PreparedTrace, space: Workspace): () => Workspace {
  return () => (space.free > RESERVED + 2 * trace.meta.pages ? space : plainWorkspace)
}

/** `blockAt`: the blocks as lanes read them, in `space`, asked for in order. */
export function passOver(
  trace: PreparedTrace,
  space: Workspace,
  blockAt: (b: number) => LaneBlock,
  lanes: readonly (Lane | undefined)[],
  { progress, watch, visit }: PassOptions,
): void {
  const every = Math.max(1, Math.floor(trace.ticks / 200))
  const joint = new JointLanes(trace, lanes, space)
  const begun = new Uint8Array(lanes.length)
  const counted = new Uint8Array(lanes.length)
  const forEachLane = (work: (lane: Lane, l: number) => void): void => {
    for (let l = 0; l < lanes.length; l++) {
      const lane = lanes[l]
      if (lane === undefined) continue
      try {
        watch?.enter(l)
        work(lane, l)
        watch?.leave(l)
      } catch (error) {
        lane.fail(error as Error)
      }
    }
  }
  for (let b = 0; b < trace.blocks; b++) {
    const block = blockAt(b)
    for (let i = 0; i < block.ticks; i++) {
      if (joint.mayCount(block, i)) {
        begun.fill(0)
        forEachLane((lane, l) => {
          begun[l] = lane.begin(block, i) ? 1 : 0
        })
        joint.count(block, i, counted)
        forEachLane((lane, l) => {
          if (begun[l] === 0) return
          if (counted[l] === 0) lane.count(block, i)
          lane.end(block, i)
        })
      } else forEachLane((lane) => lane.step(block, i))
      visit?.(block, i)
      const done = block.firstTick + i + 1
      if (done % every === 0) progress?.(done / trace.ticks)
    }
  }
}

export interface LanesOptions {
  progress?: (share: number) => void
  /** Where the blocks come from, when not from the trace itself. */
  read?: (b: number) => TickBlock
  /** Counts what all lanes share on the way; told of the space in which the blocks are. */
  visitor?: (space: Workspace) => (block: LaneBlock, i: number) => void
}

/** All lanes of one comparison in one pass. */
export function replayLanes(context: ReplayContext, policies: LanePolicy[], { progress, read, visitor }: LanesOptions = {}): LaneResult[] {
  const { trace } = context
  return withBlocks(
    trace,
    (space, blockAt) => {
      const spaceFor = spacesFor(trace, space)
      const lanes = policies.map((policy) => new Lane(context, policy, spaceFor()))
      passOver(trace, space, blockAt, lanes, { progress, visit: visitor?.(space) })
      return lanes.map((lane) => lane.finish())
    },
    read,
  )
}
