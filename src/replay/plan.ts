/** Deciding everything before anything runs: a pure function of trace, machine, lanes and options. */
import { UserError } from '../errors.ts'
import type { FaultPlan } from '../kernel/index.ts'
import { type Machine, spreadCpus } from '../machine/index.ts'
import type { LanePolicy } from '../policy/index.ts'
import { type PreparedTrace, regroup } from '../trace/index.ts'
import { formatCount, formatDuration, formatList } from '../units.ts'
import type { ReplayContext } from './context.ts'
import { heatGrid } from './heat.ts'
import { layoutOf } from './layout.ts'
import { type RecordedResidency, recordedPlacement, tooFull } from './recorded-placement.ts'

export interface PlanOptions {
  seed: number
  /** ns; undefined = the trace's own tick. */
  epochNs?: number
  /** Policy-clock seconds per trace second; undefined = 1, or enough that a short recording lasts POLICY_SPAN. */
  pace?: number
  /** How recorded cpus map to the machine's: auto, recorded, spread, or a list. */
  cpus: string
  /** Loaded latency where the machine has a load curve; undefined = yes. */
  contention?: boolean
  /** Leave capacities out of the optimum: a lower bound at once. */
  quickOptimum?: boolean
  /** In a sample of pages: replay so many halves of it too, for intervals that hold for policies that move pages (docs/sampling.md). */
  halfSamples?: number
  /** Page states that the trace cannot know. */
  faultPlan?: FaultPlan
  /** Recorded residency that the replay starts from. */
  placement?: RecordedResidency
  /** Recorded residency that the end of each lane is compared with. */
  residency?: RecordedResidency
  /** Moments whose numa_maps are kept, ns since the start of the trace. */
  numaMapsAtNs?: number[]
  /** Keep the picture of pages over time. */
  heat?: boolean
  /** Migrations to follow stage by stage: addresses of pages, or the first batch from a moment on. */
  followed?: { addresses: number[]; batchAtNs?: number }
}

export interface ReplayPlan {
  context: ReplayContext
  lanes: LanePolicy[]
  epochNs: number
  /** Recorded cpus by the node they stand for, and the same in words. */
  cpuMap: { cpus: string; node: number }[]
  cpuText: string
  warnings: string[]
}

/** Released policies wake every second or so and need some tens of rounds: a recording of milliseconds gets this policy-clock length. */
const POLICY_SPAN = 30e9
/** Rows per lane of the tables over time. */
const BINS = 500

