import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { importMachine, type Machine, machine, machineText, parseMachine, writeMachine } from '../../src/machine/index.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/topology')
const dump = (name: string, file: string): string => join(FIXTURES, name, file)

/** Imported and read again as `-m` would. */
const imported = (...paths: string[]): Machine => parseMachine(machineText(importMachine(paths), 'json'), 'imported.json')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'machine-import-'))
})

/** Text in a file of its own. */
function file(text: string | Buffer, name = 'dump.txt'): string {
  const path = join(mkdtempSync(join(folder, 'x')), name)
  writeFileSync(path, text)
  return path
}

/** What was configured in the emulator, from the README of the fixtures. */
const acrossSockets = (i: number, j: number): number => (i % 4 === j % 4 ? 32 : i < j ? 35 : 34)
const TRUTH: Record<string, { cpus: number[][]; configuredMiB: number; distance: number[][] }> = {
  'cxl-cpuless-hmat': {
    cpus: [[0, 1], [2, 3], []],
    configuredMiB: 512,
    distance: [
      [10, 21, 17],
      [21, 10, 28],
      [17, 28, 10],
    ],
  },
  'eight-node-two-socket': {
    cpus: Array.from({ length: 8 }, (_, i) => [2 * i, 2 * i + 1]),
    configuredMiB: 256,
    distance: Array.from({ length: 8 }, (_, i) =>
      Array.from({ length: 8 }, (_, j) => (i === j ? 10 : Math.floor(i / 4) === Math.floor(j / 4) ? 12 : acrossSockets(i, j))),
    ),
  },
  'four-node-ring': {
    cpus: Array.from({ length: 4 }, (_, i) => [2 * i, 2 * i + 1]),
    configuredMiB: 256,
    distance: Array.from({ length: 4 }, (_, i) => Array.from({ length: 4 }, (_, j) => [10, 21, 31, 21][Math.abs(i - j)]!)),
  },
  'two-node': {
    cpus: [
      [0, 1],
      [2, 3],
    ],
    configuredMiB: 512,
    distance: [
      [10, 20],
      [20, 10],
    ],
  },
}

test('every recorded machine is checked', () => {
  expect(readdirSync(FIXTURES).filter((name) => !name.endsWith('.md'))).toEqual(Object.keys(TRUTH))
})

describe.each(Object.entries(TRUTH))('%s', (name, { cpus, configuredMiB, distance }) => {
  test.each([['numactl-H.txt.gz'], ['sysfs.tar.gz'], ['lstopo.xml.gz']])('%s alone tells nodes, cpus, memory and distances', (source) => {
    const found = imported(dump(name, source))
    expect(found.nodes.map((node) => node.id)).toEqual(cpus.map((_, i) => i))
    expect(found.nodes.map((node) => node.cpus)).toEqual(cpus)
    expect(found.distance).toEqual(distance)
    for (const { bytes } of found.nodes) {
      // the kernel reserves some of what was configured
      expect(bytes / 2 ** 20).toBeLessThan(configuredMiB)
      expect(bytes / 2 ** 20).toBeGreaterThan(configuredMiB * 0.8)
    }
  })

  test.each([['lscpu.txt.gz'], ['lscpu.json.gz'], ['lscpu-p.csv.gz'], ['lscpu-e.txt.gz']])('%s tells the cpus; the rest is assumed, and said', (source) => {
    const found = imported(dump(name, source))
    // tables have a row per cpu, so a memory-only node is missing there
    const withRows = source.startsWith('lscpu-') ? cpus.filter((list) => list.length > 0) : cpus
    expect(found.nodes.map((node) => node.cpus)).toEqual(withRows)
    expect(found.warnings.join('\n')).toMatch(/16GiB assumed/)
    expect(found.warnings.join('\n')).toMatch(/no SLIT distances/)
    expect(found.warnings.join('\n')).toMatch(/latency inferred from SLIT/)
  })

  test('all dumps together agree, and say the same as sysfs', () => {
    const files = [
      'numactl-H.txt.gz',
      'sysfs.tar.gz',
      'lstopo.xml.gz',
      'lscpu.txt.gz',
      'lscpu.json.gz',
      'lscpu-p.csv.gz',
      'lscpu-e.txt.gz',
      'dmesg-numa.txt.gz',
      'tiers.txt.gz',
    ]
    const all = imported(...files.map((one) => dump(name, one)))
    const sysfs = imported(dump(name, 'sysfs.tar.gz'))
    expect(all.nodes).toEqual(sysfs.nodes)
    expect(all.distance).toEqual(distance)
    expect(all.warnings.join()).not.toContain('lstopo')
    expect(imported(...files.reverse().map((one) => dump(name, one))).readLatencyPs).toEqual(all.readLatencyPs)
  })

  test('the file written is the machine imported, as YAML and as JSON', () => {
    const document = importMachine([dump(name, 'sysfs.tar.gz'), dump(name, 'dmesg-numa.txt.gz')])
    const target = mkdtempSync(join(folder, 'out'))
    writeMachine(join(target, 'one.json'), document)
    writeMachine(join(target, 'one.yaml'), document)
    expect(machine(join(target, 'one.json'))).toEqual(machine(join(target, 'one.yaml')))
    expect(machine(join(target, 'one.json')).distance).toEqual(distance)
    expect(readdirSync(target)).toEqual(['one.json', 'one.yaml'])
  })
})

