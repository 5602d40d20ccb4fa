/**
 * Page × time, small enough to look at whatever the size of the trace: at most BINS times BINS cells. Pages are put in order
 * of address and cut into bins of equally many touched pages, so that holes in the address space take no room.
 *
 * How often a cell was accessed is a fact of the trace and is counted once for all lanes; where its pages lie is a fact of a
 * lane and is noted when it changes (`PlacementLog`).
 */
import { type Row, Table } from '../columns/index.ts'
import type { Machine } from '../machine/index.ts'
import { HEAT } from '../results/index.ts'
import { countPairs, PAIR_WORDS, type PreparedTrace } from '../trace/index.ts'
import { type Cells, cellsFor, type Kernels, type Workspace } from '../wasm/index.ts'
import { byAddress } from './layout.ts'
import { accessesFor, type Sample, sampleOf } from './sample.ts'
import { accountTick, type LaneBlock } from './window.ts'

/** As many as a wide screen shows apart. */
const BINS = 200
/** Pages looked at per address bin when its node is asked for; all of them in bins that hold no more. */
const SAMPLE = 64

/** Axes of the picture, as plain data that crosses threads. */
export interface HeatGrid {
  /** Ticks per time bin. */
  ticks: number
  /** Where each address bin begins: process index, virtual page, and rank in address order; and how many pages it has. */
  bins: { process: number; vpage: number; rank: number; pages: number }[]
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
    return { process: trace.pageProcess[page]!, vpage: trace.pageVpage[page]!, rank, pages: 0 }
  })
  const binOf = new Uint8Array(pages)
  for (let rank = 0, bin = 0; rank < pages; rank++) {
    if (bin + 1 < count && bins[bin + 1]!.rank === rank) bin++
    binOf[order[rank]!] = bin
  }
  const sample = sampleOf(trace)
  for (let page = 0; page < pages; page++) bins[binOf[page]!]!.pages += sample?.standsFor[page] ?? 1
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

/** What a cell of 32 bits holds. */
const MOST_COUNTED = 2 ** 32 - 1
/** Bits of a bin's number. */
const SHIFT = 8
/** Two banks of cells for as many take 1 MiB; with 1024 a pair took 25 ns where adding it by itself takes 8. */
const MOST_ACTORS = 256

/**
 * Whether counting by (actor, bin) saves time. The kernel saves some 4.5 ns a pair, and taking the counts out of the cells costs 4.4 ns a
 * cell (measured with 2 to 4096 actors and 2,000 to 200,000 pairs a time bin, on a busy machine).
 */
function isWorthCells(trace: PreparedTrace, grid: HeatGrid): boolean {
  const actors = trace.actorCpu.length
  const cells = 2 * (actors << SHIFT)
  const times = isLarge(trace) ? trace.ticks : Math.ceil(trace.ticks / grid.ticks)
  return actors <= MOST_ACTORS && countPairs(trace) > cells * times
}

/** More accesses than a cell holds: cells are emptied after each tick, not after each time bin. */
const isLarge = (trace: PreparedTrace): boolean => trace.meta.accesses > MOST_COUNTED

/**
 * Accesses per cell, counted once for the whole run while its lanes pass over the trace. The kernel that counts accesses by (actor,
 * node) does it: the bin of a page stands where its node would.
 */
export class HeatCounter {
  readonly #trace: PreparedTrace
  readonly #grid: HeatGrid
  readonly #kernels: Kernels
  readonly #binOf: Uint8Array
  /** Absent where they are not worth while. */
  readonly #cells?: Cells
  /** Accesses of the current time bin, by address bin. */
  readonly #sums: Float64Array
  readonly #table = new Table(HEAT)
  readonly #sample: Sample | undefined
  readonly #isLarge: boolean
  readonly #describe: Row[]

