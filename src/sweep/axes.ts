/** From a plan file to its axes: patterns become files, names become machines and policies, grids become variants. Reads no trace. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { readFaultPlan } from '../kernel/index.ts'
import { machine, withMemory } from '../machine/index.ts'
import { isPluginPath, listPlugins } from '../plugins.ts'
import { defaultsOf, type LanePolicy, parsePolicySpec } from '../policy/index.ts'
import type { LocatedYaml, Place } from '../yaml.ts'
import { digestOf, sha256 } from './canonical.ts'
import { shippedPolicyDigest } from './code-digest.ts'
import { globFiles, isGlob } from './glob.ts'
import type { FaultsAxis, MachineAxis, PolicyAxis } from './plan.ts'
import { type PlanFile, readPlanFile } from './plan-file.ts'
import { Roots } from './roots.ts'

/** A trace as named, not yet opened. */
export interface TraceSource {
  name: string
  /** Absolute path, or the text of a workload. */
  source: string
  isWorkload: boolean
  format?: string
  place: Place
}

export interface Axes {
  name: string
  about: string
  folder: string
  traces: TraceSource[]
  machines: MachineAxis[]
  policies: PolicyAxis[]
  faults: FaultsAxis[]
  seeds: number[]
  epochs: (number | null)[]
  paces: (number | null)[]
  cpus: string[]
  baseline: number
  limits: { timeMs: number; memoryBytes: number | null }
  exclude: { exclusion: PlanFile['exclude'][number]; place: Place }[]
}

export const unique = <T>(values: T[]): T[] => [...new Set(values)]

/** The working folder must be that of the plan: policies and their parameters name files relative to it. */
export async function readAxes(file: string, allowed: string[]): Promise<Axes> {
  const folder = dirname(resolve(file))
  const { value: plan, at } = readPlanFile(file)
  const roots = new Roots(folder, allowed)
  const policies = await policyAxis(plan, at, roots)
  return {
    name: planName(file),
    about: plan.about ?? '',
    folder,
    traces: traceAxis(plan, at, folder, roots),
    machines: machineAxis(plan, at, roots),
    policies,
    faults: plan.faults.map(({ faults, name }, i) => faultsAxis(faults, name, roots, at(['faults', i]))),
    seeds: unique(plan.seeds),
    epochs: unique(plan.epochs ?? [null]),
    paces: unique(plan.paces ?? [null]),
    cpus: unique(plan.cpus),
    baseline: baselineOf(plan, policies, at),
    limits: { timeMs: Math.ceil(plan.limits.time / 1e6), memoryBytes: plan.limits.memory ?? null },
    exclude: plan.exclude.map((exclusion, i) => ({ exclusion, place: at(['exclude', i]) })),
  }
}

/** The file's stem, as a file name that is safe anywhere. */
export function planName(file: string): string {
  const stem = basename(file, extname(file)).replace(/[^\w-]+/g, '_')
  return stem.replace(/^-+/, '') || 'plan'
}

type At = LocatedYaml<PlanFile>['at']

function traceAxis(plan: PlanFile, at: At, folder: string, roots: Roots): TraceSource[] {
  const workloads = listPlugins('traces/synthetic')
  const found = plan.traces.flatMap(({ trace, name, format }, i): TraceSource[] => {
    const place = at(['traces', i])
    const isWorkload = workloads.includes(trace.split(':', 1)[0]!) && !existsSync(resolve(folder, trace))
    if (isWorkload) return grid(trace).map((source) => ({ name: name ?? source, source, isWorkload, format, place }))
    const files = isGlob(trace) && !existsSync(resolve(folder, trace)) ? globFiles(trace, folder) : [trace]
    if (files.length === 0) throw new UserError('no file matches', { ...place, got: JSON.stringify(trace), hint: `Patterns are taken from ${folder}` })
    if (name !== undefined && files.length > 1) throw new UserError('a name for several files', { ...place, got: `${files.length} files that match ${trace}` })
    return files.map((path) => {
      const source = roots.resolve(path, place)
      if (!existsSync(source)) throw new UserError('file not found', { ...place, got: JSON.stringify(path), hint: `Paths are taken from ${folder}` })
      return { name: name ?? path, source, isWorkload, format: format && isPluginPath(format) ? roots.resolve(format, place) : format, place }
    })
  })
  const byName = new Map<string, TraceSource>()
  for (const trace of found) {
    const same = byName.get(trace.name)
    if (same && same.source !== trace.source) throw new UserError(`two traces are called ${JSON.stringify(trace.name)}`, trace.place)
    byName.set(trace.name, trace)
  }
  return [...byName.values()]
}

