/** An independent model of the same thing: fast nodes under lru-tiering hit exactly when an LRU cache of as many pages does. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { replayLanes } from '../../src/replay/pass.ts'
import { planReplay } from '../../src/replay/plan.ts'
import { type ListedAccess, traceFromAccesses } from '../../src/trace/index.ts'

const TICK = 10

/** Least recently used first. */
function lruHits(pages: number[], capacity: number): number {
  const cache: number[] = []
  let hits = 0
  for (const page of pages) {
    const at = cache.indexOf(page)
    if (at >= 0) {
      hits++
      cache.splice(at, 1)
    } else if (cache.length === capacity) cache.shift()
    cache.push(page)
  }
  return hits
}

async function fastAccesses(pages: number[], capacity: number): Promise<number> {
  const list = pages.map((page, i): ListedAccess => ({ t: i * TICK, page, op: page % 2 ? 'R' : 'W' }))
  const [policy] = await parsePolicySpec(`lru-tiering:period=1ns,pages=${capacity}`)
  const { context } = planReplay(traceFromAccesses(list, { tickNs: TICK }), machine('memtis-constants'), [policy!], { seed: 1, pace: 1, cpus: 'auto' })
  const [lane] = replayLanes(context, [policy!])
  expect(lane!.status).toBe('ok')
  return lane!.totals.local
}

test('hits of lru-tiering = hits of an LRU cache of as many pages', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(29), { minLength: 1, maxLength: 400, size: 'max' }), fc.integer({ min: 1, max: 32 }), async (pages, capacity) => {
      expect(await fastAccesses(pages, capacity)).toBe(lruHits(pages, capacity))
    }),
    { numRuns: 60, seed: 3 },
  )
})

test('a loop one page longer than the cache never hits; one that fits misses only once a page', async () => {
  const loop = (length: number) => Array.from({ length: 20 * length }, (_, i) => i % length)
  expect(await fastAccesses(loop(9), 8)).toBe(0)
  expect(await fastAccesses(loop(8), 8)).toBe(19 * 8)
})
