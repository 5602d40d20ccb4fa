/** Keeps /proc/PID/numa_maps of every process, and numastat, at the moments that were asked for. */
import type { Row } from '../columns/index.ts'
import type { LaneKernel } from '../kernel/index.ts'
import type { ReplayContext } from './context.ts'

export class NumaMapsLog {
  readonly #context: ReplayContext
  readonly #lane: string
  readonly #kernel: LaneKernel
  readonly #rows: Row[] = []
  #next = 0

  constructor(context: ReplayContext, lane: string, kernel: LaneKernel) {
    this.#context = context
    this.#lane = lane
    this.#kernel = kernel
  }

  /** At a boundary, before anything happens there. */
  take(sinceStartNs: number): void {
    const { numaMapsAtNs } = this.#context
    while (this.#next < numaMapsAtNs.length && numaMapsAtNs[this.#next]! <= sinceStartNs) this.#keep(numaMapsAtNs[this.#next++]!)
  }

  /** Moments after the end show the end. */
  finish(): Row[] {
    this.take(Number.POSITIVE_INFINITY)
    return this.#rows
  }

  #keep(timeNs: number): void {
    this.#context.trace.processes.forEach((pid, process) => {
      for (const line of this.#kernel.numaMaps(process).split('\n')) this.#rows.push({ lane: this.#lane, time_ns: timeNs, view: 'numa_maps', pid, line })
    })
    for (const line of this.#kernel.numastat().split('\n')) this.#rows.push({ lane: this.#lane, time_ns: timeNs, view: 'numastat', pid: null, line })
  }
}
