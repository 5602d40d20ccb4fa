/**
 * Address spaces as a trace shows them: mappings are what `mmap` events say, and elsewhere runs of touched virtual pages
 * with gaps of at most GAP pages. Every lane of a run shares the result; nothing writes to it.
 */
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

const DIGIT = 11
const DIGITS = 1 << DIGIT

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

/** A radix sort from the lowest digit on, in time proportional to the pages. */
function sortedByAddress({ meta, pageProcess, pageVpage }: PageColumns): Uint32Array {
  let order = new Uint32Array(new SharedArrayBuffer(4 * meta.pages))
  let other = new Uint32Array(new SharedArrayBuffer(4 * meta.pages))
  for (let page = 0; page < order.length; page++) order[page] = page
  const counts = new Uint32Array(DIGITS)
  const pass = (digitOf: (page: number) => number) => {
    counts.fill(0)
    for (let page = 0; page < order.length; page++) counts[digitOf(page)]!++
    if (order.length > 0 && counts[digitOf(0)] === order.length) return
    let sum = 0
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = counts[digit]!
      counts[digit] = sum
      sum += count
    }
    for (let i = 0; i < order.length; i++) {
      const page = order[i]!
      other[counts[digitOf(page)]!++] = page
    }
    ;[order, other] = [other, order]
  }
  // virtual pages are below 2^52
  for (let shift = 0; shift < 52; shift += DIGIT) {
    const scale = 2 ** shift
    pass((page) => Math.floor(pageVpage[page]! / scale) & (DIGITS - 1))
  }
  for (let shift = 0; shift < 16; shift += DIGIT) pass((page) => (pageProcess[page]! >>> shift) & (DIGITS - 1))
  return order
}

interface Mapped {
  start: number
  end: number
  name: string
  shared: boolean
}

/** `pages` of the process by address. */
function vmasOf(trace: PreparedTrace, process: number, pages: Uint32Array): LayoutVma[] {
  const mappingAt = walk(mappingsOf(trace, process))
  const gap = GAP * (trace.meta.sample?.oneIn ?? 1)
  const vpage = (i: number) => trace.pageVpage[pages[i]!]!
  const vmas: LayoutVma[] = []
  for (let i = 0; i < pages.length; ) {
    const mapping = mappingAt(vpage(i))
    const first = i
    for (i++; i < pages.length; i++) {
      const next = vpage(i)
      if (mappingAt(next) !== mapping || (!mapping && next - vpage(i - 1) > gap + 1)) break
    }
    const start = mapping?.start ?? vpage(first)
    const ptes = new Int32Array(vpage(i - 1) + 1 - start).fill(-1)
    for (let k = first; k < i; k++) ptes[vpage(k) - start] = pages[k]!
    vmas.push({ name: mapping?.name ?? `anon-${vmas.length}`, startVpage: start, ptes, shared: mapping?.shared ?? false })
  }
  return vmas
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
