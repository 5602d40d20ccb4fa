/**
 * What the JSON parts of a native file must be: a file may come from anywhere, with its checksums in order. Fields that are not
 * named here pass, and everything that indexes something lies within it.
 */
import * as z from '../schema.ts'
import type { TraceEvent } from './events.ts'
import { Malformed } from './sections.ts'

const count = z.int().min(0)
const id = count.max(0xffff)
const vpage = count
const pid = z.int()

const SectionPlace = z.looseObject({ offset: count, bytes: count.min(4), crc32: count.max(0xffff_ffff) })
const Verdict = z.looseObject({ code: z.string(), severity: z.enum(['info', 'warning', 'error']), message: z.string(), advice: z.string() })

const Meta = z.looseObject({
  schema: z.literal('numareplay/trace/1'),
  file: z.string(),
  format: z.string(),
  digest: z.string(),
  fidelity: z.enum(['every access', 'samples', 'regions']),
  filtered: z.union([z.literal(false), z.string()]),
  carries: z.array(z.enum(['accesses', 'tasks', 'cpus', 'time', 'events', 'physical addresses'])),
  pageSize: z
    .int()
    .min(4096)
    .max(2 ** 30)
    .refine((size) => Number.isInteger(Math.log2(size))),
  accesses: count,
  reads: count,
  writes: count,
  records: count,
  bytes: z.number().min(0),
  pages: count,
  pagesWritten: count,
  timeFirstNs: count,
  timeLastNs: count,
  timeSorted: z.boolean(),
  tickNs: count.min(1),
  events: z.record(z.string(), count),
  formatFacts: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  lint: z.array(Verdict),
  sample: z.looseObject({ oneIn: count.min(1), exactPages: count, sampledPages: count, sampledAccesses: count, leftOutAccesses: count }).optional(),
})

export const FooterShape = z.looseObject({
  meta: Meta.refine(({ timeFirstNs, timeLastNs }) => timeFirstNs <= timeLastNs),
  startNs: count,
  ticks: count,
  actors: count.max(0x1_0000),
  sections: z.looseObject({ ticks: z.array(SectionPlace), pages: z.array(SectionPlace), actors: SectionPlace, tables: SectionPlace }),
  blocks: z.array(SectionPlace.extend({ firstTick: count, ticks: count, pairs: count, touches: count })),
  accesses: z
    .looseObject({ blocks: z.array(SectionPlace.extend({ accesses: count.min(1), runs: count.min(1), startNs: count })), events: SectionPlace })
    .optional(),
})

const range = { process: id, startVpage: vpage, pages: count }
const nodes = z.array(id)
const kind = <K extends TraceEvent['kind'], S extends z.core.$ZodLooseShape>(name: K, shape: S) =>
  z.looseObject({ timeNs: count, kind: z.literal(name), ...shape })

const Event = z.discriminatedUnion('kind', [
  kind('mmap', { ...range, name: z.string(), shared: z.boolean().optional() }),
  kind('munmap', range),
  kind('fork', { process: id, child: id }),
  kind('exit', { process: id }),
  kind('mlock', range),
  kind('madvise', { ...range, advice: z.string() }),
  kind('mbind', { ...range, mode: z.string(), nodes, flags: z.array(z.string()) }),
  kind('set_mempolicy', { task: id, mode: z.string(), nodes }),
  kind('migrate_pages', { process: id, from: nodes, to: nodes }),
  kind('move_pages', { process: id, vpages: z.array(vpage), nodes }),
  kind('cpuset_create', { group: z.string(), cpus: nodes, mems: nodes }),
  kind('cpuset_change', { group: z.string(), cpus: nodes.optional(), mems: nodes.optional() }),
  kind('cpuset_attach', { group: z.string(), process: id }),
  kind('task_runs_on', { task: id, cpu: id }),
  kind('kernel_migrated', { succeeded: count, failed: count, reason: z.string() }),
  kind('lost', { records: count }),
])

export const TablesShape = z
  .looseObject({
    processes: z.array(pid),
    tasks: z.array(z.looseObject({ pid, tid: pid, process: id, accesses: count })),
    cpus: z.array(z.looseObject({ cpu: id, accesses: count })),
    events: z.array(Event),
    exactPages: z.array(count.max(0xffff_ffff)).optional(),
  })
  .refine(({ processes, tasks, events }) => {
    const isProcess = (index: number) => index < processes.length
    return tasks.every(({ process }) => isProcess(process)) && events.every((event) => refersTo(event, isProcess, tasks.length))
  })

function refersTo(event: z.infer<typeof Event>, isProcess: (index: number) => boolean, tasks: number): boolean {
  if (event.kind === 'fork' && !isProcess(event.child)) return false
  if ('process' in event && !isProcess(event.process as number)) return false
  return !('task' in event) || (event.task as number) < tasks
}

/** The value as it is, of that shape. Throws Malformed. */
export function shaped<T>(shape: z.ZodType, value: unknown): T {
  if (!shape.safeParse(value).success) throw new Malformed()
  return value as T
}