/** `zipf:pages=1000|2000,skew=0.9` -> one text for each combination. */
function grid(text: string): string[] {
  const colon = text.indexOf(':')
  if (colon === -1) return [text]
  const params = text
    .slice(colon + 1)
    .split(',')
    .map((param) => {
      const [, key, values] = /^([^=]*=)?(.*)$/s.exec(param)!
      return values!.split('|').map((value) => (key ?? '') + value)
    })
  return combinations(params).map((choice) => `${text.slice(0, colon)}:${choice.join(',')}`)
}

const MOST_VARIANTS = 100_000

export function combinations<T>(lists: T[][]): T[][] {
  const count = lists.reduce((product, { length }) => product * length, 1)
  if (count > MOST_VARIANTS) throw new UserError(`a grid of ${count} variants`, { expected: `at most ${MOST_VARIANTS}` })
  return lists.reduce<T[][]>((heads, list) => heads.flatMap((head) => list.map((one) => [...head, one])), [[]])
}

function machineAxis(plan: PlanFile, at: At, roots: Roots): MachineAxis[] {
  const axis = plan.machines.flatMap(({ machine: spec, name, memory }, i) => {
    const place = at(['machines', i])
    return located(place, () => {
      const isPath = /[\\/]/.test(spec) || /\.(ya?ml|json)$/i.test(spec)
      const base = machine(isPath ? roots.resolve(spec, place) : spec)
      const variants = memory === undefined ? [base] : memory.map((text) => withMemory(base, text))
      return variants.map((definition, j): MachineAxis => {
        const suffix = memory === undefined ? '' : ` ${memory[j]}`
        return { name: `${name ?? base.name}${name !== undefined && variants.length === 1 ? '' : suffix}`, digest: digestOf(definition), definition }
      })
    })
  })
  return distinct(axis, (one) => one.digest, 'machines', at)
}

async function policyAxis(plan: PlanFile, at: At, roots: Roots): Promise<PolicyAxis[]> {
  const entries: { name: string | undefined; place: Place; lanes: LanePolicy[] }[] = []
  for (const [i, entry] of plan.policies.entries()) {
    const place = at(['policies', i])
    const spec = specOf(entry, place)
    for (const part of spec.split('+')) {
      const source = part.split(':', 1)[0]!
      if (isPluginPath(source)) roots.resolve(source, place)
    }
    entries.push({ name: entry.name, place, lanes: await locatedAsync(place, () => parsePolicySpec(spec)) })
  }
  const named = unique(entries.flatMap(({ lanes }) => lanes.flatMap(({ params }) => Object.keys(params))))
  const axis = entries.flatMap(({ name, place, lanes }) =>
    lanes.map((lane): PolicyAxis => {
      const sources = lane.spec!.split('+').map((part) => part.split(':', 1)[0]!)
      return {
        name: name === undefined ? lane.label : variantName(name, lane, lanes),
        label: lane.label,
        policy: lane.name,
        params: valuesOf(lane, named),
        spec: lane.spec!,
        code: [...sources.filter((source) => !isPluginPath(source)).map(shippedPolicyDigest), ...lane.digests],
        files: filesOf(lane.params, roots, place),
      }
    }),
  )
  return distinct(axis, ({ label, code }) => digestOf([label, code]), 'policies', at)
}

