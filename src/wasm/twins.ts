/** Every kernel once more in plain TypeScript: the oracle of the tests, and what runs where WebAssembly does not. */
import { accessTwins } from './accesses.ts'
import { columnTwins } from './columns.ts'
import { digestTwins } from './digest.ts'
import { foldTwins } from './fold.ts'
import { foldRunTwins } from './fold-runs.ts'
import { frameTwins } from './frames.ts'
import { internTwins } from './intern.ts'
import type { Kernels } from './kernels.ts'
import { lz4Twins } from './lz4.ts'
import { optimumTwins } from './optimum.ts'
import { packedTwins } from './packed.ts'
import { pageOrderTwins } from './page-order.ts'
import { priceTwins } from './prices.ts'
import { sampleTwins } from './sample.ts'
import { scanTwins } from './scan.ts'
import { zstdTwins } from './zstd.ts'

const ABSENT = 255
const PAIR_WORDS = 4

const isMarked = (marked: Uint32Array, page: number): boolean => ((marked[page >>> 5]! >>> (page & 31)) & 1) === 1

export const twins: Kernels = {
  ...frameTwins,
  ...accessTwins,
  ...columnTwins,
  ...sampleTwins,
  ...scanTwins,
  ...internTwins,
  ...foldTwins,
  ...foldRunTwins,
  ...digestTwins,
  ...lz4Twins,
  ...zstdTwins,
  ...optimumTwins,
  ...packedTwins,
  ...pageOrderTwins,
  ...priceTwins,

  account(pairs, from, to, placement, cells, shift) {
    const { words } = cells
    for (let k = from * PAIR_WORDS; k < to * PAIR_WORDS; k += PAIR_WORDS) {
      const cell = 2 * ((pairs[k + 1]! << shift) | placement[pairs[k]!]!)
      words[cell]! += pairs[k + 2]!
      words[cell + 1]! += pairs[k + 3]!
    }
  },

  joinNodes(joint, placement, from, to, shift) {
    for (let page = from; page < to; page++) joint[page]! |= placement[page]! << shift
  },

  countNodes(pages, start, placement, nodes, counts) {
    counts.fill(0)
    for (let g = 0; g < start.length - 1; g++)
      for (let k = start[g]!; k < start[g + 1]!; k++) counts[g * (nodes + 1) + Math.min(placement[pages[k]!]!, nodes)]!++
  },

  accesses(pairs, from, to) {
    let sum = 0
    for (let k = from * PAIR_WORDS; k < to * PAIR_WORDS; k += PAIR_WORDS) sum += pairs[k + 2]! + pairs[k + 3]!
    return sum
  },

  findFaults(touchPage, from, to, placement, marked, found) {
    let count = 0
    for (let k = from; k < to; k++) {
      const page = touchPage[k]!
      if (placement[page] === ABSENT || isMarked(marked, page)) found[count++] = k
    }
    return count
  },

  markPages(entries, n, placement, marked, except, areAll) {
    let found = 0
    for (let i = 0; i < n; i++) {
      const page = entries[i]!
      if (page < 0 || isMarked(marked, page)) continue
      if (!areAll && (placement[page] === ABSENT || placement[page] === except)) continue
      marked[page >>> 5]! |= 1 << (page & 31)
      found++
    }
    return found
  },

  findMarked(touchPage, from, to, marked, found) {
    let count = 0
    for (let k = from; k < to; k++) if (isMarked(marked, touchPage[k]!)) found[count++] = k
    return count
  },

  findNew({ touchPage, touchActor }, from, to, seen, actor, counts) {
    let found = 0
    let areInOrder = true
    for (let k = from; k < to; k++) {
      const page = touchPage[k]! - seen
      const who = touchActor[k]!
      const isNew = page >= 0 && page < actor.length - 1
      if (isNew) actor[page] = who
      if (isNew && page !== found) areInOrder = false
      counts[isNew ? who : counts.length - 1]!++
      if (isNew) found++
    }
    return areInOrder ? found : 0
  },

  placeNew(actor, first, placement, target) {
    for (let i = 0; i < actor.length; i++) placement[first + i] = target[actor[i]!]!
  },

  placeAbsent({ touchPage, touchActor }, from, to, placement, target, placed) {
    for (let k = from; k < to; k++) {
      const page = touchPage[k]!
      const actor = touchActor[k]!
      if (placement[page] !== ABSENT) continue
      placement[page] = target[actor]!
      placed[actor]!++
    }
  },

  tallyFaults({ touchPage, touchActor }, from, to, placement, marked, { actors, shift, last, ready, verdicts, counts, keys, moves, moveKeys, lengths }, found) {
    let faults = 0
    let moveKey = 0
    let f = from
    for (; f < to; f++) {
      const k = found[f]!
      const page = touchPage[k]!
      const actor = touchActor[k]!
      if (placement[page] === ABSENT) break
      const key = ((actor * (actors + 1) + Math.min(last[page]!, actors)) << shift) | placement[page]!
      const verdict = ready[actor] === 0 ? 0 : verdicts[key]!
      if (verdict === 0 || verdict > 3) break
      if (verdict === 3) {
        found[faults++] = k
        if (moves[key]!++ === 0) moveKeys[moveKey++] = key
      } else {
        marked[page >>> 5]! &= ~(1 << (page & 31))
        if (verdict === 2) last[page] = actor
        if (counts[key]!++ === 0) keys[lengths[1]!++] = key
      }
    }
    lengths[0] = faults
    lengths[2] = moveKey
    return f
  },

  moveFaults({ touchPage, touchActor }, n, placement, marked, { last, target }, found, from) {
    for (let f = 0; f < n; f++) {
      const page = touchPage[found[f]!]!
      const actor = touchActor[found[f]!]!
      from[f] = placement[page]!
      placement[page] = target[actor]!
      marked[page >>> 5]! &= ~(1 << (page & 31))
      last[page] = actor
      found[f] = page
    }
  },
}
