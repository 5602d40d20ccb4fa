/** The main job: plan, one pass over the trace with all lanes, collect. */
import { availableParallelism } from 'node:os'
import type { Table } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import type { Machine } from '../machine/index.ts'
import { VERSION } from '../package.ts'
import { type LanePolicy, lanePolicy, type Policy, parsePolicySpec, policyName } from '../policy/index.ts'
import { RUN_SCHEMA, type Run, type RunRecord, runOf } from '../results/index.ts'
import { countPairs, type PreparedTrace } from '../trace/index.ts'
import { knownBound, optimumRanges } from './bound.ts'
import type { PageRange } from './bound-choices.ts'
import { joined, type OptimumPart, optimumOnTheWay, type PageOptimum } from './bound-pages.ts'
import { boundProblem } from './bound-problem.ts'
import { collect } from './collect.ts'
import type { ReplayContext } from './context.ts'
import { replayHalves } from './half-samples.ts'
import { HeatCounter } from './heat.ts'
import type { LaneResult } from './lane-result.ts'
import type { LanesOptions } from './pass.ts'
import { type PlanOptions, planReplay, type ReplayPlan } from './plan.ts'
import type { RecordedResidency } from './recorded-placement.ts'
import { replayOnThreads, type Shared } from './threads.ts'

export type RunFacts = Omit<RunRecord, 'createdAt' | 'command'>

export interface ReplayOptions extends Partial<PlanOptions> {
  trace: PreparedTrace
  machine: Machine
  /** Texts as given to `-p`, or policies as `hotPageDaemon({ period: 2e9 })`. The first lane is the baseline. */
  policies: (string | Policy)[]
  /** Worker threads; the result is the same for any number. Default: as many as pay. */
  jobs?: number
  /** For the record only. */
  command?: string[]
  /** Called now and then with the share of the trace that is done. */
  progress?: (share: number) => void
}

/** Below this many (page, actor) pairs starting a thread costs more than it saves. */
const PAIRS_WORTH_A_THREAD = 4_000_000
/** And one that does nothing but decode, which leaves less to do than a lane of its own. */
const PAIRS_WORTH_READING_AHEAD = 40_000_000

export async function replay(options: ReplayOptions): Promise<Run> {
  const plan = await planOf(options)
  const shared = new SharedCounts(plan.context)
  const lanes = await runLanes(plan, options, shared)
  if (options.halfSamples !== undefined && plan.context.trace.meta.sample !== undefined) {
    replayHalves(plan, planOptionsOf(options), options.halfSamples, lanes)
  }
  const { optimum } = shared
  const tables = collect(
    plan.context,
    lanes,
    lanes.map(({ copiesMade }) => knownBound(plan.context, copiesMade > 0, optimum)),
  )
  return runOf(recordOf(plan, lanes, options), shared.heat ? [...tables, shared.heat] : tables)
}

/** What is counted once for all lanes, in the pass that replays them. */
class SharedCounts implements Shared {
  readonly #context: ReplayContext
  readonly #parts: OptimumPart[] = []
  #heat?: HeatCounter
  #own?: ReturnType<typeof optimumOnTheWay>

  constructor(context: ReplayContext) {
    this.#context = context
  }

