/** A part of a sample of pages, as a smaller sample of the same recording: all exact pages and some of the sampled ones. */
import { shared } from './blocks.ts'
import { PAIR_WORDS, type PreparedTrace, type TickBlock } from './prepared.ts'

const DROPPED = 0xffff_ffff

/**
 * `isInPart` says of a sampled page whether it belongs to this one of `parts` parts, which are to be of about the same size; a page
 * of the part stands for `parts` times as many. Ids are dense again, in the same order. Blocks are made when they are asked for.
 */
export function samplePart(trace: PreparedTrace, parts: number, isInPart: (page: number) => boolean): PreparedTrace {
  const { meta, pageProcess, pageVpage } = trace
  const exact = new Uint8Array(meta.pages)
  for (const page of trace.exactPages!) exact[page] = 1
  const idOf = new Uint32Array(meta.pages).fill(DROPPED)
  let pages = 0
  for (let page = 0; page < meta.pages; page++) if (exact[page] === 1 || isInPart(page)) idOf[page] = pages++

  const part = { process: new Uint16Array(pages), vpage: new Float64Array(pages) }
  for (let page = 0; page < meta.pages; page++) {
    if (idOf[page] === DROPPED) continue
    part.process[idOf[page]!] = pageProcess[page]!
    part.vpage[idOf[page]!] = pageVpage[page]!
  }
  const block = (b: number) => blockOf(trace.block(b), idOf)
  const { oneIn, exactPages, sampledAccesses, leftOutAccesses } = meta.sample!
  const ofPart = accessesTo(trace, (page) => exact[page] === 0 && idOf[page] !== DROPPED)
  const sample = {
    oneIn: oneIn * parts,
    exactPages,
    sampledPages: pages - exactPages,
    sampledAccesses: ofPart,
    leftOutAccesses: sampledAccesses + leftOutAccesses - ofPart,
  }
  return {
    ...trace,
    meta: { ...meta, pages, sample },
    pageProcess: shared(part.process),
    pageVpage: shared(part.vpage),
    exactPages: shared(trace.exactPages!.map((page) => idOf[page]!)),
    block,
    reader: () => block,
    stored: undefined,
  }
}

function accessesTo(trace: PreparedTrace, isCounted: (page: number) => boolean): number {
  let accesses = 0
  for (let b = 0; b < trace.blocks; b++) {
    const { pairs } = trace.block(b)
    for (let p = 0; p < pairs.length; p += PAIR_WORDS) if (isCounted(pairs[p]!)) accesses += pairs[p + 2]! + pairs[p + 3]!
  }
  return accesses
}

/** The block without what belongs to dropped pages; order and ticks stay. */
function blockOf(from: TickBlock, idOf: Uint32Array): TickBlock {
  const { ticks } = from
  const to: TickBlock = {
    ...from,
    pairStart: new Uint32Array(ticks + 1),
    pairs: from.pairs.slice(),
    touchStart: new Uint32Array(ticks + 1),
    touchPage: from.touchPage.slice(),
    touchActor: from.touchActor.slice(),
    touchIsWrite: from.touchIsWrite.slice(),
    touchOffsetNs: from.touchOffsetNs.slice(),
  }
  let pair = 0
  let touch = 0
  for (let i = 0; i < ticks; i++) {
    for (let p = from.pairStart[i]! * PAIR_WORDS, end = from.pairStart[i + 1]! * PAIR_WORDS; p < end; p += PAIR_WORDS) {
      const page = idOf[from.pairs[p]!]!
      if (page === DROPPED) continue
      to.pairs.copyWithin(pair, p, p + PAIR_WORDS)
      to.pairs[pair] = page
      pair += PAIR_WORDS
    }
    for (let t = from.touchStart[i]!, end = from.touchStart[i + 1]!; t < end; t++) {
      const page = idOf[from.touchPage[t]!]!
      if (page === DROPPED) continue
      to.touchPage[touch] = page
      to.touchActor[touch] = from.touchActor[t]!
      to.touchIsWrite[touch] = from.touchIsWrite[t]!
      to.touchOffsetNs[touch] = from.touchOffsetNs[t]!
      touch++
    }
    to.pairStart[i + 1] = pair / PAIR_WORDS
    to.touchStart[i + 1] = touch
  }
  return {
    ...to,
    pairs: to.pairs.subarray(0, pair),
    touchPage: to.touchPage.subarray(0, touch),
    touchActor: to.touchActor.subarray(0, touch),
    touchIsWrite: to.touchIsWrite.subarray(0, touch),
    touchOffsetNs: to.touchOffsetNs.subarray(0, touch),
  }
}
