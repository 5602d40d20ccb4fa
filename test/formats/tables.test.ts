/** Arrow and Parquet tables: what other programs write, and the way back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as arrow from 'apache-arrow'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { readMessage } from '../../src/trace/arrow-messages.ts'
import { exportTable, openTrace } from '../../src/trace/index.ts'
import { countsByPage, FIXTURES, openText } from './helpers.ts'

const ROWS = 1000
const ADDRESSES = BigUint64Array.from({ length: ROWS }, (_, i) => (i % 10 === 9 ? 0xffff_8000_0000_0000n : 0x7f00_0000_0000n) + BigInt(i * 640))
const columns = {
  time_ns: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(1_000_000 + 10 * i)),
  pid: Int32Array.from({ length: ROWS }, () => 42),
  tid: Int32Array.from({ length: ROWS }, (_, i) => 42 + (i % 3)),
  cpu: Int32Array.from({ length: ROWS }, (_, i) => i % 4),
  op: Array.from({ length: ROWS }, (_, i) => (i % 5 === 0 ? 'W' : 'R')),
  addr: ADDRESSES,
  size: Int32Array.from({ length: ROWS }, () => 8),
  weight: Int32Array.from({ length: ROWS }, (_, i) => 1 + (i % 2)),
}
const header = 'time_ns,pid,tid,cpu,op,addr,size,weight\n'
const csvOf = (rows: number) =>
  header +
  Array.from({ length: rows }, (_, i) => {
    const { time_ns, pid, tid, cpu, op, addr, size, weight } = columns
    return `${time_ns[i]},${pid[i]},${tid[i]},${cpu[i]},${op[i]},0x${addr[i]!.toString(16)},${size[i]},${weight[i]}\n`
  }).join('')
const asCsv = openText(csvOf(ROWS), {}, 'x.csv')

describe('Arrow', () => {
  const { op, ...plain } = columns
  const vectors = { ...Object.fromEntries(Object.entries(plain).map(([name, values]) => [name, arrow.makeVector(values)])) }
  const table = new arrow.Table({ ...vectors, op: arrow.vectorFromArray(op, new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())) })

  test.each(['file', 'stream'] as const)('IPC %s: the same trace as its CSV', async (kind) => {
    const trace = await openText(arrow.tableToIPC(table, kind), {}, 'x.arrow')
    expect(trace.meta.format).toBe('arrow')
    expect(trace.meta.digest).toBe((await asCsv).meta.digest)
    expect(trace.meta).toMatchObject({ fidelity: 'samples', carries: ['accesses', 'tasks', 'cpus', 'time'] })
  })

  test('nulls in cpu are unknown, booleans are writes, timestamps keep their unit and origin', async () => {
    const times = arrow.vectorFromArray([1_764_000_000_000_000, 1_764_000_000_000_005].map(BigInt), new arrow.Int64())
    const typed = arrow.makeVector(arrow.makeData({ type: new arrow.TimestampMicrosecond(), data: times.toArray() as BigInt64Array }))
    const small = new arrow.Table({
      timestamp: typed,
      cpu: arrow.vectorFromArray([3, null], new arrow.Int32()),
      is_write: arrow.vectorFromArray([true, false], new arrow.Bool()),
      vpn: arrow.vectorFromArray([7, 8], new arrow.Int32()),
    })
    const trace = await openText(arrow.tableToIPC(small, 'file'), {}, 'x.feather')
    expect(trace.meta).toMatchObject({ reads: 1, writes: 1, timeFirstNs: 0, timeLastNs: 5000 })
    expect([...trace.pageVpage]).toEqual([7, 8])
    expect(trace.meta.formatFacts['timeOriginNs']).toBe('1764000000000000000')
  })

  test('a file whose schema and dictionaries are reached through its footer only: inside gzip it is explained', async () => {
    const polars = readFileSync(join(FIXTURES, 'tables/polars-categorical-batches.arrow'))
    await expect(openText(gzipSync(polars), {}, 'x.arrow.gz')).rejects.toThrow(/no schema in front of its rows .*footer has it too.*Unpack it first/)
    // with a schema in front, as a stream has, and the dictionaries behind the rows
    const stream = Buffer.from(arrow.tableToIPC(table, 'stream'))
    const messages = new Map<string, Buffer>()
    for (let at = 0, length = 1; at + 8 <= stream.length && length > 0; at += length) {
      length = stream.readInt32LE(at + 4)
      if (length === 0) break
      const { kind, bodyLength } = readMessage(stream.subarray(at + 8, at + 8 + length))
      length += 8 + bodyLength
      messages.set(kind, stream.subarray(at, at + length))
    }
    const late = Buffer.concat(['schema', 'batch', 'dictionary'].map((kind) => messages.get(kind)!))
    await expect(openText(late, {}, 'x.arrows')).rejects.toThrow(/a dictionary behind the rows that use it .*Unpack it first, or write a stream/)
  })

  test('cut off, and values out of place', async () => {
    const whole = arrow.tableToIPC(table, 'stream')
    await expect(openText(whole.subarray(0, 6000), {}, 'x.arrow')).rejects.toMatchObject({ name: 'UserError' })
    const wrong = new arrow.Table({ time_ns: arrow.vectorFromArray([1n, 2n], new arrow.Int64()), addr: arrow.vectorFromArray([1, -5], new arrow.Float64()) })
    await expect(openText(arrow.tableToIPC(wrong, 'file'), {}, 'x.arrow')).rejects.toThrow(/row 2: value out of place.*64 bits.*-5/)
  })
})

describe('Parquet', () => {
  const write = (rowGroupSize: number) => {
    const { addr, ...others } = columns
    const columnData = [
      ...Object.entries(others).map(([name, data]) => ({ name, data: data as BigInt64Array })),
      { name: 'addr', data: new BigInt64Array(addr.buffer) },
    ]
    return Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize }))
  }

  test.each([ROWS, 64])('row groups of %d: the same trace as its CSV', async (rowGroupSize) => {
    const trace = await openText(write(rowGroupSize), {}, 'x.parquet')
    expect(trace.meta.format).toBe('parquet')
    expect(trace.meta.digest).toBe((await asCsv).meta.digest)
  })

  test('cut off', async () => {
    await expect(openText(write(ROWS).subarray(0, -9), {}, 'x.parquet')).rejects.toThrow(/footer is missing/)
  })
})

describe('the way back', () => {
  const row = fc.record({
    step: fc.nat(1e6),
    // beyond 31 and 32 bits: numbers that recorders give to what is no process
    pid: fc.constantFrom(-1, 7, 7, 4_000_000_000, 5_000_000_000),
    tid: fc.oneof(fc.integer({ min: -1, max: 5 }), fc.constantFrom(4_000_000_000, 2 ** 53 - 1)),
    cpu: fc.integer({ min: -1, max: 70 }),
    op: fc.constantFrom('R', 'W', 'M'),
    addr: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    size: fc.nat(64),
    weight: fc.integer({ min: 1, max: 2 ** 24 }),
  })

  test.each(['parquet', 'arrow', 'csv.gz'])('any accesses through .%s come back the same', async (ending) => {
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-table-'))
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
          let time = 0
          const lines = rows.map(({ step, pid, tid, cpu, op, addr, size, weight }) => {
            time += step
            return `${time},${pid},${tid},${cpu},${op},0x${addr.toString(16)},${size},${weight}\n`
          })
          const original = await openText(header + lines.join(''), {}, 'x.csv')
          const out = join(folder, `out.${ending}`)
          expect(await exportTable(original.meta.file, out)).toBe(0)
          expect((await openTrace(out)).meta.digest).toBe(original.meta.digest)
        }),
        { numRuns: 25 },
      )
      expect(readdirSync(folder)).toEqual([`out.${ending}`])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  const OTHERS = readdirSync(join(FIXTURES, 'tables')).filter((name) => name !== 'truth.csv')
  test.each(OTHERS)('%s, as others write it', async (name) => {
    const truth = await openTrace(join(FIXTURES, 'tables/truth.csv'))
    expect((await openTrace(join(FIXTURES, 'tables', name))).meta.digest).toBe(truth.meta.digest)
  })

  test.each(['parquet', 'arrow'])('more rows than a batch of .%s holds', async (ending) => {
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-table-'))
    try {
      const workload = 'uniform:table=4MiB,updates=300000,load=off'
      await exportTable(workload, join(folder, `x.${ending}`))
      const again = (await openTrace(join(folder, `x.${ending}`))).meta
      expect([again.records, again.digest]).toEqual([300_000, (await openTrace(workload)).meta.digest])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test.each(['parquet', 'feather', 'csv'])('a perf recording as .%s', async (ending) => {
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-table-'))
    try {
      const sample = join(FIXTURES, 'perf/mem-shift.fields.perf-script.txt.gz')
      const out = `perf.${ending}`
      await exportTable(sample, join(folder, out))
      const [a, b] = await Promise.all([openTrace(sample), openTrace(join(folder, out))])
      expect(countsByPage(b)).toEqual(countsByPage(a))
      expect(b.meta.digest).toBe(a.meta.digest)
      await expect(exportTable(join(FIXTURES, 'perf/none'), join(folder, `x.${ending}`))).rejects.toThrow(/not found/)
      expect(readdirSync(folder)).toEqual([out])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
