/**
 * The fold checked against single accesses: while a lane's pages stay on the nodes on which they were first touched, counting
 * every access by the node of its page must give the lane's counters. No tick, pair or touch takes part in that count.
 */
import type { LanePolicy } from '../policy/index.ts'
import { AccessColumns, type KeptAccesses, READ, type TickBlock, WRITE } from '../trace/index.ts'
import { cellsOf, type Workspace, withWorkspace } from '../wasm/index.ts'
import type { ReplayContext } from './context.ts'
import { Lane } from './lane.ts'
import { spacesFor } from './pass.ts'
import { withBlocks } from './window.ts'

export interface CheckedLane {
  label: string
  /** `not static`: pages moved or were copied, or the lane ended early. */
  verdict: 'same' | 'different' | 'not static'
  /** Counters, cpu's node × memory's node × reads or writes, of both. */
  folded: number[]
  counted: number[]
}

const NOWHERE = 255
const MOST_COUNTED = 2 ** 32 - 1

/** Replays the lane from the fold, then counts its accesses one by one. */
export function checkAccesses(context: ReplayContext, policy: LanePolicy, accesses: KeptAccesses): CheckedLane {
  const { trace, machine } = context
  return withBlocks(trace, (space, blockAt) => {
    const lane = new Lane(context, policy, spacesFor(trace, space)())
    const node = space.u8(trace.meta.pages).fill(NOWHERE)
    let isStatic = true
    try {
      for (let b = 0; b < trace.blocks; b++) {
        const block = blockAt(b)
        for (let i = 0; i < block.ticks; i++) {
          lane.step(block, i)
          isStatic &&= staysOn(node, lane.placement, block, i)
        }
      }
    } catch (error) {
      lane.fail(error as Error)
    }
    const { label, status, copiesMade, totals } = lane.finish()
    const folded = interleaved(totals.reads, totals.writes)
    if (!isStatic || status !== 'ok' || copiesMade > 0) return { label, verdict: 'not static', folded, counted: [] }
    const counted = countAccesses(context, node, machine.nodes.length, accesses, space)
    return { label, verdict: folded.every((count, i) => count === counted[i]) ? 'same' : 'different', folded, counted }
  })
}

/** Whether the pages touched in this tick are where they were first; notes where new ones are. */
function staysOn(node: Uint8Array, placement: Uint8Array, { touchPage, touchStart }: TickBlock, i: number): boolean {
  for (let k = touchStart[i]!; k < touchStart[i + 1]!; k++) {
    const page = touchPage[k]!
    if (node[page] === NOWHERE) node[page] = placement[page]!
    if (node[page] !== placement[page]) return false
  }
  return true
}

/** Reads and writes by node of the cpu and of the page. Every page has its node. */
function countAccesses({ trace, actorNode }: ReplayContext, node: Uint8Array, nodes: number, accesses: KeptAccesses, space: Workspace): number[] {
  const reads = new Float64Array(nodes * nodes)
  const writes = new Float64Array(nodes * nodes)
  const layout = accesses.layout
  const cells = space.u32(cellsOf(layout, nodes))
  const keys = cellsOf(layout, 1)
  const settle = () => {
    for (let home = 0; home < nodes; home++) {
      for (let actor = 0; actor < trace.actorTask.length; actor++) {
        const to = actorNode[actor]! * nodes + home
        reads[to]! += cells[home * keys + 2 * actor]!
        writes[to]! += cells[home * keys + 2 * actor + 1]!
      }
    }
    cells.fill(0)
  }
  const slow = new AccessColumns()
  let room = MOST_COUNTED
  for (let b = 0; b < accesses.blocks; b++) {
    const n = accesses.accesses(b)
    if (n > room) settle()
    room = n > room ? MOST_COUNTED - n : room - n
    const isCounted = withWorkspace(() => {
      const { words, isPlain } = accesses.words(b, space)
      if (isPlain) space.kernels.countAccesses(words, n, layout, node, nodes, cells)
      return isPlain
    })
    if (isCounted) continue
    accesses.read(b, slow)
    for (let i = 0; i < n; i++) {
      const to = actorNode[slow.actor[i]!]! * nodes + node[slow.page[i]!]!
      if ((slow.kind[i]! & READ) !== 0) reads[to]! += slow.weight[i]!
      if ((slow.kind[i]! & WRITE) !== 0) writes[to]! += slow.weight[i]!
    }
  }
  settle()
  return interleaved(reads, writes)
}

const interleaved = (reads: Float64Array, writes: Float64Array): number[] => Array.from(reads).flatMap((count, i) => [count, writes[i]!])
