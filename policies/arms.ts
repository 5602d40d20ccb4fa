import { count, definePolicy, duration, every, fraction, knowledge, type PageId, sees, tiering } from '../src/policy/index.ts'

export default definePolicy({
  about: 'ARMS: the pages with the highest score fill the fast tier; one moves only if its gain over the time it stays pays the move',
  paper: 'arXiv 2508.04417 (2025, abstract; averaging windows and rate are choices)',
  params: {
    period: duration('500ms', 'how often scores are formed and pages move'),
    samplePeriod: count(5_000, 'one access in so many is sampled (PEBS period, choice)'),
    shortWindow: fraction(0.5, 'weight of the last period in the short moving average'),
    longWindow: fraction(0.05, 'weight of the last period in the long moving average'),
    stay: duration('10s', 'how long a promoted page is expected to stay'),
    batch: fraction(0.05, 'share of the fast tier that may change places per period'),
    sees: sees(),
  },
  rules(world, { period, samplePeriod, shortWindow, longWindow, stay, batch, sees }) {
    const { machine, kernel, pages } = world
    const tiers = tiering(world)
    const { observation, accesses } = knowledge(sees, { samplePeriod, period })
    const short = kernel.perPage(Float32Array)
    const long = kernel.perPage(Float32Array)
    const score = (page: PageId): number => short[page]! + long[page]!
    return [
      every(period, observation, (seen) => {
        for (let page = 0; page < pages; page++) {
          const now = seen.total(page) * accesses
          short[page]! += shortWindow * (now - short[page]!)
          long[page]! += longWindow * (now - long[page]!)
        }
        const rising: PageId[] = []
        const resident: PageId[] = []
        for (let page = 0; page < pages; page++) {
          if (tiers.isFast(page)) resident.push(page)
          else if (tiers.isSlow(page) && score(page) > 0) rising.push(page)
        }
        rising.sort((a, b) => score(b) - score(a) || a - b)
        resident.sort((a, b) => score(a) - score(b) || a - b)
        const most = Math.max(1, Math.floor(batch * tiers.capacity))
        const room = tiers.room()
        const up: PageId[] = []
        const down: PageId[] = []
        for (const page of rising) {
          if (up.length >= most) break
          const victim = up.length < room ? undefined : resident[down.length]
          if (up.length >= room && victim === undefined) break
          // accesses a period gained by the exchange, over the periods the page is expected to stay
          const gained = ((score(page) - (victim === undefined ? 0 : score(victim))) / 2) * (stay / period)
          if (gained * saved(page) <= machine.migrationNs * (victim === undefined ? 1 : 2)) break
          up.push(page)
          if (victim !== undefined) down.push(victim)
        }
        tiers.demote(down)
        tiers.promote(up)
      }),
    ]

    /** Latency of an access that the nearest fast node saves, ns. */
    function saved(page: PageId): number {
      const home = kernel.nodeOf(page)
      return Math.max(0, ...tiers.fastNodes.map((node) => machine.latency(node, home) - machine.latency(node, node)))
    }
  },
})
