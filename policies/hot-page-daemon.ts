import { count, definePolicy, duration, every, fraction, knowledge, type PageId, pageBudget, rate, sees, within } from '../src/policy/index.ts'

/** A page that keeps moving rests for 2, 4, 8 … periods, at most this many. */
const LONGEST_REST = 64

export default definePolicy({
  about: 'A user-space profiler moves each sampled page to the node that uses it most',
  paper: 'Documentation/mm/page_migration.rst: a process or profiler that detects off-node accesses calls move_pages(2)',
  params: {
    period: duration('1s', 'how often the daemon wakes up'),
    samplePeriod: count(100, 'one access in so many is sampled'),
    gain: fraction(0.2, 'how much busier than home another node must be'),
    samples: count(1, 'samples a page needs before it is judged'),
    budget: rate('1GiB/s', 'most memory moved; the pages with most remote samples go first'),
    sees: sees(),
  },
  rules(world, { period, samplePeriod, gain, samples, budget, sees }) {
    const { kernel, now } = world
    const { observation, weight } = knowledge(sees, { samplePeriod, period })
    const moves = kernel.perPage(Uint8Array)
    const restsUntil = kernel.perPage(Float64Array)
    return [
      every(period, observation, (seen) => {
        /** Samples won by moving a page to its main user. */
        const won = (page: PageId) => seen.from(page, seen.mainNode(page)) - seen.from(page, kernel.nodeOf(page))
        const misplaced: PageId[] = []
        for (const page of seen.pages) {
          if (seen.total(page) * weight < samples) continue
          if (seen.from(page, seen.mainNode(page)) <= (1 + gain) * seen.from(page, kernel.nodeOf(page))) continue
          if (restsUntil[page]! <= now()) misplaced.push(page)
        }
        const most = pageBudget(budget, period)
        const chosen = within(world, misplaced.length <= most ? misplaced : misplaced.sort((a, b) => won(b) - won(a) || a - b), most)
        kernel.movePages(
          chosen,
          chosen.map((page) => seen.mainNode(page)),
        )
        for (const page of chosen) {
          restsUntil[page] = now() + period * (moves[page]! === 0 ? 1 : Math.min(LONGEST_REST, 2 ** moves[page]!))
          if (moves[page]! < 255) moves[page]!++
        }
      }),
    ]
  },
})
