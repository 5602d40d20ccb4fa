/** The last-level cache of imported machines: which dumps know it, how several complete each other, and when it is left out. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeMachine, importMachine, type Machine, machine, machineText, parseMachine, presets } from '../../src/machine/index.ts'

const CACHES = join(import.meta.dirname, '../fixtures/caches')
const TOPOLOGY = join(import.meta.dirname, '../fixtures/topology')
const here = (name: string): string => join(CACHES, name)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'machine-caches-'))
})
function file(text: string, name = 'dump.txt'): string {
  const path = join(mkdtempSync(join(folder, 'x')), name)
  writeFileSync(path, text)
  return path
}

const imported = (...paths: string[]): Machine => parseMachine(machineText(importMachine(paths), 'yaml'), 'imported.yaml')
const notes = (...paths: string[]): string => (imported(...paths).notes ?? []).join('\n')

const EPYC = { bytes: 32 << 20, ways: 16, lineBytes: 64, replacement: 'lru', sharedBy: [[0, 1]] }
const NUMACTL = (nodes: string[]): string =>
  `available: ${nodes.length} nodes\n${nodes.map((cpus, i) => `node ${i} cpus: ${cpus}\nnode ${i} size: 100 MB\n`).join('')}`
const C = (rows: string): string => `NAME ONE-SIZE ALL-SIZE WAYS TYPE        LEVEL  SETS PHY-LINE COHERENCY-SIZE\n${rows}`

describe('each dump of one machine says the same', () => {
  test.each([
    [['sysfs.tar.gz']],
    [['sysfs-listing.txt']],
    [['lstopo.xml.gz']],
    [['lscpu-C.txt', 'lscpu.txt']],
    [['lscpu-C.json', 'lscpu.txt']],
    [['lscpu-C.txt', 'lscpu-p.txt']],
    [['lscpu-e.json', 'lscpu-C.txt']],
    [['lscpu.txt', 'sysfs-listing.txt', 'lstopo.xml.gz', 'lscpu-C.json']],
  ])('%s', (names) => {
    expect(imported(...names.map(here)).llc).toEqual(EPYC)
  })

  test('lscpu and lscpu -C in one text', () => {
    expect(imported(file(readFileSync(here('lscpu.txt'), 'utf8') + readFileSync(here('lscpu-C.txt'), 'utf8'))).llc).toEqual(EPYC)
  })

  test('a copied folder of /sys', () => {
    const root = mkdtempSync(join(folder, 'sys'))
    for (const line of readFileSync(here('sysfs-listing.txt'), 'utf8').trimEnd().split('\n')) {
      const path = join(root, line.slice(0, line.indexOf(':')))
      mkdirSync(join(path, '..'), { recursive: true })
      writeFileSync(path, `${line.slice(line.indexOf(':') + 1)}\n`)
    }
    expect(imported(root).llc).toEqual(EPYC)
  })

  test.runIf(existsSync('/sys/devices/system/node/node0/cpulist') && existsSync('/sys/devices/system/cpu/cpu0/cache/index0/level'))('the live /sys', () => {
    const found = imported('/sys')
    const text = (name: string): string => readFileSync(`/sys/devices/system/cpu/cpu0/cache/${name}`, 'utf8').trim()
    const levels = [0, 1, 2, 3, 4, 5].filter((index) => existsSync(`/sys/devices/system/cpu/cpu0/cache/index${index}/level`))
    const last = levels.reduce((best, index) => (Number(text(`index${index}/level`)) >= Number(text(`index${best}/level`)) ? index : best))
    if (text(`index${last}/ways_of_associativity`) === '0') expect(found.notes?.join()).toContain('left out')
    else
      expect(found.llc).toMatchObject({
        bytes: Number.parseInt(text(`index${last}/size`), 10) * 1024,
        ways: Number(text(`index${last}/ways_of_associativity`)),
      })
  })
})

describe('the emulated machines: 16 MiB a node', () => {
  test.each(['cxl-cpuless-hmat', 'eight-node-two-socket', 'four-node-ring', 'two-node'])('%s', (name) => {
    const found = imported(join(TOPOLOGY, name, 'lstopo.xml.gz'))
    expect(found.llc).toEqual({ ...EPYC, bytes: 16 << 20, sharedBy: found.llc!.sharedBy })
    expect(found.llc!.sharedBy.flat().sort((a, b) => a - b)).toEqual(found.nodes.flatMap(({ cpus }) => cpus))
    // lscpu -p and lstopo see the same groups
    const table = file(C('L3        16M      64M   16 Unified         3 16384        1             64\n'))
    expect(imported(join(TOPOLOGY, name, 'lscpu-p.csv.gz'), join(TOPOLOGY, name, 'numactl-H.txt.gz'), table).llc).toEqual(found.llc)
  })
})

describe('sizes', () => {
  const nodes = (): string => file(NUMACTL(['0 1', '2 3']))

  test('a rounded size is made exact by sets, ways and line', () => {
    const found = imported(nodes(), file(C('L3     35.8M    71.5M   11 Unified         3 53248        1             64\n')))
    expect(found.llc).toEqual({ bytes: 36608 * 1024, ways: 11, lineBytes: 64, replacement: 'lru', sharedBy: [[0, 1], [2, 3]] }) // biome-ignore format: short
  })

  test('util-linux 2.35 prints no sets: exact sizes are taken with a line of 64 bytes, rounded ones left out', () => {
    const old = (size: string): string => file(`NAME ONE-SIZE ALL-SIZE WAYS TYPE        LEVEL\nL2   1M 4M 16 Unified 2\nL3   ${size} 11 Unified         3\n`)
    expect(imported(nodes(), old('22M 44M')).llc).toMatchObject({ bytes: 22 << 20, ways: 11, lineBytes: 64 })
    expect(imported(nodes(), old('35.8M 71.5M')).llc).toBeUndefined()
    expect(notes(nodes(), old('35.8M 71.5M'))).toMatch(/L3.*left out.*rounded; lscpu -B -C is exact/)
  })

  test('lscpu alone knows that there is one, not its ways', () => {
    expect(imported(here('lscpu.txt')).llc).toBeUndefined()
    expect(notes(here('lscpu.txt'))).toMatch(/last-level cache \(L3\) left out: no dump says its size and ways; lscpu -B -C, lstopo and sysfs do/)
  })
})

describe('who shares a cache', () => {
  const L3 = 'L3 8M 32M 16 Unified 3 8192 1 64\n'
  const p = '# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n0,0,0,0,,0,0,0,0\n1,1,0,0,,1,1,1,0\n2,2,0,1,,2,2,2,0\n3,3,0,1,,3,3,3,0\n4,4,0,1,,3,3,3,\n'

  test('one cache for cpus of two nodes, as with sub-NUMA clustering', () => {
    expect(imported(file(p), file(C('L3 8M 8M 16 Unified 3 8192 1 64\n'))).llc!.sharedBy).toEqual([[0, 1, 2, 3]])
    expect(imported(file(NUMACTL(['0 1', '2 3'])), file(C('L3 8M 8M 16 Unified 3 8192 1 64\n'))).llc!.sharedBy).toEqual([[0, 1, 2, 3]])
  })

  test('several in a node: which cpus share one must be said', () => {
    const two = file(NUMACTL(['0 1 2 3', '4 5 6 7']))
    expect(notes(two, file(C(L3)))).toMatch(/left out: no dump says which cpus share one of the 4; lscpu -p, lstopo and sysfs do/)
    const sysfs = [...Array(8).keys()]
      .map((cpu) => {
        const index = `/sys/devices/system/cpu/cpu${cpu}/cache/index3`
        const first = cpu - (cpu % 2)
        return `${index}/level:3\n${index}/type:Unified\n${index}/size:8192K\n${index}/ways_of_associativity:16\n${index}/shared_cpu_list:${first}-${first + 1}\n`
      })
      .join('')
    expect(imported(two, file(sysfs)).llc!.sharedBy).toEqual([[0, 1], [2, 3], [4, 5], [6, 7]]) // biome-ignore format: short
  })

  test('caches that differ are left out', () => {
    const index = (cpu: number): string => `/sys/devices/system/cpu/cpu${cpu}/cache/index2`
    const one = (cpu: number, size: string): string =>
      `${index(cpu)}/level:2\n${index(cpu)}/type:Unified\n${index(cpu)}/size:${size}\n${index(cpu)}/ways_of_associativity:16\n${index(cpu)}/shared_cpu_list:${cpu}\n`
    expect(notes(file(NUMACTL(['0', '1'])), file(one(0, '2048K') + one(1, '4096K')))).toMatch(/left out: the caches of this level are not all alike/)
  })

  test('fully associative or unknown: no ways', () => {
    const index = '/sys/devices/system/cpu/cpu0/cache/index2'
    const dump = file(`${index}/level:2\n${index}/type:Unified\n${index}/size:1024K\n${index}/ways_of_associativity:0\n${index}/shared_cpu_list:0\n`)
    expect(notes(file(NUMACTL(['0'])), dump)).toMatch(/\(L2, 1MiB\) left out/)
  })
})

describe('presets', () => {
  const known = presets().filter(({ machine }) => machine.llc !== undefined)

  test('those whose processor is known', () => {
    expect(known.map(({ name }) => name)).toEqual(
      [
        'bdw-2s',
        'bdw-2s-interleave',
        'colloid-icx',
        'epyc-naples-2s',
        'epyc-rome-2s-nps4',
        'gnr-2s',
        'gnr-2s-snc3',
        'opteron-4s',
        'optane-2s',
        'power9-2s',
        'skx-cl-2s',
        'skx-cl-2s-snc2',
        'spr-2s',
      ].sort(),
    )
  })

  test.each(known)('$name: a whole number of sets, every cpu behind one cache', ({ machine }) => {
    const { bytes, ways, lineBytes, sharedBy } = machine.llc!
    expect(Number.isInteger(bytes / (ways * lineBytes))).toBe(true)
    expect(sharedBy.flat().sort((a, b) => a - b)).toEqual(machine.nodes.flatMap(({ cpus }) => cpus).sort((a, b) => a - b))
  })

  test('machine show prints it', () => {
    expect(describeMachine(machine('skx-cl-2s'))).toContain('Last-level caches\n  2 of 35.8MiB, 11 ways, lines of 64B, LRU\n  shared by cpus 0-25 | 26-51\n')
    expect(describeMachine(machine('epyc-naples-2s'))).toMatch(/16 of 8MiB.*\n.*28-31 and 8 more groups/)
    expect(describeMachine(machine('xeon-2s'))).not.toContain('Last-level')
  })
})
