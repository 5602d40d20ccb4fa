import { count, definePolicy, duration, every, flag, fraction, knowledge, memoryNodes, type NodeIndex, type PageId, sees } from '../src/policy/index.ts'

export default definePolicy({
  about:
    'Carrefour: pages of one node move to it; shared pages are replicated while nobody writes them and memory is plenty, or spread at random while memory controllers are unevenly loaded',
  paper: 'Dashti et al., ASPLOS 2013; constants of carrefour-module',
  params: {
    period: duration('1s', 'how often it decides'),
    samplePeriod: count(1_000, 'one access in so many is sampled (IBS, choice)'),
    minRate: count(50, 'DRAM accesses per microsecond (MAPTU) below which it does nothing'),
    migrateBelow: fraction(0.8, 'share of local accesses below which pages migrate'),
    imbalance: fraction(0.35, 'stddev / mean of controller load above which shared pages are interleaved'),
    pages: count(30_000, 'most pages looked at'),
    interleave: flag(true, 'may spread shared pages'),
    replicate: flag(true, 'may replicate shared pages'),
    memoryUse: fraction(0.25, 'share of memory in use below which pages are replicated'),
    reads: fraction(0.9, 'share of reads from which pages are replicated'),
    leastReplicas: count(500, 'pages worth replicating before the first is'),
    sees: sees(),
  },
  rules(
    { machine, kernel, random },
    { period, samplePeriod, minRate, migrateBelow, imbalance, pages, interleave, replicate, memoryUse, reads, leastReplicas, sees },
  ) {
    const memory = memoryNodes(machine)
    const { observation, accesses, weight } = knowledge(sees, { samplePeriod, period })
    const capacity = memory.reduce((sum, node) => sum + machine.pages(node), 0)
    /** Pages that were replicated once: a write has shown what they are when the replicas are gone. */
    const wasReplicated = kernel.perPage(Uint8Array)
    let hasReplicated = false
    return [
      every(period, observation, (seen) => {
        // what the hardware counters of the last period say
        const load = memory.map(() => 0)
        let local = 0
        let total = 0
        let writes = 0
        for (const page of seen.pages) {
          const home = kernel.nodeOf(page)
          total += seen.total(page)
          writes += seen.writes(page)
          for (const { index: user } of machine.nodes) {
            const server = kernel.isReplicatedOn(page, user) ? user : home
            if (server === user) local += seen.from(page, user)
            if (memory.includes(server)) load[memory.indexOf(server)]! += seen.from(page, user)
          }
        }
        if (total === 0 || (total * accesses) / (period / 1000) < minRate) return
        const mean = total / memory.length
        const deviation = Math.sqrt(load.reduce((sum, one) => sum + (one - mean) ** 2, 0) / memory.length)
        const free = memory.reduce((sum, node) => sum + kernel.freePages(node), 0)
        const isLocal = local / total
        const replicates = replicate && 1 - free / capacity < memoryUse && 1 - writes / total >= reads
        const interleaves = interleave && isLocal < 1 && deviation / mean > imbalance
        const migrates = isLocal < migrateBelow

        const watched = [...seen.pages.subarray(0, pages)]
        const isShared = (page: PageId): boolean => seen.from(page, seen.mainNode(page)) < seen.total(page)
        const replicable = replicates ? watched.filter((page) => isShared(page) && seen.writes(page) === 0 && !hasCollapsed(page)) : []
        const isReplicable = new Set(hasReplicated || replicable.length >= leastReplicas ? replicable : [])
        if (isReplicable.size > 0) copyToUsers(isReplicable)

        const leastSamples = interleaves ? 1 : 2
        const moving: PageId[] = []
        const targets: NodeIndex[] = []
        for (const page of watched) {
          if (isReplicable.has(page)) continue
          const home = kernel.nodeOf(page)
          const target = isShared(page) ? spread(home) : single(page, seen.mainNode(page))
          if (target === home || isReplicated(page)) continue
          moving.push(page)
          targets.push(target)
        }
        if (moving.length > 0) kernel.movePages(moving, targets)

        /** Every node that was seen to read the page gets a replica. */
        function copyToUsers(chosen: ReadonlySet<PageId>): void {
          const copied: PageId[] = []
          const to: NodeIndex[] = []
          for (const page of chosen) {
            wasReplicated[page] = 1
            for (const node of memory) {
              if (seen.from(page, node) === 0) continue
              copied.push(page)
              to.push(node)
            }
          }
          hasReplicated = true
          kernel.replicatePages(copied, to)
        }

        function isReplicated(page: PageId): boolean {
          return memory.some((node) => kernel.isReplicatedOn(page, node))
        }

        function hasCollapsed(page: PageId): boolean {
          return wasReplicated[page] === 1 && !isReplicated(page)
        }

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
