/**
 * DAMON (mm/damon/core.c, vaddr.c of Linux 6.12): regions of neighbouring pages, one of which is checked per sampling interval;
 * regions that are accessed alike are merged, all are split again, so that borders find the edges of what is hot.
 *
 * The address space is that of the trace: pages that no access ever touches are left out, and so cost no checks.
 */
import { Random } from '../../columns/index.ts'
import { ABSENT } from '../../kernel/index.ts'
import type { DamonRegion, DamonSettings } from '../../policy/index.ts'
import { PAIR_WORDS, type PreparedTrace } from '../../trace/index.ts'
import { byAddress } from '../layout.ts'
import type { Observer, ObserverContext } from './observer.ts'

/** Per 10,000: unit of the moving sum of accesses (nr_accesses_bp). */
const BP = 10_000

interface Region {
  /** Positions in address order, [start, end). */
  start: number
  end: number
  /** Regions of different address ranges are never merged. */
  range: number
  accesses: number
  lastAccesses: number
  accessesBp: number
  age: number
}

const size = (region: Region): number => region.end - region.start

export function damonObserver(settings: DamonSettings, context: ObserverContext): Observer<DamonRegion[]> {
  const { pages, ledger, seed, stream, trace, placement, endOfEpoch } = context
  const { order, ranges } = addressSpace(trace)
  const damon = new Damon(settings, ranges, new Random(seed, `${stream} damon`))
  /** Accesses by page since the last sample. */
  const counts = new Uint32Array(pages)
  /** 1 where a page was accessed since its bit was last cleared, by a sample of it or by a filter. */
  const young = new Uint8Array(pages)
  const isYoung = (page: number): boolean => {
    const was = young[page] === 1
    young[page] = 0
    ledger.scanned(1)
    return was
  }
  let samplesDone = 0
  return {
    epoch(block, i) {
      const { pairs } = block
      const end = block.pairStart[i + 1]! * PAIR_WORDS
      for (let k = block.pairStart[i]! * PAIR_WORDS; k < end; k += PAIR_WORDS) {
        counts[pairs[k]!]! += pairs[k + 2]! + pairs[k + 3]!
        young[pairs[k]!] = 1
      }
      const due = Math.floor(endOfEpoch() / settings.sample) - samplesDone
      if (due < 1) return
      samplesDone += due
      let checks = 0
      for (let sample = 0; sample < due; sample++) {
        checks += damon.sample(
          (position) => counts[order[position]!]!,
          due,
          (position, isAccessed) => {
            young[order[position]!] = isAccessed ? 1 : 0
          },
        )
      }
      counts.fill(0)
      ledger.scanned(checks)
    },
    look: () =>
      damon.regions.map((region) => ({
        pages: () => order.subarray(region.start, region.end).filter((page) => placement[page] !== ABSENT),
        isYoung,
        accessRate: region.accessesBp / BP / damon.maxAccesses,
        get age() {
          return region.age
        },
        set age(age) {
          region.age = age
        },
      })),
    clear: () => {},
  }
}

/** Page ids by process and address, and the positions where ranges start: three a process, parted by its two widest gaps (damon_va_three_regions). */
export function addressSpace(trace: PreparedTrace): { order: Uint32Array; ranges: { start: number; end: number }[] } {
  const { processes, pageProcess, pageVpage } = trace
  const order = byAddress(trace)
  const ranges: { start: number; end: number }[] = []
  let start = 0
  for (let process = 0; process < processes.length; process++) {
    let end = start
    while (end < order.length && pageProcess[order[end]!] === process) end++
    if (end === start) continue
    const gap = (i: number): number => pageVpage[order[i]!]! - pageVpage[order[i - 1]!]! - 1
    let widest = -1
    let second = -1
    for (let i = start + 1; i < end; i++) {
      if (gap(i) === 0) continue
      if (widest < 0 || gap(i) > gap(widest)) {
        second = widest
        widest = i
      } else if (second < 0 || gap(i) > gap(second)) second = i
    }
    const cuts = [start, ...[widest, second].filter((cut) => cut >= 0).sort((a, b) => a - b), end]
    for (let i = 1; i < cuts.length; i++) ranges.push({ start: cuts[i - 1]!, end: cuts[i]! })
    start = end
  }
  return { order, ranges }
}

class Damon {
  regions: Region[]
  /** Samples per aggregation: the most accesses a region can have. */
  readonly maxAccesses: number
  readonly #settings: DamonSettings
  readonly #random: Random
  readonly #sizeLimit: number
  #samples = 0
  #lastCount = 0

