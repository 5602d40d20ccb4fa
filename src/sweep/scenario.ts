/** Reading a store: the lanes of one comparison put side by side as a run, and all points as one table. Reports see the same tables as from `replay`. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Cell, type Column, type Row, Table } from '../columns/index.ts'
import { UserError } from '../errors.ts'
import { runOfLanes, type SoloResult } from '../replay/index.ts'
import { type Run, runOf, SUMMARY } from '../results/index.ts'
import { type SweepPlan, type SweepPoint, scenarioOf } from './plan.ts'
import { type Selection, selectedPoints } from './select.ts'
import { Store } from './store.ts'

/** Points that differ in policy only. */
export interface Scenario {
  plan: SweepPlan
  /** `trace=…  machine=…` for the axes that vary in the plan. */
  label: string
  axes: ScenarioAxes
  points: SweepPoint[]
}

export interface ScenarioAxes {
  trace: string
  machine: string
  faults: string
  seed: number
  epoch_ns: number | null
  pace: number | null
  cpus: string
}

export class OpenStore {
  readonly store: Store
  readonly plans: SweepPlan[]

  constructor(folder: string) {
    this.store = Store.open(folder)
    this.plans = this.store.plans()
    if (this.plans.length === 0) throw new UserError('the store has no plan yet', { file: folder })
  }

  /** All comparisons of a plan, or those with points that are selected; in plan order. */
  scenarios(name?: string, selection: Selection = {}): Scenario[] {
    const plan = this.store.plan(name)
    const groups = new Map<string, SweepPoint[]>()
    const points = selectedPoints(plan, selection, scenarioOf)
    if (points.length === 0) throw new UserError('no point of the plan matches', { file: this.store.folder, field: '--where', expected: namesOf(plan) })
    for (const point of points) {
      const key = scenarioOf(point)
      const group = groups.get(key)
      if (group) group.push(point)
      else groups.set(key, [point])
    }
    const all = [...groups.values()].map((points) => ({ plan, points, axes: axesOf(plan, points[0]!) }))
    const varying = (Object.keys(all[0]!.axes) as (keyof ScenarioAxes)[]).filter((axis) => new Set(all.map(({ axes }) => axes[axis])).size > 1)
    return all.map((one) => ({ ...one, label: varying.map((axis) => `${axis}=${one.axes[axis]}`).join(' ') || one.axes.trace }))
  }

  /** The comparison as `replay` would give it; lanes that are missing or failed are left out. Undefined when none is there. */
  async run(scenario: Scenario): Promise<Run | undefined> {
    const { plan } = scenario
    const present = baselineFirst(scenario).filter(({ key }) => this.store.has(key))
    if (present.length === 0) return undefined
    const solos = await Promise.all(present.map(async (point) => named(await this.store.point(point.key), plan, point)))
    const newest = Math.max(...present.map(({ key }) => statSync(join(this.store.folder, this.store.pointPath(key))).mtimeMs))
    const run = runOfLanes(solos, { createdAt: new Date(newest).toISOString(), command: commandOf(scenario, present) })
    const absent = scenario.points.length - present.length
    if (absent === 0) return run
    const warnings = [...run.record.warnings, `${absent} of ${scenario.points.length} points of this comparison are missing or failed`]
    return runOf({ ...run.record, warnings }, run.tables.map((name) => run.table(name))) // biome-ignore format: one thought
  }

  /** One row per finished point: where it lies on each axis, its parameters, and its summary. Ordered as the plan. */
  async points(name?: string): Promise<Table> {
    const { points } = await this.study(this.scenarios(name))
    return points
  }

  /** The comparisons as runs, where they lie, and their points as one table. */
  async study(scenarios: Scenario[]): Promise<{ runs: Run[]; axes: ScenarioAxes[]; points: Table }> {
    const { plan } = scenarios[0]!
    const params = paramsOf(plan)
    const points = new Table({ name: 'points', about: 'One row per point of the sweep', columns: [...AXES, ...params.map(paramColumn), ...MEASURES] })
    const runs: Run[] = []
    const axes: ScenarioAxes[] = []
    for (const scenario of scenarios) {
      const run = await this.run(scenario)
      if (run === undefined) continue
      runs.push(run)
      axes.push(scenario.axes)
      const byLane = new Map(run.rows('summary').map((row) => [row['lane'], row]))
      for (const point of scenario.points) {
        const row = byLane.get(plan.policies[point.policy]!.name)
        if (row) points.add(pointRow(plan, point, scenario.axes, params, row))
      }
    }
    return { runs, axes, points }
  }
}

