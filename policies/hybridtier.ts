import { count, definePolicy, duration, every, fraction, knowledge, type PageId, sees, tiering } from '../src/policy/index.ts'

/** Four-bit counters. */
const MOST = 15

export default definePolicy({
  about: 'HybridTier: long-term frequency and short-term momentum of each page; either promotes, lack of both demotes',
  paper: 'Song et al., ASPLOS 2025 and arXiv 2312.04789; counters per page instead of counting Bloom filters, which only save memory',
  params: {
    period: duration('100ms', 'how often pages move, in batches (choice)'),
    samplePeriod: count(1_001, 'one access in so many is sampled (PEBS period)'),
    frequency: count(5, 'frequency that promotes, at most 15'),
    momentum: count(3, 'momentum that promotes'),
    frequencyHalfLife: duration('10s', 'frequencies are halved this often (choice)'),
    batch: count(1024, 'pages per batch'),
    reserve: fraction(0.05, 'share of the fast tier that demotion keeps free'),
    sees: sees(),
  },
  rules(world, { period, samplePeriod, frequency, momentum, frequencyHalfLife, batch, reserve, sees }) {
    const { machine, kernel, pages, now } = world
    const tiers = tiering(world, (node) => Math.max(kernel.watermark(node, 'high'), (reserve / 4) * machine.pages(node)))
    const { observation, weight } = knowledge(sees, { samplePeriod, period })
    const often = kernel.perPage(Float32Array)
    const lately = kernel.perPage(Float32Array)
    const spared = kernel.perPage(Uint8Array)
    let halvedAt = 0
    const isHot = (page: PageId): boolean => often[page]! >= frequency || lately[page]! >= momentum
    /** Frequent without momentum: a second chance. */
    const isCold = (page: PageId): boolean => {
      if (lately[page]! >= 1) return false
      if (often[page]! < frequency) return true
      if (spared[page] === 1) return true
      spared[page] = 1
      return false
    }
    return [
      every(period, observation, (seen) => {
        for (let page = 0; page < pages; page++) lately[page]! *= 0.5
        if (now() - halvedAt >= frequencyHalfLife) {
          halvedAt = now()
          for (let page = 0; page < pages; page++) often[page]! *= 0.5
        }
        const hot: PageId[] = []
        for (const page of seen.pages) {
          const samples = seen.total(page) * weight
          often[page] = Math.min(MOST, often[page]! + samples)
          lately[page] = Math.min(MOST, lately[page]! + samples)
          spared[page] = 0
          if (hot.length < batch && tiers.isSlow(page) && isHot(page)) hot.push(page)
        }
        if (hot.length > 0) tiers.exchange(hot, isCold)
      }),
    ]
  },
})