const ORIGINALS = process.env['NUMAREPLAY_SAMPLES'] ? join(process.env['NUMAREPLAY_SAMPLES'], 'topology') : undefined

describe.skipIf(!ORIGINALS)('every dump as it was recorded (NUMAREPLAY_SAMPLES)', () => {
  /** What describes a machine; `true` where it tells the memory too. */
  const KNOWN: Record<string, boolean> = {
    'numactl-H.txt': true,
    sysfs: true,
    'lstopo.xml': true,
    'lscpu.txt': false,
    'lscpu.json': false,
    'lscpu-p.csv': false,
    'lscpu-e.txt': false,
    'dmesg-numa.txt': false,
    'tiers.txt': false,
  }
  /** Settings and counters, or prints for people: refused, not half understood. */
  const OTHERS = [
    'buddyinfo.txt',
    'lstopo-distances.txt',
    'lstopo-memattrs.txt',
    'lstopo.txt',
    'meminfo.txt',
    'numactl-show.txt',
    'numastat-m.txt',
    'numastat-p.txt',
    'numastat-pv.txt',
    'numastat.txt',
    'pid.maps.txt',
    'pid.numa_maps.txt',
    'pid.sched.txt',
    'pid.smaps.txt',
    'pid.smaps_rollup.txt',
    'pid.status.txt',
    'polprog.regions.txt',
    'vmstat.txt',
    'zoneinfo.txt',
  ]

  test.each(Object.entries(TRUTH))('%s', (name, { cpus, configuredMiB, distance }) => {
    const path = (file: string): string => join(ORIGINALS!, name, file)
    expect(readdirSync(join(ORIGINALS!, name)).sort()).toEqual([...Object.keys(KNOWN), ...OTHERS].sort())
    for (const [file, tellsMemory] of Object.entries(KNOWN)) {
      // a dump that says little on its own goes with one that says the rest
      const found = tellsMemory ? imported(path(file)) : imported(path(file), path('numactl-H.txt'))
      expect(
        found.nodes.map((node) => node.cpus),
        file,
      ).toEqual(cpus)
      expect(found.distance, file).toEqual(distance)
      for (const { bytes } of found.nodes) expect(Math.abs(bytes / 2 ** 20 - configuredMiB * 0.9), file).toBeLessThan(configuredMiB * 0.1)
    }
    expect(imported(...Object.keys(KNOWN).map(path)).distance).toEqual(distance)
    for (const file of OTHERS) expect(() => importMachine([path(file)]), file).toThrow(/is none of the dumps known here/)
  })
})

