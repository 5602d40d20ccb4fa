/** How long a plan will take and how much disk it needs, from a short measurement on this machine. Rough, and says so. */
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parsePolicySpec } from '../policy/index.ts'
import { replaySolo } from '../replay/index.ts'
import { PAIR_WORDS, traceFromAccesses } from '../trace/index.ts'
import type { Axes, TraceSource } from './axes.ts'
import type { SweepPoint } from './plan.ts'
import { knownTrace } from './prepare.ts'
import type { Store } from './store.ts'

export interface Estimate {
  /** Traces that are in the store already, or native. */
  tracesKnown: number
  tracesToImport: number
  /** Passes over traces, each with many lanes. */
  passes: number
  seconds: number
  bytes: number
}

/** Compressed text of a recording per access, by the bundled samples (csv.gz 4 to 9 B). */
const FILE_BYTES_PER_ACCESS = 6
/** Accesses per (page, actor, tick) group, by the bundled samples. */
const ACCESSES_PER_PAIR = 3
const IMPORT_ACCESSES_PER_SECOND = 1.5e6
const STORED_BYTES_PER_PAIR = 4
const POINT_BYTES = 16_000
/** Encoding and writing a point, measured by `npm run bench:sweep`. */
const POINT_SECONDS = 0.01

export async function estimate(axes: Axes, points: Omit<SweepPoint, 'key'>[], store: Store | undefined, jobs = availableParallelism()): Promise<Estimate> {
  const traces = axes.traces.map((source) => sizeOf(source, store))
  const speed = await pairsPerSecond(axes)
  const replayed = points.reduce((sum, { trace }) => sum + traces[trace]!.pairs, 0)
  const imports = traces.filter(({ isKnown }) => !isKnown)
  const importSeconds = imports.reduce((sum, { pairs }) => sum + (pairs * ACCESSES_PER_PAIR) / IMPORT_ACCESSES_PER_SECOND, 0)
  const groups = new Set(points.map(({ trace, epochNs }) => `${trace}|${epochNs}`)).size
  return {
    tracesKnown: traces.length - imports.length,
    tracesToImport: imports.length,
    passes: Math.max(groups, Math.ceil(points.length / 32)),
    seconds: importSeconds + (replayed / speed + points.length * POINT_SECONDS) / jobs,
    bytes: points.length * pointBytes(store) + imports.reduce((sum, { pairs }) => sum + pairs * STORED_BYTES_PER_PAIR, 0),
  }
}

function sizeOf(source: TraceSource, store: Store | undefined): { pairs: number; isKnown: boolean } {
  const known = store && knownTrace(store, source)
  if (known) return { pairs: known.pairs, isKnown: true }
  if (source.isWorkload) return { pairs: 1e6 / ACCESSES_PER_PAIR, isKnown: false }
  return { pairs: fileBytes(source.source) / FILE_BYTES_PER_ACCESS / ACCESSES_PER_PAIR, isKnown: false }
}

function fileBytes(path: string): number {
  const info = statSync(path)
  return info.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0) : info.size
}

function pointBytes(store: Store | undefined): number {
  const some = [...(store?.keys() ?? [])].slice(0, 100)
  if (some.length === 0) return POINT_BYTES
  return some.reduce((sum, key) => sum + statSync(join(store!.folder, store!.pointPath(key))).size, 0) / some.length
}

/** A tenth of a second of replay: the first and the last policy of the plan on its first machine. */
async function pairsPerSecond({ machines, policies }: Axes): Promise<number> {
  const PAGES = 2000
  const list = Array.from({ length: 100_000 }, (_, i) => ({ t: i * 1000, page: (i * 7919) % PAGES, cpu: i % 4, tid: 1 + (i % 4) }))
  const trace = traceFromAccesses(list)
  const pairs = trace.block(0).pairs.length / PAIR_WORDS
  const specs = [...new Set([policies[0]!.spec, policies.at(-1)!.spec])]
  const lanes = await Promise.all(
    specs.map(async (spec) => ({ machine: machines[0]!.definition, policy: (await parsePolicySpec(spec))[0]!, options: { seed: 1, cpus: 'spread' } })),
  )
  const start = performance.now()
  replaySolo(trace, lanes)
  return (pairs * lanes.length) / ((performance.now() - start) / 1000)
}
