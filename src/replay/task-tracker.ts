/** Where each task runs, as its accesses show; tells `onTaskMove` rules at the next boundary when that changed. */
import type { NodeIndex } from '../kernel/index.ts'
import type { Rule } from '../policy/index.ts'
import type { TickBlock } from '../trace/index.ts'
import type { ReplayContext } from './context.ts'

type TaskMoveRule = Extract<Rule, { kind: 'task move' }>

const UNKNOWN = 255

export class TaskTracker {
  readonly #context: ReplayContext
  readonly #rules: TaskMoveRule[]
  readonly #taskNode: Uint8Array
  /** Node where a task of the process ran last: where its scanner runs. */
  readonly #processNode: Uint8Array
  readonly #moved: { task: number; from: NodeIndex }[] = []
  /** Tasks not seen yet, and whether any task ever runs on two nodes: else nothing changes once all were seen. */
  #unseen: number
  readonly #someMove: boolean

  constructor(context: ReplayContext, rules: TaskMoveRule[]) {
    this.#context = context
    this.#rules = rules
    this.#taskNode = new Uint8Array(context.trace.tasks.length).fill(UNKNOWN)
    this.#processNode = new Uint8Array(context.trace.processes.length)
    const nodes = new Map<number, number>()
    let someMove = false
    context.trace.actorTask.forEach((task, actor) => {
      const node = context.actorNode[actor]!
      someMove ||= (nodes.get(task) ?? node) !== node
      nodes.set(task, node)
    })
    this.#unseen = nodes.size
    this.#someMove = someMove
  }

  processNode(process: number): NodeIndex {
    return this.#processNode[process]!
  }

  /** Reads who touched pages in tick `i`. */
  touched(block: TickBlock, i: number): void {
    if (this.#unseen === 0 && !this.#someMove) return
    const { trace, actorNode } = this.#context
    for (let k = block.touchStart[i]!; k < block.touchStart[i + 1]!; k++) {
      const actor = block.touchActor[k]!
      const task = trace.actorTask[actor]!
      const node = actorNode[actor]!
      const before = this.#taskNode[task]!
      if (before === node) continue
      this.#taskNode[task] = node
      this.#processNode[trace.tasks[task]!.process] = node
      if (before === UNKNOWN) this.#unseen--
      else if (this.#rules.length > 0) this.#moved.push({ task, from: before })
    }
  }

  report(timeNs: number): void {
    if (this.#moved.length === 0) return
    for (const { task, from } of this.#moved) {
      const to = this.#taskNode[task]!
      if (to === from) continue
      for (const rule of this.#rules) rule.react({ task, process: this.#context.trace.tasks[task]!.process, from, to, timeNs })
    }
    this.#moved.length = 0
  }
}
