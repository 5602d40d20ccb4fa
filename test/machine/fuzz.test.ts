/** Hostile dumps and machine files, beside those that test/fuzz damages: the answer is a machine or a message, soon. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { unpack } from '../../src/machine/import/dump.ts'
import { makeDocument, readDump } from '../../src/machine/import/index.ts'
import { machineText, parseMachine } from '../../src/machine/index.ts'
import { damage, damagedBy } from '../fuzz/mutate.ts'

const RUNS = 500
/** Of processor time, in milliseconds: one second or less where nothing else runs, minutes where a pattern is quadratic. */
const SOON_MS = 15_000

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

/** Anything but a UserError is a bug. */
function cleanly<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

/** Processor time, so that a busy machine does not count. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const documentOf = (...dumps: Buffer[]) =>
  makeDocument(
    dumps.flatMap((bytes) => readDump(unpack(bytes, 'dump'), 'dump')),
    'dump',
  )

const importBytes = (bytes: Buffer) => parseMachine(machineText(documentOf(bytes), 'json'), 'machine.json')

test('two damaged dumps together', () => {
  fc.assert(
    fc.property(damage, damage, (one, other) => {
      cleanly(() => machineText(documentOf(damagedBy(dumps, one), damagedBy(dumps, other)), 'yaml'))
    }),
    { numRuns: RUNS },
  )
})

test('complaints about machine files name a place in them', () => {
  fc.assert(
    fc.property(damage, (how) => {
      const text = damagedBy(machineFiles, how).toString('utf8')
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
    { numRuns: RUNS },
  )
})

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
    const start = cpuMs()
    cleanly(() => importBytes(Buffer.from(text)))
    expect(cpuMs() - start).toBeLessThan(SOON_MS)
  })

  test.each([
    ['nested flow', '['.repeat(1 << 16)],
    [
      'aliases that multiply',
      `a: &a [${'x,'.repeat(50)}]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]},`.repeat(50)}]`).join('\n')}\n`,
    ],
    ['many keys', Array.from({ length: 5000 }, (_, i) => `k${i}: 1`).join('\n')],
  ])('machine file: %s', (_, text) => {
    const start = cpuMs()
    cleanly(() => parseMachine(text, 'machine.yaml'))
    expect(cpuMs() - start).toBeLessThan(SOON_MS)
  })
})
