/** Recorded residency as the start of a replay, and against the end of a lane. */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type Machine, machine, withMemory } from '../../src/machine/index.ts'
import { replay } from '../../src/replay/index.ts'
import { residencyRows } from '../../src/replay/recorded-placement.ts'
import { openTrace, readResidency, snapshotOf, traceFromAccesses } from '../../src/trace/index.ts'
import { numareplay, SAMPLES } from '../cli/run.ts'
import { writeTemporary } from '../formats/helpers.ts'

const sample = (name: string): string => join(SAMPLES, name)

describe('files', () => {
  test('a table: snapshots by phase, repeated phases are counted, errno is nowhere', async () => {
    const text = 'phase,page,node\ninit,0x1000,0\ninit,0x2000,-2\nrun,0x1000,1\nrun,0x2000,0\nrun,0x1000,2\n'
    const residency = await readResidency(writeTemporary('r.csv.gz', gzipSync(text)))
    expect(residency.snapshots.map(({ name, regions }) => [name, regions.map(({ startBytes, pages }) => [startBytes, pages[0]!.node])])).toEqual([
      ['init', [[0x1000, 0]]],
      [
        'run',
        [
          [0x1000, 1],
          [0x2000, 0],
        ],
      ],
      ['run#2', [[0x1000, 2]]],
    ])
    expect(snapshotOf(residency, '3')).toBe(snapshotOf(residency, 'run#2'))
    expect(() => snapshotOf(residency, 'end')).toThrow(/1 to 3, or one of init, run, run#2/)
  })

  test('numa_maps: policies with blanks, huge pages in units of their size, mappings without pages', async () => {
    const text = [
      '7f0000000000 weighted interleave:0-1 anon=4 dirty=4 active=0 N0=3 N1=1 kernelpagesize_kB=4',
      '7f0000100000 prefer (many):0-1 file=/a\\040N7=9 huge anon=2 dirty=2 N1=2 kernelpagesize_kB=2048',
      '7f0000500000 default',
    ].join('\n')
    const { snapshots } = await readResidency(writeTemporary('numa_maps', text))
    expect(snapshots[0]!.regions).toEqual([
      {
        startBytes: 0x7f0000000000,
        endBytes: 0x7f0000100000,
        pages: [
          { node: 0, bytes: 3 * 4096 },
          { node: 1, bytes: 4096 },
        ],
      },
      { startBytes: 0x7f0000100000, endBytes: 0x7f0000500000, pages: [{ node: 1, bytes: 2 * 2048 * 1024 }] },
    ])
  })

  test.each([
    ['hello\n', /not a recorded residency/],
    ['phase,page,node\ninit,0x1000,here\n', /:2: node: not a row .*"here"/],
    ['phase,page,node\ninit,-5,0\n', /:2: page: not a row/],
    ['phase,page,node\ninit,0x1000,-2\n', /no page on any node/],
  ])('%j is refused', async (text, message) => {
    await expect(readResidency(writeTemporary('r.csv', text))).rejects.toThrow(message)
  })
})

/** Ten pages of one process, each read once by a cpu of node 0. */
const trace = traceFromAccesses(Array.from({ length: 10 }, (_, i) => ({ t: i, page: 100 + i, cpu: 0, pid: 7, op: 'R' as const })))
const box: Machine = machine('2-socket')
const start = async (text: string) => ({ file: 'numa_maps', snapshot: (await readResidency(writeTemporary('numa_maps', text))).snapshots[0]! })
const run = async (text: string, on = box) =>
  replay({ trace, machine: on, policies: ['first-touch'], placement: await start(text), residency: await start(text), cpus: 'recorded' })

describe('replay', () => {
  test('pages start where the recording has them, without a fault; a mixed mapping is dealt out in proportion', async () => {
    const replayed = await run(`${(100 * 4096).toString(16)} default N0=5 N1=3 kernelpagesize_kB=4\n`)
    const [row] = replayed.rows('summary')
    // eight of ten are resident; the two others are placed at first touch, on node 0
    expect(row).toMatchObject({ local: 7, remote: 3, page_faults: 2 })
    const unsampled = { pages_ci95: null, share_ci95: null }
    expect(replayed.rows('residency')).toEqual([
      { lane: 'first-touch', recorded_node: 0, node: 0, pages: 5, ...unsampled },
      { lane: 'first-touch', recorded_node: 1, node: 1, pages: 3, ...unsampled },
    ])
    expect(replayed.record.placement).toEqual({ file: 'numa_maps', snapshot: 'numa_maps', pages: 8 })
  })

  test('a page that stands for others counts for them', () => {
    const placement = Uint8Array.from([0, 1, 1])
    const recorded = { node: Uint8Array.from([0, 0, 1]), region: Uint32Array.from([0, 1, 2]), pages: 3, warnings: [] }
    const flow = (standsFor?: Uint32Array) => residencyRows('a', recorded, placement, box, standsFor).map(({ recorded_node, node, pages }) => [recorded_node, node, pages]) // biome-ignore format: one thought
    expect(flow()).toEqual([[0, 0, 1], [0, 1, 1], [1, 1, 1]]) // biome-ignore format: a table
    expect(flow(Uint32Array.from([1, 10, 10]))).toEqual([[0, 0, 1], [0, 1, 10], [1, 1, 10]]) // biome-ignore format: a table
  })

  test('what does not fit, and nodes that the machine lacks, are said', async () => {
    const { record } = await run(`${(100 * 4096).toString(16)} default N0=10 kernelpagesize_kB=4\n`, withMemory(box, '0=20KiB'))
    expect(record.warnings).toContainEqual(expect.stringMatching(/node 0 has room for \d of the 10 pages recorded on it/))
    const elsewhere = await run(`${(100 * 4096).toString(16)} default N5=10 kernelpagesize_kB=4\n`)
    expect(elsewhere.record.warnings).toContainEqual(expect.stringMatching(/names nodes 5, which .* lacks/))
    const other = await run('7f0000000000 default N0=10 kernelpagesize_kB=4\n')
    expect(other.record.warnings).toContainEqual(expect.stringMatching(/names no page of the trace/))
  })

  test('a recording: first touch again gives what the kernel had at the end of the first phase', async () => {
    const name = 'phase-shift-autonuma'
    const residency = await readResidency(sample(`${name}.residency.csv.gz`))
    const [init, last] = [snapshotOf(residency, 'init'), residency.snapshots.at(-1)!]
    const recorded = await openTrace(sample(`${name}.csv.gz`))
    const options = { trace: recorded, machine: machine('qemu-4n-2c'), policies: ['first-touch'] }
    const free = await replay({ ...options, residency: { file: 'r', snapshot: init } })
    const agreeing = free.rows('residency').reduce((sum, row) => sum + (row['node'] === row['recorded_node'] ? Number(row['pages']) : 0), 0)
    expect(agreeing).toBe(384)
    const placed = await replay({ ...options, placement: { file: 'r', snapshot: last } })
    expect(placed.rows('summary')[0]).toMatchObject({ page_faults: 0 })
    // the pages stay where the kernel had them at the end: 49, 144, 95, 96
    expect(
      placed
        .rows('nodes')
        .slice(-4)
        .map(({ pages }) => pages),
    ).toEqual([49, 144, 95, 96])
  })

  test('on the command line', () => {
    const file = sample('phase-shift-autonuma.residency.csv.gz')
    const { code, stdout } = numareplay([
      'replay',
      sample('phase-shift-autonuma.csv.gz'),
      '-m',
      'qemu-4n-2c',
      '--placement',
      `${file}@shift0`,
      '--no-html',
      '-o',
      writeTemporary('x', '').replace(/x$/, 'run'),
      '--json',
    ])
    expect(code).toBe(0)
    const { placement, residency, lanes } = JSON.parse(stdout)
    expect([placement, residency]).toEqual([
      { file, snapshot: 'shift0', pages: 384 },
      { file, snapshot: 'shift3', pages: 384 },
    ])
    expect(lanes[0].residency.reduce((sum: number, { pages }: { pages: number }) => sum + pages, 0)).toBe(384)
  })
})
