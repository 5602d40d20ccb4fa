import { describe, expect, test } from 'vitest'
import { cpuToNode, machine, presets } from '../../src/machine/index.ts'

const all = presets()

/** Local memory is not the fastest there: node interleaving makes all memory the same. */
const FLAT = ['bdw-2s-interleave']

test('names and aliases are unique', () => {
  const names = all.flatMap(({ name, aliases }) => [name, ...aliases])
  expect(new Set(names).size).toBe(names.length)
  for (const { name, aliases, machine: preset } of all) for (const one of [name, ...aliases]) expect(machine(one)).toEqual(preset)
})

test('every preset with a measured matrix says so', () => {
  const measured = all.filter(({ machine }) => machine.latencySource === 'measured').map(({ name }) => name)
  expect(measured).toEqual([
    '2s-plus-cxl',
    'bdw-2s',
    'bdw-2s-interleave',
    'cxl-early',
    'epyc-1s-nps4',
    'gnr-2s',
    'gnr-2s-snc3',
    'memtis-constants',
    'nhm-ex-4s',
    'skx-cl-2s',
    'skx-cl-2s-snc2',
    'spr-2s',
    'xeon-2s',
  ])
})

describe.each(all)('$name', ({ name, machine }) => {
  const size = machine.nodes.length
  const matrices = { distance: machine.distance, read: machine.readLatencyPs, write: machine.writeLatencyPs, link: machine.load?.linkBytesPerSecond }

  test('matrices are square, of positive integers', () => {
    for (const matrix of Object.values(matrices)) {
      if (!matrix) continue
      expect(matrix.map((row) => row.length)).toEqual(machine.nodes.map(() => size))
      for (const cell of matrix.flat()) expect(Number.isSafeInteger(cell) && cell > 0).toBe(true)
    }
  })

  test('a node with cpus reaches its own memory fastest', () => {
    for (const [i, node] of machine.nodes.entries()) {
      expect(machine.distance[i]![i]).toBe(10)
      if (node.cpus.length === 0) continue
      const others = machine.readLatencyPs[i]!.filter((_, j) => j !== i)
      for (const other of others) {
        if (FLAT.includes(name)) expect(other).toBe(machine.readLatencyPs[i]![i])
        else expect(other).toBeGreaterThan(machine.readLatencyPs[i]![i]!)
      }
    }
  })

  test('rows of memory-only nodes are those of a node with cpus', () => {
    for (const [i, node] of machine.nodes.entries()) {
      if (node.cpus.length > 0) continue
      const withCpus = machine.readLatencyPs.filter((_, j) => machine.nodes[j]!.cpus.length > 0)
      expect(withCpus).toContainEqual(machine.readLatencyPs[i])
    }
  })

  test('tiers start at 0 without gaps, and slower tiers are slower', () => {
    const tiers = [...new Set(machine.nodes.map((node) => node.tier))].sort((a, b) => a - b)
    expect(tiers).toEqual(tiers.map((_, i) => i))
    const bestOf = (tier: number) =>
      Math.min(...machine.readLatencyPs.flatMap((row, i) => row.filter((_, j) => machine.nodes[i]!.cpus.length > 0 && machine.nodes[j]!.tier === tier)))
    for (const tier of tiers.slice(1)) expect(bestOf(tier)).toBeGreaterThan(bestOf(tier - 1))
  })

  test('every cpu has one node; costs are whole picoseconds; stage shares sum to 1', () => {
    expect(cpuToNode(machine).size).toBe(machine.nodes.reduce((sum, node) => sum + node.cpus.length, 0))
    const { stageShares, ...costs } = machine.costs
    for (const cost of Object.values(costs)) expect(Number.isSafeInteger(cost) && cost >= 0).toBe(true)
    expect(Object.values(stageShares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
  })

  test('where it comes from is said, and what was not measured costs a warning', () => {
    expect(machine.about).not.toBe('')
    expect(machine.sources.length).toBeGreaterThan(0)
    expect(machine.evidence).not.toBe('not stated')
    expect(machine.warnings.length > 0).toBe(machine.latencySource !== 'measured')
  })
})
