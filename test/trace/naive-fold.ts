/** The slow twin of the fold: maps and sorts, obviously right. */
import { type ListedAccess, PAIR_WORDS, type PreparedTrace } from '../../src/trace/index.ts'

export interface FoldedTick {
  startNs: number
  /** `process:vpage task@cpu` -> [reads, writes], in the order of first touch of the whole trace, then actor. */
  pairs: [string, string, number, number][]
  touches: [string, string, number, number][]
}

const pageName = (trace: PreparedTrace, page: number) => `${trace.processes[trace.pageProcess[page]!]}:${trace.pageVpage[page]}`
const actorName = (trace: PreparedTrace, actor: number) => `${trace.tasks[trace.actorTask[actor]!]!.tid}@${trace.actorCpu[actor]}`

export function listTicks(trace: PreparedTrace): FoldedTick[] {
  const ticks: FoldedTick[] = []
  for (let b = 0; b < trace.blocks; b++) {
    const block = trace.block(b)
    for (let i = 0; i < block.ticks; i++) {
      const tick: FoldedTick = { startNs: block.startNs[i]!, pairs: [], touches: [] }
      for (let p = block.pairStart[i]!; p < block.pairStart[i + 1]!; p++) {
        const [page, actor, reads, writes] = block.pairs.subarray(p * PAIR_WORDS, (p + 1) * PAIR_WORDS)
        tick.pairs.push([pageName(trace, page!), actorName(trace, actor!), reads!, writes!])
      }
      for (let t = block.touchStart[i]!; t < block.touchStart[i + 1]!; t++)
        tick.touches.push([
          pageName(trace, block.touchPage[t]!),
          actorName(trace, block.touchActor[t]!),
          block.touchIsWrite[t]!,
          tick.startNs + block.touchOffsetNs[t]!,
        ])
      ticks.push(tick)
    }
  }
  return ticks
}

/** Folds a list (with all fields given, events first at equal times) into ticks that begin at `startsNs` (last = end). */
export function naiveTicks(list: Required<Omit<ListedAccess, 'addr'>>[], startsNs: ArrayLike<number>): FoldedTick[] {
  const pageRank = new Map<string, number>()
  const actorRank = new Map<string, number>()
  const ticks: FoldedTick[] = []
  for (let i = 0; i + 1 < startsNs.length; i++) {
    const pairs = new Map<string, [string, string, number, number]>()
    const touches: FoldedTick['touches'] = []
    const seen = new Set<string>()
    for (const { t, pid, tid, cpu, page, op, weight } of list) {
      if (t < startsNs[i]! || t >= startsNs[i + 1]!) continue
      const name = `${pid}:${page}`
      const actor = `${tid}@${cpu}`
      if (!pageRank.has(name)) pageRank.set(name, pageRank.size)
      if (!actorRank.has(actor)) actorRank.set(actor, actorRank.size)
      if (!seen.has(name)) touches.push([name, actor, op === 'R' ? 0 : 1, t])
      seen.add(name)
      const pair = pairs.get(`${name} ${actor}`) ?? [name, actor, 0, 0]
      if (op !== 'W') pair[2] += weight
      if (op !== 'R') pair[3] += weight
      pairs.set(`${name} ${actor}`, pair)
    }
    const sorted = [...pairs.values()].sort((a, b) => pageRank.get(a[0])! - pageRank.get(b[0])! || actorRank.get(a[1])! - actorRank.get(b[1])!)
    ticks.push({ startNs: startsNs[i]!, pairs: sorted, touches })
  }
  return ticks
}
