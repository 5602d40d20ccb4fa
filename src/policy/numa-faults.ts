/** The kernel's statistics of NUMA hint faults over the processes and tasks of a trace. */
import * as kernel from '../kernel/index.ts'
import type { World } from './define.ts'
import { nearest } from './nodes.ts'

export const { NO_NODE, NO_TASK } = kernel

export class NumaFaults extends kernel.NumaFaults {
  readonly #members: number[][]

  constructor(world: World, settings: kernel.ScanSettings) {
    const cpuNodes = world.machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    super(
      {
        nodes: world.machine.nodes.length,
        nearestWithCpus: (node) => nearest(world.machine, node, cpuNodes) ?? node,
        now: () => world.now(),
        residentPages: (process) => world.kernel.ranges(process).reduce((pages, range) => pages + range.pages, 0),
        tasks: world.tasks,
      },
      settings,
    )
    for (const process of world.processes.keys()) this.sequence[process] = 0
    this.#members = world.processes.map((_, process) => [...world.tasks.keys()].filter((task) => world.tasks[task]!.process === process))
  }

  /** The first thread of the process whose period is over scans for all of them. */
  scanPeriod(process: number): number {
    let least = Number.POSITIVE_INFINITY
    for (const task of this.#members[process]!) least = Math.min(least, this.period(task))
    return least
  }
}
