/** Files that nobody would make by accident: counts that claim more than there is, bombs, names that climb. Messages, in bounded memory. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import * as arrow from 'apache-arrow'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { importMachine } from '../../src/machine/index.ts'
import { importTrace, type OpenOptions } from '../../src/trace/index.ts'
import { FIXTURES, openText, writeTemporary } from './helpers.ts'

const MIB = 2 ** 20
const ROWS = 5000

/** A complaint for the user, without memory to speak of. */
async function complains(bytes: Uint8Array | string, message: RegExp, options?: OpenOptions): Promise<void> {
  const before = process.memoryUsage().rss
  const error = await openText(bytes, options).then(
    () => new Error('it was read'),
    (thrown: Error) => thrown,
  )
  expect(error).toBeInstanceOf(UserError)
  expect(error.message).toMatch(message)
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * MIB)
}

function arrowStream(): Buffer {
  const columns = { time_ns: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(i)), addr: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(64 * i)) }
  return Buffer.from(
    arrow.tableToIPC(new arrow.Table(Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, arrow.makeVector(values)]))), 'stream'),
  )
}

describe('counts that claim more than there is', () => {
  test('Arrow: the length of a message, and rows of a batch', async () => {
    const stream = arrowStream()
    const long = Buffer.from(stream)
    long.writeUInt32LE(0x7fff_fff0, 4)
    await complains(long, /Arrow data is (cut off|damaged)/, { format: 'arrow' })
    let changed = 0
    for (let at = 0; at + 8 <= 2000; at += 4) {
      if (stream.readBigInt64LE(at) !== BigInt(ROWS)) continue
      const many = Buffer.from(stream)
      many.writeBigInt64LE(2n ** 40n, at)
      // of a batch, or of one of its columns, whose own count nobody needs
      await openText(many).then(
        ({ meta }) => expect(meta.records).toBe(ROWS),
        (error: Error) => expect(error.message).toMatch(/Arrow data is damaged|too large for memory/),
      )
      changed++
    }
    expect(changed).toBeGreaterThan(1)
  })

  test('Parquet: the length of the footer, and rows of a group', async () => {
    const columnData = [
      { name: 'time_ns', data: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(i)) },
      { name: 'addr', data: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(64 * i)) },
    ]
    const file = Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: ROWS }))
    const long = Buffer.from(file)
    long.writeUInt32LE(0xffff_fff0, long.length - 8)
    await complains(long, /cut off: its footer is missing/)
    // Thrift's compact i64: header 0x16, zigzag varint
    const start = file.length - 8 - file.readUInt32LE(file.length - 8)
    const footer = file.subarray(start, -8).toString('latin1')
    const rows = Buffer.from([0x16, 0x90, 0x4e]).toString('latin1')
    const claim = Buffer.from([0x16, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x04]).toString('latin1')
    expect(footer).toContain(rows)
    const claiming = Buffer.from(footer.replaceAll(rows, claim), 'latin1')
    const end = Buffer.from(file.subarray(-8))
    end.writeUInt32LE(claiming.length)
    await complains(Buffer.concat([file.subarray(0, start), claiming, end]), /too large for memory/)
  })

  test('Parquet: the size of a page; found by fuzzing, it took 4 GB', async () => {
    await complains(readFileSync(join(FIXTURES, 'hostile/page-too-large.parquet')), /a page too large for memory/, { format: 'parquet' })
  })

  test('Parquet: values of a page', async () => {
    const values = Int32Array.from({ length: 40 }, (_, i) => i)
    const columnData = [
      { name: 'time_ns', data: values },
      { name: 'addr', data: values },
    ]
    const file = Buffer.from(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED' }))
    expect((await openText(file)).meta.records).toBe(40)
    // Thrift's compact i32 in the header of the first page: 80 = 40 in zigzag
    const at = file.indexOf(Buffer.from([0x15, 80]))
    const many = Buffer.from(file)
    many[at + 1] = 126
    await complains(many, /a page with more values than its column/, { format: 'parquet' })
  })

  test('native: pages, ticks, actors and rows, with checksums in order', async () => {
    const csv = writeTemporary('x.csv', `time_ns,addr\n${Array.from({ length: 50 }, (_, i) => `${i},${4096 * i}\n`).join('')}`)
    const native = join(dirname(csv), 'hostile.nrt')
    await importTrace(csv, native)
    const file = readFileSync(native)
    // biome-ignore lint/suspicious/noExplicitAny: any part of the footer
    const changed = (change: (footer: any) => void): Buffer => {
      const start = file.length - 16 - file.readUInt32LE(file.length - 16)
      const footer = JSON.parse(file.toString('utf8', start, file.length - 16))
      change(footer)
      const json = Buffer.from(JSON.stringify(footer))
      const end = Buffer.from(file.subarray(-16))
      end.writeUInt32LE(json.length, 0)
      end.writeUInt32LE(crc32(json), 4)
      return Buffer.concat([file.subarray(0, start), json, end])
    }
    const readAll = async (bytes: Buffer): Promise<void> => {
      const trace = await openText(bytes)
      for (let b = 0; b < trace.blocks; b++) trace.block(b)
    }
    await readAll(changed(() => {}))
    for (const change of [
      // biome-ignore-start lint/suspicious/noExplicitAny: as above
      (footer: any) => (footer.meta.pages = 2 ** 40),
      (footer: any) => (footer.meta.pages = 2 ** 18),
      (footer: any) => (footer.ticks = 2 ** 40),
      (footer: any) => (footer.actors = 2 ** 16),
      (footer: any) => (footer.actors = -1),
      (footer: any) => (footer.blocks[0].pairs = 2 ** 31),
      (footer: any) => (footer.blocks[0].touches = 2 ** 31),
      (footer: any) => (footer.sections.pages[0].bytes = 2 ** 40),
      (footer: any) => (footer.sections.tables = null),
      (footer: any) => delete footer.meta.timeLastNs,
      (footer: any) => (footer.blocks = { length: 1e9 }),
      // biome-ignore-end lint/suspicious/noExplicitAny: as above
    ]) {
      const before = process.memoryUsage().rss
      await expect(readAll(changed(change)), String(change)).rejects.toThrow(/of the trace file is damaged/)
      expect(process.memoryUsage().rss - before).toBeLessThan(256 * MIB)
    }
  })

  test('zip: entries of the directory', async () => {
    const end = Buffer.alloc(22)
    end.writeUInt32LE(0x06054b50, 0)
    end.writeUInt16LE(0xfffe, 10)
    await complains(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(60), end]), /zip archive is damaged/)
  })

  test('gem5: the length of a packet', async () => {
    await complains(
      Buffer.concat([Buffer.from('gem5'), Buffer.from([0x07, 0x18, 0x80, 0xa0, 0x94, 0xa5, 0x8d, 0x1d]), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07])]),
      /./,
    )
  })

  test('oracleGeneral and ChampSim: nothing but ones', async () => {
    for (const [format, bytes] of [
      ['oracle-general', 24],
      ['champsim', 64],
    ] as const)
      expect((await openText(Buffer.alloc(bytes * 50, 0xff), { format })).meta.pages).toBe(1)
  })

  test('drmemtrace: every count and address as large as it can be', async () => {
    const records = Array.from({ length: 48 }, (_, type) => {
      const record = Buffer.alloc(12, 0xff)
      record.writeUInt16LE(type === 28 ? 0 : type)
      return record
    })
    const whole = readFileSync(join(FIXTURES, 'drmemtrace/drmemtrace.small.x64.trace'))
    for (const record of records) {
      await openText(Buffer.concat([whole.subarray(0, 12 * 20), record, whole.subarray(12 * 20)])).then(
        ({ meta }) => expect(meta.pages).toBeLessThan(1e6),
        (error) => expect(error).toBeInstanceOf(UserError),
      )
    }
  })

  test('DAMON: a region of the whole address space', async () => {
    const line = (region: string) => `       kdamond.0-228     [001] .....    23.828325: damon_aggregated: target_id=0 nr_regions=1 ${region}: 3 1\n`
    await complains(`${line('4096-8192')}${line('0-18446744073709551615')}`, /region|page/)
  })
})

