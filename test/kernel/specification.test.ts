/** Worked examples of the kernel's documentation and of its recorded behaviour, as golden tables. */
import { describe, expect, it } from 'vitest'
import { type Mempolicy, makePolicy, rebindPolicy } from '../../src/kernel/mempolicy.ts'
import { migrationPairs } from '../../src/kernel/migrate-pages.ts'
import { relativeMask, remapMask } from '../../src/kernel/node-mask.ts'
import { buildZonelists } from '../../src/kernel/zonelist.ts'

const machine = (distance: number[][]) => ({ nodes: distance.map((_, id) => ({ id, cpus: [id], bytes: 2 ** 20, tier: 0, kind: '' })), distance })

describe('do_migrate_pages() pairs nodes (observed on Linux 6.12)', () => {
  const table: [from: number[], to: number[], pairs: string][] = [
    [[0, 1], [1, 2], '1->2 0->1'],
    [[0, 1, 2], [1, 2, 3], '2->3 1->2 0->1'],
    [[1, 2, 3], [0, 1, 2], '1->0 2->1 3->2'],
    [[2, 3, 4], [3, 4, 5], '4->5 3->4 2->3'],
    [[0, 1, 2], [3, 4], '0->3 1->4 2->3'],
    [[0, 1, 2, 3, 4, 5, 6, 7], [3, 4, 5], '7->4 6->3 2->5 1->4 0->3'],
    [[1], [1], ''],
    [[0, 1], [2], '0->2 1->2'],
    [[0], [1, 2], '0->1'],
    [[0, 1], [2, 3, 4], '0->2 1->3'],
    [[0, 1], [0], '1->0'],
    [[0, 1], [0, 2], '1->2'],
    [[0, 2], [1, 3], '0->1 2->3'],
    [[0, 1, 2], [0, 2, 3], '2->3 1->2'],
    [[0, 1, 2], [1], '2->1 0->1'],
    [[0, 1, 2], [1, 2], '0->1'],
    [[0, 1, 2, 3], [2, 3], '1->3 0->2'],
    [[0, 1, 2, 3], [0, 1, 4, 5], '2->4 3->5'],
    [[0, 1, 2, 3, 4], [1, 3], '4->1 2->1 0->1'],
    [[3], [0, 1, 2, 3], ''],
    [[0], [2, 5], '0->2'],
  ]
  it.each(table)('%j to %j', (from, to, pairs) => {
    const got = migrationPairs(from, to).map(([source, destination]) => `${source}->${destination}`)
    expect(got.join(' ')).toBe(pairs)
  })
})

// without the penalty for nodes with cpus, which is not yet known when x86 builds the lists (docs/fidelity.md)
describe('build_zonelists() orders nodes (printed by Linux at boot)', () => {
  const equal = (n: number) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 10 : 20)))
  const table: [name: string, distance: number[][], lists: string][] = [
    ['2 nodes', equal(2), '01 10'],
    ['4 nodes, all 20', equal(4), '0123 1230 2301 3012'],
    ['4-ring', [[10, 20, 30, 20], [20, 10, 20, 30], [30, 20, 10, 20], [20, 30, 20, 10]], '0132 1203 2310 3021'],
    ['2 sockets + 2 slow', [[10, 20, 30, 40], [20, 10, 40, 30], [30, 40, 10, 40], [40, 30, 40, 10]], '0123 1032 2031 3102'],
    ['2 sockets + 1 far', [[10, 21, 24], [21, 10, 24], [24, 24, 10]], '012 102 201'],
  ] // biome-ignore format: matrices read as rows
  it.each(table)('%s', (_, distance, lists) => {
    expect(
      buildZonelists(machine(distance))
        .map((list) => [...list].join(''))
        .join(' '),
    ).toBe(lists)
  })

  it('leaves out nodes without memory, also as the start', () => {
    const two = machine(equal(3))
    two.nodes[1]!.bytes = 0
    expect(buildZonelists(two).map((list) => [...list])).toEqual([
      [0, 2],
      [2, 0],
      [2, 0],
    ])
  })
})

describe('node masks', () => {
  it('relative nodes fold and then count within the allowed ones', () => {
    expect(relativeMask([0, 2], [4, 5, 6])).toEqual([4, 6])
    expect(relativeMask([1, 3], [4, 5])).toEqual([5])
  })

  it('remapping is many-to-one and lossy; strangers stay', () => {
    expect(remapMask([0, 1], [0, 1], [2])).toEqual([2])
    expect(remapMask([2], [2], [0, 1])).toEqual([0])
    expect(remapMask([7], [0, 1], [2, 3])).toEqual([7])
  })
})

describe('mempolicies', () => {
  const nodes = [0, 1, 2, 3]
  const policy = (...args: Parameters<typeof makePolicy> extends [infer M, infer F, infer U, ...unknown[]] ? [M, F, U] : never) =>
    makePolicy(args[0], args[1], args[2], nodes, nodes, 4) as Mempolicy

  it('PREFERRED keeps the first node, or none at all', () => {
    expect(policy('preferred', [], [2, 3])).toMatchObject({ mode: 'preferred', nodes: [2] })
    expect(policy('preferred', [], [])).toMatchObject({ mode: 'local', nodes: [] })
  })

  it('refuses empty, contradictory and misplaced arguments', () => {
    expect(policy('bind', [], [])).toBe(-22)
    expect(policy('default', [], [1])).toBe(-22)
    expect(policy('bind', ['static', 'relative'], [1])).toBe(-22)
    expect(policy('interleave', ['balancing'], [1])).toBe(-22)
    expect(policy('bind', [], [9])).toBe(-22)
  })

  it('a cpuset change moves BIND along, filters STATIC, refolds RELATIVE, leaves PREFERRED', () => {
    expect(rebindPolicy(policy('bind', [], [0, 3]), [1, 2], 4).nodes).toEqual([1, 2])
    expect(rebindPolicy(policy('bind', ['static'], [1, 3]), [1, 2], 4).nodes).toEqual([1])
    expect(rebindPolicy(policy('bind', ['static'], [3]), [1, 2], 4).nodes).toEqual([1, 2])
    expect(rebindPolicy(policy('interleave', ['relative'], [0, 2]), [1, 2], 4).nodes).toEqual([1])
    expect(rebindPolicy(policy('preferred', [], [3]), [1, 2], 4).nodes).toEqual([3])
  })
})
