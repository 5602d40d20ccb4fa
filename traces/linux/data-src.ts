/**
 * The word with which perf says what answered a sampled access: union perf_mem_data_src of include/uapi/linux/perf_event.h.
 * The text beside it in `perf script` is cut off at a fixed width, so only the word counts.
 */
import { type AccessKind, type Address, READ, type TraceWriter, WRITE } from '../../src/trace/index.ts'

/** mem_op is a bit mask: 2 load, 4 store (8 prefetch, 16 instruction fetch, 1 not known). 0 = neither load nor store. */
export function accessKind(wordLow: number): AccessKind | 0 {
  return (((wordLow & 2) !== 0 ? READ : 0) | ((wordLow & 4) !== 0 ? WRITE : 0)) as AccessKind | 0
}

export function isPrefetchOrFetch(wordLow: number): boolean {
  return (wordLow & 0x18) !== 0
}

const HIT = 0x2
const MISS = 0x4
/** mem_lvl_num. */
const L1 = 1
const L2 = 2
const L3 = 3
const L4 = 4
const CXL = 9
const IO = 0xa
const ANY_CACHE = 0xb
const LFB = 0xc
const RAM = 0xd
const PMEM = 0xe

/**
 * Who answered, in words for `inspect`: `localDram`, `remoteDram1Hop`, `l1Hit` … Memory of another node first, because that is
 * what placement changes; a cache of another socket (`remoteCache`) is traffic that moving the page does not remove by itself.
 */
export function servedBy(wordHigh: number, wordLow: number): string {
  const level = (wordLow >>> 5) & 0x3fff
  const levelNumber = (wordHigh >>> 1) & 0xf
  const isRemote = ((wordHigh >>> 5) & 1) === 1
  const hops = (wordHigh >>> 11) & 7
  if (levelNumber === PMEM) return isRemote || hops >= 2 ? 'remotePmem' : 'pmem'
  if (levelNumber === CXL) return isRemote || hops >= 2 ? 'remoteCxl' : 'cxl'
  if (level & 0x200) return 'remoteDram2Hops'
  if (level & 0x100) return 'remoteDram1Hop'
  if (levelNumber === RAM && hops >= 3) return 'remoteDram2Hops'
  if (levelNumber === RAM && (isRemote || hops === 2)) return 'remoteDram1Hop'
  if (level & 0xc00 || (levelNumber === ANY_CACHE && (isRemote || hops > 0))) return hops === 1 ? 'otherCoreCache' : 'remoteCache'
  if (level & 0x80 || levelNumber === RAM) return 'localDram'
  if (level & 0x1000 || levelNumber === IO) return 'io'
  if (level & 0x2000) return 'uncached'
  const outcome = level & MISS ? 'Miss' : level & HIT ? 'Hit' : ''
  if (level & 0x40 || levelNumber === L3) return `l3${outcome}`
  if (level & 0x20 || levelNumber === L2) return `l2${outcome}`
  if (level & 0x10 || levelNumber === LFB) return `fillBuffer${outcome}`
  if (levelNumber === L4) return `l4${outcome}`
  if (level & 0x8 || levelNumber === L1) return `l1${outcome}`
  return 'unknown'
}

/** Samples and their mean weight (latency: cycles on Intel and Arm SPE) by who answered, for the facts of `inspect`. */
export class ServedBy {
  readonly #trace: TraceWriter
  readonly #classes = new Map<string, { samples: number; weight: number }>()

  constructor(trace: TraceWriter) {
    this.#trace = trace
  }

  count(kind: AccessKind | 0, { high, low }: Address, weight: number): void {
    const name = `${kind === 0 ? 'unknown' : kind === WRITE ? 'store' : 'load'}.${servedBy(high, low)}`
    const entry = this.#classes.get(name)
    if (entry) {
      entry.samples++
      entry.weight += weight
    } else this.#classes.set(name, { samples: 1, weight })
  }

  finish(): void {
    for (const name of [...this.#classes.keys()].sort()) {
      const { samples, weight } = this.#classes.get(name)!
      this.#trace.fact(name, samples)
      if (weight > 0) this.#trace.fact(`${name}.meanWeight`, Math.round((weight / samples) * 10) / 10)
    }
  }
}
