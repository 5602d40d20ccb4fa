/** Traces from plain lists, for tests and notebooks. */
import type { TraceEvent } from './events.ts'
import { inMemory } from './folded-trace.ts'
import { type AccessKind, MODIFY, READ, WRITE } from './format.ts'
import type { PageSample } from './page-sample.ts'
import type { PreparedTrace } from './prepared.ts'
import { FoldingWriter } from './writer.ts'

export interface ListedAccess {
  /** ns. */
  t: number
  /** Either an address or a page number. */
  addr?: number
  page?: number
  pid?: number
  tid?: number
  cpu?: number
  op?: 'R' | 'W' | 'M'
  bytes?: number
  weight?: number
}

export interface ListOptions {
  pageSize?: number
  tickNs?: number
  events?: TraceEvent[]
  sample?: PageSample
}

const KINDS: Record<string, AccessKind> = { R: READ, W: WRITE, M: MODIFY }

/**
 * A prepared trace of a list sorted by time. Processes and tasks get their indexes in order of first appearance; an event
 * comes before the accesses of the same time.
 */
export function traceFromAccesses(list: Iterable<ListedAccess>, options: ListOptions = {}): PreparedTrace {
  const { pageSize = 4096, tickNs, events = [], sample } = options
  const writer = new FoldingWriter({ file: 'list', pageSize, tickNs, sample })
  let nextEvent = 0
  for (const { t, addr, page, pid = 1, tid = pid, cpu = 0, op = 'R', bytes = 8, weight = 1 } of list) {
    const task = writer.task(pid, tid)
    while (nextEvent < events.length && events[nextEvent]!.timeNs <= t) writer.event(events[nextEvent++]!)
    const address = addr ?? (page ?? 0) * pageSize
    writer.access(t, task, cpu, Math.floor(address / 2 ** 32), address >>> 0, bytes, KINDS[op]!, weight)
  }
  while (nextEvent < events.length) writer.event(events[nextEvent++]!)
  const carries = ['accesses', 'tasks', 'cpus', 'time', 'events'] as const
  return inMemory(writer.finish({ format: 'list', fidelity: 'every access', carries }))
}
