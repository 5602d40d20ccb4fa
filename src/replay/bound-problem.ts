/** What the bounds need of a run, compact: memory nodes only, latencies by (actor, memory node), what moving a page costs at least. */
import type { Machine } from '../machine/index.ts'
import type { PreparedTrace, TraceEvent } from '../trace/index.ts'
import type { ReplayContext } from './context.ts'

export interface BoundProblem {
  trace: PreparedTrace
  pages: number
  ticks: number
  /** Node index of each memory node; below, `m` counts in this list. */
  memory: number[]
  /** Frames of each memory node. */
  capacity: number[]
  /** Some node could not hold every page of the trace: capacity may matter. */
  isScarce: boolean
  /** It shall be found out whether it does, which takes time: a billion accesses under first-touch 25 CPU s in all instead of 16. */
  asksForRoom: boolean
  /** [actor * memory + m], ps. */
  readPs: Float64Array
  writePs: Float64Array
  /** Least cost of moving one page, ps. */
  movePs: number
  /** Pages that left memory by munmap(2), MADV_DONTNEED or exit, by the tick at whose start they did: they come back anywhere for free. */
  drops: { tick: number; pages: number[] }[]
}

export function boundProblem(context: ReplayContext): BoundProblem {
  const { trace, machine, actorNode } = context
  const memory = machine.nodes.flatMap(({ bytes }, index) => (bytes >= trace.meta.pageSize ? [index] : []))
  const capacity = memory.map((node) => Math.floor(machine.nodes[node]!.bytes / trace.meta.pageSize))
  const isScarce = capacity.some((frames) => frames < trace.meta.pages)
  const byActor = (latencyPs: number[][]) => Float64Array.from(Array.from(actorNode).flatMap((from) => memory.map((to) => latencyPs[from]![to]!)))
  return {
    trace,
    pages: trace.meta.pages,
    ticks: trace.ticks,
    memory,
    capacity,
    isScarce,
    asksForRoom: isScarce && context.quickOptimum !== true,
    readPs: byActor(machine.readLatencyPs),
    writePs: byActor(machine.writeLatencyPs),
    movePs: leastMovePs(machine, trace.meta.pageSize),
    drops: dropsOf(context),
  }
}

/** As the ledger charges one base page that moves: every stage of the fixed cost, rounded down, and the copy. Lanes place base pages, no huge ones. */
function leastMovePs({ costs }: Machine, pageSize: number): number {
  const fixed = Object.values(costs.stageShares).reduce((sum, share) => sum + Math.floor(costs.migratePageFixedPs * share), 0)
  return fixed + Math.floor(costs.copyPsPerKiB * (pageSize / 1024))
}

/** Pages that an event takes out of memory. */
function forEachDropped({ layout }: ReplayContext, event: TraceEvent, visit: (page: number) => void): void {
  const isRange = event.kind === 'munmap' || (event.kind === 'madvise' && (event.advice === 'dontneed' || event.advice === 'free'))
  if (!isRange && event.kind !== 'exit') return
  for (const { startVpage, ptes } of layout.processes[event.process]!.vmas) {
    const from = isRange ? Math.max(0, event.startVpage - startVpage) : 0
    const to = isRange ? Math.min(ptes.length, event.startVpage + event.pages - startVpage) : ptes.length
    for (let i = from; i < to; i++) if (ptes[i]! >= 0) visit(ptes[i]!)
  }
}

/** As the event player does it: an event takes effect at the first tick that starts at or after it. */
function dropsOf(context: ReplayContext): BoundProblem['drops'] {
  const { events, tickStartNs, ticks } = context.trace
  const drops: BoundProblem['drops'] = []
  let tick = 0
  for (const event of events) {
    while (tick < ticks && tickStartNs[tick]! < event.timeNs) tick++
    if (tick === ticks) break
    const pages: number[] = []
    forEachDropped(context, event, (page) => pages.push(page))
    if (pages.length > 0) drops.push({ tick, pages })
  }
  return drops
}
