/** Kernels of single accesses (docs/format.md): what they do, how WebAssembly is called, and the TypeScript twins. */

/** How an access is packed: a word page << shift | actor << 3 | write << 2, or two, the page and the rest. */
export interface WordLayout {
  shift: number
  isWide: boolean
}

/** The shift that has a kernel of its own: pages in the upper 24 bits. */
const USUAL_SHIFT = 8

/** The narrowest that holds so many pages and actors. */
export function wordLayout(pages: number, actors: number): WordLayout {
  const bits = (count: number) => 32 - Math.clz32(Math.max(1, count) - 1)
  const needed = bits(actors) + 3 // write, and the two bits below that make the rest of the word the offset of a counter
  const shift = needed <= USUAL_SHIFT && bits(pages) + USUAL_SHIFT <= 32 ? USUAL_SHIFT : needed
  return { shift, isWide: bits(pages) + shift > 32 }
}

export const wordsOf = ({ isWide }: WordLayout): number => (isWide ? 2 : 1)

/** Words that may be written behind the last. */
export const RUN_PAD = 4
/** Bytes that may be read behind the bits of writes. */
export const BITS_PAD = 8
/** Bytes of counters that its kernel holds. */
const BANK_BYTES = 8192

/** Successive accesses of one actor to one page; the first `count` of each array. */
export interface AccessRuns {
  count: number
  page: Uint32Array
  actor: Uint32Array
  /** Accesses after the first. */
  more: Uint32Array
}

export interface AccessKernels {
  /**
   * Runs into n words; `writes` has a bit per access, low bits first, and BITS_PAD bytes behind; `out` RUN_PAD words. False when
   * the runs have not n accesses together, or a page or an actor is beyond the last.
   */
  expandRuns(runs: AccessRuns, writes: Uint8Array, n: number, layout: WordLayout, lastPage: number, lastActor: number, out: Uint32Array): boolean
  /** Rows at which runs start, and the end, to `starts`. False as above. */
  runStarts(runs: AccessRuns, n: number, lastPage: number, lastActor: number, starts: Uint32Array): boolean
  /**
   * Adds n accesses to the cells (node of the page << shift | actor << 3 | write << 2) / 4. Every page of them lies on one of `nodes`
   * nodes; a cell must stay below 2^32.
   */
  countAccesses(words: Uint32Array, n: number, layout: WordLayout, placement: Uint8Array, nodes: number, cells: Uint32Array): void
}

export const cellsOf = ({ shift }: WordLayout, nodes: number): number => (nodes << shift) / 4

export interface AccessExports {
  expandRuns(...args: number[]): number
  expandWideRuns(...args: number[]): number
  runStarts(...args: number[]): number
  countAccesses(...args: number[]): void
  countAccesses8(...args: number[]): void
  countWideAccesses(...args: number[]): void
}

export function wasmAccesses(exports: AccessExports): AccessKernels {
  return {
    expandRuns({ count, page, actor, more }, writes, n, { isWide, shift }, lastPage, lastActor, out) {
      const from = [page.byteOffset, actor.byteOffset, more.byteOffset, count, writes.byteOffset, n]
      const to = [lastPage, lastActor, out.byteOffset]
      return (isWide ? exports.expandWideRuns(...from, ...to) : exports.expandRuns(...from, shift, ...to)) === 1
    },
    runStarts: ({ count, page, actor, more }, n, lastPage, lastActor, starts) =>
      exports.runStarts(page.byteOffset, actor.byteOffset, more.byteOffset, count, n, lastPage, lastActor, starts.byteOffset) === 1,
    countAccesses(words, n, { isWide, shift }, placement, nodes, cells) {
      const given = [words.byteOffset, n, placement.byteOffset]
      if (isWide) exports.countWideAccesses(...given, cells.byteOffset, shift)
      else if (shift === USUAL_SHIFT && nodes << shift <= BANK_BYTES) exports.countAccesses8(...given, nodes, cells.byteOffset)
      else exports.countAccesses(...given, cells.byteOffset, shift)
    },
  }
}

export const accessTwins: AccessKernels = {
  expandRuns({ count, page, actor, more }, writes, n, { isWide, shift }, lastPage, lastActor, out) {
    let done = 0
    for (let r = 0; r < count; r++) {
      if (page[r]! > lastPage || actor[r]! > lastActor || more[r]! >= n - done) return false
      for (const stop = done + more[r]! + 1; done < stop; done++) {
        const key = (actor[r]! << 3) | (((writes[done >> 3]! >>> (done & 7)) & 1) << 2)
        if (isWide) {
          out[2 * done] = page[r]!
          out[2 * done + 1] = key
        } else out[done] = (page[r]! << shift) | key
      }
    }
    return done === n
  },

  runStarts({ count, page, actor, more }, n, lastPage, lastActor, starts) {
    let done = 0
    for (let r = 0; r < count; r++) {
      if (page[r]! > lastPage || actor[r]! > lastActor || more[r]! >= n - done) return false
      starts[r] = done
      done += more[r]! + 1
    }
    starts[count] = done
    return done === n
  },

  countAccesses(words, n, { isWide, shift }, placement, _nodes, cells) {
    const mask = 2 ** shift - 1
    for (let i = 0; i < n; i++) {
      const page = isWide ? words[2 * i]! : words[i]! >>> shift
      const key = isWide ? words[2 * i + 1]! : words[i]! & mask
      cells[((placement[page]! << shift) | key) >>> 2]!++
    }
  },
}