describe('latencies of the machine with HMAT', () => {
  const name = 'cxl-cpuless-hmat'
  const CONFIGURED = [
    [95_000, 150_000, 240_000],
    [150_000, 95_000, 320_000],
    [95_000, 150_000, 240_000],
  ]

  test('the kernel log has the whole matrix', () => {
    const found = imported(dump(name, 'numactl-H.txt.gz'), dump(name, 'dmesg-numa.txt.gz'))
    expect(found.readLatencyPs).toEqual(CONFIGURED)
    expect(found.latencySource).toBe('stated by firmware')
    expect(found.load!.nodeBytesPerSecond).toEqual([204.8e9, 204.8e9, 51.2e9])
    expect(found.load!.linkBytesPerSecond[1]).toEqual([102.4e9, 204.8e9, 25.6e9])
    expect(found.warnings.join()).toContain('firmware')
  })

  test.each([['sysfs.tar.gz'], ['lstopo.xml.gz']])('%s has the best initiator of each node; the rest is inferred, and said', (source) => {
    const found = imported(dump(name, source))
    expect(found.latencySource).toBe('partly measured')
    expect(found.readLatencyPs[0]).toEqual([95_000, Math.round(95_000 * (1 + 0.75 * 1.1)), 240_000])
    // configured are 320: 240 + 95 (0.75 (2.8 - 1.7)) = 318
    expect(found.readLatencyPs[1]![2]).toBe(318_375)
    expect(found.warnings.join()).toContain('some latencies are inferred from SLIT')
  })

  test('tiers are those of the kernel', () => {
    expect(imported(dump(name, 'sysfs.tar.gz')).nodes.map((node) => node.tier)).toEqual([0, 0, 1])
    expect(imported(dump(name, 'numactl-H.txt.gz'), dump(name, 'tiers.txt.gz')).nodes.map((node) => node.tier)).toEqual([0, 0, 1])
  })

  test('lstopo does not know which node the cpus belong to, another dump does', () => {
    expect(imported(dump(name, 'lstopo.xml.gz')).warnings.join()).toContain('does not say whether node 2 has cpus')
    const swapped = `available: 3 nodes (0-2)
node 0 cpus:
node 0 size: 502 MB
node 1 cpus: 2 3
node 1 size: 465 MB
node 2 cpus: 0 1
node 2 size: 501 MB
`
    expect(imported(dump(name, 'lstopo.xml.gz'), file(swapped)).nodes.map((node) => node.cpus)).toEqual([[], [2, 3], [0, 1]])
  })
})

