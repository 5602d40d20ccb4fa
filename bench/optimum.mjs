// node bench/optimum.mjs [pages] [epochs] [share of the pages that fits on each node]: time and memory of the optimum on eight
// nodes. Every page is touched in every epoch by two nodes; ticks are made afresh each time they are asked for, so memory is
// that of the bound alone. Default: 1,000,000 pages × 100 epochs without capacity limits.
import { machine } from '../dist/src/machine/index.js'
import { boundOf } from '../dist/src/replay/bound.js'

const [pages, epochs, share] = [Number(process.argv[2] ?? 1e6), Number(process.argv[3] ?? 100), process.argv[4]]
const ACTORS = 8
const PER_PAGE = 2

function tick(t) {
  const pairs = pages * PER_PAGE
  const block = {
    firstTick: t,
    ticks: 1,
    startNs: Float64Array.of(t * 1e6, (t + 1) * 1e6),
    pairStart: Uint32Array.of(0, pairs),
    pairPage: new Uint32Array(pairs),
    pairActor: new Uint16Array(pairs),
    pairReads: new Uint32Array(pairs),
    pairWrites: new Uint32Array(pairs),
    touchStart: Uint32Array.of(0, pages),
  }
  let state = Math.imul(t, 2654435761) >>> 0
  for (let k = 0; k < pairs; k++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const page = Math.floor(k / PER_PAGE)
    // the main user of a page changes every 25 epochs, another node comes in now and then
    const main = (page + Math.floor(t / 25)) % ACTORS
    const isMain = k % PER_PAGE === 0
    block.pairPage[k] = page
    block.pairActor[k] = isMain ? main : (main + 1 + (state >>> 29)) % ACTORS
    block.pairReads[k] = isMain ? state >>> 24 : (state >>> 20) & 127
  }
  return block
}

const box = machine('opteron-8node')
const nodes = share === undefined ? box.nodes : box.nodes.map((node) => ({ ...node, bytes: 4096 * Math.ceil(pages * Number(share)) }))
const context = {
  trace: {
    meta: { pages, pageSize: 4096 },
    ticks: epochs,
    blocks: epochs,
    block: tick,
    tickStartNs: Float64Array.from({ length: epochs + 1 }, (_, t) => t * 1e6),
    events: [],
  },
  machine: { ...box, nodes },
  layout: { processes: [] },
  actorNode: Uint8Array.from({ length: ACTORS }, (_, node) => node),
}
const before = process.cpuUsage().user
const bound = boundOf(context)
const seconds = (process.cpuUsage().user - before) / 1e6
const gap = bound.feasiblePs === null ? 'unknown' : `${((bound.feasiblePs / bound.ps - 1) * 100).toFixed(3)}%`
console.log(`${bound.kind}: ${(bound.ps / 1e12).toFixed(3)} s, gap ${gap}`)
console.log(`${pages} pages x ${epochs} epochs x 8 nodes in ${seconds.toFixed(1)} cpu s, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`)
