/**
 * Address spaces as a trace shows them: mappings are what `mmap` events say, and elsewhere runs of touched virtual pages
 * with gaps of at most GAP pages. Every lane of a run shares the result; nothing writes to it.
 */
import type { LayoutVma, MemoryLayout } from '../kernel/index.ts'
import type { PreparedTrace } from '../trace/index.ts'

/** A gap of more untouched pages starts a new mapping. Bounds the table at GAP + 1 slots per touched page. */
const GAP = 32

const layouts = new WeakMap<PreparedTrace, MemoryLayout>()

export function layoutOf(trace: PreparedTrace): MemoryLayout {
  const known = layouts.get(trace) ?? newLayout(trace)
  layouts.set(trace, known)
  return known
}

function newLayout(trace: PreparedTrace): MemoryLayout {
  const pagesOf = trace.processes.map((): number[] => [])
  for (let page = 0; page < trace.meta.pages; page++) pagesOf[trace.pageProcess[page]]!.push(page)
  const processes = trace.processes.map((pid, process) => {
    const pages = pagesOf[process]!.sort((a, b) => trace.pageVpage[a]! - trace.pageVpage[b]!)
    return { pid, vmas: vmasOf(trace, process, pages) }
  })
  return {
    pageSize: trace.meta.pageSize,
    pages: trace.meta.pages,
    processes,
    tasks: trace.tasks.map(({ tid, process }) => ({ tid, process })),
  }
}

interface Mapped {
  start: number
  end: number
  name: string
  shared: boolean
}

function vmasOf(trace: PreparedTrace, process: number, pages: number[]): LayoutVma[] {
  const mapped: Mapped[] = trace.events
    .flatMap((event) =>
      event.kind === 'mmap' && event.process === process
        ? [{ start: event.startVpage, end: event.startVpage + event.pages, name: event.name, shared: event.shared === true }]
        : [],
    )
    .sort((a, b) => a.start - b.start)
  const mappingAt = (vpage: number) => mapped.findLast(({ start, end }) => start <= vpage && vpage < end)

  const vmas: LayoutVma[] = []
  for (let i = 0; i < pages.length; ) {
    const first = trace.pageVpage[pages[i]!]!
    const mapping = mappingAt(first)
    let last = i
    while (last + 1 < pages.length) {
      const vpage = trace.pageVpage[pages[last + 1]!]!
      if (mappingAt(vpage) !== mapping || (!mapping && vpage - trace.pageVpage[pages[last]!]! > GAP + 1)) break
      last++
    }
    const start = mapping?.start ?? first
    const end = trace.pageVpage[pages[last]!]! + 1
    const ptes = new Int32Array(end - start).fill(-1)
    for (; i <= last; i++) ptes[trace.pageVpage[pages[i]!]! - start] = pages[i]!
    vmas.push({ name: mapping?.name ?? `anon-${vmas.length}`, startVpage: start, ptes, shared: mapping?.shared ?? false })
  }
  return vmas
}

/** The page at a virtual page number, present or not; undefined where the trace never touches one. */
export function pageAt(layout: MemoryLayout, process: number, vpage: number): number | undefined {
  for (const { startVpage, ptes } of layout.processes[process]!.vmas) {
    const page = ptes[vpage - startVpage]
    if (page !== undefined && page >= 0) return page
  }
  return undefined
}
