/** Files cut off anywhere: refused or complete; with --lenient what is complete is kept, and a note says what was dropped and where. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import * as arrow from 'apache-arrow'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { type LintVerdict, listFormats, type StreamFormat, type TraceWriter } from '../../src/trace/index.ts'
import { FIXTURES, openText } from './helpers.ts'

/** Notes accesses and verdicts as they come. */
class Listing implements TraceWriter {
  line = 0
  /** Large: formats of regions list every page. */
  readonly pageSize = 1 << 24
  readonly accesses: string[] = []
  readonly verdicts: LintVerdict[] = []
  task = (pid: number, tid: number): number => pid * 1e6 + tid
  process = (pid: number): number => pid
  access(...facts: number[]): void {
    this.accesses.push(facts.join(' '))
  }
  event(): void {}
  fact(): void {}
  lint(verdict: LintVerdict): void {
    this.verdicts.push(verdict)
  }
  describe(): void {}
}

const formats = new Map((await listFormats()).map(({ name, format }) => [name, format as StreamFormat]))

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function read(name: string, bytes: Uint8Array, lenient: boolean): Promise<Listing | UserError> {
  const listing = new Listing()
  try {
    await formats.get(name)!.read(once(bytes), listing, { file: 'cut', options: {}, lenient })
    return listing
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
}

const fixture = (name: string, bytes?: number): Buffer => {
  const packed = readFileSync(join(FIXTURES, name))
  const plain = packed[0] === 0x1f ? gunzipSync(packed) : packed
  // whole lines
  return bytes === undefined ? plain : plain.subarray(0, plain.lastIndexOf(10, bytes) + 1)
}

const table = new arrow.Table({
  time_ns: arrow.makeVector(BigInt64Array.from({ length: 90 }, (_, i) => BigInt(i))),
  addr: arrow.makeVector(BigInt64Array.from({ length: 90 }, (_, i) => BigInt(640 * i))),
})
const batches = Buffer.from(arrow.RecordBatchStreamWriter.writeAll([0, 30, 60].flatMap((from) => table.slice(from, from + 30).batches)).toUint8Array(true))

const champsim = Buffer.alloc(64 * 20)
for (let i = 0; i < 20; i++) champsim.writeUInt32LE(4096 * (i + 1), 64 * i + 32)
const oracle = Buffer.alloc(24 * 20)
for (let i = 0; i < 20; i++) oracle.writeUInt32LE(i, 24 * i)
const packets = Buffer.from(
  '67656d35071880a094a58d1d1008c8d9041001188080808080e01f20401008b0e10410041880a0808080e01f2040100898e90410021880c0808080e01f2040100880f10410011880e0808080e01f20401008e8f8041004188080818080e01f20401008d0800510021880a0818080e01f2040',
  'hex',
)

const SAMPLES: [string, Buffer][] = [
  ['arrow', batches],
  ['champsim', champsim],
  ['cori', Buffer.from('0x7f0000001000\n0x7f0000002000 x\n'.repeat(20))],
  ['csv', Buffer.from(`time_ns,pid,tid,cpu,op,addr,size\n${Array.from({ length: 50 }, (_, i) => `${i},1,2,3,R,0x7f${i}000,8\n`).join('')}`)],
  ['csv', Buffer.from(`time_ns,"op",addr,note\n${Array.from({ length: 50 }, (_, i) => `${i},"R",0x7f${i}000,"a ""b"""\n`).join('')}`)],
  ['damo', fixture('damon/phases-vaddr.damo.json.gz')],
  ['damo-report', fixture('damon/phases-vaddr.damo-report-raw.txt.gz')],
  ['damon', fixture('damon/phases-vaddr.ftrace.txt.gz')],
  ['dinero', Buffer.from('0 7ffe1008\n1 7ffe1010 8\n2 401000\n4 0\n'.repeat(20))],
  ['dramsim', Buffer.from('0x7f64768 P_MEM_WR 2\n0x41a9200 READ 12\n')],
  ['drmemtrace', fixture('drmemtrace/legacy-threadsig.x64.tracedir/drmemtrace.threadsig.10510.0155.trace.gz')],
  ['drmemtrace-schedule', fixture('drmemtrace/threadsig.x64.tracedir/serial_schedule.bin.gz')],
  ['ftrace', fixture('perf/numa-events.ftrace.txt.gz', 20_000)],
  ['gem5', packets],
  ['gem5', Buffer.from('r,4096,64,256,77000\nw,8192,64,0,78500\n'.repeat(10))],
  ['lackey', Buffer.from('==1== x\nI  0401ab70,3\n L 04835884,4\n S 1fff000688,8\n M 04a2b0c0,8\n'.repeat(20))],
  ['oracle-general', oracle],
  ['perf-mem', fixture('perf/mem-shift-loads.perf-mem-dump.txt.gz', 20_000)],
  ['perf-script', fixture('perf/mem-shift.default.perf-script.txt.gz', 20_000)],
  ['pinatrace', Buffer.from(`${'0x401000: R 0x7ffe1008\n0x401003: W 0x7ffe2010 8\n'.repeat(20)}#eof\n`)],
  ['ramulator', Buffer.from('3 20734016\n7 20734080 20734016\nLD 12345\n0x10 R\n'.repeat(20))],
]

test('every format that reads a stream is here', () => {
  // parquet and native files keep their directory at the end: a part of one is nothing
  expect([...new Set(SAMPLES.map(([name]) => name))]).toEqual([...formats.keys()].filter((name) => !['native', 'parquet'].includes(name)))
})

describe.each(SAMPLES.map(([name, bytes], i) => ({ name, i, bytes })))('$name ($i)', ({ name, bytes }) => {
  test('cut off anywhere', async () => {
    const whole = (await read(name, bytes, false)) as Listing
    expect(whole).toBeInstanceOf(Listing)
    let kept = 0
    for (let step = 1; step < 24; step++) {
      const cut = bytes.subarray(0, Math.floor((step / 24) * bytes.length))
      const [strict, lenient] = [await read(name, cut, false), await read(name, cut, true)]
      if (lenient instanceof UserError) {
        // nothing to keep: the cut lies in the head
        expect(kept, lenient.message).toBe(0)
        expect(step, lenient.message).toBeLessThan(12)
        continue
      }
      expect(lenient.accesses, `${step}`).toEqual(whole.accesses.slice(0, lenient.accesses.length))
      expect(lenient.accesses.length).toBeGreaterThanOrEqual(kept)
      kept = lenient.accesses.length
      const note = lenient.verdicts.find(({ code }) => code === 'damaged')
      if (strict instanceof UserError)
        expect(note?.message, `${step}: ${strict.message}`).toMatch(/ \(cut(:\d+)?\): (an unknown number of records|(at least )?\d+ records?) dropped$/)
    }
    if (whole.accesses.length > 100) expect(kept).toBeGreaterThan(0.6 * whole.accesses.length)
  })
})

describe('strict names the cure', () => {
  const row = (i: number) => `${i},1,2,3,R,0x7f${i}000,8\n`
  const header = 'time_ns,pid,tid,cpu,op,addr,size\n'
  const LAST = /This last line has no end: the file may be cut off\. To keep what is complete, give --lenient$/
  test.each([
    ['a row', `${header}${row(1)}2,1,2`, LAST],
    ['a row with quotes', `time_ns,"op",addr\n1,"R",0x1000\n2,"W`, LAST],
    ['a lackey line', ' L 04835884,4\n L 048358', /the last line is cut off\. To keep what is complete, give --lenient$/],
    ['a line of din', '0 7ffe1008\n1 7ffe1010\n1 ', LAST],
  ])('%s', async (_, text, message) => {
    await expect(openText(text)).rejects.toThrow(message)
  })

  test('a row that is wrong but not the last one is no cut', async () => {
    await expect(openText(`${header}${row(1)}2,1,2\n${row(3)}`)).rejects.toThrow(/got 3\)$/)
    await expect(openText(`${header}${row(1)}2,1,2\n`)).rejects.toThrow(/got 3\)$/)
    await expect(openText(`time_ns,"op",addr\n1,"R",0x1000\n2,"Q",0x2000\n3,"R",0x1000\n`)).rejects.not.toThrow(/lenient/)
  })
})

