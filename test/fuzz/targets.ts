/** Everything that reads what others wrote, with samples to damage: each answers with a result that holds together or a UserError. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, gunzipSync, gzipSync } from 'node:zlib'
import * as arrow from 'apache-arrow'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { UserError } from '../../src/errors.ts'
import { unpack } from '../../src/machine/import/dump.ts'
import { makeDocument, readDump } from '../../src/machine/import/index.ts'
import { machineText, parseMachine } from '../../src/machine/index.ts'
import { exportTable, importTrace, listFormats, openTrace, parseScript, readResidency, type StreamFormat, type TraceMeta } from '../../src/trace/index.ts'
import { openBytes } from '../../src/trace/source.ts'
import { FoldingWriter } from '../../src/trace/writer.ts'

export interface FuzzTarget {
  name: string
  samples: Buffer[]
  /** Inputs for each of another target's, where they take long; default 1. */
  share?: number
  /** Throws anything but a UserError when something is wrong. `choice` varies chunk sizes and options. */
  run(bytes: Buffer, choice: number): Promise<void>
}

const ROOT = join(import.meta.dirname, '../..')
const TRACES = join(ROOT, 'test/fixtures/traces')
const TOPOLOGY = join(ROOT, 'test/fixtures/topology')
const CACHES = join(ROOT, 'test/fixtures/caches')
const PRESETS = join(ROOT, 'src/machine/presets')
/** Bytes of a piece of a sample: short, so that many can be tried and the damage meets what matters. */
const PIECE = 1500
/** Pieces of a sample, from all over it. */
const PIECES = 3
const CHUNKS = [7, 999, 1 << 16]

const fixture = (name: string): Buffer => {
  const bytes = readFileSync(join(TRACES, name))
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
}
const start = (name: string): Buffer => fixture(name).subarray(0, PIECE)

/** Whole lines of a text from its start, middle and end. */
function pieces(name: string): Buffer[] {
  const text = fixture(name)
  return Array.from({ length: PIECES }, (_, i) => {
    const at = Math.floor(((text.length - PIECE) * i) / (PIECES - 1))
    return text.subarray(i === 0 ? 0 : text.indexOf('\n', at) + 1, text.lastIndexOf('\n', at + PIECE) + 1)
  })
}

/** The first two snapshots of a recording of damo's, with some of their regions. */
function shortDamo(): Buffer {
  const records = JSON.parse(fixture('damon/phases-vaddr.damo.json.gz').toString('utf8')) as { snapshots: { regions: unknown[] }[] }[]
  const snapshots = records[0]!.snapshots.slice(0, 2).map((snapshot) => ({ ...snapshot, regions: snapshot.regions.slice(0, 3) }))
  return Buffer.from(JSON.stringify([{ ...records[0], snapshots }], null, 1))
}

/** Format -> samples. */
const FORMAT_SAMPLES: Record<string, () => Buffer[]> = {
  'perf-script': () =>
    ['mem-shift.default', 'mem-shift.fields', 'page-faults.full', 'page-faults.task-events', 'master-first-touch-autonuma'].flatMap((name) =>
      pieces(`perf/${name}.perf-script.txt.gz`),
    ),
  'perf-mem': () => [start('perf/mem-shift-loads.perf-mem-dump.txt.gz')],
  ftrace: () => pieces('perf/numa-events.ftrace.txt.gz'),
  damon: () => [...pieces('damon/phases-vaddr.ftrace.txt.gz'), ...pieces('damon/phases-vaddr.perf-script.txt.gz')],
  damo: () => [shortDamo()],
  'damo-report': () => [start('damon/phases-vaddr.damo-report-raw.txt.gz')],
  drmemtrace: () => [
    start('drmemtrace/drmemtrace.small.x64.trace'),
    start('drmemtrace/legacy-threadsig.x64.tracedir/drmemtrace.threadsig.10510.0155.trace.gz'),
  ],
  'drmemtrace-schedule': () => [start('drmemtrace/threadsig.x64.tracedir/serial_schedule.bin.gz')],
  dinero: () => [Buffer.from('0 7ffe1008\n1 7ffe1010 8\n2 401000\n4 0\n'.repeat(20))],
  pinatrace: () => [Buffer.from(`${'0x401000: R 0x7ffe1008\n0x401003: W 0x7ffe2010 8\n'.repeat(20)}#eof\n`)],
  ramulator: () => [Buffer.from('3 20734016\n7 20734080 20734016\nLD 12345\n0x10 R\n'.repeat(20))],
  cori: () => [Buffer.from('0x7f0000001000\n0x7f0000002000 x\n'.repeat(20))],
  dramsim: () => [Buffer.from('0x7f64768 P_MEM_WR 2\n0x41a9200 READ 12\n')],
  champsim: () => [Buffer.alloc(640, 1)],
  'oracle-general': () => [Buffer.alloc(240, 0xff)],
  gem5: () => [
    Buffer.from(Array.from({ length: 10 }, (_, i) => `r,4096,64,256,${77000 + 2000 * i}\nw,8192,64,0,${78500 + 2000 * i}\n`).join('')),
    Buffer.from(
      '67656d35071880a094a58d1d1008c8d9041001188080808080e01f20401008b0e10410041880a0808080e01f2040100898e90410021880c0808080e01f2040100880f10410011880e0808080e01f20401008e8f8041004188080818080e01f20401008d0800510021880a0818080e01f2040',
      'hex',
    ),
  ],
  lackey: () => [Buffer.from('==1== x\nI  0401ab70,3\n L 04835884,4\n S 1fff000688,8\n M 04a2b0c0,8\n'.repeat(20))],
  csv: () => [
    Buffer.from(`time_ns,pid,tid,cpu,op,addr,size\n${'10,1,2,3,R,0x7f00,8\n'.repeat(20)}`),
    Buffer.from(`"Time (us)";"rw";"page";"comm"\n${Array.from({ length: 20 }, (_, i) => `${i}.5;"w";7;"a ""b"""\n${i}.75;"r";8;"x"\n`).join('')}`),
  ],
  arrow: () => [...arrowSamples()],
}

