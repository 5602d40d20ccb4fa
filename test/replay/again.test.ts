/** A trace that is replayed again stays in the kernels' memory: nothing of it may show, whatever was replayed in between. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { replay } from '../../src/replay/index.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { importTrace, openTrace, type PreparedTrace } from '../../src/trace/index.ts'

const SAMPLES = ['traces/samples/master-first-touch-pinned.csv.gz', 'traces/samples/producer-consumer.csv.gz']

test('replays of several traces in turn, from memory and from files, give the same each time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'again-'))
  try {
    const traces: PreparedTrace[] = []
    for (const [i, sample] of SAMPLES.entries()) {
      await importTrace(sample, join(folder, `${i}.nrt`), {})
      traces.push(await openTrace(sample), await openTrace(join(folder, `${i}.nrt`)))
    }
    const policies = (await Promise.all(['first-touch', 'numa-balancing', 'hot-page-daemon'].map(parsePolicySpec))).flat()
    const results = (trace: PreparedTrace) =>
      JSON.stringify(replayLanes(planReplay(trace, machine('2-socket'), policies, { seed: 1, cpus: 'auto' }).context, policies))
    const first = traces.map(results)
    expect(first[0]).toBe(first[1])
    expect(first[2]).toBe(first[3])
    for (const t of [0, 0, 1, 1, 3, 0, 2, 2]) expect(results(traces[t]!)).toBe(first[t])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('every table of a run, picture and optimum included, is the same when the trace is replayed again', async () => {
  const trace = await openTrace(SAMPLES[1]!)
  const policies = ['first-touch', 'interleave', 'bind', 'numa-balancing', 'hot-page-daemon', 'tpp', 'carrefour']
  const tables = async () => {
    const run = await replay({ trace, machine: machine('4-socket'), policies, jobs: 1 })
    return Object.fromEntries(run.tables.map((name) => [name, run.rows(name)]))
  }
  const first = await tables()
  expect(first['heat']!.length).toBeGreaterThan(100)
  expect(await tables()).toEqual(first)
  expect(await tables()).toEqual(first)
})
