/** The cache filter against its slow twin, against numbers worked out by hand, and against Valgrind's cachegrind. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheDomains, CacheFilter, type CacheGeometry, parseGeometry } from '../../src/cache/index.ts'
import { type AccessKind, type LintVerdict, openTrace, READ, type TraceEvent, type TraceWriter, WRITE } from '../../src/trace/index.ts'
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

/** A first level of two lines, the least there is, passes nearly everything on; instructions stay in a large I1. */
const CACHEGRIND = ['--tool=cachegrind', '--cache-sim=yes', '--I1=1048576,16,64', '--D1=128,2,64', '--LL=65536,16,64']
const LL = parseGeometry('64KiB,16way,64B')

/** The accesses of a recording, in columns. */
class Recording implements TraceWriter {
  line = 0
  readonly pageSize = 4096
  readonly high: number[] = []
  readonly low: number[] = []
  readonly bytes: number[] = []
  readonly kinds: AccessKind[] = []
  readonly #trace: TraceWriter
  constructor(trace: TraceWriter) {
    this.#trace = trace
  }
  access(...[timeNs, task, cpu, high, low, bytes, kind, weight]: Parameters<TraceWriter['access']>): void {
    this.high.push(high)
    this.low.push(low)
    this.bytes.push(bytes)
    this.kinds.push(kind)
    this.#trace.access(timeNs, task, cpu, high, low, bytes, kind, weight)
  }
  finish = (): void => {}
  process = (pid: number): number => this.#trace.process(pid)
  task = (pid: number, tid: number): number => this.#trace.task(pid, tid)
  event = (event: TraceEvent): void => this.#trace.event(event)
  fact = (name: string, value: number | string | boolean): void => this.#trace.fact(name, value)
  lint = (verdict: LintVerdict): void => this.#trace.lint(verdict)
  describe = (file: Parameters<TraceWriter['describe']>[0]): void => this.#trace.describe(file)
}

/**
 * Lets tasks 0, 1, … run these programs, each on its cpu, `turns()` accesses of one after the other. What reaches memory, and how many
 * accesses of each miss: as cachegrind counts, one that straddles two lines misses once, if one of them or both are not there.
 */
function together(programs: Recording[], cpuOf: number[], domains: CacheDomains, turns: () => number): { memory: Memory; misses: number[] } {
  const misses = programs.map(() => 0)
  const memory = new Memory()
  const filter = new CacheFilter(memory, LL, domains)
  const next = programs.map((_, pid) => ({ task: filter.task(pid, pid), at: 0 }))
  for (let left = programs.length; left > 0; ) {
    left = 0
    for (const [i, { high, low, bytes, kinds }] of programs.entries()) {
      const program = next[i]!
      const end = Math.min(kinds.length, program.at + turns())
      for (; program.at < end; program.at++) {
        const before = memory.traffic.length
        filter.access(0, program.task, cpuOf[i]!, high[program.at]!, low[program.at]!, bytes[program.at]!, kinds[program.at]!, 1)
        if (memory.traffic.length > before) misses[i]!++
      }
      if (program.at < kinds.length) left++
    }
  }
  filter.finish()
  return { memory, misses }
}

const valgrind = spawnSync('valgrind', ['--version']).status === 0 && spawnSync('sort', ['--version']).status === 0
describe.skipIf(!valgrind)('cachegrind (needs valgrind)', { timeout: 120_000 }, () => {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' }
  const texts = [
    Array.from({ length: 3000 }, (_, i) => `${(i * 7919) % 3001} some text to sort\n`),
    Array.from({ length: 1800 }, (_, i) => `${(i * 104_729) % 1801}th line of another text, longer than those of the first, to be sorted backwards\n`),
  ]
  const arguments_ = [['--parallel=1'], ['--parallel=1', '-r']]
  let folder = ''
  let programs: { recording: Recording; theirs: number; log: string }[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'numareplay-cachegrind-'))
    programs = []
    for (const [i, text] of texts.entries()) {
      const input = join(folder, `${i}.txt`)
      writeFileSync(input, text.join(''))
      const program = ['sort', ...arguments_[i]!, input]
      expect(spawnSync('valgrind', [...CACHEGRIND, `--cachegrind-out-file=${folder}/cg`, ...program], { env }).status).toBe(0)
      const log = join(folder, `${i}.lackey`)
      expect(spawnSync('valgrind', ['--tool=lackey', '--trace-mem=yes', `--log-file=${log}`, ...program], { env, maxBuffer: 1 << 28 }).status).toBe(0)
      const profile = readFileSync(join(folder, 'cg'), 'utf8')
      const names = /^events: (.*)$/m.exec(profile)![1]!.split(' ')
      const totals = /^summary: (.*)$/m.exec(profile)![1]!.split(' ').map(Number)
      let recording: Recording | undefined
      await openTrace(log, {
        through: (writer) => {
          recording = new Recording(writer)
          return recording
        },
      })
      programs.push({ recording: recording!, theirs: totals[names.indexOf('DLmr')]! + totals[names.indexOf('DLmw')]!, log })
    }
  }, 240_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  test('data misses of the last level agree within 3 %', async () => {
    const { log, theirs } = programs[0]!
    const trace = await openTrace(log, { through: (writer) => new CacheFilter(writer, LL) })
    const { formatFacts, filtered } = trace.meta
    const ours = (formatFacts['cache.readMisses'] as number) + (formatFacts['cache.writeMisses'] as number)
    expect(filtered).toBe('64KiB, 16 ways, 64B lines, LRU (one for all cpus)')
    expect(ours / theirs, `ours ${ours}, cachegrind ${theirs}`).toBeGreaterThan(0.97)
    expect(ours / theirs, `ours ${ours}, cachegrind ${theirs}`).toBeLessThan(1.03)
  })

  test('two programs on two sockets: the traffic of each is that of the program alone, and its misses those of cachegrind', () => {
    const sockets: CacheDomains = { domainOfCpu: new Map([0, 1, 2, 3].map((cpu) => [cpu, cpu >> 1])), about: 'one per socket' }
    const recordings = programs.map(({ recording }) => recording)
    let random = 1
    const turns = () => {
      random = (random * 16_807) % 2_147_483_647
      return random % 1000
    }
    const both = together(recordings, [1, 2], sockets, turns)
    for (const [i, { recording, theirs }] of programs.entries()) {
      const alone = together([recording], [0], sockets, () => 1000)
      const here = both.memory.traffic.filter(({ task }) => task === i)
      expect(here.length).toBe(alone.memory.traffic.length)
      expect(here.every(({ op, address }, k) => op === alone.memory.traffic[k]!.op && address === alone.memory.traffic[k]!.address)).toBe(true)
      expect(both.misses[i]).toBe(alone.misses[0])
      const ours = both.misses[i]!
      expect(ours / theirs, `socket ${i}: ours ${ours}, cachegrind ${theirs}`).toBeGreaterThan(0.97)
      expect(ours / theirs, `socket ${i}: ours ${ours}, cachegrind ${theirs}`).toBeLessThan(1.03)
    }
    // on one socket they push out each other's lines
    const shared = together(recordings, [0, 1], sockets, turns)
    for (const [i, misses] of shared.misses.entries()) expect(misses).toBeGreaterThan(both.misses[i]! * 1.05)
  })
})
