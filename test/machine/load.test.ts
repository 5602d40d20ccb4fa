import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { machine, parseMachine, withMemory } from '../../src/machine/index.ts'

const TWO_NODES = `
nodes:
  - { id: 0, cpus: 0-1, memory: 1GiB }
  - { id: 4, cpus: 2-3, memory: 2GiB }
distance: [[10, 20], [20, 10]]
`

describe('machine by name or path', () => {
  test('a preset, its alias and a file', () => {
    expect(machine('2-socket')).toEqual(machine('skx-cl-2s'))
    const file = join(mkdtempSync(join(tmpdir(), 'machine-')), 'mine.json')
    writeFileSync(file, '{"nodes": [{"id": 0, "cpus": "0-3", "memory": "1GiB"}]}')
    const mine = machine(file)
    expect(mine.name).toBe('mine')
    expect(mine.nodes[0]!.cpus).toEqual([0, 1, 2, 3])
  })

  test('the example in the documentation', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/machines.md'), 'utf8')
    const example = parseMachine(/```yaml\n([\s\S]*?)```/.exec(docs)![1]!, 'example.yaml')
    const { nodes, distance, readLatencyPs, load, about } = machine('2s-plus-cxl')
    expect(example).toMatchObject({ nodes, distance, readLatencyPs, load, about, latencySource: 'measured', warnings: [] })
  })

  test('names that are nearly right are explained', () => {
    expect(() => machine('skx-cl-2z')).toThrow(/unknown machine "skx-cl-2z".*Did you mean skx-cl-2s\?/)
    expect(() => machine('./missing.yaml')).toThrow(/missing\.yaml: file not found/)
    expect(() => machine(tmpdir())).toThrow(/is a folder/)
  })
})

describe('latencies', () => {
  test('measured values become integer picoseconds, stores wait for half of it', () => {
    const { readLatencyPs, writeLatencyPs, latencySource, warnings } = machine('skx-cl-2s')
    expect(readLatencyPs).toEqual([
      [78_000, 143_000],
      [144_000, 78_000],
    ])
    expect(writeLatencyPs[0]).toEqual([39_000, 71_500])
    expect(latencySource).toBe('measured')
    expect(warnings).toEqual([])
  })

  test('without measurements the SLIT rule is used and said: local (1 + 0.75 (slit/10 - 1))', () => {
    const { readLatencyPs, latencySource, warnings } = parseMachine(TWO_NODES, 'two.yaml')
    expect(readLatencyPs).toEqual([
      [80_000, 140_000],
      [140_000, 80_000],
    ])
    expect(latencySource).toBe('inferred from SLIT')
    expect(warnings.join()).toContain('inferred from SLIT')
  })
})

describe('mistakes in a machine file are shown where they are', () => {
  test.each([
    ['nodes:\n  - { id: 0, cpus: 0-1, memory: 64GB }', /mine\.yaml:2:\d+: nodes\[0\]\.memory: unclear unit .*Write 64GiB/],
    ['nodes:\n  - { id: 0, cpus: 0-1, memory: 1GiB, colour: red }', /mine\.yaml:2:\d+: nodes\[0\]: Unrecognized key: "colour"/],
    ['nodes:\n  - { id: 0, cpus: 0-1, memory: 1GiB }\n  - { id: 0, cpus: 2, memory: 1GiB }', /mine\.yaml:3:11: nodes\[1\]\.id: node 0 is listed twice/],
    ['nodes:\n  - { id: 0, cpus: 0-1, memory: 1GiB }\n  - { id: 1, cpus: 1, memory: 1GiB }', /cpu 1 already belongs to node 0/],
    ['nodes:\n  - { id: 0, memory: 1GiB }', /no node has cpus/],
    ['nodes:\n  - { id: 0, cpus: 0, memory: 0 }', /no node has memory/],
    ['nodes:\n  - { id: 0, cpus: 0, memory: 1GiB }\ndistance: [[10, 20]]', /mine\.yaml:3:12: distance\[0\]: 2 columns for 1 nodes/],
    ['nodes:\n  - { id: 0, cpus: 0, memory: 1GiB }\nreadLatencyNs:\n  - [-5]', /mine\.yaml:4:6: readLatencyNs\[0\]\[0\]/],
    ['nodes: [\n', /mine\.yaml:\d+:\d+: /],
    ['- 1', /mine\.yaml:1:1/],
    ['', /mine\.yaml/],
  ])('%j', (text, message) => {
    expect(() => parseMachine(text, 'mine.yaml')).toThrow(message)
    expect(() => parseMachine(text, 'mine.yaml')).toThrow(expect.objectContaining({ name: 'UserError' }))
  })
})

describe('withMemory', () => {
  const two = parseMachine(TWO_NODES, 'two.yaml')

  test('changes the named nodes only', () => {
    expect(withMemory(two, '4=2MiB').nodes.map((node) => node.bytes)).toEqual([1 << 30, 2 << 20])
    expect(two.nodes[1]!.bytes).toBe(2 ** 31)
  })

  test.each(['0', '1=2MiB', '0=2MB', '0=1MiB,0=2MiB', '0=0,4=0', ''])('%j is refused', (spec) => {
    expect(() => withMemory(two, spec)).toThrow(expect.objectContaining({ name: 'UserError' }))
  })
})
