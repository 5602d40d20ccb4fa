import { count, definePolicy, duration, every, fraction, knowledge, memoryNodes, type NodeIndex, type PageId, seesAll } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Online page migration by work function: a page goes where the best schedule of its past, ending there, is cheapest',
  paper: 'Borodin, Linial, Saks, J. ACM 39(4), 1992 (metrical task systems): (2n - 1)-competitive for n nodes',
  params: {
    period: duration('100ms', 'how often requests are handed to it'),
    factor: fraction(1, 'cost of a move as it reckons, in units of what a move costs'),
    samplePeriod: count(100, 'one access in so many is sampled, when it sees samples'),
    sees: seesAll(),
  },
  rules(world, { period, factor, samplePeriod, sees }) {
    const { machine, kernel } = world
    const nodes = machine.nodes.length
    const memory = memoryNodes(machine)
    const users = machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    const { observation, accesses } = knowledge(sees, { samplePeriod, period })
    const move = factor * machine.migrationNs
    /** Least cost of serving all requests so far and ending on each node, relative to the cheapest. */
    const work = kernel.perPage(Float32Array, 0, nodes)
    const known = kernel.perPage(Uint8Array)
    return [
      every(period, observation, (seen) => {
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of seen.pages) {
          const home = kernel.nodeOf(page)
          if (home >= nodes) continue
          const base = page * nodes
          if (known[page] === 0) {
            known[page] = 1
            for (const node of memory) work[base + node] = node === home ? 0 : move
          }
          let least = Number.POSITIVE_INFINITY
          for (const node of memory) {
            for (const user of users) work[base + node]! += seen.from(page, user) * accesses * machine.latency(user, node)
            least = Math.min(least, work[base + node]!)
          }
          let best = home
          let bestCost = work[base + home]! - least
          for (const node of memory) {
            work[base + node] = Math.min(work[base + node]! - least, move)
            if (node === home || work[base + node]! + move >= bestCost) continue
            best = node
            bestCost = work[base + node]! + move
          }
          if (best === home || kernel.freePages(best) <= kernel.watermark(best, 'low')) continue // the theory knows no full nodes
          moving.push(page)
          targets.push(best)
        }
        kernel.movePages(moving, targets)
      }),
    ]
  },
})
