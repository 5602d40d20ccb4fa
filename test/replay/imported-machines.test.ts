/**
 * Imported machines in a replay: nodes without cpus, node ids with holes, asymmetric matrices, uneven memory. Every access is served
 * by a node that has memory, asked for by a node that has cpus, and costs what the matrix says for the two.
 */
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { importMachine, type Machine, machineText, parseMachine, withMemory } from '../../src/machine/index.ts'
import { replay } from '../../src/replay/index.ts'
import { importTrace, openTrace, type PreparedTrace } from '../../src/trace/index.ts'
import { SAMPLES } from '../cli/run.ts'
import { writeTemporary } from '../formats/helpers.ts'

const TOPOLOGY = join(import.meta.dirname, '../fixtures/topology')
const POLICIES = ['first-touch', 'numa-balancing', 'interleave', 'hot-page-daemon', 'tpp']

const imported = (...paths: string[]): Machine => parseMachine(machineText(importMachine(paths), 'yaml'), 'imported.yaml')
const dumps = (name: string, ...files: string[]) => imported(...files.map((file) => join(TOPOLOGY, name, file)))

/** Ids with holes, the lowest a node of cpus without memory, the highest memory without cpus, distances that depend on the direction. */
const HOLES = `available: 4 nodes (0,8,252,253)
node 0 cpus: 0 1
node 0 size: 0 MB
node 8 cpus: 4 5 6 7
node 8 size: 300 MB
node 252 cpus: 2 3
node 252 size: 40 MB
node 253 cpus:
node 253 size: 500 MB
node distances:
node   0   8 252 253
  0:  10  40  20  80
  8:  44  10  40  81
252:  20  41  10  60
253:  80  81  60  10
`
const MLC = 'Measuring idle latencies (in ns)...\nNuma node 0 8 252 253\n 0 90 150 120 300\n 8 161 91 155 310\n 252 125 152 88 290\n'

const machines: [string, () => Machine][] = [
  ['two-node', () => dumps('two-node', 'sysfs.tar.gz')],
  ['four-node-ring', () => dumps('four-node-ring', 'numactl-H.txt.gz')],
  ['eight-node-two-socket', () => dumps('eight-node-two-socket', 'lstopo.xml.gz')],
  ['cxl-cpuless-hmat', () => dumps('cxl-cpuless-hmat', 'sysfs.tar.gz', 'dmesg-numa.txt.gz')],
  ['holes in the numbers', () => imported(writeTemporary('numactl.txt', HOLES), writeTemporary('mlc.txt', MLC))],
]

let trace: PreparedTrace
let pages = 0
beforeAll(async () => {
  const native = writeTemporary('sample.nrt', '')
  await importTrace(join(SAMPLES, 'master-first-touch-pinned.csv.gz'), native)
  trace = await openTrace(native)
  pages = trace.meta.pages
})

/** The same machine with `share` of the trace's pages on each node that has memory: little, but enough for all together. */
function scarce(machine: Machine): Machine {
  const nodes = machine.nodes.filter(({ bytes }) => bytes > 0)
  const each = Math.ceil((pages * 1.5) / nodes.length) + 64
  return withMemory(machine, nodes.map(({ id }) => `${id}=${each * 4}KiB`).join(','))
}

describe.each(machines)('%s', (_, make) => {
  test.each([
    ['with its own memory', (machine: Machine) => machine],
    ['with little memory', scarce],
  ])('%s', async (_, change) => {
    const machine = change(make())
    const run = await replay({ trace, machine, policies: POLICIES })
    const index = new Map(machine.nodes.map(({ id }, i) => [id, i]))
    const hasCpus = (id: number) => machine.nodes[index.get(id)!]!.cpus.length > 0
    const hasMemory = (id: number) => machine.nodes[index.get(id)!]!.bytes > 0
    const rows = <T>(table: Parameters<typeof run.rows>[0], lane: string) => (run.rows(table) as T[]).filter((row) => (row as { lane: string }).lane === lane)
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)

    for (const summary of run.rows('summary') as Record<string, number | string>[]) {
      const lane = summary['lane'] as string
      expect(summary).toMatchObject({ status: 'ok', accesses: trace.meta.accesses })
      expect((summary['local'] as number) + (summary['remote'] as number)).toBe(trace.meta.accesses)

      const traffic = rows<{ from_node: number; to_node: number; reads: number; writes: number }>('traffic', lane)
      const served = traffic.filter(({ reads, writes }) => reads + writes > 0)
      expect(sum(served.map(({ reads, writes }) => reads + writes))).toBe(trace.meta.accesses)
      for (const { from_node: from, to_node: to } of served) {
        expect(hasCpus(from), `${lane}: accesses from ${from}`).toBe(true)
        expect(hasMemory(to), `${lane}: memory of ${to}`).toBe(true)
      }
      expect(sum(served.filter((row) => row.from_node === row.to_node).map(({ reads, writes }) => reads + writes))).toBe(summary['local'])
      const idlePs = served.map(({ from_node: from, to_node: to, reads, writes }) => {
        const [i, j] = [index.get(from)!, index.get(to)!]
        return reads * machine.readLatencyPs[i]![j]! + writes * machine.writeLatencyPs[i]![j]!
      })
      expect(Math.abs((summary['memory_stall_ns'] as number) - (summary['queueing_ns'] as number) - sum(idlePs) / 1000)).toBeLessThan(2)

      const nodes = rows<{ node: number; time_ns: number; pages: number; capacity: number; accesses_in: number; accesses_out: number }>('nodes', lane)
      expect(new Set(nodes.map(({ node }) => node))).toEqual(new Set(index.keys()))
      for (const { node, pages, capacity } of nodes) {
        expect(pages).toBeLessThanOrEqual(capacity)
        if (!hasMemory(node)) expect(pages).toBe(0)
      }
      for (const node of index.keys()) {
        const here = nodes.filter((row) => row.node === node)
        expect(sum(here.map((row) => row.accesses_in))).toBe(sum(served.filter((row) => row.to_node === node).map(({ reads, writes }) => reads + writes)))
        expect(sum(here.map((row) => row.accesses_out))).toBe(sum(served.filter((row) => row.from_node === node).map(({ reads, writes }) => reads + writes)))
      }
      const end = Math.max(...nodes.map((row) => row.time_ns))
      // every page was touched and lies somewhere; copies count too
      expect(sum(nodes.filter((row) => row.time_ns === end).map((row) => row.pages))).toBe(pages)
    }
  })
})

test('a page goes to the node with memory that is nearest to who touches it first, also from a node without memory', async () => {
  const machine = imported(writeTemporary('numactl.txt', HOLES), writeTemporary('mlc.txt', MLC))
  const table = writeTemporary('x.csv', `time_ns,pid,tid,cpu,op,addr,size\n0,1,1,0,W,0x1000,8\n1,1,2,4,W,0x2000,8\n2,1,3,2,R,0x3000,8\n`)
  const run = await replay({ trace: await openTrace(table), machine, policies: ['first-touch'], cpus: 'recorded' })
  const served = (run.rows('traffic') as Record<string, number>[]).filter((row) => row['reads']! + row['writes']! > 0)
  expect(served.map((row) => [row['from_node'], row['to_node']]).sort()).toEqual([[0, 252], [252, 252], [8, 8]]) // biome-ignore format: pairs
  // half of 120 ns and of 91 ns for the stores, 88 ns for the load
  expect(run.rows('summary')[0]).toMatchObject({ memory_stall_ns: Math.round(60 + 45.5 + 88), local: 2, remote: 1 })
})
