/**
 * Damaged recordings: every sample, mutated, gives a trace or a message for the user, soon and without much memory. The long mode
 * (NUMAREPLAY_FUZZ_RUNS=50000) runs that many mutations per sample.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { listFormats, type NamedFormat, openTrace, type PreparedTrace, type StreamFormat } from '../../src/trace/index.ts'
import { openBytes } from '../../src/trace/source.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'
import { FIXTURES, writeTemporary } from './helpers.ts'

const RUNS = Number(process.env['NUMAREPLAY_FUZZ_RUNS'] ?? 120)
/** Bytes of each sample that are mutated: enough for every kind of record. */
const PART = 6000
const SLOWEST_MS = 10_000

const fixture = (name: string): Buffer => {
  const bytes = readFileSync(join(FIXTURES, name))
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
}
const part = (name: string, from = 0): Buffer => fixture(name).subarray(from, from + PART)

/** Format -> what is mutated. */
const SAMPLES: [string, () => Buffer][] = [
  ['perf-script', () => part('perf/mem-shift.default.perf-script.txt.gz')],
  ['perf-script', () => part('perf/page-faults.full.perf-script.txt.gz')],
  ['perf-script', () => part('perf/master-first-touch-autonuma.perf-script.txt.gz')],
  ['perf-mem', () => part('perf/mem-shift-loads.perf-mem-dump.txt.gz')],
  ['ftrace', () => part('perf/numa-events.ftrace.txt.gz')],
  ['damon', () => part('damon/phases-vaddr.ftrace.txt.gz')],
  ['damo', () => part('damon/phases-vaddr.damo.json.gz')],
  ['damo-report', () => part('damon/phases-vaddr.damo-report-raw.txt.gz')],
  ['drmemtrace', () => fixture('drmemtrace/drmemtrace.small.x64.trace')],
  ['drmemtrace', () => part('drmemtrace/legacy-threadsig.x64.tracedir/drmemtrace.threadsig.10510.0155.trace.gz')],
  ['drmemtrace-schedule', () => part('drmemtrace/threadsig.x64.tracedir/serial_schedule.bin.gz')],
  ['dinero', () => Buffer.from('0 7ffe1008\n1 7ffe1010 8\n2 401000\n4 0\n'.repeat(20))],
  ['pinatrace', () => Buffer.from(`${'0x401000: R 0x7ffe1008\n0x401003: W 0x7ffe2010 8\n'.repeat(20)}#eof\n`)],
  ['ramulator', () => Buffer.from('3 20734016\n7 20734080 20734016\nLD 12345\n0x10 R\n'.repeat(20))],
  ['cori', () => Buffer.from('0x7f0000001000\n0x7f0000002000 x\n'.repeat(20))],
  ['dramsim', () => Buffer.from('0x7f64768 P_MEM_WR 2\n0x41a9200 READ 12\n')],
  ['champsim', () => Buffer.alloc(640, 1)],
  ['oracle-general', () => Buffer.alloc(240, 0xff)],
  ['gem5', () => Buffer.from('r,4096,64,256,77000\nw,8192,64,0,78500\n'.repeat(10))],
  [
    'gem5',
    () =>
      Buffer.from(
        '67656d35071880a094a58d1d1008c8d9041001188080808080e01f20401008b0e10410041880a0808080e01f2040100898e90410021880c0808080e01f2040100880f10410011880e0808080e01f20401008e8f8041004188080818080e01f20401008d0800510021880a0818080e01f2040',
        'hex',
      ),
  ],
  ['lackey', () => Buffer.from('==1== x\nI  0401ab70,3\n L 04835884,4\n S 1fff000688,8\n M 04a2b0c0,8\n'.repeat(20))],
  ['csv', () => Buffer.from(`time_ns,pid,tid,cpu,op,addr,size\n${'10,1,2,3,R,0x7f00,8\n'.repeat(20)}`)],
]
/** Whole files whose container is mutated. */
const CONTAINERS = [
  'drmemtrace/drmemtrace.allasm_x86_64.trace.zip',
  'drmemtrace/threadsig.x64.tracedir/cpu_schedule.bin.zip',
  'damon/phases-vaddr.damo.json_compressed',
  'damon/phases-vaddr.ftrace.txt.gz',
  'containers/stream-linked.din.lz4',
]

interface Mutation {
  kind: 'set' | 'delete' | 'repeat' | 'insert' | 'cut' | 'digits'
  at: number
  length: number
  byte: number
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'set', 'delete', 'repeat', 'insert', 'cut', 'digits'),
  at: fc.nat(2 ** 20),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x0a, 0x20, 0x2d, 0x30, 0x39, 0x7c, 0xff)),
})