describe('Intel MLC', () => {
  const TWO_BY_THREE = `Intel(R) Memory Latency Checker - v3.11
*** Unable to modify prefetchers (try executing 'modprobe msr')
Command line parameters: --latency_matrix

Using buffer size of 2000.000MiB
Measuring idle latencies for sequential access (in ns)...
		Memory node
Socket	     0	     1	     2	
     0	  70.1	 120.3	 200.5	
     1	 121.0	  70.2	 300.5	

Measuring idle latencies for random access (in ns)...
		Memory node
 Socket	     0	     1	     2	
     0	 130.2	 231.2	 265.7	
     1	 238.2	 130.1	     -	

Measuring Peak Injection Memory Bandwidths for the system
Bandwidths are in MB/sec (1 MB/sec = 1,000,000 Bytes/sec)
ALL Reads        :	225136.7	

Measuring Memory Bandwidths between nodes within system
Bandwidths are in MB/sec (1 MB/sec = 1,000,000 Bytes/sec)
Using all the threads from each core if Hyper-threading is enabled
Using Read-only traffic type
		Numa node
Numa node	     0	     1	     2	
       0	79800.5	60100.0	31300.0	
       1	68100.0	78800.0	27300.0	

Measuring Loaded Latencies for the system
Using all the threads from each core if Hyper-threading is enabled
Using Read-only traffic type
Inject	Latency	Bandwidth
Delay	(ns)	MB/sec
==========================
 00000	262.06	 225002.1
 00002	261.32	 224878.9
`

  test('with numactl: measured figures, rows only for nodes with cpus, a dash is a hole', () => {
    const found = imported(file(TWO_BY_THREE), dump('cxl-cpuless-hmat', 'numactl-H.txt.gz'))
    expect(found.readLatencyPs[0]).toEqual([130_200, 231_200, 265_700])
    expect(found.readLatencyPs[2]).toEqual(found.readLatencyPs[0])
    expect(found.latencySource).toBe('partly measured')
    expect(found.load!.nodeBytesPerSecond).toEqual([79.8005e9, 78.8e9, 31.3e9])
    expect(found.load!.linkBytesPerSecond[0]![1]).toBe(60.1e9)
  })

  test('a measurement beats what the firmware states', () => {
    const found = imported(file(TWO_BY_THREE), dump('cxl-cpuless-hmat', 'numactl-H.txt.gz'), dump('cxl-cpuless-hmat', 'dmesg-numa.txt.gz'))
    expect(found.readLatencyPs[1]).toEqual([238_200, 130_100, 320_000])
    expect(found.writeLatencyPs[1]).toEqual([119_100, 65_050, 160_000])
    expect(found.latencySource).toBe('partly measured')
  })

  test('version 3.9 and alone: cpus and memory are assumed, and said', () => {
    const found = imported(
      file('Measuring idle latencies (in ns)...\n\t\tNuma node\nNuma node\t     0\t     1\t\n       0\t  78.5\t 134.8\t\n       1\t 133.7\t  79.2\t\n'),
    )
    expect(found.readLatencyPs).toEqual([
      [78_500, 134_800],
      [133_700, 79_200],
    ])
    expect(found.latencySource).toBe('measured')
    expect(found.nodes.map((node) => node.cpus.length)).toEqual([8, 8])
    expect(found.warnings.join()).toMatch(/8 on each of 0-1 assumed.*16GiB assumed/)
  })

  test('one text with several dumps, indented as pasted', () => {
    const text = `$ numactl -H\n  available: 2 nodes (0-1)\n  node 0 cpus: 0 1\n  node 0 size: 100 MB\n  node 1 cpus: 2 3\n  node 1 size: 100 MB\n  node distances:\n  node   0   1\n    0:  10  21\n    1:  21  10\n$ ./mlc --latency_matrix\nMeasuring idle latencies (in ns)...\n\tNuma node\nNuma node 0 1\n 0 80 140\n 1 141 81\n`
    const found = imported(file(text))
    expect(found.distance[0]).toEqual([10, 21])
    expect(found.readLatencyPs[1]).toEqual([141_000, 81_000])
    expect(found.warnings).toEqual([])
  })

  test('node numbers with holes', () => {
    const numactl =
      'available: 2 nodes (0,8)\nnode 0 cpus: 0 1\nnode 0 size: 100 MB\nnode 8 cpus: 8 9\nnode 8 size: 300 MB\nnode distances:\nnode   0   8 \n  0:  10  40 \n  8:  40  10 \n'
    const found = imported(file(numactl), file('Measuring idle latencies (in ns)...\nNuma node 0 8\n 0 90 150\n 8 151 91\n'))
    expect(found.nodes.map((node) => [node.id, node.bytes])).toEqual([
      [0, 100 << 20],
      [8, 300 << 20],
    ])
    expect(found.readLatencyPs[1]).toEqual([151_000, 91_000])
  })
})

