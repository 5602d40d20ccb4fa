import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/columns/index.ts'
import { type ComparedRun, compareRuns, type RunRecord } from '../../src/results/index.ts'
import { sampleRun } from '../fixtures/sample-run.ts'

/** The sample as another trace, machine or seed; `cheaper` makes manual pay that share of its cost. */
function run(
  change: { trace?: string; machine?: string; seed?: number; lanes?: string[]; bins?: number; cheaper?: number; record?: Partial<RunRecord> } = {},
): ComparedRun {
  const { trace = 'a.csv', machine = '2-socket', seed = 1, lanes = ['first-touch', 'interleave', 'manual'], bins = 200, cheaper = 1 } = change
  const { record, rows } = sampleRun({ lanes, bins, seed: seed + 17 * trace.charCodeAt(0) })
  const scale = (row: Row): Row => (row['lane'] === 'manual' ? { ...row, memory_stall_ns: (row['memory_stall_ns'] as number) * cheaper } : row)
  return {
    folder: `${trace} ${machine} ${seed}`,
    record: {
      ...record,
      seed,
      trace: { ...record.trace, file: `traces/${trace}`, digest: `sha256:${trace}` },
      machine: { ...record.machine, name: machine },
      ...change.record,
    },
    rows: (table) => rows(table).map(scale),
  }
}

const TRACES = ['a.csv', 'b.csv', 'c.csv', 'd.csv', 'e.csv', 'f.csv']

describe('policies over several traces', () => {
  const comparison = compareRuns(TRACES.map((trace) => run({ trace, cheaper: 0.8 })))

  test('every trace is a case, paired with itself', () => {
    expect(comparison.cases.map(({ name }) => name)).toEqual(TRACES)
    expect(comparison.policies).toEqual(['first-touch', 'interleave', 'manual'])
    const daemon = comparison.ratios.filter(({ policy }) => policy === 'manual')
    expect(daemon.map(({ verdict }) => verdict)).toEqual(TRACES.map(() => 'cheaper'))
    const { rows } = run({ trace: 'c.csv', cheaper: 0.8 })
    const cost = (lane: string) =>
      rows('epochs')
        .filter((row) => row['lane'] === lane)
        .flatMap((row) => ['memory_stall_ns', 'migration_ns', 'hint_fault_ns', 'observation_ns', 'blocked_ns'].map((name) => (row[name] as number | null) ?? 0))
        .reduce((sum, value) => sum + value, 0)
    expect(daemon[2]!.ratio).toBeCloseTo(cost('manual') / cost('first-touch'), 12)
  })

  test('the mean is geometric, with an interval for these traces and one for others like them', () => {
    const mean = comparison.means.find(({ policy }) => policy === 'manual')!
    const ratios = comparison.ratios.filter(({ policy }) => policy === 'manual').map(({ ratio }) => ratio)
    expect(mean.these.ratio).toBeCloseTo(ratios.reduce((product, ratio) => product * ratio, 1) ** (1 / 6), 12)
    expect(mean.these.interval![0]).toBeLessThan(mean.these.ratio)
    expect(mean.others.interval![1]).toBeGreaterThan(mean.these.ratio)
    expect(mean).toMatchObject({ machine: null, traces: 6, these: { verdict: 'cheaper' }, others: { verdict: 'cheaper' } })
  })

  test('wins of one are losses of the other, and all cases are counted', () => {
    for (const { policy, other, wins, ties, losses, unknown } of comparison.matrix) {
      expect(wins + ties + losses + unknown).toBe(6)
      expect(comparison.matrix.find((one) => one.policy === other && one.other === policy)).toMatchObject({ wins: losses, losses: wins })
    }
    expect(comparison.matrix.find(({ policy, other }) => policy === 'manual' && other === 'first-touch')).toMatchObject({ wins: 6, losses: 0 })
  })

  test('what chance alone makes is called no significant difference', () => {
    // interleave has the same character as first-touch but for 0.52 against 0.50 local; here both have the same
    const same = compareRuns(TRACES.map((trace) => run({ trace, lanes: ['first-touch', 'follow-cpuset'] })))
    expect(same.ratios.filter(({ verdict }) => verdict === 'no significant difference').length).toBeGreaterThanOrEqual(5)
    expect(same.means[0]).toMatchObject({ these: { verdict: 'no significant difference' }, others: { verdict: 'no significant difference' } })
  })

  test('corrections: never fewer differences without than with', () => {
    const count = (correction: 'holm' | 'bh' | 'none') =>
      compareRuns(
        TRACES.map((trace) => run({ trace })),
        { correction },
      ).matrix.reduce((sum, { wins }) => sum + wins, 0)
    expect(count('holm')).toBeLessThanOrEqual(count('bh'))
    expect(count('bh')).toBeLessThanOrEqual(count('none'))
  })

  test('the same runs give the same figures, in any order of theirs', () => {
    const runs = TRACES.map((trace) => run({ trace }))
    const again = compareRuns([...runs].reverse())
    const by = ({ ratios }: typeof again) =>
      [...ratios].map(({ policy, case: name, ratio, interval }) => JSON.stringify([policy, name, ratio, interval])).sort()
    expect(by(again)).toEqual(by(compareRuns(runs)))
  })
})

