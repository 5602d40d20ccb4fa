/** Whatever is done to a dump or a machine file, the answer is a machine or a message, soon. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { unpack } from '../../src/machine/import/dump.ts'
import { makeDocument, readDump } from '../../src/machine/import/index.ts'
import { machineText, parseMachine } from '../../src/machine/index.ts'

/** `FUZZ_RUNS=1000000 npx vitest run test/machine/fuzz.test.ts` for the long mode. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1500)
const TIMEOUT = 60_000 + RUNS * 5

const FIXTURES = join(import.meta.dirname, '../fixtures/topology')
const PRESETS = join(import.meta.dirname, '../../src/machine/presets')
const MLC = `Intel(R) Memory Latency Checker - v3.9
Measuring idle latencies (in ns)...
\t\tNuma node
Numa node\t     0\t     1\t
       0\t  78.5\t 134.8\t
       1\t 133.7\t  79.2\t
`

const dumps = readdirSync(FIXTURES)
  .filter((name) => !name.endsWith('.md'))
  .flatMap((name) => readdirSync(join(FIXTURES, name)).map((file) => gunzipSync(readFileSync(join(FIXTURES, name, file)))))
  .concat(Buffer.from(MLC))
const machineFiles = readdirSync(PRESETS).map((file) => readFileSync(join(PRESETS, file)))

type Edit = (bytes: Buffer) => Buffer

const position = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const NASTY = [
  '-1',
  '0',
  '99999999999999999999',
  '1e308',
  'NaN',
  '0x',
  ',',
  '-',
  ':',
  '"',
  '<',
  '</',
  '>',
  '[',
  '{',
  '&amp;',
  '\n',
  '\t',
  '\0',
  '~',
  '*a',
  '&a',
  '1-4000000000',
  'é',
  '\u2028',
  '__proto__',
]

/** Small damage of the kinds that copying, editing and transferring do, and some malice. */
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ at: position, value: fc.nat(255) }).map(
    ({ at, value }): Edit =>
      (bytes) => {
        const copy = Buffer.from(bytes)
        if (copy.length > 0) copy[Math.floor(at * copy.length)] = value
        return copy
      },
  ),
  fc.record({ at: position, length: fc.nat(400) }).map(
    ({ at, length }): Edit =>
      (bytes) => {
        const start = Math.floor(at * bytes.length)
        return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)])
      },
  ),
  position.map(
    (at): Edit =>
      (bytes) =>
        bytes.subarray(0, Math.floor(at * bytes.length)),
  ),
  fc.record({ at: position, text: fc.constantFrom(...NASTY) }).map(
    ({ at, text }): Edit =>
      (bytes) =>
        splice(bytes, at, Buffer.from(text)),
  ),
  fc.record({ at: position, from: position, length: fc.nat(2000) }).map(
    ({ at, from, length }): Edit =>
      (bytes) => {
        const start = Math.floor(from * bytes.length)
        return splice(bytes, at, bytes.subarray(start, start + length))
      },
  ),
  // a number replaced by another one: what parsers trust most
  fc.record({ which: fc.nat(1000), text: fc.constantFrom(...NASTY, '65536', '251', '4294967296') }).map(
    ({ which, text }): Edit =>
      (bytes) => {
        const source = bytes.toString('latin1')
        const numbers = [...source.matchAll(/\d+/g)]
        const number = numbers[which % Math.max(1, numbers.length)]
        return number ? Buffer.from(source.slice(0, number.index) + text + source.slice(number.index + number[0].length), 'latin1') : bytes
      },
  ),
)

function splice(bytes: Buffer, at: number, piece: Buffer): Buffer {
  const start = Math.floor(at * bytes.length)
  return Buffer.concat([bytes.subarray(0, start), piece, bytes.subarray(start)])
}

const damaged = (originals: Buffer[]): fc.Arbitrary<Buffer> =>
  fc
    .record({ original: fc.constantFrom(...originals), edits: fc.array(edit, { minLength: 1, maxLength: 4 }) })
    .map(({ original, edits }) => edits.reduce((bytes, one) => one(bytes), original))

/** Anything but a UserError is a bug. */
function cleanly<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

const documentOf = (...dumps: Buffer[]) =>
  makeDocument(
    dumps.flatMap((bytes) => readDump(unpack(bytes, 'dump'), 'dump')),
    'dump',
  )

