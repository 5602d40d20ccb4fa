/** A point comes back as it was written, whatever the tables in it hold; equal results give equal bytes. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { machine } from '../../src/machine/index.ts'
import { parsePolicySpec } from '../../src/policy/index.ts'
import { replaySolo, type SoloResult } from '../../src/replay/index.ts'
import { keyOf, type PointInputs } from '../../src/sweep/plan.ts'
import { decodePoint, encodePoint } from '../../src/sweep/point-file.ts'
import { openTrace } from '../../src/trace/index.ts'

const inputs: PointInputs = {
  engine: '1',
  trace: { digest: 'd', tickNs: 1 },
  machine: 'm',
  policy: 'p',
  code: [],
  files: {},
  faults: null,
  seed: 1,
  epochNs: null,
  pace: null,
  cpus: 'auto',
}
const cameBack = async (result: unknown) => decodePoint(await encodePoint(inputs, result as SoloResult), keyOf(inputs), 'file')

test('any value of objects, arrays, rows and Float64Array', async () => {
  const cell = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
    fc.boolean(),
    fc.constant(null),
  )
  const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/).filter((text) => text !== '__proto__')
  const table = fc
    .uniqueArray(name, { minLength: 1, maxLength: 4 })
    .chain((names) => fc.array(fc.tuple(...names.map(() => cell)).map((cells) => Object.fromEntries(names.map((n, i) => [n, cells[i]!])))))
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      cell,
      table,
      fc.float64Array({ noNaN: true, noDefaultInfinity: true }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(name, tie('value'), { maxKeys: 4 }),
    ),
  }))
  const plain = (x: unknown) => JSON.stringify(x, (_, part: unknown) => (part instanceof Float64Array ? ['f64', ...part] : part))
  await fc.assert(
    fc.asyncProperty(value, async (given) => {
      // the text tells the order of names and the types of numbers apart; -0 is 0 in JSON
      expect(plain(await cameBack({ value: given }))).toBe(plain({ value: given }))
    }),
    { numRuns: 300 },
  )
})

test('a result of the engine, with the same bytes each time', async () => {
  const trace = await openTrace('zipf:pages=500,accesses=50000')
  const [policy] = await parsePolicySpec('numa-balancing')
  const [result] = replaySolo(trace, [{ machine: machine('spr-2s'), policy: policy!, options: { seed: 1, cpus: 'auto' } }])
  expect(result).not.toBeInstanceOf(Error)
  const back = await cameBack(result)
  expect((result as SoloResult).lane.rows.epochs.length).toBeGreaterThan(1)
  expect(back).toEqual(result)
  expect(Buffer.from(await encodePoint(inputs, back)).equals(Buffer.from(await encodePoint(inputs, result as SoloResult)))).toBe(true)
})

test('what would not come back is refused', async () => {
  await expect(encodePoint(inputs, { lane: new Map() } as unknown as SoloResult)).rejects.toThrow('Map')
  await expect(encodePoint(inputs, { lane: new Uint8Array(1) } as unknown as SoloResult)).rejects.toThrow('Uint8Array')
  await expect(encodePoint(inputs, { lane: { '@f64': [] } } as unknown as SoloResult)).rejects.toThrow('@f64')
})
