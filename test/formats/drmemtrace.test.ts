/** DynamoRIO recordings: versions 1 to 7, zip, gzip and plain, single files, folders and schedules. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { openTrace } from '../../src/trace/index.ts'
import { FIXTURES, groundTruth, openSample, openText } from './helpers.ts'

const files = Object.keys(groundTruth).filter((name) => groundTruth[name].format === 'drmemtrace-final')

test.each(['threadsig.x64.tracedir', 'legacy-threadsig.x64.tracedir'])('the folder %s is its threads, merged by time', async (folder) => {
  const truths = files.filter((name) => name.startsWith(`drmemtrace/${folder}/`)).map((name) => groundTruth[name])
  const { meta, tasks } = await openSample(`drmemtrace/${folder}`)
  const sum = (field: string) => truths.reduce((total, truth) => total + truth[field], 0)
  expect(meta).toMatchObject({ reads: sum('reads'), writes: sum('writes'), bytes: sum('data_bytes') })
  expect(meta.formatFacts).toMatchObject({ records: sum('records'), instructions: sum('instructions'), threads: truths.length })
  expect(tasks.map(({ tid }) => tid).sort()).toEqual(truths.flatMap(({ threads }) => threads).sort())
  const spanUs = Math.max(...truths.map((truth) => truth.last_timestamp_us)) - Math.min(...truths.map((truth) => truth.first_timestamp_us))
  expect(meta.timeLastNs).toBeLessThanOrEqual(spanUs * 1000)
})

test('schedules alone show where threads ran', async () => {
  const serial = await openSample('drmemtrace/threadsig.x64.tracedir/serial_schedule.bin.gz')
  expect(serial.meta.formatFacts['scheduleRecords']).toBe(336)
  expect(serial.tasks).toHaveLength(9)
  const byCpu = await openSample('drmemtrace/threadsig.x64.tracedir/cpu_schedule.bin.zip')
  expect(byCpu.meta.formatFacts['scheduleRecords']).toBe(32)
  expect(new Set(byCpu.events.map((event) => event.kind === 'task_runs_on' && event.cpu)).size).toBe(11)
})

test('cpus while a thread runs are those of the schedule', async () => {
  const trace = await openSample('drmemtrace/threadsig.x64.tracedir')
  const schedule = await openSample('drmemtrace/threadsig.x64.tracedir/cpu_schedule.bin.zip')
  const ranOn = new Set(schedule.events.map((event) => (event.kind === 'task_runs_on' ? `${schedule.tasks[event.task]!.tid}@${event.cpu}` : '')))
  for (let actor = 0; actor < trace.actorTask.length; actor++) expect(ranOn).toContain(`${trace.tasks[trace.actorTask[actor]!]!.tid}@${trace.actorCpu[actor]}`)
})

test('a thread without its file is noticed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drmemtrace-'))
  try {
    mkdirSync(join(folder, 'trace'))
    const source = join(FIXTURES, 'drmemtrace/threadsig.x64.tracedir')
    for (const name of readdirSync(source)) if (!name.includes('872906')) cpSync(join(source, name), join(folder, 'trace', basename(name)))
    const { meta } = await openTrace(folder)
    expect(meta.lint).toContainEqual(expect.objectContaining({ code: 'threads-missing', message: expect.stringContaining('872906') }))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('files made by hand', () => {
  /** A record of 12 bytes, or 8 with 32-bit addresses. */
  const record = (type: number, size: number, address: bigint, width = 12) => {
    const bytes = Buffer.alloc(width)
    bytes.writeUInt16LE(type, 0)
    bytes.writeUInt16LE(size, 2)
    if (width === 12) bytes.writeBigUInt64LE(address, 4)
    else bytes.writeUInt32LE(Number(address & 0xffffffffn), 4)
    return bytes
  }

  test('32-bit targets have records of 8 bytes', async () => {
    const r = (type: number, size: number, address: bigint) => record(type, size, address, 8)
    const file = Buffer.concat([r(25, 0, 2n), r(22, 4, 7n), r(24, 4, 6n), r(0, 4, 0xfffff008n), r(1, 4, 0x1000n), r(26, 0, 0n)])
    const { meta, pageVpage, tasks } = await openText(file, {}, 'x.trace')
    expect(meta).toMatchObject({ reads: 1, writes: 1, bytes: 8 })
    expect([...pageVpage]).toEqual([0xfffff, 1])
    expect(tasks[0]).toMatchObject({ pid: 6, tid: 7 })
  })

  test('a thread of a shared file keeps its process; cpu -1 is unknown; nodes above bit 12 are left out', async () => {
    const us = 11644473600000000n + 5_000_000n
    const file = Buffer.concat([
      record(25, 0, 5n),
      record(22, 4, 1n),
      record(24, 4, 1n),
      record(28, 2, us),
      record(28, 3, 0x3005n),
      record(0, 8, 0x7fff_ffff_f000n),
      record(22, 4, 2n),
      record(24, 4, 1n),
      record(28, 2, us + 2n),
      record(28, 3, 0xffff_ffff_ffff_ffffn),
      record(1, 8, 0x7fff_ffff_f000n),
      record(26, 0, 0n),
    ])
    const trace = await openText(file, {}, 'y.trace')
    expect(trace.tasks.map(({ pid, tid }) => [pid, tid])).toEqual([
      [1, 1],
      [1, 2],
    ])
    expect(trace.cpus).toEqual([{ cpu: 5, accesses: 1 }])
    expect(trace.meta).toMatchObject({ timeFirstNs: 0, timeLastNs: 2000, pages: 1 })
    expect(trace.meta.formatFacts['timeOriginUnixUs']).toBe(5_000_000)
  })

  test('a file cut off is refused, or kept up to there with --lenient', async () => {
    const whole = gunzipSync(readFileSync(join(FIXTURES, 'drmemtrace/legacy-threadsig.x64.tracedir/drmemtrace.threadsig.10510.0155.trace.gz')))
    await expect(openText(whole.subarray(0, 12 * 1000 + 5))).rejects.toThrow(/record 1000|:1000: the file ends in the middle of a record/)
    await expect(openText(whole.subarray(0, 12 * 1000))).rejects.toThrow(/no footer/)
    const { meta } = await openText(whole.subarray(0, 12 * 1000), { lenient: true })
    expect(meta.formatFacts['records']).toBe(1000)
    expect(meta.lint).toContainEqual(expect.objectContaining({ code: 'damaged' }))
  })

  test('a raw recording says what to do', async () => {
    await expect(openText(Buffer.alloc(64, 0xc0), {}, 'drmemtrace.app.1.raw')).rejects.toThrow(/drrun -t drmemtrace -indir/)
  })
})
