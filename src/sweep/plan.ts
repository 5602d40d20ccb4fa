/** A sweep with everything decided: the axes and the points, as data. It lies in the store (`plans/NAME.json`) and is what workers work from. */
import type { Machine } from '../machine/index.ts'
import { digestOf } from './canonical.ts'

export const PLAN_SCHEMA = 'numareplay/sweep-plan/1'

export interface TraceAxis {
  /** As the plan names it. */
  name: string
  /** What to open: a path relative to the store when it starts with `traces/`, else absolute. */
  path: string
  digest: string
  tickNs: number
  accesses: number
  pages: number
  /** (page, actor) pairs per pass: what replay time goes with. */
  pairs: number
}

export interface MachineAxis {
  name: string
  digest: string
  definition: Machine
}

export interface PolicyAxis {
  /** How it is called in tables: the variant's name, or the label. */
  name: string
  label: string
  /** Names of the policies joined in it. */
  policy: string
  /** Values of the parameters that the plan names anywhere, as far as the policy has them; defaults too. */
  params: Record<string, string>
  /** Text that gives this lane (`-p` of replay), read in the plan's folder. */
  spec: string
  /** sha256 of the code of each member. */
  code: string[]
  /** sha256 of files that parameters name. */
  files: Record<string, string>
}

export interface FaultsAxis {
  name: string
  /** Path in the plan's folder; null = no faults. */
  file: string | null
  digest: string | null
}

/** One lane to compute. Axes by index. */
export interface SweepPoint {
  key: string
  trace: number
  machine: number
  policy: number
  faults: number
  seed: number
  epochNs: number | null
  pace: number | null
  cpus: string
}

export interface SweepPlan {
  schema: typeof PLAN_SCHEMA
  name: string
  about: string
  /** Paths in specs are relative to it. */
  folder: string
  /** Version and digest of the engine that the keys stand for. */
  engine: string
  /** Index of the policy others are compared with. */
  baseline: number
  limits: { timeMs: number; memoryBytes: number | null }
  traces: TraceAxis[]
  machines: MachineAxis[]
  policies: PolicyAxis[]
  faults: FaultsAxis[]
  points: SweepPoint[]
}

/** Everything a result depends on, and nothing else: equal inputs, equal key. */
export interface PointInputs {
  engine: string
  trace: { digest: string; tickNs: number }
  machine: string
  policy: string
  code: string[]
  files: Record<string, string>
  faults: string | null
  seed: number
  epochNs: number | null
  pace: number | null
  cpus: string
}

export function inputsOf(plan: Omit<SweepPlan, 'points'>, point: Omit<SweepPoint, 'key'>): PointInputs {
  const { digest, tickNs } = plan.traces[point.trace]!
  const { label, code, files } = plan.policies[point.policy]!
  const { seed, epochNs, pace, cpus } = point
  return {
    engine: plan.engine,
    trace: { digest, tickNs },
    machine: plan.machines[point.machine]!.digest,
    policy: label,
    code,
    files,
    faults: plan.faults[point.faults]!.digest,
    seed,
    epochNs,
    pace,
    cpus,
  }
}

export const keyOf = (inputs: PointInputs): string => digestOf(inputs)

/** Points that differ in policy only: the lanes of one comparison. */
export const scenarioOf = ({ trace, machine, faults, seed, epochNs, pace, cpus }: SweepPoint): string =>
  [trace, machine, faults, seed, epochNs, pace, cpus].join('|')
