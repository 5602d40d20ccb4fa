/** Every bundled recording replays under every policy with default parameters and ends with finite, plausible numbers. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { listPolicies } from '../../src/policy/index.ts'
import { replay } from '../../src/replay/index.ts'
import { openTrace } from '../../src/trace/index.ts'
import { SAMPLES } from './run.ts'

const RECORDINGS = readdirSync(SAMPLES).filter((file) => /\.(csv|lackey)\.gz$/.test(file) && !file.includes('residency'))

describe.each(['skx-cl-2s', '2s-plus-cxl'])('on %s', (preset) => {
  test.each(RECORDINGS)('%s', async (file) => {
    const run = await replay({ trace: await openTrace(join(SAMPLES, file)), machine: machine(preset), policies: listPolicies(), jobs: 1 })
    const { accesses } = run.record.trace
    const latencies = machine(preset).readLatencyPs.flat()
    for (const row of run.rows('summary')) {
      expect(row, JSON.stringify(row)).toMatchObject({ status: 'ok', error: '', accesses })
      expect(Number(row['local']) + Number(row['remote'])).toBe(accesses)
      // stores are charged less than loads, queueing adds: still within the machine's range
      expect(row['mean_latency_ns']).toBeGreaterThan((Math.min(...latencies) / 1000) * 0.4)
      expect(row['mean_latency_ns']).toBeLessThan((Math.max(...latencies) / 1000) * 5)
      for (const [column, value] of Object.entries(row)) {
        if (typeof value === 'number') expect(Number.isFinite(value), column).toBe(true)
      }
      expect(row['estimated_run_ns']).toBeGreaterThan(0)
      expect(row['bound_ns']).toBeLessThanOrEqual(Number(row['total_cost_ns']))
    }
  })
})
