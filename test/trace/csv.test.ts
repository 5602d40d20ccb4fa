import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MODIFY, READ, WRITE } from '../../src/trace/index.ts'
import csv from '../../traces/csv.ts'
import { Recorder, readText } from './recorder.ts'

async function calls(text: string, options: Record<string, string> = {}): Promise<unknown[]> {
  const read = await readText(csv, text, options)
  return read instanceof Recorder ? read.calls : [read]
}
const HEADER = 'time_ns,pid,tid,cpu,op,addr,size'

describe('dialects', () => {
  const plain = [
    [2, 10, '1/2', 3, '0x7f0000001000', 8, READ, 1],
    [3, 20, '1/3', 4, '0x10', 4, WRITE, 1],
  ]
  it.each([
    ['plain', `${HEADER}\n10,1,2,3,R,0x7f0000001000,8\n20,1,3,4,W,0x10,4\n`, {}],
    ['no newline at the end, CRLF', `${HEADER}\r\n10,1,2,3,R,0x7f0000001000,8\r\n20,1,3,4,W,0x10,4`, {}],
    ['semicolons and blanks', `${HEADER.replaceAll(',', ';')}\n10 ; 1;2;3; R ;0x7F0000001000;8\n20;1;3;4;W;0x10;4\n`, {}],
    ['tabs', `${HEADER.replaceAll(',', '\t')}\n10\t1\t2\t3\tr\t0x7f0000001000\t8\n20\t1\t3\t4\tw\t0x10\t4\n`, {}],
    ['bars', `${HEADER.replaceAll(',', '|')}\n10|1|2|3|LD|0x7f0000001000|8\n20|1|3|4|ST|0x10|4\n`, {}],
    ['quotes', `"time_ns","pid","tid","cpu","op","addr","size"\n"10",1,2,3,"read","0x7f0000001000",8\n20,1,3,4,"write",0x10,4\n`, {}],
    ['byte order mark', `\uFEFF${HEADER}\n10,1,2,3,load,0x7f0000001000,8\n20,1,3,4,store,0x10,4\n`, {}],
    ['hex without 0x', `${HEADER}\n10,1,2,3,0,7f0000001000,8\n20,1,3,4,1,10,4\n`, {}],
    ['decimal addresses', `${HEADER}\n10,1,2,3,L,139637976731648,8\n20,1,3,4,S,16,4\n`, {}],
    ['microseconds by name', 'Time (us),pid,tid,cpu,op,addr,size\n0.010,1,2,3,R,0x7f0000001000,8\n0.0209,1,3,4,W,0x10,4\n', {}],
    ['seconds by their decimals', `${HEADER.replace('_ns', '')}\n0.000000010,1,2,3,R,0x7f0000001000,8\n0.00000002,1,3,4,W,0x10,4\n`, {}],
    ['unit by option', 't,pid,tid,cpu,op,addr,size\n0.01,1,2,3,R,0x7f0000001000,8\n0.02,1,3,4,W,0x10,4\n', { 'time-unit': 'us' }],
    [
      'columns by option',
      'a,b,c,d,e,f,g\n10,1,2,3,R,0x7f0000001000,8\n20,1,3,4,W,0x10,4\n',
      { time: 'a', pid: 'b', tid: 'c', cpu: 'd', op: 'e', address: 'f', size: '7' },
    ],
    ['other order, more columns', 'ip,size,addr,op,cpu,tid,pid,time_ns\nmain+0x1,8,0x7f0000001000,R,3,2,1,10\nfoo,4,0x10,W,4,3,1,20\n', {}],
  ])('%s', async (_name, text, options) => {
    expect(await calls(text, options)).toEqual(plain)
  })

  it('header as a comment, comments and blank lines between', async () => {
    expect(await calls(`# numabench\n# ${HEADER}\n\n10,1,2,3,R,0x7f0000001000,8\n# half time\n20,1,3,4,W,0x10,4\n`)).toEqual([
      [4, ...plain[0]!.slice(1)],
      [6, ...plain[1]!.slice(1)],
    ])
  })

  it('no header: the user names the columns', async () => {
    expect(await calls('10,1,2,3,R,0x7f0000001000,8\n20,1,3,4,W,0x10,4\n', { columns: HEADER.replaceAll(',', ' ') })).toEqual([
      [1, ...plain[0]!.slice(1)],
      [2, ...plain[1]!.slice(1)],
    ])
  })

  it('what is missing has a stated meaning', async () => {
    expect(await calls('op,page\nM,0x12\nR,3\n')).toEqual([
      [2, 0, '1/1', -1, '0x12000', 8, MODIFY, 1],
      [3, 1, '1/1', -1, '0x3000', 8, READ, 1],
    ])
    expect(await calls('tid,addr,period\n7,0x5,1000\n', {})).toEqual([[2, 0, '1/7', -1, '0x5', 8, READ, 1000]])
    expect(await calls('tid,addr\n7,0x5\n', { period: '16' })).toEqual([[2, 0, '1/7', -1, '0x5', 8, READ, 16]])
  })

  it('64-bit addresses and nanoseconds since 1970 stay exact', async () => {
    const read = await readText(csv, 'time_ns,addr,op\n1760000000000000001,18446744073709551615,R\n1760000000000000003,0xfffffffffffff000,W\n')
    if (!(read instanceof Recorder)) throw new Error(read)
    expect(read.calls).toEqual([
      [2, 0, '1/1', -1, '0xffffffffffffffff', 8, READ, 1],
      [3, 2, '1/1', -1, '0xfffffffffffff000', 8, WRITE, 1],
    ])
    expect(read.facts['timeOriginNs']).toBe('1760000000000000001')
  })
})

