/** Each case: one message that names the file (and line), never a stack trace, and no output left behind. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { importTrace, type OpenOptions } from '../../src/trace/index.ts'

const SAMPLE = readFileSync(join(import.meta.dirname, '../../traces/samples/gzip.lackey.gz'))
/** `zstd -3` of a CSV with 40 rows, made with zstd 1.5.4. */
const ZSTD = Buffer.from(readFileSync(join(import.meta.dirname, '../fixtures/traces/forty-rows.csv.zst.base64'), 'utf8'), 'base64')
const csv = (...rows: string[]) => ['time_ns,pid,tid,cpu,op,addr,size', ...rows, ''].join('\n')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'numareplay-bad-'))
  mkdirSync(join(folder, 'a-folder'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function message(name: string, content: string | Uint8Array | undefined, options?: OpenOptions): Promise<string> {
  const file = join(folder, name)
  if (content !== undefined) writeFileSync(file, content)
  const out = join(folder, 'out.nrt')
  try {
    await importTrace(file, out, options)
    return 'no error'
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    expect(readdirSync(folder).filter((entry) => entry.startsWith('out.nrt'))).toEqual([])
    return error.message.replaceAll(`${folder}/`, '')
  }
}

describe('bad input', () => {
  it.each<[string, string, string | Uint8Array | undefined, RegExp, OpenOptions?]>([
    ['a file that is not there', 'none.csv', undefined, /^none\.csv: file not found/],
    ['a directory', 'a-folder', undefined, /^a-folder: this is a directory/],
    ['an empty file', 'empty.csv', '', /^empty\.csv: the file is empty/],
    ['an empty gzip', 'empty.csv.gz', gzipSync(''), /^empty\.csv\.gz: the file is empty inside/],
    ['binary rubbish', 'rubbish.bin', Buffer.from([0, 1, 2, 3, 200, 7, 0, 0]), /^rubbish\.bin: binary data in no known trace format/],
    ['prose', 'prose.txt', 'Dear reader\nthis is no trace\n', /^prose\.txt: no known trace format/],
    ['truncated gzip', 'cut.lackey.gz', SAMPLE.subarray(0, 300_000), /^cut\.lackey\.gz: the gzip data is cut off at byte 300,000/],
    [
      'damaged gzip',
      'bad.lackey.gz',
      Buffer.concat([SAMPLE.subarray(0, 5000), Buffer.alloc(500, 255), SAMPLE.subarray(5500)]),
      /^bad\.lackey\.gz: the gzip data is damaged/,
    ],
    ['truncated zstd', 'cut.csv.zst', ZSTD.subarray(0, ZSTD.length - 20), /^cut\.csv\.zst: the zstd data is cut off at byte/],
    ['xz', 'x.csv.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]), /^x\.csv\.xz: xz is not read directly .*xz -dc/],
    ['negative time', 'x.csv', csv('1,1,1,0,R,0x10,8', '-2,1,1,0,R,0x10,8'), /^x\.csv:3: time_ns: negative time .*got "-2"/],
    ['time going back', 'x.csv', csv('5,1,1,0,R,0x10,8', '4,1,1,0,R,0x10,8'), /^x\.csv:3: time: time goes back \(expected 5ns or later.*got 4ns/],
    ['an address beyond 64 bits', 'x.csv', csv('5,1,1,0,R,0x12345678123456781,8'), /^x\.csv:2: addr: address beyond 64 bits/],
    ['a missing column', 'x.csv', 'time_ns,pid,op\n1,1,R\n', /^x\.csv:1: address: no column holds the address/],
    ['a missing field', 'x.csv', csv('5,1,1,0,R,0x10'), /^x\.csv:2: wrong number of fields/],
    ['not a number', 'x.csv', csv('5,one,1,0,R,0x10,8'), /^x\.csv:2: pid: not a whole number .*got "one"/],
    ['only a header', 'x.csv', csv(), /^x\.csv: (the trace holds no accesses|no known trace format)/],
    ['a line without end', 'x.csv', `${csv('5,1,1,0,R,0x10,8')}${'1'.repeat(3 << 20)}`, /^x\.csv:3: a line longer than 1 MiB/],
    ['an unknown format', 'x.csv', csv('5,1,1,0,R,0x10,8'), /unknown format "csw" .*Did you mean csv\?/, { format: 'csw' }],
    ['an unknown option', 'x.csv', csv('5,1,1,0,R,0x10,8'), /format csv has no option addres/, { formatOptions: { addres: 'x' } }],
    ['an impossible page size', 'x.csv', csv('5,1,1,0,R,0x10,8'), /--page-size: not a page size/, { pageSize: 5000 }],
    ['a tick too fine', 'x.csv', csv('5,1,1,0,R,0x10,8', '900000000000,1,1,0,R,0x10,8'), /cuts the trace into .* ticks .*longer --tick/, { tickNs: 1 }],
    [
      'a script for another process',
      'x.csv',
      csv('5,1,1,0,R,0x10,8', '9,1,1,0,R,0x10,8'),
      /moves\.txt:1: pid: the trace has no such process \(expected 1, got 7\)/,
      { events: 'moves.txt' },
    ],
  ])('%s', async (_name, file, content, expected, options) => {
    if (options?.events !== undefined) {
      options.events = join(folder, options.events)
      writeFileSync(options.events, '1ns migrate_pages pid=7 from=0 to=1\n')
    }
    expect(await message(file, content, options)).toMatch(expected)
  })

  it('zstd that is whole is read', async () => {
    expect(await message('whole.csv.zst', ZSTD)).toBe('no error')
  })
})
