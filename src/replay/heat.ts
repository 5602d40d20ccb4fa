/**
 * Page × time, small enough to look at whatever the size of the trace: at most BINS times BINS cells. Pages are put in order
 * of address and cut into bins of equally many touched pages, so that holes in the address space take no room.
 *
 * How often a cell was accessed is a fact of the trace and is counted once for all lanes; where its pages lie is a fact of a
 * lane and is noted when it changes (`PlacementLog`).
 */
import { type Row, Table } from '../columns/index.ts'
import { ABSENT } from '../kernel/index.ts'
import type { Machine } from '../machine/index.ts'
import { HEAT } from '../results/index.ts'
import { PAIR_WORDS, type PreparedTrace } from '../trace/index.ts'
import { forEachTick } from './context.ts'
import { byAddress } from './layout.ts'
import { accessesFor, sampleOf } from './sample.ts'

/** As many as a wide screen shows apart. */
const BINS = 200
/** Pages looked at per address bin when its node is asked for; all of them in bins that hold no more. */
const SAMPLE = 64

/** Axes of the picture, as plain data that crosses threads. */
export interface HeatGrid {
  /** Ticks per time bin. */
  ticks: number
  /** Where each address bin begins: process index, virtual page, and rank in address order. */
  bins: { process: number; vpage: number; rank: number }[]
  /** Address bin of each page. */
  binOf: Uint8Array
  /** Pages of bin b to look at are samplePages[sampleStart[b] .. sampleStart[b + 1]). */
  sampleStart: Uint32Array
  samplePages: Uint32Array
}

const grids = new WeakMap<PreparedTrace, HeatGrid>()

/** Worked out once for a trace. */
export function heatGrid(trace: PreparedTrace): HeatGrid {
  const known = grids.get(trace) ?? newGrid(trace)
  grids.set(trace, known)
  return known
}

function newGrid(trace: PreparedTrace): HeatGrid {
  const { pages } = trace.meta
  const count = Math.min(BINS, pages)
  const order = byAddress(trace)
  const bins = Array.from({ length: count }, (_, bin) => {
    const rank = Math.floor((bin * pages) / count)
    const page = order[rank]!
    return { process: trace.pageProcess[page]!, vpage: trace.pageVpage[page]!, rank }
  })
  const binOf = new Uint8Array(pages)
  for (let rank = 0, bin = 0; rank < pages; rank++) {
    if (bin + 1 < count && bins[bin + 1]!.rank === rank) bin++
    binOf[order[rank]!] = bin
  }
  const size = Math.ceil(pages / Math.max(1, count))
  const stride = Math.max(1, Math.ceil(size / SAMPLE))
  const chosen = bins.map((): number[] => [])
  const seen = new Uint32Array(count)
  for (let page = 0; page < pages; page++) if (seen[binOf[page]!]!++ % stride === 0) chosen[binOf[page]!]!.push(page)
  const sampleStart = new Uint32Array(count + 1)
  chosen.forEach((some, b) => {
    sampleStart[b + 1] = sampleStart[b]! + some.length
  })
  return { ticks: Math.max(1, Math.ceil(trace.ticks / BINS)), bins, binOf, sampleStart, samplePages: Uint32Array.from(chosen.flat()) }
}

/** Accesses per cell: one sweep over the pairs, for the whole run. Cells nobody accessed have no row, but every time bin has one. */
export function heatTable(trace: PreparedTrace, { bins, binOf, ticks }: HeatGrid): Table {
  const table = new Table(HEAT)
  const cells = new Float64Array(bins.length)
  const sample = sampleOf(trace)
  const pagesIn = new Float64Array(bins.length)
  for (let page = 0; page < binOf.length; page++) pagesIn[binOf[page]!]! += sample?.standsFor[page] ?? 1
  const originNs = trace.tickStartNs[0] ?? 0
  const describe = bins.map(({ process, vpage }, bin) => ({
    bin,
    pid: trace.processes[process]!,
    address: `0x${(vpage * trace.meta.pageSize).toString(16)}`,
    pages: pagesIn[bin]!,
  }))
  let tick = 0
  forEachTick(trace, (block, i) => {
    const { pairs } = block
    const end = block.pairStart[i + 1]! * PAIR_WORDS
    for (let k = block.pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
      const factor = sample === undefined ? 1 : accessesFor(sample, pairs[k]!)
      cells[binOf[pairs[k]!]!]! += (pairs[k + 2]! + pairs[k + 3]!) * factor
    }
    tick++
    if (tick % ticks !== 0 && tick !== trace.ticks) return
    const time_ns = trace.tickStartNs[tick]! - originNs
    const rows = table.length
    for (let b = 0; b < bins.length; b++) if (cells[b]! > 0) table.add({ time_ns, ...describe[b]!, accesses: Math.round(cells[b]!) })
    if (table.length === rows) table.add({ time_ns, ...describe[0]!, accesses: 0 })
    cells.fill(0)
  })
  return table
}

/** Notes which node holds most pages of each address bin, looked up at the end of every time bin, when it is another than before. */
export class PlacementLog {
  readonly rows: Row[] = []
  readonly #grid: HeatGrid
  readonly #lane: string
  readonly #machine: Machine
  /** Node and share in tenths of each bin after the latest look; 0 = nothing there yet. */
  readonly #before: Uint16Array
  readonly #count: Uint32Array
  #startNs = 0
  #ticks = 0

  constructor(grid: HeatGrid, lane: string, machine: Machine) {
    this.#grid = grid
    this.#lane = lane
    this.#machine = machine
    this.#before = new Uint16Array(grid.bins.length)
    this.#count = new Uint32Array(machine.nodes.length)
  }

  /** A tick has ended at `endNs` since the start of the trace. */
  tickEnded(placement: Uint8Array, endNs: number, isLast: boolean): void {
    if (++this.#ticks % this.#grid.ticks !== 0 && !isLast) return
    for (let bin = 0; bin < this.#before.length; bin++) this.#look(bin, placement)
    this.#startNs = endNs
  }

  #look(bin: number, placement: Uint8Array): void {
    const { sampleStart, samplePages } = this.#grid
    const count = this.#count.fill(0)
    let present = 0
    for (let k = sampleStart[bin]!; k < sampleStart[bin + 1]!; k++) {
      const node = placement[samplePages[k]!]!
      if (node === ABSENT) continue
      count[node]!++
      present++
    }
    let main = 0
    for (let node = 1; node < count.length; node++) if (count[node]! > count[main]!) main = node
    const tenths = present === 0 ? 0 : Math.round((10 * count[main]!) / present)
    const now = present === 0 ? 0 : 1 + main * 11 + tenths
    if (now === this.#before[bin]) return
    this.#before[bin] = now
    const node = present === 0 ? null : this.#machine.nodes[main]!.id
    this.rows.push({ lane: this.#lane, time_ns: this.#startNs, bin, node, share: present === 0 ? null : tenths / 10 })
  }
}
