/** Pairs of a tick in 32 bits each (assembly/packed.ts), and the cells that pairs are counted in. */
import type { Workspace } from './kernels.ts'

/** Counters of one tick by (actor << shift | node): words[2i] reads, words[2i + 1] writes; a second bank follows, to be added. */
export interface Cells {
  words: Uint32Array
  /** Bytes of a bank. */
  bank: number
  /** What packed pairs are summed in on the way; zero between calls. None where pairs are not packed. */
  sums: Uint32Array
}

const PAIR_WORDS = 4
/** Actors of packed pairs. */
export const MOST_PACKED_ACTORS = 256
/** Sums that come behind those of all actors and nodes, for pages without a node. */
const BEYOND = 256
const BANKS = 4
const MOST = 255
const NO_ROOM = 0xffff_ffff

export function cellsFor(actors: number, shift: number, space: Workspace): Cells {
  const bank = bankBytes(actors, shift)
  return { words: space.u32(bank / 2), bank, sums: space.u32(sumBytes(actors, shift) / 4) }
}

/** What `cellsFor` takes. */
export const cellBytes = (actors: number, shift: number): number => 2 * bankBytes(actors, shift) + sumBytes(actors, shift)

const bankBytes = (actors: number, shift: number): number => actors << (shift + 3)

const sumBytes = (actors: number, shift: number): number => (actors > MOST_PACKED_ACTORS ? 0 : BANKS * (bankBytes(actors, shift) + 8 * BEYOND))

export interface PackedKernels {
  /**
   * Writes pairs [from, to), of actors below MOST_PACKED_ACTORS, to `records` from index `at` on, the first one at the page it has;
   * answers the index behind the last, or undefined where there is no room.
   */
  packPairs(pairs: Uint32Array, from: number, to: number, records: Uint32Array, at: number): number | undefined
  /** `account` of the records [from, to), whose first page is `page`. */
  accountPacked(records: Uint32Array, from: number, to: number, page: number, placement: Uint8Array, cells: Cells, shift: number): void
}

export interface PackedExports {
  packPairs(...args: number[]): number
  accountPacked(...args: number[]): void
}

export const wasmPacked = (exports: PackedExports): PackedKernels => ({
  packPairs(pairs, from, to, records, at) {
    const found = exports.packPairs(pairs.byteOffset + 4 * PAIR_WORDS * from, to - from, records.byteOffset + 4 * at, records.length - at) >>> 0
    return found === NO_ROOM ? undefined : at + found
  },
  accountPacked: (records, from, to, page, placement, { words, bank, sums }, shift) =>
    exports.accountPacked(records.byteOffset + 4 * from, to - from, placement.byteOffset + page, words.byteOffset, bank, shift, sums.byteOffset),
})

export const packedTwins: PackedKernels = {
  packPairs(pairs, from, to, records, at) {
    const packed: number[] = []
    let before = pairs[from * PAIR_WORDS]!
    for (let k = from; k < to; k++) {
      let [page, actor, reads, writes] = pairs.subarray(k * PAIR_WORDS) as unknown as [number, number, number, number]
      for (; page - before > MOST; before += MOST) packed.push((MOST << 8) | (actor << 16))
      do {
        const [r, w] = [Math.min(reads, MOST), Math.min(writes, MOST)]
        packed.push(r | ((page - before) << 8) | (actor << 16) | (w << 24))
        reads -= r
        writes -= w
        before = page
      } while (reads + writes > 0)
    }
    if (at + packed.length > records.length) return undefined
    records.set(packed, at)
    return at + packed.length
  },

  accountPacked(records, from, to, page, placement, { words }, shift) {
    for (let k = from; k < to; k++) {
      const record = records[k]!
      page += (record >>> 8) & MOST
      if ((record & MOST) + (record >>> 24) === 0) continue
      const cell = 2 * ((((record >>> 16) & MOST) << shift) | placement[page]!)
      words[cell]! += record & MOST
      words[cell + 1]! += record >>> 24
    }
  },
}