const ROWS = 60
const COLUMNS = {
  time_ns: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(i)),
  tid: Int32Array.from({ length: ROWS }, (_, i) => i % 3),
  addr: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(0x7f0000 + 640 * i)),
}
const OPS = Array.from({ length: ROWS }, (_, i) => (i % 3 === 0 ? 'W' : 'R'))

function arrowSamples(): Buffer[] {
  const plain = Object.fromEntries(Object.entries(COLUMNS).map(([name, values]) => [name, arrow.makeVector(values)]))
  const table = new arrow.Table({
    ...plain,
    op: arrow.vectorFromArray(OPS, new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8())),
    cpu: arrow.vectorFromArray(
      OPS.map((op, i) => (op === 'W' ? null : i % 4)),
      new arrow.Int16(),
    ),
    note: arrow.vectorFromArray(OPS, new arrow.Utf8()),
  })
  return (['file', 'stream'] as const).map((kind) => Buffer.from(arrow.tableToIPC(table, kind)))
}

const parquetSample = (): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [...Object.entries(COLUMNS).map(([name, data]) => ({ name, data })), { name: 'op', data: OPS }],
    }),
  )

/** Numbers of a trace hold together. */
function checkMeta(meta: TraceMeta): void {
  if (!Number.isSafeInteger(meta.reads) || !Number.isSafeInteger(meta.writes) || meta.reads < 0) throw new Error(`reads ${meta.reads}, writes ${meta.writes}`)
  if (!(meta.timeLastNs >= meta.timeFirstNs)) throw new Error(`time from ${meta.timeFirstNs} to ${meta.timeLastNs}`)
}

/** What was written is read again; a table of a recording of events only is empty, and one of weights beyond what a tick holds is no trace. */
async function reopened(out: string): Promise<void> {
  try {
    checkMeta((await openTrace(out)).meta)
  } catch (error) {
    if (!/holds no accesses|no known trace format|more than 2\^32 accesses to one page/.test((error as Error).message))
      throw new Error(`${out} cannot be read again`, { cause: error })
  }
}

async function readNative(path: string): Promise<void> {
  const trace = await openTrace(path, { format: 'native' })
  checkMeta(trace.meta)
  for (let b = 0; b < trace.blocks; b++) trace.block(b)
}

/** Its accesses folded into other ticks, in memory or to a file; where they go through the whole importer, to other pages. */
async function foldAgain(path: string, choice: number): Promise<void> {
  if (choice % 3 === 0) return checkMeta((await openTrace(path, { format: 'native', pageSize: 8192 })).meta)
  const tickNs = 1 + (choice % 1000)
  if (choice % 3 === 1) return checkMeta((await openTrace(path, { format: 'native', tickNs })).meta)
  const out = `${path}.out.nrt`
  rmSync(out, { force: true })
  await importTrace(path, out, { format: 'native', tickNs })
  await reopened(out)
}