describe('in compression', () => {
  const text = `time_ns,pid,tid,cpu,op,addr,size\n${Array.from({ length: 40_000 }, (_, i) => `${i},1,2,${i % 4},R,0x7f${(i * 7919) % 100003}000,8\n`).join('')}`

  test('gzip cut off: refused, or kept up to there', async () => {
    const packed = gzipSync(text)
    const cut = packed.subarray(0, (packed.length >> 1) + 9)
    await expect(openText(cut, {}, 'x.csv.gz')).rejects.toThrow(/gzip data is cut off at byte/)
    const { meta } = await openText(cut, { lenient: true }, 'x.csv.gz')
    expect(meta.records).toBeGreaterThan(15_000)
    expect(meta.lint.filter(({ code }) => code === 'damaged').map(({ message }) => message)).toEqual([
      expect.stringMatching(/the last line has no end \(.*:\d+\): 1 record dropped/),
      expect.stringMatching(/the gzip data is cut off at byte [\d,]+ .*: an unknown number of records dropped/),
    ])
  })

  test('zip without its directory', async () => {
    const name = 'drmemtrace/threadsig.x64.tracedir/drmemtrace.threadsig.872884.3060.trace.zip'
    const packed = readFileSync(join(FIXTURES, name))
    const whole = await openText(packed, { lenient: true }, 'x.trace.zip')
    expect(whole.meta.lint.map(({ code }) => code)).not.toContain('damaged')
    const directory = packed.indexOf(Buffer.from('504b0102', 'hex'))
    await expect(openText(packed.subarray(0, directory), {}, 'x.trace.zip')).rejects.toThrow(/directory at the end is missing/)
    const { meta } = await openText(packed.subarray(0, directory), { lenient: true }, 'x.trace.zip')
    expect(meta.digest).toBe(whole.meta.digest)
    expect(meta.lint).toContainEqual(expect.objectContaining({ code: 'damaged', message: expect.stringMatching(/directory at the end is missing/) }))
    const half = await openText(packed.subarray(0, directory >> 1), { lenient: true }, 'x.trace.zip')
    expect(half.meta.records).toBeLessThan(whole.meta.records)
  })
})
