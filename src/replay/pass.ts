/** One pass over the trace; each tick goes to every lane. An error in a policy's code ends its own lane only. */
import type { PreparedTrace } from '../trace/index.ts'
import { forEachTick } from './context.ts'
import type { Lane } from './lane.ts'

/** Told before and after a lane works; what it throws ends that lane. */
export interface LaneWatch {
  enter(lane: number): void
  leave(lane: number): void
}

export interface PassOptions {
  /** Called now and then with the share of the trace that is done. */
  progress?: (share: number) => void
  watch?: LaneWatch
}

export function passOver(trace: PreparedTrace, lanes: (Lane | undefined)[], { progress, watch }: PassOptions): void {
  const every = Math.max(1, Math.floor(trace.ticks / 200))
  let done = 0
  forEachTick(trace, (block, i) => {
    for (let l = 0; l < lanes.length; l++) {
      const lane = lanes[l]
      if (lane === undefined) continue
      try {
        watch?.enter(l)
        lane.step(block, i)
        watch?.leave(l)
      } catch (error) {
        lane.fail(error as Error)
      }
    }
    if (++done % every === 0) progress?.(done / trace.ticks)
  })
}
