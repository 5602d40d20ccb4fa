import { accessedBits, definePolicy, duration, every, type PageId, pageBudget, rate, tiering, within } from '../src/policy/index.ts'

export default definePolicy({
  about: 'Nimble: pages referenced in two scans running go up, pages not referenced in the last scan make way',
  paper: 'Yan et al., ASPLOS 2019. An exchange is a demotion and a promotion here: both copies are paid, with a free page in between',
  params: {
    period: duration('5s', 'how often the lists are scanned'),
    bandwidth: rate('4GiB/s', 'most migration'),
  },
  rules(world, { period, bandwidth }) {
    const { kernel } = world
    const tiers = tiering(world)
    /** Scans running that found the page referenced. */
    const running = kernel.perPage(Uint8Array)
    return [
      every(period, accessedBits(), (seen) => {
        for (let page = 0; page < running.length; page++) running[page] = seen.has(page) ? Math.min(255, running[page]! + 1) : 0
        const hot: PageId[] = []
        for (const page of seen.pages) if (running[page]! >= 2 && tiers.isSlow(page)) hot.push(page)
        if (hot.length > 0) tiers.exchange(within(world, hot, pageBudget(bandwidth, period)), (page) => running[page] === 0)
      }),
    ]
  },
})