/** The entry's name with what tells its lanes apart: `daemon:period=2s`. */
function variantName(name: string, lane: LanePolicy, lanes: LanePolicy[]): string {
  const params = unique(lanes.flatMap(({ params }) => Object.keys(params)))
  const differing = params.filter((param) => new Set(lanes.map(({ params }) => params[param])).size > 1)
  const text = Object.entries(valuesOf(lane, differing)).map(([param, value]) => `${param}=${value}`)
  return [name, ...(text.length > 0 ? [text.join(',')] : [])].join(':')
}

/** Values of those parameters of `names` that the policy has, its defaults among them. */
function valuesOf({ members, params }: LanePolicy, names: string[]): Record<string, string> {
  const defaults = Object.assign({}, ...members.map(({ definition }) => defaultsOf(definition))) as Record<string, string>
  const all = { ...defaults, ...params }
  return Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]!]))
}

/** `{policy: p, params: {a: [1, 2]}}` -> `p:a=1|2`. */
function specOf({ policy, params }: PlanFile['policies'][number], place: Place): string {
  if (params === undefined) return policy
  if (policy.includes('+')) throw new UserError('params of a composed policy', { ...place, expected: 'a:k=v+b:k=v in one text', got: JSON.stringify(policy) })
  const pairs = Object.entries(params).map(([key, values]) => {
    const bad = values.find((value) => /[|+]/.test(value))
    if (bad !== undefined) throw new UserError('a value with | or +', { ...place, got: JSON.stringify(bad), hint: 'Several values are written as a list' })
    return `${key}=${values.join('|')}`
  })
  return `${policy}${policy.includes(':') ? ',' : ':'}${pairs.join(',')}`
}

/** Files that parameters name are part of what the result depends on. */
function filesOf(params: Record<string, string>, roots: Roots, place: Place): Record<string, string> {
  const files: Record<string, string> = {}
  for (const [key, value] of Object.entries(params)) {
    if (!existsSync(value) || !statSync(value).isFile()) continue
    files[key] = sha256(readFileSync(roots.resolve(value, place)))
  }
  return files
}

function faultsAxis(spec: string, name: string | undefined, roots: Roots, place: Place): FaultsAxis {
  if (spec === 'none') return { name: name ?? 'none', file: null, digest: null }
  const path = roots.resolve(spec, place)
  if (!existsSync(path)) throw new UserError('fault plan not found', { ...place, got: JSON.stringify(spec) })
  // read here for its complaints only: page size is the trace's
  readFaultPlan(path, 4096)
  return { name: name ?? spec, file: spec, digest: sha256(readFileSync(path)) }
}

function baselineOf(plan: PlanFile, policies: PolicyAxis[], at: At): number {
  if (plan.baseline === undefined) return 0
  const index = policies.findIndex(({ name, label }) => name === plan.baseline || label === plan.baseline)
  if (index >= 0) return index
  throw new UserError('no such policy in this plan', {
    ...at(['baseline']),
    expected: policies
      .slice(0, 20)
      .map(({ name }) => name)
      .join(', '),
    got: JSON.stringify(plan.baseline),
  })
}

/** Drops repeats of the same thing; refuses different things of the same name. */
function distinct<T extends { name: string }>(axis: T[], identity: (one: T) => string, field: 'machines' | 'policies', at: At): T[] {
  const byIdentity = new Map<string, T>()
  for (const one of axis) if (!byIdentity.has(identity(one))) byIdentity.set(identity(one), one)
  const names = new Set<string>()
  for (const { name } of byIdentity.values()) {
    if (names.has(name))
      throw new UserError(`two different ${field} are called ${JSON.stringify(name)}`, { ...at([field]), hint: 'Give each a name: of its own' })
    names.add(name)
  }
  return [...byIdentity.values()]
}

/** Adds the place in the plan to complaints of others. */
function located<T>(place: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw withPlace(error, place)
  }
}

async function locatedAsync<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw withPlace(error, place)
  }
}

function withPlace(error: unknown, place: Place): unknown {
  if (!(error instanceof UserError) || error.parts.line !== undefined) return error
  const { file, field, problem, ...rest } = error.parts
  const about = [file, field].filter((part) => part !== undefined).join(': ')
  return new UserError(about ? `${about}: ${problem}` : problem, { ...rest, ...place })
}