describe('seeds and machines', () => {
  test('seeds of one trace are one case', () => {
    const { cases, ratios } = compareRuns([1, 2, 3].map((seed) => run({ seed })))
    expect(cases).toMatchObject([{ name: 'a.csv', seeds: [1, 2, 3] }])
    expect(ratios).toHaveLength(2)
  })

  test('a policy that is not there for every seed is left out, and that is said', () => {
    const { ratios, notes } = compareRuns([run({ seed: 1 }), run({ seed: 2, lanes: ['first-touch', 'interleave'] })])
    expect(ratios.map(({ policy }) => policy)).toEqual(['interleave'])
    expect(notes).toEqual(['manual is left out of a.csv: it is not there for every seed.'])
  })

  test('policies of one trace may lie in several folders; two results for one are refused', () => {
    const both = compareRuns([run({ lanes: ['first-touch', 'interleave'] }), run({ lanes: ['first-touch', 'manual'] })])
    expect(both.policies).toEqual(['first-touch', 'interleave', 'manual'])
    expect(() => compareRuns([run(), run({ cheaper: 0.9 })])).toThrow(/manual is there twice with other results, for the same trace, machine and seed 1/)
  })

  test('machines are cases of their own; the mean is by machine as well, and over traces it counts each trace once', () => {
    const runs = ['x', 'y'].flatMap((machine) =>
      TRACES.slice(0, 5).map((trace) => run({ trace, machine, record: { machine: { ...run().record.machine, name: machine, definition: machine } } })),
    )
    const { cases, means } = compareRuns(runs)
    expect(cases[0]!.name).toBe('a.csv, x')
    expect(means.filter(({ policy }) => policy === 'interleave').map(({ machine, traces }) => [machine, traces])).toEqual([
      [null, 5],
      ['x', 5],
      ['y', 5],
    ])
  })
})

describe('what cannot be compared', () => {
  test.each([
    ['trace.pageSize', { pageSize: 65536 }],
    ['trace.filtered', { filtered: 'llc' }],
  ])('runs that differ in %s are refused by name', (field, change) => {
    const { record } = run({ trace: 'b.csv' })
    const other = run({ trace: 'b.csv', record: { trace: { ...record.trace, ...change } } })
    expect(() => compareRuns([run(), other])).toThrow(
      new RegExp(`${field.replace('.', '\\.')}: runs (with different page sizes|of filtered and unfiltered traces) cannot be compared`),
    )
  })

  test('another schema too', () => {
    expect(() => compareRuns([run(), run({ trace: 'b.csv', record: { schema: 'numareplay/run/0' as never } })])).toThrow(/schema: runs of different versions/)
  })

  test('a run without the baseline is left out; none with it is an error', () => {
    const { cases, notes } = compareRuns([run(), run({ trace: 'b.csv', lanes: ['interleave', 'manual'] })], { baseline: 'first-touch' })
    expect(cases).toHaveLength(1)
    expect(notes).toEqual(['b.csv is left out: the baseline first-touch is not there.'])
    expect(() => compareRuns([run()], { baseline: 'none' })).toThrow(/no run has "none" to compare with/)
  })

  test('a lane that ended early is left out of its trace', () => {
    const one = run()
    one.record.lanes.find(({ label }) => label === 'interleave')!.status = 'oom'
    expect(compareRuns([one]).notes).toEqual(['interleave is left out of a.csv: it ended early.'])
  })

  test('short traces give ratios without verdicts', () => {
    const { ratios, matrix, means } = compareRuns([run({ bins: 8 }), run({ trace: 'b.csv', bins: 8 })])
    expect(ratios[0]).toMatchObject({ interval: null, p: null, verdict: 'not enough epochs' })
    expect(matrix[0]).toMatchObject({ wins: 0, ties: 0, losses: 0, unknown: 2 })
    expect(means[0]).toMatchObject({ these: { verdict: 'not enough epochs' }, others: { verdict: 'not enough traces' } })
  })
})