const paramsOf = (plan: SweepPlan): string[] => [...new Set(plan.policies.flatMap(({ params }) => Object.keys(params)))].sort()

/** A store for reading; `replay` need not be possible here any more. */
export const openStore = (folder: string): OpenStore => new OpenStore(folder)

/** Traces and machines to choose from, as far as they fit a message. */
function namesOf({ traces, machines }: SweepPlan): string {
  const some = (all: { name: string }[]): string => `${all.slice(0, 8).map(({ name }) => name).join(', ')}${all.length > 8 ? ', …' : ''}` // biome-ignore format: one thought
  return `trace of ${some(traces)}; machine of ${some(machines)}`
}

function axesOf(plan: SweepPlan, { trace, machine, faults, seed, epochNs, pace, cpus }: SweepPoint): ScenarioAxes {
  const { name } = plan.traces[trace]!
  return { trace: name, machine: plan.machines[machine]!.name, faults: plan.faults[faults]!.name, seed, epoch_ns: epochNs, pace, cpus }
}

function baselineFirst({ plan, points }: Scenario): SweepPoint[] {
  const isBaseline = ({ policy }: SweepPoint) => policy === plan.baseline
  return [...points.filter(isBaseline), ...points.filter((point) => !isBaseline(point))]
}

/** The names that the plan gives: of the trace, the machine and the lane. */
function named(solo: SoloResult, plan: SweepPlan, point: SweepPoint): SoloResult {
  const lane = plan.policies[point.policy]!.name
  const { facts } = solo
  const rename = (rows: Row[]): Row[] => rows.map((row) => ({ ...row, lane }))
  const rows = Object.fromEntries(Object.entries(solo.lane.rows).map(([table, list]) => [table, rename(list)])) as SoloResult['lane']['rows']
  return {
    ...solo,
    facts: {
      ...facts,
      trace: { ...facts.trace, file: plan.traces[point.trace]!.name },
      machine: { ...facts.machine, name: plan.machines[point.machine]!.name },
    },
    lane: { ...solo.lane, label: lane, rows },
  }
}

/** The replay that gives the same lanes. */
function commandOf({ plan, axes }: Scenario, points: SweepPoint[]): string[] {
  const policies = points.flatMap(({ policy }) => ['-p', plan.policies[policy]!.spec])
  const epoch = axes.epoch_ns === null ? [] : ['--epoch', `${axes.epoch_ns}ns`]
  const pace = axes.pace === null ? [] : ['--pace', String(axes.pace)]
  const { file } = plan.faults[points[0]!.faults]!
  const faults = file === null ? [] : ['--faults', file]
  return ['numareplay', 'replay', axes.trace, '-m', axes.machine, ...policies, '--seed', String(axes.seed), ...epoch, ...pace, ...faults, '--cpus', axes.cpus]
}

const text = (name: string, about: string): Column => ({ name, type: 'string', unit: '', about })

const AXES: Column[] = [
  text('point', 'key: sha256 of everything the result depends on'),
  text('plan', 'name of the plan'),
  text('trace', 'as the plan names it'),
  text('trace_digest', 'sha256 of its content'),
  text('machine', 'as the plan names it'),
  text('faults', 'fault plan, or none'),
  { name: 'seed', type: 'int', unit: '', about: 'seed of everything random' },
  { name: 'epoch_ns', type: 'int', unit: 'ns', about: 'epoch asked for; null = the tick of the trace' },
  { name: 'pace', type: 'float', unit: '', about: 'pace asked for; null = chosen from the length of the trace' },
  text('cpus', 'how recorded cpus map to the machine'),
  text('lane', 'variant as the plan names it'),
  text('policy', 'policy name'),
]
export const PARAM = 'param_'
const paramColumn = (name: string): Column => text(`${PARAM}${name.replace(/\W+/g, '_')}`, `parameter ${name}; null = the policy has none of that name`)
const MEASURES = SUMMARY.columns.filter(({ name }) => !['lane', 'policy', 'params'].includes(name))

function pointRow(plan: SweepPlan, point: SweepPoint, axes: ScenarioAxes, params: string[], summary: Row): Row {
  const policy = plan.policies[point.policy]!
  const given = params.map((name): [string, Cell] => [paramColumn(name).name, policy.params[name] ?? null])
  return {
    point: point.key,
    plan: plan.name,
    trace_digest: plan.traces[point.trace]!.digest,
    ...axes,
    lane: policy.name,
    policy: policy.policy,
    ...Object.fromEntries(given),
    ...Object.fromEntries(MEASURES.map(({ name }) => [name, summary[name]!])),
  }
}