export function planReplay(given: PreparedTrace, machine: Machine, lanes: LanePolicy[], options: PlanOptions): ReplayPlan {
  const labels = new Set<string>()
  for (const { label } of lanes) {
    if (labels.has(label)) throw new UserError(`policy ${label} is given twice`, { hint: 'Each lane needs other parameters' })
    labels.add(label)
  }
  if (lanes.length === 0) throw new UserError('no policy given', { field: '--policy', hint: 'numareplay list policies shows them' })

  const trace = options.epochNs === undefined ? given : regroup(given, options.epochNs)
  const warnings = [...machine.warnings]
  const recordedCpus = trace.cpus.map(({ cpu }) => cpu)
  const firstNode = machine.nodes.findIndex(({ cpus }) => cpus.length > 0)
  const placement =
    recordedCpus.length > 0 ? spreadCpus(machine, recordedCpus, options.cpus) : { nodes: [], text: `all tasks on node ${machine.nodes[firstNode]!.id}` }
  const nodeOfCpu = new Map(recordedCpus.map((cpu, i) => [cpu, placement.nodes[i]!]))
  if (recordedCpus.length === 0) warnings.push(`the trace does not say which cpu made an access: ${placement.text}`)
  const actorNode = Uint8Array.from(trace.actorCpu, (cpu) => nodeOfCpu.get(cpu) ?? firstNode)
  const spanNs = trace.meta.timeLastNs - trace.meta.timeFirstNs
  const pace = options.pace ?? defaultPace(spanNs)
  if (pace !== 1) {
    warnings.push(
      `the recording lasts ${formatDuration(spanNs)}: policies see a clock that runs ${Number.isInteger(pace) ? formatCount(pace) : pace} times faster, so that what wakes every second still wakes (--pace 1 for recorded time)`,
    )
  }
  if (trace.meta.fidelity !== 'every access')
    warnings.push(`the trace holds ${trace.meta.fidelity}, not every access: first touch and rare pages are approximate`)
  if (trace.meta.filtered === false && trace.meta.fidelity === 'every access') {
    warnings.push('the trace holds every load and store, unfiltered by a cache: accesses that a cache would absorb count as memory accesses')
  }
  if (trace.meta.sample !== undefined) {
    const { oneIn, exactPages } = trace.meta.sample
    const exact = exactPages === 0 ? '' : `, beside ${formatCount(exactPages)} with many accesses that are all kept`
    warnings.push(
      `the trace is a sample of 1/${oneIn} of its pages${exact}: figures are estimates for all pages, ± half a 95% interval where it is known${options.halfSamples === undefined ? ', without what policies make of other pages (--half-samples 8 adds it)' : ''}`,
    )
  }
  const recordedNodes = new Set(trace.events.flatMap((event) => ('mems' in event ? (event.mems ?? []) : 'from' in event ? [...event.from, ...event.to] : [])))
  const unknown = [...recordedNodes].filter((id) => !machine.nodes.some((node) => node.id === id))
  if (unknown.length > 0) warnings.push(`recorded calls name nodes ${formatList(unknown)}, which ${machine.name} lacks: taken modulo its memory nodes`)

  const placed = options.placement && recordedPlacement(options.placement, trace, machine)
  const residency = options.residency && recordedPlacement(options.residency, trace, machine)
  if (placed) warnings.push(...tooFull(placed, machine, trace.meta.pageSize))
  warnings.push(...new Set([...(placed?.warnings ?? []), ...(residency?.warnings ?? [])]))

  return {
    context: {
      trace,
      machine,
      placement: placed,
      residency,
      layout: layoutOf(trace),
      actorNode,
      pace,
      seed: options.seed,
      ticksPerBin: Math.max(1, Math.ceil(trace.ticks / BINS)),
      ...loadOf(trace, machine, options),
      quickOptimum: options.quickOptimum,
      faultPlan: options.faultPlan,
      numaMapsAtNs: [...(options.numaMapsAtNs ?? [])].sort((a, b) => a - b),
      heat: options.heat ? heatGrid(trace) : undefined,
      followed: options.followed && { pages: pagesAt(trace, options.followed.addresses), batchAtNs: options.followed.batchAtNs },
      originNs: trace.blocks > 0 ? trace.block(0).startNs[0]! : 0,
    },
    lanes,
    epochNs: trace.meta.tickNs,
    cpuMap: machine.nodes.flatMap(({ id }, index) => {
      const cpus = recordedCpus.filter((cpu) => nodeOfCpu.get(cpu) === index)
      return cpus.length > 0 ? [{ cpus: formatList(cpus), node: id }] : []
    }),
    cpuText: placement.text,
    warnings,
  }
}

/** Pages at byte addresses, of whichever process; each must be touched in the trace. */
function pagesAt(trace: PreparedTrace, addresses: number[]): number[] {
  return addresses.flatMap((address) => {
    const vpage = Math.floor(address / trace.meta.pageSize)
    const pages: number[] = []
    for (let page = 0; page < trace.meta.pages; page++) if (trace.pageVpage[page] === vpage) pages.push(page)
    if (pages.length === 0) throw new UserError('the trace never touches this page', { got: `0x${address.toString(16)}` })
    return pages
  })
}

/** Bytes in a cache line. */
const LINE = 64

/**
 * Traffic that left the caches moves whole lines. A recording of every load and store holds what caches absorb as well:
 * counting a line for each would ask for many times the bandwidth that the program used, so the bytes it names are counted.
 */
function loadOf({ meta }: PreparedTrace, { load }: Machine, { contention }: PlanOptions): Pick<ReplayContext, 'load'> {
  if (contention === false || !load) return {}
  const isRawStream = meta.filtered === false && meta.fidelity === 'every access'
  const meanBytes = meta.accesses > 0 ? Math.round(meta.bytes / meta.accesses) : LINE
  return { load: { curve: load, bytesPerAccess: isRawStream ? Math.max(1, Math.min(LINE, meanBytes)) : LINE, pageSize: meta.pageSize } }
}

/** Two significant digits, so that the record reads well. */
function defaultPace(spanNs: number): number {
  if (spanNs >= POLICY_SPAN || spanNs <= 0) return 1
  return Math.max(1, Number((POLICY_SPAN / spanNs).toPrecision(2)))
}
