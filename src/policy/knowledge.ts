/**
 * The parameter `sees`: the same policy with its real profiler, with perfect knowledge of the period before, or with knowledge
 * of the period to come. Tells what the algorithm loses from what the profiler loses.
 */
import { accesses, type Observation, type PageActivity, sampledAccesses, upcoming } from './observations.ts'
import { choice } from './params.ts'

export type Sees = 'samples' | 'exact' | 'future'

export const sees = () =>
  choice(['samples', 'exact', 'future'], 'what it knows of accesses: what its profiler samples, all of the last period, or all of the next')

/** For policies of the theory, which are told every request. */
export const seesAll = () => choice(['exact', 'samples', 'future'], 'what it knows of accesses: all of the last period, samples, or all of the next')

export interface Knowledge {
  observation: Observation<PageActivity>
  /** Samples that one count of the observation stands for: thresholds keep their unit whatever the policy sees. */
  weight: number
  writeWeight: number
  /** Accesses that one count stands for. */
  accesses: number
}

export interface Profiler {
  /** One read (one write) in so many is sampled. */
  samplePeriod: number
  writePeriod?: number
  /** How often the policy looks, ns. */
  period: number
}

export function knowledge(seen: Sees, { samplePeriod, writePeriod = samplePeriod, period }: Profiler): Knowledge {
  const rate = 1 / Math.max(1, samplePeriod)
  const writeRate = 1 / Math.max(1, writePeriod)
  if (seen === 'samples') return { observation: sampledAccesses({ rate, writeRate }), weight: 1, writeWeight: 1, accesses: 1 / rate }
  return { observation: seen === 'exact' ? accesses() : upcoming(period), weight: rate, writeWeight: writeRate, accesses: 1 }
}
