import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromShared, type ListedAccess, regroup, shareTrace, type TraceEvent, traceFromAccesses } from '../../src/trace/index.ts'
import { listTicks, naiveTicks } from './naive-fold.ts'

const access = fc.record({
  t: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 3000 }) }),
  pid: fc.integer({ min: 1, max: 2 }),
  tid: fc.integer({ min: 10, max: 13 }),
  cpu: fc.integer({ min: 0, max: 3 }),
  page: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 2 ** 40 })),
  op: fc.constantFrom<'R' | 'W' | 'M'>('R', 'W', 'M'),
  bytes: fc.constantFrom(1, 8, 64),
  weight: fc.constantFrom(1, 1, 1, 17),
})

/** Gaps become times; tids of the two processes are kept apart. */
const accesses = fc.array(access, { minLength: 1, maxLength: 200 }).map((list) => {
  let t = 5
  return list.map((entry) => {
    t += entry.t
    return { ...entry, t, tid: entry.tid + 100 * entry.pid }
  })
})

const events = (times: number[]): TraceEvent[] => times.sort((a, b) => a - b).map((timeNs) => ({ timeNs, kind: 'lost', records: 1 }))

describe('folding', () => {
  it('agrees with the slow twin on random traces, with and without events', () => {
    fc.assert(
      fc.property(accesses, fc.array(fc.integer({ min: 5, max: 3000 }), { maxLength: 4 }), fc.constantFrom(undefined, 7, 100, 1000), (list, times, tickNs) => {
        const trace = traceFromAccesses(list, { tickNs, events: events(times) })
        expect(listTicks(trace)).toEqual(naiveTicks(list, trace.tickStartNs))
        const { tickNs: tick } = trace.meta
        for (const { timeNs } of trace.events) expect(trace.tickStartNs).toContain(timeNs)
        for (let i = 0; i < trace.ticks; i++) expect(trace.tickStartNs[i + 1]! - trace.tickStartNs[i]!).toBeLessThanOrEqual(tick)
      }),
      { numRuns: 150 },
    )
  })

  it('merging ticks equals folding with the longer tick', () => {
    fc.assert(
      fc.property(accesses, fc.integer({ min: 1, max: 9 }), (list, factor) => {
        const fine = traceFromAccesses(list, { tickNs: 50 })
        const merged = regroup(fine, 50 * factor)
        expect(listTicks(merged)).toEqual(naiveTicks(list, merged.tickStartNs))
        expect(merged.meta.tickNs).toBe(50 * factor)
      }),
      { numRuns: 100 },
    )
  })

  it('counts what the recording holds', () => {
    const trace = traceFromAccesses([
      { t: 10, page: 7, op: 'R', weight: 3 },
      { t: 20, page: 7, op: 'M', tid: 2, cpu: 1 },
      { t: 20, page: 8, op: 'W', tid: 2, cpu: 2, bytes: 4 },
    ])
    expect(trace.meta).toMatchObject({ accesses: 6, reads: 4, writes: 2, records: 3, bytes: 36, pages: 2, pagesWritten: 2, timeFirstNs: 10, timeLastNs: 20 })
    expect(trace.tasks.map(({ tid, accesses }) => [tid, accesses])).toEqual([
      [1, 3],
      [2, 3],
    ])
    expect(trace.cpus).toEqual([
      { cpu: 0, accesses: 3 },
      { cpu: 1, accesses: 2 },
      { cpu: 2, accesses: 1 },
    ])
  })

  it('keeps pages of the whole 64-bit address space apart', () => {
    const pages = [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 51, 2 ** 52 - 1]
    const trace = traceFromAccesses(pages.map((page, t) => ({ t, page })))
    expect([...trace.pageVpage]).toEqual(pages)
  })

  it('a task that changes its cpu is a move at the start of that tick, and cuts none', () => {
    const trace = traceFromAccesses(
      [0, 0, 1, 2, 2].map((cpu, i) => ({ t: i * 60, cpu, page: i })),
      { tickNs: 100 },
    )
    expect(trace.events).toEqual([{ timeNs: 100, kind: 'task_runs_on', task: 0, cpu: 2 }])
    expect([...trace.tickStartNs]).toEqual([0, 100, 200, 300])
  })

  it('refuses times that go back and epochs that split ticks', () => {
    expect(() => traceFromAccesses([{ t: 5 }, { t: 4 }])).toThrow(/time goes back/)
    expect(() => traceFromAccesses([{ t: -5 }])).toThrow(/negative time/)
    expect(() => regroup(traceFromAccesses([{ t: 5 }], { tickNs: 10 }), 15)).toThrow(/whole number of ticks/)
  })

  it('travels to another thread without copying', () => {
    const trace = traceFromAccesses([{ t: 1 }, { t: 2, op: 'W' }])
    const state = structuredClone(shareTrace(trace))
    const there = fromShared(state)
    expect(listTicks(there)).toEqual(listTicks(trace))
    expect(there.block(0).pairs.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it('chooses a round tick: at most 100 ms, at least 256 in the span', () => {
    const spanning = (spanNs: number): number =>
      traceFromAccesses(Array.from({ length: 1000 }, (_, i) => ({ t: Math.floor((spanNs * i) / 999), page: i }) as ListedAccess)).meta.tickNs
    expect(spanning(100)).toBe(1)
    expect(spanning(256e6)).toBe(1e6)
    expect(spanning(2e9)).toBe(5e6)
    expect(spanning(600e9)).toBe(100e6)
    expect(spanning(9e15)).toBe(2e9)
  })
})
