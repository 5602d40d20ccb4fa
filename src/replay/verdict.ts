/** A lane against doing nothing, in words: what it saves, or what it loses and why. */
import { formatCount, formatDuration, formatPercent } from '../units.ts'
import type { LaneResult } from './lane-result.ts'

/** Less than this share of the total cost is no difference. */
const NOTICEABLE = 0.001
/** Share of migrated pages that came back from which on ping-pong is the reason. */
const MANY_RETURNS = 0.1

/** Memory stall and everything that placement costs on top: what the bound bounds. Page faults are the same for all and left out. */
export const totalCostPs = ({ totals }: Pick<LaneResult, 'totals'>): number =>
  totals.memoryPs + totals.migrationPs + totals.hintFaultPs + totals.observationPs + totals.blockedPs

/** `nothing`: the lane that moves no page, or the baseline. */
export function verdictOf(lane: LaneResult, nothing: LaneResult): string {
  if (lane === nothing) return 'the measure of all others'
  if (lane.status !== 'ok' || nothing.status !== 'ok') return ''
  const lost = totalCostPs(lane) - totalCostPs(nothing)
  const share = lost / Math.max(1, totalCostPs(nothing))
  if (Math.abs(share) < NOTICEABLE) return `no different from ${nothing.label}`
  if (share < 0) return `saves ${formatPercent(-share)} against ${nothing.label}`
  return `loses ${formatPercent(share)} to ${nothing.label}: ${reason(lane, nothing)}`
}

function reason(lane: LaneResult, nothing: LaneResult): string {
  const { totals } = lane
  const memoryPs = totals.memoryPs - nothing.totals.memoryPs
  const lookingPs = totals.observationPs + totals.hintFaultPs - nothing.totals.observationPs - nothing.totals.hintFaultPs
  const movingPs = totals.migrationPs - nothing.totals.migrationPs
  const gained = memoryPs === 0 ? 'accesses gained nothing' : memoryPs < 0 ? `accesses gained ${ns(-memoryPs)}` : `accesses lost ${ns(memoryPs)}`
  const largest = Math.max(memoryPs, lookingPs, movingPs)
  if (largest === lookingPs) return `looking too expensive (${ns(lookingPs)} for scans, faults and samples, ${gained})`
  // What hinders a policy from placing well shows in its migrations
  if (totals.failed > totals.migrated) return `failures (${failures(lane)}, ${gained})`
  if (lane.pingPongPages > MANY_RETURNS * totals.migrated) return `ping-pong (${formatCount(lane.pingPongPages)} pages moved away and back, ${gained})`
  if (largest === movingPs) return `reuse too short (${ns(movingPs)} for moving, ${gained})`
  const queueingPs = totals.queueingPs - nothing.totals.queueingPs
  if (queueingPs > memoryPs / 2) return `one memory too busy (${ns(queueingPs)} more queueing)`
  if (totals.failed > 0) return `capacity (${failures(lane)}, ${gained})`
  return totals.migrated > 0
    ? `reuse too short (pages moved for accesses that did not come back, ${gained})`
    : `pages placed farther from their users (${gained})`
}

const ns = (ps: number): string => formatDuration(Math.round(ps / 1000))

/** `120 pages ENOMEM, 3 pages EBUSY`. */
function failures({ rows }: LaneResult): string {
  const byErrno = new Map<string, number>()
  for (const { errno, pages } of rows.failures) byErrno.set(String(errno), (byErrno.get(String(errno)) ?? 0) + Number(pages))
  return [...byErrno]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([errno, pages]) => `${formatCount(pages)} pages ${errno}`)
    .join(', ')
}
