import { accessedBits, definePolicy, duration, every, type PageId, pageBudget, rate, tiering, within } from '../src/policy/index.ts'

/** Lists of a page, one up for each scan that finds it referenced, one down for each that does not. */
const UNREFERENCED = 0
const ACTIVE = 2
const PROMOTE = 3

export default definePolicy({
  about: 'MULTI-CLOCK: accessed bits move pages through inactive, active and promote lists; what reaches the promote list goes up',
  paper: 'Maruf et al., HPCA 2022 (abstract; the daemon period is a choice)',
  params: {
    period: duration('1s', 'how often kpromoted scans'),
    bandwidth: rate('1GiB/s', 'most migration'),
  },
  rules(world, { period, bandwidth }) {
    const { kernel, pages } = world
    const tiers = tiering(world)
    const list = kernel.perPage(Uint8Array)
    return [
      every(period, accessedBits(), (seen) => {
        const hot: PageId[] = []
        for (let page = 0; page < pages; page++) {
          if (!seen.has(page)) {
            if (list[page]! > UNREFERENCED) list[page]!--
            continue
          }
          if (list[page]! < PROMOTE) list[page]!++
          if (list[page] === PROMOTE && tiers.isSlow(page)) hot.push(page)
        }
        if (hot.length > 0) tiers.exchange(within(world, hot, pageBudget(bandwidth, period)), (page) => list[page]! < ACTIVE)
      }),
    ]
  },
})