describe('sysfs', () => {
  const NODE = 'sys/devices/system/node'

  test('a folder, with the links that name the initiators', () => {
    const root = mkdtempSync(join(folder, 'sys'))
    const write = (path: string, text: string): void => {
      mkdirSync(join(root, NODE, path, '..'), { recursive: true })
      writeFileSync(join(root, NODE, path), text)
    }
    for (const [i, cpus] of ['0-1', '2-3', ''].entries()) {
      write(`node${i}/cpulist`, `${cpus}\n`)
      write(`node${i}/distance`, `${['10 20 30', '20 10 30', '30 30 10'][i]}\n`)
      write(`node${i}/meminfo`, `Node ${i} MemTotal:       ${1024 * (i + 1)} kB\nNode ${i} MemFree: 1 kB\n`)
    }
    write('node2/access1/initiators/read_latency', '250\n')
    write('node2/access1/initiators/write_latency', '300\n')
    write('node2/access1/initiators/read_bandwidth', '20000\n')
    // class 0 names an accelerator, which runs no tasks
    write('node2/access0/initiators/read_latency', '99\n')
    write('node2/access1/initiators/node1/cpulist', '2-3\n')
    const found = imported(root)
    expect(found.nodes.map((node) => node.bytes)).toEqual([1 << 20, 2 << 20, 3 << 20])
    expect(found.readLatencyPs[1]![2]).toBe(250_000)
    expect(found.writeLatencyPs[1]![2]).toBe(150_000)
    expect(found.load!.nodeBytesPerSecond[2]).toBe(20e9)
    expect(imported(join(root, NODE))).toEqual({ ...found, sources: ['node (sysfs)'] })
  })

  test('a listing, as grep -r prints it', () => {
    const listing = `/${NODE}/node0/cpulist:0-3\n/${NODE}/node0/distance:10\n/${NODE}/node0/meminfo:Node 0 MemTotal: 4096 kB\n/${NODE}/node0/meminfo:Node 0 MemFree: 1 kB\n`
    expect(imported(file(listing)).nodes).toEqual([{ id: 0, cpus: [0, 1, 2, 3], bytes: 4 << 20, tier: 0, kind: 'DRAM' }])
  })
})

describe('lstopo', () => {
  test('on-package memory has its kind, and distances split over several elements are joined', () => {
    const xml = `<?xml version="1.0"?><!DOCTYPE topology SYSTEM "hwloc2.dtd"><topology version="2.0"><object type="Machine">
      <info name="CPUModel" value="A &amp; B"/>
      <object type="NUMANode" os_index="0" cpuset="0x00000001,0x00000003" gp_index="7" local_memory="1073741824"/>
      <object type="NUMANode" os_index="4" cpuset="0x00000001,0x00000003" gp_index="9" local_memory="2147483648" subtype="HBM"/></object>
      <distances2 type="NUMANode" nbobjs="2" kind="5" name="NUMALatency" indexing="os"><indexes length="2">0 </indexes><indexes length="2">4 </indexes>
      <u64values length="6">10 13 </u64values><u64values length="6">13 10 </u64values></distances2>
      <memattr name="Latency" flags="6"><memattr_value target_obj_type="NUMANode" target_obj_gp_index="9" value="120" initiator_cpuset="0x00000001,0x00000003"/></memattr></topology>`
    const found = imported(file(xml))
    expect(found.about).toContain('A & B')
    expect(found.nodes).toEqual([
      { id: 0, cpus: [0, 1, 32], bytes: 1 << 30, tier: 0, kind: 'DRAM' },
      { id: 4, cpus: [], bytes: 2 ** 31, tier: 1, kind: 'HBM' },
    ])
    expect(found.distance[0]).toEqual([10, 13])
    expect(found.readLatencyPs[0]![1]).toBe(120_000)
  })
})

