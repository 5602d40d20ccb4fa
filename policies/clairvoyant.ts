import { definePolicy, duration, every, memoryNodes, type NodeIndex, type PageActivity, type PageId, upcoming } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Greedy with knowledge of the future: before each period pages move to the node that serves their next uses soonest',
  paper: 'upper reference, not implementable; the exact optimum is the bound that every report shows',
  params: {
    period: duration('1s', 'how often it looks ahead'),
    horizon: duration('1s', 'how far it sees'),
    gain: duration('1.3us', 'least latency saved within the horizon for a page to be moved'),
  },
  rules({ machine, kernel }, { period, horizon, gain }) {
    const memory = memoryNodes(machine)
    const users = machine.nodes.filter(({ cpus }) => cpus.length > 0).map(({ index }) => index)
    const latency = machine.nodes.map(({ index: from }) => machine.nodes.map(({ index: to }) => machine.latency(from, to)))
    const costOn = (future: PageActivity, page: PageId, node: NodeIndex): number => {
      let ns = 0
      for (const user of users) ns += future.from(page, user) * latency[user]![node]!
      return ns
    }
    return [
      every(period, upcoming(horizon), (future) => {
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of future.pages) {
          const home = kernel.nodeOf(page)
          if (!memory.includes(home)) continue // not present yet
          const atHome = costOn(future, page, home)
          let best = home
          let least = atHome
          for (const node of memory) {
            const ns = costOn(future, page, node)
            if (ns < least) {
              best = node
              least = ns
            }
          }
          if (atHome - least <= gain) continue
          moving.push(page)
          targets.push(best)
        }
        kernel.movePages(moving, targets)
      }),
    ]
  },
})
