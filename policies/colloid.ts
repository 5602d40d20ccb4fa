import {
  count,
  definePolicy,
  duration,
  every,
  fraction,
  knowledge,
  memoryNodes,
  type NodeIndex,
  type PageId,
  pageBudget,
  rate,
  sees,
  tiering,
} from '../src/policy/index.ts'

/** A period shorter than any epoch: once per epoch. */
const EPOCH = 1

export default definePolicy({
  about: 'Colloid: balances the loaded latencies of the tiers: hot pages go up while the fast tier answers sooner, and down while it does not',
  paper: 'Vuppalapati and Agarwal, SOSP 2024, algorithms 1 and 2; host: counters as in HeMem',
  params: {
    period: duration('100ms', 'how often latencies are compared and pages move'),
    samplePeriod: count(19_997, 'one access in so many is sampled (PEBS period)'),
    smoothing: fraction(0.25, 'weight of the last epoch in the moving averages of latency (choice)'),
    balanced: fraction(0.05, 'difference of latencies that is let be (delta)'),
    step: fraction(0.01, 'width at which the search for the share starts again (epsilon)'),
    bandwidth: rate('10GiB/s', 'most migration'),
    sees: sees(),
  },
  rules(world, { period, samplePeriod, smoothing, balanced, step, bandwidth, sees }) {
    const { machine, kernel, load, pages, standsFor } = world
    const tiers = tiering(world)
    const { observation, accesses } = knowledge(sees, { samplePeriod, period })
    /** Moving average of each page's accesses per period. */
    const heat = kernel.perPage(Float32Array)
    /** Per tier: moving average of latency, and what was served since the last decision. */
    const fast = { nodes: tiers.fastNodes, latencyNs: 0, served: 0 }
    const slow = { nodes: memoryNodes(machine).filter((node) => !machine.isFast(node)), latencyNs: 0, served: 0 }
    let low = 0
    let high = 1

    /** An epoch in which a tier served nothing says nothing of its latency. */
    const measure = (tier: { nodes: readonly NodeIndex[]; latencyNs: number; served: number }): void => {
      const loads = tier.nodes.map(load)
      const served = loads.reduce((sum, one) => sum + one.accesses, 0)
      if (tier.latencyNs === 0) tier.latencyNs = Math.min(...loads.map((one) => one.latencyNs))
      if (served === 0) return
      const now = loads.reduce((sum, one) => sum + one.latencyNs * one.accesses, 0) / served
      tier.latencyNs += smoothing * (now - tier.latencyNs)
      tier.served += served
    }

    /** Pages in order until their share of all accesses reaches `share`. */
    const upTo = (share: number, candidates: PageId[], total: number): PageId[] => {
      let sum = 0
      const chosen: PageId[] = []
      let moved = 0
      for (const page of candidates.sort((a, b) => heat[b]! - heat[a]! || a - b)) {
        if (moved >= pageBudget(bandwidth, period)) break
        const part = (heat[page]! * standsFor(page)) / total
        if (sum + part > share) continue
        sum += part
        moved += standsFor(page)
        chosen.push(page)
      }
      return chosen
    }

    return [
      every(EPOCH, () => {
        measure(fast)
        measure(slow)
      }),
      every(period, observation, (seen) => {
        let total = 0
        for (let page = 0; page < pages; page++) {
          heat[page] = heat[page]! / 2 + (seen.total(page) * accesses) / 2
          total += heat[page]! * standsFor(page)
        }
        const share = fast.served / (fast.served + slow.served)
        fast.served = 0
        slow.served = 0
        if (slow.nodes.length === 0 || total === 0 || Number.isNaN(share)) return
        if (Math.abs(fast.latencyNs - slow.latencyNs) < balanced * fast.latencyNs) return
        const isFastSooner = fast.latencyNs < slow.latencyNs

        // algorithm 2: binary search for the share of accesses that balances the latencies
        if (isFastSooner) low = share
        else high = share
        if (high < low + step) {
          if (isFastSooner) high = 1
          else low = 0
        }
        const shift = Math.abs((low + high) / 2 - share)
        const hot: PageId[] = []
        for (let page = 0; page < pages; page++) if (heat[page]! > 0 && (isFastSooner ? tiers.isSlow(page) : tiers.isFast(page))) hot.push(page)
        const moving = upTo(shift, hot, total)
        if (!isFastSooner) tiers.demote(moving)
        else if (moving.length > 0) tiers.exchange(moving, (page) => heat[page]! < heat[moving.at(-1)!]!)
      }),
    ]
  },
})
