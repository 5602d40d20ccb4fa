/**
 * Many lanes whose pages lie still: nodes of a page in several lanes side by side in one byte, its signature, and one sweep over the
 * pairs counts accesses by (actor, signature) for all of them. Then each lane gets the sums of the signatures with its node: eight
 * lanes of a 2-socket machine for one reading of pairs. Pages are numbered in order of first touch, so only the new ones of a tick
 * have to be added. A lane that moves a page is counted alone from then on, one that scans for hint faults from the start.
 */
import type { PreparedTrace } from '../trace/index.ts'
import { type Cells, cellBytes, cellsFor, type Kernels, type Workspace } from '../wasm/index.ts'
import type { Lane } from './lane.ts'
import { accountTick, type LaneBlock, RESERVED } from './window.ts'

/** Of a signature, at most. */
const MOST_BITS = 8

/** Handing out the sums of a cell costs about as much as so many pairs. */
const PAIRS_PER_CELL = 2

class JointGroup {
  /** Numbers of lanes in the pass. */
  members: number[]
  readonly #lanes: readonly (Lane | undefined)[]
  readonly #shift: number
  /** Of a signature: cells lie close together, as stretches of one length between them would share few lines of the cache. */
  readonly #bits: number
  readonly #actors: number
  readonly #kernels: Kernels
  readonly #signature: Uint8Array
  readonly #cells: Cells
  /** Pages whose signature is known. */
  #seen = 0

  constructor(members: number[], lanes: readonly (Lane | undefined)[], pages: number, actors: number, space: Workspace) {
    this.members = members
    this.#lanes = lanes
    this.#shift = lanes[members[0]!]!.traffic.shift
    this.#bits = this.#shift * members.length
    this.#actors = actors
    this.#kernels = space.kernels
    this.#signature = space.u8(pages)
    this.#cells = cellsFor(actors, this.#bits, space)
  }

  /** Whether counting together takes less time than each lane on its own. */
  pays(pairs: number): boolean {
    const { length } = this.members
    return length > 1 && pairs * (length - 1) > (this.#actors << (this.#shift * length)) * PAIRS_PER_CELL
  }

  /** Leaves out lanes that have moved a page or ended. */
  refresh(): void {
    const still = this.members.filter((l) => this.#lanes[l]!.isStatic)
    if (still.length === this.members.length) return
    this.members = still
    // who is left alone needs none, and beyond the pages seen there is none
    if (still.length > 1) this.#signature.fill(0, 0, this.#seen)
    this.#seen = 0
  }

  count(block: LaneBlock, i: number): void {
    const seen = block.pagesSeen[i]!
    for (const [k, l] of this.members.entries()) {
      this.#kernels.joinNodes(this.#signature, this.#lanes[l]!.placement, this.#seen, seen, k * this.#shift)
    }
    this.#seen = seen
    accountTick(this.#kernels, block, i, this.#signature, this.#cells, this.#bits)
    this.#handOut()
  }

  #handOut(): void {
    const { words } = this.#cells
    const half = words.length / 2
    const shift = this.#shift
    const mask = (1 << shift) - 1
    const traffic = this.members.map((l) => this.#lanes[l]!.traffic)
    const used = 1 << (shift * traffic.length)
    for (let actor = 0; actor < this.#actors; actor++) {
      for (let signature = 0; signature < used; signature++) {
        const cell = 2 * ((actor << this.#bits) | signature)
        const reads = words[cell]! + words[half + cell]!
        const writes = words[cell + 1]! + words[half + cell + 1]!
        if (reads + writes === 0) continue
        for (let k = 0; k < traffic.length; k++) traffic[k]!.add(actor, (signature >>> (k * shift)) & mask, reads, writes)
      }
    }
    words.fill(0)
  }
}

/** The groups of a pass. */
export class JointLanes {
  readonly #groups: JointGroup[] = []

  /** Lanes that have not begun, of `space` or another one; those with an array elsewhere stay alone. */
  constructor({ meta, actorCpu }: PreparedTrace, lanes: readonly (Lane | undefined)[], space: Workspace) {
    const byShift = new Map<number, number[]>()
    for (const [l, lane] of lanes.entries()) {
      if (!lane?.isStatic || lane.kernels !== space.kernels || lane.traffic.shift === 0) continue
      const { shift } = lane.traffic
      byShift.set(shift, [...(byShift.get(shift) ?? []), l])
    }
    for (const [shift, alike] of byShift) {
      const most = Math.floor(MOST_BITS / shift)
      for (let k = 0; k < alike.length; k += most) {
        const members = alike.slice(k, k + most)
        const bytes = meta.pages + cellBytes(actorCpu.length, shift * members.length)
        if (members.length > 1 && space.free > RESERVED + bytes) this.#groups.push(new JointGroup(members, lanes, meta.pages, actorCpu.length, space))
      }
    }
  }

  /** Whether lanes might be counted together in tick `i`: then all of them begin before any is counted. */
  mayCount(block: LaneBlock, i: number): boolean {
    const pairs = block.pairStart[i + 1]! - block.pairStart[i]!
    return block.isLarge[i] === 0 && this.#groups.some((group) => group.pays(pairs))
  }

  /** Counts the lanes of groups in tick `i`, after all have begun it, and marks them in `counted`. */
  count(block: LaneBlock, i: number, counted: Uint8Array): void {
    const pairs = block.pairStart[i + 1]! - block.pairStart[i]!
    counted.fill(0)
    for (const group of this.#groups) {
      group.refresh()
      if (!group.pays(pairs)) continue
      group.count(block, i)
      for (const l of group.members) counted[l] = 1
    }
  }
}