describe('zstd', () => {
  /** `pzstd -p 1` (1.5.4) of a table of three rows. */
  const PZSTD = Buffer.from(
    '502a4d18040000003500000028b52ffd045841010074696d655f6e732c616464720a312c3078313030300a322c3078323030300a332c3078313030300a4e533de9',
    'hex',
  )
  const frame = (window: number, blocks: number, type: number): Buffer => {
    const block = Buffer.alloc(4)
    block.writeUIntLE((1 << 3) | (type << 1), 0, 3)
    const last = Buffer.from([0x01, 0, 0])
    return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (window - 10) << 3]), ...Array<Buffer>(blocks).fill(block), last])
  }

  test('a frame to be skipped before, between and after, as pzstd writes', async () => {
    const { meta } = await openText(PZSTD)
    expect([meta.format, meta.records]).toEqual(['csv', 3])
    const skipped = Buffer.from('532a4d1803000000010203', 'hex')
    expect((await openText(Buffer.concat([PZSTD, skipped]))).meta.digest).toBe(meta.digest)
  })

  test('tens of thousands of frames', async () => {
    const frames = ['time_ns,addr\n', ...Array.from({ length: 30_000 }, (_, i) => `${i},0x1000\n`)].map(zstdStored)
    const { meta } = await openText(Buffer.concat(frames))
    expect(meta.records).toBe(30_000)
  })

  test('a window of 2 GiB; hundred thousand blocks of a byte behind one of 128 MiB, which is never made', async () => {
    await complains(frame(31, 10, 1), /window is too large .*expected at most 128 MiB/)
    const before = process.memoryUsage.rss()
    await complains(frame(27, 100_000, 1), /no known trace format|not a trace/)
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 << 20)
  })

  test('a damaged block whose copies would add up to gigabytes if its codes were not looked at', async () => {
    await complains(readFileSync(join(FIXTURES, 'containers/endless-copies.csv.zst')), /zstd data is damaged: an unknown code/)
  })

  test('every damaged byte of the content is noticed', async () => {
    for (let at = 30; at < PZSTD.length; at++) {
      const damaged = Buffer.from(PZSTD)
      damaged[at]! ^= 0x04
      await expect(openText(damaged), `byte ${at}`).rejects.toThrow(/zstd/)
    }
  })
})

