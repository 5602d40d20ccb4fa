import {
  count,
  definePolicy,
  duration,
  every,
  fraction,
  knowledge,
  memoryNodes,
  migrationWorth,
  type NodeIndex,
  type PageId,
  seesAll,
} from '../src/policy/index.ts'

export default definePolicy({
  about: 'Online page migration with counters: a page moves when another node has D more requests to its credit than all others take away',
  paper: 'Black and Sleator, CMU-CS-89-201, 1989: 3-competitive on uniform networks; D = cost of a move / latency of a remote access',
  params: {
    period: duration('100ms', 'how often requests are handed to it'),
    factor: fraction(2, 'requests that move a page, in units of D'),
    samplePeriod: count(100, 'one access in so many is sampled, when it sees samples'),
    sees: seesAll(),
  },
  rules(world, { period, factor, samplePeriod, sees }) {
    const { machine, kernel } = world
    const nodes = machine.nodes.length
    const memory = memoryNodes(machine)
    const { observation, accesses } = knowledge(sees, { samplePeriod, period })
    const threshold = factor * migrationWorth(machine)
    const counters = kernel.perPage(Float32Array, 0, nodes)
    return [
      every(period, observation, (seen) => {
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of seen.pages) {
          const home = kernel.nodeOf(page)
          const base = page * nodes
          for (const user of memory) {
            let requests = seen.from(page, user) * accesses
            if (requests === 0) continue
            if (user !== home) counters[base + user]! += requests
            // each request takes one from the credit of another node
            for (const other of memory) {
              if (other === user) continue
              const taken = Math.min(requests, counters[base + other]!)
              counters[base + other]! -= taken
              requests -= taken
            }
          }
          const best = memory.reduce((most, node) => (counters[base + node]! > counters[base + most]! ? node : most), memory[0]!)
          if (counters[base + best]! < threshold || best === home) continue
          counters.fill(0, base, base + nodes)
          moving.push(page)
          targets.push(best)
        }
        kernel.movePages(moving, targets)
      }),
    ]
  },
})
