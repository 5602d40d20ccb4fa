/** How a generated trace plugs in: one file in traces/synthetic/ that default-exports `defineWorkload({...})`. */
import { Random } from '../columns/index.ts'
import { closest, UserError } from '../errors.ts'
import { listPlugins, loadPlugin } from '../plugins.ts'
import { parseCount, parseDuration, parseFraction, parseSize } from '../units.ts'
import type { AccessKind, TraceWriter } from './format.ts'

export interface WorkloadParam<T> {
  default: T
  /** As written on the command line. */
  example: string
  about: string
  parse(text: string, field: string): T
}

// biome-ignore lint/suspicious/noExplicitAny: a record of parameters of any type
type Params = Record<string, WorkloadParam<any>>
export type WorkloadValues<P> = { [K in keyof P]: P[K] extends WorkloadParam<infer T> ? T : never }

function param<T>(example: string, about: string, parse: WorkloadParam<T>['parse']): WorkloadParam<T> {
  return { default: parse(example, 'default'), example, about, parse }
}

/** What parameters may be: times are ns, sizes bytes. */
export const workloadParam = {
  /** A whole number from 1 on. */
  count: (example: number, about: string): WorkloadParam<number> =>
    param(String(example), about, (text, field) => {
      const value = parseCount(text, field)
      if (value < 1) throw new UserError('too small', { field, expected: '1 or more', got: text })
      return value
    }),
  /** From 0 to 1. */
  share: (example: number, about: string): WorkloadParam<number> =>
    param(String(example), about, (text, field) => {
      const value = parseFraction(text, field)
      if (value > 1) throw new UserError('more than the whole', { field, expected: '0 to 1, or a percentage', got: text })
      return value
    }),
  number: (example: number, about: string): WorkloadParam<number> => param(String(example), about, parseFraction),
  duration: (example: string, about: string): WorkloadParam<number> => param(example, about, parseDuration),
  size: (example: string, about: string): WorkloadParam<number> => param(example, about, parseSize),
  flag: (example: 'on' | 'off', about: string): WorkloadParam<boolean> =>
    param(example, about, (text, field) => {
      if (text !== 'on' && text !== 'off') throw new UserError('not a switch', { field, expected: 'on or off', got: text })
      return text === 'on'
    }),
}

export interface Workload<P extends Params = Params> {
  about: string
  params: P
  /** Pushes the accesses in order of time; yields the share done now and then, so that the program stays interruptible. */
  generate(values: WorkloadValues<P>, trace: TraceWriter, random: Random): Generator<number>
}

export function defineWorkload<P extends Params>(workload: Workload<P>): Workload<P> {
  return workload
}

/** Bytes of memory from a round address on: generated accesses name offsets. */
export class Region {
  readonly #trace: TraceWriter
  readonly #high: number

  /** The n-th region of 1 TiB, where mmap puts things. */
  constructor(trace: TraceWriter, n = 0) {
    this.#trace = trace
    this.#high = 0x7000 + 256 * n
  }

  access(timeNs: number, task: number, cpu: number, offset: number, bytes: number, kind: AccessKind): void {
    this.#trace.access(timeNs, task, cpu, this.#high + Math.floor(offset / 2 ** 32), offset >>> 0, bytes, kind, 1)
  }
}

/** Accesses between two turns of the event loop. */
export const TURN = 1 << 16

/** Every workload has it. */
const SEED = param('1', 'seed of everything random', parseCount)

export interface NamedWorkload {
  name: string
  workload: Workload
  values: Record<string, unknown>
  seed: number
}

export const listWorkloads = (): string[] => listPlugins('traces/synthetic')

/** `zipf:pages=1000,seed=7`. */
export async function loadWorkload(text: string): Promise<NamedWorkload> {
  const at = text.indexOf(':')
  const name = at < 0 ? text : text.slice(0, at)
  const workload = await loadPlugin<Workload>('traces/synthetic', name, 'workload')
  const params: Params = { ...workload.params, seed: SEED }
  const values: Record<string, unknown> = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, value.default]))
  for (const part of at < 0 ? [] : text.slice(at + 1).split(',')) {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(part) ?? []
    const known = key !== undefined && Object.hasOwn(params, key) ? params[key] : undefined
    if (!known || value === undefined) {
      const near = closest(key ?? part, Object.keys(params))
      throw new UserError(`workload ${name} has no parameter ${JSON.stringify(key ?? part)}`, {
        expected: Object.entries(params)
          .map(([word, { example }]) => `${word}=${example}`)
          .join(', '),
        hint: near ? `Did you mean ${near}=…?` : undefined,
      })
    }
    values[key!] = known.parse(value, `${name}:${key}`)
  }
  const { seed, ...rest } = values
  return { name, workload, values: rest, seed: seed as number }
}

/** Runs the generator into a writer. */
export async function generateInto({ name, workload, values, seed }: NamedWorkload, trace: TraceWriter, progress?: (share: number) => void): Promise<void> {
  for (const [key, value] of Object.entries({ ...values, seed })) trace.fact(key, value as number | boolean)
  for (const share of workload.generate(values as never, trace, new Random(seed, name))) {
    progress?.(share)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