  constructor(trace: PreparedTrace, grid: HeatGrid, space: Workspace, withCells = isWorthCells(trace, grid)) {
    const { bins, binOf } = grid
    this.#trace = trace
    this.#grid = grid
    this.#kernels = space.kernels
    this.#binOf = space.u8(binOf.length)
    this.#binOf.set(binOf)
    if (withCells) this.#cells = cellsFor(trace.actorCpu.length, SHIFT, space)
    this.#sums = new Float64Array(bins.length)
    this.#sample = sampleOf(trace)
    this.#isLarge = isLarge(trace)
    this.#describe = bins.map(({ process, vpage, pages }, bin) => ({
      bin,
      pid: trace.processes[process]!,
      address: `0x${(vpage * trace.meta.pageSize).toString(16)}`,
      pages,
    }))
  }

  /** Tick `i` of `block`, all ticks in order. */
  tick(block: LaneBlock, i: number): void {
    if (this.#cells === undefined || this.#sample !== undefined || block.isLarge[i] === 1)
      this.#addPairs(block.pairs, block.pairStart[i]!, block.pairStart[i + 1]!)
    else accountTick(this.#kernels, block, i, this.#binOf, this.#cells, SHIFT)
    if (this.#isLarge) this.#gather()
    const tick = block.firstTick + i + 1
    if (tick % this.#grid.ticks === 0 || tick === this.#trace.ticks) this.#closeBin(tick)
  }

  #addPairs(pairs: Uint32Array, from: number, to: number): void {
    for (let k = from * PAIR_WORDS; k < to * PAIR_WORDS; k += PAIR_WORDS) {
      const factor = this.#sample === undefined ? 1 : accessesFor(this.#sample, pairs[k]!)
      this.#sums[this.#binOf[pairs[k]!]!]! += (pairs[k + 2]! + pairs[k + 3]!) * factor
    }
  }

  /** Takes the counts out of the cells: reads and writes of all actors, in both banks. */
  #gather(): void {
    if (this.#cells === undefined) return
    const { words } = this.#cells
    const bins = 1 << SHIFT
    for (let cell = 0; cell < words.length; cell += 2) {
      const count = words[cell]! + words[cell + 1]!
      if (count > 0) this.#sums[(cell >>> 1) & (bins - 1)]! += count
    }
    words.fill(0)
  }

  /** Cells nobody accessed have no row, but every time bin has one. */
  #closeBin(tick: number): void {
    this.#gather()
    const sums = this.#sums
    const time_ns = this.#trace.tickStartNs[tick]! - (this.#trace.tickStartNs[0] ?? 0)
    const rows = this.#table.length
    for (let b = 0; b < sums.length; b++) if (sums[b]! > 0) this.#table.add({ time_ns, ...this.#describe[b]!, accesses: Math.round(sums[b]!) })
    if (this.#table.length === rows) this.#table.add({ time_ns, ...this.#describe[0]!, accesses: 0 })
    sums.fill(0)
  }

  finish(): Table {
    return this.#table
  }
}

/** What a lane says of its pages: while it is the same as before, each lies where it did. */
export interface Whereabouts {
  present: number
  disturbances: number
}

/** Notes which node holds most pages of each address bin, looked up at the end of every time bin, when it is another than before. */
export class PlacementLog {
  readonly rows: Row[] = []
  readonly #grid: HeatGrid
  readonly #lane: string
  readonly #machine: Machine
  readonly #kernels: Kernels
  readonly #samplePages: Uint32Array
  readonly #sampleStart: Uint32Array
  /** By bin and node; absent pages come last. */
  readonly #counts: Uint32Array
  /** Node and share in tenths of each bin after the latest look; 0 = nothing there yet. */
  readonly #before: Uint16Array
  #seen: Whereabouts = { present: 0, disturbances: 0 }
  #startNs = 0
  #ticks = 0

  /** `space`: where the lane's placement lies. */
  constructor(grid: HeatGrid, lane: string, machine: Machine, space: Workspace) {
    this.#grid = grid
    this.#lane = lane
    this.#machine = machine
    this.#kernels = space.kernels
    this.#samplePages = space.raw.u32(grid.samplePages.length)
    this.#samplePages.set(grid.samplePages)
    this.#sampleStart = space.raw.u32(grid.sampleStart.length)
    this.#sampleStart.set(grid.sampleStart)
    this.#counts = space.u32(grid.bins.length * (machine.nodes.length + 1))
    this.#before = new Uint16Array(grid.bins.length)
  }

  /** A tick has ended at `endNs` since the start of the trace. */
  tickEnded(placement: Uint8Array, { present, disturbances }: Whereabouts, endNs: number, isLast: boolean): void {
    if (++this.#ticks % this.#grid.ticks !== 0 && !isLast) return
    if (present !== this.#seen.present || disturbances !== this.#seen.disturbances) this.#look(placement)
    this.#seen = { present, disturbances }
    this.#startNs = endNs
  }

  #look(placement: Uint8Array): void {
    const counts = this.#counts
    const nodes = this.#machine.nodes.length
    this.#kernels.countNodes(this.#samplePages, this.#sampleStart, placement, nodes, counts)
    for (let bin = 0, at = 0; bin < this.#before.length; bin++, at += nodes + 1) {
      let present = 0
      let main = 0
      for (let node = 0; node < nodes; node++) {
        present += counts[at + node]!
        if (counts[at + node]! > counts[at + main]!) main = node
      }
      this.#note(bin, main, counts[at + main]!, present)
    }
  }

  #note(bin: number, main: number, onMain: number, present: number): void {
    const tenths = present === 0 ? 0 : Math.round((10 * onMain) / present)
    const now = present === 0 ? 0 : 1 + main * 11 + tenths
    if (now === this.#before[bin]) return
    this.#before[bin] = now
    const node = present === 0 ? null : this.#machine.nodes[main]!.id
    this.rows.push({ lane: this.#lane, time_ns: this.#startNs, bin, node, share: present === 0 ? null : tenths / 10 })
  }
}
