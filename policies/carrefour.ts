import { count, definePolicy, duration, every, flag, fraction, knowledge, memoryNodes, type NodeIndex, type PageId, sees } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Carrefour: pages of one node move to it, shared pages are spread at random while memory controllers are unevenly loaded',
  paper: 'Dashti et al., ASPLOS 2013; constants of carrefour-module. Without replication: a page has one copy here',
  params: {
    period: duration('1s', 'how often it decides'),
    samplePeriod: count(1_000, 'one access in so many is sampled (IBS, choice)'),
    minRate: count(50, 'DRAM accesses per microsecond (MAPTU) below which it does nothing'),
    migrateBelow: fraction(0.8, 'share of local accesses below which pages migrate'),
    imbalance: fraction(0.35, 'stddev / mean of controller load above which shared pages are interleaved'),
    pages: count(30_000, 'most pages looked at'),
    interleave: flag(true, 'may spread shared pages'),
    sees: sees(),
  },
  rules({ machine, kernel, random }, { period, samplePeriod, minRate, migrateBelow, imbalance, pages, interleave, sees }) {
    const memory = memoryNodes(machine)
    const { observation, accesses, weight } = knowledge(sees, { samplePeriod, period })
    return [
      every(period, observation, (seen) => {
        // what the hardware counters of the last period say
        const load = memory.map(() => 0)
        let local = 0
        let total = 0
        for (const page of seen.pages) {
          const home = kernel.nodeOf(page)
          local += seen.from(page, home)
          total += seen.total(page)
          if (memory.includes(home)) load[memory.indexOf(home)]! += seen.total(page)
        }
        if (total === 0 || (total * accesses) / (period / 1000) < minRate) return
        const mean = total / memory.length
        const deviation = Math.sqrt(load.reduce((sum, one) => sum + (one - mean) ** 2, 0) / memory.length)
        const isLocal = local / total
        const interleaves = interleave && isLocal < 1 && deviation / mean > imbalance
        const migrates = isLocal < migrateBelow
        if (!interleaves && !migrates) return

        const leastSamples = interleaves ? 1 : 2
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of seen.pages.subarray(0, pages)) {
          const home = kernel.nodeOf(page)
          const main = seen.mainNode(page)
          const target = seen.from(page, main) < seen.total(page) ? spread(home) : single(page, main)
          if (target === home) continue
          moving.push(page)
          targets.push(target)
        }
        kernel.movePages(moving, targets)

        function single(page: PageId, user: NodeIndex): NodeIndex {
          const enough = seen.total(page) * weight >= leastSamples
          return migrates && enough && memory.includes(user) ? user : kernel.nodeOf(page)
        }

        /** With probability of its controller's share of the load a page leaves, to a node drawn by the load it lacks. */
        function spread(home: NodeIndex): NodeIndex {
          const share = (node: NodeIndex): number => load[memory.indexOf(node)]! / total
          if (!interleaves || random() >= share(home)) return home
          let rest = random() * memory.reduce((sum, node) => sum + (1 - share(node)), 0)
          for (const node of memory) {
            rest -= 1 - share(node)
            if (rest <= 0) return node
          }
          return home
        }
      }),
    ]
  },
})
