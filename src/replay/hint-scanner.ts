/** Paces the kernel's hint scanner for one `onHintFault` rule: one scan of `size` per process whenever its period is over. */
import type { LaneKernel, MemoryLayout, NodeIndex, PageId } from '../kernel/index.ts'
import type { HintScan, Rule } from '../policy/index.ts'
import type { TaskTracker } from './task-tracker.ts'

type HintFaultRule = Extract<Rule, { kind: 'hint fault' }>

export class HintScanner {
  readonly rule: HintFaultRule
  readonly #kernel: LaneKernel
  readonly #pagesPerScan: number
  /** Policy clock, ns, per process. */
  readonly #due: number[]
  readonly #only: ((node: NodeIndex, page: PageId) => boolean) | undefined

  constructor(rule: HintFaultRule, kernel: LaneKernel, layout: MemoryLayout) {
    this.rule = rule
    this.#kernel = kernel
    this.#pagesPerScan = Math.max(1, Math.floor(rule.scan.size / layout.pageSize))
    this.#due = layout.processes.map(() => rule.scan.delay)
    this.#only = onlyAndMark(rule.scan)
  }

  /** `there`: see ScanChoice. */
  run(now: number, tasks: TaskTracker, there: number): void {
    const { period, scanned } = this.rule.scan
    for (let process = 0; process < this.#due.length; process++) {
      if (this.#due[process]! > now) continue
      const scan = this.#kernel.scanHints(process, this.#pagesPerScan, tasks.processNode(process), { only: this.#only, there })
      scanned?.({ process, updated: scan.updated, wrapped: scan.wrapped, timeNs: now })
      this.#due[process] = now + (typeof period === 'number' ? period : period(process))
    }
  }
}

/** The kernel asks for each pte that it is about to mark: the rule's filter, and its chance to note the time. */
function onlyAndMark({ only, marked }: HintScan): ((node: NodeIndex, page: PageId) => boolean) | undefined {
  if (marked === undefined) return only
  return (node, page) => {
    if (only !== undefined && !only(node)) return false
    marked(page)
    return true
  }
}
