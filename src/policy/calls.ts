/**
 * Calls that somebody makes who manages a program, in the vocabulary of the manual pages: recorded in a trace, or written
 * in a script. Nodes are machine indexes here; `process` and pages are those of the trace.
 */
import type { MemoryRange, MemPolicy, NodeIndex, PageId } from '../kernel/index.ts'
import type { World } from './define.ts'

export type ManagementCall =
  /** migrate_pages(2), migratepages(8). */
  | { kind: 'migrate_pages'; process: number; from: NodeIndex[]; to: NodeIndex[] }
  /** move_pages(2): page i to to[i], or all to to[0]. */
  | { kind: 'move_pages'; process: number; pages: PageId[]; to: NodeIndex[] }
  /** mbind(2). */
  | { kind: 'mbind'; range: MemoryRange; mempolicy: MemPolicy; move: boolean; moveAll: boolean; strict: boolean }
  /** set_mempolicy(2) of a task. */
  | { kind: 'set_mempolicy'; task: number; mempolicy: MemPolicy }
  /** Writes to cpuset.mems, cpuset.cpus and cgroup.procs of a cpuset (created on first use). */
  | { kind: 'cpuset'; group: string; cpus?: number[]; mems?: NodeIndex[]; attach?: number[] }

/** Makes the call; what it moves and what fails is accounted for like any other call. */
export function perform({ kernel }: World, call: ManagementCall): void {
  switch (call.kind) {
    case 'migrate_pages':
      kernel.migratePages(call.process, call.from, call.to)
      break
    case 'move_pages':
      kernel.movePages(call.pages, call.to.length === 1 ? call.to[0]! : call.to)
      break
    case 'mbind':
      kernel.mbind(call.range, call.mempolicy, { move: call.move, moveAll: call.moveAll, strict: call.strict })
      break
    case 'set_mempolicy':
      kernel.setMempolicy(call.task, call.mempolicy)
      break
    case 'cpuset':
      kernel.setCpuset(call.group, { cpus: call.cpus, mems: call.mems, attach: call.attach })
      break
  }
}