  constructor(settings: DamonSettings, ranges: { start: number; end: number }[], random: Random) {
    this.#settings = settings
    this.#random = random
    this.maxAccesses = Math.max(1, Math.floor(settings.aggregation / settings.sample))
    const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
    this.#sizeLimit = Math.max(1, Math.floor(total / settings.min))
    this.regions = ranges.flatMap(({ start, end }, range) => evenly(start, end, range, this.#sizeLimit))
  }

  /**
   * One sampling interval: kdamond_fn(). `due` intervals lie in the time that `accesses` counts, so that a page accessed n times
   * was accessed in one of them with probability 1 - (1 - 1/due)^n. The bit of the page that is looked at was cleared when the
   * interval began: `checked` hears what it is now. Answers the number of checks.
   */
  sample(accesses: (position: number) => number, due: number, checked: (position: number, isAccessed: boolean) => void): number {
    let most = 0
    for (const region of this.regions) {
      const position = region.start + this.#random.below(size(region))
      const n = accesses(position)
      const isAccessed = n > 0 && (due === 1 || this.#random.float() < 1 - (1 - 1 / due) ** n)
      checked(position, isAccessed)
      if (isAccessed) region.accesses++
      // damon_moving_sum()
      region.accessesBp = Math.max(0, region.accessesBp - Math.floor((region.lastAccesses * BP) / this.maxAccesses) + (isAccessed ? BP : 0))
      if (region.accesses > most) most = region.accesses
    }
    const checks = this.regions.length
    if (++this.#samples % this.maxAccesses === 0) this.#aggregate(Math.floor(most / 10))
    return checks
  }

  #aggregate(threshold: number): void {
    this.#merge(threshold)
    for (const region of this.regions) {
      region.lastAccesses = region.accesses
      region.accesses = 0
    }
    this.#split()
  }

  /** kdamond_merge_regions(): regions age on the first pass; with too many left the threshold is doubled. */
  #merge(first: number): void {
    for (const region of this.regions) region.age = Math.abs(region.accesses - region.lastAccesses) > first ? 0 : region.age + 1
    let threshold = first
    do {
      const merged: Region[] = []
      for (const region of this.regions) {
        const previous = merged.at(-1)
        const isAlike =
          previous !== undefined &&
          previous.range === region.range &&
          Math.abs(previous.accesses - region.accesses) <= threshold &&
          size(previous) + size(region) <= this.#sizeLimit
        if (isAlike) mergeInto(previous, region)
        else merged.push(region)
      }
      this.regions = merged
      threshold = Math.max(1, threshold * 2)
    } while (this.regions.length > this.#settings.max && threshold / 2 < this.maxAccesses)
  }

  /** kdamond_split_regions(): in two, or in three when the last round found nothing new. */
  #split(): void {
    const count = this.regions.length
    const { max } = this.#settings
    if (count <= max / 2) {
      const parts = count === this.#lastCount && count < max / 3 ? 3 : 2
      this.regions = this.regions.flatMap((region) => this.#splitOne(region, parts))
    }
    this.#lastCount = count
  }

  /** damon_split_regions_of(): each further cut goes through the left part. */
  #splitOne(region: Region, parts: number): Region[] {
    const right: Region[] = []
    for (let i = 0; i < parts - 1 && size(region) > 2; i++) {
      const left = Math.floor(((1 + this.#random.below(9)) * size(region)) / 10)
      if (left === 0) continue
      right.unshift({ ...region, start: region.start + left })
      region.end = region.start + left
    }
    return [region, ...right]
  }
}

/** damon_merge_two_regions(): averages by size. */
function mergeInto(left: Region, right: Region): void {
  const l = size(left)
  const r = size(right)
  left.accesses = Math.floor((left.accesses * l + right.accesses * r) / (l + r))
  left.accessesBp = left.accesses * BP
  left.age = Math.floor((left.age * l + right.age * r) / (l + r))
  left.end = right.end
}

/** damon_va_evenly_split_region(): the last piece takes the rest. */
function evenly(start: number, end: number, range: number, pieceSize: number): Region[] {
  const pieces = Math.max(1, Math.floor((end - start) / pieceSize))
  const step = Math.floor((end - start) / pieces)
  return Array.from({ length: pieces }, (_, i) => ({
    start: start + i * step,
    end: i === pieces - 1 ? end : start + (i + 1) * step,
    range,
    accesses: 0,
    lastAccesses: 0,
    accessesBp: 0,
    age: 0,
  }))
}
