/** A tiny language for kernel tests: `world({ nodes: [4, 4] })` is a lane kernel on a machine with so many pages per node. */
import { createLaneKernel, type LaneKernel, type LaneOptions, type LayoutVma, type MigrationRecord } from '../../src/kernel/index.ts'
import type { Machine } from '../../src/machine/index.ts'

export interface WorldOptions {
  /** Pages per node. */
  nodes: number[]
  distance?: number[][]
  /** Nodes without cpus are of tier 1. */
  cpuless?: number[]
  /** Pages of the one process, at page number 100 on. */
  pages?: number
  /** Their ids by address, where these are not ascending. */
  order?: number[]
  /** Further processes that map the same pages. */
  sharers?: number
  arrays?: LaneOptions['arrays']
}

export interface World {
  kernel: LaneKernel
  records: MigrationRecord[]
  placement(): number[]
}

export function testMachine({ nodes, distance, cpuless = [] }: WorldOptions): Machine {
  const equal = nodes.map((_, i) => nodes.map((_, j) => (i === j ? 10 : 20)))
  return {
    name: 'test',
    nodes: nodes.map((pages, id) => ({ id, cpus: cpuless.includes(id) ? [] : [id], bytes: pages * 4096, tier: cpuless.includes(id) ? 1 : 0, kind: 'DRAM' })),
    distance: distance ?? equal,
  } as unknown as Machine
}

export function world(options: WorldOptions): World {
  const { pages = 8, sharers = 0, order = Array.from({ length: pages }, (_, i) => i) } = options
  const records: MigrationRecord[] = []
  const vma = (): LayoutVma => ({ name: 'heap', startVpage: 100, ptes: Int32Array.from(order), shared: sharers > 0 })
  const processes = Array.from({ length: 1 + sharers }, (_, i) => ({ pid: 1000 + i, vmas: [vma()] }))
  const kernel = createLaneKernel(
    testMachine(options),
    { pageSize: 4096, pages, processes, tasks: processes.map(({ pid }, process) => ({ tid: pid, process })) },
    {
      seed: 1,
      label: 'test',
      ...(options.arrays && { arrays: options.arrays }),
      observer: { migration: (record) => records.push(structuredClone(record)), scanned: () => {}, copies: () => {}, replicated: () => {} },
    },
  )
  return { kernel, records, placement: () => [...kernel.placement.subarray(0, pages)] }
}

/** First touches by cpus of the nodes named, page 0 first: `touch(kernel, '0011')`. */
export function touch(kernel: LaneKernel, nodes: string): void {
  for (const [page, node] of [...nodes].entries()) kernel.faultIn(page, 0, Number(node), true)
}
