/** Asks a policy's allocation rules where a page that is touched first should go: the first rule that names a node decides. */
import type { NodeIndex } from '../kernel/index.ts'
import type { Rule } from '../policy/index.ts'
import type { ReplayContext } from './context.ts'

type AllocationRule = Extract<Rule, { kind: 'allocation' }>

export class AllocationRules {
  readonly #rules: AllocationRule[]
  readonly #context: ReplayContext
  /** Flyweight: valid during the call that receives it. */
  readonly #allocation = { page: 0, node: 0, task: 0, process: 0, vpage: 0 }

  constructor(rules: AllocationRule[], context: ReplayContext) {
    this.#rules = rules
    this.#context = context
  }

  get areNone(): boolean {
    return this.#rules.length === 0
  }

  /** Undefined: the memory policy decides. */
  choose(page: number, actor: number): NodeIndex | undefined {
    const { trace, actorNode } = this.#context
    const allocation = this.#allocation
    allocation.page = page
    allocation.node = actorNode[actor]!
    allocation.task = trace.actorTask[actor]!
    allocation.process = trace.pageProcess[page]!
    allocation.vpage = trace.pageVpage[page]!
    for (const rule of this.#rules) {
      const node = rule.choose(allocation)
      if (node !== undefined) return node
    }
    return undefined
  }
}
