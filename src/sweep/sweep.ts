/** The sweep command as a library: plan file in, points in the store out. */
import { UserError } from '../errors.ts'
import { type Axes, readAxes } from './axes.ts'
import { engineVersion } from './code-digest.ts'
import { type Estimate, estimate } from './estimate.ts'
import { coordinatesOf, planOfSweep } from './expand.ts'
import type { SweepPlan, TraceAxis } from './plan.ts'
import { knownTrace, prepareTrace } from './prepare.ts'
import { Store } from './store.ts'
import { type WorkOptions, type WorkResult, work } from './work.ts'

export interface SweepOptions extends WorkOptions {
  /** Plan file; its folder must be the working folder, because policies and their parameters name files relative to it. */
  plan: string
  store: string
  /** The store must be there: guards against a misspelt name, which would compute everything anew. */
  resume?: boolean
  /** Further folders that the plan may read from. */
  allowed?: string[]
  /** Told before each trace that has to be read in, and while it is. */
  onTrace?: (trace: TraceProgress) => void
}

export interface TraceProgress {
  name: string
  index: number
  /** Traces of the plan. */
  count: number
  /** Read so far, 0 to 1. */
  share: number
}

/** Computes what is missing of a plan, on this machine. */
export async function sweep(options: SweepOptions): Promise<WorkResult & { plan: SweepPlan }> {
  return inStore(options, async (store, plan, claims) => ({ plan, ...(await work(store, claims, plan, options)) }))
}

/** Everything but the computing: the store with the traces and the plan, ready for workers on this or other machines. */
export async function prepareSweep(options: SweepOptions): Promise<SweepPlan> {
  return inStore(options, async (_, plan) => plan)
}

async function inStore<T>(options: SweepOptions, then: (store: Store, plan: SweepPlan, claims: ReturnType<Store['enter']>) => Promise<T>): Promise<T> {
  const axes = await readAxes(options.plan, options.allowed ?? [])
  coordinatesOf(axes)
  const store = options.resume ? Store.open(options.store) : Store.create(options.store)
  const claims = store.enter()
  try {
    const traces: TraceAxis[] = []
    for (const [index, source] of axes.traces.entries()) {
      options.signal?.throwIfAborted()
      const report = (share: number) => options.onTrace?.({ name: source.name, index, count: axes.traces.length, share })
      if (!knownTrace(store, source)) report(0)
      traces.push(await prepareTrace(store, claims, source, report))
    }
    const plan = planOfSweep(axes, traces)
    store.writePlan(plan, claims.owner)
    return await then(store, plan, claims)
  } finally {
    store.leave(claims)
  }
}

/** Continues a plan that lies in a store: what every task of a job array runs. */
export async function workOn(
  storeFolder: string,
  planName: string | undefined,
  options: WorkOptions & { enterFolder?: (folder: string) => void },
): Promise<WorkResult & { plan: SweepPlan }> {
  const store = Store.open(storeFolder)
  const plan = store.plan(planName)
  checkEngine(plan)
  options.enterFolder?.(plan.folder)
  const claims = store.enter()
  try {
    return { plan, ...(await work(store, claims, plan, options)) }
  } finally {
    store.leave(claims)
  }
}

/** Points of another engine under this engine's key would be lies. */
function checkEngine(plan: SweepPlan): void {
  const engine = engineVersion()
  if (plan.engine === engine) return
  throw new UserError(`plan ${plan.name} was made for another engine`, {
    expected: plan.engine,
    got: engine,
    hint: 'Run numareplay sweep PLAN.yaml -o STORE again with this version',
  })
}

export interface DryRun {
  axes: Axes
  points: number
  estimate: Estimate
}

/** What a plan would do. Writes nothing. */
export async function dryRun({ plan, store, allowed, jobs }: Pick<SweepOptions, 'plan' | 'allowed' | 'jobs'> & { store?: string }): Promise<DryRun> {
  const axes = await readAxes(plan, allowed ?? [])
  const points = coordinatesOf(axes)
  const opened = store !== undefined && Store.exists(store) ? Store.open(store) : undefined
  return { axes, points: points.length, estimate: await estimate(axes, points, opened, jobs) }
}

export interface PlanStatus {
  plan: string
  points: number
  done: number
  failed: { key: string; kind: string; message: string; name: string }[]
  running: number
  missing: number
}

export interface StoreStatus {
  plans: PlanStatus[]
  /** Finished points that belong to no plan any more. */
  unused: number
}

export function statusOf(storeFolder: string): StoreStatus {
  const store = Store.open(storeFolder)
  const keys = store.keys()
  const failures = store.failures()
  const held = store.held()
  const used = new Set<string>()
  const plans = store.plans().map((plan): PlanStatus => {
    const status: PlanStatus = { plan: plan.name, points: plan.points.length, done: 0, failed: [], running: 0, missing: 0 }
    for (const point of plan.points) {
      const failure = failures.get(point.key)
      used.add(point.key)
      if (keys.has(point.key)) status.done++
      else if (held.has(point.key)) status.running++
      else if (failure) status.failed.push({ key: point.key, kind: failure.kind, message: failure.message, name: pointName(plan, point) })
      else status.missing++
    }
    return status
  })
  return { plans, unused: [...keys].filter((key) => !used.has(key)).length }
}

/** A point in words. */
export function pointName(plan: SweepPlan, point: SweepPlan['points'][number]): string {
  const { name } = plan.policies[point.policy]!
  return `${plan.traces[point.trace]!.name}, ${plan.machines[point.machine]!.name}, ${name}, seed ${point.seed}`
}

/** `3/16`: the third of sixteen parts. */
export function parsePart(text: string): { index: number; count: number } {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text)
  const [index, count] = [Number(match?.[1]), Number(match?.[2])]
  if (match && index >= 1 && index <= count) return { index, count }
  throw new UserError('not a part', { field: '--part', expected: 'K/N with K from 1 to N, such as 3/16', got: JSON.stringify(text) })
}
