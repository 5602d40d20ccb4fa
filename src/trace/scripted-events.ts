/** A script of calls as events of a trace (`--events FILE`): what the recording does not hold, somebody writes down. */
import { UserError } from '../errors.ts'
import type { TraceEvent } from './events.ts'
import type { TraceTables } from './folded-trace.ts'
import type { AddressRange, ScriptCall, ScriptLine } from './script.ts'
import type { FoldingWriter } from './writer.ts'

/** Hands the lines to the writer, which puts each between the accesses before and after its time. */
export function schedule(writer: FoldingWriter, lines: readonly ScriptLine[], file: string): void {
  const groups = new Set<string>()
  const pages = ({ startBytes, bytes }: AddressRange) => {
    const startVpage = Math.floor(startBytes / writer.pageSize)
    return { startVpage, pages: Math.ceil((startBytes + bytes) / writer.pageSize) - startVpage }
  }
  const eventOf = (call: ScriptCall, timeNs: number, line: number): TraceEvent => {
    switch (call.kind) {
      case 'migrate_pages':
        return { timeNs, kind: 'migrate_pages', process: writer.process(call.pid), from: call.from, to: call.to }
      case 'move_pages': {
        const vpages = call.addresses.map((address) => Math.floor(address / writer.pageSize))
        return { timeNs, kind: 'move_pages', process: writer.process(call.pid), vpages, nodes: vpages.map((_, i) => call.nodes[i] ?? call.nodes[0]!) }
      }
      case 'mbind':
        return { timeNs, kind: 'mbind', process: writer.process(call.pid), ...pages(call.range), mode: call.mode, nodes: call.nodes, flags: call.flags }
      case 'set_mempolicy':
        return { timeNs, kind: 'set_mempolicy', task: writer.task(call.pid, call.tid), mode: call.mode, nodes: call.nodes }
      case 'cpuset': {
        const { name: group, cpus, mems } = call
        if (groups.has(group)) return { timeNs, kind: 'cpuset_change', group, cpus, mems }
        groups.add(group)
        if (!cpus || !mems) throw new UserError(`cpuset ${group} is new`, { file, line, expected: 'both mems= and cpus= when a cpuset is first named' })
        return { timeNs, kind: 'cpuset_create', group, cpus, mems }
      }
      case 'attach':
        if (!groups.has(call.cpuset)) throw new UserError(`no cpuset ${call.cpuset} yet`, { file, line, hint: `Write \`cpuset name=${call.cpuset} …\` before` })
        return { timeNs, kind: 'cpuset_attach', group: call.cpuset, process: writer.process(call.pid) }
      case 'mlock':
        return { timeNs, kind: 'mlock', process: writer.process(call.pid), ...pages(call.range) }
      case 'madvise':
        return { timeNs, kind: 'madvise', process: writer.process(call.pid), ...pages(call.range), advice: call.advice }
      case 'munmap':
        return { timeNs, kind: 'munmap', process: writer.process(call.pid), ...pages(call.range) }
      case 'run_on':
        return { timeNs, kind: 'task_runs_on', task: writer.task(call.pid, call.tid), cpu: call.cpu }
    }
  }
  writer.schedule(lines.map(({ timeNs, line, call }) => ({ timeNs, event: (atNs) => eventOf(call, atNs, line) })))
}

/** A pid that the recording does not have is a slip of the pen. */
export function checkPids(lines: readonly ScriptLine[], { tasks }: Pick<TraceTables, 'tasks'>, file: string): void {
  const known = new Set(tasks.filter(({ accesses }) => accesses > 0).map(({ pid }) => pid))
  for (const { call, line } of lines) {
    if ('pid' in call && !known.has(call.pid))
      throw new UserError('the trace has no such process', { file, line, field: 'pid', expected: [...known].slice(0, 20).join(', '), got: String(call.pid) })
  }
}
