import {
  count,
  type DamonRegion,
  damonRegions,
  definePolicy,
  duration,
  every,
  fraction,
  memoryNodes,
  type NodeIndex,
  type PageId,
  rate,
} from '../src/policy/index.ts'

const BASE_PAGE = 4096
const SECOND = 1e9

export default definePolicy({
  about: 'DAMON tiering: cold regions of fast nodes go down, hot regions of slow nodes go up, each under a quota that chases a goal',
  paper:
    'mm/damon/core.c:damos_adjust_quota, damon_hot_score, kdamond_apply_schemes; DAMOS migrate_hot and migrate_cold with their filter young, self-tuned tiering (2025 cover letter)',
  params: {
    sample: duration('5ms', 'sampling interval'),
    aggregation: duration('100ms', 'aggregation interval'),
    minRegions: count(10, 'fewest regions'),
    maxRegions: count(1000, 'most regions'),
    apply: duration('1s', 'how often the schemes are applied'),
    hotRate: fraction(0.05, 'access rate from which a region of a slow node is hot'),
    quota: rate('200MiB/s', 'most migration of each scheme'),
    fastUsed: fraction(0.997, 'goal of migrate_hot: share of fast nodes in use'),
    fastFree: fraction(0.005, 'goal of migrate_cold: share of fast nodes free'),
  },
  rules({ machine, kernel, standsFor }, { sample, aggregation, minRegions, maxRegions, apply, hotRate, quota, fastUsed, fastFree }) {
    const memory = memoryNodes(machine)
    const fast = memory.filter((node) => machine.isFast(node))
    const capacity = fast.reduce((sum, node) => sum + machine.pages(node), 0)
    const most = Math.max(1, (quota * apply) / SECOND / BASE_PAGE)
    /** Pages per application, tuned between 1 and the quota. */
    const budget = { hot: most, cold: most }
    const tuned = (pages: number, score: number): number => Math.min(most, Math.max(1, score >= 2 ? 1 : pages * (2 - score)))

    /**
     * Moves pages of the regions in order until the budget is spent: young ones up, the others down (filter `young`). Regions on
     * the way start a new age.
     */
    const migrate = (
      regions: DamonRegion[],
      { young, wanted, to }: { young: boolean; wanted: (node: NodeIndex) => boolean; to: (node: NodeIndex) => NodeIndex | undefined },
      pages: number,
    ): void => {
      let left = Math.floor(pages)
      for (const region of regions) {
        if (left <= 0) return
        const present = region.pages()
        for (const node of memory) {
          const target = wanted(node) ? to(node) : undefined
          if (target === undefined) continue
          const chosen: PageId[] = []
          let held = 0
          for (const page of present) {
            if (held >= left) break
            if (kernel.nodeOf(page) !== node || region.isYoung(page) !== young) continue
            chosen.push(page)
            held += standsFor(page)
          }
          if (chosen.length === 0) continue
          kernel.demotePages(chosen, target, 'damon')
          left -= held
          region.age = 0
        }
      }
    }

    return [
      every(apply, damonRegions({ sample, aggregation, min: minRegions, max: maxRegions }), (regions) => {
        const ranked = [...regions].sort((a, b) => hotness(b, aggregation) - hotness(a, aggregation))
        // free beyond what the allocator holds back, which on a small machine is more than the goal
        const free = fast.reduce((sum, node) => sum + Math.max(0, kernel.freePages(node) - kernel.watermark(node, 'high')), 0) / Math.max(1, capacity)
        budget.cold = tuned(budget.cold, free / fastFree)
        budget.hot = tuned(budget.hot, (1 - free) / fastUsed)
        const cold = ranked.filter(({ accessRate }) => accessRate === 0).reverse()
        migrate(cold, { young: false, wanted: machine.isFast, to: machine.nextTierDown }, free >= fastFree ? 0 : budget.cold)
        const hot = ranked.filter(({ accessRate }) => accessRate >= hotRate)
        const roomiest = () => fast.reduce((best, node) => (kernel.freePages(node) > kernel.freePages(best) ? node : best), fast[0]!)
        migrate(hot, { young: true, wanted: (node) => !machine.isFast(node), to: roomiest }, budget.hot)
      }),
    ]
  },
})

/** damon_hot_score() with equal weights: frequency, then age on a logarithmic scale, downwards for what is not accessed. */
function hotness({ accessRate, age }: DamonRegion, aggregation: number): number {
  const seconds = Math.floor((age * aggregation) / SECOND)
  const halvings = Math.min(32, seconds === 0 ? 0 : 32 - Math.clz32(seconds))
  const ageScore = (((accessRate === 0 ? -halvings : halvings) + 32) * 100) / 64
  return (accessRate * 100 + ageScore) / 2
}
