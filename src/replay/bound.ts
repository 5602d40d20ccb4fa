/**
 * The optimum that no policy beats when memory is not scarce: without capacity limits pages are independent, so a dynamic
 * program per page over its epochs (state = node, step = access latency + one migration at its cheapest) is exact.
 * models-and-numbers §6.2: C[t][n] = w[t][n] + min(C[t-1][n], min_m C[t-1][m] + M). Epochs in which the page is not touched
 * change nothing, so the work is one step per (page, epoch) that occurs.
 */
import { forEachTick, type ReplayContext } from './context.ts'

/** Least total cost in picoseconds: idle access latency plus migrations, over all placements of all pages. */
export function boundPs({ trace, machine, actorNode }: ReplayContext): number {
  const nodes = machine.nodes.length
  const memory = machine.nodes.flatMap(({ bytes }, index) => (bytes > 0 ? [index] : []))
  const { costs } = machine
  const kib = trace.meta.pageSize / 1024
  // A page moved in a THP costs a 512th of it; whichever is cheaper keeps the bound valid
  const move = Math.min(Math.floor(costs.migratePageFixedPs) + costs.copyPsPerKiB * kib, Math.floor(costs.migrateThpPs / 512))
  const readPs = Float64Array.from(machine.readLatencyPs.flat())
  const writePs = Float64Array.from(machine.writeLatencyPs.flat())
  const cost = new Float64Array(trace.meta.pages * nodes)
  const step = new Float64Array(nodes)

  const relax = (page: number): void => {
    const base = page * nodes
    let least = Number.POSITIVE_INFINITY
    for (const node of memory) if (cost[base + node]! < least) least = cost[base + node]!
    for (const node of memory) cost[base + node] = step[node]! + Math.min(cost[base + node]!, least + move)
    step.fill(0)
  }

  forEachTick(trace, (block, i) => {
    const { pairPage, pairActor, pairReads, pairWrites } = block
    const end = block.pairStart[i + 1]!
    let k = block.pairStart[i]!
    while (k < end) {
      const page = pairPage[k]!
      for (; k < end && pairPage[k] === page; k++) {
        const from = actorNode[pairActor[k]!]! * nodes
        for (const node of memory) step[node]! += pairReads[k]! * readPs[from + node]! + pairWrites[k]! * writePs[from + node]!
      }
      relax(page)
    }
  })

  let total = 0
  for (let page = 0; page < trace.meta.pages; page++) {
    let least = Number.POSITIVE_INFINITY
    for (const node of memory) if (cost[page * nodes + node]! < least) least = cost[page * nodes + node]!
    total += least
  }
  return total
}
