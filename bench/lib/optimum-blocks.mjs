// The pages and epochs of c/optimum.c: made once, so that making them is not measured.
const PHASES = 4
const PER_PHASE = 2
const PER_PAGE = 2
const ACTORS = 8

let made

/** All that the optimum reads of a run. */
export function context(machine, pages, epochs) {
  if (made?.pages !== pages) made = { pages, blocks: Array.from({ length: PHASES * PER_PHASE }, (_, b) => pairsOf(b, pages)) }
  const block = (t) => ({
    firstTick: t,
    ticks: 1,
    startNs: Float64Array.of(t * 1e6, (t + 1) * 1e6),
    pairStart: Uint32Array.of(0, pages * PER_PAGE),
    pairs: made.blocks[Math.floor((t * PHASES) / epochs) * PER_PHASE + (t % PER_PHASE)],
    touchStart: Uint32Array.of(0, 0),
  })
  return {
    trace: {
      meta: { pages, pageSize: 4096 },
      ticks: epochs,
      blocks: epochs,
      block,
      tickStartNs: Float64Array.from({ length: epochs + 1 }, (_, t) => t * 1e6),
      events: [],
    },
    machine,
    layout: { processes: [] },
    actorNode: Uint8Array.from({ length: ACTORS }, (_, node) => node),
  }
}

function pairsOf(b, pages) {
  const pairs = new Uint32Array(new SharedArrayBuffer(pages * PER_PAGE * 16))
  let random = Math.imul(b, 2654435761) >>> 0
  for (let k = 0; k < pages * PER_PAGE; k++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const page = Math.floor(k / PER_PAGE)
    const user = (page + Math.floor(b / PER_PHASE)) % ACTORS
    const isMain = k % PER_PAGE === 0
    pairs[4 * k] = page
    pairs[4 * k + 1] = isMain ? user : (user + 1 + (random >>> 29)) % ACTORS
    pairs[4 * k + 2] = isMain ? random >>> 24 : (random >>> 20) & 127
  }
  return pairs
}
