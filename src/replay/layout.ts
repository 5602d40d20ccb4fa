/**
 * Address spaces as a trace shows them: mappings are what `mmap` events say, and elsewhere runs of touched virtual pages
 * with gaps of at most GAP pages. Every lane of a run shares the result; nothing writes to it.
 */
import { RadixSort } from '../columns/index.ts'
import type { LayoutVma, MemoryLayout } from '../kernel/index.ts'
import type { PreparedTrace } from '../trace/index.ts'
import { sampleOf } from './sample.ts'

/** A gap of more untouched pages starts a new mapping; in a sample, of so many per page that a page stands for. Bounds the table at GAP + 1 slots per touched page. */
const GAP = 32

const layouts = new WeakMap<PreparedTrace, MemoryLayout>()

export function layoutOf(trace: PreparedTrace): MemoryLayout {
  const known = layouts.get(trace) ?? newLayout(trace)
  layouts.set(trace, known)
  return known
}

function newLayout(trace: PreparedTrace): MemoryLayout {
  const order = byAddress(trace)
  let from = 0
  const processes = trace.processes.map((pid, process) => {
    let to = from
    while (to < order.length && trace.pageProcess[order[to]!] === process) to++
    const vmas = vmasOf(trace, process, order.subarray(from, to))
    from = to
    return { pid, vmas }
  })
  const sample = sampleOf(trace)
  return {
    ...(sample && { standsFor: sample.standsFor }),
    pageSize: trace.meta.pageSize,
    pages: trace.meta.pages,
    processes,
    tasks: trace.tasks.map(({ tid, process }) => ({ tid, process })),
  }
}

type PageColumns = Pick<PreparedTrace, 'meta' | 'pageProcess' | 'pageVpage'>

const orders = new WeakMap<PageColumns, Uint32Array>()

/** All pages by process, then virtual page, in shared memory. Worked out once for a trace. */
export function byAddress(trace: PageColumns): Uint32Array {
  const known = orders.get(trace) ?? sortedByAddress(trace)
  orders.set(trace, known)
  return known
}

/** The order of the pages as another thread found it. */
export function rememberOrder(trace: PageColumns, order: Uint32Array): void {
  orders.set(trace, order)
}

/** A radix sort by the address within a process, from the lowest digit on, then by process: in time proportional to the pages. */
function sortedByAddress({ meta, pageProcess, pageVpage }: PageColumns): Uint32Array {
  const { pages } = meta
  const keys = new Uint32Array(pages)
  const sort = new RadixSort(pages, 'shared')
  let lowest = Number.POSITIVE_INFINITY
  let highest = 0
  for (let page = 0; page < pages; page++) {
    const vpage = pageVpage[page]!
    if (vpage < lowest) lowest = vpage
    if (vpage > highest) highest = vpage
  }
  // the array takes them modulo 2^32
  for (let page = 0; page < pages; page++) keys[page] = pageVpage[page]! - lowest
  sort.by(keys)
  if (highest - lowest >= WORD) {
    for (let i = 0; i < pages; i++) keys[i] = Math.floor((pageVpage[sort.order[i]!]! - lowest) / WORD)
    sort.by(keys)
  }
  if (pageProcess.some((process) => process !== pageProcess[0])) {
    for (let i = 0; i < pages; i++) keys[i] = pageProcess[sort.order[i]!]!
    sort.by(keys)
  }
  return sort.order
}

const WORD = 2 ** 32

interface Mapped {
  start: number
  end: number
  name: string
  shared: boolean
}

/** `pages` of the process by address. */
function vmasOf(trace: PreparedTrace, process: number, pages: Uint32Array): LayoutVma[] {
  const mappings = mappingsOf(trace, process)
  const mappingAt = mappings.length > 0 ? walk(mappings) : () => undefined
  const gap = GAP * (trace.meta.sample?.oneIn ?? 1)
  const vpages = new Float64Array(pages.length)
  for (let i = 0; i < pages.length; i++) vpages[i] = trace.pageVpage[pages[i]!]!
  const vmas: LayoutVma[] = []
  for (let i = 0; i < pages.length; ) {
    const mapping = mappingAt(vpages[i]!)
    const first = i
    i++
    if (mappings.length === 0) i = endOfRun(vpages, i, gap)
    else while (i < pages.length && mappingAt(vpages[i]!) === mapping && (mapping || vpages[i]! - vpages[i - 1]! <= gap + 1)) i++
    const start = mapping?.start ?? vpages[first]!
    const ptes = new Int32Array(vpages[i - 1]! + 1 - start).fill(-1)
    for (let k = first; k < i; k++) ptes[vpages[k]! - start] = pages[k]!
    vmas.push({ name: mapping?.name ?? `anon-${vmas.length}`, startVpage: start, ptes, shared: mapping?.shared ?? false })
  }
  return vmas
}

/** The first from `i` on that lies farther from the one before. */
function endOfRun(vpages: Float64Array, i: number, gap: number): number {
  while (i < vpages.length && vpages[i]! - vpages[i - 1]! <= gap + 1) i++
  return i
}

function mappingsOf(trace: PreparedTrace, process: number): Mapped[] {
  return trace.events
    .flatMap((event) =>
      event.kind === 'mmap' && event.process === process
        ? [{ start: event.startVpage, end: event.startVpage + event.pages, name: event.name, shared: event.shared === true }]
        : [],
    )
    .sort((a, b) => a.start - b.start)
}

/** The last mapping by start that holds a page, for pages asked in ascending order. */
function walk(mapped: Mapped[]): (vpage: number) => Mapped | undefined {
  const begun: Mapped[] = []
  let next = 0
  return (vpage) => {
    while (next < mapped.length && mapped[next]!.start <= vpage) begun.push(mapped[next++]!)
    while (begun.length > 0 && begun.at(-1)!.end <= vpage) begun.pop()
    return begun.at(-1)
  }
}

/** The page at a virtual page number, present or not; undefined where the trace never touches one. */
export function pageAt(layout: MemoryLayout, process: number, vpage: number): number | undefined {
  for (const { startVpage, ptes } of layout.processes[process]!.vmas) {
    const page = ptes[vpage - startVpage]
    if (page !== undefined && page >= 0) return page
  }
  return undefined
}