describe('messages say where and what', () => {
  it.each([
    ['R,0x10', '-5', /^x\.csv:3: time_ns: negative time .*got "-5"/],
    ['R,0x10', 'soon', /^x\.csv:3: time_ns: not a time/],
    ['R,0x1ffffffffffffffff', '7', /^x\.csv:3: addr: address beyond 64 bits/],
    ['R,18446744073709551616', '7', /^x\.csv:3: addr: address beyond 64 bits/],
    ['R,heap', '7', /^x\.csv:3: addr: not an address/],
    ['X,0x10', '7', /^x\.csv:3: op: not an operation .*got "X"/],
    ['R', '7', /^x\.csv:3: wrong number of fields \(expected 3 \(time_ns, op, addr\), got 2\)/],
    ['R,0x10,9', '7', /^x\.csv:3: wrong number of fields/],
    ['R,', '7', /^x\.csv:3: addr: not an address/],
    ['"R,0x10', '7', /^x\.csv:\d+: /],
  ])('%s at %s', async (rest, time, message) => {
    expect(await calls(`time_ns,op,addr\n1,R,0x10\n${time},${rest}\n`)).toEqual(
      [[2, 1, '1/1', -1, '0x10', 8, READ, 1], expect.stringMatching(message)].slice(1),
    )
  })

  it('missing columns are named with what is there', async () => {
    expect(await calls('time_ns,op,adress\n1,R,0x10\n')).toEqual([
      expect.stringMatching(/^x\.csv:1: address: no column holds the address .*"adress".*--format-option address=NAME/),
    ])
    expect(await calls('time_ns,op,addr\n1,R,0x10\n', { address: 'adr' })).toEqual([expect.stringMatching(/no column "adr".*Did you mean addr\?/)])
  })
})

describe('the byte scanner agrees with csv-parse', () => {
  const cell = fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: 0, max: 2 ** 31 }).map(String) },
    { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 65n }).map(String) },
    { weight: 3, arbitrary: fc.constantFrom('', '-1', '0', '1.5', '1e3', ' 7', '0x', '0xg', 'R', 'abc', '1.', '.5', '00000000012', '0.123456789012') },
  )
  const address = fc.oneof(
    { weight: 30, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `0x${value.toString(16)}`) },
    { weight: 10, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String) },
    { weight: 2, arbitrary: fc.constantFrom('0X1F', '0xffffffffffffffff', '0x10000000000000000', '18446744073709551616', '0x00000000000000000001', 'g', '') },
  )
  const time = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 10 ** 9 }).map(String) },
    { weight: 10, arbitrary: fc.tuple(fc.integer({ min: 0, max: 10 ** 6 }), fc.stringMatching(/^[0-9]{1,12}$/)).map(([a, b]) => `${a}.${b}`) },
    { weight: 1, arbitrary: cell },
  )
  const op = fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...'RWrwMLS01') }, { weight: 1, arbitrary: fc.constantFrom('read', 'ST', '', 'x', '2') })
  const likely = fc.integer({ min: 0, max: 2 ** 22 }).map(String)
  const row = fc.tuple(
    time,
    fc.oneof({ weight: 30, arbitrary: likely }, cell),
    likely,
    likely,
    op,
    address,
    likely,
    fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 1, max: 100 }).map(String) }, cell),
  )
  const quoted = (cells: string[], separator: string) => cells.map((text) => (text.includes(separator) ? '' : `"${text}"`)).join(separator)

  it('on random files: identical calls, or the same message', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom('time_ns', 'time_us', 'time_s', 'time'),
        fc.integer({ min: 1, max: 60 }),
        async (rows, separator, newline, timeName, chunk) => {
          const names = [timeName, 'pid', 'tid', 'cpu', 'op', 'addr', 'size', 'weight']
          const plain = [names, ...rows].map((cells) => cells.join(separator)).join(newline)
          // every row quoted: all of it goes through csv-parse
          const slow = [names.join(separator), ...rows.map((cells) => quoted(cells, separator))].join(newline)
          expect(parse(slow, { delimiter: separator, relax_column_count: true })).toHaveLength(rows.length + 1)
          const [fast, twin] = [await readText(csv, plain, {}, chunk), await readText(csv, slow, {}, chunk)]
          expect(fast instanceof Recorder ? fast.calls : fast).toEqual(twin instanceof Recorder ? twin.calls : twin)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('never more than a clean message for arbitrary text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 40 }), async (text, chunk) => {
        await readText(csv, `time_ns,op,addr\n1,R,0x10\n${text}`, {}, chunk)
        await readText(csv, text, {}, chunk)
      }),
      { numRuns: 1000 },
    )
  })
})
