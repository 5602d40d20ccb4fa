import { count, definePolicy, duration, every, knowledge, type PageId, pageBudget, rate, sees, tiering, within } from '../src/policy/index.ts'

export default definePolicy({
  about: 'HeMem: pages with enough samples are hot; hot slow pages change places with cold fast ones, write-hot pages first',
  paper: 'Raybuck et al., SOSP 2021; constants of hemem.h and pebs.h. Counted per base page instead of 2 MiB',
  params: {
    period: duration('10ms', 'how often the migration thread works'),
    samplePeriod: count(19_997, 'one access in so many is sampled (PEBS period)'),
    hotReads: count(4, 'sampled reads that make a page hot'),
    hotWrites: count(4, 'sampled writes that make a page hot'),
    coolAt: count(10, 'samples of one page at which all counters are halved'),
    bandwidth: rate('10GiB/s', 'most migration'),
    sees: sees(),
  },
  rules(world, { period, samplePeriod, hotReads, hotWrites, coolAt, bandwidth, sees }) {
    const { kernel } = world
    const tiers = tiering(world)
    const { observation, weight } = knowledge(sees, { samplePeriod, period })
    const reads = kernel.perPage(Float32Array)
    const writes = kernel.perPage(Float32Array)
    // counters are halved lazily: each page remembers the tick of the cooling clock it was last brought up to
    const cooledAt = kernel.perPage(Uint32Array)
    let clock = 0
    const cool = (page: PageId): void => {
      const halvings = clock - cooledAt[page]!
      if (halvings === 0) return
      reads[page]! *= 0.5 ** halvings
      writes[page]! *= 0.5 ** halvings
      cooledAt[page] = clock
    }
    const isHot = (page: PageId): boolean => {
      cool(page)
      return reads[page]! >= hotReads || writes[page]! >= hotWrites
    }
    return [
      every(period, observation, (seen) => {
        const written: PageId[] = []
        const read: PageId[] = []
        for (const page of seen.pages) {
          cool(page)
          const w = seen.writes(page)
          reads[page]! += (seen.total(page) - w) * weight
          writes[page]! += w * weight
          if (reads[page]! > coolAt || writes[page]! > coolAt) clock++
          if (tiers.isSlow(page) && isHot(page)) (writes[page]! >= hotWrites ? written : read).push(page)
        }
        const hot = within(world, [...written, ...read], pageBudget(bandwidth, period))
        if (hot.length > 0) tiers.exchange(hot, (page) => !isHot(page))
      }),
    ]
  },
})