function mutate(bytes: Buffer, mutations: Mutation[]): Buffer {
  let out = bytes
  for (const { kind, at: where, length, byte } of mutations) {
    const at = out.length === 0 ? 0 : where % out.length
    const [before, middle, after] = [out.subarray(0, at), out.subarray(at, at + length), out.subarray(at + length)]
    if (kind === 'set') out = Buffer.concat([before, Buffer.from([byte]), out.subarray(at + 1)])
    else if (kind === 'delete') out = Buffer.concat([before, after])
    else if (kind === 'repeat') out = Buffer.concat([before, middle, middle, after])
    else if (kind === 'insert') out = Buffer.concat([before, Buffer.alloc(length, byte), middle, after])
    else if (kind === 'digits') out = Buffer.concat([before, Buffer.from('9'.repeat(length)), after])
    else out = before
  }
  return out
}

/** A trace whose numbers hold together, or a UserError. */
async function survives(work: () => Promise<PreparedTrace['meta'] | undefined>): Promise<void> {
  const start = performance.now()
  try {
    const meta = await work()
    if (meta) {
      expect(Number.isSafeInteger(meta.reads) && Number.isSafeInteger(meta.writes)).toBe(true)
      expect(meta.timeLastNs).toBeGreaterThanOrEqual(meta.timeFirstNs)
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    expect(error.message).not.toMatch(/undefined|NaN|\[object/)
  }
  expect(performance.now() - start).toBeLessThan(SLOWEST_MS)
}

const formats = new Map<string, StreamFormat>((await listFormats()).map(({ name, format }: NamedFormat) => [name, format as StreamFormat]))

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('readers', { timeout: Math.max(60_000, RUNS * 100) }, () => {
  test.each(SAMPLES.map(([name, sample], i) => [`${name} (${i})`, name, sample] as const))('%s', async (_, name, sample) => {
    const format = formats.get(name)!
    const bytes = sample()
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), fc.boolean(), fc.constantFrom(7, 999, 1 << 16), async (mutations, lenient, size) => {
        const damaged = mutate(bytes, mutations)
        format.recognise({ bytes: damaged, text: damaged.toString('latin1'), fileName: 'x' })
        await survives(async () => {
          const writer = new FoldingWriter({ file: 'x' })
          await format.read(chunks(damaged, size), writer, { file: 'x', options: {}, lenient })
          return writer.finish({ format: name, fidelity: format.fidelity, carries: format.carries }).tables.meta
        })
      }),
      { numRuns: RUNS },
    )
  })
})

describe('a line of a mebibyte', { timeout: 120_000 }, () => {
  const fills = [' ', '0', '1 ', 'a', '-', '0x', ',', '(', '1.0: ', '|OP ', '12/', '[0] ', 'pid=', '{"', '"', '\\t']
  const names = [...new Set(SAMPLES.map(([name]) => name))]
  test.each(names)('%s is read in time that grows with its length', async (name) => {
    const format = formats.get(name)!
    const sample = SAMPLES.find(([candidate]) => candidate === name)![1]()
    for (const fill of fills) {
      const long = fill.repeat(Math.floor(1_000_000 / fill.length))
      for (const text of [long, `${sample.toString('latin1')}\n${long}\n`, `${sample.subarray(0, 40).toString('latin1')}${long}`]) {
        const bytes = Buffer.from(text, 'latin1')
        await survives(async () => {
          format.recognise({ bytes: bytes.subarray(0, 1 << 16), text: text.slice(0, 1 << 16), fileName: 'x' })
          const writer = new FoldingWriter({ file: 'x' })
          await format.read(chunks(bytes, 1 << 16), writer, { file: 'x', options: {}, lenient: true })
          return undefined
        })
      }
    }
  })
})

describe('containers and tables', { timeout: Math.max(60_000, RUNS * 100) }, () => {
  test.each(CONTAINERS)('%s', async (name) => {
    const bytes = readFileSync(join(FIXTURES, name))
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const file = writeTemporary('mutated', mutate(bytes, mutations))
        await survives(async () => {
          // the container alone: what is inside is the readers' matter
          for await (const chunk of (await openBytes(file)).bytes) if (chunk.length === 0) break
          return undefined
        })
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })

  test('parquet', async () => {
    const bytes = await parquetSample()
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const file = writeTemporary('mutated', mutate(bytes, mutations))
        await survives(async () => (await openTrace(file, { format: 'parquet' })).meta)
      }),
      { numRuns: RUNS },
    )
  })
})

async function parquetSample(): Promise<Buffer> {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const columnData = [
    { name: 'time_ns', data: BigInt64Array.from({ length: 50 }, (_, i) => BigInt(i)) },
    { name: 'op', data: Array.from({ length: 50 }, (_, i) => (i % 3 === 0 ? 'W' : 'R')) },
    { name: 'addr', data: BigInt64Array.from({ length: 50 }, (_, i) => BigInt(0x7f0000 + 640 * i)) },
  ]
  return Buffer.from(parquetWriteBuffer({ columnData }))
}
