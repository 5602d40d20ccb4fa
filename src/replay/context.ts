/** What all lanes of a run share, read-only: worked out once from trace, machine and options before anything is replayed. */
import type { FaultPlan, MemoryLayout } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import type { PreparedTrace, TickBlock } from '../trace/index.ts'
import type { LoadModel } from './contention.ts'
import type { HeatGrid } from './heat.ts'
import type { RecordedPlacement } from './recorded-placement.ts'
import type { Followed } from './stage-log.ts'

export interface ReplayContext {
  trace: PreparedTrace
  machine: Machine
  layout: MemoryLayout
  /** actor -> node index of its cpu on this machine. */
  actorNode: Uint8Array
  /** Policy-clock ns per trace ns: daemons wake by the policy clock. */
  pace: number
  seed: number
  ticksPerBin: number
  /** Start of the first tick, ns on the trace's clock. */
  originNs: number
  /** The optimum leaves out what nodes can hold. */
  quickOptimum?: boolean
  /** Loaded latency; absent when the machine has no load curve or contention is turned off. */
  load?: LoadModel
  /** Page states that the trace cannot know. */
  faultPlan?: FaultPlan
  /** Where pages are at the start. */
  placement?: RecordedPlacement
  /** What each lane's last placement is compared with. */
  residency?: RecordedPlacement
  /** Moments at which each lane's numa_maps are kept, ns since the start of the trace, ascending. */
  numaMapsAtNs: number[]
  /** Axes of the picture of pages over time; absent where nobody will look at single lanes. */
  heat?: HeatGrid
  /** Migrations that are followed stage by stage. */
  followed?: Followed
}

/** Visits every tick of the trace in order. */
export function forEachTick(trace: PreparedTrace, visit: (block: TickBlock, i: number) => void): void {
  for (let b = 0; b < trace.blocks; b++) {
    const block = trace.block(b)
    for (let i = 0; i < block.ticks; i++) visit(block, i)
  }
}

/** Looking ahead must not take the block from under the lane that looks, nor read the trace from its start again. */
const aheadOf = new WeakMap<PreparedTrace, { read: (b: number) => TickBlock; b: number }>()

/** Visits ticks from number `from` on while their start is before `untilNs` (trace clock). */
export function ticksAhead(trace: PreparedTrace, from: number, untilNs: number, visit: (block: TickBlock, i: number) => void): void {
  const ahead = aheadOf.get(trace) ?? { read: trace.reader?.() ?? ((b: number) => trace.block(b)), b: 0 }
  aheadOf.set(trace, ahead)
  if (trace.blocks > 0 && ahead.read(ahead.b).firstTick > from) ahead.b = 0
  for (let b = ahead.b; b < trace.blocks; b++) {
    const block = ahead.read(b)
    if (block.firstTick + block.ticks <= from) continue
    if (block.firstTick <= from) ahead.b = b
    for (let i = Math.max(0, from - block.firstTick); i < block.ticks; i++) {
      if (block.startNs[i]! >= untilNs) return
      visit(block, i)
    }
  }
}
