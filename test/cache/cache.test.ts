/** The cache filter against its slow twin, against numbers worked out by hand, and against Valgrind's cachegrind. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CacheFilter, type CacheGeometry, parseGeometry } from '../../src/cache/index.ts'
import { openTrace, READ, type TraceWriter, WRITE } from '../../src/trace/index.ts'
import { slowTraffic, type TwinAccess, type TwinTraffic } from './slow-twin.ts'

/** Lists what reaches memory. */
class Memory implements TraceWriter {
  line = 0
  readonly pageSize = 4096
  readonly traffic: TwinTraffic[] = []
  readonly facts: Record<string, unknown> = {}
  filtered: string | undefined
  readonly #tasks: string[] = []
  process(pid: number): number {
    return pid
  }
  task(pid: number, tid: number): number {
    const key = `${pid}/${tid}`
    return this.#tasks.includes(key) ? this.#tasks.indexOf(key) : this.#tasks.push(key) - 1
  }
  access(_: number, task: number, __: number, high: number, low: number, ___: number, kind: number): void {
    this.traffic.push({ op: kind === READ ? 'R' : 'W', task, address: (BigInt(high) << 32n) + BigInt(low) })
  }
  event(): void {}
  fact(name: string, value: unknown): void {
    this.facts[name] = value
  }
  lint(): void {}
  describe({ filtered }: { filtered?: string }): void {
    this.filtered ??= filtered
  }
}

function fastTraffic(accesses: TwinAccess[], geometry: CacheGeometry): Memory {
  const memory = new Memory()
  const domains = { domainOfCpu: new Map([0, 1, 2].map((cpu) => [cpu, cpu])), about: 'one per cpu' }
  const filter = new CacheFilter(memory, geometry, domains)
  // tasks 0..3 belong to processes 0 and 1
  for (let task = 0; task < 4; task++) filter.task(task >> 1, task)
  accesses.forEach(({ task, domain, address, bytes, op }, i) => {
    filter.access(i, task, domain, Number(address >> 32n), Number(address & 0xffffffffn), bytes, op === 'R' ? READ : WRITE, 1)
  })
  filter.finish()
  return memory
}

const address = fc.oneof(
  fc.bigInt({ min: 0n, max: 4095n }),
  fc.bigInt({ min: 0xffff_ff00n, max: 0x1_0000_0100n }),
  fc.bigInt({ min: 0x7fff_0000_0000n, max: 0x7fff_0000_2000n }),
)
const access = fc
  .record({ task: fc.nat(3), domain: fc.nat(2), address, bytes: fc.constantFrom(0, 1, 8, 64, 200), op: fc.constantFrom('R', 'W') })
  .map((value) => ({ ...value, process: value.task >> 1 }))
const geometries = ['512B,2way,64B', '1KiB,4way,64B,srrip', '192B,1way,64B', '1536B,3way,64B,srrip', '4KiB,64way,64B', '768B,3way,32B']

test.each(geometries)('%s: the same traffic as the slow twin', (text) => {
  const geometry = parseGeometry(text)
  fc.assert(
    fc.property(fc.array(access, { maxLength: 300 }), (accesses) => {
      expect(fastTraffic(accesses as TwinAccess[], geometry).traffic).toEqual(slowTraffic(accesses as TwinAccess[], geometry))
    }),
    { numRuns: 150 },
  )
})

