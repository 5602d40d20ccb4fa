/** The estimate against the cache filter itself, which looks at every line. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CacheEstimate, CacheFilter, type CacheGeometry } from '../../src/cache/index.ts'
import { openTrace, type TraceWriter } from '../../src/trace/index.ts'

const SAMPLES = join(import.meta.dirname, '../../traces/samples')
const geometry = (kib: number): CacheGeometry => ({ bytes: kib * 1024, ways: 16, lineBytes: 64, replacement: 'lru' })

async function both(trace: string, cache: CacheGeometry) {
  const estimate = new CacheEstimate(cache)
  const { meta } = await openTrace(trace, { watch: (writer) => estimate.before(writer) })
  const filtered = await openTrace(trace, { through: (writer) => new CacheFilter(writer, cache) })
  const { 'cache.lookups': lookups, 'cache.readMisses': reads, 'cache.writeMisses': writes } = filtered.meta.formatFacts as Record<string, number>
  return {
    exact: 1 - (reads! + writes!) / lookups!,
    estimated: estimate.absorbed,
    verdict: estimate.verdict(meta),
    filtered: estimate.verdict(filtered.meta),
  }
}

describe('share of accesses that a cache would absorb', () => {
  test.each<[string, string, number, number]>([
    ['random over much more than the cache', 'uniform:table=16MiB,updates=300000,load=off', 1024, 0.02],
    ['random over twice the cache', 'uniform:table=2MiB,updates=300000,load=off', 1024, 0.04],
    ['random within the cache', 'uniform:table=512KiB,updates=300000,load=off', 1024, 0.02],
    ['a real program', join(SAMPLES, 'sqlite.lackey.gz'), 64, 0.02],
  ])('%s', async (_, trace, kib, tolerance) => {
    const { exact, estimated } = await both(trace, geometry(kib))
    expect(Math.abs(exact - estimated)).toBeLessThan(tolerance)
  })

  test('words, and when there are none', async () => {
    const { verdict, filtered } = await both('uniform:table=512KiB,updates=100000,load=off', geometry(1024))
    expect(verdict).toMatchObject({
      code: 'cache-would-absorb',
      severity: 'warning',
      message: expect.stringMatching(/1MiB,16way,64B, one for all cpus, would absorb some 9\d\.\d%/),
    })
    expect(verdict!.advice).toContain('--cache 1MiB,16way,64B')
    expect(filtered).toBeUndefined()
    const estimate = new CacheEstimate(geometry(64))
    const { meta } = await openTrace(join(import.meta.dirname, '../fixtures/traces/perf/mem-shift.fields.perf-script.txt.gz'), {
      watch: (writer) => estimate.before(writer),
    })
    expect(estimate.verdict(meta)).toBeUndefined()
  })
})

test('whole batches give the same figures as single accesses', async () => {
  const sample = join(SAMPLES, 'producer-consumer.csv.gz')
  const single = (writer: TraceWriter): TraceWriter =>
    new Proxy(writer, {
      get(target, key) {
        if (key === 'batch') return undefined
        const value = Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
      set: (target, key, value) => Reflect.set(target, key, value, target),
    })
  const figures = async (wrap: (writer: TraceWriter) => TraceWriter) => {
    const estimate = new CacheEstimate(geometry(64))
    let batches = 0
    const { meta } = await openTrace(sample, {
      watch(writer) {
        const watched = estimate.before(writer)
        const batch = watched.batch?.bind(watched)
        watched.batch = () => {
          batches++
          return batch!()
        }
        return wrap(watched)
      },
    })
    return { absorbed: estimate.absorbed, digest: meta.digest, batches }
  }
  const [whole, one] = [await figures((writer) => writer), await figures(single)]
  expect(whole.batches).toBeGreaterThan(0)
  expect(one).toEqual({ ...whole, batches: 0 })
  expect(whole.absorbed).toBeGreaterThan(0)
})
