import { describe, expect, test } from 'vitest'
import { describeMachine, describePresets, machine, parseMachine, presets } from '../../src/machine/index.ts'

describe('machine show', () => {
  test('nodes, tiers and matrices; nobody accesses from a memory-only node', () => {
    const text = describeMachine(machine('2s-plus-cxl'))
    expect(text).toContain(`Nodes
  node  tier    kind  memory  cpus
     0  tier 0  DRAM  128GiB  24 cpus: 0-23
     1  tier 0  DRAM  128GiB  24 cpus: 24-47
     2  tier 1  CXL   128GiB  no cpus
`)
    expect(text).toContain(`Idle read latency, ns (rows: accessing node, columns: memory)
          0      1      2
  0:  130.2  231.2  265.7
  1:  238.2  130.1  368.7

SLIT distance
       0   1   2
  0:  10  21  14
  1:  21  10  24
  2:  14  24  10
`)
    expect(text).toContain('B (output of a standard tool, published by its user)')
  })

  // measured ratio by SLIT distance; docs/machines.md lists the means
  test.each([
    ['skx-cl-2s', /^ +21 +2\.1 +1\.84 /m],
    ['skx-cl-2s-snc2', /^ +11 +1\.1 +1\.06 .*\n +21 +2\.1 +1\.7\d /m],
    ['epyc-1s-nps4', /^ +12 +1\.2 +1\.1\d \(1\.0\d to 1\.1\d\)/m],
    ['gnr-2s', /^ +21 +2\.1 +3\.\d+ .* 1\.8\d$/m],
  ])('%s: SLIT is not latency', (name, row) => {
    expect(describeMachine(machine(name))).toMatch(row)
  })

  test('inferred latencies are not compared with themselves, and warned about', () => {
    const text = describeMachine(machine('qemu-4n-ring'))
    expect(text).not.toContain('SLIT is not latency\n')
    expect(text).toMatch(/^warning +latency inferred from SLIT/m)
  })

  test('distances that are category codes get their own warning', () => {
    const text = describeMachine(
      parseMachine('nodes: [{id: 0, cpus: 0, memory: 1GiB}, {id: 8, cpus: 1, memory: 1GiB}]\ndistance: [[10, 40], [40, 10]]', 'p.yaml'),
    )
    expect(text).toContain('category codes (POWER)')
  })
})

test('machine list has a line for every preset', () => {
  const lines = describePresets(presets()).trimEnd().split('\n')
  expect(lines.length).toBe(presets().length + 1)
  expect(lines.find((line) => line.startsWith('skx-cl-2s, 2-socket'))).toMatch(/ 2 +192GiB +measured +2 x Xeon/)
})