describe('by hand', () => {
  const read = (at: number): TwinAccess => ({ task: 0, process: 0, domain: 0, address: BigInt(at), bytes: 8, op: 'R' })
  const write = (at: number): TwinAccess => ({ ...read(at), op: 'W' })

  test('a loop one line larger than the cache misses always', () => {
    const loop = Array.from({ length: 90 }, (_, i) => read((i % 9) * 64))
    expect(fastTraffic(loop, parseGeometry('512B,8way,64B')).facts['cache.readMisses']).toBe(90)
  })

  test('a scan drives out what LRU holds, but not what SRRIP saw used twice', () => {
    const scan = (round: number) => Array.from({ length: 8 }, (_, i) => read((100 + 8 * round + i) * 64))
    const hot = [0, 1, 2, 3].map((i) => read(i * 64))
    const rounds = Array.from({ length: 10 }, (_, round) => [...hot, ...hot, ...scan(round)]).flat()
    expect(fastTraffic(rounds, parseGeometry('512B,8way,64B')).facts['cache.readMisses']).toBe(10 * (4 + 8))
    // 4 for the hot lines once, 8 a round for the scan
    expect(fastTraffic(rounds, parseGeometry('512B,8way,64B,srrip')).facts['cache.readMisses']).toBe(4 + 10 * 8)
  })

  test('stores read their line first and write it back when it leaves', () => {
    const { traffic, facts } = fastTraffic([write(0), read(64), write(8)], parseGeometry('64B,1way,64B'))
    expect(traffic.map(({ op, address }) => `${op}${address}`)).toEqual(['R0', 'R64', 'W0', 'R0'])
    expect(facts).toMatchObject({ 'cache.writeMisses': 2, 'cache.readMisses': 1, 'cache.writeBacks': 1, 'cache.dirtyAtEnd': 1 })
  })

  test('samples are refused', () => {
    const filter = new CacheFilter(new Memory(), parseGeometry('64B,1way,64B'))
    filter.task(1, 1)
    expect(() => filter.access(0, 0, 0, 0, 0, 8, READ, 17)).toThrow(/samples cannot go through a cache/)
    expect(() => filter.describe({ fidelity: 'regions' })).toThrow(/every access/)
    expect(() => filter.describe({ filtered: 'already' })).toThrow(/filtered already/)
  })

  test.each(['32MiB', '32MiB,16', '100B,2way,64B', '1KiB,2way,48B', '1KiB,2way,64B,fifo', '1KiB,0way,64B', '16GiB,16way,64B'])('%s is no cache', (text) => {
    expect(() => parseGeometry(text)).toThrow(/--cache/)
  })
})

const valgrind = spawnSync('valgrind', ['--version']).status === 0 && spawnSync('sort', ['--version']).status === 0
describe.skipIf(!valgrind)('cachegrind (needs valgrind)', () => {
  test('data misses of the last level agree within 3 %', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'numareplay-cachegrind-'))
    try {
      const input = join(folder, 'in.txt')
      writeFileSync(input, Array.from({ length: 3000 }, (_, i) => `${(i * 7919) % 3001} some text to sort\n`).join(''))
      const env = { PATH: process.env['PATH'], LC_ALL: 'C' }
      // a first level of two lines, the least there is, passes nearly everything on; instructions stay in a large I1
      const cachegrind = [
        '--tool=cachegrind',
        '--cache-sim=yes',
        '--I1=1048576,16,64',
        '--D1=128,2,64',
        '--LL=65536,16,64',
        `--cachegrind-out-file=${folder}/cg`,
      ]
      const program = ['sort', '--parallel=1', input]
      expect(spawnSync('valgrind', [...cachegrind, ...program], { env }).status).toBe(0)
      const log = join(folder, 'trace.lackey')
      expect(spawnSync('valgrind', ['--tool=lackey', '--trace-mem=yes', `--log-file=${log}`, ...program], { env, maxBuffer: 1 << 28 }).status).toBe(0)

      const profile = readFileSync(join(folder, 'cg'), 'utf8')
      const names = /^events: (.*)$/m.exec(profile)![1]!.split(' ')
      const totals = /^summary: (.*)$/m.exec(profile)![1]!.split(' ').map(Number)
      const theirs = totals[names.indexOf('DLmr')]! + totals[names.indexOf('DLmw')]!

      let filter: CacheFilter | undefined
      const trace = await openTrace(log, {
        through: (writer) => {
          filter = new CacheFilter(writer, parseGeometry('64KiB,16way,64B'))
          return filter
        },
      })
      const { formatFacts, filtered } = trace.meta
      const ours = (formatFacts['cache.readMisses'] as number) + (formatFacts['cache.writeMisses'] as number)
      expect(filtered).toBe('64KiB, 16 ways, 64B lines, LRU (one for all cpus)')
      expect(ours / theirs, `ours ${ours}, cachegrind ${theirs}`).toBeGreaterThan(0.97)
      expect(ours / theirs, `ours ${ours}, cachegrind ${theirs}`).toBeLessThan(1.03)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
