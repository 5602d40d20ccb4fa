/** Every verdict of `inspect` on a trace that earns it, and on one that does not. */
import { expect, test } from 'vitest'
import { type ListedAccess, lintTrace, type PreparedTrace, traceFromAccesses } from '../../src/trace/index.ts'
import { openText } from '../formats/helpers.ts'

const codes = (trace: PreparedTrace, cpus?: number[]): string[] => lintTrace(trace, cpus && new Set(cpus)).map(({ code }) => code)
const accesses = (change: (i: number) => Partial<ListedAccess> = () => ({}), count = 100): PreparedTrace =>
  traceFromAccesses(
    Array.from({ length: count }, (_, i) => ({ t: i * 1000, page: i % 10, cpu: i % 4, ...change(i) })),
    { tickNs: 1000 },
  )

test('nothing to say about a good recording', () => {
  expect(codes(accesses(), [0, 1, 2, 3])).toEqual([])
})

test('cpus outside the machine', () => {
  expect(lintTrace(accesses(), new Set([0, 1]))).toEqual([
    expect.objectContaining({ code: 'cpus-outside-machine', message: 'cpus 2-3 are not of the machine' }),
  ])
})

test('a gap', () => {
  const [verdict] = lintTrace(accesses((i) => ({ t: i < 50 ? i * 1000 : i * 1000 + 30_000 })))
  expect(verdict).toMatchObject({ code: 'gap', message: expect.stringMatching(/^no access for 30us \(23\.\d%.*from 50us on/) })
})

test('no time, no cpus', async () => {
  expect(codes(await openText(' L 04835884,4\n S 1fff000688,8\n'))).toEqual(['no-time', 'no-cpus'])
})

test('lost records, samples', async () => {
  const line = (time: string, text: string) => `   prog 7 [000]  ${time}: ${text}\n`
  const trace = await openText(
    `${line('1.000001', '17 cpu/mem-loads/P:     7f0000001000               0')}  prog 7 [000] 1.000002: PERF_RECORD_LOST lost 5\n${line('1.000003', '17 cpu/mem-loads/P:     7f0000002000               0')}`,
  )
  expect(lintTrace(trace)).toContainEqual(
    expect.objectContaining({ code: 'sampled', severity: 'warning', message: expect.stringMatching(/stands for 17 accesses/) }),
  )
  const lost = { ...trace, events: [...trace.events.filter(({ kind }) => kind !== 'lost'), { kind: 'lost' as const, timeNs: 0, records: 5 }] }
  expect(lintTrace(lost)).toContainEqual(expect.objectContaining({ code: 'lost-records', message: 'the recorder lost 5 records in 1 places' }))
})

test('huge pages, kernel addresses', () => {
  expect(codes(accesses((i) => ({ page: 512 + i }), 512))).toEqual(['huge-pages'])
  expect(codes(accesses((i) => ({ page: i === 0 ? 2 ** 36 : 1 })))).toEqual(['outside-user-space'])
})