/** The native file with its checksums as they should be, where its directory can still be read. */
function sealed(bytes: Buffer): Buffer {
  const trailer = bytes.length - 16
  const start = trailer < 8 ? -1 : trailer - bytes.readUInt32LE(trailer)
  if (start < 8) return bytes
  let json = bytes.subarray(start, trailer)
  try {
    const footer = JSON.parse(json.toString('utf8'))
    const { blocks: accesses = [], events = [] } = footer.accesses ?? {}
    for (const place of [...Object.values(footer.sections), footer.blocks, accesses, events].flat() as { offset: number; bytes: number; crc32: number }[])
      place.crc32 = crc32(bytes.subarray(place.offset, place.offset + place.bytes))
    json = Buffer.from(JSON.stringify(footer))
  } catch {
    // then what is there is sealed
  }
  const end = Buffer.from(bytes.subarray(trailer))
  end.writeUInt32LE(json.length, 0)
  end.writeUInt32LE(crc32(json), 4)
  return Buffer.concat([bytes.subarray(0, start), json, end])
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function fuzzTargets(): Promise<FuzzTarget[]> {
  const folder = mkdtempSync(join(tmpdir(), 'numareplay-fuzz-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = (bytes: Buffer): string => {
    const path = join(folder, 'input')
    writeFileSync(path, bytes)
    return path
  }
  const formats = new Map((await listFormats()).map(({ name, format }) => [name, format as StreamFormat]))

  const readers = Object.entries(FORMAT_SAMPLES).map(([name, samples]): FuzzTarget => {
    const format = formats.get(name)!
    return {
      name: `format ${name}`,
      samples: samples(),
      async run(bytes, choice) {
        const writer = new FoldingWriter({ file: 'x' })
        // an Arrow file without a schema at its start is looked up in its footer
        const path = name === 'arrow' ? file(bytes) : 'x'
        await format.read(chunks(bytes, CHUNKS[choice % 3]!), writer, { file: path, options: {}, lenient: choice % 2 === 0 })
        checkMeta(writer.finish({ format: name, fidelity: format.fidelity, carries: format.carries }).tables.meta)
      },
    }
  })

  const container = (name: string, bytes: Buffer): FuzzTarget => ({
    name: `container ${name}`,
    samples: [bytes],
    async run(damaged, choice) {
      // the container alone: what is inside is the readers' matter
      for await (const chunk of (await openBytes(file(damaged), { lenient: choice % 2 === 0 })).bytes) if (chunk.length === 0) break
    },
  })
  const containers = [
    ...['drmemtrace/drmemtrace.allasm_x86_64.trace.zip', 'drmemtrace/threadsig.x64.tracedir/cpu_schedule.bin.zip'],
    ...['damon/phases-vaddr.damo.json_compressed', 'damon/phases-vaddr.ftrace.txt.gz', 'containers/stream-linked.din.lz4'],
  ].map((name) => container(name.replace(/.*\//, ''), readFileSync(join(TRACES, name))))
  containers.push(container('zstd', Buffer.from(readFileSync(join(TRACES, 'forty-rows.csv.zst.base64'), 'latin1'), 'base64')))

  const native = join(folder, 'sample.nrt')
  const table = join(folder, 'sample.csv')
  writeFileSync(table, `time_ns,pid,tid,cpu,op,addr,size\n${Array.from({ length: 50 }, (_, i) => `${i},1,${i % 3},${i % 4},R,${4096 * i},8\n`).join('')}`)
  await importTrace(table, native)
  const kept: Buffer[] = []
  for (const weight of [() => '', (i: number) => `,${1 + (i % 3)}`]) {
    const row = (i: number) => `${i * i},1,${i % 3},${i % 5 === 0 ? '' : i % 3},${i % 4 === 0 ? 'W' : 'R'},${4096 * ((i >> 2) % 20)},8${weight(i)}\n`
    writeFileSync(table, `time_ns,pid,tid,cpu,op,addr,size${weight(0) && ',weight'}\n${Array.from({ length: 200 }, (_, i) => row(i)).join('')}`)
    await importTrace(table, join(folder, 'kept.nrt'), { keepAccesses: true })
    kept.push(readFileSync(join(folder, 'kept.nrt')))
  }

  const dumps = [
    ...readdirSync(TOPOLOGY).flatMap((name) => (name.endsWith('.md') ? [] : readdirSync(join(TOPOLOGY, name)).map((dump) => join(TOPOLOGY, name, dump)))),
    ...readdirSync(CACHES).flatMap((name) => (name.endsWith('.md') ? [] : [join(CACHES, name)])),
  ]
  const texts = dumps.map((dump) => (dump.endsWith('.gz') ? gunzipSync(readFileSync(dump)) : readFileSync(dump)))
  const mlc =
    'Intel(R) Memory Latency Checker - v3.9\nMeasuring idle latencies (in ns)...\n\t\tNuma node\nNuma node\t     0\t     1\t\n       0\t  78.5\t 134.8\t\n       1\t 133.7\t  79.2\t\n'

  const targets: FuzzTarget[] = [
    ...readers,
    ...containers,
    {
      name: 'format parquet',
      samples: [parquetSample()],
      run: async (bytes) => checkMeta((await openTrace(file(bytes), { format: 'parquet' })).meta),
    },
    {
      name: 'native file',
      samples: [readFileSync(native)],
      run: (bytes) => readNative(file(bytes)),
    },
    {
      // damage behind which the checksums are right, as malice would have it
      name: 'native file, sealed again',
      samples: [readFileSync(native)],
      run: (bytes) => readNative(file(sealed(bytes))),
    },
    {
      name: 'kept accesses, sealed again',
      samples: kept,
      run: (bytes, choice) => foldAgain(file(sealed(bytes)), choice),
    },
    {
      name: 'recognition',
      share: 0.25,
      samples: [...readers.flatMap(({ samples }) => samples), ...containers.flatMap(({ samples }) => samples)],
      run: async (bytes, choice) => checkMeta((await openTrace(file(choice % 5 === 0 ? gzipSync(bytes) : bytes), { lenient: choice % 2 === 0 })).meta),
    },
    {
      name: 'no half-written file',
      share: 0.25,
      samples: [...readers.flatMap(({ samples }) => samples.map((bytes) => bytes.subarray(0, 1000)))],
      async run(bytes, choice) {
        const out = join(folder, ['out.nrt', 'out.csv.gz', 'out.parquet', 'out.arrow'][choice % 4]!)
        rmSync(out, { force: true })
        const input = file(bytes)
        const before = readdirSync(folder).length
        try {
          if (out.endsWith('.nrt')) await importTrace(input, out)
          else await exportTable(input, out)
        } catch (error) {
          if (readdirSync(folder).length !== before) throw new Error(`something remains of ${out}`, { cause: error })
          throw error
        }
        await reopened(out)
      },
    },
    {
      name: 'script of events',
      samples: [
        Buffer.from(
          '2s migrate_pages pid=1 from=0 to=1\n3s move_pages pid=1 pages=0x7f00,0x8f00 nodes=1\n0s mbind pid=1 range=0x7f00+64MiB mode=interleave nodes=0-1 flags=move\n1s cpuset name=job mems=0-1 cpus=0-3\n',
        ),
      ],
      run: async (bytes) => void parseScript(bytes.toString('utf8'), 'script'),
    },
    {
      name: 'recorded residency',
      samples: [
        Buffer.from('phase,page,node\ninit,0x1000,0\ninit,0x2000,-2\nrun,0x1000,1\nrun,0x2000,0\n'),
        Buffer.from('7f00 weighted interleave:0-1 anon=4 N0=3 N1=1 kernelpagesize_kB=4\n8f00 default file=/a\\040b huge N1=2 kernelpagesize_kB=2048\n'),
      ],
      run: async (bytes) => void (await readResidency(file(bytes))),
    },
    {
      name: 'machine dump',
      samples: [...texts, Buffer.from(mlc)],
      async run(bytes) {
        const machine = parseMachine(machineText(makeDocument(readDump(unpack(bytes, 'dump'), 'dump'), 'dump'), 'json'), 'machine.json')
        if (machine.nodes.length === 0 || machine.readLatencyPs.flat().some((latency) => !(latency > 0)))
          throw new Error('a machine that does not hold together')
      },
    },
    {
      name: 'machine file',
      share: 0.5,
      samples: readdirSync(PRESETS).map((preset) => readFileSync(join(PRESETS, preset))),
      async run(bytes) {
        const machine = parseMachine(bytes.toString('utf8'), 'machine.yaml')
        const cells = [...machine.readLatencyPs, ...machine.writeLatencyPs].flat()
        if (cells.length !== 2 * machine.nodes.length ** 2 || !cells.every((cell) => Number.isSafeInteger(cell) && cell > 0)) throw new Error('latencies')
      },
    },
  ]
  return targets
}

/** The target's answer, or its complaint, which must be one that a user can read. */
export async function survives(target: FuzzTarget, bytes: Buffer, choice: number): Promise<void> {
  try {
    await target.run(bytes, choice)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const slip = /undefined|NaN|\[object/.exec(error.message.replaceAll(/\(expected.*/gs, ''))?.[0]
    // unless it quotes the input
    if (slip !== undefined && !bytes.includes(slip)) throw new Error(`the message says ${error.message}`)
  }
}