const importBytes = (bytes: Buffer) => parseMachine(machineText(documentOf(bytes), 'json'), 'machine.json')

test(
  'damaged dumps',
  () => {
    fc.assert(
      fc.property(damaged(dumps), (bytes) => {
        const machine = cleanly(() => importBytes(bytes))
        if (!machine) return
        expect(machine.nodes.length).toBeGreaterThan(0)
        for (const latency of machine.readLatencyPs.flat()) expect(latency).toBeGreaterThan(0)
      }),
      { numRuns: RUNS },
    )
  },
  TIMEOUT,
)

test(
  'two damaged dumps together',
  () => {
    fc.assert(
      fc.property(damaged(dumps), damaged(dumps), (one, other) => {
        cleanly(() => machineText(documentOf(one, other), 'yaml'))
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    )
  },
  TIMEOUT,
)

test(
  'damaged machine files',
  () => {
    fc.assert(
      fc.property(damaged(machineFiles), (bytes) => {
        const machine = cleanly(() => parseMachine(bytes.toString('utf8'), 'machine.yaml'))
        if (!machine) return
        expect(machine.readLatencyPs.length).toBe(machine.nodes.length)
        for (const row of [...machine.readLatencyPs, ...machine.writeLatencyPs])
          for (const cell of row) expect(Number.isSafeInteger(cell) && cell > 0).toBe(true)
      }),
      { numRuns: RUNS },
    )
  },
  TIMEOUT,
)

test(
  'complaints about machine files name a place in them',
  () => {
    fc.assert(
      fc.property(damaged(machineFiles), (bytes) => {
        const text = bytes.toString('utf8')
        try {
          parseMachine(text, 'machine.yaml')
        } catch (error) {
          const { line, column, file } = (error as UserError).parts
          expect(file).toBe('machine.yaml')
          if (line === undefined) return
          expect(line).toBeLessThanOrEqual(text.split('\n').length)
          expect(column).toBeGreaterThan(0)
        }
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    )
  },
  TIMEOUT,
)

describe('large and hostile input ends soon', () => {
  const HUGE = 1 << 20
  const repeat = (piece: string): string => piece.repeat(Math.ceil(HUGE / piece.length))
  test.each([
    ['one long path without end', repeat('/devices/system/node/node0/')],
    ['unclosed tags', `<topology version="2.0">${repeat('<a b="c" ')}`],
    ['deep nesting', `<topology version="2.0">${repeat('<a>')}`],
    ['many elements', `<topology version="2.0">${repeat('<a b="c"/>')}</topology>`],
    ['entities', `<topology version="2.0"><info name="${repeat('&amp;')}"/></topology>`],
    ['one long row of cpus', `available: 1 nodes (0)\nnode 0 cpus:${repeat(' 1')}\n`],
    ['one line very often', `available: 1 nodes (0)\nnode 0 cpus: 0\n${repeat('node 0 size: 1 MB\n')}`],
    ['blanks', `Measuring idle latencies\n${repeat(' ')}`],
    ['many nodes', `available: 1 nodes (0-65535)\n`],
    ['columns', `Measuring idle latencies\nNuma node ${Array.from({ length: 60_000 }, (_, i) => i).join(' ')}\n0 ${repeat('1 ')}\n`],
    ['nested JSON', `{"lscpu": ${'['.repeat(1 << 20)}`],
    ['JSON entries', `{"lscpu": [${repeat('{"field":"NUMA node0 CPU(s):","data":"0"},')}{}]}`],
    ['kernel log', repeat('acpi/hmat: Locality: Flags:00 Type:Access ')],
  ])('%s', (_, text) => {
    const start = performance.now()
    cleanly(() => importBytes(Buffer.from(text)))
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test.each([
    ['nested flow', '['.repeat(1 << 16)],
    [
      'aliases that multiply',
      `a: &a [${'x,'.repeat(50)}]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]},`.repeat(50)}]`).join('\n')}\n`,
    ],
    ['many keys', Array.from({ length: 5000 }, (_, i) => `k${i}: 1`).join('\n')],
  ])('machine file: %s', (_, text) => {
    const start = performance.now()
    cleanly(() => parseMachine(text, 'machine.yaml'))
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
