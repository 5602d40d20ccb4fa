/** Scripts of calls (`2s migrate_pages pid=1 from=0 to=1`) as calls on the machine and trace of this run. */
import { UserError } from '../errors.ts'
import type { MemoryRange, MemPolicy } from '../kernel/index.ts'
import { type AddressRange, parseScript, type ScriptCall } from '../trace/index.ts'
import { formatList } from '../units.ts'
import type { ManagementCall } from './calls.ts'
import type { World } from './define.ts'

export interface ScheduledCall {
  /** Since the start of the trace. */
  timeNs: number
  call: ManagementCall
}

/** `file` is the name for messages. Processes, tasks, pages and nodes must exist in this run. */
export function scheduleOf(world: World, text: string, file: string): ScheduledCall[] {
  return parseScript(text, file).map(({ timeNs, call, line }) => {
    try {
      return { timeNs, call: resolve(world, call) }
    } catch (error) {
      if (error instanceof UserError) throw new UserError({ ...error.parts, file, line })
      throw error
    }
  })
}

function resolve(world: World, call: ScriptCall): ManagementCall {
  const nodes = (ids: number[]) => ids.map((id) => world.machine.indexOf(id))
  switch (call.kind) {
    case 'migrate_pages':
      return { kind: 'migrate_pages', process: processOf(world, call.pid), from: nodes(call.from), to: nodes(call.to) }
    case 'move_pages': {
      const process = processOf(world, call.pid)
      return { kind: 'move_pages', process, pages: call.addresses.map((address) => pageOf(world, process, address)), to: nodes(call.nodes) }
    }
    case 'mbind':
      return {
        kind: 'mbind',
        range: rangeOf(world, call.pid, call.range),
        mempolicy: { mode: mode(call.mode), nodes: nodes(call.nodes) },
        move: call.flags.includes('move'),
        moveAll: call.flags.includes('move-all'),
        strict: call.flags.includes('strict'),
      }
    case 'set_mempolicy':
      return { kind: 'set_mempolicy', task: taskOf(world, call.pid, call.tid), mempolicy: { mode: mode(call.mode), nodes: nodes(call.nodes) } }
    case 'cpuset':
      return { kind: 'cpuset', group: call.name, cpus: call.cpus, mems: call.mems && nodes(call.mems) }
    case 'attach':
      return { kind: 'cpuset', group: call.cpuset, attach: [processOf(world, call.pid)] }
    case 'mlock':
    case 'madvise':
    case 'munmap':
    case 'run_on':
      throw new UserError(`${call.kind} is the program's own doing, not an operator's`, { hint: 'Give it with --events, which every policy sees' })
  }
}

const mode = (written: string): MemPolicy['mode'] => written.replaceAll('-', '_') as MemPolicy['mode']

function processOf({ processes }: World, pid: number): number {
  const process = processes.findIndex((candidate) => candidate.pid === pid)
  if (process >= 0) return process
  throw new UserError('no such process in the trace', { field: 'pid', expected: formatList(processes.map((candidate) => candidate.pid)), got: String(pid) })
}

function taskOf({ tasks }: World, pid: number, tid: number): number {
  const task = tasks.findIndex((candidate) => candidate.pid === pid && candidate.tid === tid)
  if (task >= 0) return task
  const own = tasks.filter((candidate) => candidate.pid === pid).map((candidate) => candidate.tid)
  throw new UserError('no such task in the trace', { field: 'tid', expected: formatList(own), got: String(tid) })
}

function rangeOf(world: World, pid: number, { startBytes, bytes }: AddressRange): MemoryRange {
  const startVpage = Math.floor(startBytes / world.pageSize)
  const end = Math.ceil((startBytes + bytes) / world.pageSize)
  return { process: processOf(world, pid), name: '', startVpage, pages: end - startVpage }
}

function pageOf(world: World, process: number, address: number): number {
  const page = world.pageAt(process, Math.floor(address / world.pageSize))
  if (page !== undefined) return page
  throw new UserError('the trace never touches this page', { field: 'pages', got: `0x${address.toString(16)}` })
}
