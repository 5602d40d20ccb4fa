/** Plays the rare events of a trace at their boundaries: facts of the program to the kernel, decisions of its managers to rules. */
import type { LaneKernel, MemoryRange, NodeIndex } from '../kernel/index.ts'
import type { ManagementCall, Rule } from '../policy/index.ts'
import type { TraceEvent } from '../trace/index.ts'
import type { ReplayContext } from './context.ts'
import { pageAt } from './layout.ts'
import { nodeOfRecorded } from './recorded-nodes.ts'

type CpusetRule = Extract<Rule, { kind: 'cpuset change' }>
type SyscallRule = Extract<Rule, { kind: 'syscall' }>

export class EventPlayer {
  readonly #context: ReplayContext
  readonly #kernel: LaneKernel
  readonly #cpusetRules: CpusetRule[]
  readonly #syscallRules: SyscallRule[]
  readonly #freed: (node: NodeIndex, pages: number) => void
  #next = 0
  /** Cpusets as the trace sets them: memory nodes and member processes. */
  readonly #mems = new Map<string, NodeIndex[]>()
  readonly #groupOf = new Map<number, string>()

  constructor(
    context: ReplayContext,
    kernel: LaneKernel,
    cpusetRules: CpusetRule[],
    syscallRules: SyscallRule[],
    freed: (node: NodeIndex, pages: number) => void = () => {},
  ) {
    this.#freed = freed
    this.#context = context
    this.#kernel = kernel
    this.#cpusetRules = cpusetRules
    this.#syscallRules = syscallRules
  }

  /** All events up to `timeNs` on the trace's clock that were not yet played. */
  play(timeNs: number): void {
    const { events } = this.#context.trace
    while (this.#next < events.length && events[this.#next]!.timeNs <= timeNs) this.#play(events[this.#next++]!)
  }

  #play(event: TraceEvent): void {
    const kernel = this.#kernel
    switch (event.kind) {
      case 'munmap':
        this.#freeing(() => kernel.munmap(event.process, event.startVpage, event.pages))
        break
      case 'madvise':
        if (event.advice === 'dontneed' || event.advice === 'free') this.#freeing(() => kernel.munmap(event.process, event.startVpage, event.pages))
        break
      case 'exit':
        this.#freeing(() => kernel.exit(event.process))
        break
      case 'mlock':
        kernel.mlock(event.process, event.startVpage, event.pages)
        break
      case 'mbind': {
        const call = this.#mbind(event)
        kernel.mbind(call.range, call.mempolicy, { move: call.move, moveAll: call.moveAll, strict: call.strict })
        break
      }
      case 'set_mempolicy':
        kernel.setMempolicy(event.task, { mode: event.mode as never, nodes: this.#nodes(event.nodes) })
        break
      case 'migrate_pages':
        this.#decided({ kind: 'migrate_pages', process: event.process, from: this.#nodes(event.from), to: this.#nodes(event.to) })
        break
      case 'move_pages':
        this.#decided({ kind: 'move_pages', process: event.process, pages: this.#pages(event.process, event.vpages), to: this.#nodes(event.nodes) })
        break
      case 'cpuset_create':
        this.#mems.set(event.group, this.#nodes(event.mems))
        this.#decided({ kind: 'cpuset', group: event.group, cpus: event.cpus, mems: this.#nodes(event.mems) })
        break
      case 'cpuset_change':
        this.#changeCpuset(event)
        break
      case 'cpuset_attach':
        this.#attach(event.group, event.process)
        break
      case 'mmap': // the layout has it already
      case 'fork':
      case 'task_runs_on': // every access names its cpu
      case 'kernel_migrated': // for comparison only
      case 'lost':
        break
    }
  }

  /** Tells how many pages of each node the act gave back. */
  #freeing(act: () => void): void {
    const { nodes } = this.#context.machine
    const before = nodes.map((_, node) => this.#kernel.freePages(node))
    act()
    for (let node = 0; node < nodes.length; node++) this.#freed(node, this.#kernel.freePages(node) - before[node]!)
  }

  #changeCpuset({ group, cpus, mems }: Extract<TraceEvent, { kind: 'cpuset_change' }>): void {
    const from = this.#memsOf(group)
    const to = mems ? this.#nodes(mems) : from
    this.#mems.set(group, to)
    this.#decided({ kind: 'cpuset', group, cpus, mems: to })
    for (const [process, member] of this.#groupOf) if (member === group) this.#follow(group, process, from, to)
  }

  #attach(group: string, process: number): void {
    const from = this.#memsOf(this.#groupOf.get(process))
    this.#groupOf.set(process, group)
    this.#decided({ kind: 'cpuset', group, attach: [process] })
    this.#follow(group, process, from, this.#memsOf(group))
  }

  #follow(group: string, process: number, from: NodeIndex[], to: NodeIndex[]): void {
    for (const rule of this.#cpusetRules) rule.react({ group, process, from, to })
  }

  #decided(call: ManagementCall): void {
    for (const rule of this.#syscallRules) rule.react(call)
  }

  #memsOf(group: string | undefined): NodeIndex[] {
    const all = () => this.#context.machine.nodes.flatMap(({ bytes }, index) => (bytes > 0 ? [index] : []))
    return (group !== undefined ? this.#mems.get(group) : undefined) ?? all()
  }

  #nodes(recorded: number[]): NodeIndex[] {
    return [...new Set(recorded.map((id) => nodeOfRecorded(this.#context.machine, id)))]
  }

  #pages(process: number, vpages: number[]): number[] {
    return vpages.flatMap((vpage) => pageAt(this.#context.layout, process, vpage) ?? [])
  }

  #mbind(event: Extract<TraceEvent, { kind: 'mbind' }>) {
    const range: MemoryRange = { process: event.process, name: '', startVpage: event.startVpage, pages: event.pages }
    return {
      range,
      mempolicy: { mode: event.mode as never, nodes: this.#nodes(event.nodes) },
      move: event.flags.includes('move'),
      moveAll: event.flags.includes('move_all'),
      strict: event.flags.includes('strict'),
    }
  }
}