/** A frame of one stored block. */
function zstdStored(text: string): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, text.length, 0, 0, 0])
  head.writeUIntLE((text.length << 3) | 1, 6, 3)
  return Buffer.concat([head, Buffer.from(text)])
}

describe('archives and folders of sysfs', () => {
  const node = (at: string): [string, string][] => [
    [`${at}/online`, '0\n'],
    [`${at}/node0/cpulist`, '0-3\n'],
    [`${at}/node0/distance`, '10\n'],
    [`${at}/node0/meminfo`, 'Node 0 MemTotal:  1048576 kB\n'],
  ]

  test.each(['../../../../tmp/sys/devices/system/node', '/sys/devices/system/node', './x/../sys/devices/system/node'])(
    'members named %s are read, never written',
    (at) => {
      const archive = writeTemporary('sysfs.tar', tar(node(at)))
      const before = readdirSync(dirname(archive))
      expect(importMachine([archive]).nodes).toHaveLength(1)
      expect(readdirSync(dirname(archive))).toEqual(before)
    },
  )

  test('a symbolic link in an archive gives no content of what it points to', () => {
    const members = [...node('sys/devices/system/node'), ['sys/devices/system/node/node0/vmstat', '', '/etc/passwd']] as [string, string, string?][]
    const document = importMachine([writeTemporary('links.tar', tar(members))])
    expect(JSON.stringify(document)).not.toContain('root:')
  })

  test('a link in a folder that leaves it is not followed', () => {
    const folder = join(dirname(writeTemporary('x', '')), 'sysfs')
    const at = join(folder, 'devices/system/node')
    for (const [name, content] of node(at)) {
      mkdirSync(dirname(name), { recursive: true })
      writeFileSync(name, content)
    }
    symlinkSync('/', join(at, 'node1'))
    symlinkSync('/etc/passwd', join(at, 'has_cpu'))
    const document = importMachine([folder])
    expect(document.nodes).toHaveLength(1)
    expect(JSON.stringify(document)).not.toContain('root:')
  })
})

/** A ustar archive; a member with a third part is a symbolic link to it. */
function tar(members: [string, string, string?][]): Buffer {
  const blocks = members.flatMap(([name, text, link]) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(text.length.toString(8).padStart(11, '0'), 124)
    header.write(link === undefined ? '0' : '2', 156)
    header.write(link ?? '', 157)
    header.write('ustar\u000000', 257)
    const data = Buffer.alloc(Math.ceil(text.length / 512) * 512)
    data.write(text)
    return [header, data]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
