import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/columns/index.ts'
import { type CaseFile, conform, predict, readCaseFile } from '../../src/conform/index.ts'
import { interpret } from '../../src/conform/interpret.ts'
import { compareSeries, recordedRuns } from '../../src/conform/series-test.ts'
import { parseRanges, TouchLoop } from '../../src/conform/touch-loop.ts'

const read = (name: string): CaseFile => readCaseFile(join(import.meta.dirname, `../fixtures/kernel-oracle/${name}.json.gz`))
const FILES = { 'f-numa-balancing': read('f-numa-balancing'), 'g-tiering': read('g-tiering') }
const share = (results: readonly { within: boolean }[]): number => results.filter(({ within }) => within).length / results.length

describe('time series of recorded kernels', () => {
  const report = conform(Object.entries(FILES).map(([name, content]) => ({ name, content })))

  it('nine of ten lie within the recorded spread', () => {
    expect(report.series.length).toBeGreaterThan(300)
    for (const { statistical } of report.files) expect(statistical.within / statistical.series).toBeGreaterThanOrEqual(0.9)
    expect(report.outside).toEqual([])
  })

  // what a perfect model would score: every repeat against the others of its case
  it('about as many as of the recordings themselves', () => {
    const among = Object.values(FILES).flatMap(({ cases }) =>
      cases.flatMap((recorded) => {
        const runs = recordedRuns(recorded)
        return runs.flatMap((run, i) =>
          compareSeries(
            recorded,
            run,
            runs.filter((_, j) => j !== i),
          ),
        )
      }),
    )
    expect(share(among)).toBeGreaterThan(0.85)
    expect(share(report.series)).toBeGreaterThan(share(among) - 0.05)
  })

  it('a kernel that does not scan is told from one that does', () => {
    const content = FILES['f-numa-balancing']
    const recorded = content.cases.find(({ group }) => group === 'private-remote')!
    const still = structuredClone(recorded)
    for (const step of still.steps) if (step.op === 'write' && step.args!['path'] === '/proc/sys/kernel/numa_balancing') step.args!['value'] = 0
    const results = compareSeries(recorded, interpret(still, content.machines).observed, recordedRuns(recorded))
    expect(share(results)).toBe(0)
  })

  it('private pages: the scheduler counts what the recorded one counted', () => {
    const content = FILES['f-numa-balancing']
    const recorded = content.cases.find(({ id }) => id === 'F-8dabf43c')!
    const samples = interpret(recorded, content.machines).observed.find((_, i) => recorded.steps[i]!.op === 'sample')!['samples'] as {
      procs: Record<string, { threads: Record<string, { sched: Record<string, unknown> }> }>
    }[]
    const third = samples[3]!.procs['p0']!.threads['t1']!.sched
    // test/fixtures/kernel-oracle/f-numa-balancing.json.gz, F-8dabf43c, step 13, fourth sample
    expect(third).toMatchObject({ 'mm->numa_scan_seq': 2, total_numa_faults: 2054, numa_preferred_nid: 1, numa_group: true })
    expect(third['faults']).toEqual([
      [0, 3, 0, 3, 0],
      [1, 2050, 1, 2050, 1],
    ])
  })

  it('prediction does not depend on what was observed in the phases op and after', () => {
    const content: CaseFile = { ...FILES['g-tiering'], cases: FILES['g-tiering'].cases.filter(({ machine }) => machine.startsWith('t2')).slice(0, 6) }
    const blanked = structuredClone(content)
    for (const { steps } of blanked.cases) for (const step of steps) if (step.phase !== 'setup' && step.phase !== 'before') step.observed = { ret: 7 }
    expect(predict(blanked)).toEqual(predict(content))
  })
})

describe('loop of touches', () => {
  it('a sequential one meets the pages that fault in the order of the loop', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), fc.nat(59), (pages, marks, ahead) => {
        const marked = new Set(marks.flatMap((mark, page) => (mark && page < pages ? [page] : [])))
        const loop = new TouchLoop(parseRanges(`A:0-${pages - 1}:w`), false, new Random(1))
        loop.refresh(() => false)
        loop.skip(ahead)
        loop.refresh((_, page) => marked.has(page))
        const met: number[] = []
        let touches = ahead
        for (let i = 0; i < marked.size; i++) {
          const distance = loop.distance()
          loop.skip(distance - 1)
          touches += distance
          met.push(loop.meet().page)
        }
        const naive: number[] = []
        for (let touch = ahead; naive.length < marked.size; touch++) if (marked.has(touch % pages) && !naive.includes(touch % pages)) naive.push(touch % pages)
        expect(met).toEqual(naive)
        expect(loop.touches[0]).toBe(touches)
        expect(loop.distance()).toBe(Number.POSITIVE_INFINITY)
      }),
    )
  })

  it('a random one meets every page that faults once, and ranges by their weights', () => {
    const loop = new TouchLoop(parseRanges('A:0-99:w*80;B:0-99:r*20'), true, new Random(3))
    loop.refresh(() => true)
    const first: string[] = []
    for (let i = 0; i < 200; i++) {
      loop.skip(loop.distance() - 1)
      const { range, page } = loop.meet()
      first.push(`${range.region}${page}`)
    }
    expect(new Set(first).size).toBe(200)
    expect(first.slice(0, 50).filter((name) => name.startsWith('A')).length).toBeGreaterThan(30)
  })
})