describe('what cannot be imported is explained', () => {
  const NUMACTL = 'available: 1 nodes (0)\nnode 0 cpus: 0\nnode 0 size: 100 MB\n'
  test.each<[string, () => string[], RegExp]>([
    ['a file that is not there', () => ['/nowhere/numactl.txt'], /numactl\.txt: file not found/],
    ['an empty file', () => [file('')], /none of the dumps known here/],
    ['a trace', () => [file('time,cpu,addr\n1,2,3\n')], /none of the dumps known here/],
    ['binary data', () => [file(Buffer.from([0, 1, 2, 3]))], /is binary/],
    ['a folder without nodes', () => [folder], /no NUMA nodes found in this folder/],
    ['gzip data that ends early', () => [file(gzipSync(NUMACTL).subarray(0, 40))], /damaged or cut off/],
    ['a gzip bomb', () => [file(gzipSync(Buffer.alloc(257 << 20)))], /unpacks to more than 256 MiB/],
    ['an archive of something else', () => [file(tar([['etc/passwd', 'x']]))], /no files of \/sys\/devices\/system\/node/],
    [
      'an archive of two machines',
      () => [
        file(
          tar([
            ['a/node0/cpulist', '0-1\n'],
            ['b/node0/cpulist', '0-3\n'],
          ]),
        ),
      ],
      /more than one machine .*b\/node0\/cpulist/,
    ],
    ['an archive that ends early', () => [file(tar([['node0/cpulist', 'x'.repeat(4000)]]).subarray(0, 1500))], /cut off/],
    [
      'machines that contradict',
      () => [file(NUMACTL), file(NUMACTL.replace('cpus: 0', 'cpus: 1'), 'other.txt')],
      /contradict each other: node 0 has cpus 0 in dump\.txt.*but 1 in other\.txt/,
    ],
    [
      'a node that another dump lacks',
      () => [file(NUMACTL), file('Measuring idle latencies (in ns)...\nNuma node 0 1\n0 80 90\n1 90 80\n', 'mlc.txt')],
      /node 1 is in mlc\.txt.*but not in dump\.txt/,
    ],
    ['a distance row that is too short', () => [file(`${NUMACTL}node distances:\nnode 0 1\n 0: 10\n`)], /dump\.txt:6: row of the distance table is incomplete/],
    [
      'a matrix row that is too short',
      () => [file('Measuring idle latencies (in ns)...\nNuma node 0 1\n0 80\n')],
      /dump\.txt:3: row of the matrix is incomplete/,
    ],
    ['a cpu number beyond Linux', () => [file(NUMACTL.replace('cpus: 0', 'cpus: 99999999'))], /dump\.txt:2: cpu: not a whole number in range/],
    ['damaged XML', () => [file('<topology version="2.0"><object type="NUMANode" os_index="0"')], /has no end|ends inside|attribute/],
    ['XML of hwloc 1', () => [file('<topology><object type="Machine"/></topology>')], /written by hwloc 1/],
    ['damaged JSON', () => [file('{"lscpu": [')], /not readable as JSON/],
  ])('%s', (_, paths, message) => {
    expect(() => importMachine(paths())).toThrow(message)
    expect(() => importMachine(paths())).toThrow(expect.objectContaining({ name: 'UserError' }))
  })

  test('no file is left when the target cannot be written', () => {
    const document = importMachine([file(NUMACTL)])
    expect(() => writeMachine(join(folder, 'machine.txt'), document)).toThrow(/ends in \.yaml or \.json/)
    expect(() => writeMachine(join(folder, 'missing/machine.json'), document)).toThrow(/cannot be written \(ENOENT\)/)
  })
})

/** A ustar archive. */
function tar(members: [string, string][]): Buffer {
  const blocks = members.flatMap(([name, text]) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(text.length.toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    header.write('ustar\u000000', 257)
    const data = Buffer.alloc(Math.ceil(text.length / 512) * 512)
    data.write(text)
    return [header, data]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

test('the presets of the emulated machines are what their dumps import to', () => {
  for (const [preset, name] of Object.entries({
    'qemu-cxl-hmat': 'cxl-cpuless-hmat',
    'qemu-8n-2s': 'eight-node-two-socket',
    'qemu-4n-ring': 'four-node-ring',
    'qemu-2n': 'two-node',
  })) {
    const found = imported(dump(name, 'numactl-H.txt.gz'), ...(preset === 'qemu-cxl-hmat' ? [dump(name, 'dmesg-numa.txt.gz')] : []))
    const { nodes, distance, readLatencyPs, latencySource } = machine(preset)
    expect({ nodes, distance, readLatencyPs, latencySource }).toEqual({
      nodes: found.nodes,
      distance: found.distance,
      readLatencyPs: found.readLatencyPs,
      latencySource: found.latencySource,
    })
  }
})
