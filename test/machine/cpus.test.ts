import { describe, expect, test } from 'vitest'
import { parseMachine, spreadCpus } from '../../src/machine/index.ts'

const machine = parseMachine(
  `
nodes:
  - { id: 0, cpus: 0-3, memory: 1GiB }
  - { id: 2, memory: 4GiB, tier: 1, kind: CXL }
  - { id: 5, cpus: '8-11', memory: 1GiB }
`,
  'sparse.yaml',
)

describe('recorded cpus on a machine', () => {
  test.each([
    ['as recorded when they exist and lie on more than one node', [0, 8], 'auto', [0, 2], 'cpus 0 on node 0, 8 on node 5 (as recorded)'],
    ['spread when all lie on one node', [0, 1, 2, 3], 'auto', [0, 0, 2, 2], 'cpus 0-1 on node 0, 2-3 on node 5 (spread in equal blocks)'],
    ['spread when one does not exist', [0, 8, 40], 'auto', [0, 0, 2], 'cpus 0,8 on node 0, 40 on node 5 (spread in equal blocks)'],
    ['a single existing cpu stays', [9], 'auto', [2], 'cpus 9 on node 5 (as recorded)'],
    ['a single foreign cpu goes to the first node', [99], 'auto', [0], 'cpus 99 on node 0 (spread in equal blocks)'],
    ['as recorded', [1, 2], 'recorded', [0, 0], 'cpus 1-2 on node 0 (as recorded)'],
    ['spread keeps the order given', [7, 6, 5, 4], 'spread', [2, 2, 0, 0], 'cpus 4-5 on node 0, 6-7 on node 5 (spread in equal blocks)'],
    ['listed by node id', [0, 1, 2, 3], '0,2:5,1,3:0', [2, 0, 2, 0], 'cpus 1,3 on node 0, 0,2 on node 5 (as given)'],
  ])('%s', (_, cpus, mode, nodes, text) => {
    expect(spreadCpus(machine, cpus, mode)).toEqual({ nodes, text })
  })

  test.each([
    ['recorded', /cpu 7, which sparse does not have/],
    ['0-7:2', /node 2 of sparse has memory but no cpus .*0, 5/],
    ['0-7:1', /has no node 1/],
    ['0-3:0', /also ran on cpu 7/],
    ['0-7:0,7:5', /cpu 7 is placed twice/],
    ['0-7', /not a placement/],
    ['0-7:x', /not a placement/],
    ['sprad', /not a placement/],
    ['', /not a placement/],
  ])('%j is refused', (mode, message) => {
    expect(() => spreadCpus(machine, [0, 7], mode)).toThrow(message)
  })
})
