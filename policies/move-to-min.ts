import { count, definePolicy, duration, every, knowledge, memoryNodes, migrationWorth, type NodeIndex, type PageId, seesAll } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Online page migration in phases: after every D requests a page moves to the node that would have served them best',
  paper: 'Awerbuch, Bartal, Fiat, STOC 1993, Move-To-Min: 7-competitive on any network (ratio recalled)',
  params: {
    period: duration('100ms', 'how often requests are handed to it'),
    samplePeriod: count(100, 'one access in so many is sampled, when it sees samples'),
    sees: seesAll(),
  },
  rules(world, { period, samplePeriod, sees }) {
    const { machine, kernel } = world
    const nodes = machine.nodes.length
    const memory = memoryNodes(machine)
    const users = machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    const { observation, accesses } = knowledge(sees, { samplePeriod, period })
    const phase = migrationWorth(machine)
    const requests = kernel.perPage(Float32Array, 0, nodes)
    const cost = (base: number, node: NodeIndex): number => {
      let ns = 0
      for (const user of users) ns += requests[base + user]! * machine.latency(user, node)
      return ns
    }
    return [
      every(period, observation, (seen) => {
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of seen.pages) {
          const home = kernel.nodeOf(page)
          const base = page * nodes
          let total = 0
          for (const user of users) total += requests[base + user]! += seen.from(page, user) * accesses
          if (total < phase) continue
          let best = home
          for (const node of memory) if (best >= nodes || cost(base, node) < cost(base, best)) best = node
          requests.fill(0, base, base + nodes)
          if (best === home) continue
          moving.push(page)
          targets.push(best)
        }
        kernel.movePages(moving, targets)
      }),
    ]
  },
})