  ranges(threads: number): PageRange[] | undefined {
    return optimumRanges(this.#context, threads)
  }

  visitor(range: PageRange | undefined): LanesOptions['visitor'] {
    const { trace, heat: grid } = this.#context
    this.#own = range && optimumOnTheWay(this.#context, range)
    return (space) => {
      const heat = grid && new HeatCounter(trace, grid, space)
      const optimum = this.#own?.visitor(space)
      this.#heat = heat
      return (block, i) => {
        heat?.tick(block, i)
        optimum?.(block, i)
      }
    }
  }

  part(): OptimumPart | undefined {
    return this.#own?.part
  }

  take(part: OptimumPart): void {
    this.#parts.push(part)
  }

  get heat(): Table | undefined {
    return this.#heat?.finish()
  }

  /** Undefined where it was not worked out. */
  get optimum(): PageOptimum | undefined {
    return this.#parts.length > 0 ? joined(boundProblem(this.#context), this.#parts) : undefined
  }
}

/** What will be done. */
export async function planOf(options: ReplayOptions): Promise<ReplayPlan> {
  const lanes: LanePolicy[] = []
  for (const policy of options.policies) {
    if (typeof policy === 'string') lanes.push(...(await parsePolicySpec(policy)))
    else lanes.push(lanePolicy(policy, await policyName(policy)))
  }
  return planReplay(options.trace, options.machine, lanes, planOptionsOf(options))
}

function planOptionsOf(options: ReplayOptions): PlanOptions {
  return {
    seed: options.seed ?? 1,
    epochNs: options.epochNs,
    pace: options.pace,
    cpus: options.cpus ?? 'auto',
    contention: options.contention,
    quickOptimum: options.quickOptimum,
    halfSamples: options.halfSamples,
    faultPlan: options.faultPlan,
    placement: options.placement,
    residency: options.residency,
    numaMapsAtNs: options.numaMapsAtNs,
    followed: options.followed,
    heat: options.heat ?? true,
  }
}

async function runLanes(plan: ReplayPlan, options: ReplayOptions, shared: Shared): Promise<LaneResult[]> {
  const jobs = options.jobs ?? defaultJobs(plan)
  if (!Number.isInteger(jobs) || jobs < 1) {
    throw new UserError('not a number of threads', { field: 'jobs', expected: 'a whole number, 1 or more', got: String(jobs) })
  }
  return replayOnThreads(plan, jobs, shared, options.progress)
}

function defaultJobs({ context, lanes }: ReplayPlan): number {
  const pairs = countPairs(context.trace)
  if (pairs < PAIRS_WORTH_A_THREAD) return 1
  const threads = availableParallelism()
  return pairs < PAIRS_WORTH_READING_AHEAD ? Math.min(threads, lanes.length) : threads
}

function recordOf(plan: ReplayPlan, lanes: LaneResult[], options: ReplayOptions): RunRecord {
  const recorded = (given: RecordedResidency | undefined, pages = 0) => given && { file: given.file, snapshot: given.snapshot.name, pages }
  const { placement, residency } = plan.context
  const facts = {
    ...(options.placement ? { placement: recorded(options.placement, placement?.pages) } : {}),
    ...(options.residency ? { residency: recorded(options.residency, residency?.pages) } : {}),
  }
  return { ...factsOf(plan, lanes), ...facts, createdAt: new Date().toISOString(), command: options.command ?? [] }
}

/** What was run, without who ran it and when. */
export function factsOf(plan: ReplayPlan, lanes: Pick<LaneResult, 'label' | 'policy' | 'params' | 'status'>[]): RunFacts {
  const { trace, machine, pace, seed } = plan.context
  const { meta } = trace
  return {
    schema: RUN_SCHEMA,
    version: VERSION,
    trace: {
      file: meta.file,
      digest: meta.digest,
      format: meta.format,
      accesses: meta.accesses,
      pages: meta.pages,
      tasks: trace.tasks.length,
      fidelity: meta.fidelity,
      filtered: meta.filtered,
      ...(meta.sample && { sample: meta.sample }),
      pageSize: meta.pageSize,
      timeFirstNs: meta.timeFirstNs,
      timeLastNs: meta.timeLastNs,
    },
    machine: {
      name: machine.name,
      nodes: machine.nodes.map(({ id, cpus, bytes, tier, kind }) => ({ id, cpus: cpus.length, bytes, tier, kind })),
      latencySource: machine.latencySource,
      definition: machine,
    },
    seed,
    epochNs: plan.epochNs,
    pace,
    contention: plan.context.load !== undefined,
    faults: plan.context.faultPlan,
    cpuMap: plan.cpuMap,
    baseline: plan.lanes[0]!.label,
    warnings: plan.warnings,
    lanes: lanes.map(({ label, policy, params, status }) => ({ label, policy, params, status })),
  }
}
