/** A sample of pages as replay sees it: what each kept page stands for, and the hash groups whose spread tells the error. */
import { PAIR_WORDS, type PageSampleFacts, type PreparedTrace, pageHash } from '../trace/index.ts'

/** Groups of sampled pages; group 0 holds the pages that stand for themselves alone. */
export const GROUPS = 64

export interface Sample {
  /** Accesses that one to a sampled page stands for: the recording says exactly how many all such pages got. */
  accessFactor: number
  facts: PageSampleFacts
  /** page -> pages that it stands for. */
  standsFor: Uint32Array
  /** page -> group, 0 … GROUPS. */
  group: Uint8Array
  trace: PreparedTrace
}

const samples = new WeakMap<PreparedTrace, Sample>()

/** Undefined where the trace holds every page. */
export function sampleOf(trace: PreparedTrace): Sample | undefined {
  if (trace.meta.sample === undefined) return undefined
  const known = samples.get(trace) ?? newSample(trace)
  samples.set(trace, known)
  return known
}

function newSample(trace: PreparedTrace): Sample {
  const { meta, processes, pageProcess, pageVpage, exactPages } = trace
  const { oneIn, sampledAccesses, leftOutAccesses } = meta.sample!
  const standsFor = new Uint32Array(meta.pages).fill(oneIn)
  const group = new Uint8Array(meta.pages)
  for (const page of exactPages!) standsFor[page] = 1
  for (let page = 0; page < meta.pages; page++) {
    if (standsFor[page] === 1) continue
    const vpage = pageVpage[page]!
    const hash = pageHash(processes[pageProcess[page]!]!, Math.floor(vpage / 2 ** 32), vpage >>> 0)
    // its upper bits said that the page is kept: others say its group
    group[page] = 1 + (Math.imul(hash ^ 0x5bd1e995, 0x9e3779b1) >>> 26)
  }
  const accessFactor = sampledAccesses === 0 ? 1 : (sampledAccesses + leftOutAccesses) / sampledAccesses
  return { facts: meta.sample!, accessFactor, standsFor, group, trace }
}

const accessesByGroup = new WeakMap<Sample, Float64Array>()

/** Accesses to the pages of each group in the whole trace, not expanded: the same in every lane. One pass over the pairs, once per trace. */
export function groupAccesses(sample: Sample): Float64Array {
  let accesses = accessesByGroup.get(sample)
  if (accesses === undefined) {
    accesses = new Float64Array(GROUPS + 1)
    accessesByGroup.set(sample, accesses)
    for (let b = 0; b < sample.trace.blocks; b++) {
      const { pairs } = sample.trace.block(b)
      for (let k = 0; k < pairs.length; k += PAIR_WORDS) accesses[sample.group[pairs[k]!]!]! += pairs[k + 2]! + pairs[k + 3]!
    }
  }
  return accesses
}

/** Accesses that one to the page stands for. */
export const accessesFor = (sample: Sample, page: number): number => (sample.group[page] === 0 ? 1 : sample.accessFactor)
