import { count, definePolicy, duration, every, knowledge, type PageId, pageBudget, rate, sees, tiering, within } from '../src/policy/index.ts'

/** Bins of the histogram of sample counts: 2^0 … 2^15. */
const BINS = 16

export default definePolicy({
  about: 'MEMTIS: a histogram of sample counts sets the hot threshold so that the hot set just fits the fast tier',
  paper: 'Lee et al., SOSP 2023; constants of htmm.h. Without huge-page splitting; the sampling period is not adapted',
  params: {
    period: duration('500ms', 'how often the migration threads work'),
    samplePeriod: count(199, 'one read in so many is sampled (PEBS period)'),
    writePeriod: count(100_007, 'one write in so many is sampled (PEBS period)'),
    adaptAfter: count(100_000, 'samples after which the threshold is set anew'),
    coolAfter: count(2_000_000, 'samples after which all counts are halved'),
    bandwidth: rate('2048MiB/s', 'most migration'),
    sees: sees(),
  },
  rules(world, { period, samplePeriod, writePeriod, adaptAfter, coolAfter, bandwidth, sees }) {
    const { kernel, pages } = world
    const tiers = tiering(world)
    const { observation, weight, writeWeight } = knowledge(sees, { samplePeriod, writePeriod, period })
    const counts = kernel.perPage(Float32Array)
    const binOf = (page: PageId): number => Math.min(BINS - 1, 31 - Math.clz32(Math.floor(counts[page]!) + 1))
    let hotBin = 1
    let warmBin = 1
    let sinceAdapted = 0
    let sinceCooled = 0

    /** From the hottest bin down until the fast tier is full; nearly full, the bin below counts as warm and stays where it is. */
    const adapt = (): void => {
      const histogram = new Float64Array(BINS)
      for (let page = 0; page < pages; page++) histogram[binOf(page)]! += world.standsFor(page)
      let hotPages = 0
      let bin = BINS - 1
      while (bin > 0 && hotPages + histogram[bin]! <= tiers.capacity) hotPages += histogram[bin--]!
      hotBin = Math.max(1, bin + 1)
      warmBin = hotPages < 0.75 * tiers.capacity ? hotBin - 1 : hotBin
    }

    return [
      every(period, observation, (seen) => {
        let samples = 0
        const hot: PageId[] = []
        for (const page of seen.pages) {
          const writes = seen.writes(page)
          const got = (seen.total(page) - writes) * weight + writes * writeWeight
          counts[page]! += got
          samples += got * world.standsFor(page)
        }
        sinceAdapted += samples
        sinceCooled += samples
        if (sinceAdapted >= adaptAfter) {
          sinceAdapted = 0
          adapt()
        }
        if (sinceCooled >= coolAfter) {
          sinceCooled = 0
          for (let page = 0; page < pages; page++) counts[page]! *= 0.5
          adapt()
        }
        for (const page of seen.pages) if (tiers.isSlow(page) && binOf(page) >= hotBin) hot.push(page)
        if (hot.length === 0) return
        hot.sort((a, b) => binOf(b) - binOf(a) || a - b)
        tiers.exchange(within(world, hot, pageBudget(bandwidth, period)), (page) => binOf(page) < warmBin)
      }),
    ]
  },
})
